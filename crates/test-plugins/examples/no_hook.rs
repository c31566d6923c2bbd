//! The test plugin `no_hook`, as an artefact.

use gatewright_test_plugins::NoHook;

gatewright_sdk::export!(NoHook);
