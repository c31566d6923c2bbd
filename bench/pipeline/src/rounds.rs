//! Time, in short rounds of which medians are taken.

use bench_pipeline::{PLUGINS, Problem, Scenario, Work};
use std::time::Instant;

/// What a scenario took, in nanoseconds.
pub(crate) struct Timed {
    /// By the numbers of [`PLUGINS`].
    pub(crate) chains: [f64; PLUGINS.len()],
    /// Of one plugin more.
    pub(crate) each: f64,
}

/// Times a scenario. All numbers of plugins are timed in every round, so that what one plugin costs comes from two
/// chains that saw the same machine; rounds are short, so that most of them are not interrupted.
pub(crate) async fn time(scenario: Scenario, rounds: u32, times: u32) -> Result<Timed, Problem> {
    let mut works: Vec<Work> = Vec::new();
    for plugins in PLUGINS {
        let mut work = scenario.with(plugins).await?;
        work.repeat(times).await?;
        works.push(work);
    }
    let mut chains = PLUGINS.map(|_| Vec::new());
    let mut each = Vec::new();
    for _ in 0..rounds {
        let mut round = [0.0; PLUGINS.len()];
        for (work, took) in works.iter_mut().zip(&mut round) {
            let started = Instant::now();
            work.repeat(times).await?;
            *took = started.elapsed().as_nanos() as f64 / f64::from(times);
        }
        chains.iter_mut().zip(round).for_each(|(all, took)| all.push(took));
        let [.., fewer, more] = round;
        let [.., few, many] = PLUGINS;
        each.push((more - fewer) / (many - few) as f64);
    }
    Ok(Timed { chains: chains.map(median), each: median(each) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
