use super::*;

#[test]
fn that_a_call_came_back_may_be_known_before_that_it_hung() {
    let mut state = State::default();
    let now = Instant::now();
    state.hangs(false);
    assert_eq!(state.stuck(now), 0);
    state.hangs(true);
    assert_eq!(state.stuck(now), 0);
    state.hangs(true);
    assert_eq!(state.stuck(now), 1);
    state.hangs(false);
    assert_eq!(state.stuck(now), 0);
}
