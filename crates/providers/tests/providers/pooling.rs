//! Connections are used again, and closed when they are not.

use crate::support::*;
use gatewright_model::ErrorKind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[tokio::test]
async fn a_free_connection_is_used_again() {
    let upstream = Upstream::playing(vec![json(200, ANSWER), error(400, "x", "no"), sse(&[CHUNK]).end()]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    for _ in 0..20 {
        if let Ok(answer) = provider.attempt(call(true)).await
            && upstream.seen().len() > 2
        {
            streamed(answer).await;
        }
    }
    assert_eq!((upstream.seen().len(), upstream.connections()), (20, 1));
}

#[tokio::test]
async fn as_many_connections_as_requests_at_once() {
    let wait = Step::Wait(Duration::from_millis(30));
    let upstream = Upstream::start(move |_| [vec![wait.clone()], json(200, ANSWER)].concat()).await;
    let provider = provider(settings(&upstream, &["k1"]));
    for _ in 0..3 {
        let attempts = (0..10).map(|_| provider.attempt(call(false)));
        let answers = futures_util::future::join_all(attempts).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    assert_eq!(upstream.connections(), 10);
}

#[tokio::test]
async fn there_are_no_more_connections_than_may_be() {
    let upstream =
        Upstream::playing(vec![[vec![Step::Wait(Duration::from_millis(50))], json(200, ANSWER)].concat()]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.network.max_connections = 2;
    let provider = provider(settings);
    let answers = futures_util::future::join_all((0..3).map(|_| provider.attempt(call(false)))).await;
    let errors: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].kind, errors[0].status()), (ErrorKind::Overloaded, 503));
    assert_eq!(errors[0].message, "provider `up`: all of its 2 connections are in use");
    for _ in 0..3 {
        provider.attempt(call(false)).await.unwrap();
    }
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_is_not_used() {
    let upstream = Upstream::playing(vec![json(200, ANSWER).then(Step::Close)]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    for count in 1..=5 {
        provider.attempt(call(false)).await.unwrap();
        upstream.gone(count).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(upstream.connections(), 5);
}

#[tokio::test]
async fn a_request_that_met_a_closing_connection_goes_out_on_another() {
    let (started, upstream) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let closing = json(200, ANSWER).then(Step::Wait(Duration::from_millis(5))).then(Step::Close);
            started.send(Upstream::playing(vec![closing]).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let upstream = upstream.recv().unwrap();
    let provider = provider(settings(&upstream, &["k1"]));
    for _ in 0..5 {
        assert_eq!(provider.attempt(call(false)).await.unwrap().retries, 0);
        // The upstream closes while this thread looks away: the next request is sent before anybody notices.
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((upstream.seen().len(), upstream.connections()), (5, 5));
}

#[tokio::test]
async fn a_request_that_is_lost_twice_is_lost() {
    let upstream = Upstream::playing(vec![json(200, ANSWER), vec![Step::Reset]]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    provider.attempt(call(false)).await.unwrap();
    let error = failure(&provider, call(false)).await;
    assert_eq!(error.code.as_deref(), Some("connection_broken"));
    assert_eq!(upstream.seen().len(), 3, "the used connection may have been closed before; the new one was not");
    failure(&provider, call(false)).await;
    assert_eq!(upstream.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_lost_late_is_not_sent_again() {
    let late = vec![Step::Wait(Duration::from_secs(2)), Step::Close];
    let upstream = Upstream::playing(vec![json(200, ANSWER), late]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    provider.attempt(call(false)).await.unwrap();
    failure(&provider, call(false)).await;
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.network.pool_idle_timeout = Duration::from_secs(4);
    let provider = provider(settings);
    for _ in 0..5 {
        provider.attempt(call(false)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(upstream.connections(), 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    upstream.gone(1).await;
    provider.attempt(call(false)).await.unwrap();
    assert_eq!(upstream.connections(), 2);
    tokio::time::sleep(Duration::from_secs(9)).await;
    upstream.gone(2).await;
}

#[tokio::test]
async fn every_thread_has_its_own_connections() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    for expected in 1..=3 {
        let provider = Arc::clone(&provider);
        let worker = move || {
            // Two runtimes in a row on one thread: the second must not meet the connections of the first.
            for _ in 0..2 {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for _ in 0..5 {
                    runtime.block_on(provider.attempt(call(false))).unwrap();
                }
            }
        };
        tokio::task::spawn_blocking(move || thread::spawn(worker).join().unwrap()).await.unwrap();
        assert_eq!(upstream.connections(), 2 * expected);
    }
    assert_eq!(upstream.seen().len(), 30);
}
