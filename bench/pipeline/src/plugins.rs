//! The plugins that stand in the chains, and the sets that they make.

use crate::{NotStarted, Problem};
use gatewright_pipeline::{Entry, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::prelude::*;
use gatewright_plugin::{HookSet, services::Services};
use gatewright_telemetry::Metrics;
use gatewright_testkit::services::MockServices;
use std::hint::black_box;
use std::sync::Arc;

/// How the plugins of a chain are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Plain `fn` that looks and lets pass.
    Plain,
    /// The same as `async fn`.
    Async,
    /// Plain `fn` that edits.
    Editing,
    /// Plain `fn`, with telemetry's probe.
    Probed,
}

/// A set of so many plugins in one style that stand at these hooks and at no other.
pub(crate) async fn set(style: Style, hooks: HookSet, plugins: usize) -> Result<PluginSet, Problem> {
    let metrics = Metrics::new();
    let mut entries = Vec::new();
    for number in 0..plugins {
        let name = format!("plugin-{number}");
        let plugin = match style {
            Style::Plain | Style::Probed => link(Plain),
            Style::Async => link(Async),
            Style::Editing => link(Editing),
        };
        let probe = (style == Style::Probed).then(|| metrics.probe(&name, plugin.hooks()));
        let instance = start(&name, plugin, probe).await?;
        entries.push(Entry { instance, settings: Settings { hooks: Some(hooks), ..Settings::default() } });
    }
    Ok(PluginSet::compile(1, entries)?)
}

/// An instance, with services of its own as the gateway gives them.
async fn start(
    name: &str,
    plugin: Arc<dyn Hosted>,
    probe: Option<Arc<dyn gatewright_pipeline::Probe>>,
) -> Result<Arc<Instance>, Problem> {
    let services: Services = MockServices::default().services();
    let started = Instance::start(name, plugin, ().into(), services, probe, None).await;
    Ok(started.map_err(NotStarted)?)
}

struct Plain;

#[plugin]
impl Plugin for Plain {
    fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        black_box((cx.request_id().len(), request.model.len()));
        Ok(Verdict::Allow)
    }

    fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        black_box((cx.request_id().len(), request.model.len()));
        Ok(PreLlm::Continue)
    }

    fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        black_box((cx.request_id().len(), result.is_final()));
        Ok(PostLlm::Continue)
    }
}

struct Async;

#[plugin]
impl Plugin for Async {
    async fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        black_box((cx.request_id().len(), request.model.len()));
        Ok(Verdict::Allow)
    }

    async fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        black_box((cx.request_id().len(), request.model.len()));
        Ok(PreLlm::Continue)
    }

    async fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        black_box((cx.request_id().len(), result.is_final()));
        Ok(PostLlm::Continue)
    }
}

struct Editing;

#[plugin]
impl Plugin for Editing {
    fn pre_llm(&self, _: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        "gpt-4.1-mini".clone_into(&mut request.model);
        Ok(PreLlm::Continue)
    }

    fn post_llm(&self, _: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        if let Some(response) = result.response_mut() {
            "gpt-4.1-mini".clone_into(&mut response.model);
        }
        Ok(PostLlm::Continue)
    }
}
