//! The engine: one for all components, and the clock that preempts them.

use crate::alive::Alive;
use crate::component::{Checked, Compiled, LoadError, compile, in_a_line};
use crate::limits::MOST_ELEMENTS;
use crate::linker;
use crate::mould::Mould;
use crate::options::Options;
use crate::plugin::WasmPlugin;
use crate::share;
use gatewright_abi::Introduction;
use gatewright_plugin::Permission;
use gatewright_plugin::hosted::Hosted;
use serde_json::Value as Json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

/// The longest time of compiling a component and making its first instance.
pub(crate) const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a component runs before others have their turn.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// The most memory that a plugin may be allowed.
const MOST_MEMORY: usize = 1 << 30;

/// Memory of a slot that stays when its instance goes: a fresh instance then costs no page faults.
const KEPT_MEMORY: usize = 1 << 20;

/// Runs components. Cheap to copy.
#[derive(Clone)]
pub struct WasmHost {
    engine: Engine,
    clock: Arc<Clock>,
    alive: Alive,
}

/// Counts calls under way, and ticks while there are any.
pub(crate) struct Clock {
    running: AtomicUsize,
    /// Whether its thread looks at nothing until it is woken, or is about to.
    asleep: AtomicBool,
    thread: Thread,
}

/// A call under way.
pub(crate) struct Running<'a>(&'a Clock);

// === impl WasmHost ===

impl WasmHost {
    /// A host that keeps compiled code in this folder, which nobody else may write to; without one it compiles at
    /// every load.
    pub fn new(cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::with(cache.map(kept).transpose()?)
    }

    fn with(cache: Option<Cache>) -> Result<Self, LoadError> {
        let engine = Engine::new(&config(cache.clone(), true)).or_else(|error| {
            // The pool reserves much address space, which a machine may refuse.
            tracing::warn!(%error, "no pool of instances: each is made anew");
            Engine::new(&config(cache, false))
        });
        let engine = engine.map_err(|error| LoadError::Engine(in_a_line(&format!("{error:#}"))))?;
        let clock = Clock::start(&engine).map_err(|error| LoadError::Engine(error.to_string()))?;
        Ok(Self { engine, clock, alive: Alive::default() })
    }

    /// What a component says of itself. It is run for it, with no permissions but those that let it be linked.
    pub async fn introduce(&self, wasm: Vec<u8>) -> Result<Introduction, LoadError> {
        in_time(self.introduce_slowly(wasm)).await
    }

    /// Loads a component, for an instance with this config.
    pub async fn load(&self, wasm: Vec<u8>, config: &Json, options: Options) -> Result<Arc<dyn Hosted>, LoadError> {
        in_time(self.load_slowly(wasm, config, options)).await
    }

    async fn introduce_slowly(&self, wasm: Vec<u8>) -> Result<Introduction, LoadError> {
        // There is no entry that could give it more than others.
        let (granted, options) = (Permission::ALL.into(), Options { memory_bytes: MOST_MEMORY, ..Options::default() });
        let checked = Checked::new(&self.engine, self.compile(wasm).await?, &granted)?;
        let mould =
            Mould::new(checked, &linker::linker(&self.engine, &granted)?, Vec::new(), &options, self.alive.clone())?;
        let _running = self.clock.run();
        mould.introduce().await
    }

    async fn load_slowly(&self, wasm: Vec<u8>, config: &Json, options: Options) -> Result<Arc<dyn Hosted>, LoadError> {
        let checked = Checked::new(&self.engine, self.compile(wasm).await?, &options.granted)?;
        let linker = linker::linker(&self.engine, &options.granted)?;
        let mould = Mould::new(checked, &linker, config.to_string().into_bytes(), &options, self.alive.clone())?;
        let plugin = WasmPlugin::start(mould, self.clock.clone(), options).await?;
        Ok(Arc::new(plugin))
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many instances there are at this moment, of all plugins.
    pub fn instances(&self) -> usize {
        self.alive.now()
    }

    async fn compile(&self, wasm: Vec<u8>) -> Result<Compiled, LoadError> {
        let engine = self.engine.clone();
        // Compiling takes up to seconds: not on the thread that serves.
        let compiled = tokio::task::spawn_blocking(move || compile(&engine, &wasm));
        compiled.await.map_err(|error| LoadError::Engine(error.to_string()))?
    }
}

/// Gives up what does not come to an end.
async fn in_time<T>(loaded: impl Future<Output = Result<T, LoadError>>) -> Result<T, LoadError> {
    tokio::time::timeout(LOAD_TIMEOUT, loaded).await.unwrap_or(Err(LoadError::Slow))
}

/// Compiled code, kept in a folder by what it was compiled from: the file, the engine, its version and its settings.
fn kept(folder: &Path) -> Result<Cache, LoadError> {
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).map_err(|error| LoadError::Engine(format!("{error:#}")))
}

fn config(cache: Option<Cache>, pooled: bool) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(512 << 10)
        // What a host function does runs there too: half a MiB is the guest's.
        .async_stack_size(2 << 20)
        .cache(cache);
    if pooled {
        let mut pool = PoolingAllocationConfig::default();
        pool.pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(KEPT_MEMORY)
            .table_keep_resident(64 << 10)
            .max_memory_size(MOST_MEMORY)
            .total_memories(share::MEMORIES)
            .total_tables(share::TABLES)
            .total_stacks(share::INSTANCES)
            .total_component_instances(share::INSTANCES)
            .total_core_instances(share::CORE_INSTANCES)
            .max_component_instance_size(16 << 20)
            .max_core_instances_per_component(200)
            .max_memories_per_component(share::MOST_MEMORIES)
            .max_tables_per_component(share::MOST_TABLES)
            .table_elements(MOST_ELEMENTS);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

// === impl Clock ===

impl Clock {
    /// Its thread ends when the last user of the clock is gone.
    fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let (engine, (send, receive)) = (engine.weak(), std::sync::mpsc::channel::<Weak<Self>>());
        let ticking = move || {
            let Ok(clock) = receive.recv() else { return };
            while let Some(clock) = clock.upgrade() {
                let idle = clock.rests();
                drop(clock);
                match (idle, engine.upgrade()) {
                    (_, None) => return,
                    // A second at most, to see that nobody is there any more.
                    (true, Some(_)) => thread::park_timeout(Duration::from_secs(1)),
                    // First the time, then the tick: a call that woke the clock is not interrupted by it.
                    (false, Some(engine)) => {
                        thread::sleep(TICK);
                        engine.increment_epoch();
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("wasm-clock".to_owned()).spawn(ticking)?;
        let (running, asleep) = (AtomicUsize::new(0), AtomicBool::new(false));
        let clock = Arc::new(Self { running, asleep, thread: thread.thread().clone() });
        // The thread waits for it.
        let _ = send.send(Arc::downgrade(&clock));
        Ok(clock)
    }

    /// Ticks until this is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        // Either this call sees that the thread sleeps, or the thread sees this call before it does.
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 && self.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(self)
    }

    /// Whether there is no call under way, and who makes one wakes the thread.
    fn rests(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        let rests = self.running.load(Ordering::SeqCst) == 0;
        if !rests {
            self.asleep.store(false, Ordering::SeqCst);
        }
        rests
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
