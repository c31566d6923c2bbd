use crate::{
    OPENAI,
    sse::Framer,
    tests::{chunks, data, encode_all, events, streamed},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{Channel, ChannelKind, Chunk, Codec, Dialect, ErrorKind, FinishReason, LlmError, Part, Usage};
use serde_json::json;

const HEAD: &str = r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","system_fingerprint":"fp""#;

fn event(rest: &str) -> String {
    format!("data: {{{HEAD},{rest}}}\n\n")
}

fn delta(delta: &str) -> String {
    event(&format!(r#""choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}]"#))
}

/// Text, reasoning, two tool calls, a finish, usage and the end, with members that nobody knows.
fn full() -> String {
    [
        delta(r#"{"role":"assistant","content":"","refusal":null}"#),
        delta(r#"{"reasoning_content":"Let me see."}"#),
        delta(r#"{"content":"Hello"}"#),
        ": keep-alive\n\n".to_owned(),
        event(r#""choices":[{"index":0,"delta":{"content":" w\u00f6rld"}}],"obfuscation":"xx""#),
        delta(r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#),
        delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}"#),
        delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]}"#),
        event(r#""choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]"#),
        event(r#""choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

fn tool(block: u32) -> Channel {
    Channel { choice: 0, block, kind: ChannelKind::ToolArguments }
}

fn parts(stream: &str) -> Vec<Part> {
    chunks(Dialect::OpenAi, stream).iter().flat_map(|chunk| chunk.parts().to_vec()).collect()
}

fn text(channel: Channel, text: &str) -> Part {
    Part::Text { channel, text: text.into() }
}

#[test]
fn decodes_everything() {
    let reasoning = Channel { kind: ChannelKind::Reasoning, ..Channel::TEXT };
    let said = [
        Part::Start { id: "chatcmpl-1".into(), model: "gpt-4o".into() },
        text(reasoning, "Let me see."),
        text(Channel::TEXT, "Hello"),
        text(Channel::TEXT, " wörld"),
        Part::ToolUse { channel: tool(0), id: "call_1".into(), name: "f".into() },
        text(tool(0), "{\"a\":"),
        text(tool(0), "1}"),
        Part::ToolUse { channel: tool(1), id: "call_2".into(), name: "g".into() },
        text(tool(1), "{}"),
        Part::Finish { choice: 0, reason: FinishReason::ToolUse },
        Part::Usage(Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() }),
        Part::Done,
    ];
    assert_eq!(parts(&full()), said);
}

#[test]
fn unedited_is_byte_for_byte() {
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &full())), full());
    let crlf = full().replace('\n', "\r\n");
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &crlf)), crlf);
}

#[test]
fn the_cut_of_the_bytes_does_not_matter() {
    let stream = full();
    for cut in 0..stream.len() {
        let (mut framer, mut decoder) = (Framer::new(), OPENAI.stream_decoder());
        let mut encoder = OPENAI.stream_encoder("m", true);
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
fn usage_that_was_not_asked_for_is_hidden() {
    let out = streamed(Dialect::OpenAi, false, &chunks(Dialect::OpenAi, &full()));
    let usage = event(r#""choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#);
    assert_eq!(out, full().replace(&usage, ""));
    // A chunk that says more stays, usage and all.
    let both = event(r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}"#);
    assert_eq!(streamed(Dialect::OpenAi, false, &chunks(Dialect::OpenAi, &both)), both);
    let running = event(r#""choices":[{"index":0,"delta":{"content":""}}],"usage":{"prompt_tokens":1}"#);
    assert_eq!(streamed(Dialect::OpenAi, false, &chunks(Dialect::OpenAi, &running)), running);
    // Azure's first chunk has no choices, but says something.
    let azure = "data: {\"id\":\"\",\"choices\":[],\"prompt_filter_results\":[1]}\n\n";
    assert_eq!(streamed(Dialect::OpenAi, false, &chunks(Dialect::OpenAi, azure)), azure);
}

#[test]
fn edited_texts_are_put_in_place() {
    let mut all = chunks(Dialect::OpenAi, &full());
    for chunk in &mut all {
        chunk.map_texts(|_, text| Some(text.to_uppercase()));
    }
    let expected = full()
        .replace("\"Let me see.\"", "\"LET ME SEE.\"")
        .replace("\"Hello\"", "\"HELLO\"")
        .replace("\" w\\u00f6rld\"", "\" WÖRLD\"")
        .replace("\\\"a\\\"", "\\\"A\\\"");
    assert_eq!(streamed(Dialect::OpenAi, true, &all), expected);
}

#[test]
fn a_chunk_that_has_nothing_left_to_say_is_not_sent() {
    let mut all = chunks(Dialect::OpenAi, &full());
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, _| Some(String::new()));
    });
    let out = streamed(Dialect::OpenAi, true, &all);
    let left: Vec<_> = data(&out).into_iter().filter(|data| data.is_object()).collect();
    // The start, the two calls, the finish, the usage.
    assert_eq!(left.len(), 5, "{out}");
    assert_eq!(left[2]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], "");
}

#[test]
fn what_repeats_a_text_does_not_outlive_it() {
    let stream = event(
        r#""choices":[{"index":0,"delta":{"content":"sk-1","reasoning":"sk-2","reasoning_content":"sk-2","reasoning_details":[{"text":"sk-2"}]},"logprobs":{"content":[{"token":"sk-1"}]}}]"#,
    );
    let mut all = chunks(Dialect::OpenAi, &stream);
    assert_eq!(all[0].parts().len(), 3);
    all[0].map_texts(|_, text| Some(text.replace("sk-", "*")));
    let out = streamed(Dialect::OpenAi, true, &all);
    let choice = &data(&out)[0]["choices"][0];
    let delta = json!({"content": "*1", "reasoning": "*2", "reasoning_content": "*2", "reasoning_details": null});
    assert_eq!((&choice["delta"], &choice["logprobs"]), (&delta, &json!(null)));
}

/// Chunks with `sk-1` taken out of their texts.
fn redacted(stream: &str) -> (Vec<Chunk>, String) {
    let mut all = chunks(Dialect::OpenAi, stream);
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, text| text.contains("sk-1").then(|| text.replace("sk-1", "***")));
    });
    let out = streamed(Dialect::OpenAi, true, &all);
    (all, out)
}

#[test]
fn thoughts_that_come_in_parts_alone_are_texts() {
    let reasoning = Channel { kind: ChannelKind::Reasoning, ..Channel::TEXT };
    let stream = [
        delta(r#"{"role":"assistant","content":"","reasoning":null,"reasoning_details":[{"type":"reasoning.text","id":"r1","text":"It is sk-1","signature":"c2ln"},{"type":"reasoning.summary","summary":"A k\u00e9y: sk-1"}]}"#),
        delta(r#"{"thinking_blocks":[{"type":"thinking","thinking":"sk-1","signature":"c2ln"}]}"#),
        delta(r#"{"reasoning_details":[{"type":"reasoning.summary","summary":[{"type":"summary_text","text":"sk-1"}]}]}"#),
        delta(r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"Zm9v"}]}"#),
    ]
    .concat();
    let is_text = |part: &Part| matches!(part, Part::Text { .. });
    let said: Vec<_> = parts(&stream).into_iter().filter(is_text).collect();
    assert_eq!(said, ["It is sk-1", "A kéy: sk-1", "sk-1", "sk-1"].map(|said| text(reasoning, said)));
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream)), stream);
    let expected = stream.replace("A k\\u00e9y", "A kéy").replace("sk-1", "***");
    assert_eq!(redacted(&stream).1, expected);
    // Of two such members the second repeats the first, of whichever choice.
    let both = event(
        r#""choices":[{"delta":{"reasoning_content":"x"},"index":0},{"delta":{"thinking_blocks":[{"thinking":"sk-1"}],"reasoning_details":[{"text":"sk-1"}]},"index":1}]"#,
    );
    let (all, out) = redacted(&both);
    assert_eq!(all[0].parts().len(), 3);
    let deltas =
        json!([{"reasoning_content": "x"}, {"thinking_blocks": [{"thinking": "***"}], "reasoning_details": null}]);
    let choices = &data(&out)[0]["choices"];
    assert_eq!(json!([choices[0]["delta"], choices[1]["delta"]]), deltas);
    // However deep they stand in each other, nothing is gone down into without end.
    let deep = format!("{}1{}", r#"[{"text":"#.repeat(60_000), "}]".repeat(60_000));
    let event = delta(&format!(r#"{{"reasoning_details":{deep}}}"#));
    assert!(OPENAI.stream_decoder().decode(Bytes::from(event)).is_err());
}

#[test]
fn copies_of_what_was_edited_are_taken_out() {
    let stream = delta(
        r#"{"reasoning_content":"sk-1","thinking_blocks":[{"type":"thinking","thinking":"sk-1"}],"provider_specific_fields":{"thinking_blocks":[{"thinking":"sk-1"}]}}"#,
    );
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream)), stream);
    let delta_said = json!({"reasoning_content": "***", "thinking_blocks": null, "provider_specific_fields": null});
    assert_eq!(data(&redacted(&stream).1)[0]["choices"][0]["delta"], delta_said);
}

#[test]
fn the_whole_so_far_does_not_tell_what_was_edited_before() {
    let chunk = |new: &str, whole: &str| {
        event(&format!(
            r#""choices":[{{"index":0,"message":{{"role":"assistant","content":"{whole}"}},"delta":{{"content":"{new}"}},"finish_reason":null}}]"#
        ))
    };
    let stream = [
        chunk("The ", "The "),
        chunk("key is sk-1", "The key is sk-1"),
        chunk(".", "The key is sk-1."),
        delta(r#"{"content":"!"}"#),
    ]
    .concat();
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream)), stream);
    let (all, out) = redacted(&stream);
    assert!(!all[2].is_edited() && !out.contains("sk-1"), "{out}");
    let said = data(&out);
    let of = |index: usize, member: &str| said[index]["choices"][0][member].clone();
    assert_eq!(
        (of(0, "message")["content"].clone(), of(1, "message"), of(2, "message")),
        (json!("The "), json!(null), json!(null))
    );
    assert_eq!((of(1, "delta"), of(2, "delta")), (json!({"content": "key is ***"}), json!({"content": "."})));
    assert!(out.ends_with(&delta(r#"{"content":"!"}"#)));
}

#[test]
fn a_copy_does_not_tell_what_a_hook_took_out() {
    let chunk = |new: &str, message: &str| {
        event(&format!(r#""choices":[{{"index":0,"delta":{{"content":"{new}"}},"message":{message}}}]"#))
    };
    let whole = |text: &str| format!(r#"{{"role":"assistant","content":"{text}","tool_calls":[]}}"#);
    let stream = [
        chunk("The ", &whole("The ")),
        chunk("key is sk-1", &whole("The key is sk-1")),
        chunk(".", &whole("The key is sk-1.")),
    ];
    let mut all = chunks(Dialect::OpenAi, &stream.concat());
    all.remove(1);
    let out = streamed(Dialect::OpenAi, true, &all);
    assert_eq!(out, [stream[0].clone(), chunk(".", "null")].concat());
    // Nor what no hook was shown.
    for hidden in [
        r#"{"content":"The key is sk-1"}"#,
        r#"{"content":"The ","reasoning_content":"sk-1"}"#,
        r#"{"content":"The ","content":["sk-1"]}"#,
    ] {
        let out = streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &chunk("The ", hidden)));
        assert_eq!(out, chunk("The ", "null"));
    }
    let escaped = chunk("The ", r#"{"content":"sk-1"}"#).replace("\"message\"", r#""mess\u0061ge""#);
    let out = streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &escaped));
    assert!(!out.contains("sk-1") && out.contains("The "), "{out}");
    // Where a text came without a copy, later copies cannot be compared.
    let stream = [delta(r#"{"content":"a"}"#), chunk("b", &whole("ab")), chunk("c", &whole("c"))];
    let out = streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream.concat()));
    assert_eq!(out, [stream[0].clone(), chunk("b", "null"), stream[2].clone()].concat());
}

/// A chunk whose choice has a message and no delta.
fn message(message: &str) -> String {
    event(&format!(r#""choices":[{{"message":{message},"index":0,"finish_reason":null}}]"#))
}

#[test]
fn a_message_without_a_delta_is_read_for_what_is_new_in_it() {
    let reasoning = Channel { kind: ChannelKind::Reasoning, ..Channel::TEXT };
    let stream = [
        message(r#"{"role":"assistant","content":"","reasoning_content":"H"}"#),
        message(r#"{"role":"assistant","content":"","reasoning_content":"Hm"}"#),
        message(r#"{"role":"assistant","content":"The key"}"#),
        message(r#"{"role":"assistant","content":"The key is sk-1"}"#),
        message(r#"{"role":"assistant","content":"The key is sk-1"}"#),
        message(r#"{"role":"assistant","content":"The key is sk-1."}"#),
        "data: [DONE]\n\n".to_owned(),
    ];
    let said: Vec<_> = parts(&stream.concat()).into_iter().skip(1).collect();
    let texts = [
        (reasoning, "H"),
        (reasoning, "m"),
        (Channel::TEXT, "The key"),
        (Channel::TEXT, " is sk-1"),
        (Channel::TEXT, "."),
    ];
    assert_eq!(
        said,
        texts.map(|(channel, said)| text(channel, said)).into_iter().chain([Part::Done]).collect::<Vec<_>>()
    );
    // Thoughts are not compared with what came before: the second is written anew.
    let out = streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream.concat()));
    assert!(out.starts_with(&stream[0]) && out.ends_with(&stream[2..].concat()), "{out}");
    let (all, out) = redacted(&stream.concat());
    assert!(!all[5].is_edited() && !out.contains("sk-1"), "{out}");
    let deltas: String = data(&out).iter().filter_map(|data| data["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(deltas, " is ***.", "{out}");
    // A chunk that was taken out is in no later one.
    let mut all = chunks(Dialect::OpenAi, &stream.concat());
    all.remove(3);
    assert!(!streamed(Dialect::OpenAi, true, &all).contains("sk-1"));
}

#[test]
fn a_whole_answer_in_one_chunk_is_read_like_a_delta() {
    let stream = message(
        r#"{"role":"assistant","content":"sk-1","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"sk-1\"}"}}]}"#,
    );
    let begins = Part::ToolUse { channel: tool(0), id: "c".into(), name: "f".into() };
    let said: Vec<_> = parts(&stream).into_iter().skip(1).collect();
    assert_eq!(said, [text(Channel::TEXT, "sk-1"), begins, text(tool(0), r#"{"a":"sk-1"}"#)]);
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream)), stream);
    let out = redacted(&stream).1;
    assert!(out.contains(r#""content":"***""#) && !out.contains("sk-1"), "{out}");
    // What deltas said is not said again, and what a message says beyond them is not passed.
    let late = [delta(r#"{"content":"a"}"#), message(r#"{"content":"a sk-1"}"#), message(r#"{"refusal":"no"}"#)];
    let refusal = Channel { kind: ChannelKind::Refusal, ..Channel::TEXT };
    let said: Vec<_> = parts(&late.concat()).into_iter().skip(1).collect();
    assert_eq!(said, [text(Channel::TEXT, "a"), text(refusal, "no")]);
    let out = streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &late.concat()));
    assert_eq!(out, [&*late[0], &late[2]].concat());
}

#[test]
fn members_that_say_something_else_than_the_rest_are_texts() {
    let reasoning = Channel { kind: ChannelKind::Reasoning, ..Channel::TEXT };
    let stream = [
        delta(r#"{"reasoning":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"It is sk-1"}]}"#),
        delta(r#"{"content":"a","provider_specific_fields":{"citation":{"type":"x","cited_text":"sk-1","file_id":"f"}}}"#),
        delta(r#"{"content":"b","annotations":[{"type":"url_citation","url_citation":{"title":"A sk-1","start_index":1}}]}"#),
        event(r#""choices":[{"index":0,"delta":{"content":"c"},"provider_specific_fields":{"note":"sk-1"}}]"#),
    ]
    .concat();
    let said: Vec<_> = parts(&stream).into_iter().skip(1).collect();
    let beside = Channel::beside(0);
    let texts = [
        (reasoning, "Hm."),
        (reasoning, "It is sk-1"),
        (Channel::TEXT, "a"),
        (beside, "sk-1"),
        (Channel::TEXT, "b"),
        (beside, "A sk-1"),
        (Channel::TEXT, "c"),
        (beside, "sk-1"),
    ];
    assert_eq!(said, texts.map(|(channel, said)| text(channel, said)));
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, &stream)), stream);
    assert_eq!(redacted(&stream).1, stream.replace("sk-1", "***"));
    // Parts that say together what the rest says repeat it.
    let halves = delta(r#"{"reasoning":"a b","reasoning_details":[{"text":"a "},{"text":"b"}]}"#);
    assert_eq!(parts(&halves)[1..], [text(reasoning, "a b")]);
}

#[test]
fn a_choice_may_not_say_the_same_without_end() {
    let begun = std::time::Instant::now();
    let details = r#","reasoning_details":[{"text":"a"}]"#.repeat(100_000);
    let event = delta(&format!(r#"{{"content":"a"{details}}}"#));
    let error = OPENAI.stream_decoder().decode(Bytes::from(event)).unwrap_err().to_string();
    assert_eq!(error, "a choice of the stream says the same too often");
    let decoded = |event: String| OPENAI.stream_decoder().decode(Bytes::from(event)).map_err(|error| error.to_string());
    let many = |count: u32| {
        let messages = (0..count).map(|index| format!(r#"{{"index":{index},"message":{{"content":"a"}}}}"#));
        decoded(event_of(&messages.collect::<Vec<_>>().join(",")))
    };
    assert!(many(1000).is_ok());
    assert_eq!(many(50_000).unwrap_err(), "an event of the stream says too many things");
    // Each of them another.
    let thoughts: Vec<String> = (0..400_000).map(|at| format!(r#""reasoning":"{at}""#)).collect();
    let error = decoded(delta(&format!("{{{}}}", thoughts.join(",")))).unwrap_err();
    assert_eq!(error, "an event of the stream says too many things");
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

fn event_of(choices: &str) -> String {
    event(&format!("\"choices\":[{choices}]"))
}

#[test]
fn what_stands_beside_an_answer_does_not_get_into_it() {
    let stream = [
        delta(r#"{"content":"b","annotations":[{"url_citation":{"title":"A source"}}]}"#),
        delta(r#"{"content":"c"}"#),
    ];
    let all = chunks(Dialect::OpenAi, &stream.concat());
    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        let mut encoder = crate::tests::of(dialect).stream_encoder("m", true);
        let anew: Vec<_> = all.iter().map(|chunk| Chunk::from_parts(chunk.parts().to_vec())).collect();
        let out = encode_all(&mut *encoder, &anew);
        assert!(!out.contains("A source") && out.contains('c'), "{out}");
        assert_eq!(crate::tests::names(&encoder.take_dropped()), ["annotations"]);
    }
}

#[test]
fn data_over_several_lines_is_patched_too() {
    let stream = "id: 3\ndata: {\"id\":\"c\",\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\ndata: \"x\":1}\n\n";
    let mut all = chunks(Dialect::OpenAi, stream);
    all[0].map_texts(|_, _| Some("line\nfeed".into()));
    assert_eq!(streamed(Dialect::OpenAi, true, &all), stream.replace("\"a\"", "\"line\\nfeed\""));
}

#[test]
fn other_edits_are_written_anew() {
    let mut all = chunks(Dialect::OpenAi, &full());
    // The tool calls are taken out, and the reason with them.
    for chunk in &mut all {
        if chunk
            .has(|part| matches!(part, Part::ToolUse { .. } | Part::Finish { .. }) || *part == text(tool(0), "{\"a\":"))
        {
            chunk.parts_mut().retain(|part| !matches!(part, Part::ToolUse { .. } | Part::Text { .. }));
            for part in chunk.parts_mut().iter_mut() {
                if let Part::Finish { reason, .. } = part {
                    *reason = FinishReason::Stop;
                }
            }
        }
    }
    let out = streamed(Dialect::OpenAi, true, &all);
    assert!(!out.contains("tool_calls") && out.contains("\"finish_reason\":\"stop\""), "{out}");
    assert!(out.ends_with("data: [DONE]\n\n"));
    let ids: Vec<_> = data(&out).iter().filter_map(|data| Some(data.get("id")?.as_str()?.to_owned())).collect();
    assert!(ids.iter().all(|id| id == "chatcmpl-1"), "{ids:?}");
    let created: Vec<_> = data(&out).iter().filter_map(|data| data.get("created")?.as_u64()).collect();
    assert!(created.iter().all(|created| *created == 1_700_000_000), "{created:?}");
    assert_eq!(out.matches("\"role\"").count(), 1);
}

#[test]
fn released_text_goes_between_the_chunks_that_came() {
    let mut all = chunks(Dialect::OpenAi, &full());
    let at = all.iter().position(|chunk| chunk.has(|part| matches!(part, Part::Finish { .. }))).unwrap();
    all.insert(at, Chunk::text(Channel::TEXT, "held back"));
    let out = streamed(Dialect::OpenAi, true, &all);
    let released = &data(&out)[at];
    assert_eq!(released["choices"], json!([{"index": 0, "delta": {"content": "held back"}, "finish_reason": null}]));
    assert_eq!((&released["id"], &released["model"]), (&json!("chatcmpl-1"), &json!("gpt-4o")));
}

#[test]
fn chunks_made_here_are_a_legal_stream() {
    let all = [
        Chunk::text(Channel::TEXT, "Hi"),
        Chunk::text(Channel { choice: 1, ..Channel::TEXT }, "Ho"),
        Chunk::from_parts([
            Part::ToolUse { channel: tool(3), id: "c".into(), name: "f".into() },
            text(tool(3), "{}"),
            Part::BlockEnd(tool(3)),
            Part::Finish { choice: 0, reason: FinishReason::ToolUse },
            Part::Finish { choice: 1, reason: FinishReason::StopSequence(None) },
            Part::Usage(Usage { input_tokens: 1, ..Usage::default() }),
            Part::Done,
        ]),
    ];
    let out = data(&streamed(Dialect::OpenAi, true, &all));
    let choices: Vec<_> = out.iter().filter_map(|data| Some(data.get("choices")?.get(0)?.clone())).collect();
    assert_eq!(
        choices,
        [
            json!({"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": null}),
            json!({"index": 1, "delta": {"role": "assistant", "content": "Ho"}, "finish_reason": null}),
            json!({"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}, "finish_reason": null}),
            json!({"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}, "finish_reason": null}),
            json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}),
            json!({"index": 1, "delta": {}, "finish_reason": "stop"}),
        ]
    );
    assert_eq!((&out[6]["choices"], &out[6]["usage"]["prompt_tokens"]), (&json!([]), &json!(1)));
    assert_eq!(out[7], json!("[DONE]"));
    assert!(
        out[..7]
            .iter()
            .all(|data| data["model"] == "made-up" && data["id"] == out[0]["id"] && data["created"].is_u64())
    );
}

#[test]
fn an_error_ends_the_stream() {
    let mut encoder = OPENAI.stream_encoder("m", true);
    let mut out = BytesMut::new();
    encoder.encode(&Chunk::text(Channel::TEXT, "Hi"), &mut out);
    out.clear();
    encoder.encode_error(&LlmError::new(ErrorKind::GuardrailBlocked, "no"), "r1", &mut out);
    encoder.encode_error(&LlmError::new(ErrorKind::Timeout, "twice"), "r1", &mut out);
    let after = encode_all(&mut *encoder, &[Chunk::text(Channel::TEXT, "x"), Chunk::from_parts([Part::Done])]);
    assert_eq!(after, "");
    let error = json!({"error": {"message": "no", "type": "guardrail_blocked", "param": null, "code": null, "request_id": "r1"}});
    assert_eq!(events(std::str::from_utf8(&out).unwrap()), [("error".to_owned(), error)]);
}

#[test]
fn errors_of_the_provider() {
    let cases = [
        (
            "data: {\"error\":{\"message\":\"Slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n",
            ErrorKind::RateLimit,
            "Slow down",
        ),
        (
            "event: error\ndata: {\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}\n\n",
            ErrorKind::Overloaded,
            "Overloaded",
        ),
        ("data: {\"error\":\"broke\"}\n\n", ErrorKind::Upstream, "broke"),
        (
            "data: {\"id\":\"x\",\"choices\":[],\"error\":{\"code\":402,\"message\":\"Pay\"}}\n\n",
            ErrorKind::InsufficientQuota,
            "Pay",
        ),
        ("event: error\ndata: not json\n\n", ErrorKind::Upstream, "the provider ended with an error without a message"),
    ];
    for (stream, kind, message) in cases {
        let chunk = &chunks(Dialect::OpenAi, stream)[0];
        let error = chunk.parts().iter().find_map(|part| match part {
            Part::Error(error) => Some((error.kind, &*error.message)),
            _ => None,
        });
        assert_eq!(error, Some((kind, message)), "{stream}");
        assert_eq!(streamed(Dialect::OpenAi, true, std::slice::from_ref(chunk)), stream);
    }
}

#[test]
fn what_is_no_chunk_is_refused() {
    let mut decoder = OPENAI.stream_decoder();
    let mut decode = |event: &'static [u8]| decoder.decode(Bytes::from_static(event));
    assert!(decode(b"data: <html>\n\n").is_err());
    assert!(decode(b"data: {\"choices\":[\n\n").is_err());
    assert!(decode(b"data: \xff\n\n").is_err());
    assert!(decode(b"data: {\"choices\":[{\"delta\":{\"content\":7}}]}\n\n").is_err());
    assert_eq!(decode(b"data: {\"something\":\"else\"}\n\n").unwrap().parts(), []);
    assert_eq!(decode(b"data:\n\n").unwrap().parts(), []);
    assert_eq!(decode(b"data:[DONE]\n\n").unwrap().parts(), [Part::Done]);
}

#[test]
fn names_that_come_with_every_delta_begin_one_call() {
    let call = |arguments: &str| {
        delta(&format!(
            r#"{{"tool_calls":[{{"index":0,"id":"c","function":{{"name":"f","arguments":"{arguments}"}}}}]}}"#
        ))
    };
    let stream = [call("{"), call("}")].concat();
    let begun = parts(&stream).into_iter().filter(|part| matches!(part, Part::ToolUse { .. })).count();
    assert_eq!(begun, 1);
    let mut all = chunks(Dialect::OpenAi, &stream);
    all[1].map_texts(|_, _| Some(" }".into()));
    assert_eq!(streamed(Dialect::OpenAi, true, &all), [call("{"), call(" }")].concat());
}

/// The calls of a stream: number, id, and arguments.
fn calls(deltas: &[&str]) -> Vec<(u32, String, String)> {
    let stream: String = deltas.iter().map(|calls| delta(&format!(r#"{{"tool_calls":[{calls}]}}"#))).collect();
    let mut calls: Vec<(u32, String, String)> = Vec::new();
    for part in parts(&stream) {
        match part {
            Part::ToolUse { channel, id, name } => calls.push((channel.block, format!("{id} {name}"), String::new())),
            Part::Text { channel, text } => {
                calls.iter_mut().rfind(|call| call.0 == channel.block).unwrap().2.push_str(&text);
            }
            _ => {}
        }
    }
    calls
}

#[test]
fn calls_are_told_apart_where_ids_are_missing() {
    let call = |index: u32, id: &str, name: &str, arguments: &str| {
        let arguments = serde_json::to_string(arguments).unwrap();
        format!(r#"{{"index":{index},"id":"{id}","function":{{"name":"{name}","arguments":{arguments}}}}}"#)
    };
    let said = |all: &[(u32, &str, &str, &str)]| {
        let deltas: Vec<_> = all.iter().map(|(index, id, name, arguments)| call(*index, id, name, arguments)).collect();
        let apart = calls(&deltas.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(calls(&[&deltas.join(",")]), apart, "in one delta or in several");
        let call = |(block, name, arguments): (u32, String, String)| format!("{block} {name} {arguments}");
        apart.into_iter().map(call).collect::<Vec<_>>()
    };
    // Empty ids, or others, in what goes on.
    assert_eq!(said(&[(0, "c", "f", ""), (0, "", "", "{"), (0, "null", "", "}")]), ["0 c f {}"]);
    // The name in every delta, and no ids.
    assert_eq!(
        said(&[(0, "", "f", ""), (0, "", "f", "{\"a\":"), (0, "", "f", "1}"), (0, "", "f", "")]),
        ["0  f {\"a\":1}"]
    );
    // No ids, and every call has one number.
    assert_eq!(said(&[(0, "", "f", "{}"), (0, "", "f", "{}")]), ["0  f {}", "0  f {}"]);
    assert_eq!(said(&[(0, "", "f", ""), (0, "", "g", "{}")]), ["0  f ", "0  g {}"]);
    // No ids, but numbers.
    assert_eq!(said(&[(0, "", "f", "{}"), (1, "", "f", "{}")]), ["0  f {}", "1  f {}"]);
}

#[test]
fn a_stream_may_not_begin_calls_without_end() {
    let begun = std::time::Instant::now();
    let mut decoder = OPENAI.stream_decoder();
    let refused = (0..1_000_000).find_map(|index| {
        let call = format!(r#"{{"tool_calls":[{{"index":{index},"id":"c","function":{{"name":"f"}}}}]}}"#);
        decoder.decode(Bytes::from(delta(&call))).err().map(|error| (index, error.to_string()))
    });
    assert_eq!(refused, Some((4096, "the stream has more than 4096 tool calls".to_owned())));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn the_signature_over_a_call_stays_with_it() {
    let call = r#"{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}"#;
    let stream = delta(&format!(r#"{{"tool_calls":[{call}]}}"#));
    let mut all = chunks(Dialect::OpenAi, &stream);
    let signature = Part::Signature { channel: tool(0), signature: "c2ln".into() };
    assert_eq!(all[0].parts()[2..], [signature, text(tool(0), "{}")]);
    all[0].map_texts(|_, _| Some("{ }".into()));
    assert_eq!(streamed(Dialect::OpenAi, true, &all), stream.replace("{}", "{ }"));
    let anew = Chunk::from_parts(all[0].parts().to_vec());
    let out = data(&streamed(Dialect::OpenAi, true, &[anew]));
    let call = &out[1]["choices"][0]["delta"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["extra_content"]["google"]["thought_signature"]), (&json!("c"), &json!("c2ln")));
}

#[test]
fn a_call_that_was_taken_out_does_not_come_back() {
    let stream = delta(r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}"#);
    let mut all = chunks(Dialect::OpenAi, &stream);
    all[0].parts_mut().retain(|part| !matches!(part, Part::ToolUse { .. }));
    assert!(!streamed(Dialect::OpenAi, true, &all).contains("tool_calls"));
}

#[test]
fn an_event_like_the_one_before_is_read_alike() {
    let first = delta(r#"{"content":"a"}"#);
    let mut decoder = OPENAI.stream_decoder();
    let mut read = |event: String| decoder.decode(Bytes::from(event)).map(|chunk| chunk.parts().to_vec());
    read(first.clone()).unwrap();
    for (text, said) in [("b", "b"), ("\\n\\u00e9", "\né"), ("é", "é"), ("{", "{")] {
        assert_eq!(read(first.replace("\"a\"", &format!("\"{text}\""))), Ok(vec![self::text(Channel::TEXT, said)]));
    }
    assert_eq!(read(first.replace("\"a\"", "\"\"")), Ok(vec![]));
    assert_eq!(read(first.replace("\"a\"", "null")), Ok(vec![]));
    let both = [
        text(Channel::TEXT, "a"),
        Part::Text { channel: Channel { kind: ChannelKind::Refusal, ..Channel::TEXT }, text: "b".into() },
    ];
    assert_eq!(read(first.replace("\"a\"", "\"a\",\"refusal\":\"b\"")), Ok(both.to_vec()));
    for broken in ["\"\\x\"", "\"", "\"a\"b\"", "7", "\"a\nb\""] {
        assert!(read(first.replace("\"a\"", broken)).is_err(), "{broken}");
    }
}

#[test]
fn content_in_parts_and_arguments_as_objects() {
    let stream = [
        delta(r#"{"content":[{"type":"text","text":"a"},{"type":"x"},{"type":"text","text":"b"}]}"#),
        delta(r#"{"tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]}"#),
    ]
    .concat();
    let mut all = chunks(Dialect::OpenAi, &stream);
    assert_eq!(all[1].parts()[1], text(tool(0), "{\"a\":1}"));
    for chunk in &mut all {
        chunk.map_texts(|_, text| Some(format!("{text} ")));
    }
    let out = data(&streamed(Dialect::OpenAi, true, &all));
    assert_eq!(out[0]["choices"][0]["delta"]["content"][2]["text"], "b ");
    assert_eq!(out[2]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], "{\"a\":1} ");
}

#[test]
fn what_is_said_aloud_is_a_text() {
    let stream = [
        delta(r#"{"role":"assistant","content":null,"audio":{"id":"audio_1","transcript":"The key is "}}"#),
        delta(r#"{"audio":{"data":"UklGRg=="}}"#),
        delta(r#"{"audio":{"transcript":"sk-1"}}"#),
    ];
    let mut all = chunks(Dialect::OpenAi, &stream.concat());
    let said: Vec<_> = all.iter().flat_map(Chunk::parts).filter(|part| matches!(part, Part::Text { .. })).collect();
    assert_eq!(said, [&text(Channel::TEXT, "The key is "), &text(Channel::TEXT, "sk-1")]);
    assert_eq!(streamed(Dialect::OpenAi, true, &all), stream.concat());
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, text| Some(text.replace("sk-1", "***")));
    });
    assert_eq!(streamed(Dialect::OpenAi, true, &all), stream.concat().replace("sk-1", "***"));
}

#[test]
fn a_content_in_parts_says_its_texts_and_its_thoughts() {
    let stream = [
        delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm. "},{"type":"text","text":"sk-1"}]}]}"#),
        delta(r#"{"content":[{"type":"thinking","thinking":"So."},{"type":"text","text":"Hello"}]}"#),
    ]
    .concat();
    let reasoning = Channel { kind: ChannelKind::Reasoning, ..Channel::TEXT };
    let said: Vec<_> = parts(&stream).into_iter().filter(|part| matches!(part, Part::Text { .. })).collect();
    let expected =
        [text(reasoning, "Hm. "), text(reasoning, "sk-1"), text(reasoning, "So."), text(Channel::TEXT, "Hello")];
    assert_eq!(said, expected);
    let mut all = chunks(Dialect::OpenAi, &stream);
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, text| Some(text.replace("sk-1", "***")));
    });
    assert_eq!(streamed(Dialect::OpenAi, true, &all), stream.replace("sk-1", "***"));
    // However deep they stand in each other, nothing is gone down into without end.
    let deep = format!("{}{}", r#"[{"thinking":"#.repeat(60_000), "}]".repeat(60_000));
    let event = delta(&format!(r#"{{"content":{deep}}}"#));
    assert!(OPENAI.stream_decoder().decode(Bytes::from(event)).is_err());
}

#[test]
fn nulls_that_are_written_out_take_nothing_from_a_call() {
    for function in [
        r#""function":{"name":"sh","arguments":"{}"},"custom":null"#,
        r#""custom":null,"function":{"name":"sh","arguments":"{}"}"#,
        r#""function":{"name":"sh","arguments":"{}","input":null}"#,
        r#""function":{"input":"","name":"sh","arguments":"{}"},"custom":{"name":null,"input":""}"#,
    ] {
        let begun = Part::ToolUse { channel: tool(0), id: "a".into(), name: "sh".into() };
        let said = parts(&delta(&format!(r#"{{"tool_calls":[{{"index":0,"id":"a",{function}}}]}}"#)));
        let said: Vec<Part> = said.into_iter().filter(|part| !matches!(part, Part::Start { .. })).collect();
        assert_eq!(said, [begun, text(tool(0), "{}")], "{function}");
    }
}

#[test]
fn arguments_that_stand_twice_are_refused() {
    let twice =
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"sh","arguments":"{}"},"custom":{"input":"rm"}}]}"#;
    let refused = OPENAI.stream_decoder().decode(Bytes::from(delta(twice))).unwrap_err();
    assert!(refused.to_string().contains("arguments twice"), "{refused}");
}

#[test]
fn a_last_message_that_repeats_all_leaves_what_else_its_event_says() {
    let stream = [
        delta(r#"{"role":"assistant","content":"Hel"}"#),
        delta(r#"{"content":"lo"}"#),
        event(r#""choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hello","role":"assistant","name":"AI"}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"base_resp":{"status_code":0}"#),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let out = streamed(Dialect::OpenAi, false, &chunks(Dialect::OpenAi, &stream));
    assert!(out.contains(r#""usage":{"prompt_tokens":1"#) && out.contains("base_resp"), "{out}");
    assert!(out.contains(r#""message":null"#), "{out}");
}

#[test]
fn a_message_without_words_in_each_chunk_passes() {
    let message = r#""message":{"role":"assistant","content":"","reasoning":"","reasoning_details":[{"index":0,"type":"reasoning.text","text":""}]}"#;
    let stream =
        event(&format!(r#""choices":[{{"index":0,{message},"delta":{{"content":"Hello"}}}}]"#)) + "data: [DONE]\n\n";
    assert_eq!(streamed(Dialect::OpenAi, false, &chunks(Dialect::OpenAi, &stream)), stream);
}

/// As the first one it was a copy of what the event said. Beside another text it says something of its own.
#[test]
fn what_was_a_copy_of_one_text_is_none_of_the_next() {
    let fields = r#""provider_specific_fields":{"n":"sk-1"}"#;
    let event = |content: &str| delta(&format!(r#"{{"content":"{content}",{fields}}}"#));
    let all = parts(&[event("sk-1"), event("x")].concat());
    let texts: Vec<&str> =
        all.iter().filter_map(|part| if let Part::Text { text, .. } = part { Some(&**text) } else { None }).collect();
    assert_eq!(texts, ["sk-1", "x", "sk-1"]);
}

#[test]
fn what_two_choices_think_alike_is_of_each() {
    let choice = |index: u32| format!(r#"{{"index":{index},"delta":{{"reasoning":"The","reasoning_content":"The"}}}}"#);
    let all = parts(&event_of(&[choice(0), choice(1)].join(",")));
    let thought = |choice| text(Channel { choice, kind: ChannelKind::Reasoning, ..Channel::TEXT }, "The");
    assert_eq!(all[1..], [thought(0), thought(1)]);
}
