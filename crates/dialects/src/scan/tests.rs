use super::*;

fn names_and_values(text: &str) -> Result<Vec<(String, String)>, ScanError> {
    members(text).map(|member| member.map(|member| (member.name().into_owned(), member.value.to_owned()))).collect()
}

fn values(text: &str) -> Result<Vec<&str>, ScanError> {
    elements(text).map(|element| element.map(|element| element.value)).collect()
}

#[test]
fn yields_members_in_their_order_with_their_spans() {
    let text = " { \"a\" : 1 ,\"b\":{\"c\":[\"}\\\"\",2]},\n\"d\":\"x,y\"} \n";
    let found: Vec<_> = members(text).collect::<Result<_, _>>().unwrap();
    let said: Vec<_> = found.iter().map(|member| (&text[member.span()], member.value)).collect();
    assert_eq!(
        said,
        [("\"a\" : 1", "1"), ("\"b\":{\"c\":[\"}\\\"\",2]}", "{\"c\":[\"}\\\"\",2]}"), ("\"d\":\"x,y\"", "\"x,y\"")]
    );
    assert_eq!(found[0].comma, None);
    assert_eq!(found[1].comma.map(|at| &text[at..at + 1]), Some(","));
    assert!(found.iter().all(|member| &text[member.value_span.clone()] == member.value));
}

#[test]
fn yields_elements() {
    assert_eq!(
        values(r#"[1, "a]", [2,[3]], {"k":[]}, true]"#),
        Ok(vec!["1", "\"a]\"", "[2,[3]]", r#"{"k":[]}"#, "true"])
    );
    assert_eq!(values(" [ ] "), Ok(vec![]));
    assert_eq!(names_and_values("{}"), Ok(vec![]));
}

#[test]
fn an_escaped_name_is_the_name_that_it_spells() {
    let found = names_and_values(r#"{"mod\u0065l":1,"a\"b":2,"\ud83d\ude00":3}"#).unwrap();
    assert_eq!(found.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["model", "a\"b", "😀"]);
}

#[test]
fn refuses_what_is_broken_at_the_level_that_it_walks() {
    for text in [
        "",
        " ",
        "[]",
        "1",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":}",
        "{\"a\":[}",
        "{\"a\":[1}}",
        "{\"a\":\"x}",
        "{\"a\":\"x\\\"}",
        "{\"a\":\"\\",
        "{\"a\":{\"b\":[1,2}}",
        "{\"a\":1\"b\":2}",
    ] {
        assert!(names_and_values(text).is_err(), "{text}");
    }
    for text in ["", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[\"a]"] {
        assert!(values(text).is_err(), "{text}");
    }
}

/// A text ends at the first quote that is not escaped, however long it is and whatever stands before the quote.
#[test]
fn a_text_ends_at_its_own_quote() {
    for length in (0..80).chain([1000]) {
        for backslashes in 0..6 {
            let text = format!("{}{}\"", "x\\n".repeat(length), "\\".repeat(backslashes));
            let (whole, rest) = match backslashes % 2 {
                0 => (format!("\"{text}"), ",1]"),
                _ => (format!("\"{text}\""), ",1]"),
            };
            assert_eq!(values(&format!("[{whole}{rest}")), Ok(vec![&*whole, "1"]), "{whole}");
            assert_eq!(values(&format!("[[{whole}],1]")), Ok(vec![&*format!("[{whole}]"), "1"]), "{whole}");
            assert!(values(&format!("[{}", &whole[..whole.len() - 1])).is_err(), "{whole}");
        }
    }
}

#[test]
fn says_where() {
    let error = names_and_values("{\"a\":1 x}").unwrap_err();
    assert_eq!(error.to_string(), "expected a comma or the closing bracket at byte 7");
    let error = DecodeError::from(error).to_string();
    assert_eq!(error, "the body is not valid JSON: expected a comma or the closing bracket at byte 7");
}

#[test]
fn ends_after_an_error() {
    let mut walk = members("{\"a\":1,2}");
    assert!(walk.next().unwrap().is_ok());
    assert!(walk.next().unwrap().is_err());
    assert!(walk.next().is_none());
}

#[test]
fn limits_the_depth() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(names_and_values(&nested(MAX_DEPTH as usize)).is_ok());
    assert!(names_and_values(&nested(MAX_DEPTH as usize + 1)).unwrap_err().to_string().contains("too deep"));
}

#[test]
fn no_prefix_of_an_object_is_an_object() {
    let text = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"a\"}]é\\"}],"n":-1.5e3,"t":true,"o":{}}"#;
    assert_eq!(names_and_values(text).unwrap().len(), 5);
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(names_and_values(&text[..end]).is_err(), "{}", &text[..end]);
    }
}
