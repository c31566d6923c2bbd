use super::*;
use crate::document;
use crate::host::{Departure, depart};
use crate::sample::{HEADERS, SAID, call, calls, cx, value_of};
use gatewright_plugin::Hook;
use gatewright_plugin::hosted::Call;
use serde_json::Value as Json;
use std::sync::Arc;

/// The parts that hold what users, models and clients say.
const OF_MESSAGES: [Part; 5] = [Part::Chat, Part::Output, Part::RequestBody, Part::ResponseBody, Part::Texts];

/// What a plugin with this view gets of a call.
fn departed(call: &mut Call, view: View) -> Departure {
    depart(&cx(), &call.lend(), &Arc::new(view))
}

fn asking(headers: &[&str]) -> View {
    let all = headers.iter().fold(Manifest::new("p", "1.0.0"), |manifest, name| manifest.header(name));
    View::of(&all)
}

fn with_messages(messages: Access) -> View {
    View::of(&Manifest::new("p", "1.0.0").messages(messages))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The names of all headers in a head, one list after the other.
fn headers_in(head: &Json, found: &mut Vec<BTreeSet<String>>) {
    let Some(members) = head.as_object() else { return };
    for (name, value) in members {
        match (&**name, value) {
            ("headers", Json::Array(pairs)) => {
                found.push(pairs.iter().filter_map(|pair| Some(pair[0].as_str()?.to_owned())).collect());
            }
            (_, value) => headers_in(value, found),
        }
    }
}

/// The headers that each list in the head of a call has.
fn headers_seen(call: &mut Call, view: View) -> Vec<BTreeSet<String>> {
    let head = departed(call, view).head;
    let mut found = Vec::new();
    if !head.is_empty() {
        headers_in(&document::read(&head).unwrap(), &mut found);
    }
    found
}

/// The hooks whose payload has headers, and how many lists of them.
const WITH_HEADERS: [(Hook, usize); 7] = [
    (Hook::HttpRequest, 1),
    (Hook::HttpResponse, 2),
    (Hook::HttpStreamChunk, 1),
    (Hook::PreAuth, 1),
    (Hook::Auth, 1),
    (Hook::PostAuth, 1),
    (Hook::Endpoint, 1),
];

#[test]
fn all_headers_are_there_for_who_is_trusted() {
    for row in Hook::TABLE {
        let seen = headers_seen(&mut call(row.hook), View::all());
        let lists = WITH_HEADERS.iter().find(|(hook, _)| *hook == row.hook).map_or(0, |(_, lists)| *lists);
        assert_eq!(seen, vec![BTreeSet::from(HEADERS.map(str::to_owned)); lists], "{}", row.name);
    }
}

#[test]
fn a_header_that_is_not_asked_for_is_in_no_head() {
    for (asked, seen) in [
        (&[][..], &[][..]),
        (&["x-asked"], &["x-asked"]),
        (&["x-asked", "x-none"], &["x-asked"]),
        (&["authorization"], &["authorization"]),
        (&["*"], &["x-asked", "x-other"]),
        (&["*", "cookie"], &["x-asked", "x-other", "cookie"]),
    ] {
        let seen: BTreeSet<String> = seen.iter().map(|name| (*name).to_owned()).collect();
        for (hook, lists) in WITH_HEADERS {
            let mut call = call(hook);
            assert_eq!(headers_seen(&mut call, asking(asked)), vec![seen.clone(); lists], "{hook}: {asked:?}");
            let Departure { head, rest } = departed(&mut call, asking(asked));
            let given = Part::ALL.into_iter().filter_map(|part| Some(rest.part(part).ok()?.into_bytes().to_vec()));
            let all = [head].into_iter().chain(given).collect::<Vec<_>>().concat();
            for name in HEADERS {
                assert_eq!(holds(&all, &value_of(name)), seen.contains(name), "{hook}: {asked:?}: {name}");
            }
        }
    }
}

#[test]
fn every_credential_has_to_be_asked_for_by_its_name() {
    for credential in CREDENTIALS {
        assert!(HEADERS.contains(&credential));
        for (hook, _) in WITH_HEADERS {
            let seen = |asked: &[&str]| {
                let lists = headers_seen(&mut call(hook), asking(asked));
                lists.iter().any(|names| names.contains(credential))
            };
            assert!(!seen(&[]) && !seen(&["*"]) && seen(&[credential]), "{hook}: {credential}");
        }
    }
}

/// The parts of these that a hook has, by the docs.
fn parts_of(call: &Call) -> &'static [Part] {
    match call {
        Call::PreRequest(_) | Call::CheckInput(_) | Call::PreLlm(_) | Call::BeforeModel(_) | Call::OnModelError(_) => {
            &[Part::Chat, Part::Texts]
        }
        Call::PostLlm(result) if result.response().is_some() => &[Part::Output],
        Call::AfterModel(_) | Call::CheckOutput(_) => &[Part::Output],
        Call::HttpResponse(_) => &[Part::RequestBody, Part::ResponseBody],
        Call::HttpRequest(_) | Call::PreAuth(_) | Call::PostAuth(_) | Call::HttpStreamChunk(_) => &[Part::RequestBody],
        Call::Auth(_) | Call::Endpoint(_) => &[Part::RequestBody],
        _ => &[],
    }
}

/// Whether the head of a call says what was said.
fn says(call: &Call) -> bool {
    match call {
        Call::PostLlm(result) => !result.is_final(),
        _ => [
            Hook::HttpStreamChunk,
            Hook::OnStreamChunk,
            Hook::CheckOutput,
            Hook::OnUserMessage,
            Hook::BeforeAgent,
            Hook::AfterAgent,
            Hook::BeforeTool,
            Hook::AfterTool,
            Hook::OnToolError,
            Hook::OnEvent,
        ]
        .contains(&call.hook()),
    }
}

#[test]
fn who_reads_messages_gets_the_parts_of_the_hook_and_no_others() {
    for mut call in calls() {
        let (hook, parts, says) = (call.hook(), parts_of(&call), says(&call));
        let Departure { head, rest } = departed(&mut call, with_messages(Access::Ro));
        assert_eq!(holds(&head, SAID), says, "{hook}");
        for part in OF_MESSAGES {
            match rest.part(part) {
                Ok(contents) => {
                    assert!(parts.contains(&part) && holds(&contents.into_bytes(), SAID), "{hook} {part:?}")
                }
                Err(why) => assert_eq!((why, parts.contains(&part)), (NotGiven::Nothing(part), false), "{hook}"),
            }
        }
    }
}

#[test]
fn who_asks_for_no_messages_gets_neither_texts_nor_bodies() {
    for mut call in calls() {
        let hook = call.hook();
        let Departure { head, rest } = departed(&mut call, with_messages(Access::None));
        assert!(!holds(&head, SAID), "{hook}");
        for part in Part::ALL {
            let given = rest.part(part);
            match OF_MESSAGES.contains(&part) {
                true => assert_eq!(given.err(), Some(NotGiven::NotAskedFor), "{hook} {part:?}"),
                false => assert!(!holds(&given.unwrap().into_bytes(), SAID), "{hook} {part:?}"),
            }
        }
    }
}

#[test]
fn a_head_without_texts_is_read_as_one_with_them() {
    struct Nobody;
    impl crate::Far for Nobody {
        fn part(&self, _: Part) -> Result<Vec<u8>, String> {
            Err("nobody".to_owned())
        }
    }
    let far: Arc<dyn crate::Far> = Arc::new(Nobody);
    for mut call in calls() {
        let hook = call.hook();
        let head = departed(&mut call, with_messages(Access::None)).head;
        let arrived = crate::guest::arrive::<crate::guest::AllHooks>(hook, &head, &far);
        assert_eq!(arrived.map(|call| call.hook()), Ok(hook));
    }
}
