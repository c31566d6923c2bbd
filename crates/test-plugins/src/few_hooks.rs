//! Plugins that stand at some hooks only, to see that the others never reach them.

use super::decide::outcome;
use super::perform::{perform, perform_waiting};
use super::script::Script;
use super::subject::Read;
use gatewright_plugin::model::Request;
use gatewright_plugin::payload::{LlmResult, OutputCheck, RequestSummary};
use gatewright_plugin::{
    Cx, Draft, Failure, FailureMode, FromConfig, Hook, Permission, Plugin, PostLlm, PreLlm, StreamMode, Verdict, plugin,
};
use std::time::Duration;

/// Stands nowhere.
#[derive(Debug)]
pub struct NoHook;

/// Stands at one hook.
#[derive(Debug)]
pub struct OneHook(Script);

/// Stands at some hooks, at one as a plain function and at others as `async` ones.
#[derive(Debug)]
pub struct SomeHooks(Script);

/// Says much of itself: see its manifest.
#[derive(Debug)]
pub struct Declared(Script);

#[plugin(name = "no_hook")]
impl Plugin for NoHook {}

#[plugin(name = "one_hook", permission = Permission::Records)]
impl Plugin for OneHook {
    fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        outcome(perform(&self.0, cx, Hook::CheckInput, &mut Read(request))?)
    }
}

#[plugin(name = "some_hooks", permission = Permission::Records, permission = Permission::Kv)]
impl Plugin for SomeHooks {
    fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        outcome(perform(&self.0, cx, Hook::PreLlm, request)?)
    }

    async fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        outcome(perform_waiting(&self.0, cx, Hook::PostLlm, result).await?)
    }

    async fn request_end(&self, cx: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        outcome(perform_waiting(&self.0, cx, Hook::RequestEnd, &mut Read(summary)).await?)
    }
}

#[plugin(
    name = "declared",
    version = "1.2.3",
    description = "Says much of itself.",
    priority = 7,
    failure_mode = FailureMode::Closed,
    timeout = Duration::from_millis(20),
    permission = Permission::Records,
    permission = Permission::Kv,
    header = "X-Tenant",
    stream_mode = (Hook::CheckOutput, StreamMode::Window(16)),
    stateful = true,
)]
impl Plugin for Declared {
    async fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        outcome(perform_waiting(&self.0, cx, Hook::CheckInput, &mut Read(request)).await?)
    }

    fn check_output(&self, cx: &mut Cx, output: &OutputCheck) -> Result<Verdict, Failure> {
        outcome(perform(&self.0, cx, Hook::CheckOutput, &mut Read(output))?)
    }
}

// === impl NoHook ===

impl FromConfig for NoHook {
    type Config = Script;

    fn from_config(_: Script) -> Result<Self, Failure> {
        Ok(Self)
    }
}

// === impl OneHook ===

impl FromConfig for OneHook {
    type Config = Script;

    fn from_config(config: Script) -> Result<Self, Failure> {
        Ok(Self(config))
    }
}

// === impl SomeHooks ===

impl FromConfig for SomeHooks {
    type Config = Script;

    fn from_config(config: Script) -> Result<Self, Failure> {
        Ok(Self(config))
    }
}

// === impl Declared ===

impl FromConfig for Declared {
    type Config = Script;

    fn from_config(config: Script) -> Result<Self, Failure> {
        Ok(Self(config))
    }
}
