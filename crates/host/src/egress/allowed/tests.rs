use super::*;

fn hosts(entries: &[&str]) -> AllowedHosts {
    entries.iter().map(|entry| entry.parse::<HostPattern>().unwrap()).collect()
}

fn reach(entries: &[&str], url: &str) -> Option<Reach> {
    hosts(entries).reach(&Target::of(&url.parse().unwrap()).unwrap())
}

#[test]
fn a_host_is_allowed_as_it_is_written() {
    let cases = [
        ("api.example.com", "https://api.example.com/v1?x#y", true),
        ("api.example.com", "https://API.Example.COM./", true),
        ("API.example.com.", "https://api.example.com", true),
        ("api.example.com", "https://api.example.com:443/", true),
        ("api.example.com", "https://api.example.com:8443/", false),
        ("api.example.com", "http://api.example.com/", false),
        ("api.example.com", "https://example.com/", false),
        ("api.example.com", "https://api.example.com.evil.test/", false),
        ("api.example.com", "https://xapi.example.com/", false),
        ("api.example.com:8443", "https://api.example.com:8443/", true),
        ("api.example.com:8443", "https://api.example.com/", false),
        ("http://api.example.com", "http://api.example.com/", true),
        ("http://api.example.com", "http://api.example.com:80/", true),
        ("http://api.example.com", "https://api.example.com/", false),
        ("https://api.example.com", "https://api.example.com/", true),
        ("http://api.example.com:8080", "http://api.example.com:8080/", true),
        ("*.example.com", "https://a.example.com/", true),
        ("*.example.com", "https://a.b.example.com/", true),
        ("*.example.com", "https://example.com/", false),
        ("*.example.com", "https://.example.com.evil.test/", false),
        ("*.example.com", "https://badexample.com/", false),
    ];
    for (entry, url, allowed) in cases {
        let reached = url.parse().ok().and_then(|url| Target::of(&url).ok()).and_then(|at| hosts(&[entry]).reach(&at));
        assert_eq!(reached, allowed.then_some(Reach::Public), "{entry}: {url}");
    }
    assert_eq!(reach(&[], "https://api.example.com/"), None);
}

#[test]
fn private_networks_are_allowed_by_a_word() {
    let private = |entry, url| assert_eq!(reach(&[entry], url), Some(Reach::Private), "{entry}: {url}");
    private("private:wiki.corp.test", "https://wiki.corp.test/");
    private("private:wiki.corp.test", "http://wiki.corp.test/");
    private("private:http://wiki.corp.test:8080", "http://wiki.corp.test:8080/");
    private("private:*.corp.test", "https://wiki.corp.test/");
    private("localhost:9000", "http://localhost:9000/");
    private("*.localhost", "https://a.localhost/");
    assert_eq!(reach(&["private:https://wiki.corp.test"], "http://wiki.corp.test/"), None);
    assert_eq!(reach(&["*.test", "private:a.test"], "https://a.test/"), Some(Reach::Private), "the widest counts");
    assert_eq!(reach(&["*.test", "private:a.test"], "https://b.test/"), Some(Reach::Public));
}

#[test]
fn an_address_is_allowed_as_itself() {
    let any = |entry, url| assert_eq!(reach(&[entry], url), Some(Reach::Any), "{entry}: {url}");
    any("10.0.0.7", "https://10.0.0.7/");
    any("10.0.0.7:9000", "http://10.0.0.7:9000/");
    any("10.0.0.7", "http://[::ffff:10.0.0.7]/");
    any("[::ffff:10.0.0.7]", "http://10.0.0.7/");
    any("[fd00:0::7]:9000", "http://[fd00::7]:9000/");
    any("169.254.169.254", "http://169.254.169.254/");
    for entry in ["*.0.0.7", "10.0.0.8", "private:*.7", "localhost"] {
        let allowed: AllowedHosts = entry.parse::<HostPattern>().into_iter().collect();
        assert_eq!(allowed.reach(&Target::of(&"http://10.0.0.7/".parse().unwrap()).unwrap()), None, "{entry}");
    }
}

#[test]
fn an_entry_that_cannot_be_meant_is_refused() {
    for entry in [
        "",
        "*",
        "*.",
        "*.*.example.com",
        "a.*.com",
        "private:",
        "private:8080",
        "ftp://a.test",
        "://a.test",
        "a.test/",
        "https://a.test/v1",
        "user@a.test",
        "a.test:0",
        "a.test:65536",
        "a.test:+1",
        "a.test:",
        "a..test",
        ".a.test",
        "a b.test",
        "bücher.test",
        "127.1",
        "0x7f.1",
        "2130706433",
        "10.0.0.300",
        "fd00::7",
        "[fd00::7",
        "[10.0.0.1]",
        "[fe80::1%eth0]",
        "*.10.0.0.1",
        "*.[::1]",
    ] {
        let refused = entry.parse::<HostPattern>();
        assert!(refused.is_err(), "{entry}: {refused:?}");
    }
    let message = "a.test/v1".parse::<HostPattern>().unwrap_err().to_string();
    assert_eq!(
        message,
        "`a.test/v1` is no host to allow: a host is a name of letters, digits, `-` and `_`, or an address"
    );
}

#[test]
fn a_url_that_hides_its_host_is_refused() {
    for url in [
        "https://allowed.test@evil.test/",
        "https://user:password@a.test/",
        "https://@a.test/",
        "ftp://a.test/",
        "/v1",
        "a.test:443",
        "*",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://a..test/",
    ] {
        let Ok(parsed) = url.parse() else { continue };
        assert!(Target::of(&parsed).is_err(), "{url}");
    }
}

#[test]
fn what_is_refused_says_what_would_allow_it() {
    for url in [
        "https://a.test/x",
        "http://a.test/x",
        "https://a.test:8443",
        "http://a.test:8080",
        "http://10.0.0.7:9000/",
        "https://[fd00::7]/",
        "http://[fd00::7]:9000/",
    ] {
        let target = Target::of(&url.parse().unwrap()).unwrap();
        assert_eq!(hosts(&[]).reach(&target), None);
        assert!(hosts(&[&target.entry()]).reach(&target).is_some(), "{url}: {}", target.entry());
    }
}
