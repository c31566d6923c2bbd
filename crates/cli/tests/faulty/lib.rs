//! A plugin that does what its config says, none of which is good.

use gatewright_plugin::prelude::*;
use serde::Deserialize;
use std::sync::Mutex;

pub struct FaultyPlugin {
    mode: String,
    kept: Mutex<Vec<Vec<u8>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    mode: String,
}

impl FromConfig for FaultyPlugin {
    type Config = Config;

    fn from_config(config: Config) -> Result<Self, Failure> {
        Ok(Self { mode: config.mode, kept: Mutex::default() })
    }
}

#[plugin(failure_mode = FailureMode::Closed)]
impl Plugin for FaultyPlugin {
    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let message = request.chat()?.messages.iter().last().cloned();
        let text = message.map(|message| message.joined_text()).unwrap_or_default();
        match self.mode.as_str() {
            "panics" => assert!(!text.is_empty(), "a text that is empty"),
            "refuses" => return Ok(Verdict::Block(Rejection::new("no").status(200))),
            // A thousand calls are more than 64 MiB.
            "keeps" => self.kept.lock().map_err(|_| "poisoned")?.push(vec![1; 256 << 10]),
            "dies" if text.is_empty() => std::process::exit(7),
            _ => {}
        }
        Ok(Verdict::Allow)
    }
}

gatewright_sdk::export!(FaultyPlugin);
