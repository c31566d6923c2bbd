//! Components for tests, written in WAT.

use crate::component::LoadError;
use crate::engine::WasmHost;
use crate::options::Options;
use gatewright_abi::functions::Function;
use gatewright_abi::service::{self, Ask};
use gatewright_abi::{Introduction, VERSION, document, wit};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::{BoxFuture, ServiceError, ServiceSet};
use gatewright_plugin::{Cx, Facts, Hook, HookSet, Manifest, Permission, State};
use serde_json::Value as Json;
use std::fmt::Write;
use std::sync::Arc;
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component: what it does at its hooks, in WAT.
pub(crate) struct Guest {
    hooks: HookSet,
    manifest: Manifest,
    imports: String,
    handle: String,
    answer: Vec<u8>,
    minor: u32,
    /// How many more memories it has.
    memories: u8,
    /// What is put into the WIT, and before what.
    later: Vec<(&'static str, &'static str)>,
}

/// Where a guest's answer is; its argument for host functions, the text `k`, is before it, and results begin at [`OUT`].
pub(crate) const ANSWER: usize = 16_384;
const ARGUMENT: usize = 8192;
pub(crate) const OUT: usize = 96;

const MODULE: &str = r#"
  (memory (export "memory") 32)
  (global $calls (mut i32) (i32.const 0))
  (global $top (mut i32) (i32.const 1048576))
  (func (export "cabi_realloc") (param $old i32) (param $old_length i32) (param $align i32) (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $length)))
    (local.get $at))
  (func $give (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 64) (local.get $at))
    (i32.store (i32.const 68) (local.get $length))
    (i32.const 64))
"#;

// === impl Guest ===

impl Guest {
    /// Stands at these hooks and has nothing to say.
    pub(crate) fn at(hooks: &[Hook]) -> Self {
        Self {
            hooks: HookSet::of(hooks),
            manifest: Manifest::new("guest", "1.0.0"),
            imports: String::new(),
            handle: "(call $give (i32.const 0) (i32.const 0))".to_owned(),
            answer: Vec::new(),
            minor: 0,
            memories: 0,
            later: Vec::new(),
        }
    }

    /// Says this of itself.
    pub(crate) fn manifest(mut self, manifest: Manifest) -> Self {
        self.manifest = manifest;
        self
    }

    /// Imports a function of the host: a number, a number and a place for the result.
    pub(crate) fn imports(mut self, function: &str, interface: &str, name: &str) -> Self {
        let interface = wit::interface(interface);
        let _ = writeln!(self.imports, "(import \"{interface}\" \"{name}\" (func {function} (param i32 i32 i32)))");
        self
    }

    /// Imports what a panic says.
    pub(crate) fn imports_panicked(mut self) -> Self {
        let types = wit::interface("types");
        let _ = writeln!(self.imports, "(import \"{types}\" \"panicked\" (func $panicked (param i32 i32)))");
        self
    }

    /// Calls such a function with its argument, at each hook and before all else.
    pub(crate) fn calls(mut self, function: &str) -> Self {
        self.handle =
            format!("(call {function} (i32.const {ARGUMENT}) (i32.const 2) (i32.const {OUT})) {}", self.handle);
        self
    }

    /// What it does at a hook: gives the place of a result, has `$call`, `$head`, `$length` and `$at`.
    pub(crate) fn handle(mut self, wat: &str) -> Self {
        self.handle = wat.to_owned();
        self
    }

    /// Answers with this document at a hook.
    pub(crate) fn says(mut self, answer: &Json) -> Self {
        self.answer = document::write(answer);
        let give = format!("(call $give (i32.const {ANSWER}) (i32.const {}))", self.answer.len());
        self.handle(&give)
    }

    /// Where its answer ends.
    pub(crate) fn end_of_answer(&self) -> usize {
        ANSWER + self.answer.len()
    }

    /// Was built with a later minor version of the contract.
    pub(crate) fn of_minor(mut self, minor: u32) -> Self {
        self.minor = minor;
        self
    }

    /// Was built with a WIT that has this text in the place of that.
    pub(crate) fn of_wit(mut self, ours: &'static str, theirs: &'static str) -> Self {
        self.later.push((ours, theirs));
        self
    }

    /// Has so many memories more, each in an instance of a module.
    pub(crate) fn with_memories(mut self, memories: u8) -> Self {
        self.memories = memories;
        self
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let ours = format!("@{}.{}.0", VERSION.0, VERSION.1);
        let theirs = format!("@{}.{}.0", VERSION.0, self.minor);
        let renamed = |text: String| text.replace(&ours, &theirs);
        let package = self.later.iter().fold(wit::package(), |package, (ours, theirs)| {
            assert!(package.contains(ours), "{ours}");
            package.replace(ours, theirs)
        });
        let mut resolve = Resolve::default();
        resolve.push_str("plugin.wit", &renamed(package)).unwrap();
        let guest = resolve.push_str("guest.wit", &renamed(wit::world(self.hooks.iter()))).unwrap();
        let world = resolve.select_world(&[guest], None).unwrap();
        let mut module = wat::parse_str(renamed(self.wat())).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
        let mut component = ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap();
        if self.memories > 0 {
            self.add_memories(&mut component);
        }
        component
    }

    /// Adds a module, and instances of it.
    fn add_memories(&self, component: &mut Vec<u8>) {
        let (mut depth, mut modules) = (0, 0);
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ModuleSection { .. } if depth == 1 => modules += 1,
                _ => {}
            }
        }
        let module = wat::parse_str("(module (memory 1))").unwrap();
        let instances = std::iter::repeat_n([0, modules, 0], self.memories.into()).flatten();
        let instances: Vec<u8> = std::iter::once(self.memories).chain(instances).collect();
        for (section, content) in [(1, module), (2, instances)] {
            assert!(content.len() < 128, "its length is one byte");
            component.extend([section, u8::try_from(content.len()).unwrap()]);
            component.extend(content);
        }
    }

    fn wat(&self) -> String {
        let (types, plugin) = (wit::interface("types"), wit::interface("plugin"));
        let introduction = Introduction {
            contract: (VERSION.0, self.minor),
            ..Introduction::new(self.manifest.clone(), self.hooks, HookSet::EMPTY)
        };
        let introduction = introduction.write();
        let mut wat = format!(
            "(module {}\n(import \"{types}\" \"[resource-drop]call\" (func $drop_call (param i32)))\n{MODULE}\n",
            self.imports
        );
        for (at, bytes) in [(4096, &*introduction), (ARGUMENT, b"\x61k"), (ANSWER, &*self.answer)] {
            let _ = writeln!(wat, "(data (i32.const {at}) \"{}\")", escaped(bytes));
        }
        let _ = writeln!(
            wat,
            "(func (export \"{plugin}#introduce\") (result i32) (call $give (i32.const 4096) (i32.const {})))\n\
             (func (export \"{plugin}#create\") (param i32 i32) (result i32) \
             (i32.store8 (i32.const 80) (i32.const 0)) (i32.const 80))",
            introduction.len()
        );
        for hook in self.hooks.iter() {
            let interface = wit::interface(&wit::of_hook(hook));
            let _ = writeln!(
                wat,
                "(func (export \"{interface}#handle\") (param $call i32) (param $head i32) (param $length i32) \
                 (result i32) (local $at i32) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) \
                 (global.set $top (i32.const 1048576)) {} (call $drop_call (local.get $call)))",
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

/// Loads a guest, with all permissions granted.
pub(crate) async fn load(host: &WasmHost, guest: &Guest, options: Options) -> Result<Arc<dyn Hosted>, LoadError> {
    let options = Options { granted: Permission::ALL.into(), ..options };
    host.load(guest.build(), &Json::Null, options).await
}

/// Runs a test on a thread.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// A context with services that have nothing, but for what this changes.
pub(crate) fn cx(change: impl FnOnce(&mut ServiceSet)) -> Cx {
    let mut set = ServiceSet::clone(&service::services(Arc::new(Nothing)));
    change(&mut set);
    Cx::new(Arc::new(Facts::default()), State::default(), None, set.into())
}

/// A host that has nothing.
struct Nothing;

impl Ask for Nothing {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(std::future::ready(self.ask_now(function, argument)))
    }

    fn ask_now(&self, _: Function, _: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Deadline)
    }
}
