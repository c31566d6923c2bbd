use super::Address;

#[test]
fn addresses_are_what_they_are_written_as() {
    for written in
        ["plugins/guard", "/opt/guard", "grpc://127.0.0.1:9000", "grpc://[::1]:9000", "grpc+unix:///run/guard.sock"]
    {
        assert_eq!(written.parse::<Address>().map(|address| address.to_string()), Ok(written.to_owned()));
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for written in [
        "",
        "grpc://",
        "grpc://host",
        "grpc://host:0",
        "grpc://host:99999",
        "grpc://a/b:1",
        "grpc+unix://run",
        "http://host:1",
    ] {
        assert!(written.parse::<Address>().is_err(), "{written}");
    }
}
