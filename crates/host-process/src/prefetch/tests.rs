use super::*;
use crate::nothing;
use gatewright_abi::{View, host};
use gatewright_plugin::hosted::Call;
use gatewright_plugin::model::{Chat, Message, Request, Role};
use gatewright_plugin::{Cx, Facts, State};
use std::sync::Arc;

#[test]
fn over_a_session_what_has_no_room_is_left_to_be_fetched() {
    let messages = vec![Message::text(Role::User, "x".repeat(1000))].into();
    let request = Request::from_chat("m", false, Chat { messages, ..Chat::default() });
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, nothing::services());
    let rest = host::depart(&cx, &Call::CheckInput(Arc::new(request)).lend(), &Arc::new(View::all())).rest;
    let prefetch = Prefetch::default();
    prefetch.learn(Hook::CheckInput, 1 << Part::Chat as u32 | 1 << Part::Texts as u32);
    let sent = |session, room| {
        let parts = prefetch.parts(Hook::CheckInput, &rest, session, room);
        parts.into_iter().map(|part| part.part).collect::<Vec<_>>()
    };
    let (chat, texts) = (Part::Chat as u32, Part::Texts as u32);
    assert_eq!(sent(true, 4000), [chat, texts]);
    assert_eq!(sent(true, 1500), [chat]);
    assert_eq!(sent(true, 500), [0; 0]);
    assert!(sent(false, 500).ends_with(&[texts]), "a single call fetches nothing");
}
