//! What is asked for, as far as the endpoint tells.

use gatewright_plugin::model::Kind;

/// Ends of endpoints' paths, with what is asked for there. What is not in it is a conversation.
const KINDS: [(&str, Kind); 7] = [
    ("/embeddings", Kind::Embedding),
    ("/audio/speech", Kind::Speech),
    ("/audio/transcriptions", Kind::Transcription),
    ("/audio/translations", Kind::Transcription),
    ("/images/generations", Kind::Image),
    ("/chat/completions", Kind::Chat),
    ("/completions", Kind::Text),
];

/// OpenTelemetry's `gen_ai.operation.name` for an endpoint.
pub(super) fn operation(endpoint: &str) -> &'static str {
    let known = KINDS.iter().find(|(end, _)| endpoint.ends_with(end));
    known.map_or(Kind::Chat, |(_, kind)| *kind).operation()
}
