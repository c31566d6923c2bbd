use super::*;

/// Whether it was looked out for.
fn tried(patience: &Patience, there: bool) -> bool {
    let pays = patience.pays();
    if pays {
        patience.look_out(|| there);
    }
    pays
}

#[test]
fn who_looks_out_in_vain_does_so_seldom() {
    let patience = Patience::new(Duration::ZERO);
    assert_eq!((0..10 * TRIED).filter(|_| tried(&patience, false)).count(), 10);
}

#[test]
fn what_mostly_comes_is_looked_out_for() {
    let patience = Patience::new(Duration::ZERO);
    for _ in 0..TRIED * 2 {
        tried(&patience, true);
    }
    assert_eq!((0..100).filter(|at| tried(&patience, at % 10 != 0)).count(), 100);
    // It is given up as soon as it does not come any more.
    let in_vain = (0..TRIED).filter(|_| tried(&patience, false)).count();
    assert!(in_vain <= MOST_CREDIT / IN_VAIN + 1, "{in_vain}");
}

#[test]
fn looking_out_ends() {
    Patience::new(Duration::from_millis(1)).look_out(|| false);
}

#[test]
fn a_core_is_left_for_what_is_looked_out_for() {
    let places: Vec<_> = std::iter::from_fn(Lookout::take).take(1000).collect();
    assert_eq!(places.len(), *SPARE_CORES);
    drop(places);
    assert_eq!(Lookout::take().is_some(), *SPARE_CORES > 0);
}
