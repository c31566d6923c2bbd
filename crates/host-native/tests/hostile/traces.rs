//! What a plugin leaves in the process: its threads and its memory come back, but for those of calls that never do; and
//! what it prints harms nothing that the gateway says. Each in a process of its own, where nothing else runs.

use crate::beside::{Others, asked};
use crate::compiled::{Bench, instance, mocks, within};
use crate::{AMPLE, SHORT, mode, until};
use gatewright_plugin::FailureMode;
use std::fs;
use std::io::Write;
use std::process::{Command, Output};
use std::time::Duration;

/// What a plugin does that harms nobody for good, and how long its calls may take.
const DEEDS: [(&str, Duration); 11] = [
    ("good", AMPLE),
    ("late", SHORT),
    ("nap", SHORT),
    ("asks_twice", AMPLE),
    ("document", AMPLE),
    ("oversized", AMPLE),
    ("greedy", AMPLE),
    ("unwell", AMPLE),
    ("writes", AMPLE),
    ("stale", AMPLE),
    ("create_fails", AMPLE),
];

/// How often each.
const ROUNDS: usize = 12;

/// How much larger the process may be afterwards: less than any one of them takes that is kept each time.
const MOST_KIB: usize = 24 << 10;

/// Runs one of the tests below, by itself.
fn alone(test: &str) -> Output {
    let test = format!("traces::{test}");
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args([&test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    // Of each of its arenas the C library keeps some MiB.
    program.env("MALLOC_ARENA_MAX", "1");
    let ran = program.output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    ran
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// What of the process is in memory.
fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_and_threads_come_back() {
    alone("it_is_measured");
}

/// A thousand calls or so, of instances that come and go.
#[tokio::test]
#[ignore = "another test runs it as a program"]
async fn it_is_measured() {
    let bench = Bench::new();
    let library = bench.shared("");
    let all = async || {
        for (word, timeout) in DEEDS {
            let Ok(native) = bench.load(&library, None, &mode(word), &within(timeout)) else { continue };
            let it = instance(native.clone(), &mode(word), mocks()).await;
            let ask = async || drop(asked(&it, timeout, FailureMode::Open).await);
            tokio::join!(ask(), ask(), ask(), ask());
            until(word, || native.lane_health().abandoned == 0).await;
        }
    };
    let before = threads();
    // What is made once.
    all().await;
    until("its threads end", || threads() == before).await;
    let resident = resident_kib();
    for _ in 0..ROUNDS {
        all().await;
    }
    until("its threads end", || threads() == before).await;
    let more = resident_kib().saturating_sub(resident);
    assert!(more < MOST_KIB, "it has {more} KiB more");
    // A call that never comes back keeps its thread, and there are no more of them than make for quarantine.
    let mut left = Vec::new();
    for _ in 0..2 {
        let native = bench.load(&library, None, &mode("loop"), &within(SHORT)).unwrap();
        let it = instance(native.clone(), &mode("loop"), mocks()).await;
        for _ in 0..4 {
            let _ = asked(&it, SHORT, FailureMode::Open).await;
        }
        until("both took too long", || native.lane_health().quarantined).await;
        left.push(native);
    }
    let hang = || left.iter().map(|native| native.lane_health().abandoned).sum::<usize>();
    until("those without a call end", || threads() == before + hang()).await;
    // One more may have begun before the second was too late.
    assert!((4..=6).contains(&hang()), "{} hang", hang());
}

#[test]
fn what_it_prints_mixes_with_nothing_that_is_said() {
    let ran = alone("it_is_printed_over");
    assert_eq!(ran.stdout.iter().filter(|byte| **byte == b'n').count() / 4095, 4 * 256, "its own lines");
    let said = String::from_utf8_lossy(&ran.stdout);
    for line in ["said before", "said after"] {
        assert!(said.lines().any(|said| said == line), "`{line}` is not there as it was said");
    }
}

/// Says something, whole lines, before and after calls that print.
#[tokio::test]
#[ignore = "another test runs it as a program"]
async fn it_is_printed_over() {
    let bench = Bench::new();
    let others = Others::of(&bench).await;
    let native = bench.load(&bench.shared(""), None, &mode("prints"), &within(AMPLE)).unwrap();
    let it = instance(native, &mode("prints"), mocks()).await;
    let mut stdout = std::io::stdout();
    stdout.write_all(b"\nsaid before\n").unwrap();
    let ask = async || asked(&it, AMPLE, FailureMode::Closed).await;
    let answered = others.beside("it prints", async { tokio::join!(ask(), ask(), ask(), ask()) }).await;
    assert_eq!(answered, (Ok(()), Ok(()), Ok(()), Ok(())));
    stdout.write_all(b"\nsaid after\n").unwrap();
}
