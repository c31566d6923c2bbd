use std::io::{Read, Write};
use std::net::TcpListener;

use super::Probe;

fn is_ready(answer: &'static str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let probe = Probe::new(&format!("http://{}/health", listener.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = connection.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /health HTTP/1.1\r\n"));
        connection.write_all(answer.as_bytes()).unwrap();
    });
    let ready = probe.is_ready();
    server.join().unwrap();
    ready
}

#[test]
fn only_200_is_ready() {
    assert!(is_ready("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    assert!(!is_ready("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
    assert!(!is_ready(""));
}

#[test]
fn an_address_is_needed() {
    assert!(Probe::new("https://127.0.0.1/").is_err());
    assert!(Probe::new("http://127.0.0.1:1").is_err());
}
