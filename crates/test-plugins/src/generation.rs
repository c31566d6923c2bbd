//! A plugin for tests of reloads: it says at each hook of a request, and at its start and end, which code it is. A test
//! that replaces the digits of [`MARK`] and the operand [`OPERAND`] in the artefact has other code.

use gatewright_plugin::model::{HttpRequest, LlmError, Request, Response};
use gatewright_plugin::payload::{
    AuthRequest, ChannelText, HttpExchange, LlmResult, OutputCheck, RequestSummary, Shutdown, Startup, StreamExchange,
};
use gatewright_plugin::services::Level;
use gatewright_plugin::{
    AccessFlow, AuthDecision, ChunkFlow, Cx, Draft, Failure, FailureMode, FromConfig, Hook, HttpFlow, HttpResponseFlow,
    Identity, Plugin, PostLlm, PreLlm, Verdict, plugin,
};
use serde::Deserialize;
use std::hint::black_box;

/// What a test replaces in the data: the digits.
static MARK: [u8; 27] = *b"the code of generation 0000";

/// What a test replaces in the code, an operand of an instruction: the same number, xor'ed into the lower half.
const OPERAND: u32 = 0x5a17_93c5;

/// The lower half of [`OPERAND`] for the number 0.
const NOUGHT: u32 = 0x93c5;

/// Where an operand of 32 bits stands in one piece in the code, and so can be replaced.
const HAS_OPERAND: bool = cfg!(any(target_arch = "x86_64", target_arch = "wasm32"));

/// The state in which the first hook of a request leaves its mark.
const BEGAN: &str = "generation";

/// Takes every caller for the application of its mark, blocks what holds `forbidden`, marks each piece of a stream, and
/// answers everything else with its mark. A hook that is called in a request that another generation began fails.
#[derive(Debug)]
pub struct Generation(Config);

/// What a test can say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// It does not start.
    fails: bool,
    /// Which one it is, instead of what its code says.
    generation: Option<u32>,
}

#[plugin(name = "generation", version = "1.0.0", failure_mode = FailureMode::Closed)]
impl Plugin for Generation {
    fn on_startup(&self, cx: &mut Cx, _: &Startup) -> Result<(), Failure> {
        match self.0.fails {
            true => Err(Failure::new("it was told to fail")),
            false => self.log(cx, Hook::OnStartup),
        }
    }

    fn on_shutdown(&self, cx: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        self.log(cx, Hook::OnShutdown)
    }

    fn http_request(&self, cx: &mut Cx, _: &mut Draft<HttpRequest>) -> Result<HttpFlow, Failure> {
        self.seen(cx, Hook::HttpRequest)?;
        Ok(HttpFlow::Continue)
    }

    fn pre_auth(&self, cx: &mut Cx, _: &mut Draft<HttpRequest>) -> Result<AccessFlow, Failure> {
        self.seen(cx, Hook::PreAuth)?;
        Ok(AccessFlow::Continue)
    }

    fn auth(&self, cx: &mut Cx, _: &AuthRequest) -> Result<AuthDecision, Failure> {
        self.seen(cx, Hook::Auth)?;
        Ok(AuthDecision::Identify(Box::new(Identity { app_id: self.mark()?, ..Identity::default() })))
    }

    fn post_auth(&self, cx: &mut Cx, _: &mut Draft<HttpRequest>) -> Result<AccessFlow, Failure> {
        self.seen(cx, Hook::PostAuth)?;
        Ok(AccessFlow::Continue)
    }

    fn pre_request(&self, cx: &mut Cx, _: &Request) -> Result<(), Failure> {
        self.seen(cx, Hook::PreRequest)
    }

    fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        self.seen(cx, Hook::CheckInput)?;
        let mut forbidden = false;
        request.texts(|_, text| forbidden |= text.contains("forbidden"))?;
        match forbidden {
            true => Ok(Verdict::block(format!("it is forbidden by {}", self.mark()?))),
            false => Ok(Verdict::Allow),
        }
    }

    fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        self.seen(cx, Hook::PreLlm)?;
        match request.stream() {
            true => Ok(PreLlm::Continue),
            false => Ok(PreLlm::Respond(Box::new(Response::of_text("generation", "generation", self.mark()?)))),
        }
    }

    fn on_stream_chunk(&self, cx: &mut Cx, text: &mut Draft<ChannelText>) -> Result<(), Failure> {
        self.seen(cx, Hook::OnStreamChunk)?;
        if !text.released && !text.text.is_empty() {
            text.text = format!("{}; ", self.mark()?);
        }
        Ok(())
    }

    fn post_llm(&self, cx: &mut Cx, _: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        self.seen(cx, Hook::PostLlm)?;
        Ok(PostLlm::Continue)
    }

    fn check_output(&self, cx: &mut Cx, _: &OutputCheck) -> Result<Verdict, Failure> {
        self.seen(cx, Hook::CheckOutput)?;
        Ok(Verdict::Allow)
    }

    fn http_response(&self, cx: &mut Cx, _: &mut HttpExchange) -> Result<HttpResponseFlow, Failure> {
        self.seen(cx, Hook::HttpResponse)?;
        Ok(HttpResponseFlow::Continue)
    }

    fn http_stream_chunk(&self, cx: &mut Cx, _: &mut StreamExchange) -> Result<ChunkFlow, Failure> {
        self.seen(cx, Hook::HttpStreamChunk)?;
        Ok(ChunkFlow::Continue)
    }

    fn on_error(&self, cx: &mut Cx, _: &LlmError) -> Result<(), Failure> {
        self.seen(cx, Hook::OnError)
    }

    fn post_request(&self, cx: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        self.seen(cx, Hook::PostRequest)
    }

    fn request_end(&self, cx: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        self.seen(cx, Hook::RequestEnd)
    }
}

impl FromConfig for Generation {
    type Config = Config;

    fn from_config(config: Config) -> Result<Self, Failure> {
        Ok(Self(config))
    }
}

// === impl Generation ===

impl Generation {
    /// Which one this is, in words.
    fn mark(&self) -> Result<String, Failure> {
        match self.0.generation {
            Some(number) => Ok(format!("the code of generation {number:04}")),
            None => of_code(),
        }
    }

    /// Logs the hook, and fails if another generation began this request.
    fn seen(&self, cx: &mut Cx, hook: Hook) -> Result<(), Failure> {
        self.log(cx, hook)?;
        let mark = self.mark()?;
        match cx.get(BEGAN).map(|value| value.to_json()) {
            None => Ok(cx.set(BEGAN, mark)?),
            Some(before) if before == mark => Ok(()),
            Some(before) => Err(Failure::new(format!("{before} began this request, and {mark} goes on"))),
        }
    }

    fn log(&self, cx: &Cx, hook: Hook) -> Result<(), Failure> {
        cx.log(Level::Info, &format!("{} at {hook}", self.mark()?), &[]);
        Ok(())
    }
}

/// Which one the code is, in words: what its data and its instructions say alike.
fn of_code() -> Result<String, Failure> {
    let data = String::from_utf8_lossy(black_box(&MARK)).into_owned();
    let instructions = format!("{:04}", (black_box(OPERAND) & 0xffff) ^ NOUGHT);
    match HAS_OPERAND && !data.ends_with(&instructions) {
        true => Err(Failure::new(format!("{data} has instructions of {instructions}"))),
        false => Ok(data),
    }
}
