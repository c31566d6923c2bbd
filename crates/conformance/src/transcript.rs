//! What the plugins that ship do in a row of requests, written down: client answers, what they log, send and attach, and
//! how each request ended. The same text must come of every host.

mod scenes;
mod stock;

pub use stock::STOCK_PLUGINS;

use crate::case::{CaseFailure, Outcome};
use crate::gateway::{Gateway, Terms};
use crate::host::Host;
use crate::journal::PATIENCE;
use gatewright_dialects::ANTHROPIC;
use gatewright_engine::Pricing;
use gatewright_model::Usage;
use gatewright_pipeline::{Entry, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::link;
use gatewright_plugin::payload::{RequestSummary, Secret};
use gatewright_plugin::{Cx, Failure, Identity, Plugin, plugin};
use gatewright_server::{ClientKey, ClientKeys, Limits};
use gatewright_testkit::ScriptedProvider;
use gatewright_testkit::services::MockServices;
use scenes::{Scene, scenes};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use stock::Standing;

/// The key that clients ask with.
const KEY: &str = "sk-client";

/// Loads the plugins that ship with this host, takes a row of requests through a gateway in which they stand, and
/// writes down what came of it.
pub async fn transcript(host: &dyn Host) -> Result<String, CaseFailure> {
    let mut text = String::new();
    stock::introductions(host, &mut text).await?;
    stock::refusals(host, &mut text).await?;
    let stage = Stage::set(host).await?;
    for scene in scenes() {
        stage.play(scene, &mut text).await?;
    }
    Ok(text)
}

/// The plugins, as instances of one set that all requests run on.
struct Stage {
    standing: Vec<Standing>,
    set: Arc<PluginSet>,
    ended: Ended,
}

/// Stands behind the others, linked in, and keeps how requests ended.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<Vec<Json>>>);

/// Ten dollars for a thousand tokens of the provider `one`.
struct Prices;

// === impl Stage ===

impl Stage {
    async fn set(host: &dyn Host) -> Result<Self, CaseFailure> {
        let (mut standing, mut entries) = (Vec::new(), Vec::new());
        for plugin in &STOCK_PLUGINS {
            let started = Standing::start(host, plugin).await?;
            entries.push(Entry { instance: started.instance.clone(), settings: Settings::default() });
            standing.push(started);
        }
        let ended = Ended::default();
        let services = MockServices::default().services();
        let instance = Instance::start("ended", link(ended.clone()), Json::Null, services, None, None).await?;
        entries.push(Entry { instance, settings: Settings::default() });
        Ok(Self { standing, set: Arc::new(PluginSet::compile(1, entries)?), ended })
    }

    async fn play(&self, scene: Scene, text: &mut String) -> Outcome {
        let one = ScriptedProvider::new("one").answer(scene.one);
        let two = ScriptedProvider::new("two").speaking(&ANTHROPIC).answer(scene.two);
        let keys = Some(ClientKeys::new(vec![ClientKey { secret: Secret::new(KEY), identity: identity() }]));
        let terms = Terms { keys, pricing: Arc::new(Prices), limits: Limits::default() };
        let gateway = Gateway::start_with(self.set.clone(), &[one.clone(), two.clone()], terms)?;
        for standing in &self.standing {
            scene.webhooks.iter().for_each(|webhook| webhook.script(&standing.mocks.http));
        }

        writeln!(text, "\n# {}\n\nPOST {}\n{}", scene.name, scene.ask.path(), scene.ask.body())?;
        let mut connection = gateway.open(&scene.ask).await?;
        match scene.leaves_at {
            Some(said) => {
                connection.until(said).await?;
                drop(connection);
                writeln!(text, "\nthe client leaves at `{said}`")?;
                let given_up = tokio::time::timeout(PATIENCE, one.until_given_up(1)).await;
                given_up.map_err(|_| CaseFailure::new("the provider was not given up"))?;
            }
            None => {
                let answer = connection.finish().await?;
                let kind = answer.headers.get("content-type").map_or("", String::as_str);
                writeln!(text, "\n{} {kind}\n{}", answer.status, scenes::timeless(answer.body.trim_end()))?;
            }
        }
        gateway.settle().await?;
        for (name, provider) in [("one", &one), ("two", &two)] {
            for call in provider.calls() {
                writeln!(text, "\nprovider {name}: {}", call.request.model)?;
            }
        }
        for standing in &self.standing {
            standing.write(text)?;
        }
        self.ended.write(text)
    }
}

fn identity() -> Identity {
    let (app_id, user_id, api_key_id) = ("app".to_owned(), "ann".to_owned(), "key-1".to_owned());
    Identity { app_id, user_id, api_key_id, claims: Map::new() }
}

// === impl Ended ===

#[plugin(name = "ended")]
impl Plugin for Ended {
    /// `request_end` is for plugins of which another hook ran.
    fn post_request(&self, _: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        Ok(())
    }

    fn request_end(&self, cx: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        let written = serde_json::to_value(summary).map_err(|error| Failure::new(error.to_string()))?;
        let mut ended = json!({ "request_id": cx.facts().request_id, "user_id": cx.facts().user_id });
        for (member, value) in written.as_object().into_iter().flatten() {
            // What differs from run to run.
            if !["latency", "time_to_first_token", "overhead"].contains(&member.as_str()) {
                ended[member] = value.clone();
            }
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
        Ok(())
    }
}

impl Ended {
    /// What ended since it was last asked.
    fn write(&self, text: &mut String) -> Outcome {
        let ended = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for summary in ended {
            writeln!(text, "\nended: {summary}")?;
        }
        Ok(())
    }
}

// === impl Prices ===

impl Pricing for Prices {
    fn cost(&self, provider: &str, _: &str, usage: &Usage) -> Option<f64> {
        let tokens = usage.input_tokens + usage.output_tokens;
        (provider == "one").then_some(tokens as f64 / 100.0)
    }
}
