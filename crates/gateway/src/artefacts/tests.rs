use super::*;
use gatewright_config::{Grant, Permissions};
use std::fs::File;

fn entry(path: &str) -> PluginEntry {
    PluginEntry { path: Some(path.to_owned()), ..PluginEntry::new("guard") }
}

#[test]
fn paths_are_relative_to_the_base() {
    let base = Path::new("/etc/gatewright");
    assert_eq!(file_of(&entry("plugins/pii.wasm"), base), Some("/etc/gatewright/plugins/pii.wasm".into()));
    assert_eq!(file_of(&entry("/opt/pii.wasm"), base), Some("/opt/pii.wasm".into()));
    assert_eq!(file_of(&entry("grpc://guard:9000"), base), None);
    assert_eq!(file_of(&entry("builtin:telemetry"), base), None);
}

#[test]
fn what_is_granted_is_what_is_asked_for_and_given() {
    let http = Grant::Http { http: vec!["api.acme.com".to_owned()] };
    let permissions = Permissions::from_iter([Grant::Plain(Permission::Kv), http]);
    let entry = PluginEntry { permissions, ..entry("pii.wasm") };
    let granted = |asked: &[Permission]| Grants::of(&entry, &asked.iter().copied().collect()).permissions;
    assert_eq!(granted(&[]), [].into());
    assert_eq!(granted(&[Permission::Kv, Permission::Llm]), [Permission::Kv].into());
    assert_eq!(granted(&Permission::ALL), [Permission::Kv, Permission::Http].into());
    let egress = Grants::of(&entry, &BTreeSet::new()).egress;
    assert_eq!(egress, EgressPolicy::Allowed(["api.acme.com".parse().unwrap()].into_iter().collect()));
}

#[test]
fn a_look_says_what_is_wrong_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let inspect = |entry: &PluginEntry| look::inspect(entry, folder.path());
    let look = |entry: &PluginEntry| inspect(entry).unwrap_err();
    let (file, component) = (folder.path().join("pii.wasm"), b"\0asm\x0d\0\x01\0");
    assert!(look(&entry("pii.wasm")).starts_with("there is no file `"));
    fs::write(&file, b"MZ").unwrap();
    assert!(look(&entry("pii.wasm")).contains("is no WASM component"));
    fs::write(&file, component).unwrap();
    assert_eq!(inspect(&entry("pii.wasm")), Ok(Some(component.to_vec())));
    let sha256 = Sha256::of(component.as_slice()).unwrap().to_string();
    let pinned = PluginEntry { sha256: Some(sha256.to_uppercase()), ..entry("pii.wasm") };
    assert_eq!(inspect(&pinned), Ok(Some(component.to_vec())));
    let other = PluginEntry { sha256: Some("0".repeat(64)), ..entry("pii.wasm") };
    assert!(look(&other).ends_with(&format!("has the SHA-256 {sha256}, and the entry says {}", "0".repeat(64))));
}

#[tokio::test]
async fn copies_that_are_of_no_more_use_go() {
    let folder = tempfile::tempdir().unwrap();
    let artefacts = Artefacts::new(Some(folder.path().join("app")), folder.path().to_owned(), None);
    artefacts.sweep(&BTreeSet::new());
    assert!(!folder.path().join("app").exists(), "nothing is made before it is needed");
    let file = folder.path().join("pii.wasm");
    fs::write(&file, "one").unwrap();
    let one = copied(&artefacts).await;
    fs::write(&file, "two").unwrap();
    let two = copied(&artefacts).await;
    let others = folder.path().join("app/plugins").join(format!("{}.wasm", "0".repeat(64)));
    fs::write(&others, "another gateway's").unwrap();
    artefacts.sweep(&[two.1].into());
    assert_eq!([one.0.exists(), two.0.exists(), others.exists()], [false, true, true]);
    leave_behind(&others);
    artefacts.sweep(&BTreeSet::new());
    assert_eq!([two.0.exists(), others.exists()], [false, false]);
}

#[tokio::test]
async fn copies_that_nobody_finished_go() {
    let folder = tempfile::tempdir().unwrap();
    let artefacts = Artefacts::new(Some(folder.path().to_owned()), folder.path().to_owned(), None);
    fs::write(folder.path().join("pii.wasm"), "one").unwrap();
    let (whole, content) = copied(&artefacts).await;
    let [killed, writes, other] = [".new-17-0", ".new-18-3", "notes.txt"].map(|name| whole.with_file_name(name));
    for file in [&killed, &writes, &other] {
        fs::write(file, "on").unwrap();
    }
    for file in [&killed, &other] {
        leave_behind(file);
    }
    artefacts.sweep(&[content].into());
    let left = [&killed, &writes, &other, &whole].map(|file| file.exists());
    assert_eq!(left, [false, true, true, true], "what is being written and what is no copy stays");
}

#[tokio::test]
async fn the_copies_of_a_gateway_that_runs_stay_however_old_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = || Artefacts::new(Some(folder.path().join("app")), folder.path().to_owned(), None);
    fs::write(folder.path().join("pii.wasm"), "one").unwrap();
    let (first, second) = (gateway(), gateway());
    let (path, _) = copied(&first).await;
    leave_behind(&path);
    fs::write(folder.path().join("pii.wasm"), "two").unwrap();
    copied(&second).await;
    second.sweep(&BTreeSet::new());
    assert!(path.exists());
    drop(first);
    second.sweep(&BTreeSet::new());
    assert!(!path.exists(), "nobody has it any more");
}

/// Where the copy of the file is, and what is in it.
async fn copied(artefacts: &Artefacts) -> (PathBuf, Sha256) {
    match artefacts.find(&entry("pii.wasm")).await.unwrap() {
        Found::File { copy, .. } => (copy.path, copy.sha256),
        Found::Address(address) => panic!("{address}"),
    }
}

fn leave_behind(path: &Path) {
    // A copy may not be written to.
    File::open(path).unwrap().set_modified(SystemTime::now() - 2 * LEFT_BEHIND).unwrap();
}
