//! Streams for a client of the other dialect.

use super::{chunks, data, encode_all, legal, of, streamed};
use gatewright_model::{Channel, ChannelKind, Chunk, Dialect, Part};
use serde_json::{Value as Json, json};

fn openai(events: &[Json]) -> String {
    let event = |data: &Json| format!("data: {data}\n\n");
    events.iter().map(event).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn delta(delta: Json) -> Json {
    json!({"id": "chatcmpl-1", "created": 1, "model": "gpt", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn call(index: u32, id: &str, arguments: &str) -> Json {
    let mut call = json!({"index": index, "function": {"arguments": arguments}});
    if !id.is_empty() {
        call["id"] = json!(id);
        call["function"]["name"] = json!("f");
    }
    delta(json!({"tool_calls": [call]}))
}

fn finish(reason: &str) -> Json {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn usage() -> Json {
    json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}})
}

/// The blocks that a client puts together: kind, and text.
fn blocks(stream: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for (name, data) in legal(stream) {
        match &*name {
            "content_block_start" => {
                let block = &data["content_block"];
                let kind = block["type"].as_str().unwrap();
                let id = block.get("id").map_or(String::new(), |id| format!(" {}", id.as_str().unwrap()));
                blocks.push((format!("{kind}{id}"), String::new()));
            }
            "content_block_delta" => {
                let delta = &data["delta"];
                let text = ["text", "thinking", "partial_json"].iter().find_map(|name| delta.get(name)?.as_str());
                blocks.last_mut().unwrap().1.push_str(text.unwrap_or_default());
            }
            _ => {}
        }
    }
    blocks
}

fn to_anthropic(events: &[Json]) -> String {
    streamed(Dialect::Anthropic, true, &chunks(Dialect::OpenAi, &openai(events)))
}

fn of_blocks(said: &[(&str, &str)]) -> Vec<(String, String)> {
    said.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn from_openai_to_anthropic() {
    let out = to_anthropic(&[
        delta(json!({"role": "assistant", "content": ""})),
        delta(json!({"reasoning_content": "Let me "})),
        delta(json!({"reasoning_content": "see."})),
        delta(json!({"content": "Hello"})),
        delta(json!({"content": " world"})),
        call(0, "call_1", ""),
        call(0, "", "{\"a\":"),
        call(0, "", "1}"),
        call(1, "call_2", "{}"),
        finish("tool_calls"),
        usage(),
    ]);
    let said = [
        ("thinking", "Let me see."),
        ("text", "Hello world"),
        ("tool_use call_1", "{\"a\":1}"),
        ("tool_use call_2", "{}"),
    ];
    assert_eq!(blocks(&out), of_blocks(&said));
    let events = legal(&out);
    let message = &events[0].1["message"];
    assert_eq!(
        (&message["id"], &message["model"], &message["content"]),
        (&json!("chatcmpl-1"), &json!("gpt"), &json!([]))
    );
    let end = &events[events.len() - 2].1;
    assert_eq!(end["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
    assert_eq!(
        end["usage"],
        json!({"input_tokens": 6, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 5})
    );
    assert_eq!(events.last().unwrap().0, "message_stop");
}

#[test]
fn a_call_after_which_a_provider_plainly_stops_is_to_be_made() {
    let reason = |events: &[Json]| {
        let events = legal(&to_anthropic(events));
        events[events.len() - 2].1["delta"]["stop_reason"].clone()
    };
    assert_eq!(reason(&[call(0, "a", "{}"), finish("stop")]), "tool_use");
    // Some call every chunk of a choice complete.
    assert_eq!(reason(&[finish("stop"), call(0, "a", "{}"), finish("stop")]), "tool_use");
    assert_eq!(reason(&[call(0, "a", "{"), finish("length")]), "max_tokens");
    assert_eq!(reason(&[delta(json!({"content": "x"})), finish("stop")]), "end_turn");
}

#[test]
fn mixed_calls_are_put_in_order() {
    let out = to_anthropic(&[
        call(0, "a", "{\"x"),
        call(1, "b", "{\"y"),
        delta(json!({"content": "mean"})),
        call(0, "", "\":1}"),
        delta(json!({"content": "while"})),
        call(1, "", "\":2}"),
        call(2, "c", ""),
        finish("tool_calls"),
    ]);
    let said = [("tool_use a", "{\"x\":1}"), ("tool_use b", "{\"y\":2}"), ("text", "meanwhile"), ("tool_use c", "")];
    assert_eq!(blocks(&out), of_blocks(&said));
}

#[test]
fn calls_that_never_complete_are_kept_apart() {
    let out = to_anthropic(&[call(0, "a", "{\"x"), call(1, "b", "{\"y"), call(0, "", "z"), finish("length")]);
    assert_eq!(blocks(&out), of_blocks(&[("tool_use a", "{\"xz"), ("tool_use b", "{\"y")]));
    // Some providers number every call 0.
    let out = to_anthropic(&[call(0, "a", "{}"), call(0, "b", "{}"), finish("tool_calls")]);
    assert_eq!(blocks(&out), of_blocks(&[("tool_use a", "{}"), ("tool_use b", "{}")]));
}

#[test]
fn every_order_of_deltas_is_legal() {
    let pieces = [
        delta(json!({"content": "t"})),
        delta(json!({"reasoning": "r"})),
        call(0, "a", "{\"x\":"),
        call(0, "", "1}"),
        call(1, "b", "{"),
        call(1, "", "}"),
    ];
    // All orders of six pieces, some of which are nonsense; whatever comes, the stream is legal and loses no text.
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    let mut orders = vec![order.clone()];
    while next_permutation(&mut order) {
        orders.push(order.clone());
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        let mut events: Vec<_> = order.iter().map(|index| pieces[*index].clone()).collect();
        events.push(finish("stop"));
        let all = blocks(&to_anthropic(&events));
        let text = |kind: &str| all.iter().filter(|(of, _)| of == kind).map(|(_, text)| &**text).collect::<String>();
        assert_eq!((&*text("text"), &*text("thinking")), ("t", "r"), "{order:?}");
        let place = |index: usize| order.iter().position(|at| *at == index);
        if place(2) < place(3) {
            assert_eq!(text("tool_use a"), "{\"x\":1}", "{order:?}");
        }
    }
}

fn next_permutation(order: &mut [usize]) -> bool {
    let Some(from) = (1..order.len()).rev().find(|at| order[at - 1] < order[*at]) else {
        return false;
    };
    let to = (from..order.len()).rev().find(|at| order[*at] > order[from - 1]).unwrap();
    order.swap(from - 1, to);
    order[from..].reverse();
    true
}

#[test]
fn one_choice_of_several() {
    let second = json!({"choices": [{"index": 1, "delta": {"content": "no"}}]});
    let all = chunks(Dialect::OpenAi, &openai(&[delta(json!({"content": "yes"})), second, finish("stop")]));
    let mut encoder = of(Dialect::Anthropic).stream_encoder("m", true);
    let out = encode_all(&mut *encoder, &all);
    assert_eq!(blocks(&out), of_blocks(&[("text", "yes")]));
    assert_eq!(super::names(&encoder.take_dropped()), ["choices"]);
    assert!(encoder.take_dropped().is_empty(), "each is reported once");
}

#[test]
fn keep_alives_cross() {
    let stream = format!("data: {}\n\n: wait\n\ndata: [DONE]\n\n", delta(json!({"content": "x"})));
    let out = streamed(Dialect::Anthropic, true, &chunks(Dialect::OpenAi, &stream));
    assert_eq!(out.matches("event: ping\ndata: {\"type\":\"ping\"}\n\n").count(), 1);
    let ping = chunks(Dialect::Anthropic, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
    assert_eq!(streamed(Dialect::OpenAi, true, &ping), ": ping\n\n");
}

fn anthropic_stream() -> String {
    let event = |data: Json| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    [
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude", "content": [],
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {}}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "server_tool_use", "id": "s", "name": "w", "input": {}}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}}),
        json!({"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":1}"}}),
        json!({"type": "content_block_stop", "index": 3}),
        json!({"type": "content_block_start", "index": 4, "content_block": {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}}),
        json!({"type": "content_block_stop", "index": 4}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]
    .map(event)
    .concat()
}

#[test]
fn from_anthropic_to_openai() {
    let all = chunks(Dialect::Anthropic, &anthropic_stream());
    let mut encoder = of(Dialect::OpenAi).stream_encoder("m", true);
    let out = data(&encode_all(&mut *encoder, &all));
    let choices: Vec<_> = out.iter().filter_map(|data| Some(data.get("choices")?.get(0)?.clone())).collect();
    let choice = |delta: Json| json!({"index": 0, "delta": delta, "finish_reason": null});
    let begun = |index: u32, id: &str, name: &str| {
        choice(
            json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]}),
        )
    };
    assert_eq!(
        choices,
        [
            choice(json!({"role": "assistant", "content": ""})),
            choice(json!({"reasoning_content": "Hm."})),
            choice(json!({"content": "Hello"})),
            begun(0, "toolu_1", "f"),
            choice(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":1}"}}]})),
            begun(1, "toolu_2", "g"),
            json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}),
        ]
    );
    let last = &out[out.len() - 2];
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], json!(15));
    assert_eq!((&last["usage"]["completion_tokens"], out.last().unwrap()), (&json!(9), &json!("[DONE]")));
    let envelope = |data: &Json| (data["id"].clone(), data["object"].clone(), data["model"].clone());
    let said = (json!("msg_1"), json!("chat.completion.chunk"), json!("claude"));
    assert!(out[..out.len() - 1].iter().all(|data| envelope(data) == said && data["created"].is_u64()));
    let dropped = ["signature", "content.citations_delta", "content.server_tool_use", "content.input"];
    assert_eq!(super::names(&encoder.take_dropped()), dropped);
    let unasked = streamed(Dialect::OpenAi, false, &all);
    assert!(!unasked.contains("\"usage\"") && unasked.ends_with("data: [DONE]\n\n"));
}

#[test]
fn there_and_back_again() {
    let all = chunks(Dialect::Anthropic, &anthropic_stream());
    let openai = streamed(Dialect::OpenAi, true, &all);
    let back = streamed(Dialect::Anthropic, true, &chunks(Dialect::OpenAi, &openai));
    let said = [("thinking", "Hm."), ("text", "Hello"), ("tool_use toolu_1", "{\"a\":1}"), ("tool_use toolu_2", "")];
    assert_eq!(blocks(&back), of_blocks(&said));
}

#[test]
fn edits_and_errors_cross_too() {
    let mut all = chunks(Dialect::Anthropic, &anthropic_stream());
    all.iter_mut().for_each(|chunk| {
        chunk.map_texts(|_, text| Some(text.to_uppercase()));
    });
    assert!(streamed(Dialect::OpenAi, true, &all).contains("\"content\":\"HELLO\""));
    let error =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Full\"}}\n\n";
    let out = streamed(Dialect::OpenAi, true, &chunks(Dialect::Anthropic, error));
    let said = json!({"error": {"message": "Full", "type": "overloaded", "param": null, "code": "overloaded_error"}});
    assert_eq!(super::events(&out), [("error".to_owned(), said)]);
    let out = streamed(
        Dialect::Anthropic,
        true,
        &chunks(Dialect::OpenAi, "data: {\"error\":{\"message\":\"Full\",\"code\":503}}\n\n"),
    );
    assert_eq!(legal_error(&out), json!({"type": "overloaded", "message": "Full", "code": "503"}));
    let nothing: [Chunk; 0] = [];
    assert_eq!(streamed(Dialect::OpenAi, true, &nothing), "");
}

fn legal_error(stream: &str) -> Json {
    super::events(stream).remove(0).1["error"].take()
}

#[test]
fn figures_that_are_none_do_not_end_a_stream() {
    let openai =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":-1}}\n\n";
    assert_eq!(streamed(Dialect::OpenAi, true, &chunks(Dialect::OpenAi, openai)), openai);
    let anthropic = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":-1}}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":\"5\"}}\n\n",
    ]
    .concat();
    assert_eq!(streamed(Dialect::Anthropic, true, &chunks(Dialect::Anthropic, &anthropic)), anthropic);
}

#[test]
fn calls_without_ids_get_some() {
    let call = delta(json!({"tool_calls": [{"index": 0, "id": "", "function": {"name": "f", "arguments": "{}"}}]}));
    let out = to_anthropic(&[call.clone(), call, finish("tool_calls")]);
    let ids: Vec<_> =
        blocks(&out).into_iter().map(|(kind, arguments)| (kind.replace("tool_use toolu_", ""), arguments)).collect();
    assert!(
        ids.len() == 2 && ids[0].0 != ids[1].0 && ids.iter().all(|(id, said)| id.len() == 32 && said == "{}"),
        "{out}"
    );
}

#[test]
fn very_many_calls_that_wait_take_no_time_that_grows_with_each_of_them() {
    let begun = std::time::Instant::now();
    let call = |block: u32, arguments: &str| {
        let channel = Channel { choice: 0, block, kind: ChannelKind::ToolArguments };
        let begins = Part::ToolUse { channel, id: "c".to_owned(), name: "f".to_owned() };
        Chunk::from_parts([begins, Part::Text { channel, text: arguments.to_owned() }])
    };
    let mut all = vec![call(0, "{")];
    all.resize(50_000, call(1, "{}"));
    all.push(Chunk::text(Channel { choice: 0, block: 0, kind: ChannelKind::ToolArguments }, "}"));
    let out = streamed(Dialect::Anthropic, true, &all);
    assert_eq!(out.matches("event: content_block_start").count(), 50_000);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
