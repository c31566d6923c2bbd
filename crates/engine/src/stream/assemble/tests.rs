use super::*;
use std::time::{Duration, Instant};

const TEXT: Channel = Channel::TEXT;
const SECOND: Channel = Channel { choice: 1, block: 0, kind: ChannelKind::Text };
const TOOL: Channel = Channel { choice: 0, block: 0, kind: ChannelKind::ToolArguments };
const THOUGHT: Channel = Channel { choice: 0, block: 0, kind: ChannelKind::Reasoning };

fn text(channel: Channel, text: &str) -> Part {
    Part::Text { channel, text: text.to_owned() }
}

fn assembler(parts: impl IntoIterator<Item = Part>) -> Assembler {
    let mut whole = Assembler::default();
    for part in parts {
        whole.push(&Chunk::from_parts([part]));
    }
    whole
}

fn chat(whole: &Assembler) -> ChatResponse {
    whole.finish("p", "asked").chat().cloned().unwrap()
}

#[test]
fn texts_that_alternate_are_put_together_by_channel() {
    let whole = assembler([
        text(THOUGHT, "why"),
        text(TEXT, "Hel"),
        text(SECOND, "Hi"),
        text(THOUGHT, " not"),
        text(TEXT, "lo"),
        text(SECOND, "!"),
    ]);
    assert_eq!([whole.text(THOUGHT), whole.text(TEXT), whole.text(SECOND)], ["why not", "Hello", "Hi!"]);
    assert_eq!(whole.text(TOOL), "");
    let choices = chat(&whole).choices;
    assert_eq!(choices.iter().map(|choice| choice.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(choices[0].message.joined_text(), "why not\nHello", "in the order in which they began");
}

#[test]
fn a_tool_call_and_its_arguments_are_one_block() {
    let begins = |id: &str| Part::ToolUse { channel: TOOL, id: id.to_owned(), name: "find".to_owned() };
    let whole = assembler([begins("a"), text(TOOL, "{\"x\""), text(TOOL, ":1}"), Part::BlockEnd(TOOL)]);
    let blocks = chat(&whole).choices[0].message.blocks().to_vec();
    let expected = Content::ToolUse { id: "a".to_owned(), name: "find".to_owned(), arguments: "{\"x\":1}".to_owned() };
    assert_eq!(blocks, [expected.into()]);
    assert_eq!(chat(&assembler([begins("b")])).choices[0].message.blocks().len(), 1, "arguments may be missing");
}

#[test]
fn calls_that_share_a_number_are_calls_of_their_own() {
    let begins = |id: &str, name: &str| Part::ToolUse { channel: TOOL, id: id.to_owned(), name: name.to_owned() };
    let call = |id: &str, name: &str, arguments: &str| {
        Content::ToolUse { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }.into()
    };
    let whole = assembler([begins("a", "delete"), text(TOOL, "{1}"), begins("b", "now"), text(TOOL, "{2}")]);
    assert_eq!(chat(&whole).choices[0].message.blocks(), [call("a", "delete", "{1}"), call("b", "now", "{2}")]);
    assert_eq!(whole.text(TOOL), "{1}{2}");
}

#[test]
fn what_stands_beside_a_text_is_shown_and_no_block() {
    let whole = assembler([text(TEXT, "It is so."), text(Channel::beside(0), "A source"), text(TEXT, " Yes.")]);
    assert_eq!(chat(&whole).choices[0].message.joined_text(), "It is so. Yes.");
    assert_eq!(whole.texts().len(), 2);
}

#[test]
fn a_signature_comes_in_pieces_too() {
    let piece = |signature: &str| Part::Signature { channel: THOUGHT, signature: signature.to_owned() };
    let whole = assembler([text(THOUGHT, "hm"), piece("ab"), piece("cd")]);
    let expected = Content::Reasoning { text: "hm".to_owned(), signature: Some("abcd".to_owned()), redacted: None };
    assert_eq!(chat(&whole).choices[0].message.blocks(), [expected.into()]);
}

#[test]
fn running_totals_of_usage_are_not_added_up() {
    let usage = |input_tokens, output_tokens| Part::Usage(Usage { input_tokens, output_tokens, ..Usage::default() });
    let whole = assembler([usage(10, 1), usage(0, 5), usage(10, 9)]);
    assert_eq!(chat(&whole).usage, Some(Usage { input_tokens: 10, output_tokens: 9, ..Usage::default() }));
    assert_eq!(chat(&assembler([])).usage, None);
}

#[test]
fn a_choice_that_says_nothing_still_ends() {
    let whole = assembler([
        text(SECOND, "a"),
        Part::Finish { choice: 0, reason: FinishReason::ContentFilter },
        Part::Finish { choice: 1, reason: FinishReason::Stop },
    ]);
    let choices = chat(&whole).choices;
    let ends: Vec<_> = choices.iter().map(|choice| (choice.index, choice.finish.clone())).collect();
    assert_eq!(ends, [(0, Some(FinishReason::ContentFilter)), (1, Some(FinishReason::Stop))]);
    assert!(choices[0].message.blocks().is_empty());
}

#[test]
fn a_stream_that_names_no_model_has_the_one_that_was_asked() {
    assert_eq!(chat(&assembler([])).model, "asked");
    let named = assembler([Part::Start { id: "i".to_owned(), model: "said".to_owned() }]);
    assert_eq!((chat(&named).model.as_str(), chat(&named).id.as_str()), ("said", "i"));
}

#[test]
fn the_texts_of_a_whole_choice_are_those_of_its_blocks() {
    let blocks = [
        Content::Reasoning { text: "hm".to_owned(), signature: None, redacted: None },
        Content::Text("a".to_owned()),
        Content::Text(String::new()),
        Content::Refusal("no".to_owned()),
        Content::ToolUse { id: "t".to_owned(), name: "f".to_owned(), arguments: "{}".to_owned() },
    ];
    let message = Message::new(Role::Assistant, blocks.map(Block::from).into());
    let mut whole = Assembler::default();
    whole.push_choice(&Choice { index: 2, message, finish: None, extra: Extra::new() });
    let texts: Vec<_> =
        whole.texts().into_iter().map(|of| (of.channel.choice, of.channel.block, of.channel.kind, of.text)).collect();
    let expected = [
        (2, 0, ChannelKind::Reasoning, "hm".to_owned()),
        (2, 1, ChannelKind::Text, "a".to_owned()),
        (2, 3, ChannelKind::Refusal, "no".to_owned()),
        (2, 4, ChannelKind::ToolArguments, "{}".to_owned()),
    ];
    assert_eq!(texts, expected);
    assert!(whole.texts().iter().all(|text| text.is_final && !text.released));
}

#[test]
fn all_that_grows_counts() {
    let each = [
        text(TEXT, "12345678"),
        Part::Signature { channel: THOUGHT, signature: "12345678".to_owned() },
        Part::ToolUse { channel: TOOL, id: "1234".to_owned(), name: "5678".to_owned() },
        Part::Finish { choice: 0, reason: FinishReason::Stop },
    ];
    let mut whole = assembler(each.clone());
    for part in each {
        let before = whole.bytes();
        for _ in 0..100 {
            whole.push(&Chunk::from_parts([part.clone()]));
        }
        assert!(whole.bytes() >= before + 800, "{part:?}");
    }
    let before = whole.bytes();
    for block in 0..100 {
        whole.push(&Chunk::from_parts([text(Channel { block, ..SECOND }, "")]));
    }
    assert!(whole.bytes() >= before + 100 * size_of::<Growing>(), "empty blocks take room too");
}

#[test]
fn what_stands_beside_blocks_is_shown_to_hooks_and_is_no_block() {
    let whole = assembler([text(TEXT, "said"), text(Channel::beside(0), "a source"), text(SECOND, "more")]);
    let texts = |response: Response| {
        let mut texts = Vec::new();
        response
            .chat()
            .unwrap()
            .choices
            .iter()
            .for_each(|it| it.message.texts(&mut |text| texts.push(text.to_owned())));
        texts
    };
    assert_eq!(texts(whole.seen("p", "m")), ["said", "a source", "more"]);
    assert_eq!(texts(whole.finish("p", "m")), ["said", "more"]);
}

#[test]
fn an_answer_of_many_blocks_is_read_in_a_time_that_grows_no_faster_than_it() {
    let begun = Instant::now();
    let blocks: Vec<Block> = (0..100_000).map(|_| Block::text("a")).collect();
    let message = Message::new(Role::Assistant, blocks);
    let mut whole = Assembler::default();
    whole.push_choice(&Choice { index: 0, message, finish: None, extra: Extra::new() });
    assert_eq!(whole.texts().len(), 100_000);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// The client's program reads them as they are without.
#[test]
fn arguments_are_shown_without_escapes() {
    let tool = Part::ToolUse { channel: TOOL, id: "1".into(), name: "f".into() };
    let escaped = r#"{"q":"\u0073k-1\n"}"#;
    let whole = assembler([tool.clone(), text(TOOL, &escaped[..8]), text(TOOL, &escaped[8..])]);
    let shown = r#"{"q":"sk-1\n"}"#;
    assert_eq!(whole.texts()[0].text, shown);
    let arguments = |response: Response| match &response.chat().unwrap().choices[0].message.blocks()[0].content {
        Content::ToolUse { arguments, .. } => arguments.clone(),
        other => unreachable!("{other:?}"),
    };
    assert_eq!(arguments(whole.seen("p", "m")), shown);
    assert_eq!(arguments(whole.finish("p", "m")), escaped, "the client gets what was said");
    // Of what is no JSON nothing is known.
    let whole = assembler([tool, text(TOOL, r"\u0041")]);
    assert_eq!(whole.texts()[0].text, r"\u0041");
}
