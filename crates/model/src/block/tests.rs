use super::*;
use bytes::Bytes;

fn texts(block: &Block) -> Vec<String> {
    let mut seen = Vec::new();
    block.texts(&mut |text| seen.push(text.to_owned()));
    seen
}

/// One block of each kind that has a text, and the text.
fn with_text() -> Vec<(Block, &'static str)> {
    let tool = Content::ToolUse { id: "t".to_owned(), name: "f".to_owned(), arguments: "{\"a\":1}".to_owned() };
    let thought = Content::Reasoning { text: "hm".to_owned(), signature: Some("s".to_owned()), redacted: None };
    let document = Content::Document { source: MediaSource::Text("page".to_owned()), name: None };
    vec![
        (Block::text("hello"), "hello"),
        (Content::Refusal("no".to_owned()).into(), "no"),
        (thought.into(), "hm"),
        (tool.into(), "{\"a\":1}"),
        (document.into(), "page"),
    ]
}

/// One block of each kind that has none.
fn without_text() -> Vec<Block> {
    let url = "https://example.com/a.png".to_owned();
    vec![
        Content::Image { source: ImageSource::Url(url.clone()), detail: None }.into(),
        Content::Audio { data: "AAAA".to_owned(), format: "wav".to_owned() }.into(),
        Content::Document { source: MediaSource::Url(url), name: None }.into(),
        Content::Reasoning { text: String::new(), signature: None, redacted: Some("x".to_owned()) }.into(),
    ]
}

#[test]
fn every_kind_of_text_is_read_and_replaced() {
    for (mut block, text) in with_text() {
        assert_eq!(block.as_text(), text);
        assert_eq!(texts(&block), [text]);
        assert!(!block.map_texts(&mut |_| None), "{block:?}");
        assert!(block.map_texts(&mut |text| Some(text.to_uppercase())));
        assert_eq!(block.as_text(), text.to_uppercase());
    }
}

#[test]
fn a_block_without_a_text_is_not_visited() {
    for block in without_text() {
        assert_eq!(block.as_text(), "");
        assert!(texts(&block).is_empty(), "{block:?}");
    }
}

#[test]
fn every_string_of_an_unknown_block_is_read_and_replaced() {
    let unknown = serde_json::json!({ "type": "new", "parts": [{ "text": "secret" }, 1] });
    let mut block = Block::from(Content::Other(Raw::from_value(&unknown)));
    assert_eq!(texts(&block), ["new", "secret"]);
    assert!(block.map_texts(&mut |text| (text == "secret").then(|| "***".to_owned())));
    let Content::Other(raw) = &block.content else { panic!("{block:?}") };
    assert_eq!(raw.to_value()["parts"][0]["text"], "***");
}

#[test]
fn texts_inside_a_tool_result_are_read_and_replaced() {
    let inner = Content::ToolResult { id: "u".to_owned(), content: vec![Block::text("deep")], is_error: true };
    let content = vec![Block::text("one"), inner.into(), Block::text("two")];
    let mut block = Block::from(Content::ToolResult { id: "t".to_owned(), content, is_error: false });
    assert_eq!(block.as_text(), "", "it has no text of its own");
    assert_eq!(texts(&block), ["one", "deep", "two"]);
    // One change does not keep the others from being asked for.
    assert!(block.map_texts(&mut |text| (text != "two").then(|| format!("<{text}>"))));
    assert_eq!(texts(&block), ["<one>", "<deep>", "two"]);
}

#[test]
fn what_stands_beside_the_content_survives_an_edit() {
    let mut block = Block::text("a");
    block.extra.push(("cache_control".into(), Raw::from_value(&serde_json::json!({ "type": "ephemeral" }))));
    block.map_texts(&mut |_| Some("b".to_owned()));
    assert_eq!(block.extra.len(), 1);
}

#[test]
fn nothing_of_a_block_that_no_tree_holds_passes_unseen() {
    let raw = Raw::new(r#"{"n":1e999,"a":"sk-1"}"#.into()).unwrap();
    let mut block = Block::from(Content::Other(raw));
    let mut seen = Vec::new();
    block.texts(&mut |text| seen.push(text.to_owned()));
    assert_eq!(seen, [r#"{"n":1e999,"a":"sk-1"}"#]);
    assert!(block.map_texts(&mut |text| text.contains("sk-1").then(|| text.replace("sk-1", "***"))));
    assert_eq!(block, Block::text(r#"{"n":1e999,"a":"***"}"#), "a text, since no more is known of it");
}

#[test]
fn what_a_document_is_called_and_about_is_read_and_replaced() {
    let source = MediaSource::Url("https://example.com/a.pdf".to_owned());
    let extra = [("context", "\"about sk-1\""), ("cache_control", "{\"type\":\"ephemeral\"}")]
        .map(|(name, json)| (name.into(), Raw::new(Bytes::from(json)).unwrap()));
    let content = Content::Document { source: source.clone(), name: Some("sk-1.pdf".to_owned()) };
    let mut block = Block { content, extra: extra.into() };
    assert_eq!(texts(&block), ["sk-1.pdf", "about sk-1"]);
    assert!(!block.map_texts(&mut |_| None));
    assert!(block.map_texts(&mut |text| text.contains("about").then(|| text.replace("sk-1", "***"))));
    assert_eq!(texts(&block), ["sk-1.pdf", "about ***"]);
    assert!(block.map_texts(&mut |text| text.contains("sk-1").then(|| text.replace("sk-1", "***"))));
    assert_eq!(block.content, Content::Document { source, name: Some("***.pdf".to_owned()) });
    assert_eq!(block.extra[1].1.as_str(), "{\"type\":\"ephemeral\"}");
    // What cannot be taken apart is one text.
    let huge = Raw::new(Bytes::from_static(b"[1e999,\"sk-1\"]")).unwrap();
    let mut block = Block { extra: vec![("context".into(), huge)], ..Block::text("hello") };
    assert_eq!(texts(&block), ["hello", "[1e999,\"sk-1\"]"]);
    assert!(block.map_texts(&mut |text| text.contains("sk-1").then(|| "***".to_owned())));
    assert_eq!((block.as_text(), block.extra[0].1.as_str()), ("hello", "\"***\""));
}
