use serde_json::Value;

use super::{MESSAGE, stream};

#[test]
fn the_message_is_json_of_about_a_kilobyte() {
    let value: Value = serde_json::from_str(MESSAGE).unwrap();
    assert_eq!(value["usage"]["output_tokens"], 122);
    assert!((900..1200).contains(&MESSAGE.len()), "{}", MESSAGE.len());
}

#[test]
fn every_event_is_named_as_its_data_says() {
    let script = stream(2);
    let mut names = Vec::new();
    for index in 0..script.len() {
        let event = String::from_utf8(script.event(index).unwrap().to_vec()).unwrap();
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap();
        assert_eq!(data["type"], name);
        names.push(name.to_owned());
    }
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
}

#[test]
fn usage_counts_the_deltas() {
    let event = stream(7).event(3 + 7 + 1).unwrap();
    assert!(String::from_utf8_lossy(&event).contains(r#""output_tokens":7"#));
}
