use crate::log::{Conceal, LogConfig, LogOutput, LogStyle, Redacted, subscriber};
use serde_json::{Value as Json, json};
use std::io::{Result, Write};
use std::sync::{Arc, Mutex};
use tracing::{info, info_span, warn};

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

/// What is logged while `act` runs.
fn logged(style: LogStyle, act: impl FnOnce()) -> String {
    let output = Output::default();
    let writer = LogOutput::Writer(Box::new(output.clone()));
    let config = LogConfig { style, output: writer, level: "debug".to_owned(), ..LogConfig::default() };
    let (subscriber, guard) = subscriber(config).unwrap();
    tracing::subscriber::with_default(subscriber, act);
    drop(guard);
    String::from_utf8(output.0.lock().unwrap().clone()).unwrap()
}

/// The one line that is logged while `act` runs.
fn line(act: impl FnOnce()) -> Json {
    let text = logged(LogStyle::Json, act);
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_line_is_one_object() {
    let line = line(|| {
        info!(target: "gatewright::test", count = 3, ratio = 0.5, none = f64::NAN, on = true, who = "a \"b\"\n\\", "it {}", "ran");
    });
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "gatewright::test");
    assert_eq!(line["message"], "it ran");
    let fields = [&line["count"], &line["ratio"], &line["none"], &line["on"], &line["who"]];
    assert_eq!(fields, [&json!(3), &json!(0.5), &Json::Null, &json!(true), &json!("a \"b\"\n\\")]);
    let time = line["timestamp"].as_str().unwrap();
    assert!(time.len() == 27 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
}

#[test]
fn lines_about_a_plugin_are_without_its_secrets() {
    let conceal: Conceal = Arc::new(|text| text.replace("correct-horse", "***").replace("true", "***"));
    crate::log::conceal([("discreet".into(), conceal)]);
    let line = line(|| {
        let fields = r#"{"key":"correct-horse","on":1}"#;
        warn!(plugin = "discreet", "json:fields" = %fields, error = %"no correct-horse here", "it said correct-horse");
    });
    assert_eq!(line["message"], "it said ***");
    assert_eq!((&line["error"], &line["fields"]), (&json!("no *** here"), &json!({ "key": "***", "on": 1 })));
    let line = self::line(|| info!(plugin = "discreet", "json:fields" = %r#"{"on":true}"#, "it is"));
    assert_eq!(line["fields"], json!(r#"{"on":***}"#), "what is no JSON any more is a text");
    let line = self::line(|| info!(plugin = "another", "correct-horse"));
    assert_eq!(line["message"], "correct-horse");
}

#[test]
fn secrets_are_taken_out_by_name_and_by_look() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "shown by Debug")]
    struct Call {
        api_key: &'static str,
    }
    let line = line(|| {
        warn!(
            authorization = "abc",
            x_api_key = 5,
            api_key_id = "prod",
            call = ?Call { api_key: "hunter2" },
            error = %"401: Incorrect API key provided: sk-abcdef123",
            "with Bearer abc.def"
        );
    });
    assert_eq!(line["authorization"], "[redacted]");
    assert_eq!(line["x_api_key"], "[redacted]");
    assert_eq!(line["api_key_id"], "prod");
    assert_eq!(line["call"], r#"Call { api_key: "[redacted]" }"#);
    assert_eq!(line["error"], "401: Incorrect API key provided: [redacted]");
    assert_eq!(line["message"], "with Bearer [redacted]");
}

#[test]
fn json_fields_are_written_as_they_are() {
    let value = json!({"guard": {"password": "x", "n": [1, 2]}});
    let given = line(|| info!("json:plugins" = %Redacted(&value), "request"));
    assert_eq!(given["plugins"], json!({"guard": {"password": "[redacted]", "n": [1, 2]}}));
    for broken in ["{\"a\":", "1\n2", "1}, {"] {
        let given = line(|| info!("json:plugins" = %broken, "request"));
        assert_eq!(given["plugins"], broken);
    }
}

#[test]
fn spans_add_their_fields() {
    let line = line(|| {
        let outer = info_span!("request", request_id = "r-1", token = "abc", model = tracing::field::Empty);
        let _outer = outer.enter();
        outer.record("model", "gpt-4");
        let _inner = info_span!("attempt", attempt = 2).entered();
        info!("sent");
    });
    assert_eq!((&line["request_id"], &line["model"], &line["attempt"]), (&json!("r-1"), &json!("gpt-4"), &json!(2)));
    assert_eq!(line["token"], "[redacted]");
}

#[test]
fn long_values_are_cut_between_characters() {
    let long = "ä".repeat(20_000);
    let given = line(|| info!(text = long, debug = ?long, "long"));
    for cut in [&given["text"], &given["debug"]] {
        let cut = cut.as_str().unwrap();
        assert!(cut.len() < 17_000 && cut.contains('ä'));
    }
}

#[test]
fn pretty_lines_are_for_people() {
    let text = logged(LogStyle::Pretty, || {
        info!(target: "gatewright::test", model = "gpt-4", note = "two words", cookie = "a=b", count = 1, "it ran\nhere");
    });
    let (time, rest) = text.split_once(' ').unwrap();
    assert_eq!(time.len(), 27);
    let expected = " INFO gatewright::test: it ran\\nhere model=gpt-4 note=\"two words\" cookie=[redacted] count=1\n";
    assert_eq!(rest, expected);
}

#[test]
fn an_event_within_an_event_does_not_spoil_it() {
    struct Chatty;
    impl std::fmt::Debug for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            info!("inner {:?}", "x");
            f.write_str("chatty")
        }
    }
    let text = logged(LogStyle::Json, || info!(value = ?Chatty, "outer"));
    // Whether the inner one is heard is up to `tracing`.
    let outer: Json = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&outer["message"], &outer["value"]), (&json!("outer"), &json!("chatty")));
}

#[test]
fn the_level_can_change_while_it_runs() {
    let output = Output::default();
    let writer = LogOutput::Writer(Box::new(output.clone()));
    let (subscriber, guard) = subscriber(LogConfig { output: writer, ..LogConfig::default() }).unwrap();
    let speak = |say: &str| tracing::debug!("{say}");
    tracing::subscriber::with_default(subscriber, || {
        speak("unheard");
        guard.handle().set_level("debug").unwrap();
        speak("heard");
        assert!(guard.handle().set_level("loud").is_err());
        speak("still heard");
        guard.handle().set_level("warn").unwrap();
        speak("unheard");
    });
    assert!(guard.handle().flush(std::time::Duration::from_secs(10)));
    let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("unheard"), "{text}");
    assert_eq!(text.matches("heard").count(), 2);
}
