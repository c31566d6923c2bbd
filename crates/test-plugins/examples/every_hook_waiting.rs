//! The test plugin `every_hook_waiting`, as an artefact.

use gatewright_test_plugins::EveryHookWaiting;

gatewright_sdk::export!(EveryHookWaiting);
