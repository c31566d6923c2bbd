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
