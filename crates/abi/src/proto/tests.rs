use super::*;
use std::path::Path;

#[test]
fn the_proto_has_the_numbers() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/gatewright/plugin/v1/plugin.proto");
    let found = std::fs::read_to_string(&file).unwrap();
    let (by_hand, written) = found.split_once(MARK).unwrap();
    if std::env::var_os("UPDATE_ABI_FILES").is_some() {
        return std::fs::write(&file, [by_hand, MARK, &numbers()].concat()).unwrap();
    }
    assert_eq!(written, numbers(), "run with UPDATE_ABI_FILES=1");
}

#[test]
fn every_row_of_the_tables_is_there() {
    let numbers = numbers();
    for line in
        ["  HOOK_HTTP_REQUEST = 0;", "  HOOK_HEALTH = 37;", "  PART_TEXTS = 7;", "  FUNCTION_KV_COMPARE_AND_SET = 8;"]
    {
        assert!(numbers.lines().any(|found| found == line), "{line}");
    }
    let values = numbers.lines().filter(|line| line.contains(" = ")).count();
    assert_eq!(values, Hook::COUNT + Part::ALL.len() + Function::TABLE.len());
}
