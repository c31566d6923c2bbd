//! A plugin for tests of gateways: it asks the gateway while the gateway asks it, or answers without an end, where the
//! prompt says so.

use gatewright_plugin::model::{Channel, Chunk, LlmError, Request};
use gatewright_plugin::payload::{ChunkSource, ChunkStream};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Draft, Failure, FromConfig, Permission, Plugin, PreLlm, Verdict, plugin};
use serde_json::Value as Json;

/// Does what the prompt says: `ask`, `endless` or `empty`.
#[derive(Debug)]
struct Hostile;

/// The same chunk, for ever.
struct Endless(Chunk);

#[plugin(name = "hostile", version = "1.0.0", permission = Permission::Llm)]
impl Plugin for Hostile {
    async fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        if says(request, "ask")? {
            let further = Request::from_chat("demo/echo", false, request.chat()?.clone());
            let answered = cx.services().llm.complete(cx.facts(), further).await;
            answered.map_err(|error| Failure::new(error.message))?;
        }
        Ok(Verdict::Allow)
    }

    fn pre_llm(&self, _: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        let chunk = match () {
            () if says(request, "endless")? => Chunk::text(Channel::TEXT, "more and more "),
            () if says(request, "empty")? => Chunk::from_parts([]),
            () => return Ok(PreLlm::Continue),
        };
        Ok(PreLlm::Stream(ChunkStream::new(Endless(chunk))))
    }
}

impl FromConfig for Hostile {
    type Config = Json;

    fn from_config(_: Json) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl ChunkSource for Endless {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        Box::pin(std::future::ready(Some(Ok(self.0.clone()))))
    }
}

fn says(request: &Request, word: &str) -> Result<bool, Failure> {
    let mut found = false;
    request.texts(|_, text| found |= text == word)?;
    Ok(found)
}

gatewright_sdk::export!(Hostile);
