use super::*;
use gatewright_plugin::Access;
use serde_json::{Value as Json, json};
use std::sync::Mutex;

/// A host, which notes what is asked of it.
struct There {
    parts: Parts,
    refuses: Vec<Part>,
    at_hand: Vec<Part>,
    asked: Mutex<Vec<Part>>,
}

impl Far for There {
    fn part(&self, part: Part) -> Result<Vec<u8>, String> {
        self.asked.lock().unwrap().push(part);
        match self.refuses.contains(&part) {
            true => Err("no such part".to_owned()),
            false => self
                .parts
                .get(part, &View::all())
                .map(|contents| contents.into_bytes().into())
                .map_err(|why| why.to_string()),
        }
    }

    fn at_hand(&self, part: Part) -> bool {
        self.at_hand.contains(&part)
    }
}

fn asked() -> Request {
    let messages = [(Role::System, "be kind"), (Role::User, "key sk-1")].map(|(role, text)| Message::text(role, text));
    let chat = Chat { messages: messages.into_iter().collect(), ..Chat::default() };
    let mut request = Request::from_chat("m", false, chat);
    request.provider = Some("p".to_owned());
    request
}

/// A draft on the guest's side, and its host.
fn arrived(refuses: &[Part], at_hand: &[Part]) -> (Draft<Request>, Arc<There>) {
    let parts = Parts { request: Some(Arc::new(asked())), ..Parts::default() };
    let (refuses, at_hand) = (refuses.to_vec(), at_hand.to_vec());
    let there = Arc::new(There { parts, refuses, at_hand, asked: Mutex::default() });
    let far: Arc<dyn Far> = there.clone();
    let head = Draft::from(asked()).head(&View::all());
    (Draft::arrive(&head, &far).unwrap(), there)
}

fn hide(draft: &mut Draft<Request>) -> Result<bool, DecodeError> {
    draft.map_texts(|_, text| text.contains("sk-1").then(|| text.replace("sk-1", "***")))
}

fn written(edits: &RequestEdits) -> Json {
    document::read(&document::write(edits)).unwrap()
}

fn texts(request: &Request) -> Vec<(TextOf, String)> {
    let mut all = Vec::new();
    request.texts(|of, text| all.push((of, text.to_owned()))).unwrap();
    all
}

/// What the host has after these edits, once they have crossed.
fn applied(edits: RequestEdits) -> Request {
    let edits: RequestEdits = document::read(&document::write(&edits)).unwrap();
    let mut draft = Draft::from(asked());
    draft.apply(edits, &View::all()).unwrap();
    (*draft).clone()
}

#[test]
fn of_who_reads_and_replaces_texts_nothing_else_crosses() {
    let (mut draft, there) = arrived(&[], &[]);
    assert_eq!(texts(&draft), texts(&asked()));
    assert_eq!(hide(&mut draft), Ok(true));
    assert_eq!(*there.asked.lock().unwrap(), [Part::Texts], "fetched once, and nothing else");
    let edits = draft.edits().unwrap();
    let told = json!({ "provider": "p", "model": "m", "stream": false, "texts": [[1, "key ***"]] });
    assert_eq!(written(&edits), told);
    assert_eq!(texts(&applied(edits)), texts(&draft));
}

#[test]
fn a_host_that_knows_no_texts_is_told_in_the_way_that_it_knows() {
    let (mut draft, there) = arrived(&[Part::Texts], &[]);
    assert_eq!(hide(&mut draft), Ok(true));
    assert_eq!(*there.asked.lock().unwrap(), [Part::Texts, Part::Chat]);
    let edits = draft.edits().unwrap();
    let told = written(&edits);
    assert_eq!((told.get("texts"), &told["chat"]["messages"][0]), (None, &json!({ "origin": 0 })));
    assert_eq!(texts(&applied(edits))[1].1, "key ***");
}

#[test]
fn a_conversation_that_is_at_hand_is_not_fetched_in_part() {
    let (draft, there) = arrived(&[], &[Part::Chat]);
    assert_eq!(texts(&draft), texts(&asked()));
    assert_eq!(*there.asked.lock().unwrap(), [Part::Chat]);
}

#[test]
fn what_cannot_be_had_is_not_as_if_there_were_no_texts() {
    let (mut draft, _) = arrived(&[Part::Texts, Part::Chat], &[]);
    assert!(draft.texts(|_, _| ()).is_err());
    assert!(hide(&mut draft).is_err());
    assert!(!draft.is_edited());
}

#[test]
fn texts_alone_are_an_edit_and_come_once() {
    let edits: RequestEdits = document::read(&document::write(&json!({ "texts": [[0, "be"], [1, "quick"]] }))).unwrap();
    let request = applied(edits);
    assert_eq!((request.provider.as_deref(), &*request.model), (Some("p"), "m"), "they are as they were");
    assert_eq!(texts(&request).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["be", "quick"]);
    let beside = vec![(0, "x".to_owned())];
    let both = RequestEdits { texts: Some(Arc::new(beside.clone())), ..RequestEdits::default() };
    assert!(<Draft<Request> as Carry>::taken(Some(both), beside.clone()).is_err());
    let edits = <Draft<Request> as Carry>::taken(None, beside).unwrap();
    let mut manifest = gatewright_plugin::Manifest::new("a", "1.0.0");
    manifest.messages = Access::Ro;
    assert!(Draft::from(asked()).apply(edits, &View::of(&manifest)).is_err(), "who may not write them");
}

#[test]
fn an_edit_that_keeps_its_origin_is_not_lost() {
    let said = json!({ "role": "user", "blocks": [{ "content": { "text": "***" } }] });
    let edits = |message: Json| -> RequestEdits {
        let edits = json!({ "chat": { "messages": [{ "origin": 0 }, message] } });
        document::read(&document::write(&edits)).unwrap()
    };
    assert_eq!(texts(&applied(edits(said.clone())))[1].1, "***");
    let mut both = said;
    both["origin"] = json!(1);
    let refused = Draft::from(asked()).apply(edits(both), &View::all()).unwrap_err();
    assert!(refused.to_string().contains("leave the origin out"), "{refused}");
}

#[test]
fn an_edit_that_is_misspelt_is_refused() {
    for (edits, why) in [
        (json!({ "text": [[1, "key ***"]] }), "unknown field `text`"),
        (json!({ "chat": { "message": [] } }), "unknown field `message`"),
        (json!({ "chat": { "params": {} } }), "missing field `messages`"),
        (json!({ "chat": { "messages": [{ "role": "user", "content": "hi" }] } }), "neither `blocks` nor an `origin`"),
    ] {
        let refused = document::read::<RequestEdits>(&document::write(&edits)).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}
