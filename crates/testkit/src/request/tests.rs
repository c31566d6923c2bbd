use super::request;
use crate::{output, response};
use gatewright_model::{Block, Role, Usage};
use serde_json::json;

#[test]
fn messages_stand_in_their_order() {
    let request = request("gpt-4")
        .provider("openai")
        .stream()
        .system("Be brief.")
        .user("Hello")
        .tool_use("1", "search", &json!({"q": "x"}))
        .tool_result("1", "found")
        .blocks(Role::User, [Block::text("a"), Block::text("b")])
        .build();
    assert_eq!((request.provider.as_deref(), &*request.model, request.stream()), (Some("openai"), "gpt-4", true));
    let messages = &request.chat().unwrap().messages;
    let told: Vec<_> = messages.iter().map(|message| (message.role(), message.joined_text())).collect();
    let expected = [
        (Role::System, "Be brief."),
        (Role::User, "Hello"),
        (Role::Assistant, r#"{"q":"x"}"#),
        (Role::Tool, "found"),
        (Role::User, "a\nb"),
    ];
    assert_eq!(told, expected.map(|(role, text)| (role, text.to_owned())));
}

#[test]
fn responses_say_what_they_are_told() {
    let usage = Usage { input_tokens: 3, output_tokens: 4, ..Usage::default() };
    let response = response("Hi").provider("openai").model("gpt-4").choice("Ho").usage(usage).build();
    let chat = response.chat().unwrap();
    let texts: Vec<_> = chat.choices.iter().map(|choice| choice.message.joined_text()).collect();
    assert_eq!((texts, chat.usage), (vec!["Hi".to_owned(), "Ho".to_owned()], Some(usage)));
    assert_eq!((&*response.provider, &*response.model), ("openai", "gpt-4"));
    let check = output("Hi");
    assert_eq!((check.text(), check.is_final), ("Hi".to_owned(), true));
}
