use super::*;
use gatewright_dialects::OPENAI;
use gatewright_model::ErrorKind;

fn reported(dialect: Dialect, dropped: &[&str]) -> Reported {
    let dropped = dropped.iter().map(|param| Dropped { param: (*param).to_owned() }).collect();
    Reported { dialect, request_id: "r-1".to_owned(), overhead: Duration::from_micros(1_234), dropped }
}

fn body() -> ResponseBody {
    ResponseBody::Plain(None)
}

fn header<'a>(response: &'a Response<ResponseBody>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn an_answer_says_which_request_it_is_of_and_what_it_took() {
    let answer = whole(200, HeaderMap::new(), &reported(Dialect::OpenAi, &[]), body());
    assert_eq!((header(&answer, "x-request-id"), header(&answer, "request-id")), ("r-1", ""));
    assert_eq!(header(&answer, "x-gatewright-overhead-us"), "1234");
    assert!(!answer.headers().contains_key("x-gatewright-dropped"));
    let answer = whole(200, HeaderMap::new(), &reported(Dialect::Anthropic, &[]), body());
    assert_eq!((header(&answer, "x-request-id"), header(&answer, "request-id")), ("r-1", "r-1"));
}

#[test]
fn a_length_that_a_plugin_set_does_not_hold_for_the_body() {
    let set = [("content-length", "3"), ("transfer-encoding", "chunked"), ("x-kept", "1"), ("x-request-id", "forged")];
    let headers = set.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let answer = whole(200, HeaderMap::from_iter(headers), &reported(Dialect::OpenAi, &[]), body());
    assert_eq!((header(&answer, "content-length"), header(&answer, "transfer-encoding")), ("", ""));
    assert_eq!((header(&answer, "x-kept"), header(&answer, "x-request-id")), ("1", "r-1"));
}

#[test]
fn a_status_that_is_none_is_our_fault() {
    for (status, expected) in [(200, 200), (599, 599), (0, 500), (99, 500), (1000, 500)] {
        let answer = whole(status, HeaderMap::new(), &reported(Dialect::OpenAi, &[]), body());
        assert_eq!(answer.status(), expected);
    }
}

#[test]
fn what_was_left_out_is_named() {
    let of = |dropped: &[&str]| {
        let answer = whole(200, HeaderMap::new(), &reported(Dialect::OpenAi, dropped), body());
        header(&answer, "x-gatewright-dropped").to_owned()
    };
    assert_eq!(of(&["seed", "seed", "messages[0].name"]), "seed, messages[0].name");
    assert_eq!(of(&["a\r\nx-forged: 1", "é"]), "ax-forged: 1, ", "it stays one header");
    let many = vec!["parameter"; 500];
    let different: Vec<String> = many.iter().enumerate().map(|(number, name)| format!("{name}{number}")).collect();
    let different: Vec<&str> = different.iter().map(String::as_str).collect();
    assert_eq!(of(&different).len(), 1024);
}

#[test]
fn a_stream_is_one_for_everybody_on_the_way() {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let answer = stream(headers, &reported(Dialect::OpenAi, &[]), body());
    let heads =
        ["content-type", "cache-control", "x-accel-buffering", "x-request-id"].map(|name| header(&answer, name));
    assert_eq!(heads, ["text/event-stream", "no-cache", "no", "r-1"]);
    assert_eq!(answer.status(), 200);
}

#[test]
fn an_error_says_when_to_come_back() {
    let of = |retry_after| {
        let wrong = LlmError { retry_after, ..LlmError::new(ErrorKind::RateLimit, "no") };
        let answer = error(&OPENAI, &wrong, "r-1");
        assert_eq!((answer.status, answer.headers.get("content-type")), (429, "application/json"));
        answer.headers.get("retry-after").to_owned()
    };
    assert_eq!(of(None), "");
    assert_eq!(of(Some(Duration::from_secs(7))), "7");
    assert_eq!(of(Some(Duration::from_millis(1900))), "2", "not before");
    assert_eq!(of(Some(Duration::ZERO)), "1", "0 would mean at once");
}

#[test]
fn a_decision_is_not_to_be_asked_for_again_but_a_failure_may() {
    let of = |error_: LlmError| error(&OPENAI, &error_, "r-1").headers.get("x-should-retry").to_owned();
    let failed = LlmError::new(ErrorKind::GuardrailBlocked, "no").with_plugin("quota").with_status(429);
    assert_eq!(of(failed.clone()), "", "of an attempt in a provider's place");
    let decided = LlmError { allow_fallbacks: Some(false), ..failed };
    assert_eq!(of(decided.clone()), "false");
    assert_eq!(of(LlmError { retry_after: Some(Duration::from_secs(1)), ..decided }), "");
    assert_eq!(of(LlmError::new(ErrorKind::PluginUnavailable, "it failed").with_plugin("quota")), "");
    assert_eq!(of(LlmError::new(ErrorKind::RateLimit, "slow down").with_provider("up")), "");
}
