use super::*;
use crate::payload::LlmResult;
use gatewright_model::{Channel, ChannelKind, Chat, Chunk, ErrorKind, LlmError, Message, Response, Role};

#[test]
fn reading_copies_nothing() {
    let base = Arc::new(vec![1, 2]);
    let draft = Draft::new(base.clone());
    assert_eq!(draft.len(), 2);
    assert!(!draft.is_edited());
    assert!(Arc::ptr_eq(draft.base(), &base));
}

#[test]
fn an_edit_is_read_but_not_kept_until_the_host_says_so() {
    let mut draft = Draft::from(vec![1]);
    draft.edit().push(2);
    draft.push(3);
    assert!(draft.is_edited());
    assert_eq!(*draft, [1, 2, 3]);
    assert_eq!(**draft.base(), [1]);
    assert!(draft.commit());
    assert_eq!(**draft.base(), [1, 2, 3]);
    assert!(!draft.is_edited() && !draft.commit(), "there is nothing more to keep");
}

#[test]
fn an_edit_that_is_given_up_never_was() {
    let base = Arc::new("kept".to_owned());
    let mut draft = Draft::new(base.clone());
    draft.push_str(" and lost");
    draft.undo();
    assert_eq!(*draft, "kept");
    assert!(!draft.commit());
    assert!(Arc::ptr_eq(draft.base(), &base));
}

#[test]
fn a_replacement_is_an_edit() {
    let mut draft = Draft::from(1);
    draft.replace(2);
    assert_eq!((*draft, **draft.base(), draft.is_edited()), (2, 1, true));
    draft.undo();
    assert_eq!(*draft, 1);
}

#[test]
fn a_copy_of_a_draft_is_edited_by_itself() {
    let mut draft = Draft::from(vec![1]);
    draft.push(2);
    let mut late = draft.clone();
    late.push(3);
    assert_eq!(*draft, [1, 2]);
    draft.commit();
    late.undo();
    assert_eq!((draft.as_slice(), late.as_slice()), (&[1, 2][..], &[1][..]));
}

#[test]
fn the_payload_comes_out_with_all_edits_and_without_a_copy_where_it_can() {
    let mut draft = Draft::from(vec![1]);
    draft.push(2);
    assert_eq!(draft.into_inner(), [1, 2]);
    let at = |payload: &[i32]| payload.as_ptr() as usize;
    let own = Draft::from(vec![1]);
    let before = at(&own);
    assert_eq!(at(&own.into_inner()), before);
    let base = Arc::new(vec![1]);
    assert_ne!(at(&Draft::new(base.clone()).into_inner()), at(&base), "what others hold stays theirs");
}

#[test]
fn a_request_in_which_no_text_changes_is_not_edited() {
    let messages = vec![Message::text(Role::User, "key sk-1")].into();
    let mut draft = Draft::from(Request::from_chat("m", false, Chat { messages, ..Chat::default() }));
    assert_eq!(draft.map_texts(|_, _| None), Ok(false));
    assert!(!draft.is_edited());
    assert_eq!(draft.map_texts(|_, text| text.strip_suffix("sk-1").map(str::to_owned)), Ok(true));
    assert!(draft.is_edited());
    assert_eq!(draft.map_texts(|_, _| None), Ok(false));
    assert!(draft.is_edited(), "what was edited before stays");
}

#[test]
fn a_result_in_which_no_text_changes_is_not_edited() {
    let response = || Response::of_text("openai", "m", "key sk-1");
    let channel = Channel { choice: 0, block: 0, kind: ChannelKind::Text };
    for result in [
        LlmResult::Response(response()),
        LlmResult::StreamEnd(response()),
        LlmResult::Chunk(Chunk::text(channel, "key sk-1")),
    ] {
        let mut draft = Draft::from(result);
        assert!(!draft.map_texts(|_| None) && !draft.is_edited(), "{:?}", *draft);
        assert!(draft.map_texts(|text| text.strip_suffix("sk-1").map(str::to_owned)) && draft.is_edited());
        assert!(!draft.map_texts(|_| None) && draft.is_edited(), "what was edited before stays");
    }
    let mut error = Draft::from(LlmResult::Error(LlmError::new(ErrorKind::Upstream, "sk-1")));
    assert!(!error.map_texts(|_| Some(String::new())) && !error.is_edited(), "an error has no texts");
    let mut draft = Draft::from(response());
    assert!(!draft.map_texts(|_| None) && !draft.is_edited());
    assert!(draft.map_texts(|_| Some("other".to_owned())) && draft.is_edited());
}
