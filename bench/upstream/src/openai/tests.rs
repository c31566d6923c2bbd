use serde_json::Value;

use super::{COMPLETION, stream};

fn payloads(include_usage: bool) -> Vec<String> {
    let script = stream(4, include_usage);
    (0..script.len())
        .map(|index| {
            let event = String::from_utf8(script.event(index).unwrap().to_vec()).unwrap();
            event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_completion_is_json_of_about_a_kilobyte() {
    let value: Value = serde_json::from_str(COMPLETION).unwrap();
    assert_eq!(value["usage"]["total_tokens"], 106);
    assert!((900..1200).contains(&COMPLETION.len()), "{}", COMPLETION.len());
}

#[test]
fn a_stream_is_role_content_finish_done() {
    let payloads = payloads(false);
    assert_eq!(payloads.len(), 1 + 4 + 1 + 1);
    let chunks: Vec<Value> = payloads[..6].iter().map(|payload| serde_json::from_str(payload).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks[1..5].iter().all(|chunk| chunk["choices"][0]["delta"]["content"] == " token"));
    assert_eq!(chunks[5]["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(payloads[6], "[DONE]");
}

#[test]
fn usage_comes_between_finish_and_done_when_asked_for() {
    let payloads = payloads(true);
    let usage: Value = serde_json::from_str(&payloads[6]).unwrap();
    assert_eq!(usage["choices"], Value::Array(Vec::new()));
    assert_eq!(usage["usage"]["completion_tokens"], 4);
    assert_eq!(usage["usage"]["total_tokens"], 28);
    let role: Value = serde_json::from_str(&payloads[0]).unwrap();
    assert_eq!(role.get("usage"), Some(&Value::Null));
    assert_eq!(payloads[7], "[DONE]");
}

#[test]
fn the_pauses_lie_between_content_chunks() {
    let script = stream(4, false);
    let pauses: Vec<usize> = (0..script.len()).filter(|index| script.pauses_before(*index)).collect();
    assert_eq!(pauses, [2, 3, 4, 5]);
}
