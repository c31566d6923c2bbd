use super::*;
use gatewright_plugin::model::{Channel, Chat, Chunk, LlmError, Request};
use gatewright_plugin::payload::{ChunkSource, ChunkStream};
use gatewright_plugin::services::{Level, LogRecord, Services};
use gatewright_plugin::{Cx, Draft, Failure, Plugin, PreLlm, Verdict, plugin};
use serde_json::{Value as Json, json};
use std::sync::{Condvar, LazyLock};
use std::thread::JoinHandle;

/// Keeps what its hooks were given.
#[derive(Debug)]
struct Keeper;

struct Source(Services);

impl Drop for Source {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

thread_local! {
    /// The streams that were dropped on this thread.
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// What the thread of `check_input` read once its hook had returned.
static READ: Mutex<Option<JoinHandle<bool>>> = Mutex::new(None);

/// How far that is, one after the other.
static STAGE: (Mutex<Stage>, Condvar) = (Mutex::new(Stage::Begun), Condvar::new());

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Begun,
    /// The thread is in a function of the host's.
    Asking,
    /// The hook has returned.
    Returned,
}

impl Stage {
    fn reach(self) {
        *STAGE.0.lock().unwrap() = self;
        STAGE.1.notify_all();
    }

    fn wait(self) {
        let stage = STAGE.0.lock().unwrap();
        let waited = STAGE.1.wait_timeout_while(stage, Duration::from_secs(20), |stage| *stage < self).unwrap();
        assert!(!waited.1.timed_out(), "{self:?}");
    }
}

impl ChunkSource for Source {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        self.0.log.log(&LogRecord { level: Level::Info, message: "pulled", fields: &[], request_id: "" });
        Box::pin(std::future::ready(Some(Ok(Chunk::text(Channel::TEXT, "x")))))
    }
}

#[plugin(name = "keeper", version = "1.0.0")]
impl Plugin for Keeper {
    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let request = request.clone();
        *READ.lock().unwrap() = Some(thread::spawn(move || request.chat().is_ok()));
        Stage::Asking.wait();
        Ok(Verdict::Allow)
    }

    fn pre_llm(&self, cx: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        Ok(PreLlm::Stream(ChunkStream::new(Source(cx.services().clone()))))
    }
}

impl FromConfig for Keeper {
    type Config = Json;

    fn from_config(_: Json) -> Result<Self, Failure> {
        Ok(Self)
    }
}

// === a host ===

/// A call that was given up.
const GIVEN_UP: CallHandle = 13;

/// The calls under which the host was asked.
static ASKED: Mutex<Vec<CallHandle>> = Mutex::new(Vec::new());

static HEAD: LazyLock<Vec<u8>> = LazyLock::new(|| document::write(&json!({ "model": "m" })));
static CHAT: LazyLock<Vec<u8>> = LazyLock::new(|| document::write(&Chat::default()));

unsafe extern "C" fn head(_: CallHandle, out: *mut Slice) -> i32 {
    // SAFETY: it is a place for a slice.
    unsafe { out.write(Slice::of(&HEAD)) };
    0
}

/// Comes back after the hook has returned.
unsafe extern "C" fn part(_: CallHandle, _: u32, out: *mut Slice) -> i32 {
    Stage::Asking.reach();
    Stage::Returned.wait();
    // SAFETY: as above.
    unsafe { out.write(Slice::of(&CHAT)) };
    0
}

unsafe extern "C" fn ask(call: CallHandle, _: u32, _: Slice, _: *mut Slice) -> i32 {
    ASKED.lock().unwrap().push(call);
    0
}

/// Takes what a call answers, unless it was given up.
unsafe extern "C" fn answer(call: CallHandle, _: Slice) -> i32 {
    if call == GIVEN_UP { Status::Stale as i32 } else { 0 }
}

unsafe extern "C" fn takes(_: CallHandle, _: Slice) -> i32 {
    0
}

macro_rules! not_there {
    ($($name:ident($($type:ty),*) -> $result:ty = $value:expr;)*) => {
        $(unsafe extern "C" fn $name(_: CallHandle $(, _: $type)*) -> $result { $value })*
    };
}
not_there! {
    error(*mut Slice) -> i32 = Status::Stale as i32;
    cancelled() -> i32 = 0;
    remaining_ms() -> u64 = u64::MAX;
    log(u32, Slice) -> i32 = 0;
    gives(Slice, *mut Slice) -> i32 = Status::Missing as i32;
    get_int(Slice, *mut i64) -> i32 = Status::Missing as i32;
    get_bool(Slice, *mut i32) -> i32 = Status::Missing as i32;
    count(Slice, *mut u64) -> i32 = Status::Missing as i32;
    sets(Slice, Slice) -> i32 = Status::Unsupported as i32;
    set_int(Slice, i64) -> i32 = Status::Unsupported as i32;
    block(u32, Slice, Slice) -> i32 = Status::Unsupported as i32;
    respond_text(u32, Slice) -> i32 = Status::Unsupported as i32;
    drop_chunk() -> i32 = Status::Unsupported as i32;
    identify(Slice, Slice, Slice) -> i32 = Status::Unsupported as i32;
    kv_set(Slice, Slice, u64) -> i32 = Status::Unsupported as i32;
    kv_increment(Slice, i64, *mut i64) -> i32 = Status::Unsupported as i32;
}

static HOST: HostTable = HostTable {
    size: size_of::<HostTable>() as u32,
    minor: MINOR,
    head,
    part,
    answer,
    ask,
    error,
    fail: takes,
    cancelled,
    remaining_ms,
    log,
    get_text: gives,
    get_int,
    get_bool,
    count,
    set_text: sets,
    set_int,
    block,
    respond_text,
    drop_chunk,
    identify,
    state_get: gives,
    state_set: sets,
    metadata_set: sets,
    kv_get: gives,
    kv_set,
    kv_increment,
};

/// The same of a gateway that has more functions than this crate knows.
#[repr(C)]
struct Longer {
    known: HostTable,
    further: [usize; 3],
}

static LONGER: Longer =
    Longer { known: HostTable { size: size_of::<Longer>() as u32, minor: MINOR + 1, ..HOST }, further: [1; 3] };

/// The same of one that has not all of them. Its last function is not called.
static SHORTER: HostTable = HostTable { size: size_of::<HostTable>() as u32 - 8, ..HOST };

/// Makes an instance, and gives it to this.
fn with_instance(work: impl FnOnce(&PluginTable, &HookTable, *mut c_void)) {
    with_instance_of(&HOST, work);
}

fn with_instance_of(host: *const HostTable, work: impl FnOnce(&PluginTable, &HookTable, *mut c_void)) {
    let table = make::<Keeper>();
    let mut plugin = std::ptr::null_mut();
    // SAFETY: the tables are static, and the instance ends after its last call.
    unsafe {
        assert_eq!(table.create.unwrap()(host, 1, Slice::of(b"null"), &raw mut plugin), 0);
        work(table, &*table.hooks, plugin);
        table.destroy.unwrap()(plugin);
    }
}

#[test]
fn what_a_call_gave_is_not_read_once_its_hook_has_returned() {
    with_instance(|_, hooks, plugin| {
        // SAFETY: it is the hook's own instance.
        assert_eq!(unsafe { hooks.check_input.unwrap()(plugin, 7) }, 0);
        Stage::Returned.reach();
        let thread = READ.lock().unwrap().take().unwrap();
        assert!(!thread.join().unwrap(), "the host has taken back what it gave");
    });
}

#[test]
fn a_stream_reaches_the_host_through_its_pulls() {
    with_instance(|table, hooks, plugin| {
        // SAFETY: it is the table's own instance.
        unsafe {
            assert_eq!(hooks.pre_llm.unwrap()(plugin, 5), 0);
            assert_eq!(table.pull.unwrap()(plugin, 8, 1), 0);
            assert_eq!(table.pull.unwrap()(plugin, 9, 1), 0);
            table.close.unwrap()(plugin, 1);
        }
        assert_eq!(*ASKED.lock().unwrap(), [8, 9]);
    });
}

#[test]
fn a_stream_that_the_host_does_not_take_is_dropped() {
    with_instance(|table, hooks, plugin| {
        // SAFETY: it is the table's own instance.
        unsafe {
            assert_eq!(hooks.pre_llm.unwrap()(plugin, GIVEN_UP), Status::Stale as i32);
            assert_eq!(DROPPED.get(), 1, "its call was given up");
            assert_eq!(hooks.pre_llm.unwrap()(plugin, GIVEN_UP + 1), 0);
            assert_eq!(DROPPED.get(), 1, "it is to be pulled");
            table.close.unwrap()(plugin, 2);
        }
        assert_eq!(DROPPED.get(), 2);
    });
}

#[test]
fn tables_say_how_long_they_are() {
    let table = make::<Keeper>();
    assert_eq!(table.size as usize, size_of::<PluginTable>());
    // SAFETY: the table stays for ever.
    let hooks = unsafe { &*table.hooks };
    assert_eq!(hooks.size as usize, size_of::<HookTable>());
    assert_eq!(hooks.hooks(), Keeper::HOOKS, "a slot that is empty is a hook that is not there");
}

#[test]
fn a_gateway_of_a_later_version_has_more_functions_and_is_spoken_with() {
    with_instance_of(&raw const LONGER.known, |table, hooks, plugin| {
        // SAFETY: it is the table's own instance.
        unsafe {
            assert_eq!(hooks.pre_llm.unwrap()(plugin, 105), 0);
            table.close.unwrap()(plugin, 1);
        }
    });
}

#[test]
fn a_gateway_that_lacks_functions_of_this_version_is_refused() {
    let table = make::<Keeper>();
    let mut plugin = std::ptr::null_mut();
    // SAFETY: the table is static; nothing is made.
    let status = unsafe { table.create.unwrap()(&raw const SHORTER, 1, Slice::of(b"null"), &raw mut plugin) };
    assert_eq!((status, plugin.is_null()), (Status::Unsupported as i32, true));
}
