use super::NoSecrets;
use gatewright::config::{ProviderConfig, ProviderKind};
use gatewright::{Gateway, Started};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Asks over HTTP; the whole answer, head and body.
async fn ask(gateway: &Started, text: &str) -> String {
    let body = format!(r#"{{"model": "demo/echo", "messages": [{{"role": "user", "content": "{text}"}}]}}"#);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(gateway.address()).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[test]
fn a_prompt_that_holds_a_key_is_refused_and_another_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Gateway::builder().plugin(NoSecrets).adjust(|config| {
            config.server.port = 0;
            // Where the environment holds keys, the demo is not there by itself.
            let demo = ProviderConfig { kind: Some(ProviderKind::Demo), ..ProviderConfig::default() };
            config.providers.insert("demo".to_owned(), demo);
        });
        let gateway = builder.start().await.unwrap();
        let refused = ask(&gateway, "My key is sk-12345").await;
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
        assert!(refused.contains(r#""type":"guardrail_blocked""#), "{refused}");
        assert!(refused.contains(r#""plugin":"no_secrets""#), "{refused}");
        let answered = ask(&gateway, "Hello!").await;
        assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
        assert!(gateway.drain(Duration::from_secs(5)).await);
    });
}

#[test]
fn it_is_what_the_page_shows() {
    let page = include_str!("../../../docs/writing-a-plugin.md");
    let shown = page.split("```rust,ignore\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(include_str!("main.rs").contains(shown), "{shown}");
}
