use clap::Parser;

use super::{BadTarget, Target};
use crate::args::Args;
use crate::payload::Dialect;

fn target(args: &[&str]) -> Result<Target, BadTarget> {
    Target::new(&Args::try_parse_from([&["bench-load"], args].concat()).unwrap())
}

#[test]
fn a_request_line_has_the_path_alone() {
    let target = target(&["--url", "http://127.0.0.1:9100/v1/chat/completions?chunks=3"]).unwrap();
    assert_eq!(target.request().uri(), "/v1/chat/completions?chunks=3");
    assert_eq!(target.request().headers()["host"], "127.0.0.1:9100");
    assert_eq!((target.host.as_str(), target.port, target.dialect), ("127.0.0.1", 9100, Dialect::OpenAi));
}

#[test]
fn the_path_tells_the_dialect() {
    let target = target(&["--url", "http://[::1]:80/v1/messages", "--header", "x-api-key: k"]).unwrap();
    assert_eq!((target.host.as_str(), target.dialect), ("::1", Dialect::Anthropic));
    assert_eq!(target.request().headers()["x-api-key"], "k");
}

#[test]
fn what_cannot_be_sent_is_refused() {
    assert!(matches!(target(&["--url", "https://127.0.0.1/"]), Err(BadTarget::NotPlainHttp)));
    assert!(matches!(target(&["--url", "http://h/", "--header", "none"]), Err(BadTarget::Header(_))));
    assert!(matches!(target(&["--url", "http://h/", "--body-bytes", "3"]), Err(BadTarget::Body(_))));
}
