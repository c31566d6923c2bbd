//! The texts that the model will read.

use gatewright_plugin::model::{DecodeError, Request};

/// Calls `visit` with every text of the conversation. Those of a message that has several are visited together too, since
/// a sentence may begin in one block and end in the next.
pub(super) fn visit(request: &Request, visit: &mut dyn FnMut(&str)) -> Result<(), DecodeError> {
    let (mut last, mut several) = (None, Vec::new());
    request.texts(|of, _| {
        if last.replace(of.message) == Some(of.message) && several.last() != Some(&of.message) {
            several.push(of.message);
        }
    })?;
    let (mut several, mut joined) = (several.into_iter().peekable(), String::new());
    request.texts(|of, text| {
        visit(text);
        if several.next_if(|message| *message < of.message).is_some() {
            visit(&std::mem::take(&mut joined));
        }
        if several.peek() == Some(&of.message) {
            if !joined.is_empty() {
                joined.push('\n');
            }
            joined.push_str(text);
        }
    })?;
    if !joined.is_empty() {
        visit(&joined);
    }
    Ok(())
}
