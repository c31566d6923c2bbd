//! What the pages show can be built, and does what they say.

#![expect(clippy::unwrap_used, reason = "a test")]

mod compiled;

use compiled::{Bench, ROOT, exchange, mocks, within};
use gatewright_plugin::Verdict;
use gatewright_plugin::hosted::point;
use gatewright_testkit::request;
use serde_json::Value as Json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// What a page shows between fences of this language.
fn shown(page: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs").join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_plugin_in_c_is_built_and_blocks_as_its_page_says() {
    let bench = Bench::new();
    std::fs::write(bench.path("guard.c"), &shown("plugin-in-c.md", "c")[0]).unwrap();
    std::fs::create_dir(bench.path("include")).unwrap();
    let header = "include/gatewright_plugin.h";
    std::fs::copy(Path::new(ROOT).join(header), bench.path(header)).unwrap();
    let line = &shown("plugin-in-c.md", "sh")[0];
    let built = Command::new("sh").args(["-c", line]).current_dir(bench.path("")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let ample = Duration::from_secs(20);
    let guard = bench.load(&bench.path("guard.so"), None, &Json::Null, &within(ample)).unwrap();
    let mut exchange = exchange(guard, &Json::Null, mocks(), ample).await;
    let mut check = async |text: &str| {
        let request = request("m").user("hi").user(text).build();
        exchange.run::<point::CheckInput>(&mut Arc::new(request)).await.unwrap().map(|decided| decided.outcome)
    };
    assert!(check("hello").await.is_none_or(|verdict| verdict.is_allowed()));
    let Some(Verdict::Block(rejection)) = check("rosebud").await else { panic!("it lets pass") };
    assert_eq!(rejection.reason, "We do not talk about that");
}
