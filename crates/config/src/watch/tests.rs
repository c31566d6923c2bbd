use super::{Changed, ConfigWatcher, DEBOUNCE};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// Well below [`super::POLL`]: what is seen in this time was told.
const TOLD: Duration = Duration::from_secs(3);
/// Long enough for an event that should not be.
const QUIET: Duration = Duration::from_millis(600);

fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    fs::write(&file, "{}").unwrap();
    (directory, file)
}

fn watch(file: &Path) -> ConfigWatcher {
    let watcher = ConfigWatcher::new(file);
    assert_eq!(watcher.fault(), None);
    watcher
}

async fn told(watcher: &mut ConfigWatcher) -> bool {
    timeout(TOLD, watcher.changed()).await.is_ok()
}

async fn quiet(watcher: &mut ConfigWatcher) -> bool {
    timeout(QUIET, watcher.changed()).await.is_err()
}

macro_rules! run {
    ($body:expr) => {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on($body)
    };
}

#[test]
fn writing_in_place_is_told_once() {
    run!(async {
        let (_directory, file) = file();
        let mut watcher = watch(&file);
        assert!(quiet(&mut watcher).await);
        for number in 0..5 {
            fs::write(&file, format!("{{ \"a\": {number} }}")).unwrap();
            tokio::time::sleep(DEBOUNCE / 10).await;
        }
        assert!(told(&mut watcher).await);
        assert!(quiet(&mut watcher).await);
        fs::write(&file, "{ }").unwrap();
        assert!(told(&mut watcher).await);
    });
}

#[test]
fn replacing_by_a_rename_is_told_again_and_again() {
    run!(async {
        let (directory, file) = file();
        let mut watcher = watch(&file);
        for number in 0..3 {
            let next = directory.path().join("config.json.tmp");
            fs::write(&next, format!("{{ \"a\": {number} }}")).unwrap();
            fs::rename(&next, &file).unwrap();
            assert!(told(&mut watcher).await, "{number}");
        }
    });
}

#[test]
fn the_same_content_is_no_change() {
    run!(async {
        let (directory, file) = file();
        let mut watcher = watch(&file);
        fs::write(&file, "{}").unwrap();
        fs::write(directory.path().join("other.log"), "line").unwrap();
        let _ = fs::read(&file).unwrap();
        assert!(quiet(&mut watcher).await);
    });
}

#[test]
fn a_file_that_goes_and_comes_is_told() {
    run!(async {
        let (_directory, file) = file();
        let mut watcher = watch(&file);
        fs::remove_file(&file).unwrap();
        assert!(told(&mut watcher).await);
        fs::write(&file, "{}").unwrap();
        assert!(told(&mut watcher).await);
    });
}

#[cfg(unix)]
#[test]
fn a_volume_of_kubernetes_is_told_again_and_again() {
    use std::os::unix::fs::symlink;
    run!(async {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let version = |number: usize| {
            let folder = root.join(format!("..version_{number}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("config.json"), format!("{{ \"a\": {number} }}")).unwrap();
            folder
        };
        symlink(version(0).file_name().unwrap(), root.join("..data")).unwrap();
        symlink("..data/config.json", root.join("config.json")).unwrap();
        let mut watcher = watch(&root.join("config.json"));
        for number in 1..4 {
            symlink(version(number).file_name().unwrap(), root.join("..data_tmp")).unwrap();
            fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
            fs::remove_dir_all(root.join(format!("..version_{}", number - 1))).unwrap();
            assert!(told(&mut watcher).await, "{number}");
        }
    });
}

#[cfg(unix)]
#[test]
fn links_of_the_file_and_of_its_directory_are_followed() {
    use std::os::unix::fs::symlink;
    run!(async {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for version in ["v1", "v2"] {
            fs::create_dir(root.join(version)).unwrap();
            fs::write(root.join(version).join("config.json"), format!("{{ \"v\": \"{version}\" }}")).unwrap();
        }
        fs::create_dir(root.join("etc")).unwrap();
        symlink("v1", root.join("current")).unwrap();
        symlink("../current/config.json", root.join("etc/config.json")).unwrap();
        let mut watcher = watch(&root.join("etc/config.json"));
        fs::write(root.join("v1/config.json"), "{ \"edited\": 1 }").unwrap();
        assert!(told(&mut watcher).await);
        symlink("v2", root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("current")).unwrap();
        assert!(told(&mut watcher).await);
        fs::write(root.join("v2/config.json"), "{ \"edited\": 2 }").unwrap();
        assert!(told(&mut watcher).await);
    });
}

#[test]
fn a_change_while_nobody_waits_is_not_lost() {
    run!(async {
        let (_directory, file) = file();
        let mut watcher = watch(&file);
        fs::write(&file, "{ \"a\": 1 }").unwrap();
        tokio::time::sleep(QUIET).await;
        assert!(told(&mut watcher).await);
        fs::write(&file, "{ \"a\": 2 }").unwrap();
        // Dropped in the middle of the debounce.
        assert!(timeout(DEBOUNCE / 2, watcher.changed()).await.is_err());
        assert!(told(&mut watcher).await);
    });
}

#[test]
fn a_directory_that_does_not_exist_yet_is_looked_for() {
    run!(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("later/config.json");
        let mut watcher = ConfigWatcher::new(&file);
        assert_eq!(watcher.fault(), Some("its directory does not exist"));
        fs::create_dir(directory.path().join("later")).unwrap();
        fs::write(&file, "{}").unwrap();
        assert!(told(&mut watcher).await);
        assert_eq!(watcher.fault(), None);
        fs::write(&file, "{ }").unwrap();
        assert!(told(&mut watcher).await);
    });
}

#[test]
fn a_noisy_directory_does_not_hold_a_change_back() {
    run!(async {
        let (directory, file) = file();
        let mut watcher = watch(&file);
        let noise = directory.path().join("noise.log");
        fs::write(&file, "{ \"a\": 1 }").unwrap();
        let noisy = async {
            loop {
                fs::write(&noise, "line").unwrap();
                tokio::time::sleep(DEBOUNCE / 5).await;
            }
        };
        tokio::select! {
            told = told(&mut watcher) => assert!(told),
            () = noisy => {}
        }
    });
}

#[test]
fn nothing_is_left_once_it_is_dropped() {
    let (_directory, file) = file();
    let watcher = watch(&file);
    let told = Arc::downgrade(&watcher.stirred);
    drop(watcher);
    let gone = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        told.upgrade().is_none()
    });
    assert!(gone, "the system's watcher still holds its end");
}

#[test]
fn artefacts_are_told_however_they_change() {
    run!(async {
        let (directory, file) = file();
        let artefact = directory.path().join("plugin.wasm");
        let elsewhere = tempfile::tempdir().unwrap();
        let other = elsewhere.path().join("other.wasm");
        fs::write(&artefact, "one").unwrap();
        let mut watcher = watch(&file);
        watcher.also([artefact.clone(), other.clone()]);
        assert!(quiet(&mut watcher).await);
        for change in ["two", "six"] {
            let new = directory.path().join("new");
            fs::write(&new, change).unwrap();
            fs::rename(&new, &artefact).unwrap();
            assert_eq!(timeout(TOLD, watcher.changed()).await, Ok(Changed::Artefact));
        }
        fs::write(&other, "it comes").unwrap();
        assert_eq!(timeout(TOLD, watcher.changed()).await, Ok(Changed::Artefact));
        fs::remove_file(&other).unwrap();
        assert_eq!(timeout(TOLD, watcher.changed()).await, Ok(Changed::Artefact));
        fs::write(&artefact, "in place").unwrap();
        fs::write(&file, "{ }").unwrap();
        assert_eq!(timeout(TOLD, watcher.changed()).await, Ok(Changed::Config), "both at once are one");
        assert!(quiet(&mut watcher).await);
        watcher.also([]);
        fs::write(&artefact, "nobody looks").unwrap();
        assert!(quiet(&mut watcher).await);
    });
}

#[test]
fn an_artefact_that_is_written_slowly_is_told_once() {
    run!(async {
        let (directory, file) = file();
        let artefact = directory.path().join("plugin.wasm");
        let mut watcher = watch(&file);
        watcher.also([artefact.clone()]);
        let writing = async {
            for size in 1..8 {
                fs::write(&artefact, vec![0; size]).unwrap();
                tokio::time::sleep(DEBOUNCE / 2).await;
            }
        };
        let (told, ()) = tokio::join!(told(&mut watcher), writing);
        assert!(told);
        assert!(quiet(&mut watcher).await);
    });
}
