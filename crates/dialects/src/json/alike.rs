//! Names that some readers take for others.
//!
//! JSON tells `Content` from `content`. What is written in Go, as some providers are, does not: it takes either for the
//! member, and of both the last one.

/// Whether some readers take `name` for `known`, which is in small letters, though it is not the same.
pub(crate) fn is_mistaken_for(name: &str, known: &str) -> bool {
    name != known && name.chars().map(folded).eq(known.chars())
}

/// Whether `name` may be mistaken for another at all: most are in small letters.
pub(super) fn may_be_mistaken(name: &str) -> bool {
    name.chars().any(|letter| folded(letter) != letter)
}

/// The name as these readers take it.
pub(crate) fn folded_name(name: &str) -> String {
    name.chars().map(folded).collect()
}

/// The long s and the sign of kelvin are letters of ASCII in another case, too.
fn folded(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => letter.to_ascii_lowercase(),
    }
}
