use super::*;

fn said(first_line: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("plugin");
    fs::write(&script, first_line).unwrap();
    without_interpreter(&script).map(|error| error.to_string())
}

#[test]
fn an_interpreter_that_is_missing_is_named() {
    let missing = |name: &str| Some(format!("its first line names the interpreter `{name}`, which is missing"));
    assert_eq!(said("#!/no/such/python3\nprint()\n"), missing("/no/such/python3"));
    assert_eq!(said("#! /no/such/python3 -u\n"), missing("/no/such/python3"));
    assert_eq!(said("#!/no/such/python3"), missing("/no/such/python3"));
    assert_eq!(said("#!/bin/sh\r\necho\r\n"), missing("/bin/sh\\r"), "of a file with the line ends of Windows");
}

#[test]
fn of_what_else_is_missing_nothing_is_said() {
    assert_eq!(said("#!/bin/sh\n"), None);
    assert_eq!(said("#!\n"), None);
    assert_eq!(said("\x7fELF"), None);
    assert!(without_interpreter(Path::new("/no/such/script")).is_none());
}
