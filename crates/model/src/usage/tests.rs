use super::*;

#[test]
fn running_totals_are_not_added_up() {
    let mut usage = Usage { input_tokens: 10, output_tokens: 1, ..Usage::default() };
    usage.merge(&Usage { output_tokens: 7, reasoning_tokens: 3, ..Usage::default() });
    usage.merge(&Usage { input_tokens: 10, output_tokens: 7, cache_read_tokens: 4, ..Usage::default() });
    let expected =
        Usage { input_tokens: 10, output_tokens: 7, cache_read_tokens: 4, cache_write_tokens: 0, reasoning_tokens: 3 };
    assert_eq!(usage, expected);
    assert_eq!(usage.total_tokens(), 17);
}

#[test]
fn an_absurd_figure_does_not_overflow() {
    let usage = Usage { input_tokens: u64::MAX, output_tokens: 1, ..Usage::default() };
    assert_eq!(usage.total_tokens(), u64::MAX);
}
