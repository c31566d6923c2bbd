//! The test plugin `some_hooks`, as an artefact.

use gatewright_test_plugins::SomeHooks;

gatewright_sdk::export!(SomeHooks);
