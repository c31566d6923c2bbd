//! What components import.

use crate::component::LoadError;
use crate::contents::Lowered;
use crate::limits::Limits;
use gatewright_abi::functions::Function;
use gatewright_abi::host::Rest;
use gatewright_abi::{MAX_ANSWER_BYTES, Part, document, service, wit};
use gatewright_model::PlacedText;
use gatewright_plugin::services::{ServiceError, Services};
use gatewright_plugin::{Hook, Permission};
use std::collections::BTreeSet;
use std::time::{Instant, SystemTime};
use wasmtime::component::{Linker, Resource, ResourceType, WasmList};
use wasmtime::{Engine, StoreContextMut};

/// The most random bytes of one call.
const MOST_RANDOM: u32 = 65_536;

/// The most characters of a panic's message.
const LONGEST_PANIC: usize = 200;

/// What an instance has on the host's side.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) call: Option<Current>,
    /// The number of the last call: a handle of one that is over never stands for another.
    pub(crate) calls: u32,
    /// Handles that the guest has: each is a few bytes here.
    pub(crate) handles: u32,
    pub(crate) started: Instant,
    /// What a panic said, just before it trapped.
    pub(crate) panic: Option<String>,
    /// Whether nobody else has the thread while it is called.
    pub(crate) in_place: bool,
}

/// The call at hand.
pub(crate) struct Current {
    pub(crate) hook: Hook,
    pub(crate) rest: Rest,
    pub(crate) services: Services,
    /// Texts that it left, to be taken with its answer.
    pub(crate) texts: Vec<PlacedText>,
}

/// The resource `call`.
pub(crate) enum CallHandle {}

type Answered = (Result<Vec<u8>, Vec<u8>>,);

/// What a component with these permissions may import: nothing else is linked.
pub(crate) fn linker(engine: &Engine, granted: &BTreeSet<Permission>) -> Result<Linker<State>, LoadError> {
    link(engine, granted, wit::interface).map_err(|error| LoadError::Engine(format!("{error:#}")))
}

/// The same, with a name for each interface.
fn link(engine: &Engine, granted: &BTreeSet<Permission>, named: fn(&str) -> String) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    let mut types = linker.instance(&named("types"))?;
    types.resource("call", ResourceType::host::<CallHandle>(), |mut cx, _| {
        let state = cx.data_mut();
        state.handles = state.handles.saturating_sub(1);
        Ok(())
    })?;
    types.func_wrap(
        "[method]call.part",
        |mut cx: StoreContextMut<'_, State>, arguments: (Resource<CallHandle>, u32)| {
            let (call, number) = arguments;
            Ok((part(cx.data_mut(), call.rep(), number),))
        },
    )?;
    types.func_wrap(
        "[method]call.replace-texts",
        |mut cx: StoreContextMut<'_, State>, arguments: (Resource<CallHandle>, Vec<(u32, WasmList<u8>)>)| {
            let (call, texts) = arguments;
            // They may all be the same bytes of the guest's memory, so that its size is no bound.
            let bytes = texts.iter().fold(0_usize, |bytes, (_, text)| bytes.saturating_add(text.len()));
            if bytes > MAX_ANSWER_BYTES {
                return Ok((Err(format!("texts have at most {MAX_ANSWER_BYTES} bytes together")),));
            }
            let copied = texts.iter().map(|(place, text)| {
                let text = document::checked(text.as_le_slice(&cx)).ok_or_else(|| "a text is not UTF-8".to_owned())?;
                Ok((*place, text.to_owned()))
            });
            let copied = copied.collect::<Result<_, String>>();
            Ok((copied.and_then(|copied| at_hand(cx.data_mut(), call.rep()).map(|current| current.texts = copied)),))
        },
    )?;
    types.func_wrap("panicked", |mut cx: StoreContextMut<'_, State>, (message,): (String,)| {
        cx.data_mut().panic = Some(message.chars().take(LONGEST_PANIC).collect());
        Ok(())
    })?;
    let mut clock = linker.instance(&named("clock"))?;
    clock.func_wrap("now", |_: StoreContextMut<'_, State>, (): ()| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok((u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),))
    })?;
    clock.func_wrap("monotonic", |cx: StoreContextMut<'_, State>, (): ()| {
        Ok((u64::try_from(cx.data().started.elapsed().as_nanos()).unwrap_or(u64::MAX),))
    })?;
    let mut random = linker.instance(&named("random"))?;
    random.func_wrap("bytes", |_: StoreContextMut<'_, State>, (count,): (u32,)| {
        let mut bytes = vec![0; count.min(MOST_RANDOM) as usize];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
        Ok((bytes,))
    })?;
    for row in Function::TABLE {
        if row.permission.is_some_and(|permission| !granted.contains(&permission)) {
            continue;
        }
        let (function, mut group) = (row.function, linker.instance(&named(row.group))?);
        match row.waits {
            false => group.func_wrap(row.name, move |cx: StoreContextMut<'_, State>, (argument,): (Vec<u8>,)| {
                Ok::<Answered, _>((answered(serve_now(cx.data(), function, &argument)),))
            })?,
            true => {
                group.func_wrap_async(row.name, move |cx: StoreContextMut<'_, State>, (argument,): (Vec<u8>,)| {
                    let at_hand = cx
                        .data()
                        .call
                        .as_ref()
                        .map(|call| (call.services.clone(), call.rest.facts().clone(), call.hook));
                    Box::new(async move {
                        let Some((services, facts, hook)) = at_hand else {
                            return Ok::<Answered, _>((answered(Err(outside())),));
                        };
                        let result = service::serve(&services, &facts, hook, true, function, &argument).await;
                        Ok((answered(result),))
                    })
                })?
            }
        }
    }
    Ok(linker)
}

/// The call of a handle.
fn at_hand(state: &mut State, call: u32) -> Result<&mut Current, String> {
    let current = state.call.as_mut().filter(|_| state.calls == call);
    current.ok_or_else(|| "the call is over".to_owned())
}

fn part(state: &mut State, call: u32, number: u32) -> Result<Lowered, String> {
    let current = at_hand(state, call)?;
    let part = Part::numbered(number).ok_or_else(|| format!("this gateway knows no part {number}"))?;
    current.rest.part(part).map(Lowered).map_err(|why| why.to_string())
}

fn serve_now(state: &State, function: Function, argument: &[u8]) -> Result<Vec<u8>, ServiceError> {
    let Current { hook, rest, services, .. } = state.call.as_ref().ok_or_else(outside)?;
    service::serve_now(services, rest.facts(), *hook, function, argument)
}

// === impl Current ===

impl Current {
    pub(crate) fn new(hook: Hook, rest: Rest, services: Services) -> Self {
        Self { hook, rest, services, texts: Vec::new() }
    }
}

fn outside() -> ServiceError {
    ServiceError::Invalid("host functions may be called in hooks alone".to_owned())
}

fn answered(result: Result<Vec<u8>, ServiceError>) -> Result<Vec<u8>, Vec<u8>> {
    result.map_err(|error| document::write(&error))
}

#[cfg(test)]
mod tests;
