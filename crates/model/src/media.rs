//! Outputs that are not conversations.

use crate::Raw;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The output of a plain text completion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextOutput {
    /// One text a choice.
    pub texts: Vec<String>,
}

/// Sound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpeechOutput {
    /// `audio/mpeg`, ...
    pub media_type: String,
    /// The encoded sound.
    pub audio: Bytes,
}

/// What was heard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TranscriptionOutput {
    /// The text.
    pub text: String,
    /// BCP 47 tag, where the provider says.
    pub language: Option<String>,
    /// Timed segments as the provider gave them.
    pub segments: Option<Raw>,
}

/// Pictures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageOutput {
    /// Where each picture is.
    pub images: Vec<crate::ImageSource>,
}
