//! Components that misbehave, written in WAT.

use gatewright_abi::{Introduction, document, wit};
use gatewright_plugin::{Hook, HookSet, Manifest};
use serde_json::Value as Json;
use std::fmt::Write;

/// A component: what it does at its hooks, in WAT. Its memory has 32 pages unless told: answers begin at [`ANSWER`], what the host
/// gives begins at 1 MiB.
pub(crate) struct Guest {
    hooks: HookSet,
    introduction: Introduction,
    handle: String,
    /// What it does before, at some hooks and at all.
    first: Vec<(Hook, String)>,
    before: String,
    create: String,
    introduce: String,
    pull: String,
    module: String,
    imports: String,
    answer: Vec<u8>,
    drops: bool,
    pages: u32,
}

/// Where a guest's answer is.
pub(crate) const ANSWER: usize = 16_384;

/// What loops for ever.
pub(crate) const LOOP: &str = "(loop $for_ever (br $for_ever)) (unreachable)";

/// Locals that are there for what is done.
const LOCALS: &str = "(local $end i64) (local $at i32)";

/// Imports of host functions, by their names in WAT.
const FUNCTIONS: [(&str, &str, &str); 6] = [
    ("$log", "log", "write"),
    ("$kv_set", "kv", "set"),
    ("$kv_increment", "kv", "increment"),
    ("$kv_list", "kv", "list"),
    ("$http_send", "http", "send"),
    ("$llm", "llm", "complete"),
];

const MODULE: &str = r#"
  (memory (export "memory") PAGES)
  (global $calls (mut i32) (i32.const 0))
  (global $top (mut i32) (i32.const 1048576))
  (func (export "cabi_realloc") (param $old i32) (param $old_length i32) (param $align i32) (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $length)))
    (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $length) (i32.const 16)))))))
    (local.get $at))
  (func $give (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 64) (local.get $at))
    (i32.store (i32.const 68) (local.get $length))
    (i32.const 64))
  (func $give_list (param $count i32) (result i32)
    ;; So many answers of no bytes.
    (memory.fill (i32.const 128) (i32.const 0) (i32.const 64))
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (local.get $count))
    (i32.const 64))
"#;

// === impl Guest ===

impl Guest {
    /// Stands at these hooks and has nothing to say.
    pub(crate) fn at(hooks: &[Hook]) -> Self {
        let hooks = HookSet::of(hooks);
        Self {
            hooks,
            introduction: Introduction::new(Manifest::new("hostile", "1.0.0"), hooks, HookSet::EMPTY),
            handle: "(call $give (i32.const 0) (i32.const 0))".to_owned(),
            first: Vec::new(),
            before: String::new(),
            create: "(i32.store8 (i32.const 80) (i32.const 0)) (i32.const 80)".to_owned(),
            introduce: String::new(),
            pull: "(unreachable)".to_owned(),
            module: String::new(),
            imports: String::new(),
            answer: Vec::new(),
            drops: true,
            pages: 32,
        }
    }

    /// Stands at these hooks besides.
    pub(crate) fn also(mut self, hooks: &[Hook]) -> Self {
        self.hooks = self.hooks.iter().chain(hooks.iter().copied()).collect();
        self.introduction = Introduction::new(Manifest::new("hostile", "1.0.0"), self.hooks, HookSet::EMPTY);
        self
    }

    /// What it does at a hook: gives the place of a result, has `$call`, `$head` and `$length`.
    pub(crate) fn handle(mut self, wat: impl Into<String>) -> Self {
        self.handle = wat.into();
        self
    }

    /// What it does first at this hook.
    pub(crate) fn on(mut self, hook: Hook, wat: &str) -> Self {
        self.first.push((hook, wat.to_owned()));
        self
    }

    /// What it does before all else, at each hook.
    pub(crate) fn before_each(mut self, wat: &str) -> Self {
        self.before.push_str(wat);
        self
    }

    /// What it answers at a hook: these bytes.
    pub(crate) fn answers(mut self, answer: Vec<u8>) -> Self {
        self.handle = format!("(call $give (i32.const {ANSWER}) (i32.const {}))", answer.len());
        self.data(answer)
    }

    /// What it answers at a hook: this document.
    pub(crate) fn says(self, answer: &Json) -> Self {
        self.answers(document::write(answer))
    }

    /// Bytes at [`ANSWER`].
    pub(crate) fn data(mut self, bytes: Vec<u8>) -> Self {
        self.answer = bytes;
        self
    }

    /// What it does when it is created.
    pub(crate) fn create(mut self, wat: impl Into<String>) -> Self {
        self.create = wat.into();
        self
    }

    /// What it does before it says what it is.
    pub(crate) fn before_introduction(mut self, wat: impl Into<String>) -> Self {
        self.introduce = wat.into();
        self
    }

    /// What it does when its stream is pulled.
    pub(crate) fn pull(mut self, wat: impl Into<String>) -> Self {
        self.pull = wat.into();
        self
    }

    /// Says of itself what this changes.
    pub(crate) fn introduces(mut self, change: impl FnOnce(&mut Introduction)) -> Self {
        change(&mut self.introduction);
        self
    }

    /// Further members of the module.
    pub(crate) fn with(mut self, wat: &str) -> Self {
        self.module.push_str(wat);
        self
    }

    /// Begins with so many pages of memory, each 64 KiB.
    pub(crate) fn pages(mut self, pages: u32) -> Self {
        self.pages = pages;
        self
    }

    /// Imports a function of the host.
    pub(crate) fn imports(mut self, function: &str, signature: &str, interface: &str, name: &str) -> Self {
        let interface = wit::interface(interface);
        let _ = writeln!(self.imports, "(import \"{interface}\" \"{name}\" (func {function} {signature}))");
        self
    }

    /// Imports host functions, by their names here: `(call $kv_set ARGUMENT LENGTH OUT)`.
    pub(crate) fn calls(self, functions: &[&str]) -> Self {
        let chosen = FUNCTIONS.iter().filter(|(function, ..)| functions.contains(function));
        chosen.fold(self, |guest, (function, interface, name)| {
            guest.imports(function, "(param i32 i32 i32)", interface, name)
        })
    }

    /// Never drops the handle of a call.
    pub(crate) fn keeps_handles(mut self) -> Self {
        self.drops = false;
        self
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        gatewright_pack::pack(&wat::parse_str(self.wat()).unwrap()).unwrap()
    }

    fn wat(&self) -> String {
        let Self { create, introduce, pull, module, imports, .. } = self;
        let types = wit::interface("types");
        let core = MODULE.replace("PAGES", &self.pages.to_string());
        let mut wat = format!(
            "(module\n(@custom \"gatewright:hooks\" \"{}\")\n{imports}\n\
             (import \"{types}\" \"[resource-drop]call\" (func $drop_call (param i32)))\n{core}\n{module}\n",
            escaped(&self.hooks.bits().to_le_bytes())
        );
        let document = self.introduction.write();
        let _ = writeln!(wat, "(data (i32.const 4096) \"{}\")", escaped(&document));
        let _ = writeln!(wat, "(data (i32.const {ANSWER}) \"{}\")", escaped(&self.answer));
        let plugin = wit::interface("plugin");
        let _ = writeln!(
            wat,
            "(func (export \"{plugin}#introduce\") (result i32) {introduce} (call $give (i32.const 4096) (i32.const {})))",
            document.len()
        );
        let _ = writeln!(
            wat,
            "(func (export \"{plugin}#create\") (param $config i32) (param $length i32) (result i32) {LOCALS} {create})"
        );
        let streams = wit::interface("streams");
        let _ = writeln!(wat, "(func (export \"{streams}#pull\") (param $number i64) (result i32) {pull})");
        let _ = writeln!(wat, "(func (export \"{streams}#close\") (param $number i64))");
        let dropped = if self.drops { "(call $drop_call (local.get $call))" } else { "" };
        for hook in self.hooks.iter() {
            let first = self.first.iter().filter(|(of, _)| *of == hook).fold(String::new(), |all, (_, wat)| all + wat);
            let _ = writeln!(
                wat,
                "(func (export \"{}#handle\") (param $call i32) (param $head i32) (param $length i32) (result i32) \
                 {LOCALS} (global.set $calls (i32.add (global.get $calls) (i32.const 1))) \
                 (global.set $top (i32.const 1048576)) {dropped} {first} {} {})",
                wit::interface(&wit::of_hook(hook)),
                self.before,
                self.handle
            );
        }
        wat.push(')');
        wat
    }
}

/// Bytes as WAT writes them.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}
