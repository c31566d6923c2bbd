//! The subject as a component.

gatewright_sdk::export!(bench_wasm::Subject);
