//! One instance of a component.

use crate::component::{Checked, LoadError};
use crate::linker::{CallHandle, Current, State};
use crate::plugin::Options;
use gatewright_abi::{Introduction, Pulled, document, wit};
use gatewright_plugin::Hook;
use std::time::Instant;
use wasmtime::component::{ComponentExportIndex, Instance as Component, InstancePre, Linker, Resource, TypedFunc};
use wasmtime::{Store, StoreLimitsBuilder};

/// The most bytes that a component may hand to the host in one call.
const MOST_HANDED_OVER: usize = 64 << 20;

type Handle = TypedFunc<(Resource<CallHandle>, Vec<u8>), (Vec<u8>,)>;
type HandleChunks = TypedFunc<(Resource<CallHandle>, Vec<Vec<u8>>), (Vec<Vec<u8>>,)>;

/// An instance: called by one call at a time.
pub(crate) struct Instance {
    store: Store<State>,
    component: Component,
    handles: Vec<Option<Handle>>,
    chunk_handles: Vec<Option<HandleChunks>>,
    /// Calls so far.
    pub(crate) calls: u32,
}

/// What instances of one component are made from.
pub(crate) struct Mould {
    pub(crate) checked: Checked,
    pub(crate) pre: InstancePre<State>,
    pub(crate) config: Vec<u8>,
    pub(crate) memory: usize,
}

/// The component trapped, or did not keep to the canonical ABI.
pub(crate) struct Trapped(pub(crate) String);

// === impl Trapped ===

impl From<wasmtime::Error> for Trapped {
    fn from(error: wasmtime::Error) -> Self {
        // The chain's last cause is the trap itself; what stands before it is a trace.
        let cause = error.root_cause().to_string();
        Self(cause.chars().take(200).collect())
    }
}

// === impl Mould ===

impl Mould {
    pub(crate) fn new(
        checked: Checked,
        linker: &Linker<State>,
        config: Vec<u8>,
        options: &Options,
    ) -> Result<Self, LoadError> {
        // Names and permissions were checked: what does not fit now are functions that came later.
        let pre = linker.instantiate_pre(&checked.component);
        let pre = pre.map_err(|error| LoadError::TooNew { what: needed(&format!("{error:#}")) })?;
        Ok(Self { checked, pre, config, memory: options.memory_bytes })
    }

    /// What the component says of itself.
    pub(crate) async fn introduce(&self) -> Result<Introduction, LoadError> {
        let failed = |trapped: Trapped| LoadError::Start(trapped.0);
        let mut bare = Instance::bare(self).await.map_err(failed)?;
        let introduction = bare.introduce(&self.checked).await.map_err(failed)?;
        Ok(Introduction::read(&introduction)?)
    }
}

/// What a linker's error says is missing, without the rest.
fn needed(error: &str) -> String {
    error.split('`').nth(1).unwrap_or(error).chars().take(200).collect()
}

// === impl Instance ===

impl Instance {
    /// An instance that can say what it is, but was not created.
    async fn bare(mould: &Mould) -> Result<Self, Trapped> {
        let limits = StoreLimitsBuilder::new().memory_size(mould.memory).trap_on_grow_failure(true).build();
        let state = State { limits, call: None, calls: 0, started: Instant::now(), panic: None };
        let mut store = Store::new(mould.pre.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_hostcall_fuel(MOST_HANDED_OVER);
        // It runs for at most one tick, then others have their turn.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let component = mould.pre.instantiate_async(&mut store).await?;
        let none = || (0..Hook::COUNT).map(|_| None);
        Ok(Self {
            store,
            component,
            handles: none().collect(),
            chunk_handles: (0..Hook::COUNT).map(|_| None).collect(),
            calls: 0,
        })
    }

    /// An instance that serves.
    pub(crate) async fn new(mould: &Mould) -> Result<Self, LoadError> {
        let failed = |trapped: Trapped| LoadError::Start(trapped.0);
        let mut instance = Self::bare(mould).await.map_err(failed)?;
        let created = instance.create(mould).await.map_err(failed)?;
        created.map(|()| instance).map_err(LoadError::Config)
    }

    async fn create(&mut self, mould: &Mould) -> Result<Result<(), String>, Trapped> {
        let create =
            self.component.get_typed_func::<(&[u8],), (Result<(), String>,)>(&mut self.store, &mould.checked.create)?;
        Ok(create.call_async(&mut self.store, (&mould.config,)).await?.0)
    }

    async fn introduce(&mut self, checked: &Checked) -> Result<Vec<u8>, Trapped> {
        let introduce = self.component.get_typed_func::<(), (Vec<u8>,)>(&mut self.store, &checked.introduce)?;
        Ok(introduce.call_async(&mut self.store, ()).await?.0)
    }

    /// Calls a hook. After an error the instance is of no more use.
    pub(crate) async fn call(
        &mut self,
        checked: &Checked,
        current: Current,
        head: Vec<u8>,
    ) -> Result<Vec<u8>, Trapped> {
        let hook = current.hook;
        let Some(index) = &checked.handles[hook as usize] else {
            return Err(Trapped(format!("it does not export {hook}")));
        };
        self.calls += 1;
        let state = self.store.data_mut();
        state.calls = state.calls.wrapping_add(1);
        state.call = Some(current);
        let call = Resource::<CallHandle>::new_own(state.calls);
        let answered = match wit::IN_CHUNKS.contains(&hook) {
            true => self.handle_chunk(hook, index, call, head).await,
            false => self.handle(hook, index, call, head).await,
        };
        self.ended(answered)
    }

    async fn handle(
        &mut self,
        hook: Hook,
        index: &ComponentExportIndex,
        call: Resource<CallHandle>,
        head: Vec<u8>,
    ) -> Result<Vec<u8>, Trapped> {
        let handle = match self.handles[hook as usize] {
            Some(handle) => handle,
            None => *self.handles[hook as usize].insert(self.component.get_typed_func(&mut self.store, index)?),
        };
        Ok(handle.call_async(&mut self.store, (call, head)).await?.0)
    }

    async fn handle_chunk(
        &mut self,
        hook: Hook,
        index: &ComponentExportIndex,
        call: Resource<CallHandle>,
        head: Vec<u8>,
    ) -> Result<Vec<u8>, Trapped> {
        let handle = match self.chunk_handles[hook as usize] {
            Some(handle) => handle,
            None => *self.chunk_handles[hook as usize].insert(self.component.get_typed_func(&mut self.store, index)?),
        };
        let (mut answers,) = handle.call_async(&mut self.store, (call, vec![head])).await?;
        match answers.len() {
            1 => Ok(answers.remove(0)),
            others => Err(Trapped(format!("it answered one chunk with {others}"))),
        }
    }

    /// After a call: what a panic said says more than the trap that followed.
    fn ended<T>(&mut self, result: Result<T, Trapped>) -> Result<T, Trapped> {
        let state = self.store.data_mut();
        state.call = None;
        result.map_err(|trapped| state.panic.take().map_or(trapped, Trapped))
    }

    /// Pulls a stream that a call answered with.
    pub(crate) async fn pull(&mut self, checked: &Checked, current: Current, number: u64) -> Result<Pulled, Trapped> {
        let Some((pull, _)) = &checked.streams else {
            return Err(Trapped("it answered with a stream and does not export streams".to_owned()));
        };
        let pull = self.component.get_typed_func::<(u64,), (Vec<u8>,)>(&mut self.store, pull)?;
        self.store.data_mut().call = Some(current);
        let pulled = pull.call_async(&mut self.store, (number,)).await;
        let (pulled,) = self.ended(pulled.map_err(Trapped::from))?;
        document::read(&pulled).map_err(|error| Trapped(error.to_string()))
    }
}
