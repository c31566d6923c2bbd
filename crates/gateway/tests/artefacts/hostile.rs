//! WASM plugins that misbehave, through the real server with its one worker: others are answered meanwhile.
use crate::common::{House, answer_of, ask, component, get, put, stop};
use crate::generation;
use gatewright::Started;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A gateway with this plugin under two names.
async fn two(house: &House, further: Json) -> Started {
    let path = house.path("hostile.wasm");
    put(&path, &component("hostile"));
    let entry = |name: &str| {
        let mut entry = json!({ "name": name, "path": path, "permissions": ["llm"] });
        entry.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        entry
    };
    house.start(json!([entry("first"), entry("second")])).await.unwrap()
}

/// Does something while others ask, who are all answered; and says how many were meanwhile.
async fn beside<T>(address: SocketAddr, work: impl Future<Output = T>) -> (T, u32) {
    let mut answered = 0;
    let others = async {
        loop {
            let (status, body) = ask(address, "hello").await;
            assert_eq!(status, 200, "{body}");
            answered += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = others => unreachable!("they have no end"),
    };
    (done, answered)
}

/// Begins a stream with this prompt.
async fn stream(address: SocketAddr, prompt: &str) -> TcpStream {
    let messages = json!([{ "role": "user", "content": prompt }]);
    let body = json!({ "model": "demo/echo", "stream": true, "messages": messages }).to_string();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Waits until no request is under way.
async fn quiet(started: &Started) {
    let began = Instant::now();
    loop {
        let metrics = get(started.address(), "/metrics").await.1;
        // The one that asks is no LLM request.
        if metrics.lines().any(|line| line.starts_with("gatewright_active_requests") && line.ends_with(" 0")) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "requests are left: {metrics}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn plugins_that_ask_do_not_ask_for_ever() {
    for instance in ["pooled", "per_request", "per_call"] {
        let house = House::new();
        let how = json!({ "instance": instance, "failure_mode": "fail_closed", "timeout_seconds": 20 });
        let started = two(&house, how).await;
        let address = started.address();
        let asked = async { tokio::join!(ask(address, "ask"), ask(address, "ask")) };
        let (((first, said), (second, _)), _) = beside(address, asked).await;
        assert_eq!((first, second), (200, 200), "{instance}: {said}");
        quiet(&started).await;
        stop(started).await;
    }
}

#[tokio::test]
async fn single_instances_that_wait_for_each_other_time_out() {
    let house = House::new();
    let how = json!({ "instance": "single", "failure_mode": "fail_closed", "timeout_seconds": 0.8 });
    let started = two(&house, how).await;
    assert_eq!(ask(started.address(), "ask").await.0, 200, "nobody else is there");
    // Of one request each plugin may have its instance, and want the other's for the request that it makes.
    let began = Instant::now();
    let all: Vec<_> = (0..4).map(|_| tokio::spawn(ask(started.address(), "ask"))).collect();
    for asked in all {
        let (status, said) = asked.await.unwrap();
        assert!([200, 503].contains(&status), "{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    // It is not stuck.
    assert_eq!(ask(started.address(), "hello").await.0, 200);
    quiet(&started).await;
    stop(started).await;
}

#[tokio::test]
async fn streams_without_an_end_hold_nobody() {
    for instance in ["pooled", "single", "per_request"] {
        let house = House::new();
        let started = two(&house, json!({ "instance": instance })).await;
        let address = started.address();
        for prompt in ["endless", "empty"] {
            let mut client = stream(address, prompt).await;
            let reading = async {
                let (began, mut read, mut buffer) = (Instant::now(), 0, vec![0; 1 << 16]);
                while began.elapsed() < Duration::from_millis(1500) {
                    let some = tokio::time::timeout(Duration::from_millis(100), client.read(&mut buffer)).await;
                    read += some.map_or(0, Result::unwrap);
                }
                read
            };
            let (read, others) = beside(address, reading).await;
            assert!(others > 2, "{instance}: {others} others were answered beside an {prompt} stream");
            assert!(prompt == "empty" || read > 10_000, "{instance}: {read} bytes of an endless stream");
            // One that reads no more, and then one that goes.
            beside(address, tokio::time::sleep(Duration::from_millis(800))).await;
            let asked = tokio::time::timeout(Duration::from_secs(20), ask(address, "hello")).await;
            let answered = asked.is_ok_and(|(status, _)| status == 200);
            assert!(answered, "{instance}: nobody is answered beside an {prompt} stream that is not read");
            drop(client);
            quiet(&started).await;
        }
        stop(started).await;
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_loaded_is_taken_whole_or_not_at_all() {
    let house = House::new();
    let path = house.path("guard.wasm");
    let (good, other) = (generation(1), generation(2));
    put(&path, &good);
    let plugins = json!([{ "name": "guard", "path": path }]);
    let mut started = house.start(plugins.clone()).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    // Somebody writes to it in place, piece by piece, all the time.
    let (writes_to, stops) = (path.clone(), done.clone());
    let writing = std::thread::spawn(move || {
        let half = good.len() / 2;
        while !stops.load(Ordering::Acquire) {
            for content in [&other[..], &good[..half], b"", &good[..], &other[..half]] {
                std::fs::write(&writes_to, content).unwrap();
            }
        }
    });
    for _ in 0..8 {
        // Whether it is taken is chance; that the gateway serves all the while is none.
        let _ = started.reload(house.config(plugins.clone())).await;
        let (status, body) = ask(started.address(), "hello").await;
        assert_eq!(status, 200, "{body}");
        assert!(body.contains(&answer_of(1)) || body.contains(&answer_of(2)), "{body}");
        assert_eq!(ask(started.address(), "something forbidden").await.0, 403, "the guard guards");
    }
    done.store(true, Ordering::Release);
    writing.join().unwrap();
    put(&path, &generation(2));
    started.reload(house.config(plugins)).await.unwrap();
    assert!(ask(started.address(), "hello").await.1.contains(&answer_of(2)));
    stop(started).await;
}
