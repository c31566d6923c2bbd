//! What a guest may ask of its host: the one table.
//!
//! Header, WIT, proto and docs follow from it, and so do the tests of which call is legal where. Argument and result
//! of each are documents: see [`crate::service`].

use gatewright_plugin::{Hook, HookSet, Permission};

/// A host function. The numbers are the wire format of every host: append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the table says what each does")]
pub enum Function {
    Log = 0,
    Metric = 1,
    Record = 2,
    KvGet = 3,
    KvSet = 4,
    KvDelete = 5,
    KvList = 6,
    KvIncrement = 7,
    KvCompareAndSet = 8,
    HttpSend = 9,
    LlmComplete = 10,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct FunctionInfo {
    /// The function.
    pub function: Function,
    /// The group that it belongs to: an interface of the WIT.
    pub group: &'static str,
    /// Its name within the group.
    pub name: &'static str,
    /// The minor version of the contract that has it first.
    pub since: u32,
    /// The hooks that may call it.
    pub hooks: HookSet,
    /// What the plugin must be granted.
    pub permission: Option<Permission>,
    /// Whether it may wait: such a one is refused in a call that must not.
    pub waits: bool,
    /// What it does, in one sentence.
    pub does: &'static str,
    /// Its argument, as the docs write it.
    pub argument: &'static str,
    /// Its result, as the docs write it.
    pub result: &'static str,
}

/// While an instance starts or ends, the gateway does not serve it.
const SERVING: HookSet = HookSet::ALL.without(HookSet::of(&[Hook::OnStartup, Hook::OnShutdown, Hook::Health]));

macro_rules! functions {
    ($($function:ident, $group:literal, $name:literal, $since:literal, $hooks:expr, $permission:expr, $waits:literal,
        $does:literal, $argument:literal, $result:literal;)*) => {
        impl Function {
            /// The table, by number.
            pub const TABLE: &[FunctionInfo] = &[$(FunctionInfo {
                function: Function::$function,
                group: $group,
                name: $name,
                since: $since,
                hooks: $hooks,
                permission: $permission,
                waits: $waits,
                does: $does,
                argument: $argument,
                result: $result,
            }),*];
        }
    };
}

functions! {
    Log, "log", "write", 0, HookSet::ALL, None, false, "Writes a line to the host's log.",
        "{level: \"debug\"|\"info\"|\"warn\"|\"error\", message: text, fields: [[name, value], ...]}", "null";
    Metric, "metrics", "sample", 0, HookSet::ALL, Some(Permission::Metrics), false,
        "Takes a sample of a metric of the plugin's own.",
        "{name: text, kind: \"count\"|\"gauge\"|\"observe\", value: float, labels: [[name, value], ...]}", "null";
    Record, "records", "append", 0, HookSet::ALL, Some(Permission::Records), false, "Takes rows for logs.",
        "[{table: text, row: map}, ...]", "null";
    KvGet, "kv", "get", 0, HookSet::ALL, Some(Permission::Kv), true, "The value of a key.",
        "text: the key", "bytes, or null";
    KvSet, "kv", "set", 0, HookSet::ALL, Some(Permission::Kv), true, "Sets a key, for ever or for a time.",
        "{key: text, value: bytes, ttl_ms: integer or null}", "null";
    KvDelete, "kv", "delete", 0, HookSet::ALL, Some(Permission::Kv), true, "Takes a key out.",
        "text: the key", "whether it was there: bool";
    KvList, "kv", "list", 0, HookSet::ALL, Some(Permission::Kv), true, "Keys with a prefix, in order.",
        "{prefix: text, limit: integer}", "[text, ...]";
    KvIncrement, "kv", "increment", 0, HookSet::ALL, Some(Permission::Kv), true,
        "Adds to a whole number, and answers the sum.",
        "{key: text, by: integer}", "integer";
    KvCompareAndSet, "kv", "compare-and-set", 0, HookSet::ALL, Some(Permission::Kv), true,
        "Sets a key if its value is what was expected.",
        "{key: text, expected: bytes or null, value: bytes}", "whether it did: bool";
    HttpSend, "http", "send", 0, HookSet::ALL, Some(Permission::Http), true, "Sends a request to an allowed host.",
        "{method: text, url: text, headers: [[name, value], ...], body: bytes, timeout_ms: integer}",
        "{status: integer, headers: [[name, value], ...], body: bytes}";
    LlmComplete, "llm", "complete", 0, SERVING, Some(Permission::Llm), true,
        "Sends a request to an LLM through the gateway.",
        "{model: text, chat: a conversation}", "{response: a response}, or {error: an error}";
}

// === impl Function ===

impl Function {
    /// The function of this number.
    pub fn numbered(number: u32) -> Option<Self> {
        Self::TABLE.get(number as usize).map(|row| row.function)
    }

    /// Its row.
    pub fn info(self) -> &'static FunctionInfo {
        &Self::TABLE[self as usize]
    }

    /// Its whole name: `kv.get`.
    pub fn name(self) -> String {
        let row = self.info();
        format!("{}.{}", row.group, row.name)
    }
}

// === impl FunctionInfo ===

impl FunctionInfo {
    /// The hooks that may call it, as the docs say it: `every hook`, or with those that may not.
    pub fn legal_in(&self) -> String {
        let illegal: Vec<&str> = HookSet::ALL.without(self.hooks).iter().map(Hook::name).collect();
        match illegal.is_empty() {
            true => "every hook".to_owned(),
            false => format!("every hook but {}", illegal.join(", ")),
        }
    }

    /// The version of the contract that has it first, as the docs say it.
    pub fn since(&self) -> String {
        format!("{}.{}", crate::VERSION.0, self.since)
    }
}

#[cfg(test)]
mod tests;
