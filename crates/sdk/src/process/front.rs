//! What answers requests: hooks are called with little around it, for all else there is tonic.

use super::calls::{Kept, Maker};
use super::service::Service;
use gatewright_proto::v1::plugin_server::PluginServer;
use gatewright_proto::{MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, message_limit, single};
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::codegen::Service as _;
use tonic::service::Routes;
use tonic::{Status, body};

/// The request that makes an instance.
const START: &str = "/gatewright.plugin.v1.Plugin/Start";

/// The requests that are made for every hook, and for every chunk of a stream.
const CALL: &str = "/gatewright.plugin.v1.Plugin/Call";
const PULL: &str = "/gatewright.plugin.v1.Plugin/Pull";

/// What a stream, and all of a connection together, may be sent before they are read.
const STREAM_WINDOW: u32 = 4 << 20;
const WINDOW: u32 = 16 << 20;

/// The largest frame that is taken.
const FRAME: u32 = 256 << 10;

/// The most requests at once over one connection.
const AT_ONCE: u32 = 1024;

/// Answers requests.
#[derive(Clone)]
pub(super) struct Front {
    service: Service,
    rest: Routes,
}

/// A message and its status, or what tonic answers.
type Answer = Either<single::Answer, body::Body>;

// === impl Front ===

impl Front {
    /// With these routes for what is not the plugin's.
    pub(super) fn new(service: Service, routes: Routes) -> Self {
        let plugin = PluginServer::new(service.clone())
            .max_decoding_message_size(message_limit(MAX_TO_PLUGIN_BYTES))
            .max_encoding_message_size(message_limit(MAX_FROM_PLUGIN_BYTES));
        Self { service, rest: routes.add_service(plugin).prepare() }
    }

    /// Serves a connection until it is no more.
    pub(super) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let (service, maker) = (self.service.clone(), Arc::new(Maker::default()));
        let by = maker.clone();
        let answer = service_fn(move |mut request: Request<Incoming>| {
            let front = self.clone();
            if request.uri().path() == START {
                request.extensions_mut().insert(by.clone());
            }
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .max_concurrent_streams(AT_ONCE)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), answer);
        // Why it ended is the other side's to say.
        let _ended = connection.await;
        service.gone(&maker);
    }

    async fn answer(mut self, request: Request<Incoming>) -> Response<Answer> {
        let answered = match request.uri().path() {
            // What is compressed is refused in tonic's words.
            CALL | PULL if request.headers().contains_key("grpc-encoding") => self.routed(request).await,
            CALL => self.called(request).await,
            PULL => self.pulled(request).await,
            _ => self.routed(request).await,
        };
        answered.unwrap_or_else(|status| status.into_http::<body::Body>().map(Either::Right))
    }

    async fn routed(&mut self, request: Request<Incoming>) -> Result<Response<Answer>, Status> {
        let answered = self.rest.call(request).await;
        answered.map(|response| response.map(Either::Right)).map_err(|never| match never {})
    }

    async fn called(&self, request: Request<Incoming>) -> Result<Response<Answer>, Status> {
        let call = read(request).await?;
        // One that is given up takes with it what it was answered with.
        let (answer, kept) = self.service.run(|calls| async move { calls.call(call, None).await }).await??;
        let response = write(&answer)?;
        Kept::went_out(kept);
        Ok(response)
    }

    async fn pulled(&self, request: Request<Incoming>) -> Result<Response<Answer>, Status> {
        let pull = read(request).await?;
        write(&self.service.run(|calls| async move { calls.pull(pull).await }).await??)
    }
}

async fn read<M: Message + Default>(request: Request<Incoming>) -> Result<M, Status> {
    let (message, _) = single::read(request.into_body(), message_limit(MAX_TO_PLUGIN_BYTES), None).await?;
    message.ok_or_else(|| Status::internal("there is no message"))
}

fn write(message: &impl Message) -> Result<Response<Answer>, Status> {
    Ok(single::response(single::write(message, message_limit(MAX_FROM_PLUGIN_BYTES))?).map(Either::Left))
}
