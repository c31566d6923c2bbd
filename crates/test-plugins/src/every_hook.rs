//! Two plugins that stand at every hook and do what their script says: one in plain functions, one in `async` ones.

use super::decide::outcome;
use super::perform::{perform, perform_waiting};
use super::script::Script;
use super::subject::Read;
use gatewright_plugin::model::{HttpRequest, HttpResponse, LlmError, Message, Request, Response};
use gatewright_plugin::payload::*;
use gatewright_plugin::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Cx, Draft, Failure, FromConfig, Health, Hook, HttpFlow,
    HttpResponseFlow, ModelFlow, ObjectFlow, Permission, Plugin, PostLlm, PreLlm, Recovery, ToolFlow, Verdict, plugin,
};
use serde_json::Value as Json;

/// Stands at every hook, as plain functions.
#[derive(Debug)]
pub struct EveryHook(Script);

/// Stands at every hook, as `async` functions.
#[derive(Debug)]
pub struct EveryHookWaiting(Script);

macro_rules! subject {
    (edit, $payload:ident) => {
        $payload
    };
    (read, $payload:ident) => {
        &mut Read($payload)
    };
}

macro_rules! plain {
    ($(($name:ident, $hook:ident, $pass:ident, $payload:ty, $outcome:ty))*) => {
        #[plugin(name = "every_hook", permission = Permission::Records, permission = Permission::Kv)]
        impl Plugin for EveryHook {
            $(fn $name(&self, cx: &mut Cx, payload: $payload) -> Result<$outcome, Failure> {
                outcome(perform(&self.0, cx, Hook::$hook, subject!($pass, payload))?)
            })*
        }
    };
}

macro_rules! waiting {
    ($(($name:ident, $hook:ident, $pass:ident, $payload:ty, $outcome:ty))*) => {
        #[plugin(name = "every_hook_waiting", permission = Permission::Records, permission = Permission::Kv)]
        impl Plugin for EveryHookWaiting {
            $(async fn $name(&self, cx: &mut Cx, payload: $payload) -> Result<$outcome, Failure> {
                outcome(perform_waiting(&self.0, cx, Hook::$hook, subject!($pass, payload)).await?)
            })*
        }
    };
}

macro_rules! rows {
    ($callback:ident) => {
        $callback! {
            (http_request, HttpRequest, edit, &mut Draft<HttpRequest>, HttpFlow)
            (http_response, HttpResponse, edit, &mut HttpExchange, HttpResponseFlow)
            (http_stream_chunk, HttpStreamChunk, edit, &mut StreamExchange, ChunkFlow)
            (pre_auth, PreAuth, edit, &mut Draft<HttpRequest>, AccessFlow)
            (auth, Auth, read, &AuthRequest, AuthDecision)
            (post_auth, PostAuth, edit, &mut Draft<HttpRequest>, AccessFlow)
            (pre_request, PreRequest, read, &Request, ())
            (check_input, CheckInput, read, &Request, Verdict)
            (pre_llm, PreLlm, edit, &mut Draft<Request>, PreLlm)
            (post_llm, PostLlm, edit, &mut Draft<LlmResult>, PostLlm)
            (on_stream_chunk, OnStreamChunk, edit, &mut Draft<ChannelText>, ())
            (check_output, CheckOutput, read, &OutputCheck, Verdict)
            (on_error, OnError, read, &LlmError, ())
            (post_request, PostRequest, read, &RequestSummary, ())
            (request_end, RequestEnd, read, &RequestSummary, ())
            (on_user_message, OnUserMessage, edit, &mut Draft<Message>, ())
            (before_agent, BeforeAgent, edit, &mut Draft<AgentCall>, AgentFlow)
            (after_agent, AfterAgent, read, &AgentResult, AfterAgent)
            (before_model, BeforeModel, edit, &mut Draft<Request>, ModelFlow)
            (after_model, AfterModel, edit, &mut Draft<Response>, ())
            (before_tool, BeforeTool, edit, &mut Draft<ToolCall>, ToolFlow)
            (after_tool, AfterTool, edit, &mut ToolOutcome, ())
            (on_model_error, OnModelError, read, &ModelError, Recovery<Response>)
            (on_tool_error, OnToolError, read, &ToolError, Recovery<ToolAnswer>)
            (on_event, OnEvent, edit, &mut Draft<AgentEvent>, ())
            (before_create, BeforeCreate, edit, &mut Draft<ObjectChange>, ObjectFlow)
            (after_create, AfterCreate, read, &ObjectChange, ())
            (before_update, BeforeUpdate, edit, &mut Draft<ObjectChange>, ObjectFlow)
            (after_update, AfterUpdate, read, &ObjectChange, ())
            (before_delete, BeforeDelete, edit, &mut Draft<ObjectChange>, ObjectFlow)
            (after_delete, AfterDelete, read, &ObjectChange, ())
            (endpoint, Endpoint, read, &EndpointCall, HttpResponse)
            (rpc, Rpc, read, &RpcCall, Json)
            (asset, Asset, read, &AssetCall, Option<Asset>)
            (schedule, Schedule, read, &ScheduledTask, ())
            (on_startup, OnStartup, read, &Startup, ())
            (on_shutdown, OnShutdown, read, &Shutdown, ())
            (health, Health, read, &HealthCheck, Health)
        }
    };
}
rows!(plain);
rows!(waiting);

// === impl EveryHook ===

impl FromConfig for EveryHook {
    type Config = Script;

    fn from_config(config: Script) -> Result<Self, Failure> {
        Ok(Self(config))
    }
}

// === impl EveryHookWaiting ===

impl FromConfig for EveryHookWaiting {
    type Config = Script;

    fn from_config(config: Script) -> Result<Self, Failure> {
        Ok(Self(config))
    }
}
