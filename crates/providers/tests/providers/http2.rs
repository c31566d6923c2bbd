//! HTTP/2: many requests a connection, and more than one connection.

use crate::support::*;
use gatewright_engine::{Answer, Provider};
use gatewright_model::LlmError;
use gatewright_providers::{ProviderKind, ProviderSettings};
use http::Version;
use std::sync::Arc;
use tokio::task::JoinHandle;

fn settings(upstream: &Modern) -> ProviderSettings {
    let mut settings = ProviderSettings::new("up", ProviderKind::OpenAi);
    settings.base_url = Some(upstream.http());
    settings.network.enforce_http2 = true;
    settings
}

type Attempt = JoinHandle<Result<Answer, LlmError>>;

fn attempts(provider: &Arc<dyn Provider>, count: usize) -> Vec<Attempt> {
    let attempt = |_| {
        let provider = Arc::clone(provider);
        tokio::spawn(async move { provider.attempt(call(false)).await })
    };
    (0..count).map(attempt).collect()
}

async fn all_answered(attempts: Vec<Attempt>) {
    for attempt in attempts {
        assert_eq!(text(&attempt.await.unwrap().unwrap()), "Hello there");
    }
}

#[tokio::test]
async fn one_connection_carries_a_hundred_and_the_next_one_the_rest() {
    let upstream = Modern::plain().await;
    let provider = provider(settings(&upstream));
    let first = attempts(&provider, 100);
    upstream.waiting(100).await;
    assert_eq!(upstream.connections(), 1);
    let more = attempts(&provider, 150);
    upstream.waiting(250).await;
    assert_eq!(upstream.connections(), 3);
    upstream.open(250);
    all_answered(first).await;
    all_answered(more).await;
    upstream.open(50);
    all_answered(attempts(&provider, 50)).await;
    assert_eq!(upstream.connections(), 3, "places that became free are taken again");
    let (version, uri, headers) = upstream.heads()[0].clone();
    assert_eq!((version, uri), (Version::HTTP_2, format!("{}/chat/completions", upstream.http())));
    assert!(!headers.contains_key("host"));
}

#[tokio::test]
async fn a_cold_burst_opens_as_many_as_it_needs() {
    let upstream = Modern::plain().await;
    let provider = provider(settings(&upstream));
    let burst = attempts(&provider, 250);
    upstream.waiting(250).await;
    assert_eq!(upstream.connections(), 3);
    upstream.open(250);
    all_answered(burst).await;
}

#[tokio::test]
async fn beyond_the_last_connection_the_least_busy_is_taken() {
    let upstream = Modern::plain().await;
    let mut settings = settings(&upstream);
    settings.network.max_http2_connections = 2;
    let provider = provider(settings);
    let burst = attempts(&provider, 200);
    upstream.waiting(200).await;
    let more = attempts(&provider, 50);
    upstream.waiting(250).await;
    assert_eq!(upstream.connections(), 2);
    upstream.open(250);
    all_answered(burst).await;
    all_answered(more).await;
}

#[tokio::test]
async fn a_cancelled_request_is_reset_and_its_connection_stays() {
    let upstream = Modern::plain().await;
    let provider = provider(settings(&upstream));
    let attempts = attempts(&provider, 2);
    upstream.waiting(2).await;
    attempts[0].abort();
    upstream.cancelled(1).await;
    upstream.open(1);
    let [_, second] = <[Attempt; 2]>::try_from(attempts).unwrap_or_else(|_| unreachable!());
    all_answered(vec![second]).await;
    assert_eq!(upstream.connections(), 1);
}
