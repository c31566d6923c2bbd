//! `Generation` as a component or a library.

gatewright_sdk::export!(gatewright_test_plugins::Generation);
