use super::*;

#[test]
fn what_is_logged_before_an_instance_serves_is_bounded() {
    let before = Before { name: "it".into(), left: AtomicUsize::new(MAX_LOGGED_BYTES) };
    let line = MAX_LOGGED_BYTES / 4;
    let admitted = (0..100).filter(|_| before.admits(line)).count();
    assert_eq!(admitted, 4);
    assert!(!before.admits(1), "what is left is for nobody");
}
