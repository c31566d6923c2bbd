//! One instance of a component.

use crate::alive::Counted;
use crate::component::{Checked, LoadError, in_a_line};
use crate::limits::Limits;
use crate::linker::{CallHandle, Current, State};
use crate::mould::{Mould, Started};
use gatewright_abi::host::{self, Arrival, Departure};
use gatewright_abi::{MAX_ANSWER_BYTES, Pulled, Pulls, document, wit};
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::hosted::{Call, Reply};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Facts, Failure, Hook, State as SharedState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Instance as Component, Lift, Lower, Resource, TypedFunc,
};
use wasmtime::{Store, Trap, UpdateDeadline};

/// The most bytes that a component may hand to the host in one call.
const MOST_HANDED_OVER: usize = 64 << 20;

type HookArguments = (Resource<CallHandle>, Vec<u8>);
type ChunkArguments = (Resource<CallHandle>, Vec<Vec<u8>>);

/// The function of a hook.
#[derive(Clone, Copy)]
enum Handle {
    /// Called with a head, answers with a document.
    One(TypedFunc<HookArguments, (Vec<u8>,)>),
    /// The same with lists of them.
    Chunks(TypedFunc<ChunkArguments, (Vec<Vec<u8>>,)>),
}

/// An instance: called by one call at a time.
pub(crate) struct Instance {
    store: Store<State>,
    component: Component,
    /// Of the hooks that were called; each is looked up at its first call.
    handles: Vec<(Hook, Handle)>,
    /// Which one it is, of all that ever were.
    pub(crate) number: u64,
    /// Calls so far.
    pub(crate) calls: u32,
    _counted: Counted,
}

/// The answer of a call, and what the call had.
pub(crate) struct Answered {
    pub(crate) answer: Vec<u8>,
    pub(crate) current: Current,
}

/// Streams of a hook that answers with none.
struct NoStreams;

fn of_one((answer,): (Vec<u8>,)) -> Result<Vec<u8>, Failure> {
    Ok(answer)
}

fn of_chunks((mut answers,): (Vec<Vec<u8>>,)) -> Result<Vec<u8>, Failure> {
    match answers.len() {
        1 => Ok(answers.remove(0)),
        others => Err(Failure::Malformed(format!("it answered one chunk with {others}"))),
    }
}

/// A component trapped, or did not keep to the canonical ABI.
fn trapped(error: wasmtime::Error) -> Failure {
    if let Some(Trap::Interrupt) = error.downcast_ref() {
        return Failure::TimedOut;
    }
    // The chain's last cause is the trap itself; what stands before it is a trace.
    Failure::Panicked(in_a_line(&error.root_cause().to_string()))
}

/// A component failed before it served.
fn at_start(failure: Failure) -> LoadError {
    match failure {
        Failure::Panicked(cause) => LoadError::Start(cause),
        failure => LoadError::Start(in_a_line(&failure.to_string())),
    }
}

// === impl Instance ===

impl Instance {
    /// An instance that can say what it is, but was not created.
    pub(crate) async fn bare(mould: &Mould) -> Result<Self, LoadError> {
        let limits = Limits::new(mould.memory);
        let state =
            State { limits, call: None, calls: 0, handles: 0, started: Instant::now(), panic: None, in_place: false };
        let mut store = Store::new(mould.pre.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_hostcall_fuel(MOST_HANDED_OVER);
        // It runs until the next tick, then others have their turn.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|cx| match cx.data().in_place {
            true => Ok(UpdateDeadline::Interrupt),
            false => Ok(UpdateDeadline::Yield(1)),
        });
        let counted = mould.alive.count();
        let component = mould.pre.instantiate_async(&mut store).await.map_err(trapped).map_err(at_start)?;
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { store, component, handles: Vec::new(), number, calls: 0, _counted: counted })
    }

    /// An instance that serves.
    pub(crate) async fn new(mould: &Mould) -> Result<Self, LoadError> {
        let mut instance = Self::bare(mould).await?;
        let name = || wit::interface("plugin") + ".create";
        let create = instance.typed::<(&[u8],), (Result<(), String>,)>(&mould.checked.create, name)?;
        let created = create.call_async(&mut instance.store, (&mould.config,)).await.map_err(trapped);
        let (created,) = instance.ended(created).map_err(at_start)?;
        created.map_err(|error| LoadError::Config(in_a_line(&error)))?;
        match mould.started.get() {
            Some(started) => instance.start(mould, started).await.map(|()| instance),
            None => Ok(instance),
        }
    }

    /// What the component says of itself.
    pub(crate) async fn introduce(&mut self, checked: &Checked) -> Result<Vec<u8>, LoadError> {
        let introduce: TypedFunc<(), (Vec<u8>,)> =
            self.typed(&checked.introduce, || wit::interface("plugin") + ".introduce")?;
        let introduced = introduce.call_async(&mut self.store, ()).await.map_err(trapped);
        Ok(self.ended(introduced).map_err(at_start)?.0)
    }

    /// Starts it as the one was started whose place it takes.
    async fn start(&mut self, mould: &Mould, started: &Started) -> Result<(), LoadError> {
        let services = started.services.clone();
        let mut cx = Cx::new(Arc::new(Facts::default()), SharedState::default(), None, services.clone());
        let mut call = Call::OnStartup(started.startup.clone());
        let Departure { head, rest } = host::depart(&cx, &call.lend(), &started.view);
        let current = Current::new(Hook::OnStartup, rest, services);
        let Answered { answer, .. } = self.call(&mould.checked, current, head).await.map_err(at_start)?;
        match host::settle(&mut cx, call.lend(), Arrival::of(&answer), &started.view, &|| Arc::new(NoStreams)) {
            Reply::Failed(failure) => Err(LoadError::Startup(in_a_line(&failure.to_string()))),
            _ => Ok(()),
        }
    }

    /// Handles of calls that it has and did not drop.
    pub(crate) fn handles(&self) -> u32 {
        self.store.data().handles
    }

    /// Whether all that it exports has the types of the WIT.
    pub(crate) fn check(&mut self, checked: &Checked) -> Result<(), LoadError> {
        for row in Hook::TABLE {
            if let Some(index) = &checked.handles[row.hook as usize] {
                let name = || wit::interface(&wit::of_hook(row.hook)) + ".handle";
                self.typed_handle(row.hook, index).map_err(|_| LoadError::Type { name: name() })?;
            }
        }
        if let Some((pull, close)) = &checked.streams {
            self.typed::<(u64,), (Vec<u8>,)>(pull, || wit::interface("streams") + ".pull")?;
            self.typed::<(u64,), ()>(close, || wit::interface("streams") + ".close")?;
        }
        Ok(())
    }

    /// A function of the component, if it has the type that the WIT gives it.
    fn typed<P, R>(
        &mut self,
        index: &ComponentExportIndex,
        name: impl FnOnce() -> String,
    ) -> Result<TypedFunc<P, R>, LoadError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.component.get_typed_func(&mut self.store, index).map_err(|_| LoadError::Type { name: name() })
    }

    fn typed_handle(&mut self, hook: Hook, index: &ComponentExportIndex) -> wasmtime::Result<Handle> {
        match wit::IN_CHUNKS.contains(&hook) {
            true => self.component.get_typed_func(&mut self.store, index).map(Handle::Chunks),
            false => self.component.get_typed_func(&mut self.store, index).map(Handle::One),
        }
    }

    /// Calls a hook; others have their turns while it takes long. After an error the instance is of no more use.
    pub(crate) fn call(
        &mut self,
        checked: &Checked,
        current: Current,
        head: Vec<u8>,
    ) -> impl Future<Output = Result<Answered, Failure>> + Send {
        // At once, so that what the call has is moved into the store, and not into a future first.
        let entered = self.enter(checked, current);
        async move {
            let (handle, call) = entered?;
            // Of the ticks that came since the last call none counts.
            self.store.set_epoch_deadline(1);
            let answered = match handle {
                Handle::One(handle) => handle.call_async(&mut self.store, (call, head)).await.map(of_one),
                Handle::Chunks(handle) => handle.call_async(&mut self.store, (call, vec![head])).await.map(of_chunks),
            };
            self.left(answered)
        }
    }

    /// The same on the caller's stack, which nobody else has meanwhile: it ends after so many ticks.
    pub(crate) fn call_in_place(
        &mut self,
        checked: &Checked,
        current: Current,
        head: Vec<u8>,
        ticks: u64,
    ) -> Result<Answered, Failure> {
        let (handle, call) = self.enter(checked, current)?;
        self.store.data_mut().in_place = true;
        self.store.set_epoch_deadline(ticks);
        let answered = match handle {
            Handle::One(handle) => handle.call(&mut self.store, (call, head)).map(of_one),
            Handle::Chunks(handle) => handle.call(&mut self.store, (call, vec![head])).map(of_chunks),
        };
        self.store.data_mut().in_place = false;
        self.left(answered)
    }

    /// Makes ready for a call.
    fn enter(&mut self, checked: &Checked, current: Current) -> Result<(Handle, Resource<CallHandle>), Failure> {
        let hook = current.hook;
        let known = self.handles.iter().find(|(of, _)| *of == hook).map(|(_, handle)| *handle);
        let handle = match (known, &checked.handles[hook as usize]) {
            (Some(handle), _) => handle,
            (None, Some(index)) => {
                let handle = self.typed_handle(hook, index).map_err(trapped)?;
                self.handles.push((hook, handle));
                handle
            }
            (None, None) => return Err(Failure::Malformed(format!("it does not export {hook}"))),
        };
        self.calls = self.calls.saturating_add(1);
        let state = self.store.data_mut();
        state.calls = state.calls.wrapping_add(1);
        state.handles = state.handles.saturating_add(1);
        state.call = Some(current);
        Ok((handle, Resource::new_own(state.calls)))
    }

    /// After a call of a hook, which took its part of the call with it when it was entered.
    fn left(&mut self, answered: wasmtime::Result<Result<Vec<u8>, Failure>>) -> Result<Answered, Failure> {
        let current = self.store.data_mut().call.take();
        let answer = self.ended(answered.map_err(trapped).flatten())?;
        let lost = || Failure::Malformed("its call ended before it answered".to_owned());
        Ok(Answered { answer, current: current.ok_or_else(lost)? })
    }

    /// After a call: what a panic said says more than the trap that followed.
    fn ended<T>(&mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        let state = self.store.data_mut();
        state.call = None;
        // Also where it did not trap: it is about no later call.
        let panic = state.panic.take();
        result.map_err(|failure| panic.map_or(failure, |said| Failure::Panicked(in_a_line(&said))))
    }

    /// Pulls a stream that a call answered with.
    pub(crate) async fn pull(&mut self, checked: &Checked, current: Current, number: u64) -> Result<Pulled, Failure> {
        let Some((pull, _)) = &checked.streams else {
            return Err(Failure::Malformed("it answered with a stream and does not export streams".to_owned()));
        };
        let pull = self.component.get_typed_func::<(u64,), (Vec<u8>,)>(&mut self.store, pull).map_err(trapped)?;
        self.store.data_mut().call = Some(current);
        let pulled = pull.call_async(&mut self.store, (number,)).await;
        let (pulled,) = self.ended(pulled.map_err(trapped))?;
        if pulled.len() > MAX_ANSWER_BYTES {
            return Err(Failure::Oversized(format!("a chunk has at most {MAX_ANSWER_BYTES} bytes")));
        }
        Ok(document::read(&pulled)?)
    }
}

// === impl NoStreams ===

impl Pulls for NoStreams {
    fn pull(&self, _: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        let error = LlmError::new(ErrorKind::PluginUnavailable, "this hook answers with no stream");
        Box::pin(std::future::ready(Err(error)))
    }

    fn close(&self, _: u64) {}
}
