use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_copy_is_private_and_named_by_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let (source, stage) = (dir.path().join("a.so"), Stage::new(dir.path().join("plugins")));
    fs::write(&source, "abc").unwrap();
    let staged = stage.put(&source, None).unwrap();
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(staged.sha256.to_string(), hash);
    assert_eq!(staged.path, dir.path().join(format!("plugins/{hash}.so")));
    assert_eq!(staged.bytes, 3);
    assert_eq!((mode(&staged.path), mode(staged.path.parent().unwrap())), (0o500, 0o700));
    assert_eq!(stage.put(&source, Some(hash.parse().unwrap())).unwrap().path, staged.path);
    assert_eq!(fs::read_dir(dir.path().join("plugins")).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn what_the_source_becomes_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let (source, stage) = (dir.path().join("a.wasm"), Stage::new(dir.path().join("plugins")));
    fs::write(&source, "abc").unwrap();
    let staged = stage.put(&source, None).unwrap();
    fs::write(&source, "").unwrap();
    assert_eq!(fs::read(&staged.path).unwrap(), b"abc");
    assert_ne!(stage.put(&source, None).unwrap().path, staged.path);
}

#[test]
fn a_copy_that_somebody_changed_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (source, stage) = (dir.path().join("a.so"), Stage::new(dir.path().join("plugins")));
    fs::write(&source, "abc").unwrap();
    let staged = stage.put(&source, None).unwrap();
    fs::set_permissions(&staged.path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&staged.path, "evil").unwrap();
    assert_eq!(stage.put(&source, None).unwrap().path, staged.path);
    assert_eq!(fs::read(&staged.path).unwrap(), b"abc");
    fs::remove_file(&staged.path).unwrap();
    std::os::unix::fs::symlink(&source, &staged.path).unwrap();
    assert_eq!(stage.put(&source, None).unwrap().path, staged.path);
    assert!(fs::symlink_metadata(&staged.path).unwrap().is_file(), "a link is not taken for a copy");
}

#[test]
fn what_another_gateway_is_writing_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (source, folder) = (dir.path().join("a.so"), dir.path().join("plugins"));
    fs::write(&source, "abc").unwrap();
    fs::create_dir(&folder).unwrap();
    // Of one in a container, where it has the same number as a process.
    let others: Vec<PathBuf> =
        (0..100).map(|number| folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()))).collect();
    others.iter().for_each(|file| fs::write(file, "half").unwrap());
    Stage::new(&folder).put(&source, None).unwrap();
    assert!(others.iter().all(|file| file.exists()));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), others.len() + 1, "nothing else is left");
}

#[test]
fn what_is_being_written_is_known_as_that_and_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("a.so");
    fs::write(&source, "abc").unwrap();
    let stage = Stage::new(dir.path().join("plugins"));
    stage.make_folder().unwrap();
    let copy = || stage.copy(&mut File::open(&source).unwrap(), &source).unwrap().0;
    let (one, other) = (copy(), copy());
    assert_ne!(*one, *other);
    assert!(Stage::is_unfinished(&one) && Stage::is_unfinished(&other));
    let left = one.to_owned();
    drop(one);
    assert!(!left.exists() && other.exists());
}

#[test]
fn a_folder_that_others_could_write_to_is_closed_before_anything_is_taken_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let (source, folder) = (dir.path().join("a.so"), dir.path().join("plugins"));
    fs::write(&source, "abc").unwrap();
    let stage = Stage::new(&folder);
    let staged = stage.put(&source, None).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(stage.put(&source, None).unwrap().path, staged.path);
    assert_eq!(mode(&folder), 0o700);
}

#[test]
fn refusals_say_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::new(dir.path().join("plugins"));
    let refused = |path: &Path, expected| stage.put(path, expected).unwrap_err().to_string();
    assert!(refused(&dir.path().join("none.so"), None).starts_with("there is no file `"));
    assert!(refused(dir.path(), None).ends_with("is not a file"));
    let source = dir.path().join("a.so");
    fs::write(&source, "abc").unwrap();
    let other = Sha256([0; 32]);
    let message = refused(&source, Some(other));
    assert!(message.contains("has the SHA-256 ba7816bf") && message.contains("the config says 00000000"), "{message}");
    let left = fs::read_dir(dir.path().join("plugins")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing is left of what was refused");
}

#[test]
fn hashes_are_read_as_they_are_written() {
    let hash = Sha256::of(&b"abc"[..]).unwrap();
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
    for wrong in ["", "ba78", &"g".repeat(64), &"ä".repeat(32)] {
        assert_eq!(wrong.parse::<Sha256>(), Err(NotAHash));
    }
}
