use super::*;
use gatewright_model::HttpRequest;
use gatewright_plugin::payload::StreamExchange;
use gatewright_plugin::{Access, Manifest};
use http::Method;
use serde_json::json;

fn over(edits: Json) -> Result<Response, Unfit> {
    let edits: ResponseDocument = document::read(&document::write(&edits)).unwrap();
    let base = Response::from_output(Kind::Chat, "p", "m", Output::Chat(ChatResponse::default()));
    edits.over(Some(&base), &View::all())
}

#[test]
fn an_edit_that_is_misspelt_is_refused() {
    let refused = over(json!({ "edited": true, "provider": "p", "model": "m", "ouput": { "chat": {} } }));
    assert_eq!(refused, Err(Unfit::new("`ouput` is no member of an edited response")));
    let edited = over(json!({ "edited": true, "provider": "p", "model": "n", "extra_fields": { "a": 1 } })).unwrap();
    assert_eq!((&*edited.model, edited.extra_fields), ("n", Map::from_iter([("a".to_owned(), json!(1))])));
}

#[test]
fn an_origin_stands_for_one_choice() {
    let choice = |index: u32, message: Json| json!({ "index": index, "message": message });
    let base = |count| {
        let choices = (0..count).map(|index| Choice {
            index,
            message: model::Message::text(model::Role::Assistant, "a"),
            finish: None,
            extra: Extra::new(),
        });
        let chat = ChatResponse { choices: choices.collect(), ..ChatResponse::default() };
        Response::from_output(Kind::Chat, "p", "m", Output::Chat(chat))
    };
    let over = |choices: [Json; 2]| {
        let edits =
            json!({ "edited": true, "provider": "p", "model": "m", "output": { "chat": { "choices": choices } } });
        let edits: ResponseDocument = document::read(&document::write(&edits)).unwrap();
        edits.over(Some(&base(2)), &View::all())
    };
    over([choice(0, json!({ "origin": 1 })), choice(1, json!({ "origin": 0 }))]).unwrap();
    let refused = over([choice(0, json!({ "origin": 1 })), choice(1, json!({ "origin": 1 }))]);
    assert_eq!(refused, Err(Unfit::new("two choices name the same origin: leave it out of one of them")));
}

/// What a plugin that may only read proposes in the place of this.
fn read_only(result: LlmResult, edits: &ResultEdits) -> Result<LlmResult, Unfit> {
    let view = View::of(&Manifest::new("p", "1").messages(Access::Ro));
    let mut draft = Draft::from(result);
    let edits = document::read(&document::write(edits)).unwrap();
    draft.apply(edits, &view).map(|()| draft.into_inner())
}

#[test]
fn who_only_reads_puts_no_other_answer_in_the_place_of_one() {
    let (came, other) = (Response::of_text("p", "m", "no"), Response::of_text("p", "m", "yes"));
    let error = LlmError::new(gatewright_model::ErrorKind::Upstream, "down");
    let answers = || ResultEdits::Response(ResponseDocument::of(&other));
    for result in [
        LlmResult::Response(came.clone()),
        LlmResult::StreamEnd(came.clone()),
        LlmResult::Chunk(Chunk::text(model::Channel::TEXT, "no")),
    ] {
        read_only(result, &answers()).unwrap_err();
    }
    read_only(LlmResult::Error(error.clone()), &answers()).unwrap();
    read_only(LlmResult::Response(came), &ResultEdits::Error(error)).unwrap();
}

#[test]
fn who_asks_for_no_messages_sees_no_texts_of_a_stream() {
    let view = View::of(&Manifest::new("p", "1").messages(Access::None));
    let channel = model::Channel::TEXT;
    let parts = [
        model::Part::Text { channel, text: "secret".to_owned() },
        model::Part::Signature { channel, signature: "secret".to_owned() },
        model::Part::Done,
    ];
    let heads = |view: &View| {
        let raw = model::Raw::from_value(&json!({ "choices": "secret" }));
        let request = HttpRequest::new(Method::POST, "/".to_owned(), Vec::new(), model::Headers::default(), Vec::new());
        let chunk = model::StreamChunk { event: None, body: model::StreamChunkBody::Chat(raw) };
        let text = ChannelText { channel, text: "secret".to_owned(), is_final: false, released: false };
        [
            Draft::from(LlmResult::Chunk(Chunk::from_parts(parts.clone()))).head(view),
            Draft::from(text).head(view),
            StreamExchange { request: Arc::new(request), chunk: chunk.into() }.head(view),
        ]
    };
    let found = |head: &Vec<u8>| head.windows(6).any(|bytes| bytes == b"secret");
    assert!(heads(&View::all()).iter().all(found));
    assert!(!heads(&view).iter().any(found));
    let done = Chunk::from_parts([model::Part::Done]);
    assert_eq!(
        document::read::<ResultHead<'_>>(&heads(&view)[0])
            .map(|head| matches!(head, ResultHead::Chunk(parts) if *parts == *done.parts())),
        Ok(true)
    );
}

#[test]
fn lists_and_maps_tell_how_long_they_are() {
    let headers: model::Headers = serde_json::from_value(json!([["a", "b"]])).unwrap();
    let made = Response::from_output(Kind::Chat, "p", "m", Output::Chat(ChatResponse::default()));
    let mut more = ResponseDocument::of(&made);
    more.edited = true;
    more.head.extra_fields.to_mut().insert("a".to_owned(), json!(1));
    // 0x9f and 0xbf begin those that do not.
    assert_eq!(document::write(&headers)[0], 0x81);
    for (response, members) in [(ResponseDocument::of(&made), 4), (more, 6)] {
        let document = document::write(&response);
        assert_eq!(document[0], 0xa0 + members);
        let back: ResponseDocument = document::read(&document).unwrap();
        assert_eq!(document::write(&back), document);
    }
}
