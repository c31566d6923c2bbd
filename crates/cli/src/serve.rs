//! `gatewright serve`.

use crate::args::Options;
use crate::banner;
use gatewright::config::LogStyle;
use gatewright::{Error, Gateway, GatewayBuilder};
use gatewright_telemetry::{LogConfig, LogOutput};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) fn run(options: &Options) -> ExitCode {
    end(run_by(options, builder(options)))
}

/// The same for a builder that was made for these flags: answers with what to [`end`].
pub(crate) fn run_by(options: &Options, builder: GatewayBuilder) -> u8 {
    match serve(options, builder) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("gatewright: {error}");
            1
        }
    }
}

/// Ends the process, at once if native plugins have not ended: nothing of the caller's is dropped then.
pub(crate) fn end(code: u8) -> ExitCode {
    if !gatewright_host_native::have_ended(Duration::ZERO) {
        gatewright_host_native::leave(code);
    }
    code.into()
}

/// A builder that reads the config as the flags say.
pub(crate) fn builder(options: &Options) -> GatewayBuilder {
    let builder = Gateway::builder();
    let builder = match options.config_file() {
        Some(file) => builder.config_file(file),
        None => builder,
    };
    let flags = options.clone();
    builder.adjust(move |config| flags.apply(config)).runner(this_program(), ["plugin", "host"].map(OsString::from))
}

/// This program, also once its file was replaced.
fn this_program() -> PathBuf {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { own } else { std::env::current_exe().unwrap_or_else(|_| "gatewright".into()) }
}

fn serve(options: &Options, builder: GatewayBuilder) -> Result<(), Error> {
    let folder = options.app_dir();
    std::fs::create_dir_all(&folder).map_err(|error| {
        io::Error::new(error.kind(), format!("the app dir `{}` cannot be made: {error}", folder.display()))
    })?;
    let config = builder.read()?.config;
    let style = match config.log_style {
        LogStyle::Json => gatewright_telemetry::LogStyle::Json,
        LogStyle::Pretty => gatewright_telemetry::LogStyle::Pretty,
    };
    let level = config.log_level.as_str().to_owned();
    let log = LogConfig { style, level, output: LogOutput::Stdout, ..LogConfig::default() };
    // Its drop writes what is left.
    let guard = gatewright_telemetry::log::init(log)?;
    let file = options.config_file();
    let builder = builder.app_dir(options.app_dir());
    builder.log(guard.handle().clone()).serve_and(|started, read| {
        eprint!("{}", banner::text(started, read, file.as_deref()));
    })
}
