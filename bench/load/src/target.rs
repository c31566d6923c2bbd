//! Where requests go, and the one request that is sent again and again.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, InvalidHeaderName, InvalidHeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request, Uri};

use crate::args::Args;
use crate::payload::{Dialect, Payload, TooShort};

/// An address, and a request made once: only its reference-counted parts are copied for each exchange.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) stream: bool,
    pub(crate) dialect: Dialect,
    request: Request<Full<Bytes>>,
}

/// A command line from which no request can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("--url: {0}")]
    Uri(#[from] InvalidUri),
    #[error("--url: it must be http://HOST:PORT/PATH")]
    NotPlainHttp,
    #[error("--header: `name: value` is expected, not `{0}`")]
    Header(String),
    #[error("--header: {0}")]
    Name(#[from] InvalidHeaderName),
    #[error("--header: {0}")]
    Value(#[from] InvalidHeaderValue),
    #[error("--body-bytes: {0}")]
    Body(#[from] TooShort),
}

impl Target {
    pub(crate) fn new(args: &Args) -> Result<Self, BadTarget> {
        let uri: Uri = args.url.parse()?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(BadTarget::NotPlainHttp);
        };
        let dialect = if uri.path().ends_with("/messages") { Dialect::Anthropic } else { Dialect::OpenAi };
        let payload = Payload {
            dialect,
            model: &args.model,
            stream: args.stream,
            messages_first: args.messages_first,
            bytes: args.body_bytes,
        };
        let mut request = Request::new(Full::new(Bytes::from(payload.json()?)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if dialect == Dialect::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        for header in &args.header {
            let (name, value) = header.split_once(':').ok_or_else(|| BadTarget::Header(header.clone()))?;
            headers.append(HeaderName::from_bytes(name.trim().as_bytes())?, HeaderValue::from_str(value.trim())?);
        }
        // The brackets of an IPv6 host belong to the URL, not to the address.
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: authority.port_u16().unwrap_or(80), stream: args.stream, dialect, request })
    }

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        self.request.clone()
    }
}

#[cfg(test)]
mod tests;
