use super::*;
use crate::{Content, MediaSource};
use bytes::Bytes;

/// A message as a codec makes it: `extra` and the raw text beside what it says.
fn of_wire(role: Role, text: &str) -> Message {
    let raw = Raw::from_value(&serde_json::json!({ "role": role.as_str(), "content": text, "cache": true }));
    let extra = vec![("cache".into(), Raw::from_value(&true.into()))];
    Message::text(role, text).with_wire(Some("ann".to_owned()), extra, Dialect::OpenAi, raw)
}

fn three() -> Messages {
    [(Role::System, "Be kind."), (Role::User, "My key is sk-1."), (Role::Assistant, "Noted.")]
        .map(|(role, text)| of_wire(role, text))
        .into_iter()
        .collect()
}

/// Which messages still have their raw text.
fn raws(messages: &Messages) -> Vec<bool> {
    messages.iter().map(|message| message.raw(Dialect::OpenAi).is_some()).collect()
}

/// Which messages of two lists share their storage.
fn shared(one: &Messages, other: &Messages) -> Vec<bool> {
    one.iter().zip(other.iter()).map(|(one, other)| std::ptr::eq(one, other)).collect()
}

#[test]
fn an_edit_of_one_message_keeps_the_raw_text_of_the_others() {
    let before = three();
    let mut edited = before.clone();
    assert!(edited.same(&before));
    edited.get_mut(1).unwrap().blocks_mut().push(Block::text("More."));
    assert!(!edited.same(&before));
    assert_eq!(raws(&edited), [true, false, true]);
    assert_eq!(shared(&edited, &before), [true, false, true], "only the edited one is copied");
    assert_eq!(raws(&before), [true, true, true], "the list that was copied is as it was");
    assert_eq!(before.get(1).unwrap().joined_text(), "My key is sk-1.");
}

#[test]
fn a_message_is_edited_in_place_when_nobody_shares_it() {
    let mut messages = three();
    let at = messages.get(0).unwrap() as *const Message;
    messages.get_mut(0).unwrap().set_role(Role::Developer);
    assert_eq!(messages.get(0).unwrap() as *const Message, at);
}

#[test]
fn an_edited_message_keeps_what_the_model_has_no_field_for() {
    let mut messages = three();
    messages.get_mut(0).unwrap().set_role(Role::Developer);
    let message = messages.get(0).unwrap();
    assert_eq!((message.role(), message.name()), (Role::Developer, Some("ann")));
    assert_eq!(message.extra().len(), 1);
    assert!(message.raw(Dialect::OpenAi).is_none());
}

#[test]
fn the_raw_text_is_that_of_one_dialect() {
    let message = of_wire(Role::User, "Hi");
    assert!(message.raw(Dialect::OpenAi).is_some());
    assert!(message.raw(Dialect::Anthropic).is_none());
    assert!(Message::text(Role::User, "Hi").raw(Dialect::OpenAi).is_none());
}

#[test]
fn texts_are_replaced_only_where_they_change() {
    let before = three();
    let mut messages = before.clone();
    let mut roles = Vec::new();
    let changed = messages.map_texts(|of, text| {
        roles.push(of.role);
        text.contains("sk-").then(|| text.replace("sk-1", "[KEY]"))
    });
    assert!(changed);
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant]);
    assert_eq!(raws(&messages), [true, false, true]);
    assert_eq!(shared(&messages, &before), [true, false, true]);
    assert_eq!(messages.get(1).unwrap().joined_text(), "My key is [KEY].");
    assert_eq!(before.get(1).unwrap().joined_text(), "My key is sk-1.");
}

#[test]
fn a_replacement_of_nothing_copies_nothing() {
    let before = three();
    let mut messages = before.clone();
    assert!(!messages.map_texts(|_, _| None));
    assert!(messages.same(&before));
}

#[test]
fn messages_are_put_in_and_taken_out_beside_the_others() {
    let before = three();
    let mut messages = before.clone();
    messages.insert(0, Message::text(Role::System, "First."));
    messages.insert(99, Message::text(Role::User, "Last."));
    messages.push(Message::text(Role::Tool, "Very last."));
    assert_eq!(raws(&messages), [false, true, true, true, false, false]);
    messages.retain(|message| message.role() != Role::System);
    let texts: Vec<String> = messages.iter().map(Message::joined_text).collect();
    assert_eq!(texts, ["My key is sk-1.", "Noted.", "Last.", "Very last."]);
    assert_eq!(before.len(), 3);
    assert!(messages.get_mut(4).is_none() && messages.get(4).is_none());
}

#[test]
fn where_a_message_came_from_does_not_count() {
    let mut other = of_wire(Role::User, "Hi");
    other.source = Some(Source::Raw(Dialect::Anthropic, Raw::new(Bytes::from_static(b"{}")).unwrap()));
    assert_eq!(of_wire(Role::User, "Hi"), other);
    assert_ne!(of_wire(Role::User, "Hi"), of_wire(Role::User, "Ho"));
    assert_ne!(of_wire(Role::User, "Hi"), Message::text(Role::User, "Hi"), "name and extra do");
}

#[test]
fn a_message_joins_all_its_texts() {
    let result = Content::ToolResult { id: "t".to_owned(), content: vec![Block::text("inner")], is_error: false };
    let message = Message::new(Role::User, vec![Block::text("a"), result.into(), Block::text(""), Block::text("b")]);
    assert_eq!(message.joined_text(), "a\ninner\nb");
}

#[test]
fn what_is_visited_is_what_may_be_replaced_by_its_place() {
    let result =
        Content::ToolResult { id: "t".into(), content: vec![Block::text(""), Block::text("found")], is_error: false };
    let other =
        Content::Other(Raw::from_value(&serde_json::json!({ "a": ["deep", ""], "b": { "c": "deeper" }, "n": 1 })));
    let nothing = Content::Other(Raw::default());
    let blocks = [Content::Text("first".into()), Content::Text(String::new()), nothing, result, other].map(Block::from);
    let mut messages: Messages =
        vec![Message::new(Role::User, blocks.into()), Message::text(Role::Assistant, "last")].into();
    let visited = |messages: &Messages| {
        let mut all = Vec::new();
        messages.texts(|of, text| all.push((of, text.to_owned())));
        all
    };
    let before = visited(&messages);
    assert_eq!(
        before.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
        ["first", "found", "deep", "deeper", "last"]
    );
    assert_eq!(before.iter().map(|(of, _)| of.message).collect::<Vec<_>>(), [0, 0, 0, 0, 1]);
    assert_eq!(before[4].0, TextOf { role: Role::Assistant, message: 1 });
    let mut mapped = Vec::new();
    messages.clone().map_texts(|of, text| {
        mapped.push((of, text.to_owned()));
        None
    });
    assert_eq!(mapped, before);
    assert!(messages.replace_texts(vec![(1, "FOUND".into()), (3, "DEEPER".into()), (4, "LAST".into())]));
    let after: Vec<_> = visited(&messages).into_iter().map(|(_, text)| text).collect();
    assert_eq!(after, ["first", "FOUND", "deep", "DEEPER", "LAST"]);
    for wrong in [vec![(5, "no such".into())], vec![(1, "not".into()), (0, "in order".into())]] {
        assert!(!messages.replace_texts(wrong));
    }
}

#[test]
fn what_is_for_programs_alone_in_a_thought_is_no_text_of_it() {
    let details = serde_json::json!([{ "type": "t", "id": "1", "text": "hm", "signature": "s" }, { "data": "d" }]);
    let extra = vec![("reasoning_details".into(), Raw::from_value(&details))];
    let raw = Raw::from_value(&serde_json::json!({}));
    let message = Message::new(Role::Assistant, Vec::new()).with_wire(None, extra, Dialect::OpenAi, raw);
    let mut said = Vec::new();
    message.texts(&mut |text| said.push(text.to_owned()));
    assert_eq!(said, ["hm"]);
    let edited = message.mapped(&mut |_| Some("***".to_owned())).unwrap();
    let expected = serde_json::json!([{ "type": "t", "id": "1", "text": "***", "signature": "s" }, { "data": "d" }]);
    assert_eq!(edited.extra()[0].1.parsed(), Some(expected));
}

#[test]
fn the_sources_of_what_is_said_are_texts_behind_those_of_the_blocks() {
    let json = |value: serde_json::Value| Raw::from_value(&value);
    let citation = serde_json::json!([{ "type": "char_location", "cited_text": "sk-1", "file_id": "f" }]);
    let cited = Block { extra: vec![("citations".into(), json(citation))], ..Block::text("So it is.") };
    let annotation =
        serde_json::json!([{ "type": "url_citation", "url_citation": { "title": "sk-1", "start_index": 0 } }]);
    let extra = vec![("annotations".into(), json(annotation))];
    let message = Message::new(Role::Assistant, vec![cited, Block::text("Yes.")]);
    let message = message.with_wire(None, extra, Dialect::OpenAi, json(serde_json::json!({})));
    let said = |message: &Message| {
        let mut said = Vec::new();
        message.texts(&mut |text| said.push(text.to_owned()));
        said
    };
    assert_eq!(said(&message), ["So it is.", "Yes.", "sk-1", "sk-1"]);
    let mut mapped = Vec::new();
    assert!(
        message
            .mapped(&mut |text| {
                mapped.push(text.to_owned());
                None
            })
            .is_none()
    );
    assert_eq!(mapped, said(&message));
    let edited = message.mapped(&mut |text| Some(text.replace("sk-1", "***"))).unwrap();
    assert_eq!(said(&edited), ["So it is.", "Yes.", "***", "***"]);
    let citation = serde_json::json!([{ "type": "char_location", "cited_text": "***", "file_id": "f" }]);
    assert_eq!(edited.blocks()[0].extra[0].1.parsed(), Some(citation));
}

#[test]
fn what_stands_under_the_name_of_a_field_is_a_text() {
    let extra = ["content", "refusal", "tool_calls"].map(|name| (name.into(), Raw::from_value(&"sk-1".into())));
    let message = Message::text(Role::Assistant, "a").with_extra(extra.to_vec());
    let mut said = Vec::new();
    message.texts(&mut |text| said.push(text.to_owned()));
    assert_eq!(said, ["a", "sk-1", "sk-1", "sk-1"]);
}

#[test]
fn the_sources_in_a_result_are_texts() {
    let citations = Raw::from_value(&serde_json::json!([{ "cited_text": "sk-1" }]));
    let cited = Block { extra: vec![("citations".into(), citations)], ..Block::text("a") };
    let result = Content::ToolResult { id: String::new(), content: vec![cited], is_error: false };
    let message = Message::new(Role::Tool, vec![result.into()]);
    let said = |message: &Message| {
        let mut said = Vec::new();
        message.texts(&mut |text| said.push(text.to_owned()));
        said
    };
    assert_eq!(said(&message), ["a", "sk-1"]);
    let edited = message.mapped(&mut |text| (text == "sk-1").then(|| "***".to_owned())).unwrap();
    assert_eq!(said(&edited), ["a", "***"]);
}

#[test]
fn a_title_is_a_text_before_what_it_is_of() {
    let source = MediaSource::Text("b".to_owned());
    let message = Message::new(Role::User, vec![Content::Document { source, name: Some("a".to_owned()) }.into()]);
    let (mut said, mut asked) = (Vec::new(), Vec::new());
    message.texts(&mut |text| said.push(text.to_owned()));
    message.mapped(&mut |text| {
        asked.push(text.to_owned());
        None
    });
    assert_eq!((said, asked), (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned(), "b".to_owned()]));
}
