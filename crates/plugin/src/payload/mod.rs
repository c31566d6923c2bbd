//! What hooks are given, a file a layer.

mod agent;
mod life;
mod llm;
mod object;
mod surface;
mod transport;

pub use agent::{AgentCall, AgentEvent, AgentResult, ModelError, ToolAnswer, ToolCall, ToolError, ToolOutcome};
pub use life::{HealthCheck, Shutdown, Startup};
pub use llm::{
    ChannelText, ChunkSource, ChunkStream, LlmResult, OutputCheck, PluginMetadata, RequestStatus, RequestSummary,
};
pub use object::{Actor, ObjectChange};
pub use surface::{Asset, AssetCall, EndpointCall, RpcCall, ScheduledTask};
pub use transport::{AuthRequest, HttpExchange, Secret, StreamExchange};
