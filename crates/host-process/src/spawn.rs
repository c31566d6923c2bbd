//! Starting a process.

mod before_exec;
mod going_first;

use crate::options::Options;
use gatewright_proto::{COOKIE, HOST_SOCKET, HOST_TOKEN, SOCKET};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
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

/// The most bytes of a script's first line that are looked at: more of it than systems do.
const LONGEST_FIRST_LINE: u64 = 4096;

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
    before_exec::prepare(&mut command, options.memory_bytes);
    let child = command.spawn().map_err(|error| match error.kind() {
        // The file itself was read before.
        io::ErrorKind::NotFound => without_interpreter(executable).unwrap_or(error),
        _ => error,
    })?;
    // Of one that ended meanwhile it fails, too.
    if let Some(Err(error)) = child.id().map(going_first::go_first) {
        tracing::debug!(%error, "the system may end the gateway before a plugin's process");
    }
    Ok(child)
}

/// What is wrong with a script whose interpreter is not there: of which the system says that there is no such file.
fn without_interpreter(script: &Path) -> Option<io::Error> {
    let mut head = Vec::new();
    File::open(script).ok()?.take(LONGEST_FIRST_LINE).read_to_end(&mut head).ok()?;
    let interpreter = missing_interpreter(&head)?;
    let message = format!("its first line names the interpreter `{interpreter}`, which is missing");
    Some(io::Error::new(io::ErrorKind::NotFound, message))
}

/// The interpreter that a file which begins so names in its first line, if it is a script and that is not on this
/// machine.
pub fn missing_interpreter(script: &[u8]) -> Option<String> {
    let line = script.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    // As the system cuts it: a `\r` is part of the name.
    let interpreter = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    let interpreter = Path::new(OsStr::from_bytes(interpreter));
    let is_missing = matches!(interpreter.try_exists(), Ok(false));
    is_missing.then(|| interpreter.to_string_lossy().escape_debug().to_string())
}

#[cfg(test)]
mod tests;
