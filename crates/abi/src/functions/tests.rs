use super::*;

#[test]
fn rows_stand_at_their_numbers() {
    for (at, row) in Function::TABLE.iter().enumerate() {
        assert_eq!(row.function as usize, at);
        assert_eq!(Function::numbered(at as u32), Some(row.function));
        assert!(row.since <= crate::VERSION.1);
    }
    assert_eq!(Function::numbered(Function::TABLE.len() as u32), None);
}

#[test]
fn what_waits_or_reaches_out_needs_a_permission() {
    for row in Function::TABLE {
        assert!(row.permission.is_some() || !row.waits, "{}", row.function.name());
    }
}

#[test]
fn the_docs_have_the_table() {
    let docs = include_str!("../../../../docs/abi.md");
    for row in Function::TABLE {
        let permission = row.permission.map_or("none".to_owned(), |permission| format!("`{}`", permission.as_str()));
        let waits = if row.waits { "yes" } else { "no" };
        let line = format!(
            "| {} | `{}` | {} | {} | {permission} | {waits} | `{}` | `{}` |",
            row.function as u32,
            row.function.name(),
            row.since(),
            row.legal_in(),
            row.argument.replace('|', "\\|"),
            row.result,
        );
        assert!(docs.contains(&line), "docs/abi.md lacks\n{line}");
    }
}

/// What the docs say of phases, word for word: a table that says something else is not what plugins were promised.
#[test]
fn only_what_needs_the_gateway_to_serve_is_bound_to_hooks() {
    for row in Function::TABLE {
        let legal = match row.function {
            Function::LlmComplete => "every hook but on_startup, on_shutdown, health",
            _ => "every hook",
        };
        assert_eq!(row.legal_in(), legal, "{}", row.function.name());
    }
}
