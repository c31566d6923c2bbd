//! What the host offers to plugins: the functions behind the header's table.
//!
//! Each takes what a plugin passes apart, reaches the call's desk by its handle, and gives a status back. No panic
//! leaves them.
#![expect(unsafe_code, reason = "slices and places of foreign code; each block says why it holds")]

use crate::calls::{self, Task, Unanswered};
use crate::desk::{Given, text};
use crate::inline;
use crate::payload::Refused;
use crate::tree::Node;
use bytes::Bytes;
use gatewright_abi::functions::Function;
use gatewright_abi::native::{CallHandle, HostTable, MINOR, NO_DEADLINE, Slice, Status};
use gatewright_abi::{MAX_ANSWER_BYTES, document, service};
use gatewright_plugin::services::{Level, ServiceError};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The table.
pub(crate) static HOST: HostTable = HostTable {
    size: size_of::<HostTable>() as u32,
    minor: MINOR,
    head,
    part,
    answer,
    ask,
    error,
    fail,
    cancelled,
    remaining_ms,
    log,
    get_text,
    get_int,
    get_bool,
    count,
    set_text,
    set_int,
    block,
    respond_text,
    drop_chunk,
    identify,
    state_get,
    state_set,
    metadata_set,
    kv_get,
    kv_set,
    kv_increment,
};

/// Reaches the desk of a call, does something there, and remembers a refusal.
macro_rules! at_desk {
    ($call:expr, $desk:ident => $work:expr) => {
        at_desk($call, |reached| match reached {
            Reached::Lane($desk) => $work,
            Reached::InPlace($desk) => $work,
        })
    };
}

/// A desk of either kind.
enum Reached<'d> {
    Lane(&'d mut crate::desk::Desk<calls::Departed>),
    InPlace(&'d mut crate::desk::Desk<inline::Lent>),
}

fn at_desk<T>(call: CallHandle, work: impl FnOnce(&mut Reached<'_>) -> Given<T>) -> Result<T, Status> {
    let work = |mut reached: Reached<'_>| {
        work(&mut reached).map_err(|Refused(status, why)| {
            match reached {
                Reached::Lane(desk) => desk.refused(&why),
                Reached::InPlace(desk) => desk.refused(&why),
            }
            status
        })
    };
    let reach = || match inline::is_in_place(call) {
        true => inline::with(call, |desk| match desk.try_borrow_mut() {
            Ok(mut desk) => work(Reached::InPlace(&mut desk)),
            Err(_) => Err(Status::Busy),
        })
        .unwrap_or(Err(Status::Stale)),
        false => match calls::find(call) {
            Some(call) => work(Reached::Lane(&mut call.desk())),
            None => Err(Status::Stale),
        },
    };
    // A panic here would end the gateway, since it may not pass through foreign code.
    catch_unwind(AssertUnwindSafe(reach)).unwrap_or(Err(Status::Error))
}

fn status(result: Result<(), Status>) -> i32 {
    result.err().unwrap_or(Status::Ok) as i32
}

/// Writes what a function gives into the plugin's place for it.
///
/// # Safety
///
/// `out` is null or a place for a `T`.
unsafe fn give<T>(call: CallHandle, out: *mut T, given: Result<T, Status>) -> i32 {
    match given {
        Err(status) => status as i32,
        Ok(_) if out.is_null() => said(call, Status::Invalid, "the place for what is asked for is NULL") as i32,
        Ok(value) => {
            // SAFETY: the plugin says that it is a place; it may not be aligned in every language.
            unsafe { out.write_unaligned(value) };
            Status::Ok as i32
        }
    }
}

fn lent(bytes: &Bytes) -> Slice {
    Slice::of(bytes)
}

/// What a plugin passed; `None` if that is nowhere.
///
/// # Safety
///
/// The plugin lends it until the function of the host returns.
unsafe fn passed<'a>(slice: Slice) -> Option<&'a [u8]> {
    match slice {
        Slice { len: 0, .. } => Some(&[]),
        Slice { ptr, len } if ptr.is_null() || len > isize::MAX as usize => None,
        // SAFETY: the caller says so.
        Slice { ptr, len } => Some(unsafe { std::slice::from_raw_parts(ptr, len) }),
    }
}

/// What plugins pass, in a function of a call that answers a status.
macro_rules! take {
    ($call:ident: $($slice:ident),*) => {
        $(
            // SAFETY: the header asks plugins to lend what they pass until the function returns.
            let Some($slice) = (unsafe { passed($slice) }) else {
                let why = concat!("`", stringify!($slice), "` is NULL and has a length, or is longer than memory");
                return said($call, Status::Invalid, why) as i32;
            };
        )*
    };
}

// === for SDKs ===

unsafe extern "C" fn head(call: CallHandle, out: *mut Slice) -> i32 {
    let given = at_desk!(call, desk => desk.head()).map(|bytes| lent(&bytes));
    // SAFETY: `out` is a place for a slice.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn part(call: CallHandle, part: u32, out: *mut Slice) -> i32 {
    let given = at_desk!(call, desk => desk.part(part)).map(|bytes| lent(&bytes));
    // SAFETY: `out` is a place for a slice.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn answer(call: CallHandle, document: Slice) -> i32 {
    take!(call: document);
    status(at_desk!(call, desk => desk.answer(document)))
}

unsafe extern "C" fn ask(call: CallHandle, function: u32, argument: Slice, out: *mut Slice) -> i32 {
    if !out.is_null() {
        // Where it fails without an error of its own, there is none.
        // SAFETY: the plugin says that it is a place for a slice.
        unsafe { out.write_unaligned(Slice::EMPTY) };
    }
    take!(call: argument);
    let Some(function) = Function::numbered(function) else {
        return said(call, Status::Unsupported, &format!("this gateway knows no host function {function}")) as i32;
    };
    // Before it is copied.
    if argument.len() > MAX_ANSWER_BYTES {
        return not_asked(call, function, Status::TooLarge) as i32;
    }
    match asked(call, function, argument.to_vec()) {
        // SAFETY: `out` is a place for a slice.
        Ok(result) => unsafe { give(call, out, keep(call, result)) },
        Err(Denied::Not(status)) => not_asked(call, function, status) as i32,
        Err(Denied::Error(error)) => {
            let kept = keep(call, document::write(&error));
            // SAFETY: as above.
            let _ = unsafe { give(call, out, kept) };
            refuse(call, &error) as i32
        }
    }
}

/// Why an ask came to nothing.
enum Denied {
    /// It did not come to it.
    Not(Status),
    /// The service said so.
    Error(ServiceError),
}

fn asked(call: CallHandle, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, Denied> {
    if argument.len() > MAX_ANSWER_BYTES {
        return Err(Denied::Not(Status::TooLarge));
    }
    let reach = || {
        if inline::is_in_place(call) {
            if function.info().waits {
                return Err(Denied::Not(Status::Unsupported));
            }
            let asked = inline::with(call, |desk| match desk.try_borrow() {
                Ok(desk) => desk.ask_now(function, &argument).map_err(Denied::Error),
                Err(_) => Err(Denied::Not(Status::Busy)),
            });
            return asked.unwrap_or(Err(Denied::Not(Status::Stale)));
        }
        let Some(call) = calls::find(call) else { return Err(Denied::Not(Status::Stale)) };
        if !function.info().waits {
            let asked = service::serve_now(&call.services, &call.facts, call.hook, function, &argument);
            return asked.map_err(Denied::Error);
        }
        if !call.may_wait {
            return Err(Denied::Not(Status::Unsupported));
        }
        match call.ask(function, argument) {
            Ok(asked) => asked.map_err(Denied::Error),
            Err(Unanswered::Busy) => Err(Denied::Not(Status::Busy)),
            Err(Unanswered::GivenUp) => Err(Denied::Not(Status::Deadline)),
        }
    };
    catch_unwind(AssertUnwindSafe(reach)).unwrap_or(Err(Denied::Not(Status::Error)))
}

fn keep(call: CallHandle, bytes: Vec<u8>) -> Result<Slice, Status> {
    at_desk!(call, desk => desk.keep(bytes)).map(|bytes| lent(&bytes))
}

/// Remembers what a service said, and gives its status.
fn refuse(call: CallHandle, error: &ServiceError) -> Status {
    let status = match error {
        ServiceError::Denied { .. } => Status::Denied,
        ServiceError::Deadline => Status::Deadline,
        ServiceError::TooLarge(_) => Status::TooLarge,
        ServiceError::Invalid(_) => Status::Invalid,
        _ => Status::Error,
    };
    said(call, status, &error.to_string())
}

/// Remembers why, and gives the status; that of the call, where it is over.
fn said(call: CallHandle, status: Status, why: &str) -> Status {
    at_desk!(call, desk => { desk.refused(why); Ok(()) }).err().unwrap_or(status)
}

/// Remembers why it did not come to a function, where there is something to say beyond the status.
fn not_asked(call: CallHandle, function: Function, status: Status) -> Status {
    let name = function.name();
    match status {
        Status::Unsupported if calls::find(call).is_some_and(|call| call.task == Task::Create) => {
            said(call, status, &format!("`{name}` is not there in `create`: services are from `on_startup` on"))
        }
        Status::Unsupported => said(call, status, &format!("`{name}` waits, and this call may not")),
        Status::Busy => said(call, status, &format!("another thread waits for an answer, and `{name}` waits too")),
        Status::TooLarge => {
            said(call, status, &format!("the argument of `{name}` has more than {MAX_ANSWER_BYTES} bytes"))
        }
        _ => status,
    }
}

/// Asks, for plain C.
fn asked_plainly<T: serde::de::DeserializeOwned>(
    call: CallHandle,
    function: Function,
    argument: &Node,
) -> Result<T, Status> {
    match asked(call, function, document::write(argument)) {
        Ok(result) => document::read(&result).map_err(|error| said(call, Status::Error, &error.to_string())),
        Err(Denied::Not(status)) => Err(not_asked(call, function, status)),
        Err(Denied::Error(error)) => Err(refuse(call, &error)),
    }
}

// === for all ===

unsafe extern "C" fn error(call: CallHandle, out: *mut Slice) -> i32 {
    let given = at_desk!(call, desk => desk.error()).map(|bytes| lent(&bytes));
    // SAFETY: `out` is a place for a slice.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn fail(call: CallHandle, message: Slice) -> i32 {
    take!(call: message);
    status(at_desk!(call, desk => desk.fail(message)))
}

unsafe extern "C" fn cancelled(call: CallHandle) -> i32 {
    i32::from(at_desk!(call, desk => { let _ = desk; Ok(()) }).is_err_and(|status| status == Status::Stale))
}

unsafe extern "C" fn remaining_ms(call: CallHandle) -> u64 {
    let remaining = at_desk!(call, desk => Ok(desk.remaining()));
    match remaining {
        Ok(Some(remaining)) => u64::try_from(remaining.as_millis()).unwrap_or(NO_DEADLINE),
        Ok(None) => NO_DEADLINE,
        Err(_) => 0,
    }
}

unsafe extern "C" fn log(call: CallHandle, level: u32, message: Slice) -> i32 {
    take!(call: message);
    let level = match level {
        0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warn,
        _ => Level::Error,
    };
    // A line of a log is shown as far as it is text.
    let message = Node::text(String::from_utf8_lossy(message).into_owned());
    let level = match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    let line = Node::map([("level", Node::text(level)), ("message", message)]);
    status(asked_plainly::<()>(call, Function::Log, &line))
}

// === payloads by paths ===

unsafe extern "C" fn get_text(call: CallHandle, path: Slice, out: *mut Slice) -> i32 {
    take!(call: path);
    let given = at_desk!(call, desk => desk.get_text(path)).map(|bytes| lent(&bytes));
    // SAFETY: `out` is a place for a slice.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn get_int(call: CallHandle, path: Slice, out: *mut i64) -> i32 {
    take!(call: path);
    let given = at_desk!(call, desk => desk.get_int(path));
    // SAFETY: `out` is a place for a number.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn get_bool(call: CallHandle, path: Slice, out: *mut i32) -> i32 {
    take!(call: path);
    let given = at_desk!(call, desk => desk.get_bool(path));
    // SAFETY: `out` is a place for a number.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn count(call: CallHandle, path: Slice, out: *mut u64) -> i32 {
    take!(call: path);
    let given = at_desk!(call, desk => desk.count(path));
    // SAFETY: `out` is a place for a number.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn set_text(call: CallHandle, path: Slice, text: Slice) -> i32 {
    take!(call: path, text);
    status(at_desk!(call, desk => desk.set_text(path, text)))
}

unsafe extern "C" fn set_int(call: CallHandle, path: Slice, value: i64) -> i32 {
    take!(call: path);
    status(at_desk!(call, desk => desk.set(path, Node::Int(value))))
}

// === decisions ===

unsafe extern "C" fn block(call: CallHandle, http_status: u32, reason: Slice, code: Slice) -> i32 {
    take!(call: reason, code);
    status(at_desk!(call, desk => desk.block(http_status, reason, code)))
}

unsafe extern "C" fn respond_text(call: CallHandle, http_status: u32, text: Slice) -> i32 {
    take!(call: text);
    status(at_desk!(call, desk => desk.respond_text(http_status, text)))
}

unsafe extern "C" fn drop_chunk(call: CallHandle) -> i32 {
    status(at_desk!(call, desk => desk.drop_chunk()))
}

unsafe extern "C" fn identify(call: CallHandle, app: Slice, user: Slice, key: Slice) -> i32 {
    take!(call: app, user, key);
    status(at_desk!(call, desk => desk.identify(app, user, key)))
}

// === what is left for later ===

unsafe extern "C" fn state_get(call: CallHandle, key: Slice, out: *mut Slice) -> i32 {
    take!(call: key);
    let given = at_desk!(call, desk => desk.state_get(key)).map(|bytes| lent(&bytes));
    // SAFETY: `out` is a place for a slice.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn state_set(call: CallHandle, key: Slice, text: Slice) -> i32 {
    take!(call: key, text);
    status(at_desk!(call, desk => desk.state_set(key, text)))
}

unsafe extern "C" fn metadata_set(call: CallHandle, key: Slice, text: Slice) -> i32 {
    take!(call: key, text);
    status(at_desk!(call, desk => desk.metadata_set(key, text)))
}

// === keys and values ===

/// A key, as documents have it.
fn key_of(call: CallHandle, bytes: &[u8]) -> Result<Node, Status> {
    text(bytes).map(Node::text).map_err(|Refused(status, why)| said(call, status, &why))
}

unsafe extern "C" fn kv_get(call: CallHandle, key: Slice, out: *mut Slice) -> i32 {
    take!(call: key);
    let got = key_of(call, key).and_then(|key| asked_plainly::<Option<Bytes>>(call, Function::KvGet, &key));
    let there = got.and_then(|value| value.ok_or_else(|| said(call, Status::Missing, "there is no such key")));
    let given = there.and_then(|value| keep(call, value.to_vec()));
    // SAFETY: `out` is a place for a slice.
    unsafe { give(call, out, given) }
}

unsafe extern "C" fn kv_set(call: CallHandle, key: Slice, value: Slice, ttl_ms: u64) -> i32 {
    take!(call: key, value);
    let ttl = match ttl_ms {
        0 => Node::Null,
        ttl => Node::Unsigned(ttl),
    };
    // Before it is copied.
    if value.len() > MAX_ANSWER_BYTES {
        return not_asked(call, Function::KvSet, Status::TooLarge) as i32;
    }
    let value = Node::Bytes(Bytes::copy_from_slice(value));
    let set = key_of(call, key).and_then(|key| {
        let argument = Node::map([("key", key), ("value", value), ("ttl_ms", ttl)]);
        asked_plainly::<()>(call, Function::KvSet, &argument)
    });
    status(set)
}

unsafe extern "C" fn kv_increment(call: CallHandle, key: Slice, by: i64, out: *mut i64) -> i32 {
    take!(call: key);
    let sum = key_of(call, key).and_then(|key| {
        let argument = Node::map([("key", key), ("by", Node::Int(by))]);
        asked_plainly::<i64>(call, Function::KvIncrement, &argument)
    });
    // SAFETY: `out` is a place for a number.
    unsafe { give(call, out, sum) }
}
