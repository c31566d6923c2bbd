use crate::{
    ANTHROPIC,
    sse::Framer,
    tests::{chunks, events, legal, streamed},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{Channel, ChannelKind, Chunk, Codec, Dialect, ErrorKind, FinishReason, LlmError, Part, Usage};
use serde_json::json;

fn event(name: &str, rest: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n")
}

fn delta(index: u32, delta: &str) -> String {
    event("content_block_delta", &format!(",\"index\":{index},\"delta\":{delta}"))
}

fn start(index: u32, block: &str) -> String {
    event("content_block_start", &format!(",\"index\":{index},\"content_block\":{block}"))
}

fn stop(index: u32) -> String {
    event("content_block_stop", &format!(",\"index\":{index}"))
}

/// Thinking, text, a tool, a tool of the provider's own, with members that nobody knows.
fn full() -> String {
    [
        event("message_start", r#","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1},"future":1}"#),
        start(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        event("ping", ""),
        delta(0, r#"{"type":"thinking_delta","thinking":"Let me see."}"#),
        delta(0, r#"{"type":"signature_delta","signature":"c2ln"}"#),
        stop(0),
        start(1, r#"{"type":"text","text":""}"#),
        delta(1, r#"{"type":"text_delta","text":"Hello"}"#),
        delta(1, r#"{"type":"text_delta","text":" w\u00f6rld","future":true}"#),
        delta(1, r#"{"type":"citations_delta","citation":{"cited_text":"x"}}"#),
        stop(1),
        start(2, r#"{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}"#),
        delta(2, r#"{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}"#),
        stop(2),
        start(3, r#"{"type":"tool_use","id":"toolu_1","name":"f","input":{}}"#),
        delta(3, r#"{"type":"input_json_delta","partial_json":""}"#),
        delta(3, r#"{"type":"input_json_delta","partial_json":"{\"a\":1}"}"#),
        stop(3),
        event("message_delta", r#","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9},"future":1"#),
        event("message_stop", ""),
    ]
    .concat()
}

/// Where the citations of block 1 are told.
const BESIDE: u32 = u32::MAX - 1;

/// Whether a chunk ends block 1.
fn ends_text(chunk: &Chunk) -> bool {
    chunk.has(|part| *part == Part::BlockEnd(channel(1, ChannelKind::Text)))
}

fn channel(block: u32, kind: ChannelKind) -> Channel {
    Channel { choice: 0, block, kind }
}

fn text(block: u32, kind: ChannelKind, text: &str) -> Part {
    Part::Text { channel: channel(block, kind), text: text.into() }
}

fn parts(stream: &str) -> Vec<Part> {
    chunks(Dialect::Anthropic, stream).iter().flat_map(|chunk| chunk.parts().to_vec()).collect()
}

#[test]
fn decodes_everything() {
    use ChannelKind::*;
    let said = [
        Part::Start { id: "msg_1".into(), model: "claude".into() },
        Part::Usage(Usage { input_tokens: 15, output_tokens: 1, cache_read_tokens: 5, ..Usage::default() }),
        text(0, Reasoning, "Let me see."),
        Part::Signature { channel: channel(0, Reasoning), signature: "c2ln".into() },
        Part::BlockEnd(channel(0, Reasoning)),
        text(1, Text, "Hello"),
        text(1, Text, " wörld"),
        text(BESIDE, Text, "x"),
        Part::BlockEnd(channel(1, Text)),
        Part::BlockEnd(channel(BESIDE, Text)),
        text(2, ToolArguments, "{\"query\":\"x\"}"),
        Part::BlockEnd(channel(2, ToolArguments)),
        Part::ToolUse { channel: channel(3, ToolArguments), id: "toolu_1".into(), name: "f".into() },
        text(3, ToolArguments, "{\"a\":1}"),
        Part::BlockEnd(channel(3, ToolArguments)),
        Part::Finish { choice: 0, reason: FinishReason::ToolUse },
        Part::Usage(Usage { output_tokens: 9, ..Usage::default() }),
        Part::Done,
    ];
    assert_eq!(parts(&full()), said);
}

#[test]
fn unedited_is_byte_for_byte() {
    legal(&full());
    assert_eq!(streamed(Dialect::Anthropic, true, &chunks(Dialect::Anthropic, &full())), full());
    let crlf = full().replace('\n', "\r\n");
    assert_eq!(streamed(Dialect::Anthropic, true, &chunks(Dialect::Anthropic, &crlf)), crlf);
}

#[test]
fn the_cut_of_the_bytes_does_not_matter() {
    let stream = full();
    for cut in 0..stream.len() {
        let (mut framer, mut decoder) = (Framer::new(), ANTHROPIC.stream_decoder());
        let mut encoder = ANTHROPIC.stream_encoder("m", true);
        let mut out = BytesMut::new();
        for piece in [&stream.as_bytes()[..cut], &stream.as_bytes()[cut..]] {
            framer.feed(Bytes::copy_from_slice(piece));
            while let Some(event) = framer.next().unwrap() {
                encoder.encode(&decoder.decode(event).unwrap(), &mut out);
            }
        }
        assert_eq!(out, stream, "cut at {cut}");
    }
}

#[test]
fn edited_texts_are_put_in_place() {
    let mut all = chunks(Dialect::Anthropic, &full());
    for chunk in &mut all {
        chunk.map_texts(|_, text| Some(text.to_uppercase()));
    }
    let expected = full()
        .replace("\"Let me see.\"", "\"LET ME SEE.\"")
        .replace("\"Hello\"", "\"HELLO\"")
        .replace("\" w\\u00f6rld\"", "\" WÖRLD\"")
        .replace("\"cited_text\":\"x\"", "\"cited_text\":\"X\"")
        .replace("{\\\"query\\\":\\\"x\\\"}", "{\\\"QUERY\\\":\\\"X\\\"}")
        .replace("{\\\"a\\\":1}", "{\\\"A\\\":1}");
    assert_eq!(streamed(Dialect::Anthropic, true, &all), expected);
}

#[test]
fn events_that_have_nothing_left_to_say_are_not_sent() {
    let mut all = chunks(Dialect::Anthropic, &full());
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, _| Some(String::new()));
    });
    let out = streamed(Dialect::Anthropic, true, &all);
    let deltas = legal(&out).iter().filter(|(name, _)| name == "content_block_delta").count();
    // The signature, and the one that was empty as it came.
    assert_eq!(deltas, 2, "{out}");
}

#[test]
fn released_text_goes_into_its_block() {
    let mut all = chunks(Dialect::Anthropic, &full());
    let at = all.iter().position(ends_text).unwrap();
    all.insert(at, Chunk::text(channel(1, ChannelKind::Text), "held back"));
    let out = streamed(Dialect::Anthropic, true, &all);
    let released = &legal(&out)[at].1;
    assert_eq!(
        *released,
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "held back"}})
    );
}

#[test]
fn text_outside_of_its_block_gets_one_and_the_later_numbers_move() {
    let mut all = chunks(Dialect::Anthropic, &full());
    let at = all.iter().position(ends_text).unwrap();
    all.insert(at + 1, Chunk::text(channel(1, ChannelKind::Text), "late"));
    all.insert(0, Chunk::text(Channel::TEXT, "early"));
    let out = streamed(Dialect::Anthropic, true, &all);
    let starts: Vec<_> = legal(&out).into_iter().filter(|(name, _)| name == "content_block_start").collect();
    let kinds: Vec<_> = starts.iter().map(|(_, data)| data["content_block"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "thinking", "text", "text", "server_tool_use", "tool_use"]);
    assert!(out.contains("\"future\":true") && out.contains("\"citation\":{\"cited_text\":\"x\"}"));
}

#[test]
fn a_block_whose_start_was_dropped_gets_another() {
    let mut all = chunks(Dialect::Anthropic, &full());
    all.retain(|chunk| !chunk.wire(Dialect::Anthropic).unwrap().starts_with(b"event: content_block_start"));
    legal(&streamed(Dialect::Anthropic, true, &all));
    all.retain(|chunk| !chunk.has(|part| matches!(part, Part::Start { .. } | Part::Finish { .. })));
    let out = streamed(Dialect::Anthropic, true, &all);
    let events = legal(&out);
    assert_eq!(events[0].1["message"]["model"], "made-up");
    assert_eq!(events[events.len() - 2].1["delta"]["stop_reason"], "end_turn");
}

#[test]
fn other_edits_are_written_anew() {
    let mut all = chunks(Dialect::Anthropic, &full());
    for chunk in &mut all {
        for part in chunk.parts_mut().iter_mut() {
            match part {
                Part::Finish { reason, .. } => *reason = FinishReason::StopSequence(Some("X".into())),
                Part::ToolUse { name, .. } => *name = "g".into(),
                _ => {}
            }
        }
    }
    let out = streamed(Dialect::Anthropic, true, &all);
    let events = legal(&out);
    assert!(out.contains("\"name\":\"g\"") && !out.contains("\"name\":\"f\""));
    let delta = &events[events.len() - 2].1;
    assert_eq!(delta["delta"], json!({"stop_reason": "stop_sequence", "stop_sequence": "X"}));
    assert_eq!((&delta["usage"]["output_tokens"], &delta["usage"]["cache_read_input_tokens"]), (&json!(9), &json!(5)));
}

#[test]
fn chunks_made_here_are_a_legal_stream() {
    let tool = channel(2, ChannelKind::ToolArguments);
    let all = [
        Chunk::text(Channel::TEXT, "Hi"),
        Chunk::from_parts([
            text(0, ChannelKind::Reasoning, "hm"),
            Part::ToolUse { channel: tool, id: "t".into(), name: "f".into() },
            text(2, ChannelKind::ToolArguments, "{}"),
            text(0, ChannelKind::Text, " again"),
        ]),
        Chunk::from_parts([Part::Done]),
    ];
    let events = legal(&streamed(Dialect::Anthropic, true, &all));
    let kinds: Vec<_> = events.iter().filter_map(|(_, data)| data["content_block"]["type"].as_str()).collect();
    assert_eq!(kinds, ["text", "thinking", "tool_use", "text"]);
    assert!(events[0].1["message"]["id"].as_str().unwrap().starts_with("msg_"));
    let nothing = legal(&streamed(Dialect::Anthropic, true, &[Chunk::from_parts([Part::Done])]));
    assert_eq!(nothing.len(), 3);
}

#[test]
fn a_call_that_was_made_here_is_to_be_made_if_it_is_complete() {
    let tool = channel(0, ChannelKind::ToolArguments);
    let reason = |call: &[Part]| {
        let stop = Part::Finish { choice: 0, reason: FinishReason::Stop };
        let all = [Chunk::from_parts(call.to_vec()), Chunk::from_parts([stop]), Chunk::from_parts([Part::Done])];
        let events = legal(&streamed(Dialect::Anthropic, true, &all));
        events[events.len() - 2].1["delta"]["stop_reason"].clone()
    };
    let begun = Part::ToolUse { channel: tool, id: "t".into(), name: "f".into() };
    assert_eq!(reason(&[begun.clone(), text(0, ChannelKind::ToolArguments, "{}"), Part::BlockEnd(tool)]), "tool_use");
    assert_eq!(reason(&[begun, text(0, ChannelKind::ToolArguments, "{")]), "end_turn");
    assert_eq!(reason(&[text(0, ChannelKind::Text, "x")]), "end_turn");
    // The dialect's own word stays, also where the event is written anew.
    let mut own =
        chunks(Dialect::Anthropic, &full().replace("\"stop_reason\":\"tool_use\"", "\"stop_reason\":\"end_turn\""));
    own.iter_mut()
        .filter(|chunk| chunk.has(|part| matches!(part, Part::ToolUse { .. } | Part::Finish { .. })))
        .for_each(|chunk| {
            chunk.parts_mut().retain(|part| !matches!(part, Part::Usage(_)));
            chunk.parts_mut().iter_mut().for_each(|part| {
                if let Part::ToolUse { name, .. } = part {
                    *name = "g".into();
                }
            });
        });
    let out = streamed(Dialect::Anthropic, true, &own);
    assert!(out.contains("\"name\":\"g\"") && out.contains("\"stop_reason\":\"end_turn\""), "{out}");
}

#[test]
fn errors() {
    let mut encoder = ANTHROPIC.stream_encoder("m", true);
    let mut out = BytesMut::new();
    encoder.encode_error(&LlmError::new(ErrorKind::GuardrailBlocked, "no"), "r1", &mut out);
    let length = out.len();
    encoder.encode(&Chunk::from_parts([Part::Done]), &mut out);
    encoder.encode_error(&LlmError::new(ErrorKind::GuardrailBlocked, "no"), "r1", &mut out);
    assert_eq!(out.len(), length);
    let error = json!({"type": "error", "error": {"type": "guardrail_blocked", "message": "no"}, "request_id": "r1"});
    assert_eq!(events(std::str::from_utf8(&out).unwrap()), [("error".to_owned(), error)]);

    for stream in [
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        "data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    ] {
        match chunks(Dialect::Anthropic, stream)[0].parts() {
            [Part::Error(error)] => assert_eq!((error.kind, &*error.message), (ErrorKind::Overloaded, "Overloaded")),
            parts => panic!("{parts:?}"),
        }
        assert_eq!(streamed(Dialect::Anthropic, true, &chunks(Dialect::Anthropic, stream)), stream);
    }
    let mut decoder = ANTHROPIC.stream_decoder();
    assert!(decoder.decode(Bytes::from_static(b"data: <html>\n\n")).is_err());
    assert!(decoder.decode(Bytes::from_static(b"data: \xff\n\n")).is_err());
    let unnumbered = b"data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n";
    assert!(decoder.decode(Bytes::from_static(unnumbered)).is_err());
    assert_eq!(decoder.decode(Bytes::from_static(b"data: [DONE]\n\n")).unwrap().parts(), []);
}

#[test]
fn a_whole_input_at_once_can_be_edited() {
    let stream = [start(0, r#"{"type":"tool_use","id":"t","name":"f","input":{"a":1}}"#), stop(0)].concat();
    let mut all = chunks(Dialect::Anthropic, &stream);
    assert_eq!(all[0].parts()[1], text(0, ChannelKind::ToolArguments, "{\"a\":1}"));
    all[0].map_texts(|_, _| Some("{\"a\":2}".into()));
    let events = legal(&streamed(Dialect::Anthropic, true, &all));
    assert_eq!(events[2].1["delta"]["partial_json"], "{\"a\":2}");
}

#[test]
fn what_a_tool_of_the_provider_found_is_text() {
    let found = r#"{"type":"web_fetch_tool_result","tool_use_id":"srv_1","content":{"type":"x","url":"https://a.test","content":{"source":{"data":"The key is sk-1."},"title":null,"encrypted_index":"Zm9v","id":"x","n":[1,"\u00e9",""]}}}"#;
    let stream = [
        event("message_start", r#","message":{"id":"msg_1","model":"claude","content":[]}"#),
        start(0, found),
        stop(0),
        event("message_delta", r#","delta":{"stop_reason":"end_turn"}"#),
        event("message_stop", ""),
    ]
    .concat();
    let mut all = chunks(Dialect::Anthropic, &stream);
    let said = ["https://a.test", "The key is sk-1.", "é"].map(|said| text(0, ChannelKind::Text, said));
    assert_eq!(all[1].parts(), said);
    assert_eq!(streamed(Dialect::Anthropic, true, &all), stream);
    let for_openai = |all: &[Chunk]| {
        let mut encoder = crate::OPENAI.stream_encoder("m", true);
        let out = crate::tests::encode_all(&mut *encoder, all);
        (out.contains("a.test"), crate::tests::names(&encoder.take_dropped()))
    };
    let without = (false, vec!["content.web_fetch_tool_result".to_owned()]);
    assert_eq!(for_openai(&all), without);
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, text| Some(text.replace("sk-1", "***")));
    });
    assert_eq!(streamed(Dialect::Anthropic, true, &all), stream.replace("sk-1", "***"));
    assert_eq!(for_openai(&all), without);
    // However deep they stand in each other, nothing is gone down into without end.
    let deep = start(0, &format!("{{\"type\":\"x\",\"a\":{}1{}}}", "[".repeat(60_000), "]".repeat(60_000)));
    assert!(ANTHROPIC.stream_decoder().decode(Bytes::from(deep)).is_err());
}

#[test]
fn a_delta_of_an_unknown_type_is_read() {
    let cited = r#"{"type":"citations_delta","citation":{"type":"web","cited_text":"The key is sk-1.","document_index":0,"encrypted_index":"Zm9v","file_id":"f"}}"#;
    let stream = [
        event("message_start", r#","message":{"id":"msg_1","model":"claude","content":[]}"#),
        start(1, r#"{"type":"text","text":""}"#),
        delta(1, r#"{"type":"text_delta","text":"Hel"}"#),
        delta(1, cited),
        delta(1, r#"{"type":"text_delta","text":"lo"}"#),
        delta(1, cited),
        stop(1),
        event("message_delta", r#","delta":{"stop_reason":"end_turn"}"#),
        event("message_stop", ""),
    ]
    .concat();
    let mut all = chunks(Dialect::Anthropic, &stream.replace("\"index\":1", "\"index\":0"));
    let beside = channel(u32::MAX, ChannelKind::Text);
    // Not between the words of the answer.
    assert_eq!(all[3].parts(), [Part::Text { channel: beside, text: "The key is sk-1.".into() }]);
    assert_eq!(all[6].parts(), [Part::BlockEnd(Channel::TEXT), Part::BlockEnd(beside)]);
    all = chunks(Dialect::Anthropic, &stream);
    let renumbered = stream.replace("\"index\":1", "\"index\":0");
    assert_eq!(streamed(Dialect::Anthropic, true, &all), renumbered);
    let for_openai = |all: &[Chunk]| {
        let mut encoder = crate::OPENAI.stream_encoder("m", true);
        let out = crate::tests::encode_all(&mut *encoder, all);
        (out.contains("The key"), crate::tests::names(&encoder.take_dropped()))
    };
    let without = (false, vec!["content.citations_delta".to_owned()]);
    assert_eq!(for_openai(&all), without);
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, text| Some(text.replace("sk-1", "***")));
    });
    let out = streamed(Dialect::Anthropic, true, &all);
    legal(&out);
    assert_eq!(out, renumbered.replace("sk-1", "***"));
    assert_eq!(for_openai(&all), without);
    // Without its block it is no answer's text.
    all.retain(|chunk| !chunk.wire(Dialect::Anthropic).unwrap().starts_with(b"event: content_block_start"));
    let mut encoder = ANTHROPIC.stream_encoder("m", true);
    all.remove(1);
    let out = crate::tests::encode_all(&mut *encoder, &all[..2]);
    assert_eq!((out.contains("The key"), crate::tests::names(&encoder.take_dropped())), without);
}

#[test]
fn a_stream_may_not_open_blocks_without_end() {
    let begun = std::time::Instant::now();
    let mut decoder = ANTHROPIC.stream_decoder();
    let refused = (0..1_000_000).find_map(|index| {
        let event = start(index, r#"{"type":"text","text":""}"#);
        decoder.decode(Bytes::from(event)).err().map(|error| (index, error.to_string()))
    });
    assert_eq!(refused, Some((4096, "the stream has more than 4096 blocks open at once".to_owned())));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    // As many as it likes one after the other.
    let mut decoder = ANTHROPIC.stream_decoder();
    for index in 0..5000 {
        for event in [start(index, r#"{"type":"text","text":""}"#), stop(index)] {
            decoder.decode(Bytes::from(event)).unwrap();
        }
    }
}

#[test]
fn a_block_of_a_number_that_is_none_is_refused() {
    let delta = r#"{"type":"content_block_delta","index":4000000000,"delta":{"type":"text_delta","text":"a"}}"#;
    let event = Bytes::from(format!("event: content_block_delta\ndata: {delta}\n\n"));
    assert!(ANTHROPIC.stream_decoder().decode(event).is_err());
}

#[test]
fn what_a_block_begins_with_is_read() {
    let source =
        start(0, r#"{"type":"text","text":"","citations":[{"type":"char_location","cited_text":"a secret"}]}"#);
    assert_eq!(parts(&source), [Part::Text { channel: Channel::beside(0), text: "a secret".to_owned() }]);
    let input = start(1, r#"{"type":"server_tool_use","id":"1","name":"search","input":{"query":"a secret"}}"#);
    assert_eq!(parts(&input), [text(1, ChannelKind::ToolArguments, r#"{"query":"a secret"}"#)]);
    let begins = |content: &str| {
        let event = event("message_start", &format!(r#","message":{{"id":"m","model":"x","content":{content}}}"#));
        ANTHROPIC.stream_decoder().decode(Bytes::from(event)).map(drop).map_err(|error| error.to_string())
    };
    assert!(begins("[ ]").is_ok() && begins("null").is_ok());
    let said = begins(r#"[{"type":"text","text":"a secret"}]"#);
    assert!(said.as_ref().is_err_and(|why| why.contains("in no block")), "{said:?}");
}

/// The arguments of a call never end, and an answer goes on behind them.
#[test]
fn not_all_waits_for_arguments_that_do_not_end() {
    let call = channel(0, ChannelKind::ToolArguments);
    let mut encoder = ANTHROPIC.stream_encoder("m", true);
    let mut out = BytesMut::new();
    encoder.encode(&Chunk::from_parts([Part::ToolUse { channel: call, id: "1".into(), name: "f".into() }]), &mut out);
    encoder.encode(&Chunk::from_parts([text(0, ChannelKind::ToolArguments, "{")]), &mut out);
    let before = out.len();
    let mut said = 0;
    while out.len() == before {
        encoder.encode(&Chunk::from_parts([text(1, ChannelKind::Text, &"x".repeat(64 << 10))]), &mut out);
        said += 64 << 10;
        assert!(said < 8 << 20, "all of it waits");
    }
    assert!(out.len() > said, "nothing of it is lost");
}
