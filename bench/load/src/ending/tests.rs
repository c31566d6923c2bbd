use super::{Ending, KEPT};
use crate::payload::Dialect;

fn closes(dialect: Dialect, pieces: &[&str]) -> bool {
    let mut ending = Ending::default();
    for piece in pieces {
        ending.push(piece.as_bytes());
    }
    ending.closes(dialect)
}

#[test]
fn done_closes_a_chat_stream_however_it_is_cut() {
    let long = "x".repeat(3 * KEPT);
    assert!(closes(Dialect::OpenAi, &["data: {}\n\n", "data: [DONE]\n\n"]));
    assert!(closes(Dialect::OpenAi, &[&long, "\n\ndata:", "[DO", "NE]\r\n", "\r\n"]));
    assert!(closes(Dialect::OpenAi, &[&format!("data: {long}\n\ndata: [DONE]\n\n")]));
}

#[test]
fn a_stream_cut_short_does_not_close() {
    assert!(!closes(Dialect::OpenAi, &[]));
    assert!(!closes(Dialect::OpenAi, &["data: {}\n\n"]));
    assert!(!closes(Dialect::OpenAi, &["data: [DONE]\n"]));
    assert!(!closes(Dialect::OpenAi, &[r#"data: {"content":"data: [DONE]"}"#, "\n\n"]));
    assert!(!closes(Dialect::OpenAi, &["data: [DONE]\n\ndata: {}\n\n"]));
}

#[test]
fn message_stop_closes_a_messages_stream() {
    assert!(closes(Dialect::Anthropic, &["event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"]));
    assert!(!closes(Dialect::Anthropic, &["event: message_stop\n"]));
    assert!(!closes(Dialect::Anthropic, &["data: [DONE]\n\n"]));
}
