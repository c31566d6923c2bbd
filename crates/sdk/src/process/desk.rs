//! What a call gets of its host: parts and host functions.

use super::crew::Crew;
use gatewright_abi::functions::Function;
use gatewright_abi::service::Ask;
use gatewright_abi::{Far, Part, document};
use gatewright_plugin::services::{BoxFuture, ServiceError};
use gatewright_proto::v1::host_client::HostClient;
use gatewright_proto::v1::{HostAsk, HostResult, PartContent, PartFetch, PluginFrame, host_result, plugin_frame};
use gatewright_proto::{Full, Outbox};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::oneshot;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Of one call.
pub(super) struct Desk {
    call: u64,
    line: Line,
    crew: &'static Crew,
    parts: [OnceLock<Result<Vec<u8>, String>>; Part::ALL.len()],
    looked: AtomicU32,
}

/// How the host is reached.
#[derive(Clone)]
pub(super) enum Line {
    /// Over the session.
    Session(Arc<Asking>),
    /// Over a connection to the gateway's own service, if it has one.
    Host(Option<(HostClient<Channel>, AsciiMetadataValue)>),
}

/// What is being asked over a session.
pub(super) struct Asking {
    outbox: Outbox<PluginFrame>,
    last: AtomicU64,
    results: Mutex<HashMap<u64, oneshot::Sender<HostResult>>>,
    parts: Mutex<HashMap<(u64, u32), oneshot::Sender<PartContent>>>,
}

/// Takes the place of a question back, should nobody wait for it any more.
struct Place<'a, K: std::hash::Hash + Eq, V>(&'a Mutex<HashMap<K, V>>, K);

// === impl Desk ===

impl Desk {
    pub(super) fn new(call: u64, line: Line, sent: Vec<PartContent>, crew: &'static Crew) -> Self {
        let parts: [OnceLock<_>; Part::ALL.len()] = Default::default();
        for PartContent { part, content, error, .. } in sent {
            if let Some(place) = parts.get(part as usize) {
                // Of two of the same, the first counts.
                let _ = place.set(made(content.into(), error));
            }
        }
        Self { call, line, crew, parts, looked: AtomicU32::new(0) }
    }

    /// The parts that were looked at, as bits.
    pub(super) fn looked(&self) -> u32 {
        self.looked.load(Ordering::Relaxed)
    }

    fn fetch(&self, part: Part) -> Result<Vec<u8>, String> {
        let fetch = PartFetch { call: self.call, part: part as u32 };
        match &self.line {
            Line::Session(asking) => {
                let (tell, told) = oneshot::channel();
                let key = (self.call, part as u32);
                lock(&asking.parts).insert(key, tell);
                let _place = Place(&asking.parts, key);
                asking.say(self.crew, plugin_frame::Frame::Part(fetch)).map_err(gone)?;
                let content = self.crew.wait(told).map_err(|_| gone(()))?;
                made(content.content.into(), content.error)
            }
            Line::Host(None) => Err("it did not come with the call, and there is no way to fetch it".to_owned()),
            Line::Host(Some((client, token))) => {
                let (mut client, request) = (client.clone(), authorized(fetch, token));
                let content =
                    self.crew.wait(async move { client.part(request).await }).map_err(|status| said(&status))?;
                made(content.into_inner().content.into(), String::new())
            }
        }
    }

    fn question(&self, id: u64, function: Function, argument: Vec<u8>) -> HostAsk {
        HostAsk { call: self.call, id, function: function as u32, argument: argument.into() }
    }
}

impl Far for Desk {
    fn part(&self, part: Part) -> Result<Vec<u8>, String> {
        self.looked.fetch_or(1 << part as u32, Ordering::Relaxed);
        // Two threads that look at once wait for one fetch.
        self.parts[part as usize].get_or_init(|| self.fetch(part)).clone()
    }

    fn at_hand(&self, part: Part) -> bool {
        self.parts[part as usize].get().is_some_and(Result::is_ok)
    }
}

impl Ask for Desk {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(async move {
            match &self.line {
                Line::Session(asking) => {
                    let id = asking.last.fetch_add(1, Ordering::Relaxed) + 1;
                    let (tell, told) = oneshot::channel();
                    lock(&asking.results).insert(id, tell);
                    let _place = Place(&asking.results, id);
                    let frame = plugin_frame::Frame::Ask(self.question(id, function, argument));
                    asking.outbox.send(PluginFrame { frame: Some(frame) }).await.map_err(away)?;
                    resulted(told.await.map_err(away)?)
                }
                Line::Host(None) => Err(no_host()),
                Line::Host(Some((client, token))) => {
                    let mut client = client.clone();
                    let answered = client.ask(authorized(self.question(0, function, argument), token)).await;
                    resulted(answered.map_err(|status| ServiceError::Failed(said(&status)))?.into_inner())
                }
            }
        })
    }

    fn ask_now(&self, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        match &self.line {
            // Nobody waits: it is there before the answer is, and a refusal goes to the host's log.
            Line::Session(asking) => {
                let frame = plugin_frame::Frame::Ask(self.question(0, function, argument));
                asking.say(self.crew, frame).map_err(away)?;
                Ok(document::write(&()))
            }
            Line::Host(_) => self.crew.wait(self.ask(function, argument)),
        }
    }
}

// === impl Asking ===

impl Asking {
    pub(super) fn new(outbox: Outbox<PluginFrame>) -> Self {
        Self { outbox, last: AtomicU64::new(0), results: Mutex::default(), parts: Mutex::default() }
    }

    /// The result of a question.
    pub(super) fn result(&self, result: HostResult) {
        if let Some(tell) = lock(&self.results).remove(&result.id) {
            // Who asked may have been given up.
            let _ = tell.send(result);
        }
    }

    /// A part that was fetched.
    pub(super) fn part(&self, part: PartContent) {
        if let Some(tell) = lock(&self.parts).remove(&(part.call, part.part)) {
            let _ = tell.send(part);
        }
    }

    /// The session is over: nobody is answered any more.
    pub(super) fn end(&self) {
        lock(&self.results).clear();
        lock(&self.parts).clear();
    }

    fn say(&self, crew: &Crew, frame: plugin_frame::Frame) -> Result<(), Full> {
        match self.outbox.try_send(PluginFrame { frame: Some(frame) }) {
            Ok(()) => Ok(()),
            Err((Full::Gone, _)) => Err(Full::Gone),
            Err((Full::Full, frame)) => crew.wait(self.outbox.send(frame)),
        }
    }
}

// === impl Place ===

impl<K: std::hash::Hash + Eq, V> Drop for Place<'_, K, V> {
    fn drop(&mut self) {
        lock(self.0).remove(&self.1);
    }
}

fn authorized<T>(message: T, token: &AsciiMetadataValue) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.clone());
    request
}

fn made(content: Vec<u8>, error: String) -> Result<Vec<u8>, String> {
    if error.is_empty() { Ok(content) } else { Err(error) }
}

fn resulted(result: HostResult) -> Result<Vec<u8>, ServiceError> {
    match result.result {
        Some(host_result::Result::Value(value)) => Ok(value.into()),
        Some(host_result::Result::Error(error)) => {
            Err(document::read(&error).unwrap_or_else(|error| ServiceError::Failed(error.to_string())))
        }
        None => Err(ServiceError::Failed("the host answered nothing".to_owned())),
    }
}

fn said(status: &Status) -> String {
    format!("the host: {}", status.message())
}

fn gone<E>(_: E) -> String {
    "the gateway is gone".to_owned()
}

fn away<E>(_: E) -> ServiceError {
    ServiceError::Failed("the gateway is gone".to_owned())
}

fn no_host() -> ServiceError {
    ServiceError::Failed("over single calls, and from elsewhere, there is no way to the host".to_owned())
}

/// No code of ours panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
