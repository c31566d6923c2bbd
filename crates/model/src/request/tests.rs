use super::*;
use crate::{Message, Messages, Role};
use std::sync::atomic::{AtomicU32, Ordering};

/// A conversation elsewhere, which counts how often its texts are asked for.
#[derive(Default)]
struct Elsewhere {
    there: Chat,
    fetched: OnceLock<Chat>,
    asked: AtomicU32,
}

impl RemoteChat for Elsewhere {
    fn chat(&self) -> Result<&Chat, DecodeError> {
        Ok(self.fetched.get_or_init(|| self.there.clone()))
    }

    fn seen(&self) -> Option<&Chat> {
        self.fetched.get()
    }

    fn texts(&self, visit: &mut dyn FnMut(TextOf, &str)) -> Result<(), DecodeError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.there.messages.texts(visit);
        Ok(())
    }
}

fn elsewhere() -> (Request, Arc<Elsewhere>) {
    let said = [(Role::System, "be kind"), (Role::User, "key sk-1"), (Role::User, "key sk-2")];
    let messages: Messages = said.map(|(role, text)| Message::text(role, text)).into_iter().collect();
    let there = Arc::new(Elsewhere { there: Chat { messages, ..Chat::default() }, ..Elsewhere::default() });
    (Request::from_remote(Kind::Chat, None, "m".to_owned(), false, there.clone()), there)
}

fn heard(request: &Request) -> Vec<String> {
    let mut heard = Vec::new();
    request.texts(|_, text| heard.push(text.to_owned())).unwrap();
    heard
}

fn whole(request: &Request) -> Vec<String> {
    request.chat().unwrap().messages.iter().map(Message::joined_text).collect()
}

fn hide(request: &mut Request, what: &str) -> bool {
    request.map_texts(|_, text| text.contains(what).then(|| text.replace(what, "***"))).unwrap()
}

#[test]
fn texts_that_are_elsewhere_are_read_and_replaced_without_the_rest() {
    let (mut request, there) = elsewhere();
    assert_eq!(heard(&request), ["be kind", "key sk-1", "key sk-2"]);
    assert!(hide(&mut request, "sk-2"));
    assert_eq!(**request.replaced_texts().unwrap(), [(2, "key ***".to_owned())]);
    assert!(hide(&mut request, "sk-1"));
    assert!(hide(&mut request, "key ***"), "what was replaced may be replaced again");
    assert_eq!(heard(&request), ["be kind", "***", "***"]);
    assert!(!hide(&mut request, "rosebud"));
    assert_eq!(request.replaced_texts().unwrap().len(), 2, "what changed nothing gives nothing up");
    assert!(hide(&mut request, "***"));
    assert_eq!(request.map_texts(|_, text| (text != "be kind").then(String::new)), Ok(true));
    assert_eq!(heard(&request), ["be kind"], "an empty one says nothing, as one that came so");
    assert_eq!(request.map_texts(|_, text| (text != "be kind").then(|| "x".to_owned())), Ok(false));
    assert_eq!(**request.replaced_texts().unwrap(), [(1, String::new()), (2, String::new())]);
    assert!(there.seen().is_none() && request.edited().is_none());
}

#[test]
fn whoever_looks_at_all_of_it_sees_what_was_replaced() {
    let (mut request, there) = elsewhere();
    hide(&mut request, "sk-1");
    assert_eq!(whole(&request), ["be kind", "key ***", "key sk-2"]);
    assert_eq!(heard(&request), ["be kind", "key ***", "key sk-2"]);
    assert!(hide(&mut request, "sk-2"));
    assert_eq!(whole(&request), ["be kind", "key ***", "key ***"]);
    assert_eq!(there.asked.load(Ordering::Relaxed), 1, "it has them by then");
    request.chat_mut().unwrap().messages.push(Message::text(Role::User, "more"));
    assert_eq!(whole(&request), ["be kind", "key ***", "key ***", "more"]);
    assert!(request.replaced_texts().is_none() && request.edited().is_some());
}

#[test]
fn a_copy_has_what_was_replaced_and_the_original_has_not() {
    let (request, _) = elsewhere();
    let mut copy = request.clone();
    hide(&mut copy, "sk-1");
    assert_eq!((heard(&request)[1].as_str(), heard(&copy)[1].as_str()), ("key sk-1", "key ***"));
    assert_ne!(request, copy);
    assert_eq!(copy, copy.clone());
}

#[test]
fn texts_of_a_request_that_is_here_are_those_of_its_messages() {
    let chat = Chat {
        messages: vec![Message::text(Role::User, "a"), Message::text(Role::User, "")].into(),
        ..Chat::default()
    };
    let mut request = Request::from_chat("m", false, chat);
    assert_eq!(heard(&request), ["a"], "an empty one says nothing");
    assert!(hide(&mut request, "a"));
    assert_eq!(whole(&request), ["***", ""]);
}
