//! `Generation` as a program.

gatewright_sdk::executable!(gatewright_test_plugins::Generation);
