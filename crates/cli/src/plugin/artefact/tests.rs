use super::*;

/// What is said of a file of this name that holds this.
fn said(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    match Artefact::look(&path) {
        Ok(artefact) => format!("{} of {} bytes", artefact.host(), artefact.size().unwrap_or_default()),
        Err(fault) => fault.replace(&path, name),
    }
}

#[test]
fn what_is_there_must_be_what_its_ending_says() {
    for (name, bytes, expected) in [
        ("a.wasm", COMPONENT, "wasm of 8 bytes"),
        (
            "a.wasm",
            CORE_MODULE,
            "`a.wasm` is a core WASM module and no component: `gatewright plugin build --core` packs it",
        ),
        ("a.wasm", b"hello\n", "`a.wasm` is a text file and no WASM component"),
        ("a.wasm", b"\x7fELF\x02\x01\x01\x00", "`a.wasm` is no WASM component, or is damaged"),
        ("a.wasm", b"", "`a.wasm` is empty"),
        ("a.so", b"hello\n", "`a.so` is a text file and no native library"),
        ("a.so", b"", "`a.so` is empty"),
        ("a", b"", "`a` is empty"),
        ("a", b"hello\n", "`a` is a text file and no program: a script begins with `#!`"),
        ("a", COMPONENT, "`a` is WASM: give its file a name that ends in `.wasm`"),
    ] {
        assert_eq!(said(name, bytes), expected);
    }
    assert!(said("a", b"#!/bin/sh\n").starts_with("`a` may not be run: `chmod +x "));
    assert!(said("a", b"\x7fELF\x02\x01\x01\x00").starts_with("`a` is no program, or is damaged: "));
}

#[test]
fn a_program_of_another_machine_is_known_before_it_runs() {
    let mut elf = fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(said("a", &elf).contains("may not be run"), "it is one of this machine");
    // e_machine: SPARC.
    elf[18] = 2;
    elf[19] = 0;
    assert!(said("a", &elf).starts_with("`a` was built for "), "{}", said("a", &elf));
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    assert!(Artefact::look(name).unwrap_err().contains("is a folder"), "{name}");
    let missing = format!("{name}/it.wasm");
    assert_eq!(Artefact::look(&missing).unwrap_err(), format!("there is no file `{missing}`"));
    assert!(Artefact::look("grpc://nowhere").unwrap_err().contains("no address"));
    assert_eq!(Artefact::look("grpc://127.0.0.1:1").unwrap().host(), "process");
}
