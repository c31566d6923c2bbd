//! The store, as its users see it, and the thread that works for them.

use crate::database::Database;
use crate::error::{Cause, StoreError};
use crate::kv::{SqliteKv, sweep};
use gatewright_plugin::services::{BoxFuture, ServiceError};
use sqlx::SqliteConnection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// The name of the file in the app dir.
pub const FILE_NAME: &str = "gatewright.db";

/// How many operations may wait; who comes on top waits for a place.
const MAX_WAITING: usize = 256;

/// How many bytes those may bring along, all together.
const MAX_WAITING_BYTES: usize = 32 << 20;

/// How many writes share a transaction, if they wait.
const MAX_TOGETHER: usize = 64;

/// How often what is over is taken out.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// A trouble that lasts is told of once in this time.
const TOLD_AGAIN: Duration = Duration::from_secs(10);

/// What the gateway keeps. Cheap to copy; nothing is opened before it is needed.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: PathBuf,
    room: Arc<Semaphore>,
    thread: Mutex<Thread>,
}

/// The thread that owns the file. It ends with the last sender.
#[derive(Debug)]
enum Thread {
    NotYet,
    Runs(mpsc::Sender<Job>),
    Closed,
}

/// Something to do with the file.
pub(crate) trait Operation: Send + 'static {
    /// What comes of it.
    type Answer: Send + 'static;

    /// Whether it changes anything; what changes nothing is a single statement.
    const WRITES: bool;

    /// Bytes it brings along.
    fn weight(&self) -> usize;

    /// Does it. A refusal must not have changed anything that somebody could miss.
    fn run(self, file: &mut SqliteConnection) -> impl Future<Output = Result<Self::Answer, Failed>> + Send;
}

/// Why an operation was not done.
pub(crate) enum Failed {
    /// It asks for what may not be.
    Refused(ServiceError),
    /// The file failed.
    Database(sqlx::Error),
}

enum Job {
    Open(oneshot::Sender<Result<(), StoreError>>),
    Do(Box<dyn Doable>),
    Close(oneshot::Sender<()>),
}

/// An [`Operation`] with those who wait for its answer.
struct Asked<O: Operation> {
    operation: O,
    answer: oneshot::Sender<Result<O::Answer, ServiceError>>,
    /// Given back with the operation.
    room: OwnedSemaphorePermit,
}

/// The same, without its types.
trait Doable: Send {
    fn writes(&self) -> bool;
    fn is_wanted(&self) -> bool;
    fn run<'a>(self: Box<Self>, file: &'a mut SqliteConnection)
    -> BoxFuture<'a, Result<Settle, (Settle, sqlx::Error)>>;
    fn refuse(self: Box<Self>, error: ServiceError);
}

/// Answers, once it is known whether what was done will stay.
type Settle = Box<dyn FnOnce(Result<(), ServiceError>) + Send>;

// === impl Store ===

impl Store {
    /// The store in this folder.
    pub fn in_dir(app_dir: &Path) -> Self {
        Self(Arc::new(Shared {
            file: app_dir.join(FILE_NAME),
            room: Arc::new(Semaphore::new(MAX_WAITING_BYTES)),
            thread: Mutex::new(Thread::NotYet),
        }))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// Opens the file now, and makes it if there is none, so that trouble with it shows at once. Otherwise it is opened
    /// by whoever needs it first.
    pub async fn open(&self) -> Result<(), StoreError> {
        let failed = |cause| StoreError::new(&self.0.file, cause);
        let (answer, opened) = oneshot::channel();
        self.send(Job::Open(answer)).await.map_err(failed)?;
        opened.await.unwrap_or_else(|_| Err(failed(Cause::Closed)))
    }

    /// The space of the plugin instance of this name.
    pub fn kv(&self, instance: &str) -> SqliteKv {
        SqliteKv::new(self.clone(), instance)
    }

    /// Does what was asked so far, closes the file, and refuses from now on.
    pub async fn close(&self) {
        let was = std::mem::replace(&mut *self.0.thread(), Thread::Closed);
        if let Thread::Runs(sender) = was {
            let (answer, closed) = oneshot::channel();
            if sender.send(Job::Close(answer)).await.is_ok() {
                let _ = closed.await;
            }
        }
    }

    /// Has an operation done, in a transaction. Who gives up waiting may find it done or not.
    pub(crate) async fn ask<O: Operation>(&self, operation: O) -> Result<O::Answer, ServiceError> {
        let closed = |_| ServiceError::from(&Cause::Closed);
        let weight = u32::try_from(operation.weight().clamp(1, MAX_WAITING_BYTES)).unwrap_or(u32::MAX);
        let room = self.0.room.clone().acquire_many_owned(weight).await;
        let room = room.map_err(|_| ServiceError::from(&Cause::Closed))?;
        let (answer, answered) = oneshot::channel();
        let asked = Asked { operation, answer, room };
        self.send(Job::Do(Box::new(asked))).await.map_err(|cause| ServiceError::from(&cause))?;
        answered.await.map_err(closed)?
    }

    async fn send(&self, job: Job) -> Result<(), Cause> {
        let sender = self.0.sender()?;
        sender.send(job).await.map_err(|_| Cause::Closed)
    }
}

// === impl Shared ===

impl Shared {
    fn thread(&self) -> MutexGuard<'_, Thread> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the thread, which starts if it does not run yet.
    fn sender(&self) -> Result<mpsc::Sender<Job>, Cause> {
        let mut thread = self.thread();
        match &*thread {
            Thread::Runs(sender) => Ok(sender.clone()),
            Thread::Closed => Err(Cause::Closed),
            Thread::NotYet => {
                let failed = |error: std::io::Error| Cause::Other(format!("its thread did not start: {error}"));
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
                let (sender, jobs) = mpsc::channel(MAX_WAITING);
                let worker = Worker::new(Database::new(self.file.clone()), jobs);
                let work = move || runtime.block_on(worker.run());
                std::thread::Builder::new().name("store".to_owned()).spawn(work).map_err(failed)?;
                *thread = Thread::Runs(sender.clone());
                Ok(sender)
            }
        }
    }
}

/// What the thread does.
struct Worker {
    database: Database,
    jobs: mpsc::Receiver<Job>,
    /// What came while writes were gathered.
    next: Option<Job>,
    sweep_at: Instant,
    told: Option<Instant>,
}

// === impl Worker ===

impl Worker {
    fn new(database: Database, jobs: mpsc::Receiver<Job>) -> Self {
        Self { database, jobs, next: None, sweep_at: Instant::now(), told: None }
    }

    async fn run(mut self) {
        let mut closing = None;
        while let Some(job) = self.next_job().await {
            match job {
                Job::Open(answer) => {
                    let opened = self.database.open().await.map(|_| ());
                    let _ = answer.send(opened.map_err(|cause| StoreError::new(self.database.file(), cause)));
                }
                Job::Do(asked) if !asked.is_wanted() => {}
                Job::Do(asked) if asked.writes() => self.write(asked).await,
                Job::Do(asked) => self.read(asked).await,
                Job::Close(answer) => {
                    closing = Some(answer);
                    break;
                }
            }
        }
        self.database.close().await;
        if let Some(answer) = closing {
            let _ = answer.send(());
        }
    }

    /// The next job; in between, what is over is taken out.
    async fn next_job(&mut self) -> Option<Job> {
        if let Some(job) = self.next.take() {
            return Some(job);
        }
        loop {
            if !self.database.is_open() {
                return self.jobs.recv().await;
            }
            if Instant::now() < self.sweep_at
                && let Ok(job) = timeout_at(self.sweep_at, self.jobs.recv()).await
            {
                return job;
            }
            self.sweep().await;
        }
    }

    async fn sweep(&mut self) {
        let Ok(file) = self.database.get().await else { return };
        let swept = sweep(file).await;
        // There may be more; others come first.
        let pause = if matches!(swept, Ok(true)) { Duration::from_millis(20) } else { SWEEP_INTERVAL };
        self.sweep_at = Instant::now() + pause;
        if let Err(error) = swept {
            self.failed(&error).await;
        }
    }

    async fn read(&mut self, asked: Box<dyn Doable>) {
        let file = match self.database.get().await {
            Ok(file) => file,
            Err(cause) => return self.cannot_open(vec![asked], &cause),
        };
        match asked.run(file).await {
            Ok(settle) => settle(Ok(())),
            Err((settle, error)) => settle(Err(self.failed(&error).await)),
        }
    }

    /// Writes, together with what else waits to be written.
    async fn write(&mut self, first: Box<dyn Doable>) {
        let mut batch = vec![first];
        while batch.len() < MAX_TOGETHER {
            match self.jobs.try_recv() {
                Ok(Job::Do(asked)) if !asked.is_wanted() => {}
                Ok(Job::Do(asked)) if asked.writes() => batch.push(asked),
                Ok(job) => {
                    self.next = Some(job);
                    break;
                }
                Err(_) => break,
            }
        }
        let file = match self.database.get().await {
            Ok(file) => file,
            Err(cause) => return self.cannot_open(batch, &cause),
        };
        let mut settled = Vec::with_capacity(batch.len());
        let written = transaction(file, batch, &mut settled).await;
        let result = match written {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(&error).await),
        };
        settled.into_iter().for_each(|settle| settle(result.clone()));
    }

    /// What is answered when the file failed. It is opened anew for the next.
    async fn failed(&mut self, error: &sqlx::Error) -> ServiceError {
        let cause = Cause::from(error);
        self.tell(&cause);
        self.database.give_up().await;
        ServiceError::from(&cause)
    }

    fn cannot_open(&mut self, asked: Vec<Box<dyn Doable>>, cause: &Cause) {
        self.tell(cause);
        asked.into_iter().for_each(|asked| asked.refuse(ServiceError::from(cause)));
    }

    fn tell(&mut self, cause: &Cause) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) {
            self.told = Some(Instant::now());
            tracing::error!(file = %self.database.file().display(), error = %cause, "the store failed");
        }
    }
}

/// Does all of them in one transaction. An error undoes it; `settled` then holds those who must be told.
async fn transaction(
    file: &mut SqliteConnection,
    batch: Vec<Box<dyn Doable>>,
    settled: &mut Vec<Settle>,
) -> Result<(), sqlx::Error> {
    let mut batch = batch.into_iter();
    let mut done = sqlx::query("BEGIN IMMEDIATE").execute(&mut *file).await.map(|_| ());
    for asked in batch.by_ref() {
        match done {
            Ok(()) => match asked.run(file).await {
                Ok(settle) => settled.push(settle),
                Err((settle, error)) => {
                    settled.push(settle);
                    done = Err(error);
                }
            },
            Err(_) => settled.push(Box::new(|result| match result {
                Ok(()) => {}
                Err(error) => asked.refuse(error),
            })),
        }
    }
    done?;
    sqlx::query("COMMIT").execute(file).await.map(|_| ())
}

// === impl Asked ===

impl<O: Operation> Doable for Asked<O> {
    fn writes(&self) -> bool {
        O::WRITES
    }

    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run<'a>(
        self: Box<Self>,
        file: &'a mut SqliteConnection,
    ) -> BoxFuture<'a, Result<Settle, (Settle, sqlx::Error)>> {
        Box::pin(async move {
            let Self { operation, answer, room } = *self;
            let (answered, error) = match operation.run(file).await {
                Ok(answered) => (Ok(answered), None),
                Err(Failed::Refused(refusal)) => (Err(refusal), None),
                Err(Failed::Database(error)) => (Err(ServiceError::from(&Cause::from(&error))), Some(error)),
            };
            let settle: Settle = Box::new(move |stays| {
                drop(room);
                let _ = answer.send(stays.and(answered));
            });
            match error {
                None => Ok(settle),
                Some(error) => Err((settle, error)),
            }
        })
    }

    fn refuse(self: Box<Self>, error: ServiceError) {
        let _ = self.answer.send(Err(error));
    }
}

// === impl Failed ===

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self::Refused(error)
    }
}

#[cfg(test)]
mod tests;
