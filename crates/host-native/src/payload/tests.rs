use super::*;
use gatewright_abi::{View, host};
use gatewright_model::{
    Channel, ChannelKind, Chunk, Headers, HttpRequest, Part as Piece, Raw, StreamChunk, StreamChunkBody, Usage,
};
use gatewright_plugin::hosted::CallRef;
use gatewright_plugin::payload::{AuthRequest, ChannelText, LlmResult, RequestSummary, Secret, StreamExchange};
use gatewright_plugin::{Cx, Draft, Facts, State};
use serde_json::{Value as Json, json};
use std::sync::Arc;

fn written(json: &Json) -> Bytes {
    document::write(json).into()
}

fn read(node: Option<Node>) -> Json {
    document::read(&document::write(&node.unwrap_or(Node::Null))).unwrap()
}

fn chat(part: Part) -> Result<Bytes, NotGiven> {
    match part {
        Part::Chat => Ok(written(&json!({
            "messages": [
                { "origin": 0, "role": "system", "blocks": [{ "content": { "text": "be good" } }] },
                { "origin": 1, "role": "user", "blocks": [{ "content": { "text": "hello" } }] },
            ],
            "params": {},
        }))),
        Part::Texts => Ok(written(&json!([["system", "be good", 0], ["user", "hello", 1]]))),
        Part::Facts => Ok(written(&json!({ "user_id": "u" }))),
        Part::State => Ok(written(&json!([["a/b", { "int": 1 }], ["b", { "str": "text" }]]))),
        _ => Err(NotGiven::Nothing(part)),
    }
}

fn pre_llm() -> Payload {
    Payload::of(Hook::PreLlm, &written(&json!({ "kind": "chat", "model": "m", "stream": false })))
}

#[test]
fn paths_lead_into_parts() {
    let mut payload = pre_llm();
    let mut text = |path: &str| payload.get(path, &chat).unwrap().cloned();
    assert_eq!(text("model"), Some(Node::text("m")));
    assert_eq!(text("messages/1/blocks/0/content/text"), Some(Node::text("hello")));
    assert_eq!(text("facts/user_id"), Some(Node::text("u")));
    assert_eq!(text("state/b"), Some(Node::text("text")));
    assert_eq!(text("messages/2/role"), None);
    assert_eq!(payload.state("a/b", &chat).unwrap(), Some(&Node::Int(1)));
    assert_eq!(payload.get("", &chat).unwrap_err().0, Status::Invalid);
}

#[test]
fn a_path_goes_through_lists_and_maps_alone() {
    let mut payload = pre_llm();
    for path in ["model/foo", "texts/0/1/foo", "texts/0/2/0", "stream/x", "facts/user_id/x", "state/b/0"] {
        let Refused(status, why) = payload.get(path, &chat).unwrap_err();
        assert_eq!(status, Status::Invalid, "{path}");
        assert!(why.ends_with("is no list or map"), "{why}");
    }
    for nowhere in
        ["models/foo", "texts/9/1", "texts/x", "messages/0/blocks/7/content", "facts/none/x", "tool_choice/x"]
    {
        assert_eq!(payload.get(nowhere, &chat), Ok(None), "{nowhere}");
    }
    let why = payload.set("messages/1/role/x", Node::text("x"), &chat).unwrap_err();
    assert_eq!(why, Refused(Status::Invalid, "what stands at `messages/1/role` is no list or map".to_owned()));
}

#[test]
fn bytes_that_are_no_text_are_refused_as_such() {
    let mut payload = pre_llm();
    let bad = || Node::Bytes(Bytes::from_static(b"ok \xff"));
    for path in ["model", "texts/0/1", "messages/1/blocks/0/content/text", "messages/1/name", "params/user"] {
        assert_eq!(payload.set(path, bad(), &chat), Err(no_utf8()), "{path}");
    }
    assert!(payload.edits().is_none());
}

#[test]
fn what_a_head_does_not_say_is_there_all_the_same() {
    let never = |part: Part| unreachable!("{part:?} is not asked for");
    let mut payload = Payload::of(Hook::CheckInput, &written(&json!({ "model": "m" })));
    assert_eq!(payload.get("stream", &never).unwrap(), Some(&Node::Bool(false)));
    assert_eq!(payload.get("kind", &never).unwrap(), Some(&Node::text("chat")));
    let head = json!({ "request": { "model": "m", "stream": true }, "error": { "kind": "internal", "message": "" } });
    let mut payload = Payload::of(Hook::OnModelError, &written(&head));
    assert_eq!(payload.get("request/stream", &never).unwrap(), Some(&Node::Bool(true)));
    assert_eq!(payload.get("request/kind", &never).unwrap(), Some(&Node::text("chat")));
}

#[test]
fn an_edit_of_the_model_leaves_the_conversation_alone() {
    let mut payload = pre_llm();
    payload.set("model", Node::text("other"), &chat).unwrap();
    payload.set("provider", Node::text("p"), &chat).unwrap();
    let edits = read(payload.edits());
    assert_eq!(edits, json!({ "kind": "chat", "model": "other", "stream": false, "provider": "p" }));
}

#[test]
fn a_message_that_was_edited_is_no_longer_as_it_was() {
    let mut payload = pre_llm();
    payload.set("messages/1/blocks/0/content/text", Node::text("bye"), &chat).unwrap();
    let edits = read(payload.edits());
    assert_eq!(edits["chat"]["messages"][0], json!({ "origin": 0 }), "the other stands for itself");
    assert_eq!(edits["chat"]["messages"][1].get("origin"), None);
    assert_eq!(edits["chat"]["messages"][1]["blocks"][0]["content"]["text"], json!("bye"));
}

#[test]
fn texts_are_read_and_replaced_without_the_rest() {
    let texts = |part: Part| if part == Part::Chat { Err(NotGiven::Nothing(part)) } else { chat(part) };
    let mut payload = pre_llm();
    assert_eq!(payload.get("texts/1/1", &texts).unwrap(), Some(&Node::text("hello")));
    assert_eq!(payload.get("texts/2/1", &texts).unwrap(), None);
    payload.set("texts/1/1", Node::text("bye"), &texts).unwrap();
    payload.set("model", Node::text("other"), &texts).unwrap();
    let edits = read(payload.edits());
    assert_eq!(edits, json!({ "kind": "chat", "model": "other", "stream": false, "texts": [[1, "bye"]] }));
    for (path, status) in [
        ("texts/2/1", Status::Missing),
        ("texts/x/1", Status::Missing),
        ("texts/1/0", Status::Unsupported),
        ("texts/1/2", Status::Unsupported),
        ("texts/1", Status::Unsupported),
        ("messages/1/blocks/0/content/text", Status::Unsupported),
    ] {
        assert_eq!(payload.set(path, Node::text("x"), &chat).unwrap_err().0, status, "{path}");
    }
    let mut payload = pre_llm();
    payload.set("messages/1/blocks/0/content/text", Node::text("bye"), &chat).unwrap();
    assert_eq!(payload.set("texts/0/1", Node::text("x"), &chat).unwrap_err().0, Status::Unsupported);
    assert_eq!(read(payload.edits()).get("texts"), None);
}

#[test]
fn what_cannot_be_read_is_not_as_if_it_were_not_there() {
    let status = |fetch: &dyn Fn(Part) -> Result<Bytes, NotGiven>| {
        let mut payload = pre_llm();
        // Each time, and not only at the first.
        let [first, second] = [(); 2].map(|()| payload.get("messages", fetch).unwrap_err().0);
        assert_eq!(first, second);
        first
    };
    assert_eq!(status(&|_| Err(NotGiven::Unreadable("`messages` is no list".to_owned()))), Status::Error);
    assert_eq!(status(&|_| Err(NotGiven::NotAskedFor)), Status::Denied);
    assert_eq!(status(&|part| Err(NotGiven::Nothing(part))), Status::Missing);
    let deep = (0..1000).fold(json!("rosebud"), |inner, _| json!([inner]));
    assert_eq!(status(&|_| Ok(written(&deep))), Status::Error);
    let mut payload = pre_llm();
    let scratch = |part: Part| if part == Part::Scratch { Ok(Bytes::new()) } else { chat(part) };
    assert_eq!(payload.get("scratch/a", &scratch), Ok(None), "a plugin that kept nothing");
}

#[test]
fn headers_are_edited_by_their_names() {
    let head = json!({ "method": "POST", "path": "/", "query": [], "headers": [["a", "1"], ["b", "2"]] });
    let mut payload = Payload::of(Hook::HttpRequest, &written(&head));
    let body = |_: Part| Ok(Bytes::from_static(b"body"));
    payload.set("headers/A", Node::text("x"), &body).unwrap();
    payload.set("headers/c", Node::text("3"), &body).unwrap();
    assert_eq!(read(payload.edits()), json!({ "headers": [["a", ["x"]], ["c", ["3"]]] }));
    assert_eq!(payload.set("method", Node::text("GET"), &body).unwrap_err().0, Status::Unsupported);
    // A client may say one twice: none of it is left.
    let head = json!({ "method": "POST", "path": "/", "query": [], "headers": [["a", "1"], ["b", "2"], ["A", "3"]] });
    let mut payload = Payload::of(Hook::HttpRequest, &written(&head));
    assert_eq!(payload.get("headers/2/1", &body).unwrap(), Some(&Node::text("3")));
    payload.set("headers/a", Node::text("x"), &body).unwrap();
    assert_eq!(read(payload.edits()), json!({ "headers": [["a", ["x"]]] }));
}

#[test]
fn what_a_hook_does_not_edit_is_refused() {
    let mut payload = Payload::of(Hook::CheckInput, &written(&json!({ "model": "m" })));
    assert_eq!(payload.set("model", Node::text("x"), &chat).unwrap_err().0, Status::Unsupported);
    let mut payload = pre_llm();
    assert_eq!(payload.set("messages/9/role", Node::text("x"), &chat).unwrap_err().0, Status::Missing);
    assert_eq!(payload.set("messages", Node::text("x"), &chat).unwrap_err().0, Status::Invalid);
    assert!(payload.edits().is_none());
}

#[test]
fn an_edit_that_would_be_lost_is_refused_at_once() {
    let refused = |payload: &mut Payload, path: &str, value: Node, status: Status| {
        let before = payload.root.clone();
        assert_eq!(payload.set(path, value, &chat).unwrap_err().0, status, "{path}");
        assert_eq!(payload.get("messages/1/role", &chat).unwrap(), Some(&Node::text("user")), "{path}");
        assert!(payload.edits().is_none(), "{path}");
        if before.member("messages").is_some() {
            assert_eq!(payload.root, before, "{path}");
        }
    };
    let mut payload = pre_llm();
    for path in ["system", "temperature", "facts", "facts/user_id", "state/b", "kind", "stream"] {
        refused(&mut payload, path, Node::text("x"), Status::Unsupported);
    }
    for path in
        ["params/temprature", "params/temperature", "messages/1/nam", "messages/1/role", "tools", "tool_choice/x"]
    {
        let status = if path == "tool_choice/x" { Status::Missing } else { Status::Invalid };
        refused(&mut payload, path, Node::text("x"), status);
    }
    for path in ["provider", "messages/1/name", "params/user"] {
        refused(&mut payload, path, Node::Int(1), Status::Invalid);
    }
    for (path, value) in [
        ("params/temperature", Node::Int(1)),
        ("params/max_tokens", Node::Int(7)),
        ("params/user", Node::text("u")),
        ("tool_choice", Node::text("auto")),
        ("messages/1/name", Node::text("n")),
    ] {
        payload.set(path, value, &chat).unwrap();
    }
    // Once more, where something stands.
    payload.set("params/temperature", Node::Int(2), &chat).unwrap();
    let edits = read(payload.edits());
    let params = &edits["chat"]["params"];
    // A whole number will do for a float.
    assert_eq!(params["temperature"].as_f64(), Some(2.0));
    assert_eq!((&params["max_tokens"], &params["user"]), (&json!(7), &json!("u")));
    assert_eq!(edits["chat"]["tool_choice"], json!("auto"));
    assert_eq!(edits["chat"]["messages"][0]["origin"], json!(0));
    assert_eq!(edits["chat"]["messages"][1]["name"], json!("n"));
}

#[test]
fn http_messages_are_edited_where_the_answer_has_room() {
    let head = json!({ "method": "POST", "path": "/", "query": [["q", "1"]], "headers": [["a", "1"], ["b", "2"]] });
    let body = |_: Part| Ok(Bytes::from_static(b"body"));
    let mut payload = Payload::of(Hook::HttpRequest, &written(&head));
    for path in ["headers/1/1", "headers/1/0", "headers/1", "headers/5", "headers/a/0", "headers"] {
        assert_eq!(payload.set(path, Node::text("x"), &body).unwrap_err().0, Status::Unsupported, "{path}");
    }
    for (path, value) in [
        ("headers/a", Node::Int(1)),
        ("headers/c", Node::Int(1)),
        ("headers/a", Node::text("two\nlines")),
        ("headers/no name", Node::text("x")),
    ] {
        assert_eq!(payload.set(path, value, &body).unwrap_err().0, Status::Invalid, "{path}");
    }
    payload.set("query/0/1", Node::text("2"), &body).unwrap();
    payload.set("query/p", Node::text("3"), &body).unwrap();
    assert_eq!(read(payload.edits()), json!({ "query": [["q", "2"], ["p", "3"]] }));
    let head = json!({ "request": head, "response": { "status": 200, "headers": [] } });
    let mut payload = Payload::of(Hook::HttpResponse, &written(&head));
    for (path, value, status) in [
        ("response/status", Node::Int(70_000), Status::Invalid),
        ("response/reason", Node::text("x"), Status::Unsupported),
        ("response/headers/0/1", Node::text("x"), Status::Unsupported),
        ("request/body", Node::text("x"), Status::Unsupported),
    ] {
        assert_eq!(payload.set(path, value, &body).unwrap_err().0, status, "{path}");
    }
    payload.set("response/status", Node::Int(418), &body).unwrap();
    payload.set("response/headers/x-a", Node::text("1"), &body).unwrap();
    assert_eq!(read(payload.edits()), json!({ "status": 418, "headers": [["x-a", ["1"]]] }));
}

#[test]
fn whole_payloads_take_no_members_that_they_do_not_have() {
    let none = |part: Part| Err(NotGiven::Nothing(part));
    let head = json!({ "id": "1", "name": "search", "arguments": { "q": "x" } });
    let mut payload = Payload::of(Hook::BeforeTool, &written(&head));
    assert_eq!(payload.set("nam", Node::text("x"), &none).unwrap_err().0, Status::Invalid);
    payload.set("arguments/q", Node::text("y"), &none).unwrap();
    payload.set("arguments/limit", Node::Int(3), &none).unwrap();
    let edits = json!({ "id": "1", "name": "search", "arguments": { "q": "y", "limit": 3 } });
    assert_eq!(read(payload.edits()), edits);
    let head = json!({ "kind": "chat", "provider": "p", "model": "m" });
    let mut payload = Payload::of(Hook::AfterModel, &written(&head));
    let output = |_: Part| {
        let message = json!({ "origin": 0, "role": "assistant", "blocks": [{ "content": { "text": "hi" } }] });
        let choice = json!({ "index": 0, "message": message, "finish": null });
        Ok(written(&json!({ "chat": { "id": "i", "model": "m", "choices": [choice] } })))
    };
    assert_eq!(payload.set("edited", Node::Bool(false), &output).unwrap_err().0, Status::Unsupported);
    let path = "output/chat/choices/0/message/";
    assert_eq!(payload.set(&format!("{path}txt"), Node::text("x"), &output).unwrap_err().0, Status::Invalid);
    payload.set(&format!("{path}blocks/0/content/text"), Node::text("bye"), &output).unwrap();
    let edited = read(payload.edits());
    assert_eq!(edited["output"]["chat"]["choices"][0]["message"]["blocks"][0]["content"]["text"], json!("bye"));
}

/// What stands at these paths of what a hook is given.
fn found(call: CallRef<'_>, paths: &[&str]) -> Vec<Option<Node>> {
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, crate::before::services("it"));
    let departure = host::depart(&cx, &call, &Arc::new(View::all()));
    let mut payload = Payload::of(call.hook(), &departure.head);
    let fetch = |part| Ok(departure.rest.part(part)?.into_bytes());
    paths.iter().map(|path| payload.get(path, &fetch).unwrap().cloned()).collect()
}

#[test]
fn the_paths_that_the_header_names_lead_where_it_says() {
    let text = |text: &str| Some(Node::text(text));
    let bytes = |bytes: &'static str| Some(Node::Bytes(Bytes::from_static(bytes.as_bytes())));
    let mut headers = Headers::default();
    assert!(headers.set("x-foo", "bar"));
    let request = HttpRequest::new("POST".parse().unwrap(), "/v1".to_owned(), Vec::new(), headers, "body");
    let request = Arc::new(request);
    let mut auth = AuthRequest { credential: Some(Secret::new("key")), request: request.clone() };
    let paths = ["credential", "request/path", "request/headers/x-foo", "request/body"];
    assert_eq!(found(CallRef::Auth(&mut auth), &paths), [text("key"), text("/v1"), text("bar"), bytes("body")]);
    auth.credential = None;
    assert_eq!(found(CallRef::Auth(&mut auth), &["credential"]), [Some(Node::Null)]);
    let body = StreamChunkBody::Chat(Raw::from_value(&json!({ "a": 1 })));
    let chunk = Draft::from(StreamChunk { event: Some("message".to_owned()), body });
    let mut exchange = StreamExchange { request, chunk };
    let paths = ["chunk/event", "chunk/body/chat", "request/method"];
    let stream = found(CallRef::HttpStreamChunk(&mut exchange), &paths);
    assert_eq!(stream, [text("message"), text(r#"{"a":1}"#), text("POST")]);
    let channel = Channel { choice: 0, block: 0, kind: ChannelKind::Text };
    let piece = Piece::Text { channel, text: "hi".to_owned() };
    let mut result = Draft::from(LlmResult::Chunk(Chunk::from_parts([piece])));
    assert_eq!(found(CallRef::PostLlm(&mut result), &["chunk/0/text/text"]), [text("hi")]);
    let mut said = Draft::from(ChannelText { channel, text: "hi".to_owned(), is_final: true, released: true });
    let [yes, zero] = [Some(Node::Bool(true)), Some(Node::Int(0))];
    let paths = ["text", "released", "is_final", "channel/choice"];
    assert_eq!(found(CallRef::OnStreamChunk(&mut said), &paths), [text("hi"), yes.clone(), yes, zero]);
    let usage = Some(Usage { output_tokens: 7, ..Usage::default() });
    let mut summary = Arc::new(RequestSummary { http_status: 200, usage, ..RequestSummary::default() });
    let paths = ["http_status", "status", "usage/output_tokens", "error/message"];
    let ended = found(CallRef::PostRequest(&mut summary), &paths);
    assert_eq!(ended, [Some(Node::Int(200)), text("success"), Some(Node::Int(7)), None]);
}
