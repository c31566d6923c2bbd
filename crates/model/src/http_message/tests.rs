use super::*;

#[test]
fn headers_are_found_without_regard_to_case() {
    let mut headers = Headers::default();
    assert!(headers.set("X-Team", "blue"));
    assert_eq!((headers.get("x-team"), headers.get("X-TEAM")), ("blue", "blue"));
    assert!(headers.contains("x-team"));
    assert_eq!(headers.get("x-other"), "");
    assert!(headers.remove("X-team") && !headers.remove("x-team"));
}

#[test]
fn what_is_not_legal_in_http_is_not_set() {
    let mut headers = Headers::default();
    headers.set("x-a", "1");
    for (name, value) in [("x a", "1"), ("", "1"), ("x-a", "1\r\nx-b: 2"), ("x-a", "\0")] {
        assert!(!headers.set(name, value), "{name:?}: {value:?}");
    }
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-a", "1")]);
}

#[test]
fn a_header_that_is_not_text_reads_as_empty() {
    let mut headers = Headers::default();
    headers.as_map_mut().insert("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(headers.get("x-bytes"), "");
    assert!(headers.contains("x-bytes"));
    assert_eq!(headers.iter().count(), 0);
}

#[test]
fn the_first_value_of_a_header_is_read_and_all_are_replaced() {
    let mut headers = Headers::default();
    headers.as_map_mut().append("x-a", HeaderValue::from_static("1"));
    headers.as_map_mut().append("x-a", HeaderValue::from_static("2"));
    assert_eq!(headers.get("x-a"), "1");
    headers.set("x-a", "3");
    assert_eq!(headers.into_map().get_all("x-a").iter().count(), 1);
}

#[test]
fn a_query_parameter_is_found_by_its_exact_name_first() {
    let query = [("KEY", "upper"), ("key", "lower"), ("key", "again")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let request = HttpRequest::new(Method::GET, "/v1".to_owned(), query.into(), Headers::default(), "");
    assert_eq!(request.query("key"), "lower");
    assert_eq!(request.query("KEY"), "upper");
    assert_eq!(request.query("Key"), "upper", "then the first without regard to case");
    assert_eq!(request.query("other"), "");
}

#[test]
fn a_json_response_says_so() {
    let response = HttpResponse::json(201, &serde_json::json!({ "a": 1 }));
    assert_eq!((response.status, response.headers.get("Content-Type")), (201, "application/json"));
    assert_eq!(response.body, r#"{"a":1}"#);
}
