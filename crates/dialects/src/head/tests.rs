use super::{MAX_FALLBACKS, NAME_BYTES};
use crate::{ANTHROPIC, OPENAI};
use bytes::Bytes;
use gatewright_model::{Codec, Compat, Kind, Request, RequestHead, RequestSplice};

fn scan(body: &str) -> RequestHead {
    OPENAI.scan_request(&Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn refusal(codec: &dyn Codec, body: impl AsRef<[u8]>) -> (String, Option<String>) {
    let error = codec.scan_request(&Bytes::copy_from_slice(body.as_ref())).unwrap_err();
    (error.to_string(), error.param().map(str::to_owned))
}

fn spliced(body: &str, model: &str, include_usage: bool) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = Request::from_wire(Kind::Chat, &OPENAI, body.clone()).unwrap();
    let splice = RequestSplice { model, include_usage, compat: Compat::default() };
    let segments = OPENAI.encode_request(&request, &splice).unwrap().body;
    let inside = |at: *const u8| (body.as_ptr()..body.as_ptr().wrapping_add(body.len())).contains(&at);
    assert!(segments.iter().any(|segment| inside(segment.as_ptr())), "the rest is not copied");
    String::from_utf8(segments.concat()).unwrap()
}

#[test]
fn finds_the_head() {
    let body = r#"{"messages":[{"role":"user","content":"\"model\":\"no\""}],"model":"openai/gpt-4o","stream":true,
        "stream_options":{"include_usage":true},"fallbacks":["anthropic/claude-sonnet-4","openai/gpt-4o-mini"]}"#;
    let head = scan(body);
    assert_eq!((&*head.model, head.stream, head.include_usage), ("openai/gpt-4o", true, true));
    assert_eq!(head.fallbacks, ["anthropic/claude-sonnet-4", "openai/gpt-4o-mini"]);
    assert_eq!(&body[head.model_span], "\"openai/gpt-4o\"");
    assert!(body[head.fallbacks_span.unwrap()].starts_with(",\"fallbacks\":["));
    assert_eq!(&body[head.stream_options_span.unwrap()], "{\"include_usage\":true}");
}

#[test]
fn absent_and_null_are_the_same() {
    for rest in
        ["", ",\"stream\":null,\"fallbacks\":null,\"stream_options\":null", ",\"stream\":false,\"fallbacks\":[]"]
    {
        let head = scan(&format!("{{\"model\":\"m\",\"messages\":[]{rest}}}"));
        assert_eq!((head.stream, head.include_usage, head.fallbacks.len()), (false, false, 0));
    }
}

#[test]
fn a_stream_of_anthropic_always_tells_the_usage() {
    let body = Bytes::from_static(br#"{"model":"claude","max_tokens":5,"messages":[]}"#);
    assert!(ANTHROPIC.scan_request(&body).unwrap().include_usage);
}

#[test]
fn refuses_and_names_the_member() {
    let cases = [
        (r#"{"messages":[]}"#, "`model` is missing", Some("model")),
        (r#"{"model":"","messages":[]}"#, "`model` must be a string that is not empty", Some("model")),
        (r#"{"model":7,"messages":[]}"#, "`model` must be a string that is not empty", Some("model")),
        (r#"{"model":null,"messages":[]}"#, "`model` must be a string that is not empty", Some("model")),
        (r#"{"model":"m"}"#, "`messages` is missing", Some("messages")),
        (r#"{"model":"m","messages":"hi"}"#, "`messages` must be an array", Some("messages")),
        (r#"{"model":"m","messages":[],"stream":"yes"}"#, "`stream` must be true or false", Some("stream")),
        (r#"{"model":"m","messages":[],"fallbacks":"a/b"}"#, "`fallbacks` must be an array", Some("fallbacks")),
        (r#"{"model":"m","messages":[],"fallbacks":["a",1]}"#, "`fallbacks[1]` must be a string", Some("fallbacks[1]")),
        (r#"{"model":"m","messages":[],"fallbacks":[""]}"#, "`fallbacks[0]` must not be empty", Some("fallbacks[0]")),
        (
            r#"{"model":"m","messages":[],"stream_options":1}"#,
            "`stream_options` must be an object",
            Some("stream_options"),
        ),
        (
            r#"{"model":"m","messages":[],"stream_options":{"include_usage":1}}"#,
            "`stream_options.include_usage` must be true or false",
            Some("stream_options.include_usage"),
        ),
        (
            r#"{"model":"m","messages":[]"#,
            "the body is not valid JSON: expected a comma or the closing bracket at byte 26",
            None,
        ),
        ("", "the body is not valid JSON: expected an object at byte 0", None),
        ("[]", "the body is not valid JSON: expected an object at byte 0", None),
    ];
    for (body, message, param) in cases {
        assert_eq!(refusal(&OPENAI, body), (message.to_owned(), param.map(str::to_owned)), "{body}");
    }
    assert_eq!(refusal(&OPENAI, b"{\"model\":\"\xff\"}").0, "the body is not UTF-8");
}

#[test]
fn anthropic_needs_a_limit_of_tokens() {
    for (limit, message) in [
        ("", "`max_tokens` is missing"),
        (",\"max_tokens\":null", "`max_tokens` is missing"),
        (",\"max_tokens\":0", "`max_tokens` must be a whole number above 0"),
        (",\"max_tokens\":\"9\"", "`max_tokens` must be a whole number above 0"),
    ] {
        let body = format!("{{\"model\":\"m\",\"messages\":[]{limit}}}");
        assert_eq!(refusal(&ANTHROPIC, body), (message.to_owned(), Some("max_tokens".to_owned())));
    }
}

#[test]
fn a_member_of_the_head_may_not_stand_there_twice() {
    for (name, value) in [
        ("model", "\"x\""),
        ("messages", "[]"),
        ("stream", "true"),
        ("stream", "null"),
        ("fallbacks", "[]"),
        ("stream_options", "{}"),
        ("mod\\u0065l", "\"x\""),
    ] {
        let body = format!(
            "{{\"model\":\"m\",\"messages\":[],\"stream\":true,\"fallbacks\":[],\"stream_options\":{{}},\"{name}\":{value}}}"
        );
        assert!(refusal(&OPENAI, body).0.ends_with("stands there twice"), "{name}");
    }
}

#[test]
fn a_member_of_the_head_may_not_stand_there_in_another_case() {
    for (name, known) in [
        ("Model", "model"),
        ("mod\\u0065L", "model"),
        ("MESSAGES", "messages"),
        ("me\u{17f}sages", "messages"),
        ("Stream", "stream"),
        ("Stream_Options", "stream_options"),
        ("fallbac\u{212a}s", "fallbacks"),
    ] {
        let body = format!("{{\"model\":\"m\",\"messages\":[],\"{name}\":null}}");
        assert!(refusal(&OPENAI, body).0.ends_with(&format!("must be written `{known}`")), "{name}");
    }
    let others = r#"{"model":"m","messages":[],"Models":1,"modél":2,"extraBody":3,"é":4}"#;
    assert_eq!(scan(others).model, "m");
}

#[test]
fn what_is_asked_of_usage_is_read_the_same_by_all() {
    for (options, problem) in [
        (
            r#"{"include_usage":true,"Include_Usage":false}"#,
            "`stream_options.Include_Usage` stands there twice, but for case",
        ),
        (r#"{"include_usage":true,"include_usage":false}"#, "`stream_options.include_usage` stands there twice"),
        (r#"{"Include_Usage":true}"#, "`stream_options.Include_Usage` must be written `include_usage`"),
    ] {
        let body = format!("{{\"model\":\"m\",\"messages\":[],\"stream_options\":{options}}}");
        assert_eq!(refusal(&OPENAI, body).0, problem);
    }
}

#[test]
fn a_name_may_be_so_long_and_no_longer() {
    let body = |name: &str| format!("{{\"model\":\"{name}\",\"messages\":[],\"fallbacks\":[\"a/b\",\"{name}\"]}}");
    let (fits, over) = ("é".repeat(NAME_BYTES / 2), "x".repeat(NAME_BYTES + 1));
    let head = scan(&body(&fits));
    assert_eq!((&head.model, &head.fallbacks[1]), (&fits, &fits));
    let escaped = "\\u0078".repeat(NAME_BYTES);
    assert_eq!(scan(&body(&escaped)).model.len(), NAME_BYTES, "it is the name that counts, not how it is written");
    let problem = |at: &str| (format!("`{at}` must have at most 512 bytes"), Some(at.to_owned()));
    assert_eq!(refusal(&OPENAI, body(&over)), problem("model"));
    let with_a_short_model = body(&over).replacen(&over, "m", 1);
    assert_eq!(refusal(&OPENAI, with_a_short_model), problem("fallbacks[1]"));
}

#[test]
fn of_many_fallbacks_no_more_are_kept_than_are_tried() {
    let body = |last: &str| {
        let names: String = (0..20).map(|number| format!("\"a/{number}\",")).collect();
        format!("{{\"model\":\"m\",\"messages\":[],\"fallbacks\":[{names}{last}]}}")
    };
    let expected: Vec<String> = (0..MAX_FALLBACKS).map(|number| format!("a/{number}")).collect();
    assert_eq!(scan(&body("\"b/c\"")).fallbacks, expected);
    assert_eq!(refusal(&OPENAI, body("1")).0, "`fallbacks[20]` must be a string", "what is not kept is looked at, too");
}

#[test]
fn unedited_bytes_pass_with_the_splices() {
    let plain =
        "{ \"model\" : \"gpt-4o\" , \"messages\":[ {\"x\":1} ],\"unknown\":{\"a\":[1.50,1e5]}, \"é\":\"\\u00e9\" }\n";
    assert_eq!(spliced(plain, "gpt-4o", false), plain);
    assert_eq!(spliced(plain, "gpt-\"5\"", false), plain.replace("\"gpt-4o\"", "\"gpt-\\\"5\\\"\""));
}

#[test]
fn fallbacks_are_taken_out_wherever_they_stand() {
    let cases = [
        (r#"{"fallbacks":["a/b"] , "model":"m","messages":[]}"#, r#"{ "model":"n","messages":[]}"#),
        (r#"{"model":"m" , "fallbacks":["a/b"] , "messages":[]}"#, r#"{"model":"n"  , "messages":[]}"#),
        (r#"{"model":"m","messages":[],"fallbacks":["a/b"]}"#, r#"{"model":"n","messages":[]}"#),
        (r#"{"model":"m","fallbacks":null,"messages":[]}"#, r#"{"model":"n","messages":[]}"#),
    ];
    for (body, out) in cases {
        assert_eq!(spliced(body, "n", false), out);
    }
}

#[test]
fn usage_is_asked_for_in_streams_only() {
    let cases = [
        (r#"{"model":"m","messages":[]}"#, r#"{"model":"m","messages":[]}"#),
        (
            r#"{"stream":true,"model":"m","messages":[]}"#,
            r#"{"stream":true,"model":"m","stream_options":{"include_usage":true},"messages":[]}"#,
        ),
        (
            r#"{"model":"m","fallbacks":[],"stream":true,"messages":[]}"#,
            r#"{"model":"m","stream_options":{"include_usage":true},"stream":true,"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":null,"messages":[]}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false},"messages":[]}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_usage": false},"messages":[]}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage": true},"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#,
        ),
    ];
    for (body, out) in cases {
        assert_eq!(spliced(body, "m", true), out);
    }
    let streamed = r#"{"model":"m","stream":true,"messages":[]}"#;
    assert_eq!(spliced(streamed, "m", false), streamed);
}
