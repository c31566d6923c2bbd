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
            "| {} | `{}` | {permission} | {waits} | `{}` | `{}` |",
            row.function as u32,
            row.function.name(),
            row.argument.replace('|', "\\|"),
            row.result,
        );
        assert!(docs.contains(&line), "docs/abi.md lacks\n{line}");
    }
}
