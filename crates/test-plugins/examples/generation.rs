//! A plugin for tests of reloads: its code says at each hook of a request which one it is. A test that replaces `MARK`
//! in the artefact has other code.

use gatewright_plugin::model::{Request, Response};
use gatewright_plugin::payload::{LlmResult, Startup};
use gatewright_plugin::{Cx, Draft, Failure, FailureMode, FromConfig, Plugin, PostLlm, PreLlm, Verdict, plugin};
use serde_json::Value as Json;
use std::hint::black_box;

/// What a test replaces: the last letter.
static MARK: [u8; 24] = *b"the code of generation A";

/// Blocks what holds `forbidden`, and answers everything else with its mark.
#[derive(Debug)]
struct Generation {
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
        for message in request.chat()?.messages.iter() {
            message.texts(&mut |text| forbidden |= text.contains("forbidden"));
        }
        if forbidden {
            return Ok(Verdict::block("it is forbidden"));
        }
        cx.set("generation", mark())?;
        Ok(Verdict::Allow)
    }

    fn pre_llm(&self, cx: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        same(cx)?;
        Ok(PreLlm::Respond(Box::new(Response::of_text("generation", "generation", mark()))))
    }

    fn post_llm(&self, cx: &mut Cx, _: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        same(cx)?;
        Ok(PostLlm::Continue)
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

/// Whether the hooks before were of this code too.
fn same(cx: &Cx) -> Result<(), Failure> {
    let before = cx.get("generation").map(|value| value.to_json());
    match before == Some(Json::String(mark())) {
        true => Ok(()),
        false => Err(Failure::new(format!("{before:?} began this request"))),
    }
}

gatewright_sdk::export!(Generation);
