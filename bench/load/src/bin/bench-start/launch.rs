//! One start of a server, and its end.

use std::io;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::probe::Probe;

/// Between two questions whether the server is ready.
const POLL: Duration = Duration::from_micros(500);
/// For a server to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Time from just before the process is made until `probe` says ready. The server has ended when this returns.
pub(crate) fn cold_start(command: &[String], probe: &Probe, limit: Duration) -> io::Result<Duration> {
    if probe.is_taken() {
        return Err(io::Error::other("something already listens at the address: it would answer for the server"));
    }
    let (program, args) = command.split_first().ok_or_else(|| io::Error::other("there is no command"))?;
    let started = Instant::now();
    let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut server = Server { child };
    loop {
        if probe.is_ready() {
            return Ok(started.elapsed());
        }
        if let Some(status) = server.child.try_wait()? {
            return Err(io::Error::other(format!("the server ended before it was ready: {status}")));
        }
        if started.elapsed() > limit {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server was not ready in time"));
        }
        sleep(POLL);
    }
}

/// A running server, which ends with this value.
#[derive(Debug)]
struct Server {
    child: Child,
}

impl Drop for Server {
    /// Asks before it kills: a server like nginx would leave its own children behind.
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let until = Instant::now() + GRACE;
        while asked.is_ok() && Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
