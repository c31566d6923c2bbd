use super::texts;
use bytes::Bytes;
use gatewright_dialects::OPENAI;
use gatewright_model::{Channel, ChannelKind, Codec};

#[test]
fn what_is_said_in_no_block_is_checked_too() {
    let body = r#"{"choices":[{"index":2,"message":{"role":"assistant","content":"Hi",
        "reasoning_details":[{"text":"The key"},{"summary":"is sk-1"}]}},
        {"index":3,"message":{"role":"assistant","content":"Ho"}}]}"#;
    let output = OPENAI.decode_response(&Bytes::from_static(body.as_bytes())).unwrap();
    let said: Vec<_> = texts(&output).into_iter().map(|text| (text.channel, text.text)).collect();
    let channel = |choice, block, kind| Channel { choice, block, kind };
    let expected = [
        (channel(2, 0, ChannelKind::Text), "Hi"),
        (channel(3, 0, ChannelKind::Text), "Ho"),
        (channel(2, 1, ChannelKind::Reasoning), "The key\nis sk-1"),
    ];
    assert_eq!(said, expected.map(|(channel, text)| (channel, text.to_owned())));
}
