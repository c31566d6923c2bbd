//! What the log says of a plugin that keeps failing in one request.

#![expect(clippy::unwrap_used, reason = "a test")]

use gatewright_plugin::Facts;
use gatewright_plugin::hosted::point;
use gatewright_plugin::prelude::*;
use gatewright_telemetry::log::{LogConfig, LogOutput, subscriber};
use gatewright_testkit::{ChainRunner, block_on, request};
use serde_json::Value as Json;
use std::io::{Result as Written, Write};
use std::sync::{Arc, Mutex};

/// Fails at whatever it is asked.
struct Broken;

#[plugin]
impl Plugin for Broken {
    fn pre_request(&self, _: &mut Cx, _: &Request) -> Result<(), Failure> {
        Err("no luck".into())
    }

    fn on_stream_chunk(&self, _: &mut Cx, _: &mut Draft<ChannelText>) -> Result<(), Failure> {
        Err("no luck".into())
    }
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Written<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Written<()> {
        Ok(())
    }
}

/// Level and hook of the lines about failures that `act` leaves behind.
fn failures(act: impl FnOnce()) -> Vec<(String, String)> {
    let output = Output::default();
    let writer = LogOutput::Writer(Box::new(output.clone()));
    let config = LogConfig { output: writer, level: "debug".to_owned(), ..LogConfig::default() };
    let (subscriber, guard) = subscriber(config).unwrap();
    tracing::subscriber::with_default(subscriber, act);
    drop(guard);
    let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let about = lines.filter(|line| line["message"] == "plugin failed: the request goes on without it");
    let word = |line: &Json, name: &str| line[name].as_str().unwrap().to_owned();
    about.map(|line| (word(&line, "level"), word(&line, "hook"))).collect()
}

#[test]
fn one_warning_for_a_hook_in_a_request_and_the_rest_for_who_looks_closer() {
    let mut runner = ChainRunner::new();
    block_on(runner.register(Broken)).unwrap();
    let stream = || {
        let mut stream = runner.request(Facts::default());
        let text = ChannelText { channel: Channel::TEXT, text: "hi".to_owned(), is_final: false, released: false };
        for _ in 0..3 {
            block_on(stream.exchange().run::<point::OnStreamChunk>(&mut Draft::from(text.clone()))).unwrap();
        }
        block_on(stream.exchange().observe::<point::PreRequest>(&mut Arc::new(request("gpt-4").user("hi").build())));
    };
    let expected = [
        ("WARN", "on_stream_chunk"),
        ("DEBUG", "on_stream_chunk"),
        ("DEBUG", "on_stream_chunk"),
        ("WARN", "pre_request"),
    ];
    let expected = expected.map(|(level, hook)| (level.to_owned(), hook.to_owned()));
    assert_eq!(failures(stream), expected);
    assert_eq!(failures(stream), expected, "another request warns anew");
}
