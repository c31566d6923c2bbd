//! The subject as a component, or a library.

gatewright_sdk::export!(bench_subject::Subject);
gatewright_sdk::heap!();
