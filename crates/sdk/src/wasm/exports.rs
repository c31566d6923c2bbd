// Written from the hook table: `UPDATE_ABI_FILES=1 cargo test -p gatewright-abi`.

/// The exports of a component.
#[doc(hidden)]
#[macro_export]
macro_rules! wasm_export {
    ($plugin:ty) => {
        const _: () = {
            #[unsafe(link_section = "gatewright:hooks")]
            static HOOKS: [u8; 8] = <$plugin as $crate::plugin::Plugin>::HOOKS.bits().to_le_bytes();
        };
        $crate::wasm_export!(@introduce $plugin, "gatewright:plugin/plugin@1.0.0#introduce");
        $crate::wasm_export!(@create $plugin, "gatewright:plugin/plugin@1.0.0#create");
        $crate::wasm_export!(@pull $plugin, "gatewright:plugin/streams@1.0.0#pull");
        $crate::wasm_export!(@close $plugin, "gatewright:plugin/streams@1.0.0#close");
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/http-request@1.0.0#handle", 0);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/http-response@1.0.0#handle", 1);
        $crate::wasm_export!(@chunks $plugin, "gatewright:plugin/http-stream-chunk@1.0.0#handle", 2);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/pre-auth@1.0.0#handle", 3);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/auth@1.0.0#handle", 4);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/post-auth@1.0.0#handle", 5);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/pre-request@1.0.0#handle", 6);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/check-input@1.0.0#handle", 7);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/pre-llm@1.0.0#handle", 8);
        $crate::wasm_export!(@chunks $plugin, "gatewright:plugin/post-llm@1.0.0#handle", 9);
        $crate::wasm_export!(@chunks $plugin, "gatewright:plugin/on-stream-chunk@1.0.0#handle", 10);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/check-output@1.0.0#handle", 11);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-error@1.0.0#handle", 12);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/post-request@1.0.0#handle", 13);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/request-end@1.0.0#handle", 14);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-user-message@1.0.0#handle", 15);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/before-agent@1.0.0#handle", 16);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/after-agent@1.0.0#handle", 17);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/before-model@1.0.0#handle", 18);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/after-model@1.0.0#handle", 19);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/before-tool@1.0.0#handle", 20);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/after-tool@1.0.0#handle", 21);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-model-error@1.0.0#handle", 22);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-tool-error@1.0.0#handle", 23);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-event@1.0.0#handle", 24);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/before-create@1.0.0#handle", 25);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/after-create@1.0.0#handle", 26);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/before-update@1.0.0#handle", 27);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/after-update@1.0.0#handle", 28);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/before-delete@1.0.0#handle", 29);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/after-delete@1.0.0#handle", 30);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/endpoint@1.0.0#handle", 31);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/rpc@1.0.0#handle", 32);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/asset@1.0.0#handle", 33);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/schedule@1.0.0#handle", 34);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-startup@1.0.0#handle", 35);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/on-shutdown@1.0.0#handle", 36);
        $crate::wasm_export!(@hook $plugin, "gatewright:plugin/health@1.0.0#handle", 37);
    };
    (@introduce $plugin:ty, $name:literal) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            unsafe extern "C" fn enter() -> *mut $crate::wasm::Area {
                $crate::wasm::introduce::<$plugin>()
            }
        };
    };
    (@create $plugin:ty, $name:literal) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            unsafe extern "C" fn enter(pointer: usize, length: usize) -> *mut $crate::wasm::Area {
                unsafe { $crate::wasm::create::<$plugin>(pointer, length) }
            }
        };
    };
    (@pull $plugin:ty, $name:literal) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            unsafe extern "C" fn enter(number: u64) -> *mut $crate::wasm::Area {
                $crate::wasm::pull::<$plugin>(number)
            }
        };
    };
    (@close $plugin:ty, $name:literal) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            unsafe extern "C" fn enter(number: u64) {
                $crate::wasm::close::<$plugin>(number)
            }
        };
    };
    (@hook $plugin:ty, $name:literal, $hook:literal) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            unsafe extern "C" fn enter(call: u32, pointer: usize, length: usize) -> *mut $crate::wasm::Area {
                unsafe { $crate::wasm::enter::<$plugin>($hook, call, pointer, length) }
            }
        };
    };
    (@chunks $plugin:ty, $name:literal, $hook:literal) => {
        const _: () = {
            #[unsafe(export_name = $name)]
            unsafe extern "C" fn enter(call: u32, pointer: usize, length: usize) -> *mut $crate::wasm::Area {
                unsafe { $crate::wasm::enter_chunks::<$plugin>($hook, call, pointer, length) }
            }
        };
    };
}
