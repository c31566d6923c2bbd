use super::matches;

#[test]
fn stars_stand_for_any_text() {
    for (pattern, name) in [
        ("gpt-4o", "gpt-4o"),
        ("*", "gpt-4o"),
        ("*", ""),
        ("gpt-*", "gpt-4o"),
        ("gpt-*", "gpt-"),
        ("*-mini", "gpt-4o-mini"),
        ("gpt-*-mini", "gpt-4o-mini"),
        ("*4*o*", "gpt-4o"),
        ("a**b", "ab"),
        ("ö*é", "öxé"),
    ] {
        assert!(matches(pattern, name), "{pattern} should match {name}");
    }
}

#[test]
fn what_differs_does_not_match() {
    for (pattern, name) in [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4o", "GPT-4o"),
        ("gpt-*", "o3"),
        ("aba*ba", "aba"),
        ("a*b*c", "acb"),
        ("*x*", "abc"),
        ("", "a"),
    ] {
        assert!(!matches(pattern, name), "{pattern} should not match {name}");
    }
}
