//! Documents, which plugins answer with: our reader and the library's must agree, but for floats of 16 bits, which the
//! library does not read.

use gatewright_abi::document;
use serde_json::Value as Json;

pub(super) fn run(input: &[u8]) -> bool {
    let ours = document::read::<Json>(input);
    let theirs = cbor4ii::serde::from_slice::<Json>(input);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{input:02x?}"),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(_)) if input.contains(&0xf9) => {}
        _ => panic!("{input:02x?}: {ours:?} and {theirs:?}"),
    }
    ours.is_ok()
}
