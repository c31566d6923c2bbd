use super::PluginLog;
use crate::log::{LogConfig, LogOutput, subscriber};
use gatewright_plugin::services::{Level, Log, LogRecord};
use serde_json::{Value as Json, json};
use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn lines(records: &[LogRecord<'_>]) -> Vec<Json> {
    let output = Output::default();
    let writer = LogOutput::Writer(Box::new(output.clone()));
    let (subscriber, guard) = subscriber(LogConfig { output: writer, ..LogConfig::default() }).unwrap();
    let log = PluginLog::new("guard \"2\"");
    tracing::subscriber::with_default(subscriber, || records.iter().for_each(|record| log.log(record)));
    drop(guard);
    let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_names_plugin_and_request() {
    let fields = [("user_id", json!("u")), ("request_id", json!("forged")), ("n", json!({"a": [1]}))];
    let record = LogRecord { level: Level::Info, message: "incoming", fields: &fields, request_id: "r-1" };
    let line = &lines(&[record])[0];
    assert_eq!((&line["plugin"], &line["request_id"]), (&json!("guard \"2\""), &json!("r-1")));
    assert_eq!((&line["message"], &line["level"]), (&json!("incoming"), &json!("INFO")));
    assert_eq!(line["fields"], json!({"user_id": "u", "request_id": "forged", "n": {"a": [1]}}));
}

#[test]
fn secrets_do_not_pass() {
    let fields = [("api_key", json!("abc")), ("seen", json!({"cookie": "a=b", "text": "Bearer abc"}))];
    let record = LogRecord { level: Level::Error, message: "key sk-abcdef123", fields: &fields, request_id: "r-1" };
    let line = &lines(&[record])[0];
    assert_eq!(line["message"], "key [redacted]");
    let expected = json!({"api_key": "[redacted]", "seen": {"cookie": "[redacted]", "text": "Bearer [redacted]"}});
    assert_eq!(line["fields"], expected);
}

#[test]
fn levels_are_those_of_the_log_and_what_is_empty_is_left_out() {
    let record = |level| LogRecord { level, message: "m", fields: &[], request_id: "" };
    let lines = lines(&[record(Level::Debug), record(Level::Warn), record(Level::Error)]);
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["WARN", "ERROR"]);
    assert!(lines[0].get("request_id").is_none() && lines[0].get("fields").is_none());
}
