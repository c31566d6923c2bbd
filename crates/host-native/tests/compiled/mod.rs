//! What tests of native libraries share: compiling one, and calling it as the pipeline does.

#![allow(dead_code, reason = "each test uses some of it")]

use gatewright_host::{Sha256, Stage};
use gatewright_host_native::{Artefact, LoadError, Native, Options, load};
use gatewright_pipeline::{Entry, Exchange, Instance, PluginSet, Settings};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Facts, FailureMode};
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A folder for what a test builds and stages.
pub(crate) struct Bench(tempfile::TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Compiles the hostile plugin, with this defined: once, into a library of this test's own, since it has globals.
    pub(crate) fn hostile(&self, define: &str) -> PathBuf {
        static UNIQUE: AtomicU32 = AtomicU32::new(0);
        self.compiled(&format!("hostile{define}.so"), define, || UNIQUE.fetch_add(1, Ordering::Relaxed))
    }

    /// The hostile plugin, for tests that look at none of its globals: the same library in each of them, since a process
    /// opens only so many.
    pub(crate) fn shared(&self, define: &str) -> PathBuf {
        self.compiled(&format!("shared{define}.so"), define, || u32::MAX)
    }

    fn compiled(&self, name: &str, define: &str, unique: impl FnOnce() -> u32) -> PathBuf {
        let library = self.path(name);
        if library.exists() {
            return library;
        }
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/hostile.c");
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Wno-unused-variable", "-fPIC", "-shared"]);
        cc.args(["-pthread", "-I"])
            .arg(Path::new(ROOT).join("include"))
            .arg("-o")
            .arg(&library)
            .arg(source)
            .arg(format!("-DUNIQUE={}u", unique()));
        if !define.is_empty() {
            cc.arg(format!("-D{define}"));
        }
        let compiled = cc.output().unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        library
    }

    pub(crate) fn load(
        &self,
        library: &Path,
        sha256: Option<Sha256>,
        config: &Json,
        options: &Options,
    ) -> Result<Arc<Native>, LoadError> {
        let stage = Stage::new(self.path("stage"));
        load(&Artefact { name: "it", path: library, sha256, config, stage: &stage }, options)
    }
}

/// Options of tests: a call may take this long.
pub(crate) fn within(timeout: Duration) -> Options {
    Options { timeout: Some(timeout), ..Options::default() }
}

/// An exchange on a set with this plugin alone, fail-closed.
pub(crate) async fn exchange(native: Arc<Native>, config: &Json, services: Services, timeout: Duration) -> Exchange {
    exchange_of(&instance(native, config, services).await, timeout, FailureMode::Closed)
}

/// An instance of a plugin.
pub(crate) async fn instance(native: Arc<Native>, config: &Json, services: Services) -> Arc<Instance> {
    Instance::start("it", native, config.clone(), services, None, None).await.unwrap()
}

/// An exchange on a set with this instance alone.
pub(crate) fn exchange_of(instance: &Arc<Instance>, timeout: Duration, mode: FailureMode) -> Exchange {
    let settings = Settings { failure_mode: Some(mode), timeout: Some(timeout), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance: instance.clone(), settings }]).unwrap();
    Exchange::new(Arc::new(set), Facts { request_id: "r-1".to_owned(), ..Facts::default() })
}

pub(crate) fn mocks() -> Services {
    MockServices::default().services()
}
