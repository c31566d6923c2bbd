use super::*;

/// What is said of a file of this name that holds this.
fn said(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let looked = read(&path).and_then(|bytes| look(ArtefactKind::of(name), &path, &bytes));
    looked.map_or_else(|what| what.replace(path.to_str().unwrap(), name), |()| "fits".to_owned())
}

#[test]
fn what_is_there_must_be_what_its_ending_says() {
    for (name, bytes, expected) in [
        ("a.wasm", COMPONENT, "fits"),
        (
            "a.wasm",
            CORE_MODULE,
            "`a.wasm` is a core WASM module and no component: `gatewright plugin build --core` packs it",
        ),
        ("a.wasm", b"hello\n", "`a.wasm` is no WASM component, or is damaged"),
        ("a.wasm", b"", "`a.wasm` is empty"),
        ("a.so", b"", "`a.so` is empty"),
        ("a", b"", "`a` is empty"),
        ("a", b"hello\n", "`a` is a text file and no program: a script begins with `#!`"),
        ("a", COMPONENT, "`a` is WASM: give its file a name that ends in `.wasm`"),
        ("a", b"#!/no/such/sh -e\n", "`a` names the interpreter `/no/such/sh` in its first line, which is missing"),
        ("a", b"#!/bin/sh\n", "`a` is not executable: `chmod +x a`"),
    ] {
        assert_eq!(said(name, bytes), expected);
    }
    assert!(said("a.so", b"hello\n").starts_with("`a.so` cannot be loaded: it is not a shared library"));
    assert!(said("a", b"\x7fELF\x02\x01\x01\x00").starts_with("`a` is no program: it is truncated or damaged"));
}

#[test]
fn a_program_of_another_machine_is_known_before_it_runs() {
    let mut elf = fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(said("a", &elf).contains("is not executable"), "it is one of this machine");
    // e_machine: SPARC.
    elf[18] = 2;
    elf[19] = 0;
    assert!(said("a", &elf).starts_with("`a` is no program: it was built for "), "{}", said("a", &elf));
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(folder.path()).unwrap_err().contains("is a folder"));
    assert!(read(&folder.path().join("it.wasm")).unwrap_err().starts_with("there is no file `"));
}
