//! The entry symbol of a native library.

/// Emits the entry symbol of a native library.
#[doc(hidden)]
#[macro_export]
macro_rules! native_export {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(panic = "abort")]
            ::core::compile_error!(
                "a native plugin must be built with `panic = \"unwind\"`: one that aborts would end the gateway"
            );

            static TABLE: $crate::native::Table = $crate::native::Table::new();

            #[unsafe(no_mangle)]
            extern "C" fn gatewright_plugin_v1() -> *const $crate::abi::native::PluginTable {
                TABLE.of::<$plugin>()
            }
        };
    };
}

#[cfg(test)]
mod tests;
