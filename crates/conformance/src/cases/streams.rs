//! Streaming is not a way around: hooks on streams, in every mode, wherever the stream is cut.

mod cuts;
mod edits;
mod holding;
mod matrix;
mod order;
mod watching;

use crate::case::{Case, CaseFailure};
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::setup::{Setup, at_hooks_of, facts, script};
use gatewright_dialects::codec;
use gatewright_engine::{Engine, Lifecycle, LlmCall, Provider, Reply, Routing, Unpriced};
use gatewright_model::{Channel, ChannelKind, Chunk, Dialect, ErrorKind, Kind, LlmError, Part, Request};
use gatewright_pipeline::{PluginSet, Settings};
use gatewright_plugin::{FailureMode, Hook, StreamMode};
use gatewright_testkit::{ScriptedAnswer, ScriptedProvider};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

pub(super) fn cases(list: &mut Vec<Case>) {
    cuts::cases(list);
    holding::cases(list);
    edits::cases(list);
    order::cases(list);
    watching::cases(list);
    matrix::cases(list);
}

const DIALECTS: [(Dialect, &str); 2] = [(Dialect::OpenAi, "openai"), (Dialect::Anthropic, "anthropic")];

/// An engine in front of one provider, without HTTP.
struct Stage<'h> {
    setup: Setup<'h>,
    set: Arc<PluginSet>,
    limit: Option<usize>,
}

/// What left of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
struct Left {
    /// The text of each channel.
    texts: BTreeMap<Channel, String>,
    /// What left, in order: texts that follow each other are one `text`.
    parts: Vec<String>,
    /// The error it ended with.
    error: Option<LlmError>,
    /// Whether it came to its own end.
    done: bool,
    /// Whether it was still open when nothing more came.
    open: bool,
}

// === impl Stage ===

impl<'h> Stage<'h> {
    /// With one instance, `it`, with these steps at this hook, in this mode.
    async fn one(host: &'h dyn Host, hook: Hook, mode: StreamMode, steps: Json) -> Result<Self, CaseFailure> {
        Self::many(host, &[(json!({ hook.name(): steps }), hook, mode)]).await
    }

    /// With `a`, `b`, ... of these scripts, each with a hook in a mode; plain functions and `async` ones in turn.
    async fn many(host: &'h dyn Host, members: &[(Json, Hook, StreamMode)]) -> Result<Self, CaseFailure> {
        let members = members.iter().map(|(hooks, hook, mode)| {
            let stream_modes = BTreeMap::from([(*hook, *mode)]);
            (hooks.clone(), Settings { stream_modes, ..at_hooks_of(hooks) })
        });
        Self::with_settings(host, members.collect()).await
    }

    /// The same, with any settings.
    async fn with_settings(host: &'h dyn Host, members: Vec<(Json, Settings)>) -> Result<Self, CaseFailure> {
        let mut setup = Setup::new(host);
        for ((hooks, settings), number) in members.into_iter().zip(0_u8..) {
            let plugin = if number % 2 == 0 { &EVERY_HOOK } else { &EVERY_HOOK_WAITING };
            setup.add(&char::from(b'a' + number).to_string(), plugin, script(hooks), settings).await?;
        }
        let set = setup.set()?;
        Ok(Self { setup, set, limit: None })
    }

    /// The most that may be held back of a stream, in bytes.
    fn limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// A stream of this answer, from a provider of this dialect to a client of OpenAI's.
    async fn play(&self, dialect: Dialect, answer: ScriptedAnswer) -> Result<Left, CaseFailure> {
        let provider = ScriptedProvider::new("one").speaking(codec(dialect).ok_or_else(no_codec)?).answer(answer);
        self.play_of(&provider).await
    }

    async fn play_of(&self, provider: &ScriptedProvider) -> Result<Left, CaseFailure> {
        let routing = Routing::new([Arc::new(provider.clone()) as Arc<dyn Provider>], None, BTreeMap::new());
        let mut engine = Engine::new(routing);
        if let Some(limit) = self.limit {
            engine.stream_buffer_bytes = limit;
        }
        let body = json!({ "model": "one/m", "stream": true, "messages": [{ "role": "user", "content": "hello" }] });
        let request =
            Request::from_wire(Kind::Chat, codec(Dialect::OpenAi).ok_or_else(no_codec)?, body.to_string().into())?;
        let headers = http::HeaderMap::new();
        let call = LlmCall { request, headers, dialect: Some(Dialect::OpenAi), needs_events: true };
        let tasks = TaskTracker::new();
        let started = Instant::now();
        let mut life = Lifecycle::open(self.set.clone(), facts("r-1"), started, Arc::new(Unpriced), tasks.clone());
        let mut left = Left::default();
        // Longer than any pause of a busy machine: only a stream that hangs is waited for so long.
        let silence = Duration::from_secs(1) * self.setup.patience().min(4);
        match engine.run(&mut life, call).await {
            Err(error) => left.error = Some(error),
            Ok(answered) => match answered.reply {
                Reply::Chunks(mut driver) => loop {
                    let next = tokio::time::timeout(silence, driver.next(&mut life)).await;
                    match next {
                        Ok(Some(Ok(chunk))) => left.take(&chunk),
                        Ok(Some(Err(error))) => left.error = Some(error),
                        Ok(None) => break,
                        Err(_) => {
                            left.open = true;
                            break;
                        }
                    }
                },
                _ => return Err(CaseFailure::new("it is no stream of chunks")),
            },
        }
        life.finish(200);
        tasks.close();
        tasks.wait().await;
        Ok(left)
    }

    /// What an instance's hook was given, call by call.
    fn saw(&self, plugin: &str, hook: Hook) -> Vec<Json> {
        self.setup.journal.calls_of(plugin, hook.name()).iter().map(|call| call.saw().clone()).collect()
    }
}

fn no_codec() -> CaseFailure {
    CaseFailure::new("the dialect has no codec")
}

/// Settings with a mode for a hook, and a failure mode.
fn settings(hooks: &Json, hook: Hook, mode: StreamMode, failure_mode: FailureMode) -> Settings {
    let stream_modes = BTreeMap::from([(hook, mode)]);
    Settings { stream_modes, failure_mode: Some(failure_mode), ..at_hooks_of(hooks) }
}

// === impl Left ===

impl Left {
    fn take(&mut self, chunk: &Chunk) {
        for part in chunk.parts() {
            let word = match part {
                Part::Text { text, .. } if text.is_empty() => continue,
                Part::Text { channel, text } => {
                    self.texts.entry(*channel).or_default().push_str(text);
                    format!("text {}/{} {}", channel.choice, channel.block, channel.kind.as_str())
                }
                Part::Start { .. } => "start".to_owned(),
                Part::ToolUse { channel, id, .. } => format!("tool {} {id}", channel.block),
                Part::BlockEnd(channel) => format!("end {}/{}", channel.choice, channel.block),
                Part::Finish { choice, .. } => format!("finish {choice}"),
                Part::Usage(_) => "usage".to_owned(),
                Part::Done => {
                    self.done = true;
                    "done".to_owned()
                }
                _ => continue,
            };
            if self.parts.last() != Some(&word) {
                self.parts.push(word);
            }
        }
    }

    /// The text of the first choice.
    fn text(&self) -> &str {
        self.texts.iter().find(|(channel, _)| channel.kind == ChannelKind::Text).map_or("", |(_, text)| text)
    }

    /// The texts of one kind, by choice and block.
    fn texts_of(&self, kind: ChannelKind) -> Vec<&str> {
        self.texts.iter().filter(|(channel, _)| channel.kind == kind).map(|(_, text)| text.as_str()).collect()
    }

    /// What it ended with: `Ok` for its own end.
    fn end(&self) -> Result<(), Option<ErrorKind>> {
        if self.done && self.error.is_none() { Ok(()) } else { Err(self.error.as_ref().map(|error| error.kind)) }
    }
}
