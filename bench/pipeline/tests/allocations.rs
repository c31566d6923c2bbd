//! What hooks may allocate does not depend on the machine, and so is a test.

use bench_pipeline::{allocations, on_a_worker, scenario};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

// One test, since another would allocate at the same time.
#[test]
fn a_plain_hook_allocates_nothing_and_an_async_one_once() {
    for hook in ["pre_llm", "post_llm", "check_input"] {
        for (style, allowed) in [("fn", 0.0), ("fn+probe", 0.0), ("async", 1.0)] {
            let name = format!("{hook}/{style}");
            let count = on_a_worker(async { allocations(scenario(&name)?).await }).unwrap();
            assert!((count - allowed).abs() < 0.01, "{name}: {count} allocations, not {allowed}");
        }
    }
    for name in ["chains/unsubscribed", "request/unsubscribed"] {
        let count = on_a_worker(async { allocations(scenario(name)?).await }).unwrap();
        assert!(count.abs() < 0.01, "{name}: {count} allocations for a plugin that subscribes to nothing");
    }
}
