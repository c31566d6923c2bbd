//! Texts that plugins meet.

use super::Sample;

/// The bytes of the large one.
const LARGE: usize = 1 << 20;

/// A payload for each text.
pub(super) fn of_texts<P>(make: impl Fn(&str) -> P) -> impl Iterator<Item = Sample<P>> {
    let texts = [
        ("plain", "hello".to_owned()),
        ("empty", String::new()),
        ("unicode", "Grüße, 你好, שלום, 👩‍👩‍👧‍👦, e\u{301}, İ, ﷽".to_owned()),
        (
            "odd",
            "\u{0}\u{1}\u{1b}[31m\u{7f}\u{feff}\u{fffd}\u{202e}\u{10ffff}\r\n\t\"\\'%s{}$(x)</script>\u{2028}"
                .to_owned(),
        ),
        ("large", "All work and no play. ".chars().cycle().take(LARGE).collect()),
    ];
    texts.map(|(name, text)| (name, make(&text))).into_iter()
}
