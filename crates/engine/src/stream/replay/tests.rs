use super::*;
use crate::stream::Assembler;
use gatewright_model::{
    Block, Choice, ErrorKind, Extra, ImageSource, Kind, LlmError, Message, Output, Role, SpeechOutput,
};

fn response(chat: ChatResponse) -> Response {
    Response::from_output(Kind::Chat, "p", "asked", Output::Chat(chat))
}

fn choice(index: u32, blocks: Vec<Content>, finish: Option<FinishReason>) -> Choice {
    let blocks = blocks.into_iter().map(Block::from).collect();
    Choice { index, message: Message::new(Role::Assistant, blocks), finish, extra: Extra::new() }
}

fn everything() -> ChatResponse {
    let thought = |text: &str, signature: Option<&str>| Content::Reasoning {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
        redacted: None,
    };
    let tool = |id: &str| Content::ToolUse {
        id: id.to_owned(),
        name: "find".to_owned(),
        arguments: format!("{{\"for\":\"{id}\"}}"),
    };
    let first = vec![
        thought("Let me see.", Some("signed")),
        Content::Text("Hello ".to_owned()),
        thought("And then?", None),
        Content::Text("world".to_owned()),
        tool("a"),
        tool("b"),
    ];
    ChatResponse {
        id: "r-1".to_owned(),
        model: "said".to_owned(),
        created: None,
        choices: vec![
            choice(0, first, Some(FinishReason::ToolUse)),
            choice(1, vec![Content::Refusal("no".to_owned())], Some(FinishReason::ContentFilter)),
            choice(3, Vec::new(), Some(FinishReason::Length)),
        ],
        usage: Some(Usage { input_tokens: 3, output_tokens: 5, reasoning_tokens: 2, ..Usage::default() }),
        extra: Extra::new(),
    }
}

/// What a stream of these chunks says as a whole.
fn assembled(chunks: &[Chunk]) -> ChatResponse {
    let mut whole = Assembler::default();
    chunks.iter().for_each(|chunk| whole.push(chunk));
    whole.finish("p", "asked").chat().cloned().unwrap()
}

#[test]
fn a_response_comes_back_whole_from_its_stream() {
    let chunks = replay(&response(everything())).unwrap();
    assert_eq!(assembled(&chunks), everything());
}

#[test]
fn a_stream_begins_with_its_start_and_ends_with_its_end() {
    let chunks = replay(&response(everything())).unwrap();
    let start = Part::Start { id: "r-1".to_owned(), model: "said".to_owned() };
    assert_eq!(chunks.first().unwrap().parts(), [start]);
    assert_eq!(chunks.last().unwrap().parts(), [Part::Done]);
    let parts: Vec<&Part> = chunks.iter().flat_map(Chunk::parts).collect();
    for once in [
        |part: &Part| matches!(part, Part::Start { .. }),
        |part: &Part| matches!(part, Part::Usage(_)),
        |part: &Part| matches!(part, Part::Done),
    ] {
        assert_eq!(parts.iter().filter(|part| once(part)).count(), 1);
    }
}

#[test]
fn every_text_of_a_stream_is_ended_before_its_choice() {
    let chunks = replay(&response(everything())).unwrap();
    let mut open = Vec::new();
    for part in chunks.iter().flat_map(Chunk::parts) {
        match part {
            Part::Text { channel, .. } => open.push(*channel),
            Part::BlockEnd(channel) => assert_eq!(open.pop(), Some(*channel)),
            Part::Finish { choice, .. } => assert!(open.is_empty(), "choice {choice}"),
            _ => {}
        }
    }
}

#[test]
fn what_a_response_leaves_out_is_filled_in() {
    let chat =
        ChatResponse { choices: vec![choice(0, vec![Content::Text("a".to_owned())], None)], ..Default::default() };
    let chunks = replay(&response(chat)).unwrap();
    assert!(chunks[0].has(|part| matches!(part, Part::Start { model, .. } if model == "asked")));
    let whole = assembled(&chunks);
    assert_eq!((whole.choices[0].finish.clone(), whole.usage), (Some(FinishReason::Stop), None));
}

#[test]
fn a_picture_has_no_place_in_a_stream() {
    let picture = Content::Image { source: ImageSource::Url("https://example.com".to_owned()), detail: None };
    let chat = ChatResponse {
        choices: vec![choice(0, vec![picture, Content::Text("a".to_owned())], None)],
        ..Default::default()
    };
    let whole = assembled(&replay(&response(chat)).unwrap());
    assert_eq!(whole.choices[0].message.blocks(), [Block::text("a")]);
}

#[test]
fn what_is_no_conversation_cannot_be_streamed() {
    let speech = Response::from_output(Kind::Speech, "p", "m", Output::Speech(SpeechOutput::default()));
    assert_eq!(replay(&speech), None);
}

#[test]
fn an_error_in_a_stream_says_nothing_of_the_whole() {
    let mut chunks = replay(&response(everything())).unwrap();
    let error = LlmError::new(ErrorKind::Upstream, "no");
    chunks.push(Chunk::from_parts([Part::Error(Box::new(error))]));
    assert_eq!(assembled(&chunks), everything());
}
