//! The author's side: a trait of do-nothing defaults.

use crate::model::{HttpRequest, HttpResponse, LlmError, Message, Request, Response};
use crate::payload::*;
use crate::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Cx, Draft, Failure, Health, HookSet, HttpFlow,
    HttpResponseFlow, Manifest, ModelFlow, ObjectFlow, Permission, PostLlm, PreLlm, Recovery, ToolFlow, Verdict,
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::future::{Future, ready};

/// A plugin. Implement it under [`#[plugin]`](macro@crate::plugin) and override the hooks you want, each as `fn` or
/// `async fn`; every hook is documented in `docs/hooks.md`.
///
/// `Ok` carries the outcome, which is obeyed. `Err` is a failure, and what it means is the failure mode's decision: to
/// reject a request, return the outcome that says so.
pub trait Plugin: Sized + Send + Sync + 'static {
    /// The hooks that are overridden; written by the attribute.
    const HOOKS: HookSet;

    /// Of these, the ones that are plain `fn` and answer at once; written by the attribute.
    const IMMEDIATE: HookSet;

    /// The permissions that the manifest asks for, known when the plugin is compiled; written by the attribute. A plugin
    /// with a `manifest` of its own is taken to ask for all.
    const PERMISSIONS: &'static [Permission] = &Permission::ALL;

    /// What the plugin says of itself; written by the attribute from its arguments.
    fn manifest() -> Manifest;

    /// Once an HTTP request, before authentication: edit headers, query, body; respond; reject.
    fn http_request(
        &self,
        cx: &mut Cx,
        request: &mut Draft<HttpRequest>,
    ) -> impl Future<Output = Result<HttpFlow, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(HttpFlow::Continue))
    }

    /// Once an HTTP response that is not a stream, last plugin first: edit status, headers, body; reject.
    fn http_response(
        &self,
        cx: &mut Cx,
        exchange: &mut HttpExchange,
    ) -> impl Future<Output = Result<HttpResponseFlow, Failure>> + Send {
        let _ = (cx, exchange);
        ready(Ok(HttpResponseFlow::Continue))
    }

    /// Each chunk in the client's dialect, last plugin first: edit; drop; end the stream with an error.
    fn http_stream_chunk(
        &self,
        cx: &mut Cx,
        exchange: &mut StreamExchange,
    ) -> impl Future<Output = Result<ChunkFlow, Failure>> + Send {
        let _ = (cx, exchange);
        ready(Ok(ChunkFlow::Continue))
    }

    /// Before authentication: edit; block.
    fn pre_auth(
        &self,
        cx: &mut Cx,
        request: &mut Draft<HttpRequest>,
    ) -> impl Future<Output = Result<AccessFlow, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(AccessFlow::Continue))
    }

    /// Identifies the application and user, refuses, or passes on. A failure always ends the request.
    fn auth(&self, cx: &mut Cx, request: &AuthRequest) -> impl Future<Output = Result<AuthDecision, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(AuthDecision::Pass))
    }

    /// With application, user and claims in the context's facts: edit; block.
    fn post_auth(
        &self,
        cx: &mut Cx,
        request: &mut Draft<HttpRequest>,
    ) -> impl Future<Output = Result<AccessFlow, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(AccessFlow::Continue))
    }

    /// Once an LLM request.
    fn pre_request(&self, cx: &mut Cx, request: &Request) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(()))
    }

    /// Then: allow or block. Stops at the first block.
    fn check_input(&self, cx: &mut Cx, request: &Request) -> impl Future<Output = Result<Verdict, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(Verdict::Allow))
    }

    /// Once an attempt, each fallback anew: edit (provider and model too); respond; respond with a stream; fail.
    fn pre_llm(
        &self,
        cx: &mut Cx,
        request: &mut Draft<Request>,
    ) -> impl Future<Output = Result<PreLlm, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(PreLlm::Continue))
    }

    /// After it, last plugin first; for a stream on every chunk and at its end: edit; recover; invalidate. For each
    /// `pre_llm` that was not itself a failure there is exactly one final `post_llm`.
    fn post_llm(
        &self,
        cx: &mut Cx,
        result: &mut Draft<LlmResult>,
    ) -> impl Future<Output = Result<PostLlm, Failure>> + Send {
        let _ = (cx, result);
        ready(Ok(PostLlm::Continue))
    }

    /// Text of each channel of a stream: observe; edit where its stream mode allows.
    fn on_stream_chunk(
        &self,
        cx: &mut Cx,
        text: &mut Draft<ChannelText>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, text);
        ready(Ok(()))
    }

    /// On the content after the attempt layer's edits: allow or block. Stops at the first block. Streams are held back
    /// for it: see [`StreamMode`](crate::StreamMode).
    fn check_output(&self, cx: &mut Cx, output: &OutputCheck) -> impl Future<Output = Result<Verdict, Failure>> + Send {
        let _ = (cx, output);
        ready(Ok(Verdict::Allow))
    }

    /// Once, for the error that the client will get.
    fn on_error(&self, cx: &mut Cx, error: &LlmError) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, error);
        ready(Ok(()))
    }

    /// Once a request, with its final status, usage, cost and latency, also when blocked or cancelled. Never delays the
    /// client.
    fn post_request(&self, cx: &mut Cx, summary: &RequestSummary) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, summary);
        ready(Ok(()))
    }

    /// Last of all, once if any hook of the plugin ran: release what was opened.
    fn request_end(&self, cx: &mut Cx, summary: &RequestSummary) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, summary);
        ready(Ok(()))
    }

    /// Before a user's message is stored: replace it.
    fn on_user_message(
        &self,
        cx: &mut Cx,
        message: &mut Draft<Message>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// Before an agent's or sub-agent's run: skip it with an answer.
    fn before_agent(
        &self,
        cx: &mut Cx,
        call: &mut Draft<AgentCall>,
    ) -> impl Future<Output = Result<AgentFlow, Failure>> + Send {
        let _ = (cx, call);
        ready(Ok(AgentFlow::Continue))
    }

    /// After it: append a message.
    fn after_agent(
        &self,
        cx: &mut Cx,
        result: &AgentResult,
    ) -> impl Future<Output = Result<AfterAgent, Failure>> + Send {
        let _ = (cx, result);
        ready(Ok(AfterAgent::Continue))
    }

    /// Before a model step of an agent: edit; skip with an answer.
    fn before_model(
        &self,
        cx: &mut Cx,
        request: &mut Draft<Request>,
    ) -> impl Future<Output = Result<ModelFlow, Failure>> + Send {
        let _ = (cx, request);
        ready(Ok(ModelFlow::Continue))
    }

    /// After it: replace.
    fn after_model(
        &self,
        cx: &mut Cx,
        response: &mut Draft<Response>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, response);
        ready(Ok(()))
    }

    /// Before a tool call, of agents and MCP: edit arguments; skip with a result; suspend until a person decides.
    fn before_tool(
        &self,
        cx: &mut Cx,
        call: &mut Draft<ToolCall>,
    ) -> impl Future<Output = Result<ToolFlow, Failure>> + Send {
        let _ = (cx, call);
        ready(Ok(ToolFlow::Continue))
    }

    /// After it: replace the result.
    fn after_tool(&self, cx: &mut Cx, outcome: &mut ToolOutcome) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, outcome);
        ready(Ok(()))
    }

    /// When a model step fails: recover.
    fn on_model_error(
        &self,
        cx: &mut Cx,
        failed: &ModelError,
    ) -> impl Future<Output = Result<Recovery<Response>, Failure>> + Send {
        let _ = (cx, failed);
        ready(Ok(Recovery::Pass))
    }

    /// When a tool fails: recover.
    fn on_tool_error(
        &self,
        cx: &mut Cx,
        failed: &ToolError,
    ) -> impl Future<Output = Result<Recovery<ToolAnswer>, Failure>> + Send {
        let _ = (cx, failed);
        ready(Ok(Recovery::Pass))
    }

    /// Every event, before it is stored: edit; replace.
    fn on_event(&self, cx: &mut Cx, event: &mut Draft<AgentEvent>) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, event);
        ready(Ok(()))
    }

    /// Before an object is created: veto; edit; attach metadata.
    fn before_create(
        &self,
        cx: &mut Cx,
        change: &mut Draft<ObjectChange>,
    ) -> impl Future<Output = Result<ObjectFlow, Failure>> + Send {
        let _ = (cx, change);
        ready(Ok(ObjectFlow::Continue))
    }

    /// After it.
    fn after_create(&self, cx: &mut Cx, change: &ObjectChange) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, change);
        ready(Ok(()))
    }

    /// Before an object is changed: veto; edit; attach metadata.
    fn before_update(
        &self,
        cx: &mut Cx,
        change: &mut Draft<ObjectChange>,
    ) -> impl Future<Output = Result<ObjectFlow, Failure>> + Send {
        let _ = (cx, change);
        ready(Ok(ObjectFlow::Continue))
    }

    /// After it.
    fn after_update(&self, cx: &mut Cx, change: &ObjectChange) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, change);
        ready(Ok(()))
    }

    /// Before an object is deleted: veto.
    fn before_delete(
        &self,
        cx: &mut Cx,
        change: &mut Draft<ObjectChange>,
    ) -> impl Future<Output = Result<ObjectFlow, Failure>> + Send {
        let _ = (cx, change);
        ready(Ok(ObjectFlow::Continue))
    }

    /// After it.
    fn after_delete(&self, cx: &mut Cx, change: &ObjectChange) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, change);
        ready(Ok(()))
    }

    /// Answers a request under `/plugins/{name}/`.
    fn endpoint(&self, cx: &mut Cx, call: &EndpointCall) -> impl Future<Output = Result<HttpResponse, Failure>> + Send {
        let _ = (cx, call);
        ready(Ok(HttpResponse::new(404, "")))
    }

    /// Answers a call of the plugin's own user interface.
    fn rpc(&self, cx: &mut Cx, call: &RpcCall) -> impl Future<Output = Result<Json, Failure>> + Send {
        let _ = (cx, call);
        ready(Ok(Json::Null))
    }

    /// Gives a file of the plugin's own user interface.
    fn asset(&self, cx: &mut Cx, call: &AssetCall) -> impl Future<Output = Result<Option<Asset>, Failure>> + Send {
        let _ = (cx, call);
        ready(Ok(None))
    }

    /// Does a task whose time came.
    fn schedule(&self, cx: &mut Cx, task: &ScheduledTask) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, task);
        ready(Ok(()))
    }

    /// The instance is about to serve. An error fails the load.
    fn on_startup(&self, cx: &mut Cx, startup: &Startup) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, startup);
        ready(Ok(()))
    }

    /// The instance's last user is gone: flush.
    fn on_shutdown(&self, cx: &mut Cx, shutdown: &Shutdown) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (cx, shutdown);
        ready(Ok(()))
    }

    /// Somebody asks how it is.
    fn health(&self, cx: &mut Cx, check: &HealthCheck) -> impl Future<Output = Result<Health, Failure>> + Send {
        let _ = (cx, check);
        ready(Ok(Health::ok()))
    }
}

/// A plugin that is made from its `config`.
pub trait FromConfig: Plugin {
    /// The shape of `config`; unknown members are refused if it says `deny_unknown_fields`.
    type Config: DeserializeOwned;

    /// Makes an instance. An error fails the load, in one sentence that says what is wrong and what to do.
    fn from_config(config: Self::Config) -> Result<Self, Failure>;
}

#[cfg(test)]
mod tests;
