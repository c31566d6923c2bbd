use super::*;

#[test]
fn a_plugin_writes_so_much_and_it_is_told_what_was_left_out() {
    let start = Instant::now();
    let after = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut allowance = Allowance::new(start);
    let lines = (0..).take_while(|_| allowance.admits(1024, start).is_some()).count();
    assert_eq!(lines, BURST / 1024);
    assert_eq!(allowance.admits(1024, start), None);
    assert_eq!(allowance.admits(1024, after(1)), Some(0), "some room, and nothing is told yet");
    assert_eq!(allowance.admits(1024, after(1001)), Some(2));
    assert_eq!(allowance.admits(1024, after(2002)), Some(0), "it is told once");
    let much_later = after(3_600_000);
    let lines = (0..).take_while(|_| allowance.admits(1024, much_later).is_some()).count();
    assert_eq!(lines, BURST / 1024, "nothing is saved up");
    let next = after(3_602_000);
    assert_eq!(allowance.admits(10 * BURST, next), Some(1), "a large one is written alone");
    assert_eq!(allowance.admits(1, next), None);
}

#[test]
fn sizes_are_about_those_of_the_json() {
    let row = serde_json::json!({ "a": ["text", { "b": "more text" }], "c": 1, "d": null });
    assert!(size(&row).abs_diff(row.to_string().len()) < 16, "{}", size(&row));
}
