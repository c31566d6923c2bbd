use serde_json::Value;

use super::{Dialect, Payload};

const PLAIN: Payload<'_> =
    Payload { dialect: Dialect::OpenAi, model: "openai/m", stream: false, messages_first: false, bytes: None };

#[test]
fn a_padded_body_is_json_of_exactly_that_length() {
    for bytes in [200, 201, 999, 100_000, 102_400] {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let payload = Payload { bytes: Some(bytes), stream: true, dialect, ..PLAIN };
            let body = payload.json().unwrap();
            assert_eq!(body.len(), bytes);
            let value: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(value["stream"], true);
        }
    }
}

#[test]
fn a_body_shorter_than_its_shortest_is_refused() {
    let refusal = Payload { bytes: Some(20), ..PLAIN }.json().unwrap_err();
    assert!(refusal.to_string().ends_with("cannot have 20"), "{refusal}");
}

#[test]
fn the_order_of_keys_is_the_clients_choice() {
    assert!(PLAIN.json().unwrap().starts_with(r#"{"model":"openai/m","messages":["#));
    let python = Payload { messages_first: true, ..PLAIN }.json().unwrap();
    assert!(python.starts_with(r#"{"messages":["#) && python.ends_with(r#","model":"openai/m"}"#), "{python}");
}
