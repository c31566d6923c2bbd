use super::*;

#[test]
fn so_many_requests_and_no_more() {
    let admission = Admission::default();
    let first = admission.enter(2).unwrap();
    let second = admission.enter(2).unwrap();
    let error = admission.enter(2).unwrap_err();
    assert_eq!(
        (error.kind, error.status(), error.retry_after),
        (ErrorKind::Overloaded, 503, Some(Duration::from_secs(1)))
    );
    assert_eq!(admission.requests(), 2, "who is refused takes no place");
    drop(first);
    let third = admission.enter(2).unwrap();
    assert!(admission.enter(2).is_err());
    drop((second, third));
    assert_eq!(admission.requests(), 0);
}

#[test]
fn a_limit_that_was_lowered_lets_nobody_in_until_it_is_met() {
    let admission = Admission::default();
    let mut places: Vec<Place> = (0..3).map(|_| admission.enter(3).unwrap()).collect();
    assert!(admission.enter(1).is_err());
    places.pop();
    assert!(admission.enter(1).is_err());
    places.clear();
    assert!(admission.enter(1).is_ok());
    assert!(admission.enter(0).is_err());
}

#[test]
fn bodies_count_together_until_their_requests_end() {
    let admission = Admission::default();
    let (mut one, mut other) = (admission.enter(9).unwrap(), admission.enter(9).unwrap());
    one.hold_bytes(60, 100).unwrap();
    other.hold_bytes(40, 100).unwrap();
    let error = other.hold_bytes(41, 100).unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Overloaded, "the bodies of all requests under way are over the limit")
    );
    one.hold_bytes(60, 100).unwrap();
    drop(one);
    other.hold_bytes(100, 100).unwrap();
    drop(other);
    admission.enter(9).unwrap().hold_bytes(100, 100).unwrap();
}

#[test]
fn room_for_a_body_is_given_back() {
    let admission = Admission::default();
    let (mut one, mut other) = (admission.enter(9).unwrap(), admission.enter(9).unwrap());
    one.hold_bytes(60, 100).unwrap();
    one.hold_bytes(20, 10).unwrap();
    other.hold_bytes(80, 100).unwrap();
    assert!(one.hold_bytes(21, 100).is_err());
    drop((one, other));
    assert_eq!(admission.0.body_bytes.load(Ordering::Acquire), 0);
}

#[test]
fn copies_share_what_they_count() {
    let admission = Admission::default();
    let _place = admission.clone().enter(1).unwrap();
    assert!(admission.enter(1).is_err());
}

#[test]
fn many_at_once_are_counted_right() {
    let admission = Admission::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    if let Ok(mut place) = admission.enter(3) {
                        let _ = place.hold_bytes(10, 20);
                    }
                }
            });
        }
    });
    assert_eq!(admission.requests(), 0);
    assert_eq!(admission.0.body_bytes.load(Ordering::Acquire), 0);
}

#[test]
fn room_is_given_back_before_the_place_is() {
    let admission = Admission::default();
    let (mut one, mut other) = (admission.enter(2).unwrap(), admission.enter(2).unwrap());
    one.hold_bytes(10, 10).unwrap();
    assert!(other.hold_bytes(1, 10).is_err());
    one.leave_bytes();
    other.hold_bytes(10, 10).unwrap();
    drop(one);
    assert_eq!((admission.requests(), admission.0.body_bytes.load(Ordering::Acquire)), (1, 10));
}
