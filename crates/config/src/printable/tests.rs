use super::printable;
use std::borrow::Cow;

#[test]
fn what_steers_a_terminal_is_escaped() {
    for (text, shown) in [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u{1b}[2J\u{7}\u{9b}1m\u{7f}", r"\u{1b}[2J\u{7}\u{9b}1m\u{7f}"),
        ("a\u{202e}b\u{2028}c\u{2066}", r"a\u{202e}b\u{2028}c\u{2066}"),
    ] {
        assert_eq!(printable(text), shown);
    }
}

#[test]
fn other_texts_stay_as_they_are() {
    for text in ["", "plain", "Grüße, 世界, `a\\b` \"c\"", "👩\u{200d}🚀"] {
        assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
    }
}
