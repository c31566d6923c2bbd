use super::{BadQuery, MAX_CHUNKS, Settings};

const BASE: Settings = Settings { chunks: 50, pace_ms: 0 };

#[test]
fn a_query_changes_only_what_it_names() {
    assert_eq!(BASE.with_query("pace_ms=10"), Ok(Settings { chunks: 50, pace_ms: 10 }));
    assert_eq!(BASE.with_query("chunks=3&pace_ms=1"), Ok(Settings { chunks: 3, pace_ms: 1 }));
    assert_eq!(BASE.with_query(""), Ok(BASE));
}

#[test]
fn unknown_keys_and_values_out_of_range_are_refused() {
    for query in ["pace=10", "chunks=0", "chunks", "chunks=ten", "pace_ms=-1", &format!("chunks={}", MAX_CHUNKS + 1)] {
        assert_eq!(BASE.with_query(query), Err(BadQuery), "{query}");
    }
}
