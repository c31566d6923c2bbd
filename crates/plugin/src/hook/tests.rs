use super::*;
use std::collections::HashMap;
use std::path::Path;

/// Every name and alias with its hook.
fn names() -> impl Iterator<Item = (&'static str, Hook)> {
    Hook::TABLE
        .iter()
        .flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()).map(|n| (n, row.hook)))
}

#[test]
fn the_number_of_a_hook_is_its_row() {
    for (number, row) in Hook::TABLE.iter().enumerate() {
        assert_eq!(row.hook as usize, number, "{}", row.name);
        assert_eq!(row.hook.info().name, row.name);
        assert_eq!(row.hook.to_string(), row.name);
    }
}

#[test]
fn a_hook_is_found_by_any_of_its_names_in_any_case() {
    for (name, hook) in names() {
        for written in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
            assert_eq!(Hook::named(&written), Some(hook), "{written}");
        }
    }
}

#[test]
fn no_name_stands_for_two_hooks() {
    let mut known = HashMap::new();
    for (name, hook) in names() {
        let other = *known.entry(name.to_lowercase()).or_insert(hook);
        assert_eq!(other, hook, "{name}");
    }
}

#[test]
fn the_names_of_the_systems_before_are_understood() {
    for (name, hook) in [
        ("HTTPTransportPreHook", Hook::HttpRequest),
        ("HTTPTransportStreamChunkHook", Hook::HttpStreamChunk),
        ("PreHook", Hook::PreLlm),
        ("PRE_PROVIDER", Hook::PreLlm),
        ("post_provider", Hook::PostLlm),
        ("on_response", Hook::HttpResponse),
        ("AuthHandler", Hook::Auth),
        ("data_collection", Hook::PostRequest),
        ("PreMCPHook", Hook::BeforeTool),
        ("Initialize", Hook::OnStartup),
        ("Cleanup", Hook::OnShutdown),
    ] {
        assert_eq!(Hook::named(name), Some(hook), "{name}");
    }
}

#[test]
fn other_names_are_nobodys() {
    for name in ["", " pre_llm", "pre_llm ", "pre-llm", "prellm", "pre_llm\0", "hook"] {
        assert_eq!(Hook::named(name), None, "{name:?}");
    }
}

#[test]
fn what_must_not_be_missed_is_closed_by_default() {
    let closed: Vec<&str> =
        Hook::TABLE.iter().filter(|row| row.failure_mode == crate::FailureMode::Closed).map(|row| row.name).collect();
    let agents = Hook::TABLE.iter().filter(|row| row.layer == Layer::Agent && row.hook != Hook::OnEvent);
    let expected: Vec<&str> = ["auth"].into_iter().chain(agents.map(|row| row.name)).chain(["on_startup"]).collect();
    assert_eq!(closed, expected);
}

#[test]
fn only_what_answers_a_call_of_its_own_has_no_chain() {
    for row in Hook::TABLE {
        let alone = row.kind == Kind::Serve || row.hook == Hook::Health;
        assert_eq!(row.direction == Direction::None, alone, "{}", row.name);
    }
}

#[test]
fn a_set_holds_what_is_put_in() {
    let set = HookSet::of(&[Hook::PreLlm, Hook::Health]).with(Hook::Auth).with(Hook::PreLlm);
    assert_eq!(set.iter().collect::<Vec<_>>(), [Hook::Auth, Hook::PreLlm, Hook::Health], "by number");
    for row in Hook::TABLE {
        assert_eq!(set.contains(row.hook), [Hook::Auth, Hook::PreLlm, Hook::Health].contains(&row.hook));
    }
    assert_eq!(set.iter().collect::<HookSet>(), set);
}

#[test]
fn sets_are_cut_and_taken_apart() {
    let (one, other) = (HookSet::of(&[Hook::PreLlm, Hook::PostLlm]), HookSet::of(&[Hook::PostLlm, Hook::Auth]));
    assert_eq!(one.intersection(other), HookSet::of(&[Hook::PostLlm]));
    assert_eq!(one.without(other), HookSet::of(&[Hook::PreLlm]));
    assert!(one.without(one).is_empty() && HookSet::EMPTY.is_empty() && !one.is_empty());
    assert_eq!(HookSet::ALL.iter().count(), Hook::COUNT);
    assert_eq!(HookSet::ALL.without(HookSet::ALL), HookSet::default());
}

/// The rows that `docs/hooks.md` must have, as far as the table here knows them.
fn documented(row: &HookInfo) -> String {
    let quoted = |name: &&str| format!("`{name}`");
    let aliases = row.aliases.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let (layer, kind) = (format!("{:?}", row.layer), format!("{:?}", row.kind));
    let direction = if row.direction == Direction::None { String::new() } else { format!("{:?}", row.direction) };
    let words = format!("{layer} | {kind} | {direction}").to_lowercase();
    let (number, name, mode) = (row.hook as u8, row.name, row.failure_mode.as_str());
    format!("| {number} | `{name}` | {aliases} | {words} | {mode} | {} s |", row.timeout.as_secs())
}

#[test]
fn the_docs_have_the_row_of_every_hook_and_no_other() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hooks.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && is_number(line)).collect();
    assert_eq!(rows.len(), Hook::COUNT);
    for (row, written) in Hook::TABLE.iter().zip(rows) {
        let expected = documented(row);
        assert!(written.starts_with(&expected), "the docs have\n{written}\ninstead of\n{expected}");
    }
}

fn is_number(line: &str) -> bool {
    line.split('|').nth(1).is_some_and(|cell| cell.trim().parse::<u8>().is_ok())
}
