//! A call of a hook, where its request runs.

use crate::desk::Desk;
use crate::flights::{Answer, Flight, Want};
use crate::link::Link;
use crate::links::Links;
use crate::process::Shared;
use crate::single::Single;
use futures_util::stream::{FuturesUnordered, StreamExt};
use gatewright_abi::host::{self, Arrival, Departure};
use gatewright_abi::{Pulled, Pulls, document};
use gatewright_plugin::hosted::{Call, Reply};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Failure};
use gatewright_proto::MAX_TO_PLUGIN_BYTES;
use gatewright_proto::v1::{HookAnswer, HookCall, PartContent, StreamChunks, StreamPull, host_frame};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::{Code, Status};

/// The most host functions that one call has under way; others wait.
const UNDER_WAY: usize = 64;

/// Where single pulls go to.
const PULL: &str = "http://plugin/gatewright.plugin.v1.Plugin/Pull";

/// The streams that a call was answered with.
#[derive(Clone)]
struct Answered {
    links: Arc<Links>,
    call: u64,
    desk: Arc<Desk>,
    /// How long a pull may take.
    limit: Duration,
}

/// Calls a hook.
pub(crate) async fn call(shared: &Shared, links: &Arc<Links>, cx: &mut Cx, call: &mut Call) -> Reply {
    let hook = call.hook();
    let Departure { head, rest } = host::depart(cx, &call.lend(), &shared.view);
    let link = links.of(hook);
    let session = link.session.is_some();
    let parts = shared.prefetch.parts(hook, &rest, session, MAX_TO_PLUGIN_BYTES.saturating_sub(head.len()));
    let desk = Arc::new(Desk::new(cx.services().clone(), hook, rest, link.flights.results()));
    let (number, limit) = (link.flights.call(), shared.limit(hook));
    match ask(&link, &desk, number, limit, head, parts).await {
        Ok(HookAnswer { answer, looked, .. }) => {
            if session {
                shared.prefetch.learn(hook, looked);
            }
            let streams = || -> Arc<dyn Pulls> {
                Arc::new(Answered { links: links.clone(), call: number, desk: desk.clone(), limit })
            };
            host::settle(cx, call.lend(), Arrival::of(&answer), &shared.view, &streams)
        }
        Err(failure) => Reply::Failed(failure),
    }
}

async fn ask(
    link: &Arc<Link>,
    desk: &Arc<Desk>,
    id: u64,
    limit: Duration,
    head: Vec<u8>,
    parts: Vec<PartContent>,
) -> Result<HookAnswer, Failure> {
    if head.len() + parts.iter().map(|part| part.content.len()).sum::<usize>() > MAX_TO_PLUGIN_BYTES {
        return Err(Failure::Oversized(format!("it would get more than {MAX_TO_PLUGIN_BYTES} bytes")));
    }
    let remaining = desk.facts().remaining().map_or(0, |left| left.as_millis().max(1));
    let call = HookCall {
        id,
        hook: desk.hook() as u32,
        head: head.into(),
        parts,
        remaining_ms: u64::try_from(remaining).unwrap_or(u64::MAX),
        instance: link.instance,
    };
    let mut flight = Flight::open(link, id, desk, limit)?;
    let Some(session) = &link.session else {
        let answering = async { Single::send(link, desk.hook(), limit, &call).await?.await };
        let answer = attend(&mut flight.wants, desk, id, answering).await;
        if answer.as_ref().is_err_and(|status| status.code() == Code::NotFound) {
            link.flights.sever("it does not have its instance any more");
        }
        return answer.map_err(|status| failed(&status));
    };
    flight.send(session, host_frame::Frame::Call(call)).await?;
    let Flight { wants, answer, .. } = &mut flight;
    match attend(wants, desk, id, answer).await {
        Ok(Answer::Hook(answer)) => Ok(answer),
        Ok(Answer::Chunks(_)) => Err(Failure::Malformed("it answered a call with chunks".to_owned())),
        Err(_) => Err(link.failure()),
    }
}

/// Gives a call what it wants until it is answered.
async fn attend<T>(wants: &mut mpsc::Receiver<Want>, desk: &Desk, call: u64, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(want) = wants.recv(), if under_way.len() < UNDER_WAY => under_way.push(desk.serve(call, want)),
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            answer = &mut answer => return answer,
        }
    }
}

/// What an error of a single call means. Whether its connection broke or the plugin says so, it is of this call: that
/// a connection is no more, who moves it along finds.
fn failed(status: &Status) -> Failure {
    let message = status.message().to_owned();
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::Unknown | Code::NotFound => Failure::Unavailable(message),
        Code::DeadlineExceeded => Failure::TimedOut,
        Code::ResourceExhausted | Code::OutOfRange => Failure::Oversized(message),
        Code::Internal | Code::Unimplemented | Code::DataLoss => Failure::Malformed(message),
        _ => Failure::Returned(message),
    }
}

// === impl Answered ===

impl Answered {
    async fn chunks(self, stream: u64) -> Result<Pulled, LlmError> {
        let Self { links, call, desk, limit } = self;
        let link = links.of(desk.hook());
        let pull = StreamPull { stream, call, instance: link.instance };
        let mut flight = Flight::open(&link, call, &desk, limit).map_err(lost)?;
        let pulled = match &link.session {
            None => {
                let pulled = attend(&mut flight.wants, &desk, call, link.wire.single(PULL, &pull)).await;
                let chunks: StreamChunks = pulled.map_err(|status| lost(failed(&status)))?;
                chunks.pulled
            }
            Some(session) => {
                flight.send(session, host_frame::Frame::Pull(pull)).await.map_err(lost)?;
                let Flight { wants, answer, .. } = &mut flight;
                match attend(wants, &desk, call, answer).await {
                    Ok(Answer::Chunks(pulled)) => pulled,
                    Ok(Answer::Hook(_)) => {
                        return Err(lost(Failure::Malformed("it answered a pull as a call".to_owned())));
                    }
                    Err(_) => return Err(lost(link.failure())),
                }
            }
        };
        read(&pulled)
    }
}

/// What a pull gave.
fn read(pulled: &[u8]) -> Result<Pulled, LlmError> {
    document::read(pulled).map_err(|error| lost(error.into()))
}

/// A failure of a pull. Who runs the stream knows the plugin's name, and tells the client no more than the cause.
fn lost(failure: Failure) -> LlmError {
    LlmError::new(ErrorKind::PluginUnavailable, failure.to_string()).with_code(failure.cause())
}

impl Pulls for Answered {
    fn pull(&self, number: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        Box::pin(self.clone().chunks(number))
    }

    fn close(&self, number: u64) {
        self.links.of(self.desk.hook()).close(number);
    }
}

#[cfg(test)]
mod tests;
