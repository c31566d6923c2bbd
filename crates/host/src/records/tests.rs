use super::*;

fn row(length: usize) -> Record {
    let row = serde_json::Map::from_iter([("text".to_owned(), "x".repeat(length).into())]);
    Record { table: "t".to_owned(), row }
}

#[test]
fn a_row_is_bounded() {
    let records = LoggedRecords::new("it");
    let around = r#"{"text":""}"#.len();
    assert_eq!(records.append(row(MAX_ROW_BYTES - around)), Ok(()));
    let message = records.append(row(MAX_ROW_BYTES - around + 1)).unwrap_err().to_string();
    assert_eq!(message, "too large: a row has at most 16384 bytes");
}

#[test]
fn the_name_of_its_table_is_bounded() {
    let records = LoggedRecords::new("it");
    let of = |length| Record { table: "t".repeat(length), ..row(1) };
    assert_eq!(records.append(of(MAX_TABLE_BYTES)), Ok(()));
    let message = records.append(of(MAX_TABLE_BYTES + 1)).unwrap_err().to_string();
    assert_eq!(message, "too large: a table's name has at most 256 bytes");
}
