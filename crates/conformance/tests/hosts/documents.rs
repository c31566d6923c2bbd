//! Plugins that are linked in and reached through documents: what every boundary has in common, without a boundary.

use gatewright_abi::functions::Function;
use gatewright_abi::guest::AllHooks;
use gatewright_abi::service::{self, Ask};
use gatewright_abi::{Far, Part, Pulled, Pulls, Streams, View, guest, host, pull};
use gatewright_conformance::Host;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::services::{BoxFuture, ServiceError, Services};
use gatewright_plugin::{Cx, Facts, Failure, Hook, HookSet, Manifest};
use serde_json::Value as Json;
use std::sync::{Arc, Mutex};

pub(crate) struct Documents;

/// A plugin behind documents.
struct Behind {
    plugin: Arc<dyn Hosted>,
    view: Arc<View>,
    streams: Arc<Mutex<Streams>>,
    pulls: Arc<dyn Pulls>,
}

/// The streams that the plugin answers with.
struct Open(Arc<Mutex<Streams>>);

/// The call at hand.
struct Here(host::Rest);

/// The host's services, through documents too.
struct Desk {
    services: Services,
    facts: Arc<Facts>,
    hook: Hook,
}

// === impl Host ===

impl Host for Documents {
    fn name(&self) -> &'static str {
        "documents"
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        let behind = (plugin.link)(config).map(|plugin| {
            let streams = Arc::<Mutex<Streams>>::default();
            let (view, pulls) = (Arc::new(View::all()), Arc::new(Open(streams.clone())));
            Arc::new(Behind { plugin, view, streams, pulls }) as Arc<dyn Hosted>
        });
        Box::pin(std::future::ready(behind))
    }
}

// === impl Far ===

impl Far for Here {
    fn part(&self, part: Part) -> Result<Vec<u8>, String> {
        self.0.part(part).map(|contents| contents.into_bytes().into()).map_err(|why| why.to_string())
    }
}

// === impl Ask ===

impl Ask for Desk {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        let Self { services, facts, hook } = self;
        Box::pin(async move { service::serve(services, facts, *hook, true, function, &argument).await })
    }

    fn ask_now(&self, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        service::serve_now(&self.services, &self.facts, self.hook, function, &argument)
    }
}

// === impl Pulls ===

impl Pulls for Open {
    fn pull(&self, number: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        let streams = self.0.clone();
        Box::pin(async move {
            let taken = streams.lock().unwrap().take(number);
            let mut stream = taken.ok_or_else(|| LlmError::new(ErrorKind::Internal, "no such stream"))?;
            let pulled = pull(&mut stream).await;
            if matches!(pulled, Pulled::Chunks(_)) {
                streams.lock().unwrap().put_back(number, stream);
            }
            Ok(pulled)
        })
    }

    fn close(&self, number: u64) {
        drop(self.0.lock().unwrap().take(number));
    }
}

// === impl Behind ===

impl Behind {
    /// The context on the plugin's side.
    fn there(cx: &Cx, hook: Hook, far: &Arc<dyn Far>) -> Cx {
        let desk = Desk { services: cx.services().clone(), facts: cx.shared_facts().clone(), hook };
        guest::context(far, service::services(Arc::new(desk)))
    }

    fn leave(&self, far: &Arc<dyn Far>, cx: &mut Cx, call: &Call, reply: Reply) -> Vec<u8> {
        guest::leave::<AllHooks>(far, cx, call, reply, &mut |stream| self.streams.lock().unwrap().keep(stream))
    }
}

impl Hosted for Behind {
    fn manifest(&self) -> &Manifest {
        self.plugin.manifest()
    }

    fn hooks(&self) -> HookSet {
        self.plugin.hooks()
    }

    fn immediate(&self) -> HookSet {
        self.plugin.immediate()
    }

    fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        let hook = call.hook();
        let departure = host::depart(cx, &call, &self.view);
        let far: Arc<dyn Far> = Arc::new(Here(departure.rest));
        let mut there = Self::there(cx, hook, &far);
        let mut arrived = guest::arrive::<AllHooks>(hook, &departure.head, &far).unwrap();
        let reply = self.plugin.call_now(&mut there, arrived.lend());
        let answer = self.leave(&far, &mut there, &arrived, reply);
        host::settle(cx, call, host::Arrival::of(&answer), &self.view, &|| self.pulls.clone())
    }

    fn call(self: Arc<Self>, mut cx: Cx, mut call: Call) -> BoxFuture<'static, Returned> {
        Box::pin(async move {
            let departure = host::depart(&cx, &call.lend(), &self.view);
            let far: Arc<dyn Far> = Arc::new(Here(departure.rest));
            let there = Self::there(&cx, call.hook(), &far);
            let arrived = guest::arrive::<AllHooks>(call.hook(), &departure.head, &far).unwrap();
            let mut returned = self.plugin.clone().call(there, arrived).await;
            let answer = self.leave(&far, &mut returned.cx, &returned.call, returned.reply);
            let reply =
                host::settle(&mut cx, call.lend(), host::Arrival::of(&answer), &self.view, &|| self.pulls.clone());
            Returned { cx, call, reply }
        })
    }
}
