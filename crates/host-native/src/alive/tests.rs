use super::*;

#[test]
fn an_owner_waits_for_its_own_alone() {
    let (one, other) = (Instances::default(), Instances::default());
    let counted = Counted::among(&one);
    assert!(!one.clone().have_ended(Duration::ZERO) && !have_ended(Duration::ZERO));
    assert!(other.have_ended(Duration::ZERO));
    drop(counted);
    assert!(one.have_ended(Duration::ZERO));
}
