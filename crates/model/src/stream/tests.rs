use super::*;

const THOUGHT: Channel = Channel { choice: 0, block: 1, kind: ChannelKind::Reasoning };

fn of_wire() -> Chunk {
    let parts = [
        Part::Text { channel: THOUGHT, text: "secret".to_owned() },
        Part::Text { channel: Channel::TEXT, text: "public".to_owned() },
        Part::Finish { choice: 0, reason: FinishReason::Stop },
    ];
    Chunk::from_wire(Dialect::OpenAi, Bytes::from_static(b"data: {}\n\n"), parts)
}

#[test]
fn a_replaced_text_makes_a_chunk_edited() {
    let mut chunk = of_wire();
    assert!(chunk.map_texts(|channel, text| (channel == THOUGHT).then(|| text.to_uppercase())));
    assert!(chunk.is_edited());
    let texts: Vec<&Part> = chunk.parts().iter().collect();
    assert_eq!(texts[0], &Part::Text { channel: THOUGHT, text: "SECRET".to_owned() });
    assert_eq!(texts[1..], of_wire().parts()[1..].iter().collect::<Vec<_>>());
}

#[test]
fn a_chunk_in_which_nothing_is_replaced_stays_as_it_came() {
    let mut chunk = of_wire();
    let mut seen = Vec::new();
    let changed = chunk.map_texts(|channel, text| {
        seen.push((channel, text.to_owned()));
        None
    });
    assert!(!changed && !chunk.is_edited());
    assert_eq!(seen, [(THOUGHT, "secret".to_owned()), (Channel::TEXT, "public".to_owned())]);
    assert_eq!(chunk, of_wire());
}

#[test]
fn an_edit_is_remembered_when_the_next_one_changes_nothing() {
    let mut chunk = of_wire();
    chunk.map_texts(|_, _| Some(String::new()));
    assert!(!chunk.map_texts(|_, _| None));
    assert!(chunk.is_edited());
}

#[test]
fn the_bytes_stay_at_hand_after_an_edit_and_in_their_dialect() {
    let mut chunk = of_wire();
    chunk.parts_mut().clear();
    assert!(chunk.is_edited());
    assert_eq!(chunk.wire(Dialect::OpenAi).unwrap(), "data: {}\n\n");
    assert_eq!(chunk.wire(Dialect::Anthropic), None);
}

#[test]
fn a_chunk_that_is_made_here_counts_as_edited() {
    let chunk = Chunk::text(Channel::TEXT, "hi");
    assert!(chunk.is_edited());
    assert_eq!(chunk.wire(Dialect::OpenAi), None);
    assert!(chunk.has(|part| matches!(part, Part::Text { text, .. } if text == "hi")));
    assert!(!chunk.has(|part| matches!(part, Part::Done)));
}

#[test]
fn the_data_of_every_kind_of_event_can_be_edited() {
    let raw = |text: &str| Raw::new(Bytes::copy_from_slice(text.as_bytes())).unwrap();
    let kinds = [
        StreamChunkBody::Text,
        StreamChunkBody::Chat,
        StreamChunkBody::Responses,
        StreamChunkBody::Speech,
        StreamChunkBody::Transcription,
        StreamChunkBody::Image,
        StreamChunkBody::Error,
    ];
    for kind in kinds {
        let mut body = kind(raw("{}"));
        *body.data_mut() = raw("[1]");
        assert_eq!(body.data().as_str(), "[1]");
    }
}

#[test]
fn what_a_chunk_takes_is_what_it_came_in_and_what_it_says() {
    let channel = Channel::TEXT;
    let empty = Chunk::from_parts([]).bytes();
    let parts = [
        Part::Start { id: "0123".to_owned(), model: "456789".to_owned() },
        Part::ToolUse { channel, id: "0123".to_owned(), name: "456789".to_owned() },
        Part::Text { channel, text: "0123456789".to_owned() },
        Part::Signature { channel, signature: "0123456789".to_owned() },
    ];
    for part in parts {
        assert_eq!(Chunk::from_parts([part.clone()]).bytes(), empty + 10, "{part:?}");
        let event = Bytes::from_static(b"data: 0123456789\n\n");
        assert_eq!(Chunk::from_wire(Dialect::OpenAi, event, [part.clone()]).bytes(), empty + 28, "{part:?}");
    }
}
