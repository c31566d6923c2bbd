//! Serves until it is told to stop, and takes the config anew when that changes.

use crate::builder::{GatewayBuilder, Read};
use crate::error::Error;
use crate::gateway::{Reload, Started};
use gatewright_config::{Changed, Config, ConfigWatcher};
use std::pin::pin;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What woke the loop.
enum Event {
    Stop,
    Reload(&'static str),
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(builder: GatewayBuilder, ready: impl FnOnce(&Started, &Read)) -> Result<(), Error> {
    // Requests have workers of their own; here it is accepting, reloads and shutdown.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(serve(builder, ready));
    runtime.shutdown_background();
    served
}

async fn serve(builder: GatewayBuilder, ready: impl FnOnce(&Started, &Read)) -> Result<(), Error> {
    let mut watcher = builder.file().map(|file| ConfigWatcher::new(file));
    let mut signals = Signals::new()?;
    let mut read = builder.read()?;
    watch_artefacts(&builder, watcher.as_mut(), &read.config);
    let mut started = match start(&builder, std::mem::take(&mut read.config), &mut signals).await {
        Err(Error::Stopped) => return Ok(()),
        started => started?,
    };
    read.config = started.config().clone();
    ready(&started, &read);
    while let Event::Reload(cause) = next(&mut signals, watcher.as_mut()).await {
        tokio::select! {
            () = reload(&builder, &mut started, watcher.as_mut(), cause) => {}
            // What is being loaded may take its time, and is not waited for.
            () = signals.stop() => break,
        }
    }
    let longest = started.config().server.drain_timeout_seconds.duration();
    tracing::info!(active_requests = started.active_requests(), seconds = longest.as_secs_f64(), "draining");
    tokio::select! {
        drained = started.drain(longest) => match drained {
            true => {
                tracing::info!("drained");
                Ok(())
            }
            false => Err(Error::CutOff("at the end of the drain timeout")),
        },
        () = signals.stop() => Err(Error::CutOff("by a second signal")),
    }
}

/// Starts to serve. On a signal, what has started by then is shut down instead.
async fn start(builder: &GatewayBuilder, config: Config, signals: &mut Signals) -> Result<Started, Error> {
    let stop = CancellationToken::new();
    let mut starting = pin!(builder.start_with(config, &stop));
    tokio::select! {
        started = &mut starting => return started,
        () = signals.stop() => stop.cancel(),
    }
    tokio::select! {
        ended = starting => ended,
        () = signals.stop() => Err(Error::PluginsCutOff),
    }
}

/// Takes the config anew. A bad one is refused whole, and the last good one keeps serving.
async fn reload(builder: &GatewayBuilder, started: &mut Started, watcher: Option<&mut ConfigWatcher>, cause: &str) {
    let read = match builder.read() {
        Ok(read) => read,
        Err(error) => {
            started.refused(&error);
            tracing::error!(cause, %error, "the config was not taken; the last good one keeps serving");
            return;
        }
    };
    // Also those of a config that is not taken: it may be that one of them is not there yet.
    watch_artefacts(builder, watcher, &read.config);
    let (level, was_refused) = (read.config.log_level, started.was_refused());
    match started.reload_read(read.config, read.warnings).await {
        Ok(Reload::Nothing) if was_refused => {
            tracing::info!(cause, "the config is good again, and says what the one in force says");
        }
        Ok(Reload::Nothing) => tracing::info!(cause, "nothing changed"),
        Ok(Reload::Taken) => {
            if let Some(Err(error)) = builder.log_handle().map(|log| log.set_level(level.as_str())) {
                tracing::warn!(%error, "the log level stays as it is");
            }
            let generation = started.plugins().generation();
            tracing::info!(cause, generation, "the config was taken");
        }
        Err(error) => {
            let error = error.in_file(builder.file());
            tracing::error!(cause, %error, "the config was not taken; the last good one keeps serving");
        }
    }
}

fn watch_artefacts(builder: &GatewayBuilder, watcher: Option<&mut ConfigWatcher>, config: &Config) {
    if let Some(watcher) = watcher {
        watcher.also(builder.artefact_files(config));
    }
}

async fn next(signals: &mut Signals, watcher: Option<&mut ConfigWatcher>) -> Event {
    let changed = async {
        match watcher {
            Some(watcher) => watcher.changed().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        changed = changed => Event::Reload(match changed {
            Changed::Config => "the file changed",
            Changed::Artefact => "a plugin's file changed",
        }),
        _ = signals.hangup.recv() => Event::Reload("SIGHUP"),
        _ = signals.terminate.recv() => Event::Stop,
        _ = signals.interrupt.recv() => Event::Stop,
    }
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

// === impl Signals ===

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests;
