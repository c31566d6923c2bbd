//! The WIT package, written from the tables.

use crate::functions::Function;
use gatewright_plugin::Hook;
use std::fmt::Write;

/// The name of the package, without its version.
pub const PACKAGE: &str = "gatewright:plugin";

/// The interfaces that all components may import, and the functions of each.
pub const COMMON: [(&str, &[&str]); 3] = [
    ("types", &["[method]call.part", "[method]call.replace-texts", "panicked"]),
    ("clock", &["now", "monotonic"]),
    ("random", &["bytes"]),
];

/// The hooks that are given several chunks at once.
pub const IN_CHUNKS: [Hook; 3] = [Hook::HttpStreamChunk, Hook::PostLlm, Hook::OnStreamChunk];

const HEAD: &str = "\
// Written from the hook table and the table of host functions: `UPDATE_ABI_FILES=1 cargo test -p gatewright-abi`.
//
// One small interface a hook, and no world of all of them: a component exports what it implements, and the host sees
// it at load. Documents are CBOR; what each holds, docs/abi.md says. Nothing here is ever changed: interfaces, and
// functions in the interfaces that components import, are added.
";

/// The name of an interface of the package, with its version.
pub fn interface(name: &str) -> String {
    let (major, minor) = crate::VERSION;
    format!("{PACKAGE}/{name}@{major}.{minor}.0")
}

/// The name of a hook's interface.
pub fn of_hook(hook: Hook) -> String {
    hook.name().replace('_', "-")
}

/// The package.
pub fn package() -> String {
    let (major, minor) = crate::VERSION;
    let mut wit = format!("{HEAD}package {PACKAGE}@{major}.{minor}.0;\n");
    wit.push_str(
        "
/// What hooks have in common.
interface types {
  /// The call at hand. It ends with the call.
  resource call {
    /// A part, by its number: 0 facts, 1 state, 2 scratch, 3 chat, 4 output, 5 request body, 6 response body, 7 texts.
    part: func(number: u32) -> result<list<u8>, string>;
    /// Texts in another's stead, by the place of that among the texts: as `texts` of the edits, with no document around
    /// them. They are UTF-8.
    replace-texts: func(texts: list<tuple<u32, list<u8>>>) -> result<_, string>;
  }
  /// What a panic says, just before it traps.
  panicked: func(message: string);
}

/// Every component exports it.
interface plugin {
  /// What the plugin says of itself: a document.
  introduce: func() -> list<u8>;
  /// Makes the instance, once, from its config as a JSON text.
  create: func(config: list<u8>) -> result<_, string>;
}

/// Exported by those whose `pre-llm` answers with streams.
interface streams {
  /// The next chunks of a stream: a document.
  pull: func(number: u64) -> list<u8>;
  /// Gives a stream up.
  close: func(number: u64);
}

/// Time.
interface clock {
  /// Nanoseconds since 1970.
  now: func() -> u64;
  /// Nanoseconds since an instant; never moves back.
  monotonic: func() -> u64;
}

/// Chance.
interface random {
  /// So many bytes that nobody can guess; at most 65536.
  bytes: func(count: u32) -> list<u8>;
}
",
    );
    let mut group = "";
    for row in Function::TABLE {
        if row.group != group {
            if !group.is_empty() {
                wit.push_str("}\n");
            }
            group = row.group;
            let needs =
                row.permission.map_or_else(String::new, |needs| format!(" Needs the permission `{}`.", needs.as_str()));
            let _ = write!(
                wit,
                "\n/// Host functions: arguments, results and errors are documents.{needs}\ninterface {group} {{\n"
            );
        }
        let _ = write!(
            wit,
            "  /// {} {} -> {}\n  /// Since {}, in {}.\n  %{}: func(argument: list<u8>) -> result<list<u8>, list<u8>>;\n",
            row.does,
            row.argument,
            row.result,
            row.since(),
            row.legal_in(),
            row.name,
        );
    }
    wit.push_str("}\n");
    for row in Hook::TABLE {
        let (given, answered) = match IN_CHUNKS.contains(&row.hook) {
            true => ("heads: list<list<u8>>", "list<list<u8>>"),
            false => ("head: list<u8>", "list<u8>"),
        };
        let _ = write!(
            wit,
            "\n/// Hook {}: {}.\ninterface {} {{\n  use types.{{call}};\n  handle: func(call: own<call>, {given}) -> {answered};\n}}\n",
            row.hook as u8,
            row.name,
            of_hook(row.hook),
        );
    }
    wit
}

/// A world of a component that implements these hooks: what is packed.
pub fn world(hooks: impl IntoIterator<Item = Hook>) -> String {
    let mut wit = "package gatewright:artefact;\n\nworld artefact {\n".to_owned();
    let mut imports = COMMON.map(|(interface, _)| interface).to_vec();
    imports.extend(Function::TABLE.iter().map(|row| row.group));
    imports.dedup();
    for import in imports {
        let _ = writeln!(wit, "  import {};", interface(import));
    }
    let mut exports = vec!["plugin".to_owned()];
    for hook in hooks {
        exports.push(of_hook(hook));
        if hook == Hook::PreLlm {
            exports.push("streams".to_owned());
        }
    }
    for export in exports {
        let _ = writeln!(wit, "  export {};", interface(&export));
    }
    wit.push_str("}\n");
    wit
}

/// The macro with which the Rust SDK exports the hooks of the table from a core module.
pub fn rust_exports() -> String {
    let mut code = "\
// Written from the hook table: `UPDATE_ABI_FILES=1 cargo test -p gatewright-abi`.

/// The exports of a component.
#[doc(hidden)]
#[macro_export]
macro_rules! wasm_export {
    ($plugin:ty) => {
        const _: () = {
            #[unsafe(link_section = \"gatewright:hooks\")]
            static HOOKS: [u8; 8] = <$plugin as $crate::plugin::Plugin>::HOOKS.bits().to_le_bytes();
        };
"
    .to_owned();
    let mut export = |interface: &str, function: &str, sort: &str, arguments: &str| {
        let _ = writeln!(
            code,
            "        $crate::wasm_export!(@{sort} $plugin, \"{}#{function}\"{arguments});",
            self::interface(interface)
        );
    };
    export("plugin", "introduce", "introduce", "");
    export("plugin", "create", "create", "");
    export("streams", "pull", "pull", "");
    export("streams", "close", "close", "");
    for row in Hook::TABLE {
        let sort = if IN_CHUNKS.contains(&row.hook) { "chunks" } else { "hook" };
        export(&of_hook(row.hook), "handle", sort, &format!(", {}", row.hook as u8));
    }
    code.push_str("    };\n");
    // None has a function that cleans up behind it: what it left stays until the next call.
    for (sort, arguments, parameters, result, call) in [
        ("introduce", "", "", " -> *mut $crate::wasm::Area", "$crate::wasm::introduce::<$plugin>()"),
        (
            "create",
            "",
            "pointer: usize, length: usize",
            " -> *mut $crate::wasm::Area",
            "unsafe { $crate::wasm::create::<$plugin>(pointer, length) }",
        ),
        ("pull", "", "number: u64", " -> *mut $crate::wasm::Area", "$crate::wasm::pull::<$plugin>(number)"),
        ("close", "", "number: u64", "", "$crate::wasm::close::<$plugin>(number)"),
        (
            "hook",
            ", $hook:literal",
            "call: u32, pointer: usize, length: usize",
            " -> *mut $crate::wasm::Area",
            "unsafe { $crate::wasm::enter::<$plugin>($hook, call, pointer, length) }",
        ),
        (
            "chunks",
            ", $hook:literal",
            "call: u32, pointer: usize, length: usize",
            " -> *mut $crate::wasm::Area",
            "unsafe { $crate::wasm::enter_chunks::<$plugin>($hook, call, pointer, length) }",
        ),
    ] {
        let _ = write!(
            code,
            "    (@{sort} $plugin:ty, $name:literal{arguments}) => {{\n        const _: () = {{\n            #[unsafe(export_name = $name)]\n            unsafe extern \"C\" fn enter({parameters}){result} {{\n                {call}\n            }}\n        }};\n    }};\n",
        );
    }
    code.push_str("}\n");
    code
}

/// The host functions that the Rust SDK imports into a core module.
pub fn rust_imports() -> String {
    let mut code = "\
// Written from the table of host functions: `UPDATE_ABI_FILES=1 cargo test -p gatewright-abi`.

imports! {
"
    .to_owned();
    for (at, row) in Function::TABLE.iter().enumerate() {
        let first = at == 0 || Function::TABLE[at - 1].group != row.group;
        let last = Function::TABLE.get(at + 1).is_none_or(|next| next.group != row.group);
        if first {
            let _ = writeln!(code, "    {} \"{}\" {{", snake(row.group), interface(row.group));
        }
        let _ = writeln!(code, "        {} \"{}\",", snake(row.name), row.name);
        if last {
            code.push_str("    }\n");
        }
    }
    code.push_str(
        "}

/// The import of a function, if the plugin asks for its permission.
fn import<P: FromConfig>(function: Function) -> Option<Import> {
    Some(match function {
",
    );
    for row in Function::TABLE {
        let guard = row
            .permission
            .map_or_else(String::new, |permission| format!(" if asks_for::<P>(Permission::{permission:?})"));
        let _ =
            writeln!(code, "        Function::{:?}{guard} => {}::{},", row.function, snake(row.group), snake(row.name));
    }
    code.push_str("        _ => return None,\n    })\n}\n");
    code
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests;
