//! The plugin that is called in each host.

use gatewright_plugin::model::Request;
use gatewright_plugin::{Cx, Draft, Failure, FromConfig, Plugin, PreLlm, Verdict, plugin};
use serde::Deserialize;

/// The model of requests that `check_input` looks at.
pub const LOOK: &str = "look";

/// `check_input` looks at nothing, but for the conversation of some; `pre_request` looks at the facts; `pre_llm` reads
/// the conversation, and replaces what it looks for.
#[derive(Debug, Default)]
pub struct Subject;

/// Nothing.
#[derive(Debug, Deserialize)]
pub struct Config {}

impl FromConfig for Subject {
    type Config = Config;

    fn from_config(_: Config) -> Result<Self, Failure> {
        Ok(Self)
    }
}

#[plugin(name = "subject", description = "What is measured")]
impl Plugin for Subject {
    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let found = request.model == LOOK && request.chat()?.messages.iter().next().is_none();
        Ok(if found { Verdict::block("There is no message") } else { Verdict::Allow })
    }

    fn pre_request(&self, cx: &mut Cx, _: &Request) -> Result<(), Failure> {
        if cx.request_id().is_empty() { Err(Failure::new("there is no request id")) } else { Ok(()) }
    }

    fn pre_llm(&self, _: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        let mut longest = 0;
        request.map_texts(|_, text| {
            longest = longest.max(text.len());
            Some(text.replace("secret", "******"))
        })?;
        if longest == 0 { Err(Failure::new("there is no text")) } else { Ok(PreLlm::Continue) }
    }
}
