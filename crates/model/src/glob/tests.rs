use super::matches;

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "gpt-4o", true),
        ("gpt-4o", "gpt-4o", true),
        ("gpt-4o", "gpt-4o-mini", false),
        ("gpt-4o*", "gpt-4o-mini", true),
        ("*mini", "gpt-4o-mini", true),
        ("gpt*mini", "gpt-mini", true),
        ("gpt*-*mini", "gpt-mini", true),
        ("gpt*-*mini", "gptmini", false),
        ("ab*ba", "aba", false),
        ("a*b*c", "a-b-b-c", true),
        ("", "", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
