use super::*;

fn after(breaker: &Breaker, millis: u64) -> Instant {
    breaker.epoch + Duration::from_millis(millis)
}

/// A breaker that opened at its epoch.
fn opened() -> Breaker {
    let breaker = Breaker::default();
    for failure in 1..=BREAKER_FAILURES {
        assert!(breaker.admits(after(&breaker, 0)), "before failure {failure}");
        assert_eq!(breaker.failed(after(&breaker, 0)), failure == BREAKER_FAILURES);
    }
    breaker
}

const COOL_DOWN: u64 = BREAKER_COOL_DOWN.as_millis() as u64;

#[test]
fn a_success_begins_the_count_anew() {
    let breaker = Breaker::default();
    for _ in 0..3 {
        for _ in 1..BREAKER_FAILURES {
            assert!(!breaker.failed(after(&breaker, 0)));
        }
        assert!(!breaker.succeeded());
        assert!(!breaker.is_open());
    }
}

#[test]
fn an_open_breaker_admits_nobody_until_it_has_cooled_down() {
    let breaker = opened();
    assert!(breaker.is_open());
    for millis in [0, 1, COOL_DOWN - 1] {
        assert!(!breaker.admits(after(&breaker, millis)), "after {millis} ms");
    }
    assert!(breaker.admits(after(&breaker, COOL_DOWN)));
}

#[test]
fn one_call_tries_at_a_time() {
    let breaker = opened();
    assert!(breaker.admits(after(&breaker, COOL_DOWN)));
    assert!(!breaker.admits(after(&breaker, COOL_DOWN)), "a second one at the same moment");
    assert!(!breaker.admits(after(&breaker, 2 * COOL_DOWN - 1)), "while the first may still run");
    assert!(breaker.admits(after(&breaker, 2 * COOL_DOWN)), "the first never came back");
}

#[test]
fn a_trial_that_succeeds_closes_it() {
    let breaker = opened();
    assert!(breaker.admits(after(&breaker, COOL_DOWN)));
    assert!(breaker.has_tripped(), "until it is known how the trial went");
    assert!(breaker.succeeded());
    assert!(!breaker.is_open() && !breaker.has_tripped());
    assert!(breaker.admits(after(&breaker, COOL_DOWN)));
    assert!(!breaker.succeeded(), "it turned once");
}

#[test]
fn a_trial_that_fails_opens_it_again() {
    let breaker = opened();
    assert!(breaker.admits(after(&breaker, COOL_DOWN)));
    assert!(!breaker.failed(after(&breaker, COOL_DOWN + 500)), "it was open already");
    assert!(!breaker.admits(after(&breaker, 2 * COOL_DOWN + 499)));
    assert!(breaker.admits(after(&breaker, 2 * COOL_DOWN + 500)));
}

#[test]
fn a_trial_that_is_cut_off_is_the_next_callers() {
    let breaker = opened();
    let (trial, soon) = (after(&breaker, COOL_DOWN), after(&breaker, COOL_DOWN + 1));
    assert!(breaker.admits(trial) && !breaker.admits(soon));
    breaker.cut_off(trial);
    assert!(breaker.admits(soon), "nothing was learnt of the plugin");
    breaker.failed(after(&breaker, COOL_DOWN + 2));
    breaker.cut_off(soon);
    assert!(!breaker.admits(after(&breaker, COOL_DOWN + 3)), "another call has failed meanwhile");
    let closed = Breaker::default();
    closed.cut_off(after(&closed, 0));
    assert!(closed.admits(after(&closed, 0)) && !closed.is_open());
}
