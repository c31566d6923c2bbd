//! What an upstream does with a request.

use std::time::Duration;

/// One step of an answer. After the last one the connection waits for the next request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Waits, and goes on if the client is still there.
    Wait(Duration),
    /// Says nothing more until the client goes away.
    Hang,
    /// Ends the connection in an orderly way.
    Close,
    /// Ends the connection with a reset.
    Reset,
}

/// An answer with a body of JSON.
pub(crate) fn json(status: u16, body: &str) -> Vec<Step> {
    raw(status, &[("content-type", "application/json")], body)
}

/// An error in OpenAI's envelope.
pub(crate) fn error(status: u16, kind: &str, message: &str) -> Vec<Step> {
    json(status, &format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":null}}}}"#))
}

/// An answer with these headers and a body of known length.
pub(crate) fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<Step> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    vec![Step::Send(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes())]
}

/// A stream of events in a chunked body, each event a chunk of its own. Without its end: see [`end`].
pub(crate) fn sse(events: &[&str]) -> Vec<Step> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut steps = vec![Step::Send(head.into())];
    steps.extend(events.iter().map(|event| {
        let event = format!("{event}\n\n");
        Step::Send(format!("{:x}\r\n{event}\r\n", event.len()).into_bytes())
    }));
    steps
}

/// Adds further steps.
pub(crate) trait Then {
    fn then(self, step: Step) -> Self;
    /// Ends a chunked body.
    fn end(self) -> Self;
}

impl Then for Vec<Step> {
    fn then(mut self, step: Step) -> Self {
        self.push(step);
        self
    }

    fn end(self) -> Self {
        self.then(Step::Send(b"0\r\n\r\n".to_vec()))
    }
}
