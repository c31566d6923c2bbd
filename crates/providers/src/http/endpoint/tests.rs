use super::{BaseUrl, UrlError};

#[test]
fn an_endpoint_lies_below_the_base() {
    for (base, path, absolute, origin) in [
        (
            "https://api.openai.com/v1",
            "/chat/completions",
            "https://api.openai.com/v1/chat/completions",
            "/v1/chat/completions",
        ),
        (
            "https://api.openai.com/v1/",
            "/chat/completions",
            "https://api.openai.com/v1/chat/completions",
            "/v1/chat/completions",
        ),
        ("http://[::1]:8000", "/v1/messages", "http://[::1]:8000/v1/messages", "/v1/messages"),
        ("http://a.b/x?api-version=1", "/y", "http://a.b/x/y?api-version=1", "/x/y?api-version=1"),
    ] {
        let endpoint = BaseUrl::parse(base).and_then(|base| base.endpoint(path)).unwrap();
        assert_eq!(endpoint.absolute_form.to_string(), absolute);
        assert_eq!(endpoint.origin_form.to_string(), origin);
    }
}

#[test]
fn what_is_no_base_is_refused() {
    for (url, error) in [
        ("", UrlError::Malformed),
        ("api.openai.com", UrlError::Malformed),
        ("/v1", UrlError::Malformed),
        ("ftp://a.b/", UrlError::Scheme),
        ("https://user:hunter2@a.b/v1", UrlError::Credentials),
        ("https://a b/v1", UrlError::Malformed),
    ] {
        assert_eq!(BaseUrl::parse(url).unwrap_err(), error, "{url}");
    }
}
