//! Makes a plugin an artefact.
//!
//! The source of a plugin is the same in every host. What makes it a WASM component, a native library or a process is
//! in here: each kind of artefact carries calls in and answers out, over what `gatewright-abi` defines.

mod exported;
#[cfg(any(target_arch = "wasm32", test))]
pub mod heap;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(all(feature = "process", unix))]
pub mod process;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use exported::Exported;
pub use gatewright_abi as abi;
pub use gatewright_plugin as plugin;

/// Makes a plugin an artefact: `gatewright_sdk::export!(NoSecrets);`, once, in a crate or target of type `cdylib`.
///
/// The type must implement [`FromConfig`](gatewright_plugin::FromConfig). What it becomes, the target says: a native
/// library with one symbol, or a component. A program that links the plugin in needs none of it, and two in one program
/// would clash: put it beside the library that holds the plugin, not into it.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        $crate::native_export!($plugin);
    };
}

/// Makes a plugin an artefact: here, a component.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        $crate::wasm_export!($plugin);
    };
}

/// Gives a component an allocator that is quicker than the standard library's: `gatewright_sdk::heap!();`, once, beside
/// [`export!`]. In other artefacts, and where a program has its own `#[global_allocator]`, leave it out.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! heap {
    () => {};
}

/// Gives a component an allocator that is quicker than the standard library's.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! heap {
    () => {
        #[global_allocator]
        static HEAP: $crate::heap::Heap = $crate::heap::Heap::new();
    };
}
