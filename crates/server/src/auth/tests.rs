use super::*;
use http::{HeaderName, HeaderValue};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn found(pairs: &[(&'static str, &str)]) -> Option<String> {
    credential(&headers(pairs)).map(|credential| credential.expose().to_owned())
}

fn keys(secrets: &[&str]) -> ClientKeys {
    let key = |secret: &&str| ClientKey {
        secret: Secret::new(secret),
        identity: Identity { api_key_id: format!("name of {secret}"), ..Identity::default() },
    };
    ClientKeys::new(secrets.iter().map(key).collect())
}

#[test]
fn a_credential_is_found_where_sdks_put_it() {
    for (name, value) in [("authorization", "Bearer k"), ("x-api-key", "k"), ("x-goog-api-key", "k"), ("api-key", "k")]
    {
        assert_eq!(found(&[(name, value)]).as_deref(), Some("k"), "{name}");
    }
}

#[test]
fn the_order_of_the_headers_is_fixed() {
    let all = [("api-key", "4"), ("x-goog-api-key", "3"), ("x-api-key", "2"), ("authorization", "Bearer 1")];
    for count in 1..=all.len() {
        assert_eq!(found(&all[..count]), Some((all.len() - count + 1).to_string()));
    }
}

#[test]
fn the_scheme_is_bearer_in_any_case() {
    for value in ["bearer k", "BEARER k", "Bearer   k", "Bearer k "] {
        assert_eq!(found(&[("authorization", value)]).as_deref(), Some("k"), "{value:?}");
    }
    for value in ["Basic k", "k", "Bearerk", "Bearer", "", "Bearer ", "Bearer  "] {
        assert_eq!(found(&[("authorization", value)]), None, "{value:?}");
        assert_eq!(found(&[("authorization", value), ("x-api-key", "other")]).as_deref(), Some("other"), "{value:?}");
    }
}

#[test]
fn a_header_that_says_nothing_hides_no_other() {
    assert_eq!(found(&[]), None);
    assert_eq!(found(&[("x-api-key", "")]), None);
    assert_eq!(found(&[("x-api-key", ""), ("api-key", "k")]).as_deref(), Some("k"));
    assert_eq!(found(&[("x-api-key", "é"), ("api-key", "k")]).as_deref(), Some("k"), "nor one that is no text");
}

#[test]
fn a_key_tells_whose_it_is() {
    let keys = keys(&["one", "two", "three"]);
    for secret in ["one", "two", "three"] {
        let identity = keys.identify(&Secret::new(secret)).unwrap();
        assert_eq!(identity.api_key_id, format!("name of {secret}"));
    }
}

#[test]
fn what_is_nearly_a_key_is_none() {
    let keys = keys(&["secret", "ab", "x"]);
    for given in
        ["", "s", "secre", "secrets", "Secret", "secret ", "secretsecret", "abab", "ababab", "a", "b", "xx", "terces"]
    {
        assert_eq!(keys.identify(&Secret::new(given)), None, "{given:?}");
    }
    assert_eq!(ClientKeys::default().identify(&Secret::new("secret")), None);
}

#[test]
fn texts_are_the_same_only_if_every_byte_is() {
    let texts: [&[u8]; 9] = [b"", b"\0", b"\0\0", b"a", b"aa", b"ab", b"ba", b"\xff", b"aaa"];
    for one in texts {
        for other in texts {
            assert_eq!(same(one, other), one == other, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn one_bit_makes_a_difference_wherever_it_is() {
    let key = b"0123456789abcdef";
    for at in 0..key.len() * 8 {
        let mut given = *key;
        given[at / 8] ^= 1 << (at % 8);
        assert!(!same(key, &given), "bit {at}");
    }
}

#[test]
fn a_key_is_never_shown() {
    let key = ClientKey { secret: Secret::new("hidden-key"), identity: Identity::default() };
    for shown in [format!("{key:?}"), format!("{:?}", credential(&headers(&[("api-key", "hidden-key")])))] {
        assert!(shown.contains("[redacted]") && !shown.contains("hidden-key"), "{shown}");
    }
}

#[test]
fn the_unknown_are_let_in_only_where_the_config_says_so() {
    let key = ClientKey { secret: Secret::new("k-1"), identity: Identity::default() };
    let wrong = Secret::new("k-2");
    let closed = ClientKeys::new(vec![key.clone()]);
    assert!(!closed.admits(None) && !closed.admits(Some(&wrong)));
    let open = ClientKeys::new(vec![key]).or_anonymous(true);
    assert!(open.admits(None), "without a key");
    assert!(!open.admits(Some(&wrong)), "a wrong key is a mistake");
    assert!(ClientKeys::default().or_anonymous(true).admits(Some(&wrong)), "no key could be right");
}
