use super::*;
use crate::Role;

fn two_choices() -> Response {
    let choice = |index, text: &str| Choice {
        index,
        message: Message::text(Role::Assistant, text),
        finish: Some(FinishReason::Stop),
        extra: Extra::new(),
    };
    let chat = ChatResponse { choices: vec![choice(0, "a cat"), choice(1, "a dog")], ..ChatResponse::default() };
    Response::from_output(Kind::Chat, "p", "m", Output::Chat(chat))
}

fn texts(response: &Response) -> Vec<String> {
    response.chat().unwrap().choices.iter().map(|choice| choice.message.joined_text()).collect()
}

#[test]
fn texts_are_replaced_in_every_choice() {
    let mut response = two_choices();
    assert!(response.map_texts(|text| text.contains("dog").then(|| "a fish".to_owned())));
    assert_eq!(texts(&response), ["a cat", "a fish"]);
    assert!(!response.map_texts(|_| None));
}

#[test]
fn what_is_no_conversation_has_no_texts() {
    let speech = Output::Speech(crate::SpeechOutput::default());
    let mut response = Response::from_output(Kind::Speech, "p", "m", speech);
    assert!(!response.map_texts(|_| Some("x".to_owned())));
    assert!(response.chat().is_none() && response.chat_mut().is_none());
}

#[test]
fn an_answer_of_one_text_is_a_whole_turn() {
    let response = Response::of_text("plugin", "gpt-4", "Hello");
    let chat = response.chat().unwrap();
    assert_eq!(texts(&response), ["Hello"]);
    assert_eq!((chat.model.as_str(), chat.choices[0].finish.as_ref()), ("gpt-4", Some(&FinishReason::Stop)));
    assert!(response.wire().is_none());
}

#[test]
fn responses_are_equal_when_they_say_the_same() {
    assert_eq!(two_choices(), two_choices());
    let mut other = two_choices();
    other.map_texts(|_| Some("x".to_owned()));
    assert_ne!(two_choices(), other);
    let mut other = two_choices();
    other.extra_fields.insert("latency".to_owned(), 1.into());
    assert_ne!(two_choices(), other);
}
