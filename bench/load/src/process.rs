//! CPU time and memory of the server under test, from `/proc`.
//!
//! A server is a process with all its descendants: nginx works in a child of the process that was started.

use std::collections::HashMap;
use std::fs;
use std::io;

/// `USER_HZ`: the unit of the times in `/proc/PID/stat`, which Linux keeps at 100 whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process to watch, by id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pid: u32,
}

/// CPU time that a server has used since it started.
#[derive(Debug)]
pub(crate) struct CpuTime {
    /// In ticks, by process.
    processes: HashMap<u32, Ticks>,
    /// In nanoseconds, by thread; empty where the kernel does not say.
    threads: HashMap<u32, u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Ticks {
    user: u64,
    system: u64,
}

/// CPU time between two readings, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CpuUsed {
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// Both together, to the nanosecond where the kernel counts so finely, else to the tick of 10 ms.
    pub(crate) total: f64,
}

impl Watched {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Resident memory in bytes, summed. Pages that a parent and a child share are counted for each.
    pub(crate) fn resident(self) -> io::Result<u64> {
        let mut bytes = 0;
        for pid in self.family()?.into_keys() {
            // A child may end between the listing and the reading.
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
            bytes += resident_in(&status).unwrap_or_default();
        }
        Ok(bytes)
    }

    /// The process and its descendants, with their times.
    fn family(self) -> io::Result<HashMap<u32, Ticks>> {
        let mut parents = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if let Some((parent, ticks)) = parse_stat(&stat) {
                parents.insert(pid, (parent, ticks));
            }
        }
        let root = parents.get(&self.pid);
        let (_, ticks) = *root.ok_or_else(|| io::Error::other(format!("--pid: there is no process {}", self.pid)))?;
        let mut family = HashMap::from([(self.pid, ticks)]);
        loop {
            let known = family.len();
            family.extend(
                parents
                    .iter()
                    .filter_map(|(pid, (parent, ticks))| {
                        (*pid != self.pid && family.contains_key(parent)).then_some((*pid, *ticks))
                    })
                    .collect::<Vec<_>>(),
            );
            if family.len() == known {
                return Ok(family);
            }
        }
    }
}

impl CpuTime {
    pub(crate) fn read(watched: Watched) -> io::Result<Self> {
        let processes = watched.family()?;
        let mut threads = HashMap::new();
        for pid in processes.keys() {
            let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            for task in tasks.flatten() {
                let schedstat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
                let tid = task.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
                let on_cpu = schedstat.split_ascii_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok());
                threads.extend(tid.zip(on_cpu));
            }
        }
        Ok(Self { processes, threads })
    }

    /// What was used since `before`.
    ///
    /// A tick is 10 ms, coarse for a light load. The scheduler's own count is exact but forgets threads that have ended,
    /// so it is believed only where the two agree to within what the ticks can have rounded off.
    pub(crate) fn since(&self, before: &Self) -> CpuUsed {
        let (mut user, mut system) = (0, 0);
        for (pid, now) in &self.processes {
            let then = before.processes.get(pid).copied().unwrap_or_default();
            user += now.user.saturating_sub(then.user);
            system += now.system.saturating_sub(then.system);
        }
        let nanos: u64 = self
            .threads
            .iter()
            .map(|(tid, now)| now.saturating_sub(before.threads.get(tid).copied().unwrap_or_default()))
            .sum();
        let (user, system) = (user as f64 / TICKS_PER_SECOND, system as f64 / TICKS_PER_SECOND);
        let (coarse, fine) = (user + system, nanos as f64 / 1e9);
        // User and system time are each cut off, at both readings.
        let rounding = 4.0 * self.processes.len() as f64 / TICKS_PER_SECOND;
        let total = if (coarse - fine).abs() <= rounding { fine } else { coarse };
        CpuUsed { user, system, total }
    }
}

/// The parent and the times in a `/proc/PID/stat`.
fn parse_stat(stat: &str) -> Option<(u32, Ticks)> {
    // The name, in parentheses, may itself hold spaces and parentheses: fields are counted from its end.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let user = fields.nth(9)?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    Some((parent, Ticks { user, system }))
}

/// `VmRSS` in a `/proc/PID/status`, in bytes.
fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests;
