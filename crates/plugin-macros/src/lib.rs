//! The `#[plugin]` attribute. Its docs are in `gatewright-plugin`, where it is used.

mod expand;

use proc_macro::TokenStream;

/// Makes an `impl Plugin for T` block complete: finds the hooks that it overrides, lets each be a plain `fn` (which
/// then costs no allocation) or an `async fn`, and writes the manifest from the arguments.
///
/// Each argument `key = value` becomes a call `.key(value)` on the manifest: `name`, `version`, `description`,
/// `priority`, `failure_mode`, `timeout`, `permission`, `header`, `messages`, `stream_mode`, `stateful`; an argument
/// may stand more than once where that makes sense. Without `name` the plugin is called after its type, in snake case;
/// without `version` it has its crate's.
#[proc_macro_attribute]
pub fn plugin(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let root = quote::quote!(::gatewright_plugin);
    expand::plugin(&root, arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The same attribute for those who depend on `gatewright` alone, which hands it on as `plugin`.
#[proc_macro_attribute]
pub fn linked_plugin(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let root = quote::quote!(::gatewright::plugin);
    expand::plugin(&root, arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
