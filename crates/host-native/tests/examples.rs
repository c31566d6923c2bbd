//! The plugins of `examples/plugins`: built as their pages say, and driven as the pipeline does.

#![expect(clippy::unwrap_used, reason = "a test")]

mod compiled;

use compiled::{Bench, ROOT, exchange, mocks, within};
use gatewright_host_native::Native;
use gatewright_plugin::hosted::{Hosted, point};
use gatewright_plugin::{Draft, Hook, HookSet, Verdict};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const AMPLE: Duration = Duration::from_secs(30);

/// Builds an example with its Makefile, in a copy of its folder beside a link to the header.
fn made(bench: &Bench, folder: &str, library: &str) -> PathBuf {
    let place = bench.path("examples/plugins").join(folder);
    std::fs::create_dir_all(&place).unwrap();
    let source = Path::new(ROOT).join("examples/plugins").join(folder);
    for entry in std::fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), place.join(entry.file_name())).unwrap();
    }
    let include = bench.path("include");
    std::fs::create_dir_all(&include).unwrap();
    std::fs::copy(Path::new(ROOT).join("include/gatewright_plugin.h"), include.join("gatewright_plugin.h")).unwrap();
    let _ = std::fs::remove_file(place.join(library));
    let make = Command::new("make").arg("-C").arg(&place).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").output();
    let make = make.unwrap();
    assert!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
    place.join(library)
}

fn load(bench: &Bench, library: &Path, config: &Json) -> Arc<Native> {
    bench.load(library, None, config, &within(AMPLE)).unwrap()
}

#[tokio::test]
async fn the_guard_in_c() {
    let bench = Bench::new();
    let library = made(&bench, "c-guard", "c_guard.so");
    let message = bench.load(&library, None, &json!({}), &within(AMPLE)).unwrap_err().to_string();
    assert_eq!(message, "it did not start: its config needs a `word` that is not empty");
    let config = json!({ "word": "rosebud" });
    let guard = load(&bench, &library, &config);
    assert_eq!(guard.hooks(), HookSet::of(&[Hook::CheckInput]));
    let mocks = MockServices::default();
    let mut exchange = exchange(guard, &config, mocks.services(), AMPLE).await;
    let mut said = async |text: &str, result: &str| {
        let chat = request("m").system("be good").user("hello").user(text);
        let chat = chat.tool_use("t", "look", &json!({})).tool_result("t", result).build();
        let decided = exchange.run::<point::CheckInput>(&mut Arc::new(chat)).await.unwrap();
        match decided.map(|decided| decided.outcome) {
            Some(Verdict::Block(rejection)) => Some((rejection.reason, rejection.code)),
            _ => None,
        }
    };
    assert_eq!(said("how are you", "well").await, None);
    let blocked = Some(("The prompt holds a word that is not allowed".to_owned(), Some("word".to_owned())));
    assert_eq!(said("he said rosebud, and died", "well").await, blocked);
    assert_eq!(said("how are you", "rosebud").await, blocked);
    let lines: Vec<String> = mocks.log.lines().iter().map(|line| line.message.clone()).collect();
    assert_eq!(lines, ["blocked a prompt, number 1", "blocked a prompt, number 2"]);
}

#[tokio::test]
async fn the_tagger_in_go() {
    if Command::new("go").arg("version").output().is_err() {
        // A machine may have no Go.
        return;
    }
    let bench = Bench::new();
    let library = made(&bench, "go-tagger", "go_tagger.so");
    let message = bench.load(&library, None, &json!([]), &within(AMPLE)).unwrap_err().to_string();
    assert!(message.starts_with("it did not start: its config: json: cannot unmarshal array"), "{message}");
    let config = json!({ "tag": "[internal] " });
    let tagger = load(&bench, &library, &config);
    assert_eq!(tagger.hooks(), HookSet::of(&[Hook::PreLlm]));
    let mut exchange = exchange(tagger, &config, mocks(), AMPLE).await;
    for text in ["hello", "wörld"] {
        let mut payload = Draft::from(request("m").user(text).user("and more").build());
        exchange.run::<point::PreLlm>(&mut payload).await.unwrap();
        let mut texts = Vec::new();
        payload
            .chat()
            .unwrap()
            .messages
            .iter()
            .for_each(|message| message.texts(&mut |text| texts.push(text.to_owned())));
        assert_eq!(texts, [format!("[internal] {text}"), "and more".to_owned()]);
    }
}
