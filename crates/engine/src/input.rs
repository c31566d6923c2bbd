//! The guards of the input.

use crate::error::{fault_error, verdict};
use crate::lifecycle::Lifecycle;
use gatewright_model::{LlmError, Request};
use gatewright_plugin::Hook;
use gatewright_plugin::hosted::point;
use std::sync::Arc;

/// `pre_request` and `check_input`, once a request: as it goes to its first target.
pub(crate) async fn check_input(life: &mut Lifecycle, request: Request) -> Result<(), LlmError> {
    // What no guard could read is the client's fault, not the guard's failure.
    request.chat()?;
    let exchange = &mut life.request().exchange;
    let mut shared = Arc::new(request);
    exchange.run::<point::PreRequest>(&mut shared).await.map_err(|fault| fault_error(&fault))?;
    check_input_again(life, &shared).await
}

/// `check_input` for the guards in whose scope the request has come only now: a fallback or a plugin took it to another
/// model. The others have had their say.
pub(crate) async fn check_input_again(life: &mut Lifecycle, request: &Request) -> Result<(), LlmError> {
    let open = life.request();
    let chain = open.exchange.set().chain(Hook::CheckInput);
    let due = |name: &Arc<str>| !open.progress.asked.contains(name);
    let standing = chain.iter().filter(|slot| open.exchange.stands(Hook::CheckInput, slot));
    let standing: Vec<Arc<str>> = standing.map(|slot| slot.name().clone()).filter(due).collect();
    if standing.is_empty() {
        return Ok(());
    }
    let mut request = Arc::new(request.clone());
    let chosen = |slot: &gatewright_pipeline::Slot| standing.contains(slot.name());
    let decided = open.exchange.run_where::<point::CheckInput>(&mut request, chosen).await;
    open.progress.asked.extend(standing.iter().cloned());
    verdict(decided)
}

#[cfg(test)]
mod tests;
