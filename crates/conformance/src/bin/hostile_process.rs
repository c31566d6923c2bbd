//! A plugin's process that misbehaves, as its first argument says.

use futures_util::StreamExt;
use gatewright_plugin::{Hook, HookSet, Manifest};
use gatewright_proto::v1::plugin_server::{Plugin, PluginServer};
use gatewright_proto::v1::{
    CloseReply, HookAnswer, HookCall, HostAsk, HostFrames, IntroduceReply, IntroduceRequest, PluginFrame, PluginFrames,
    StartReply, StartRequest, StopReply, StopRequest, StreamChunks, StreamClose, StreamPull, host_frame, plugin_frame,
};
use gatewright_proto::{Batches, COOKIE, Outbox, SOCKET, queue};
use gatewright_sdk::abi::functions::Function;
use gatewright_sdk::abi::{Introduction, document};
use serde_json::json;
use std::io::{Error, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone)]
struct Hostile {
    how: String,
    cookie: String,
}

fn main() -> ExitCode {
    let how = std::env::args().nth(1).unwrap_or_default();
    let (cookie, socket) = (std::env::var(COOKIE).unwrap_or_default(), std::env::var(SOCKET).unwrap_or_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let served = runtime.and_then(|runtime| runtime.block_on(run(Hostile { how, cookie }, socket)));
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(hostile: Hostile, socket: String) -> Result<(), Error> {
    match &*hostile.how {
        "never" => std::future::pending().await,
        "slow" => tokio::time::sleep(Duration::from_millis(300)).await,
        "exits" => {
            writeln!(std::io::stderr(), "there is no licence for this")?;
            std::process::exit(3);
        }
        "stubborn" => {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::spawn(async move { while terminate.recv().await.is_some() {} });
        }
        "noisy" => {
            let lines = "noise\n".repeat(1 << 20);
            std::io::stdout().write_all(lines.as_bytes())?;
            std::io::stderr().write_all("x".repeat(8 << 20).as_bytes())?;
            std::io::stderr().write_all(lines.as_bytes())?;
        }
        "forks" => {
            // Nobody waits for it: it outlives this process unless its group is ended.
            Command::new("/bin/sleep").arg("1000").spawn()?;
        }
        "no_http" => {
            let listener = UnixListener::bind(socket)?;
            loop {
                let (stream, _) = listener.accept().await?;
                // The other side may be gone.
                let _ = stream.try_write("hello there\n".repeat(1000).as_bytes());
                std::mem::forget(stream);
            }
        }
        _ => {}
    }
    let incoming = UnixListenerStream::new(UnixListener::bind(socket)?);
    let served = tonic::transport::Server::builder()
        .add_service(PluginServer::new(hostile).max_encoding_message_size(usize::MAX));
    served.serve_with_incoming(incoming).await.map_err(Error::other)
}

/// Whether another process was started so, as the file says that the second argument names; says that this one was, and
/// where it listens.
fn started_before() -> bool {
    let Some(path) = std::env::args().nth(2) else { return false };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let socket = std::env::var(SOCKET).unwrap_or_default();
    let written = file.and_then(|mut file| writeln!(file, "{} {socket}", std::process::id()));
    written.is_ok() && std::fs::read_to_string(path).is_ok_and(|text| text.lines().count() > 1)
}

impl Hostile {
    async fn answer(&self, call: HookCall, outbox: &Outbox<PluginFrame>) -> Option<HookAnswer> {
        let quiet = HookAnswer { call: call.id, ..HookAnswer::default() };
        match &*self.how {
            "hangs" => None,
            "dawdles" => {
                // Whatever it is told meanwhile.
                tokio::time::sleep(Duration::from_millis(1500)).await;
                Some(quiet)
            }
            "spins" => loop {
                std::hint::spin_loop();
            },
            "dies" => std::process::abort(),
            "starts_once" => match started_before() {
                true => std::future::pending().await,
                false => Some(quiet),
            },
            "garbage" => Some(HookAnswer { answer: vec![0xff; 1000].into(), ..quiet }),
            "oversized" => Some(HookAnswer { answer: vec![0; 40 << 20].into(), ..quiet }),
            "large" => Some(HookAnswer { answer: vec![0; (32 << 20) + 1].into(), ..quiet }),
            "wrong_id" => Some(HookAnswer { call: call.id + 1000, ..quiet }),
            "talkative" => {
                let line = document::write(&json!({ "level": "info", "message": "still here", "fields": [] }));
                for _ in 0..20_000 {
                    let argument = line.clone().into();
                    let ask = HostAsk { call: call.id, id: 0, function: Function::Log as u32, argument };
                    // The gateway may be gone.
                    let _ = outbox.send(PluginFrame { frame: Some(plugin_frame::Frame::Ask(ask)) }).await;
                }
                Some(quiet)
            }
            "greedy" => {
                for id in 1..100_000 {
                    let ask = HostAsk { call: call.id, id, function: 3, argument: vec![0; 1 << 20].into() };
                    let frame = Some(plugin_frame::Frame::Ask(ask));
                    if outbox.send(PluginFrame { frame }).await.is_err() {
                        break;
                    }
                }
                None
            }
            _ => Some(quiet),
        }
    }
}

#[tonic::async_trait]
impl Plugin for Hostile {
    async fn introduce(&self, _: Request<IntroduceRequest>) -> Result<Response<IntroduceReply>, Status> {
        let hooks = match &*self.how {
            "starts_once" => HookSet::of(&[Hook::OnStartup]),
            _ => HookSet::of(&[Hook::CheckInput]),
        };
        let introduction = match &*self.how {
            "unintelligible" => vec![0xff; 10],
            _ => Introduction::new(Manifest::new("hostile", "0.1.0"), hooks, HookSet::EMPTY).write(),
        };
        let cookie = match &*self.how {
            "wrong_cookie" => "me".to_owned(),
            _ => self.cookie.clone(),
        };
        let session = !["single", "sometimes_unavailable"].contains(&&*self.how);
        Ok(Response::new(IntroduceReply { introduction: introduction.into(), cookie, session }))
    }

    async fn start(&self, _: Request<StartRequest>) -> Result<Response<StartReply>, Status> {
        match &*self.how {
            "refuses" => Err(Status::invalid_argument("its config: there is no `key`")),
            "dies_at_start" => std::process::abort(),
            _ => Ok(Response::new(StartReply { instance: 1 })),
        }
    }

    async fn call(&self, request: Request<HookCall>) -> Result<Response<HookAnswer>, Status> {
        let id = request.into_inner().id;
        match &*self.how {
            "sometimes_unavailable" if id % 2 == 1 => Err(Status::unavailable("its database is down")),
            _ => Ok(Response::new(HookAnswer { call: id, ..HookAnswer::default() })),
        }
    }

    type SessionStream =
        futures_util::stream::Map<Batches<PluginFrame>, fn(PluginFrames) -> Result<PluginFrames, Status>>;

    async fn session(&self, request: Request<Streaming<HostFrames>>) -> Result<Response<Self::SessionStream>, Status> {
        let (outbox, batches) = queue();
        let (hostile, mut frames) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(HostFrames { frames })) = frames.message().await {
                for frame in frames {
                    let Some(host_frame::Frame::Call(call)) = frame.frame else { continue };
                    let (hostile, outbox) = (hostile.clone(), outbox.clone());
                    tokio::spawn(async move {
                        if let Some(answer) = hostile.answer(call, &outbox).await {
                            let frame = Some(plugin_frame::Frame::Answer(answer));
                            // The gateway may be gone.
                            let _ = outbox.send(PluginFrame { frame }).await;
                        }
                    });
                }
                if hostile.how == "deaf" {
                    std::future::pending::<()>().await;
                }
            }
        });
        Ok(Response::new(batches.map(Ok)))
    }

    async fn pull(&self, _: Request<StreamPull>) -> Result<Response<StreamChunks>, Status> {
        Err(Status::unimplemented("it has no streams"))
    }

    async fn close(&self, _: Request<StreamClose>) -> Result<Response<CloseReply>, Status> {
        Ok(Response::new(CloseReply {}))
    }

    async fn stop(&self, _: Request<StopRequest>) -> Result<Response<StopReply>, Status> {
        match &*self.how {
            "stubborn" => std::future::pending().await,
            _ => Ok(Response::new(StopReply {})),
        }
    }
}
