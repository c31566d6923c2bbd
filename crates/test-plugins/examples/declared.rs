//! The test plugin `declared`, as an artefact.

use gatewright_test_plugins::Declared;

gatewright_sdk::export!(Declared);
