//! What is asked for.

use serde::{Deserialize, Serialize};

/// The kind of an LLM request, and so of its response and of the chunks of its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A conversation (`chat/completions`, `messages`, `generateContent`).
    #[default]
    Chat,
    /// Plain completion of a text (`completions`).
    Text,
    /// Items and tools of the provider's (`responses`).
    Responses,
    /// Text to sound.
    Speech,
    /// Sound to text.
    Transcription,
    /// Pictures from text.
    Image,
    /// Vectors of texts.
    Embedding,
}

impl Kind {
    /// OpenTelemetry's `gen_ai.operation.name` for it.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "chat",
            Self::Text => "text_completion",
            Self::Embedding => "embeddings",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Image => "image_generation",
        }
    }
}
