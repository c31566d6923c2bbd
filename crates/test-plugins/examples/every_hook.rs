//! The test plugin `every_hook`, as an artefact.

use gatewright_test_plugins::EveryHook;

gatewright_sdk::export!(EveryHook);
