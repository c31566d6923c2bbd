//! What is called: a row of the table.

use gatewright_plugin::hosted::{Call, Hosted, Reply};
use gatewright_plugin::model::{Channel, ChannelKind, Message, Request, Role};
use gatewright_plugin::payload::ChannelText;
use gatewright_plugin::services::Services;
use gatewright_plugin::{Cx, Draft, Facts, State};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// The fewest calls of a request.
const FEWEST: usize = 10;

/// A call, by one request or by many at once.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    call: Call,
    at_once: usize,
}

/// The rows.
pub(crate) fn all() -> Vec<Row> {
    let (small, large) = (asking(1, 50), asking(20, 5000));
    let row = |name, call, at_once| Row { name, call, at_once };
    vec![
        row("looks at nothing", Call::PreRequest(Arc::new(small.clone())), 1),
        row("looks at nothing, of 100 KB", Call::PreRequest(Arc::new(large.clone())), 1),
        row("looks at nothing, 64 at once", Call::PreRequest(Arc::new(small.clone())), 64),
        row("reads a small text", Call::CheckInput(Arc::new(small)), 1),
        row("reads 100 KB", Call::CheckInput(Arc::new(large.clone())), 1),
        row("reads and replaces 100 KB", Call::PreLlm(Draft::from(large)), 1),
        row("a chunk, one stream", Call::OnStreamChunk(Draft::from(chunk())), 1),
        row("a chunk, 64 streams", Call::OnStreamChunk(Draft::from(chunk())), 64),
    ]
}

fn asking(messages: usize, bytes: usize) -> Request {
    let message = || Message::text(Role::User, "x".repeat(bytes));
    (0..messages).fold(request("m"), |builder, _| builder.message(message())).build()
}

fn chunk() -> ChannelText {
    let channel = Channel { choice: 0, block: 0, kind: ChannelKind::Text };
    ChannelText { channel, text: "a few words of it".to_owned(), is_final: false, released: false }
}

// === impl Row ===

impl Row {
    /// Microseconds of each of so many calls; what making context and payload costs is in it, for all hosts alike.
    pub(crate) async fn each(&self, plugin: &Arc<dyn Hosted>, calls: usize) -> Result<f64, String> {
        // Of those at once each makes some: what it costs to begin is in them.
        let times = calls.div_ceil(self.at_once).max(FEWEST);
        let started = Instant::now();
        if self.at_once == 1 {
            several(plugin.clone(), self.call.clone(), times).await?;
        } else {
            let mut requests = JoinSet::new();
            for _ in 0..self.at_once {
                requests.spawn(several(plugin.clone(), self.call.clone(), times));
            }
            while let Some(done) = requests.join_next().await {
                done.map_err(|error| error.to_string())??;
            }
        }
        Ok(started.elapsed().as_secs_f64() * 1e6 / (times * self.at_once) as f64)
    }
}

/// Calls of one request, one after the other.
async fn several(plugin: Arc<dyn Hosted>, call: Call, times: usize) -> Result<(), String> {
    let services = MockServices::default().services();
    let facts = Arc::new(Facts { request_id: "01a1f89b-60e5-7758-b039-9725544a889c".to_owned(), ..Facts::default() });
    for _ in 0..times {
        once(&plugin, &facts, &services, call.clone()).await?;
    }
    Ok(())
}

async fn once(plugin: &Arc<dyn Hosted>, facts: &Arc<Facts>, services: &Services, mut call: Call) -> Result<(), String> {
    let mut cx = Cx::new(facts.clone(), State::default(), None, services.clone());
    let reply = match plugin.immediate().contains(call.hook()) {
        true => plugin.call_now(&mut cx, call.lend()),
        false => plugin.clone().call(cx, call).await.reply,
    };
    match reply {
        Reply::Failed(failure) => Err(failure.to_string()),
        _ => Ok(()),
    }
}
