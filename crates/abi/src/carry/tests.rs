use crate::document;
use crate::host::depart;
use crate::part::View;
use crate::sample::{calls, cx};
use gatewright_plugin::Hook;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A row of the docs' table of heads.
struct Row {
    hooks: Vec<Hook>,
    /// The members of each shape that it gives the head itself, and whether each may be left out.
    shapes: Vec<Vec<(String, bool)>>,
}

/// What stands in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The members of a map as the docs write it: `{name, name?: type, name: {...}}`.
fn members(shape: &str) -> Option<Vec<(String, bool)>> {
    let inside = shape.strip_prefix('{')?.strip_suffix('}')?;
    let (mut depth, mut members) = (0, vec![String::new()]);
    for letter in inside.chars() {
        depth += i32::from("{[".contains(letter)) - i32::from("}]".contains(letter));
        match (depth, letter) {
            (0, ',') => members.push(String::new()),
            _ => members.last_mut()?.push(letter),
        }
    }
    let named = members.iter().map(|member| {
        let name = member.trim().split(':').next().unwrap_or_default();
        (name.trim_end_matches('?').to_owned(), name.ends_with('?'))
    });
    Some(named.collect())
}

fn rows() -> Vec<Row> {
    let docs = include_str!("../../../../docs/abi.md");
    let (_, table) = docs.split_once("### Heads\n").unwrap();
    let (table, _) = table.split_once("\n\nHooks of agents").unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let row = |(hooks, head): (&str, &str)| Row {
        hooks: quoted(hooks).map(|name| Hook::named(name).unwrap()).collect(),
        shapes: match head.strip_prefix("one of ") {
            Some(shapes) => quoted(shapes).filter_map(members).collect(),
            None => quoted(head).take(1).filter_map(members).collect(),
        },
    };
    cells.filter(|(hooks, _)| *hooks != "hooks").map(row).collect()
}

#[test]
fn the_docs_have_every_member_of_every_head() {
    let rows = rows();
    for mut call in calls() {
        let hook = call.hook();
        let Some(row) = rows.iter().find(|row| row.hooks.contains(&hook)) else { panic!("no row has {hook}") };
        let head = depart(&cx(), &call.lend(), &Arc::new(View::all())).head;
        if row.shapes.is_empty() {
            // It is said in words: a shape of its own, or nothing.
            continue;
        }
        let head: Json = document::read(&head).unwrap();
        let found: BTreeSet<&str> = head.as_object().unwrap().keys().map(String::as_str).collect();
        let fits = row.shapes.iter().any(|shape| {
            let known = found.iter().all(|name| shape.iter().any(|(member, _)| member == name));
            known && shape.iter().all(|(member, may_lack)| *may_lack || found.contains(&**member))
        });
        let shapes = &row.shapes;
        assert!(fits, "{hook} has {found:?}, and the docs say {shapes:?}");
    }
    let in_words: Vec<Hook> =
        rows.iter().filter(|row| row.shapes.is_empty()).flat_map(|row| row.hooks.clone()).collect();
    let known =
        [Hook::OnError, Hook::PostRequest, Hook::RequestEnd, Hook::OnUserMessage, Hook::OnShutdown, Hook::Health];
    assert!(in_words.iter().all(|hook| known.contains(hook)), "{in_words:?}");
}
