use super::*;

#[test]
fn a_pull_that_gives_no_document_is_a_failure_of_the_plugin() {
    let error = read(b"\xff").unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::PluginUnavailable, Some("malformed")));
    assert_eq!(read(&document::write(&Pulled::End)), Ok(Pulled::End));
}
