//! The thread on which processes are looked after.

use crate::address::Address;
use crate::error::LoadError;
use crate::options::Options;
use crate::process::Process;
use crate::supervisor;
use gatewright_abi::Introduction;
use std::io;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The thread on which processes are looked after. Copies share it; it ends once the last copy and the last plugin are
/// gone, and every process has ended.
///
/// The processes are this thread's children, so that they cannot outlive it: the system kills them with it.
#[derive(Clone, Debug)]
pub struct Processes(Arc<Thread>);

#[derive(Debug)]
struct Thread {
    runtime: Handle,
    supervisors: TaskTracker,
    ending: CancellationToken,
}

// === impl Processes ===

impl Processes {
    /// Starts the thread. From now on the system lets no process of the same user read the memory and environment of this
    /// one, nor trace it; it leaves no core dump either.
    pub fn start() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (supervisors, ending) = (TaskTracker::new(), CancellationToken::new());
        let thread =
            Thread { runtime: runtime.handle().clone(), supervisors: supervisors.clone(), ending: ending.clone() };
        std::thread::Builder::new().name("processes".to_owned()).spawn(move || {
            runtime.block_on(async {
                ending.cancelled().await;
                supervisors.close();
                supervisors.wait().await;
            });
        })?;
        Ok(Self(Arc::new(thread)))
    }

    /// What a plugin's process says of itself. It is started for it, or reached, and makes no instance.
    pub async fn introduce(&self, address: &Address, options: Options) -> Result<Introduction, LoadError> {
        let looking = supervisor::introduce(address.clone(), options, self.0.ending.child_token());
        let looking = self.0.supervisors.spawn_on(looking, &self.0.runtime);
        looking.await.map_err(|_| LoadError::Ending)?
    }

    /// Starts a process, or reaches one, and makes the instance in it. If the future is dropped, so is the process.
    pub async fn load(&self, address: &Address, options: Options) -> Result<Arc<Process>, LoadError> {
        if self.0.ending.is_cancelled() {
            return Err(LoadError::Ending);
        }
        let (retire, address) = (self.0.ending.child_token(), address.clone());
        // From here on, whatever becomes of this future, the process ends.
        let guard = retire.clone().drop_guard();
        let (tell, told) = tokio::sync::oneshot::channel();
        let supervising = supervisor::supervise(address, options, retire, tell);
        self.0.supervisors.spawn_on(supervising, &self.0.runtime);
        let shared = told.await.map_err(|_| LoadError::Ending)??;
        Ok(Arc::new(Process::new(shared, guard, self.clone())))
    }

    /// Ends every process, and waits until all are gone.
    pub async fn close(&self) {
        self.0.ending.cancel();
        self.0.supervisors.close();
        self.0.supervisors.wait().await;
    }
}

// === impl Thread ===

impl Drop for Thread {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}
