//! Starting a process.

mod before_exec;

use crate::options::Options;
use gatewright_proto::{COOKIE, HOST_SOCKET, HOST_TOKEN, SOCKET};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What a process and the gateway meet by: a folder that nobody else may enter, and words that nobody else knows.
#[derive(Debug)]
pub(crate) struct Meeting {
    folder: TempDir,
    /// What the process gives back.
    pub(crate) cookie: String,
    /// What the process says when it asks.
    pub(crate) token: String,
}

// === impl Meeting ===

impl Meeting {
    /// Not on this thread: where a disk is slow, the sessions of other processes must not wait for it.
    pub(crate) async fn new() -> io::Result<Self> {
        let made = tokio::task::spawn_blocking(|| {
            let private = std::fs::Permissions::from_mode(0o700);
            tempfile::Builder::new().prefix("gatewright-").permissions(private).tempdir()
        });
        let folder = made.await.map_err(io::Error::other)??;
        let word = || format!("{:032x}", rand::random::<u128>());
        Ok(Self { folder, cookie: word(), token: word() })
    }

    /// Takes the folder away, on another thread too.
    pub(crate) async fn end(self) {
        // What stays is in a folder for what is temporary.
        let _ = tokio::task::spawn_blocking(move || drop(self.folder)).await;
    }

    /// Where the process listens.
    pub(crate) fn plugin(&self) -> PathBuf {
        self.folder.path().join("plugin.sock")
    }

    /// Where the gateway listens.
    pub(crate) fn host(&self) -> PathBuf {
        self.folder.path().join("host.sock")
    }
}

/// Whether the system itself can run it: ELF, Mach-O of one machine or of several, or a script that says by what.
fn is_program(file: &Path) -> io::Result<bool> {
    const BEGINNINGS: [&[u8]; 4] = [b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!"];
    // A pipe would keep waiting for who writes to it.
    if !fs::metadata(file)?.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    match File::open(file).and_then(|file| file.take(4).read_to_end(&mut head)) {
        Ok(_) => Ok(BEGINNINGS.iter().any(|beginning| head.starts_with(beginning))),
        // What may be run and not read, no shell can read either.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(error) => Err(error),
    }
}

/// Starts a process: the leader of a group of its own, tied to this thread, with nothing of the gateway's environment.
pub(crate) fn spawn(executable: &Path, options: &Options, meeting: &Meeting) -> io::Result<Child> {
    if !is_program(executable)? {
        // The C library would give it to a shell.
        return Err(io::Error::from_raw_os_error(Errno::NOEXEC.raw_os_error()));
    }
    let mut command = Command::new(std::path::absolute(executable)?);
    command
        .args(&options.arguments)
        .env_clear()
        .envs(&options.environment)
        .env(COOKIE, &meeting.cookie)
        .env(SOCKET, meeting.plugin())
        .env(HOST_SOCKET, meeting.host())
        .env(HOST_TOKEN, &meeting.token)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    before_exec::tie(&mut command);
    command.spawn()
}
