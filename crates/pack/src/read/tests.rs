use super::{MAX_NAMES, custom_section, exports, imports};
use crate::MANIFEST_SECTION;
use crate::section::{append, append_number, custom};

const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component that imports a function, exports it under each of the names, and has the manifest as often as told.
fn component(names: &[String], manifests: usize) -> Vec<u8> {
    let mut file = EMPTY.to_vec();
    append(&mut file, 7, b"\x01\x40\x00\x01\x00");
    append(&mut file, 10, b"\x01\x00\x01f\x01\x00");
    let mut body = Vec::new();
    append_number(&mut body, names.len());
    for name in names {
        body.push(0);
        append_number(&mut body, name.len());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[1, 0, 0]);
    }
    append(&mut file, 11, &body);
    for _ in 0..manifests {
        append(&mut file, 0, &custom(MANIFEST_SECTION, b"{}"));
    }
    file
}

fn read_all(file: &[u8]) -> [bool; 3] {
    [exports(file).is_ok(), imports(file).is_ok(), custom_section(file, MANIFEST_SECTION).is_ok()]
}

#[test]
fn names_and_manifest_are_read() {
    let file = component(&["a".into(), "b-c".into()], 1);
    assert_eq!(exports(&file).expect("a component"), ["a", "b-c"]);
    assert_eq!(imports(&file).expect("a component"), ["f"]);
    assert_eq!(custom_section(&file, MANIFEST_SECTION).expect("a component"), Some(b"{}".as_slice()));
    assert_eq!(custom_section(&file, "other").expect("a component"), None);
}

#[test]
fn nothing_is_read_from_what_is_nested() {
    let inner = component(&["inner".into()], 1);
    let mut file = EMPTY.to_vec();
    append(&mut file, 4, &inner);
    append(&mut file, 1, b"\0asm\x01\0\0\0");
    assert_eq!(exports(&file).expect("a component"), Vec::<String>::new());
    assert_eq!(custom_section(&file, MANIFEST_SECTION).expect("a component"), None);
}

#[test]
fn a_nested_part_longer_than_the_file_is_an_error() {
    let mut file = EMPTY.to_vec();
    append(&mut file, 4, &component(&["inner".into()], 0));
    file.pop();
    assert_eq!(read_all(&file), [false; 3]);
    for length in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]] {
        for id in 0..=0xff {
            let file = [EMPTY, &[id], length].concat();
            assert_eq!(read_all(&file), [false; 3], "section {id}");
        }
    }
}

#[test]
fn two_manifests_are_refused() {
    let error = custom_section(&component(&[], 2), MANIFEST_SECTION).expect_err("two of them");
    assert!(error.to_string().contains("twice"), "{error}");
}

#[test]
fn more_names_than_any_plugin_has_are_refused() {
    let names = |count: usize| (0..count).map(|at| format!("n{at}")).collect::<Vec<_>>();
    assert_eq!(exports(&component(&names(MAX_NAMES), 0)).expect("just as many").len(), MAX_NAMES);
    let error = exports(&component(&names(MAX_NAMES + 1), 0)).expect_err("one more");
    assert!(error.to_string().contains("more than"), "{error}");
}

#[test]
fn what_is_no_component_is_refused() {
    for (file, says) in [
        (b"".as_slice(), "no WASM component"),
        (b"\x7fELF\x02\x01\x01\0".as_slice(), "no WASM component"),
        (b"\0asm\x01\0\0\0".as_slice(), "pack it first"),
    ] {
        let error = exports(file).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(read_all(file), [false; 3]);
    }
}

#[test]
fn every_cut_and_every_wrong_byte_has_an_answer() {
    let file = component(&["a".into(), "b-c".into()], 1);
    for length in 0..file.len() {
        read_all(file.get(..length).expect("shorter"));
    }
    for at in 0..file.len() {
        for value in 0..=0xff {
            let mut wrong = file.clone();
            if let Some(byte) = wrong.get_mut(at) {
                *byte = value;
            }
            read_all(&wrong);
        }
    }
}
