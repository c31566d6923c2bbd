//! Documents, which plugins answer with: our reader and the library's must agree.

use gatewright_abi::document;
use serde_json::Value as Json;

pub(super) fn run(input: &[u8]) -> bool {
    let ours = document::read::<Json>(input);
    let theirs = cbor4ii::serde::from_slice::<Json>(input);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{input:02x?}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{input:02x?}: {ours:?} and {theirs:?}"),
    }
    ours.is_ok()
}
