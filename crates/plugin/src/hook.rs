//! The hook table: the one list of hooks, as data.
//!
//! Everything else follows from it: the enum, the sets, the names that configs accept, the dispatch, the docs. Numbers
//! are append-only.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// Hands the table to a macro, so that no list of hooks is written twice. A row is: number, variant, method, the names
/// of other systems, layer, kind, direction, default failure mode, default timeout in seconds; then for the dispatch
/// the payload, how it is passed to the plugin (`edit`: `&mut`, `read`: `&`), and the outcome.
#[doc(hidden)]
#[macro_export]
macro_rules! with_hook_table {
    ($callback:ident) => {
        $callback! {
            (0, HttpRequest, http_request, ["HTTPTransportPreHook"], Transport, Intercept, Forward, Open, 5, Draft<HttpRequest>, edit, HttpFlow)
            (1, HttpResponse, http_response, ["HTTPTransportPostHook", "on_response"], Transport, Intercept, Reverse, Open, 5, HttpExchange, edit, HttpResponseFlow)
            (2, HttpStreamChunk, http_stream_chunk, ["HTTPTransportStreamChunkHook"], Transport, Intercept, Reverse, Open, 5, StreamExchange, edit, ChunkFlow)
            (3, PreAuth, pre_auth, ["PreAuth"], Access, Intercept, Forward, Open, 5, Draft<HttpRequest>, edit, AccessFlow)
            (4, Auth, auth, ["AuthHandler"], Access, Decide, Forward, Closed, 5, AuthRequest, read, AuthDecision)
            (5, PostAuth, post_auth, ["PostAuth"], Access, Intercept, Forward, Open, 5, Draft<HttpRequest>, edit, AccessFlow)
            (6, PreRequest, pre_request, ["PRE_REQUEST"], Request, Observe, Forward, Open, 5, Arc<Request>, read, ())
            (7, CheckInput, check_input, ["CHECK_INPUT"], Request, Decide, Forward, Open, 5, Arc<Request>, read, Verdict)
            (8, PreLlm, pre_llm, ["PreLLMHook", "PreHook", "PRE_PROVIDER", "pre_provider"], Attempt, Intercept, Forward, Open, 5, Draft<Request>, edit, PreLlm)
            (9, PostLlm, post_llm, ["PostLLMHook", "PostHook", "POST_PROVIDER", "post_provider"], Attempt, Intercept, Reverse, Open, 5, Draft<LlmResult>, edit, PostLlm)
            (10, OnStreamChunk, on_stream_chunk, ["ON_STREAM_CHUNK"], Attempt, Intercept, Forward, Open, 5, Draft<ChannelText>, edit, ())
            (11, CheckOutput, check_output, ["CHECK_OUTPUT"], Request, Decide, Forward, Open, 5, OutputCheck, read, Verdict)
            (12, OnError, on_error, ["ON_ERROR"], Request, Observe, Forward, Open, 5, Arc<LlmError>, read, ())
            (13, PostRequest, post_request, ["POST_REQUEST", "data_collection"], Request, Observe, Forward, Open, 5, Arc<RequestSummary>, read, ())
            (14, RequestEnd, request_end, [], Request, Observe, Reverse, Open, 5, Arc<RequestSummary>, read, ())
            (15, OnUserMessage, on_user_message, [], Agent, Intercept, Forward, Closed, 5, Draft<Message>, edit, ())
            (16, BeforeAgent, before_agent, ["BeforeAgent"], Agent, Intercept, Forward, Closed, 5, Draft<AgentCall>, edit, AgentFlow)
            (17, AfterAgent, after_agent, ["AfterAgent"], Agent, Intercept, Forward, Closed, 5, Arc<AgentResult>, read, AfterAgent)
            (18, BeforeModel, before_model, ["BeforeModel"], Agent, Intercept, Forward, Closed, 5, Draft<Request>, edit, ModelFlow)
            (19, AfterModel, after_model, ["AfterModel"], Agent, Intercept, Forward, Closed, 5, Draft<Response>, edit, ())
            (20, BeforeTool, before_tool, ["BeforeTool", "PreMCPHook"], Agent, Intercept, Forward, Closed, 5, Draft<ToolCall>, edit, ToolFlow)
            (21, AfterTool, after_tool, ["AfterTool", "PostMCPHook"], Agent, Intercept, Forward, Closed, 5, ToolOutcome, edit, ())
            (22, OnModelError, on_model_error, [], Agent, Intercept, Forward, Closed, 5, ModelError, read, Recovery<Response>)
            (23, OnToolError, on_tool_error, [], Agent, Intercept, Forward, Closed, 5, ToolError, read, Recovery<ToolAnswer>)
            (24, OnEvent, on_event, ["OnEvent"], Agent, Intercept, Forward, Open, 5, Draft<AgentEvent>, edit, ())
            (25, BeforeCreate, before_create, [], Objects, Intercept, Forward, Open, 5, Draft<ObjectChange>, edit, ObjectFlow)
            (26, AfterCreate, after_create, [], Objects, Observe, Forward, Open, 5, Arc<ObjectChange>, read, ())
            (27, BeforeUpdate, before_update, [], Objects, Intercept, Forward, Open, 5, Draft<ObjectChange>, edit, ObjectFlow)
            (28, AfterUpdate, after_update, [], Objects, Observe, Forward, Open, 5, Arc<ObjectChange>, read, ())
            (29, BeforeDelete, before_delete, [], Objects, Intercept, Forward, Open, 5, Draft<ObjectChange>, edit, ObjectFlow)
            (30, AfterDelete, after_delete, [], Objects, Observe, Forward, Open, 5, Arc<ObjectChange>, read, ())
            (31, Endpoint, endpoint, ["custom_endpoint"], Surface, Serve, None, Open, 30, Arc<EndpointCall>, read, HttpResponse)
            (32, Rpc, rpc, ["HandleRPC"], Surface, Serve, None, Open, 30, Arc<RpcCall>, read, Json)
            (33, Asset, asset, ["GetAsset"], Surface, Serve, None, Open, 5, Arc<AssetCall>, read, Option<Asset>)
            (34, Schedule, schedule, ["ExecuteScheduledTask"], Surface, Serve, None, Open, 60, Arc<ScheduledTask>, read, ())
            (35, OnStartup, on_startup, ["Init", "Initialize"], Life, Life, Forward, Closed, 30, Startup, read, ())
            (36, OnShutdown, on_shutdown, ["Cleanup", "Shutdown", "Close"], Life, Life, Reverse, Open, 10, Shutdown, read, ())
            (37, Health, health, [], Life, Life, None, Open, 5, HealthCheck, read, Health)
        }
    };
}
pub(crate) use with_hook_table;

/// The part of a request's life that a hook belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// HTTP, in the client's dialect.
    Transport,
    /// Who is it, and may they.
    Access,
    /// Once an LLM request.
    Request,
    /// Once a provider attempt.
    Attempt,
    /// Agents and tools.
    Agent,
    /// Managed objects.
    Objects,
    /// What a plugin serves by itself.
    Surface,
    /// Load, unload, health.
    Life,
}

/// How a hook's chain is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Edits, responds or rejects.
    Intercept,
    /// The first that decides ends the chain.
    Decide,
    /// Cannot change the outcome.
    Observe,
    /// Answers a call of its own.
    Serve,
    /// Belongs to the plugin, not to a request.
    Life,
}

/// In which order a hook's chain is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// First to last.
    Forward,
    /// Last to first.
    Reverse,
    /// It has no chain.
    None,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct HookInfo {
    /// The hook.
    pub hook: Hook,
    /// Its name: the method, and the word in configs.
    pub name: &'static str,
    /// Names that other systems have for it, accepted wherever the name is.
    pub aliases: &'static [&'static str],
    /// Where it belongs.
    pub layer: Layer,
    /// How its chain is run.
    pub kind: Kind,
    /// In which order.
    pub direction: Direction,
    /// What a failure means unless plugin or config say otherwise.
    pub failure_mode: crate::FailureMode,
    /// Longest time of one call unless plugin or config say otherwise.
    pub timeout: Duration,
}

/// The longest time of one call of a hook, whatever plugin or config ask for.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// A set of hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HookSet(u64);

macro_rules! define {
    ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
        $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
        /// A step at which plugins can stand. The numbers are the wire format of every host: append-only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Hook { $(#[doc = concat!("`", stringify!($name), "`: see [`Plugin`](crate::Plugin).")] $variant = $number),* }

        impl Hook {
            /// The table, by number.
            pub const TABLE: &[HookInfo] = &[$(HookInfo {
                hook: Hook::$variant,
                name: stringify!($name),
                aliases: &[$($alias),*],
                layer: Layer::$layer,
                kind: Kind::$kind,
                direction: Direction::$direction,
                failure_mode: crate::FailureMode::$mode,
                timeout: Duration::from_secs($seconds),
            }),*];
        }
    };
}
with_hook_table!(define);

// === impl Hook ===

impl Hook {
    /// How many hooks there are.
    pub const COUNT: usize = Self::TABLE.len();

    /// Its row.
    pub fn info(self) -> &'static HookInfo {
        &Self::TABLE[self as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The hook of this number.
    pub fn numbered(number: u32) -> Option<Self> {
        Self::TABLE.get(number as usize).map(|row| row.hook)
    }

    /// The hook of this name or alias, without regard to case.
    pub fn named(name: &str) -> Option<Self> {
        let same = |candidate: &str| candidate.eq_ignore_ascii_case(name);
        Self::TABLE.iter().find(|row| same(row.name) || row.aliases.iter().any(|alias| same(alias))).map(|row| row.hook)
    }
}

/// In documents a hook is its name.
impl Serialize for Hook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Hook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format!("no hook is called `{name}`")))
    }
}

impl std::fmt::Display for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

// === impl HookSet ===

impl HookSet {
    /// No hooks.
    pub const EMPTY: Self = Self(0);

    /// Every hook.
    pub const ALL: Self = Self((1 << Hook::COUNT) - 1);

    /// These hooks.
    pub const fn of(hooks: &[Hook]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < hooks.len() {
            bits |= 1 << hooks[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether the hook is in it.
    pub const fn contains(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u8) != 0
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in it that are not in the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// With one more.
    pub const fn with(self, hook: Hook) -> Self {
        Self(self.0 | 1 << hook as u8)
    }

    /// The set as bits: bit N is hook number N.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The hooks of these bits; bits that stand for no hook are left out.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The hooks, by number.
    pub fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::TABLE.iter().map(|row| row.hook).filter(move |hook| self.contains(*hook))
    }
}

impl FromIterator<Hook> for HookSet {
    fn from_iter<I: IntoIterator<Item = Hook>>(hooks: I) -> Self {
        hooks.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests;
