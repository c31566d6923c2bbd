use super::*;
use gatewright_abi::document;
use serde_json::json;

fn tree(json: serde_json::Value) -> Node {
    document::read(&document::write(&json)).unwrap()
}

#[test]
fn trees_are_read_as_they_are_written() {
    let json = json!({ "a": [1, -2, 0.5, null, true, "text"], "b": { "c": {} }, "big": u64::MAX });
    let node = tree(json.clone());
    assert_eq!(document::read::<serde_json::Value>(&document::write(&node)), Ok(json));
    let bytes = Node::Bytes(Bytes::from_static(&[0xff, 0]));
    assert_eq!(document::read::<Node>(&document::write(&bytes)), Ok(bytes));
}

#[test]
fn paths_go_through_members_places_and_pairs() {
    let node =
        tree(json!({ "messages": [{ "text": "a" }, { "text": "b" }], "headers": [["X-Foo", "1"], ["x-bar", "2"]] }));
    let at = |path: &str| node.at(path.split('/'));
    assert_eq!(at("messages/1/text"), Some(&Node::text("b")));
    assert_eq!(at("headers/x-foo"), Some(&Node::text("1")));
    assert_eq!(at("headers/1/0"), Some(&Node::text("x-bar")));
    for nowhere in ["messages/2", "messages/x", "headers/x-foo/more", "", "messages/99999999999999999999"] {
        assert_eq!(at(nowhere), None, "{nowhere}");
    }
}
