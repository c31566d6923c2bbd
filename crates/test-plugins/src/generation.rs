//! A plugin for tests of reloads: its code says at each hook of a request which one it is. A test that replaces the
//! digits of [`MARK`] in the artefact has other code.

use gatewright_plugin::model::{Request, Response};
use gatewright_plugin::payload::{ChannelText, LlmResult, RequestSummary, Startup};
use gatewright_plugin::{Cx, Draft, Failure, FailureMode, FromConfig, Plugin, PostLlm, PreLlm, Verdict, plugin};
use serde_json::Value as Json;
use std::hint::black_box;

/// What a test replaces: the digits.
static MARK: [u8; 27] = *b"the code of generation 0000";

/// Blocks what holds `forbidden`, marks each piece of a stream, and answers everything else with its mark.
#[derive(Debug)]
pub struct Generation {
    fails: bool,
}

#[plugin(name = "generation", version = "1.0.0", failure_mode = FailureMode::Closed)]
impl Plugin for Generation {
    fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        match self.fails {
            true => Err(Failure::new("it was told to fail")),
            false => Ok(()),
        }
    }

    fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let mut forbidden = false;
        request.texts(|_, text| forbidden |= text.contains("forbidden"))?;
        if forbidden {
            return Ok(Verdict::block("it is forbidden"));
        }
        cx.set("generation", mark())?;
        Ok(Verdict::Allow)
    }

    fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        same(cx)?;
        match request.stream() {
            true => Ok(PreLlm::Continue),
            false => Ok(PreLlm::Respond(Box::new(Response::of_text("generation", "generation", mark())))),
        }
    }

    fn on_stream_chunk(&self, cx: &mut Cx, text: &mut Draft<ChannelText>) -> Result<(), Failure> {
        same(cx)?;
        if !text.released && !text.text.is_empty() {
            text.text = format!("{}; ", mark());
        }
        Ok(())
    }

    fn post_llm(&self, cx: &mut Cx, _: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        same(cx)?;
        Ok(PostLlm::Continue)
    }

    fn post_request(&self, cx: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        same(cx)
    }

    fn request_end(&self, cx: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        same(cx)
    }
}

impl FromConfig for Generation {
    type Config = Json;

    fn from_config(config: Json) -> Result<Self, Failure> {
        Ok(Self { fails: config.get("fails") == Some(&Json::Bool(true)) })
    }
}

fn mark() -> String {
    String::from_utf8_lossy(black_box(&MARK)).into_owned()
}

/// Whether the hooks before were of this code too. A request that was blocked has no mark.
fn same(cx: &Cx) -> Result<(), Failure> {
    match cx.get("generation").map(|value| value.to_json()) {
        None => Ok(()),
        Some(Json::String(before)) if before == mark() => Ok(()),
        Some(before) => Err(Failure::new(format!("{before} began this request"))),
    }
}
