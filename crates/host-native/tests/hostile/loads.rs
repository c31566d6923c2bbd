//! Libraries that start slowly, lack something, or are replaced while they are loaded.

use crate::beside::{Others, asked, load};
use crate::compiled::{Bench, instance, mocks, within};
use crate::{AMPLE, SHORT, mode};
use gatewright_host::Sha256;
use gatewright_host_native::Options;
use gatewright_plugin::FailureMode;
use gatewright_plugin::hosted::Hosted;
use serde_json::Value as Json;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a file is being replaced.
const WHILE: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn one_that_starts_slowly_starts() {
    let bench = Arc::new(Bench::new());
    let others = Others::of(&bench).await;
    for (define, word) in [("", "create_naps"), ("SLOW_CONSTRUCTOR", "good")] {
        let (library, began) = (bench.shared(define), Instant::now());
        let native = others.beside(word, load(&bench, &library, mode(word), &within(AMPLE))).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(250), "{word}: it is not slow");
        let it = instance(native, &mode(word), mocks()).await;
        assert_eq!(asked(&it, AMPLE, FailureMode::Closed).await, Ok(()), "{word}");
    }
}

#[tokio::test]
async fn what_does_not_load_is_noticed_by_nobody_else() {
    let bench = Arc::new(Bench::new());
    let others = Others::of(&bench).await;
    let refused = async |library: &Path, config: Json, options: &Options, says: &str| {
        let refused = others.beside(says, load(&bench, library, config, options)).await.unwrap_err();
        assert!(refused.contains(says) && !refused.contains('\n'), "{refused}");
    };
    let undefined = bench.shared("UNDEFINED");
    refused(&undefined, Json::Null, &within(AMPLE), "undefined symbol: a_function_that_nobody_has").await;
    for (define, says) in [
        ("TOO_NEW", "upgrade the gateway"),
        ("TOO_OLD", "build the plugin with a newer"),
        ("NO_SYMBOL", "exports no `gatewright_plugin_v1`"),
    ] {
        refused(&bench.shared(define), Json::Null, &within(AMPLE), says).await;
    }
    let good = bench.shared("");
    let whole = fs::read(&good).unwrap();
    for length in [0, 1, 20, 64, whole.len() / 4, whole.len() / 2, whole.len() - 1] {
        let says = if length == 0 { "it is empty" } else { "" };
        let cut = bench.path("cut.so");
        fs::write(&cut, &whole[..length]).unwrap();
        refused(&cut, Json::Null, &within(AMPLE), says).await;
    }
    refused(&bench.path(""), Json::Null, &within(AMPLE), "is not a file").await;
    refused(&good, mode("create_fails"), &within(AMPLE), "it did not start: the word is missing").await;
    let impatient = Options { start_timeout: SHORT, ..within(AMPLE) };
    let refusal = "it did not start: the word is missing";
    refused(&good, mode("create_fails_in_words_alone"), &within(AMPLE), refusal).await;
    refused(&good, mode("create_hangs"), &impatient, "did not start within").await;
    // The name of the file that is wrong is in the refusal, and the next one loads.
    assert!(others.beside("good", load(&bench, &good, mode("good"), &within(AMPLE))).await.is_ok());
}

/// Replaces a file in place, piece by piece, and by renames, until it is told to stop.
fn replacing(path: &Path, contents: Vec<Vec<u8>>, stops: Arc<AtomicBool>) -> JoinHandle<()> {
    let (path, beside) = (path.to_owned(), path.with_extension("new"));
    std::thread::spawn(move || {
        while !stops.load(Ordering::Acquire) {
            for content in &contents {
                fs::write(&path, content).unwrap();
                fs::write(&beside, content).unwrap();
                fs::rename(&beside, &path).unwrap();
                std::thread::yield_now();
            }
        }
    })
}

#[tokio::test]
async fn one_that_is_replaced_while_it_is_loaded_is_loaded_whole_or_not_at_all() {
    let bench = Arc::new(Bench::new());
    let others = Others::of(&bench).await;
    let (good, another) = (fs::read(bench.shared("")).unwrap(), fs::read(bench.shared("ANOTHER")).unwrap());
    let (half, sha256) = (good[..good.len() / 2].to_vec(), Sha256::of(&good[..]).unwrap());
    let path = bench.path("replaced.so");
    fs::write(&path, &good).unwrap();
    let stops = Arc::new(AtomicBool::new(false));
    let contents = vec![another, half, Vec::new(), b"#!/bin/sh\n".to_vec(), good.clone()];
    let replaces = replacing(&path, contents, stops.clone());
    let (mut loaded, mut refused, began) = (0, 0, Instant::now());
    while began.elapsed() < WHILE {
        let expected = (loaded + refused) % 2 == 0;
        let (on, at) = (bench.clone(), path.clone());
        let loading = tokio::task::spawn_blocking(move || {
            let sha256 = expected.then_some(sha256);
            on.load(&at, sha256, &mode("good"), &within(AMPLE)).map_err(|error| error.to_string())
        });
        match others.beside("it is loaded", loading).await.unwrap() {
            Ok(native) => {
                let version = &*native.manifest().version;
                assert!(version == "1.0.0" || version == "2.0.0" && !expected, "{version}");
                let it = instance(native, &mode("good"), mocks()).await;
                assert_eq!(asked(&it, AMPLE, FailureMode::Closed).await, Ok(()));
                loaded += 1;
            }
            Err(why) => {
                let known =
                    ["truncated or damaged", "it is a script", "was changed while it was read", "has the SHA-256"];
                assert!(known.iter().any(|known| why.contains(known)), "{why}");
                refused += 1;
            }
        }
    }
    stops.store(true, Ordering::Release);
    replaces.join().unwrap();
    assert!(loaded > 0 && refused > 0, "{loaded} were loaded and {refused} refused");
    // It ends with the one that the config names.
    assert_eq!(Sha256::of(File::open(&path).unwrap()).unwrap(), sha256);
    assert!(bench.load(&path, Some(sha256), &mode("good"), &within(AMPLE)).is_ok());
}
