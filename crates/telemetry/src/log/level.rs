//! Which events are logged.

use super::LogError;
use arc_swap::ArcSwap;
use std::str::FromStr;
use std::sync::Arc;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber, callsite};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;

/// Crates that say too much below `info`; a level of their own in the directives wins.
const QUIET: [&str; 10] =
    ["cranelift", "h2", "hyper", "hyper_util", "mio", "notify", "rustls", "sqlx", "tower", "wasmtime"];

/// Lets events through, or not. Can be changed while it is used; where nothing changes, it costs nothing an event.
#[derive(Clone, Debug)]
pub(super) struct Filter(Arc<ArcSwap<Targets>>);

// === impl Filter ===

impl Filter {
    pub(super) fn new(level: &str) -> Result<Self, LogError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(parse(level)?))))
    }

    pub(super) fn set(&self, level: &str) -> Result<(), LogError> {
        self.0.store(Arc::new(parse(level)?));
        callsite::rebuild_interest_cache();
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for Filter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match Targets::would_enable(&self.0.load(), metadata.target(), metadata.level()) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.0.load().would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.load().iter().map(|(_, level)| level).chain(self.0.load().default_level()).max()
    }
}

/// Reads `info`, or directives such as `info,gatewright_pipeline=debug`.
fn parse(level: &str) -> Result<Targets, LogError> {
    let (mut default, mut named) = (LevelFilter::INFO, Vec::new());
    for directive in level.split(',').map(str::trim) {
        match directive.split_once('=') {
            Some((target, level)) if !target.is_empty() => named.push((target.to_owned(), word(level)?)),
            _ => default = word(directive)?,
        }
    }
    let quiet = QUIET.iter().filter(|_| default > LevelFilter::INFO).map(|target| (*target, LevelFilter::INFO));
    Ok(Targets::new().with_default(default).with_targets(quiet).with_targets(named))
}

fn word(level: &str) -> Result<LevelFilter, LogError> {
    let known = !level.is_empty() && level.bytes().all(|letter| letter.is_ascii_alphabetic());
    LevelFilter::from_str(level).ok().filter(|_| known).ok_or_else(|| LogError::Level(level.to_owned()))
}

#[cfg(test)]
mod tests;
