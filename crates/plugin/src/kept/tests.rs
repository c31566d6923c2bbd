use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn each_key_keeps_what_was_made_first() {
    let kept = Arc::new(Kept::default());
    let way = KeptFor::new(&kept);
    let first = way.of(1, || AtomicU32::new(7));
    first.as_ref().map(|number| number.fetch_add(1, Ordering::Relaxed));
    let number = |key, new| way.of(key, || AtomicU32::new(new)).map(|number| number.load(Ordering::Relaxed));
    assert_eq!(number(1, 100), Some(8));
    assert_eq!(number(2, 100), Some(100));
    assert!(way.of(1, String::new).is_none(), "it is of another type");
}

#[test]
fn what_is_kept_goes_with_its_owner() {
    let kept = Arc::new(Kept::default());
    let way = KeptFor::new(&kept);
    let thing = way.of(1, || ()).map(|thing| Arc::downgrade(&thing));
    assert!(thing.as_ref().is_some_and(|thing| thing.upgrade().is_some()));
    drop(kept);
    assert!(thing.is_some_and(|thing| thing.upgrade().is_none()));
    assert!(way.of(1, || ()).is_none());
    assert!(KeptFor::default().of(1, || ()).is_none());
}
