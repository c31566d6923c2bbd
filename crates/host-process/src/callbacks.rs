//! The service by which plugins that serve single calls alone reach their host.

use crate::accept::connections;
use crate::flights::{Flights, To, What};
use gatewright_proto::v1::host_server::{Host, HostServer};
use gatewright_proto::v1::{HostAsk, HostResult, PartContent, PartFetch};
use gatewright_proto::{MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, message_limit};
use std::io;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// The most requests at once of one connection.
const AT_ONCE: usize = 256;

/// The service, for one process.
struct Callbacks(Arc<Flights>);

/// Serves a process, which says this token, until the future is dropped.
pub(crate) async fn serve(listener: UnixListener, token: String, flights: Arc<Flights>) -> io::Result<()> {
    let callbacks = HostServer::new(Callbacks(flights))
        .max_decoding_message_size(message_limit(MAX_FROM_PLUGIN_BYTES))
        .max_encoding_message_size(message_limit(MAX_TO_PLUGIN_BYTES));
    let expected = format!("Bearer {token}");
    let checked = tonic::service::interceptor::InterceptedService::new(callbacks, move |request: Request<()>| {
        let said = request.metadata().get("authorization").map(|said| said.as_bytes()).unwrap_or_default();
        match equal(said, expected.as_bytes()) {
            true => Ok(request),
            false => Err(Status::unauthenticated("the token is another")),
        }
    });
    Server::builder()
        .concurrency_limit_per_connection(AT_ONCE)
        .add_service(checked)
        .serve_with_incoming(connections(listener))
        .await
        .map_err(io::Error::other)
}

/// Takes the same time however much is right.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

fn over<E>(_: E) -> Status {
    Status::failed_precondition("the call is over")
}

#[tonic::async_trait]
impl Host for Callbacks {
    async fn part(&self, request: Request<PartFetch>) -> Result<Response<PartContent>, Status> {
        let PartFetch { call, part } = request.into_inner();
        let (tell, told) = oneshot::channel();
        self.0.wanted(call, What::Part(part), To::Part(tell)).await.map_err(|_| over(()))?;
        Ok(Response::new(told.await.map_err(over)?))
    }

    async fn ask(&self, request: Request<HostAsk>) -> Result<Response<HostResult>, Status> {
        let HostAsk { call, function, argument, .. } = request.into_inner();
        let (tell, told) = oneshot::channel();
        let what = What::Function { function, argument: argument.to_vec() };
        drop(argument);
        self.0.wanted(call, what, To::Function(tell)).await.map_err(|_| over(()))?;
        Ok(Response::new(told.await.map_err(over)?))
    }
}

#[cfg(test)]
mod tests;
