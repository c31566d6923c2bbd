//! What a process holds: memory, threads, files, children.

use std::time::{Duration, Instant};

/// What is held by this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    memory_mb: usize,
    threads: usize,
    files: usize,
    children: usize,
}

/// What is open.
fn files() -> Vec<std::path::PathBuf> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect()
}

impl Held {
    pub(crate) fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let of = |key: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let children = tasks.map(|task| {
            // A thread may be gone by now.
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children.split_whitespace().count()
        });
        Self {
            memory_mb: of("VmRSS:") / 1024,
            threads: of("Threads:"),
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            children: children.sum(),
        }
    }

    /// Waits until no more is held than before, but for some memory.
    pub(crate) async fn comes_back(before: Self, memory_mb: usize) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            let back = now.memory_mb <= before.memory_mb + memory_mb
                && now.threads <= before.threads
                && now.files <= before.files
                && now.children <= before.children;
            if back {
                return now;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{now:?} is held, and before {before:?}: {:?}", files());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
