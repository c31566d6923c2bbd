//! Texts as hooks see them.

use gatewright_dialects::plain_if_json;
use gatewright_model::{Channel, ChannelKind};
use std::borrow::Cow;

/// What there is of a channel's text: arguments of a tool's call, once they are whole, without escapes, as in a whole answer.
/// Of a part of them nobody knows where an escape begins.
pub(super) fn text(channel: Channel, text: &str) -> Cow<'_, str> {
    match channel.kind {
        ChannelKind::ToolArguments => plain_if_json(text),
        _ => Cow::Borrowed(text),
    }
}
