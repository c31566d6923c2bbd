//! A client that speaks plain HTTP/1.1, a connection a request.

use crate::case::CaseFailure;
use crate::journal::PATIENCE;
use gatewright_model::Dialect;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    id: String,
    dialect: Dialect,
    headers: Vec<(String, String)>,
    body: Json,
}

/// A request under way.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    dialect: Dialect,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct HttpAnswer {
    /// The status.
    pub(crate) status: u16,
    /// The headers, by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: String,
    dialect: Dialect,
}

// === impl Ask ===

impl Ask {
    /// A request of this id for a model of the provider `one`, in OpenAI's dialect.
    pub(crate) fn new(id: &str) -> Self {
        let message = json!({ "role": "user", "content": "hello" });
        let body = json!({ "model": "one/m", "max_tokens": 16, "messages": [message] });
        Self { id: id.to_owned(), dialect: Dialect::OpenAi, headers: Vec::new(), body }
    }

    /// In Anthropic's dialect.
    pub(crate) fn anthropic(mut self) -> Self {
        self.dialect = Dialect::Anthropic;
        self
    }

    /// For a stream.
    pub(crate) fn stream(self) -> Self {
        self.with("stream", json!(true))
    }

    /// With fallbacks.
    pub(crate) fn fallbacks(self, models: &[&str]) -> Self {
        self.with("fallbacks", json!(models))
    }

    /// With a member of the body.
    pub(crate) fn with(mut self, member: &str, value: Json) -> Self {
        self.body[member] = value;
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where it goes.
    pub(crate) fn path(&self) -> &'static str {
        match self.dialect {
            Dialect::Anthropic => "/v1/messages",
            _ => "/v1/chat/completions",
        }
    }

    /// What is asked.
    pub(crate) fn body(&self) -> &Json {
        &self.body
    }

    fn bytes(&self) -> Vec<u8> {
        let path = self.path();
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n");
        head += &format!("content-type: application/json\r\nx-request-id: {}\r\n", self.id);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let body = self.body.to_string();
        head += &format!("content-length: {}\r\n\r\n{body}", body.len());
        head.into_bytes()
    }
}

// === impl Connection ===

impl Connection {
    pub(super) async fn open(address: SocketAddr, ask: &Ask) -> Result<Self, CaseFailure> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&ask.bytes()).await?;
        Ok(Self { stream, read: Vec::new(), dialect: ask.dialect })
    }

    /// Reads until this came.
    pub(crate) async fn until(&mut self, needle: &str) -> Result<(), CaseFailure> {
        while !self.text().contains(needle) {
            if self.more().await? == 0 {
                return Err(CaseFailure::new(format!("waited for `{needle}`, and got {}", self.text())));
            }
        }
        Ok(())
    }

    /// Reads the rest.
    pub(crate) async fn finish(mut self) -> Result<HttpAnswer, CaseFailure> {
        while self.more().await? > 0 {}
        HttpAnswer::parse(&self.text(), self.dialect)
    }

    async fn more(&mut self) -> Result<usize, CaseFailure> {
        let late = |_| CaseFailure::new("waited for the answer, and nothing came");
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.map_err(late)?;
        Ok(read?)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

// === impl HttpAnswer ===

impl HttpAnswer {
    fn parse(text: &str, dialect: Dialect) -> Result<Self, CaseFailure> {
        let cut = || CaseFailure::new(format!("the answer was cut off: {text:?}"));
        let (head, rest) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(cut)?;
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let chunked = headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked");
        let body = if chunked { dechunk(rest).ok_or_else(cut)? } else { rest.to_owned() };
        Ok(Self { status, headers, body, dialect })
    }

    /// The body as JSON; `null` if it is none.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The error in the envelope of the client's dialect; `null` if there is none.
    pub(crate) fn error(&self) -> Json {
        self.json()["error"].clone()
    }

    /// The error's type; empty if there is none.
    pub(crate) fn error_type(&self) -> String {
        self.error()["type"].as_str().unwrap_or_default().to_owned()
    }

    /// What the model said, whole or streamed.
    pub(crate) fn text(&self) -> String {
        let body = self.json();
        let whole = match self.dialect {
            Dialect::Anthropic => body["content"][0]["text"].clone(),
            _ => body["choices"][0]["message"]["content"].clone(),
        };
        match whole {
            Json::String(text) => text,
            _ => self.events().iter().filter_map(|event| self.delta(event)).collect(),
        }
    }

    fn delta(&self, event: &Json) -> Option<String> {
        let delta = match self.dialect {
            Dialect::Anthropic => &event["delta"]["text"],
            _ => &event["choices"][0]["delta"]["content"],
        };
        delta.as_str().map(str::to_owned)
    }

    /// The data of each event that is JSON.
    pub(crate) fn events(&self) -> Vec<Json> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok()).collect()
    }

    /// The error that a stream ended with; `null` if it did not.
    pub(crate) fn stream_error(&self) -> Json {
        self.events().iter().map(|event| event["error"].clone()).find(|error| !error.is_null()).unwrap_or_default()
    }

    /// Whether a stream came to its own end.
    pub(crate) fn is_done(&self) -> bool {
        match self.dialect {
            Dialect::Anthropic => self.body.contains("\"message_stop\""),
            _ => self.body.contains("data: [DONE]"),
        }
    }
}

/// Takes the chunks of a body apart; `None` if it was cut off.
fn dechunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size + 2..)?;
    }
}
