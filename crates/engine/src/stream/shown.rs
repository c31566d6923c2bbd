//! Texts as hooks see them: arguments of a tool's call without escapes, as in a whole answer.

use gatewright_dialects::{plain, plain_if_json};
use gatewright_model::{Channel, ChannelKind};
use std::borrow::Cow;

/// A part of a channel's text.
pub(super) fn part(channel: Channel, text: &str) -> Cow<'_, str> {
    match channel.kind {
        ChannelKind::ToolArguments => plain(text),
        _ => Cow::Borrowed(text),
    }
}

/// The whole of it.
pub(super) fn whole(channel: Channel, text: &str) -> Cow<'_, str> {
    match channel.kind {
        ChannelKind::ToolArguments => plain_if_json(text),
        _ => Cow::Borrowed(text),
    }
}
