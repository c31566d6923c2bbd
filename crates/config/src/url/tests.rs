use super::Address;
use crate::Server;

#[test]
fn what_is_no_base_url_is_told() {
    for (text, wrong) in [
        ("api.openai.com", "does not begin with `https://` or `http://`"),
        ("ftp://host/v1", "does not begin with `https://` or `http://`"),
        ("/v1", "does not begin with `https://` or `http://`"),
        ("https://", "is not a URL like `https://host/v1`"),
        ("https://ho st/v1", "is not a URL like `https://host/v1`"),
        ("https://user:secret@host/v1", "has a user or password in it; write the key into `keys`"),
        ("https://host/v1?key=1", "has a query or fragment; only scheme, host, port and path can be set"),
        ("https://host/v1#a", "has a query or fragment; only scheme, host, port and path can be set"),
        ("https://host:99999/v1", "has no host, or a port that is none"),
        ("https://host:/v1", "has no host, or a port that is none"),
    ] {
        assert_eq!(Address::parse(text), Err(wrong), "{text}");
    }
}

#[test]
fn keys_are_readable_beyond_loopback_without_tls() {
    let readable = |text: &str| Address::parse(text).unwrap().is_readable();
    assert!(readable("http://10.0.0.1/v1"));
    assert!(!readable("https://10.0.0.1/v1"));
    for loopback in ["http://localhost:1234/v1", "http://127.0.0.2/v1", "http://[::1]:8000/v1"] {
        assert!(!readable(loopback), "{loopback}");
    }
}

#[test]
fn an_address_that_leads_back_is_seen() {
    let server = |host: &str| Server { host: host.to_owned(), ..Server::default() };
    let leads = |text: &str, host: &str| Address::parse(text).unwrap().leads_to(&server(host));
    assert!(leads("http://localhost:8080/v1", "127.0.0.1"));
    assert!(leads("http://127.0.0.1:8080/v1", "0.0.0.0"));
    assert!(leads("http://gateway:8080/v1", "gateway"));
    assert!(!leads("http://localhost:8081/v1", "127.0.0.1"));
    assert!(!leads("http://10.0.0.1:8080/v1", "127.0.0.1"));
    assert!(!leads("http://localhost:8080/v1", "10.0.0.1"));
}
