use super::*;
use gatewright_config::Secret;

#[test]
fn a_plugin_writes_so_much_and_is_told_what_was_left_out() {
    let start = Instant::now();
    let mut allowance = Allowance::new(start);
    let lines = (0..).take_while(|_| allowance.admits(1024, start).is_some()).count();
    assert_eq!(lines, BURST / 1024);
    assert_eq!(allowance.admits(1024, start), None);
    let later = start + Duration::from_millis(1);
    assert_eq!(allowance.admits(1024, later), Some(2), "it is told once");
    assert_eq!(allowance.admits(1024, later), Some(0));
    let much_later = start + Duration::from_secs(3600);
    let lines = (0..).take_while(|_| allowance.admits(1024, much_later).is_some()).count();
    assert_eq!(lines, BURST / 1024, "nothing is saved up");
    assert_eq!(
        allowance.admits(10 * BURST, much_later + Duration::from_secs(1)),
        Some(1),
        "a large one is written alone"
    );
    assert_eq!(allowance.admits(1, much_later + Duration::from_secs(1)), None);
}

#[test]
fn secrets_of_the_entry_are_in_nothing_that_is_written() {
    let mut entry = PluginEntry::new("guard");
    entry.environment.insert("KEY".to_owned(), Secret::from_variable("GUARD_KEY", "correct-horse"));
    let secrets = entry.secrets();
    let row =
        serde_json::json!({ "a": ["correct-horse battery"], "correct-horse": { "b": "no correct-horse" }, "c": 1 });
    assert_eq!(
        concealed(&row, &secrets),
        serde_json::json!({ "a": ["*** battery"], "***": { "b": "no ***" }, "c": 1 })
    );
    assert!(size(&row).abs_diff(row.to_string().len()) < 16, "{}", size(&row));
}
