use super::*;
use crate::price::Unpriced;
use gatewright_model::{Block, Channel, Request, Role};
use gatewright_pipeline::{Entry, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::link;
use gatewright_plugin::prelude::{Cx, Failure, Message, Plugin, plugin};
use gatewright_plugin::{Facts, StreamMode};
use gatewright_testkit::services::MockServices;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio_util::task::TaskTracker;

/// Says each chunk in so many blocks, that of the next chunk behind them, and a whole answer in as many.
struct Splits(u32);

#[plugin]
impl Plugin for Splits {
    fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        match result.edit() {
            LlmResult::Chunk(chunk) if chunk.has(|part| matches!(part, Part::Text { .. })) => {
                let before: u32 = cx.scratch().unwrap_or_default();
                cx.set_scratch(&(before + self.0))?;
                let channel = |block| Channel { block, ..Channel::TEXT };
                let text = |block| Part::Text { channel: channel(block), text: "a".to_owned() };
                *chunk.parts_mut() = (before..before + self.0).map(text).collect();
            }
            LlmResult::Response(response) => {
                let blocks = (0..self.0).map(|_| Block::text("a")).collect();
                let chat = response.chat_mut().ok_or_else(|| Failure::Malformed("no answer".to_owned()))?;
                chat.choices[0].message = Message::new(Role::Assistant, blocks);
            }
            _ => result.undo(),
        }
        Ok(PostLlm::Continue)
    }
}

/// The texts that come out of two chunks where a plugin splits them, or the error.
async fn split(blocks: u32, mode: StreamMode) -> Result<usize, LlmError> {
    let services = MockServices::default().services();
    let instance = Instance::start("it", link(Splits(blocks)), serde_json::Value::Null, services, None, None);
    let settings = Settings { stream_modes: BTreeMap::from([(Hook::PostLlm, mode)]), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance: instance.await.unwrap(), settings }]).unwrap();
    let (facts, tasks) = (Facts::default(), TaskTracker::new());
    let mut life = Lifecycle::open(Arc::new(set), facts, Instant::now(), Arc::new(Unpriced), tasks);
    let mut request = Draft::from(Request::from_chat("m", true, Default::default()));
    life.request().exchange.enter::<point::PreLlm>(Round::Attempt, &mut request).await.unwrap();
    let said = || Chunk::text(Channel::TEXT, "text");
    let chunks = [said(), said(), Chunk::from_parts([Part::Done])];
    let mut driver = Driver::new(&mut life, Source::Replay(chunks.into()), STREAM_BUFFER_BYTES);
    let mut texts = 0;
    while let Some(chunk) = driver.next(&mut life).await {
        texts += chunk?.parts().iter().filter(|part| matches!(part, Part::Text { .. })).count();
    }
    Ok(texts)
}

#[tokio::test]
async fn what_a_hook_makes_of_a_stream_has_no_more_texts_than_one_that_comes() {
    for (blocks, texts) in [(512, Some(1024)), (513, None)] {
        let came = split(blocks, StreamMode::Chunk).await;
        assert_eq!(came.as_ref().ok().copied(), texts);
        assert!(came.err().is_none_or(|error| error.kind == ErrorKind::Upstream));
    }
}

#[tokio::test]
async fn an_edited_answer_is_streamed_with_no_more_texts_than_one_that_comes() {
    for (blocks, texts) in [(1024, Some(1024)), (1025, None)] {
        let came = split(blocks, StreamMode::Buffer).await;
        assert_eq!(came.as_ref().ok().copied(), texts);
        assert!(came.err().is_none_or(|error| error.kind == ErrorKind::Upstream));
    }
}
