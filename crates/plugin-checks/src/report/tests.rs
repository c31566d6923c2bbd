use super::*;

fn failed(name: &str, message: &str) -> CaseReport {
    CaseReport {
        about: About::Hook(Hook::CheckInput),
        name: format!("answers/{name}"),
        rule: "It answers what the hook allows, within its timeout".to_owned(),
        outcome: Outcome::Fails(message.to_owned()),
        took_ms: 0.0,
    }
}

#[test]
fn what_fails_fits_a_terminal() {
    let mut report = Report::new("wasm");
    let long = format!("panicked: {} at src/lib.rs:12:5", "a text that is empty,".repeat(10));
    for name in ["plain", "empty", "long", "odd", "no_blocks", "tool_calls", "pictures"] {
        report.take(&Event::Ended(failed(name, &long)));
    }
    let said = report.to_string();
    let lines: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("FAILS")).collect();
    let expected = [
        "FAILS check_input/answers/plain, check_input/answers/empty, check_input/answers/long,",
        "      check_input/answers/odd, check_input/answers/no_blocks, check_input/answers/tool_calls,",
        "      check_input/answers/pictures",
        "  It answers what the hook allows, within its timeout",
        "    panicked: a text that is empty,a text that is empty,a text that is empty,a text that is empty,a",
    ];
    assert_eq!(lines[..5], expected, "{said}");
    assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{said}");
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&long), "no word is lost: {said}");
}

#[test]
fn a_word_is_not_cut() {
    let mut report = Report::new("wasm");
    let word = "x".repeat(3 * WIDTH);
    report.take(&Event::Ended(failed("plain", &format!("it says {word} and more"))));
    let said = report.to_string();
    assert!(said.contains(&format!("    it says\n    {word}\n    and more\n")), "{said}");
}
