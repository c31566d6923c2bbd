//! What recording costs, in nanoseconds each, on one thread and on two: `cargo bench -p gatewright-telemetry`.

#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use gatewright_pipeline::Judged;
use gatewright_plugin::services::{Level, Log, LogRecord, Sample, SampleKind};
use gatewright_plugin::{Hook, HookSet};
use gatewright_telemetry::{LogConfig, LogOutput, Metrics, PluginLog};
use gatewright_testkit::summary;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    let metrics = Arc::new(Metrics::new());

    let probe = metrics.probe("guard", HookSet::of(&[Hook::CheckInput, Hook::PreLlm]));
    measure("Probe::called", 10_000_000, move || {
        probe.called(black_box(Hook::PreLlm), black_box(Judged::Ok), black_box(Duration::from_nanos(120)));
    });

    let (recorded, ended) = (metrics.clone(), summary());
    measure("Metrics::request", 2_000_000, move || recorded.request("chat", black_box(&ended)));

    let provider = metrics.provider("openai");
    measure("ProviderMetrics::attempted", 10_000_000, move || provider.attempted(black_box(None)));

    let custom = metrics.plugin_metrics("guard");
    measure("plugin's own counter", 2_000_000, move || {
        let labels = [("kind", "email")];
        let sample = Sample { name: "found", kind: SampleKind::Count, value: 1.0, labels: &labels };
        drop(black_box(custom.record(&sample)));
    });

    for at in 0..200 {
        let mut ended = summary();
        ended.model = format!("model-{at}");
        metrics.request("chat", &ended);
    }
    let started = Instant::now();
    let bytes = metrics.render().len();
    println!(
        "{:<34} {:>8.0} us for 200 models, {bytes} bytes",
        "Metrics::render",
        started.elapsed().as_secs_f64() * 1e6
    );

    let output = LogOutput::Writer(Box::new(std::io::sink()));
    let Ok(log) = gatewright_telemetry::log::init(LogConfig { output, ..LogConfig::default() }) else { return };
    measure("a line of 17 fields", 200_000, || {
        tracing::info!(
            target: "gatewright::request",
            request_id = "01890a5d-ac96-774b-bcce-b302099a8057",
            endpoint = "/v1/chat/completions",
            status = "success",
            http_status = 200,
            provider = "openai",
            model = "gpt-4o-mini",
            stream = false,
            attempts = 1,
            input_tokens = 1_200,
            output_tokens = 340,
            cost = 0.00123,
            latency_ms = 812.3,
            overhead_us = 312,
            user_id = "user-456",
            api_key_id = "key-789",
            finish_reason = "stop",
            "request"
        );
    });
    let plugin = PluginLog::new("request_logger");
    measure("a line of a plugin, 3 fields", 200_000, move || {
        let fields = [("user_id", "user-456".into()), ("model", "gpt-4o-mini".into()), ("message_count", 3.into())];
        let request_id = "01890a5d-ac96-774b-bcce-b302099a8057";
        plugin.log(&LogRecord { level: Level::Info, message: "incoming request", fields: &fields, request_id });
    });
    println!("lines dropped: {}", log.handle().dropped());
}

/// On one thread, then on two at once.
fn measure(what: &str, times: u32, act: impl Fn() + Send + Sync) {
    let per_call = || {
        let started = Instant::now();
        for _ in 0..times {
            act();
        }
        started.elapsed().as_nanos() as f64 / f64::from(times)
    };
    per_call();
    let alone = per_call();
    let both = thread::scope(|scope| {
        let other = scope.spawn(per_call);
        let here = per_call();
        other.join().map_or(here, |there| (here + there) / 2.0)
    });
    println!("{what:<34} {alone:>8.1} ns alone, {both:>8.1} ns with another thread");
}
