//! Allocations, counted.

use crate::{PLUGINS, Problem, Scenario};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

/// How often a chain is walked: enough to see an allocation that only some walks make.
const TIMES: u32 = 1000;

/// Allocations of one plugin more, in a program whose allocator is [`INSTRUMENTED_SYSTEM`].
pub async fn allocations(scenario: Scenario) -> Result<f64, Problem> {
    let [.., few, many] = PLUGINS;
    let (fewer, more) = (walks(scenario, few).await?, walks(scenario, many).await?);
    Ok((more as f64 - fewer as f64) / f64::from(TIMES) / (many - few) as f64)
}

/// Allocations of [`TIMES`] walks with so many plugins; to grow what is there counts as one.
async fn walks(scenario: Scenario, plugins: usize) -> Result<usize, Problem> {
    let mut work = scenario.with(plugins).await?;
    // What is allocated once and kept is no cost of a hook.
    work.repeat(1).await?;
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    work.repeat(TIMES).await?;
    let change = region.change();
    Ok(change.allocations + change.reallocations)
}
