use super::*;

fn given(id: &[u8]) -> HeaderMap {
    HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(id).unwrap())])
}

fn is_made_here(id: &str) -> bool {
    Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 7)
}

#[test]
fn the_clients_id_is_taken_where_it_can_be_written_anywhere() {
    for id in ["1", "req_0123-ABC.def", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", &*"x".repeat(128)] {
        assert_eq!(request_id(&given(id.as_bytes())), id);
    }
}

#[test]
fn another_one_is_made_in_the_place_of_what_is_none() {
    let long = "x".repeat(129);
    for id in [&b""[..], b" ", b"a b", b"a\tb", "é".as_bytes(), b"\xff", long.as_bytes()] {
        assert!(is_made_here(&request_id(&given(id))), "{id:?}");
    }
    assert!(is_made_here(&request_id(&HeaderMap::new())));
    assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
}

#[test]
fn every_id_can_be_sent_back() {
    for headers in [HeaderMap::new(), given(b"mine")] {
        assert!(header_value(&request_id(&headers)).is_some());
    }
}
