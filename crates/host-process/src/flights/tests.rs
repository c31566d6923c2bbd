use super::*;

const HEED: Duration = Duration::from_millis(200);

/// A call that was given up, and whose cancel has left.
fn cancelled(flights: &Flights, call: u64, may_take: Instant) {
    let (hook, cancel) = (Hook::PreLlm, Cancelled::Waits(Instant::now()));
    flights.give_up(&mut flights.table(), call, GivenUp { link: 0, instance: 3, hook, may_take, cancel });
    flights.left(0, &[HostFrame { frame: Some(host_frame::Frame::Cancel(Cancel { call })) }]);
}

#[test]
fn a_call_that_was_given_up_has_its_own_time_still() {
    let flights = Flights::new();
    for call in 1..4 {
        cancelled(&flights, call, Instant::now() + HEED * 100);
    }
    std::thread::sleep(HEED);
    assert_eq!(flights.unheeded(HEED), 0, "their clients left early");
    cancelled(&flights, 4, Instant::now());
    assert_eq!(flights.unheeded(HEED), 0, "its cancel has just left");
    std::thread::sleep(HEED);
    assert_eq!(flights.unheeded(HEED), 1);
    assert!(flights.answered(4, Answer::Hook(HookAnswer { call: 4, ..HookAnswer::default() })).is_ok());
    assert_eq!(flights.unheeded(HEED), 0);
}

#[test]
fn a_call_that_takes_longer_than_it_may_is_unheeded() {
    let flights = Flights::new();
    for call in 1..4 {
        cancelled(&flights, call, Instant::now() + HEED * 3);
    }
    std::thread::sleep(HEED * 3);
    assert_eq!(flights.unheeded(HEED), 3);
}

#[test]
fn the_stream_of_a_call_that_was_given_up_is_to_be_closed() {
    let flights = Flights::new();
    let answer = |call: u64, said: serde_json::Value| {
        let answer = gatewright_abi::document::write(&said).into();
        flights.answered(call, Answer::Hook(HookAnswer { call, answer, looked: 0 })).ok().flatten()
    };
    cancelled(&flights, 1, Instant::now());
    let close = StreamClose { stream: 7, instance: 3 };
    assert_eq!(answer(1, serde_json::json!({ "outcome": { "stream": 7 } })), Some(close));
    cancelled(&flights, 2, Instant::now());
    assert_eq!(answer(2, serde_json::json!({ "outcome": "continue" })), None);
}
