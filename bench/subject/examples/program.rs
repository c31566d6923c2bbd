//! The subject as a program.

gatewright_sdk::executable!(bench_subject::Subject);
