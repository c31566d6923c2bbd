//! A plugin's process that misbehaves, as its first argument says.

use futures_util::StreamExt;
use gatewright_plugin::{Hook, HookSet, Manifest};
use gatewright_proto::v1::plugin_server::{Plugin, PluginServer};
use gatewright_proto::v1::{
    CloseReply, HookAnswer, HookCall, HostAsk, HostFrame, HostFrames, HostResult, IntroduceReply, IntroduceRequest,
    PartContent, PartFetch, PluginFrame, PluginFrames, StartReply, StartRequest, StopReply, StopRequest, StreamChunks,
    StreamClose, StreamPull, host_frame, host_result, plugin_frame,
};
use gatewright_proto::{Batches, COOKIE, Outbox, SOCKET, queue};
use gatewright_sdk::abi::functions::Function;
use gatewright_sdk::abi::{Introduction, VERSION, document};
use serde_json::json;
use std::io::{Error, Write};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone)]
struct Hostile {
    how: String,
    cookie: String,
    /// How often it said or asked something of which there is one after the other.
    said: Arc<AtomicUsize>,
}

/// What is refused of what one asks who meddles with calls of others, and asks what there is not.
const REFUSED: usize = 6;

fn main() -> ExitCode {
    let how = std::env::args().nth(1).unwrap_or_default();
    let (cookie, socket) = (std::env::var(COOKIE).unwrap_or_default(), std::env::var(SOCKET).unwrap_or_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let served =
        runtime.and_then(|runtime| runtime.block_on(run(Hostile { how, cookie, said: Arc::default() }, socket)));
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
        "exits_garbled" => {
            std::io::stderr().write_all(b"there is no \xff\xfe licence\n")?;
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

/// The bytes of which these are the hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map_while(pair).collect()
}

/// Prints, past whatever might keep it, lines that are no text and one without an end.
fn print() -> Result<(), Error> {
    let garbled = [b"\xff\xfe\0 garbled\n".repeat(1000), b"{\"level\": \"error\", \"\xff".to_vec()].concat();
    std::io::stdout().write_all(&garbled)?;
    std::io::stdout().flush()?;
    std::io::stderr().write_all(&garbled)
}

fn ask(call: u64, id: u64, function: u32, argument: &[u8]) -> PluginFrame {
    let ask = HostAsk { call, id, function, argument: argument.to_vec().into() };
    PluginFrame { frame: Some(plugin_frame::Frame::Ask(ask)) }
}

fn answered(answer: HookAnswer) -> PluginFrame {
    PluginFrame { frame: Some(plugin_frame::Frame::Answer(answer)) }
}

/// What is asked of calls that there are not, and in this one what there is not, under numbers that are used already.
/// Nobody waits for the last two.
fn meddling(call: u64) -> Vec<PluginFrame> {
    let (of_none, no_text) = (call + 1000, b"\x62\xff\xfe");
    let fetch = |call, part| PluginFrame { frame: Some(plugin_frame::Frame::Part(PartFetch { call, part })) };
    vec![
        ask(of_none, 1, Function::KvGet as u32, &document::write(&"a")),
        fetch(of_none, 0),
        fetch(call, 999),
        ask(call, 2, 999, b""),
        ask(call, 2, 999, b""),
        ask(call, 3, Function::KvGet as u32, no_text),
        ask(of_none, 0, Function::Log as u32, no_text),
        ask(call, 0, Function::Log as u32, no_text),
    ]
}

/// Whether this is a refusal of what was asked.
fn is_refusal(frame: &HostFrame) -> bool {
    match &frame.frame {
        Some(host_frame::Frame::Result(HostResult { result, .. })) => {
            matches!(result, Some(host_result::Result::Error(_)))
        }
        Some(host_frame::Frame::Part(PartContent { error, .. })) => !error.is_empty(),
        _ => false,
    }
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
    /// How often it was asked for something before.
    fn before(&self) -> usize {
        self.said.fetch_add(1, Ordering::Relaxed)
    }

    /// The next of the answers that the second argument has.
    fn next_said(&self) -> Vec<u8> {
        let all = std::env::args().nth(2).unwrap_or_default();
        all.split(',').nth(self.before()).map(bytes).unwrap_or_default()
    }

    /// Takes a call, and answers it if it does.
    async fn take(self, call: HookCall, outbox: Outbox<PluginFrame>) {
        if let Some(answer) = self.answer(call, &outbox).await {
            // The gateway may be gone.
            let _ = outbox.send(answered(answer)).await;
        }
    }

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
            "says" => Some(HookAnswer { answer: self.next_said().into(), ..quiet }),
            "prints" => print().is_ok().then_some(quiet),
            "answers_twice" => {
                // The gateway may be gone.
                let _ = outbox.send(answered(quiet.clone())).await;
                Some(quiet)
            }
            // The others within what the first asks, whose result it waits for.
            "asks" if self.before() == 0 => {
                let argument = document::write(&json!({ "key": "again", "by": 1 }));
                let _ = outbox.send(ask(call.id, 1, Function::KvIncrement as u32, &argument)).await;
                None
            }
            "meddles" => {
                for frame in meddling(call.id) {
                    let _ = outbox.send(frame).await;
                }
                None
            }
            "garbage" => Some(HookAnswer { answer: vec![0xff; 1000].into(), ..quiet }),
            "oversized" => Some(HookAnswer { answer: vec![0; 40 << 20].into(), ..quiet }),
            "large" => Some(HookAnswer { answer: vec![0; (32 << 20) + 1].into(), ..quiet }),
            "wrong_id" => Some(HookAnswer { call: call.id + 1000, ..quiet }),
            "talkative" => {
                let line = document::write(&json!({ "level": "info", "message": "still here", "fields": [] }));
                for _ in 0..20_000 {
                    // The gateway may be gone.
                    let _ = outbox.send(ask(call.id, 0, Function::Log as u32, &line)).await;
                }
                Some(quiet)
            }
            "greedy" => {
                for id in 1..100_000 {
                    if outbox.send(ask(call.id, id, 3, &vec![0; 1 << 20])).await.is_err() {
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
            "says" => HookSet::of(&[Hook::CheckInput, Hook::PreRequest, Hook::PreLlm, Hook::Asset, Hook::Health]),
            _ => HookSet::of(&[Hook::CheckInput]),
        };
        let introduction = Introduction::new(Manifest::new("hostile", "0.1.0"), hooks, HookSet::EMPTY);
        let introduction = match &*self.how {
            "unintelligible" => vec![0xff; 10],
            "no_utf8" => {
                let written = introduction.write();
                let at = written.windows(7).position(|bytes| bytes == b"hostile").unwrap_or_default();
                [&written[..at], b"host\xff\xfee", &written[at + 7..]].concat()
            }
            "too_new" => Introduction { contract: (VERSION.0 + 1, 0), ..introduction }.write(),
            "too_old" => Introduction { contract: (VERSION.0 - 1, 3), ..introduction }.write(),
            _ => introduction.write(),
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
            // Of one who meddles: the call that it meddles in, and what it was refused in it.
            let (mut meddled, mut refused) = (0, 0);
            while let Ok(Some(HostFrames { frames })) = frames.message().await {
                for frame in frames {
                    refused += usize::from(is_refusal(&frame));
                    let (hostile, outbox) = (hostile.clone(), outbox.clone());
                    match frame.frame {
                        Some(host_frame::Frame::Call(call)) => {
                            meddled = call.id;
                            tokio::spawn(async move { hostile.take(call, outbox).await });
                        }
                        Some(host_frame::Frame::Pull(StreamPull { call, .. })) => {
                            let pulled = StreamChunks { call, pulled: hostile.next_said().into() };
                            let _ = outbox.send(PluginFrame { frame: Some(plugin_frame::Frame::Pulled(pulled)) }).await;
                        }
                        Some(host_frame::Frame::Result(HostResult { call, .. })) if hostile.how == "asks" => {
                            let _ = outbox.send(answered(HookAnswer { call, ..HookAnswer::default() })).await;
                        }
                        _ => {}
                    }
                }
                if hostile.how == "meddles" && refused == REFUSED {
                    refused = 0;
                    let _ = outbox.send(answered(HookAnswer { call: meddled, ..HookAnswer::default() })).await;
                }
                if hostile.how == "deaf" {
                    std::future::pending::<()>().await;
                }
                if hostile.how == "hangs_up" {
                    break;
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
