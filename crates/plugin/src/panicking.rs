//! What a panic said, and where: for who catches it, since what is caught has no place.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, Location, PanicHookInfo};
use std::sync::Once;

/// The most characters of what is told of a panic, its place among them.
pub const LONGEST: usize = 200;

/// The most characters of a place: the end of a long path says more than its beginning.
const LONGEST_PLACE: usize = 80;

/// A panic that was seen on this thread.
struct Seen {
    text: String,
    place: String,
}

thread_local! {
    /// The last one; it may have been caught by somebody else.
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// From here on panics leave where they are, for [`caught`]. Whoever was told of them before still is.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            seen(panic);
            before(panic);
        }));
    });
}

/// Of a panic hook: keeps where this thread panicked, for [`caught`].
pub fn seen(panic: &PanicHookInfo<'_>) {
    let seen = panic.location().map(|place| Seen { text: text(panic.payload()).to_owned(), place: placed(place) });
    // A thread that is about to end has no such place any more.
    let _ = LAST.try_with(|last| last.replace(seen));
}

/// What a panic said that was caught on this thread, and where it was, if the panic hook called [`seen`].
pub fn caught(payload: &(dyn Any + Send)) -> String {
    let text = text(payload);
    let seen = LAST.try_with(RefCell::take).ok().flatten();
    // Another one may have been caught in between, and this one resumed, for which no hook is called.
    told(text, seen.filter(|seen| seen.text == text).map(|seen| seen.place))
}

/// What a panic says, and where it is, for who learns of it in a panic hook alone.
pub fn said(panic: &PanicHookInfo<'_>) -> String {
    told(text(panic.payload()), panic.location().map(placed))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// In one line. A text is cut, and not its place.
fn told(text: &str, place: Option<String>) -> String {
    let place = place.map(|place| format!(", at {place}")).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut told: String = text.chars().take(LONGEST.saturating_sub(place.chars().count())).collect();
    told.push_str(&place);
    told
}

fn placed(place: &Location<'_>) -> String {
    format!("{}:{}:{}", short(place.file()), place.line(), place.column())
}

/// A path as its author knows it: of one that names a folder of the machine that it was built on, such as cargo's
/// registry, what follows the name of the crate.
fn short(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let absolute = path.starts_with(['/', '\\']) || parts.first().is_some_and(|first| first.ends_with(':'));
    let path = match absolute {
        true => {
            let sources = parts.iter().rposition(|part| *part == "src").unwrap_or(parts.len() - 1);
            parts[sources.saturating_sub(1)..].join("/")
        }
        false => path.to_owned(),
    };
    match path.chars().count().checked_sub(LONGEST_PLACE) {
        None | Some(0) => path,
        Some(more) => format!("…{}", path.chars().skip(more + 1).collect::<String>()),
    }
}

#[cfg(test)]
mod tests;
