//! A plugin as a process of its own.
//!
//! `fn main` is one line, [`executable!`](crate::executable). The process serves `gatewright.plugin.v1.Plugin` (see
//! `proto/`) on the socket that the gateway names. One thread does that, hooks and all; others rest until a hook blocks
//! it. What a hook looks at came with the call, or else is fetched while its thread waits; what it asks of the host and
//! must wait for, it awaits.
//!
//! A panic ends the call, not the process. What is printed to stdout goes nowhere; lines on stderr become the host's
//! log.

mod calls;
mod crew;
mod desk;
mod front;
mod listen;
mod service;

use crate::Exported;
use calls::Calls;
use crew::Crew;
use front::Front;
use gatewright_abi::Introduction;
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::{FromConfig, panicking};
use gatewright_proto::HEALTH;
use listen::{Listen, Listener};
use service::Service;
use std::future::Future;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tonic::service::Routes;

/// What a process serves: the type of a plugin, or an artefact of another kind.
pub trait Artefact: Send + Sync + 'static {
    /// What it says of itself.
    fn introduction(&self) -> Introduction;

    /// Makes an instance from its config, a JSON text. An error says what is wrong with the config. May block.
    fn create(&self, name: &str, config: &[u8]) -> Result<Arc<dyn Hosted>, String>;
}

/// An instance, called with documents.
type Instance = Exported;

/// A type of plugin.
struct OfType<P>(PhantomData<fn() -> P>);

/// Of a process that was run by hand, without what it needs.
const USAGE: u8 = 2;

/// Gives a program the `main` of a plugin: `gatewright_sdk::executable!(MyPlugin);`
#[macro_export]
macro_rules! executable {
    ($plugin:ty) => {
        fn main() -> ::std::process::ExitCode {
            $crate::process::main::<$plugin>()
        }
    };
}

/// Serves a plugin until the gateway ends the process: the whole of `main`.
pub fn main<P: FromConfig>() -> ExitCode {
    run(Arc::new(OfType::<P>(PhantomData)))
}

/// Serves an artefact until the gateway ends the process: the whole of `main`. Where to listen, the gateway says in the
/// environment; `--listen unix:///PATH` or `--listen HOST:PORT` says it by hand, for a gateway whose config has the
/// same address as `path`.
pub fn run(artefact: Arc<dyn Artefact>) -> ExitCode {
    panicking::watch();
    let name = artefact.introduction().manifest.name;
    let listen = match Listen::of(std::env::args().skip(1), |name| std::env::var(name).ok()) {
        Some(listen) => listen,
        None => {
            say(&format!(
                "This is a plugin of Gatewright, `{name}`. It is not run by hand: give the path of this file to the \
                 gateway, as `path` of a plugin in config.json. To run it by itself: --listen unix:///PATH or \
                 --listen HOST:PORT, and `grpc+unix:///PATH` or `grpc://HOST:PORT` as `path`."
            ));
            return ExitCode::from(USAGE);
        }
    };
    match Crew::start().and_then(|crew| crew.attend(serve(artefact, listen, crew))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("`{name}` cannot serve: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(artefact: Arc<dyn Artefact>, listen: Listen, crew: &'static Crew) -> io::Result<()> {
    let listener = Listener::bind(&listen).await?;
    let calls = Calls::new(artefact, listen.cookie, crew);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(HEALTH, tonic_health::ServingStatus::Serving).await;
    let front = Front::new(Service::new(calls), Routes::new(health));
    let ended = asked_to_end()?;
    // Sessions last as long as the gateway wants: whoever is asked to end does not wait for them.
    tokio::select! {
        never = listener.serve(front) => match never {},
        () = ended => Ok(()),
    }
}

fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn say(message: &str) {
    // Nobody else could be told.
    let _ = writeln!(io::stderr(), "{message}");
}

// === impl Artefact ===

impl<P: FromConfig> Artefact for OfType<P> {
    fn introduction(&self) -> Introduction {
        Introduction::new(P::manifest(), P::HOOKS, P::IMMEDIATE)
    }

    fn create(&self, _: &str, config: &[u8]) -> Result<Arc<dyn Hosted>, String> {
        let config = serde_json::from_slice(config).map_err(|error| format!("its config: {error}"))?;
        P::from_config(config).map(link).map_err(|failure| failure.to_string())
    }
}
