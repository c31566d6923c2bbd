//! The test plugin `one_hook`, as an artefact.

use gatewright_test_plugins::OneHook;

gatewright_sdk::export!(OneHook);
