//! The plugin as a process.

gatewright_sdk::executable!(bench_hosts::Subject);
