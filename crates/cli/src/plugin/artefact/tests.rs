use super::*;

#[test]
fn a_file_and_an_address_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, b"\0asm\x0d\0\x01\0").unwrap();
    let artefact = Artefact::look(path.to_str().unwrap()).unwrap();
    assert_eq!((artefact.host(), artefact.size()), ("wasm", Some(8)));
    std::fs::write(&path, b"hello").unwrap();
    assert!(Artefact::look(path.to_str().unwrap()).unwrap_err().contains("is no WASM component"));
    assert!(Artefact::look("grpc://nowhere").unwrap_err().contains("no address"));
    assert_eq!(Artefact::look("grpc://127.0.0.1:1").unwrap().host(), "process");
}
