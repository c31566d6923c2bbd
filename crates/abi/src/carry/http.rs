//! Payloads of transport and access hooks, and of `endpoint`.

use super::{Carry, NoEdits, Parts, Unfit};
use crate::document::{self, NotADocument};
use crate::far::{Far, read};
use crate::part::{Part, View};
use bytes::Bytes;
use gatewright_model::{Body, DecodeError, Headers, HttpRequest, HttpResponse, StreamChunk};
use gatewright_plugin::payload::{AuthRequest, EndpointCall, HttpExchange, Secret, StreamExchange};
use gatewright_plugin::{Draft, Identity};
use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A request without its body.
#[derive(Serialize, Deserialize)]
struct RequestHead {
    method: String,
    path: String,
    #[serde(default)]
    query: Vec<(String, String)>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

/// A response without its body.
#[derive(Serialize, Deserialize)]
struct ResponseHead {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct ExchangeHead {
    request: RequestHead,
    response: ResponseHead,
}

#[derive(Serialize, Deserialize)]
struct StreamHead {
    request: RequestHead,
    chunk: StreamChunk,
}

#[derive(Serialize, Deserialize)]
struct AuthHead {
    credential: Option<String>,
    request: RequestHead,
}

#[derive(Serialize, Deserialize)]
struct EndpointHead {
    request: RequestHead,
    identity: Option<Identity>,
}

/// What a plugin changed of headers: names with their new values; none takes the header out.
type HeaderEdits = Vec<(String, Vec<String>)>;

/// Edits of a request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestEdits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<Vec<(String, String)>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: HeaderEdits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Body>,
}

/// Edits of a response.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseEdits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: HeaderEdits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Body>,
}

fn seen(headers: &Headers, view: &View) -> Vec<(String, String)> {
    let seen = headers.iter().filter(|(name, _)| view.header(name));
    seen.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn headers_of(pairs: Vec<(String, String)>) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in pairs {
        // The host's own headers are legal.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            // As are their number.
            let _ = headers.as_map_mut().try_append(name, value);
        }
    }
    headers
}

fn changed(base: &Headers, new: &Headers) -> HeaderEdits {
    let values = |headers: &Headers, name: &HeaderName| -> Vec<String> {
        headers.as_map().get_all(name).iter().filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect()
    };
    let set =
        new.as_map().keys().map(|name| (name, values(new, name))).filter(|(name, new)| values(base, name) != *new);
    let gone = base.as_map().keys().filter(|name| !new.as_map().contains_key(*name)).map(|name| (name, Vec::new()));
    set.chain(gone).map(|(name, values)| (name.as_str().to_owned(), values)).collect()
}

fn change(headers: &mut Headers, edits: HeaderEdits, view: &View) -> Result<(), Unfit> {
    for (name, values) in edits {
        let illegal = |_| Unfit::new(format!("`{name}` or its value is not legal in a header"));
        let header = HeaderName::try_from(&*name).map_err(|_| illegal(()))?;
        if !view.changes(header.as_str()) {
            return Err(Unfit::new(format!("it changes `{name}`, a credential that its manifest does not ask for")));
        }
        headers.as_map_mut().remove(&header);
        for value in values {
            let value = HeaderValue::try_from(value).map_err(|_| illegal(()))?;
            let appended = headers.as_map_mut().try_append(header.clone(), value);
            appended.map_err(|_| Unfit::new("there are too many headers"))?;
        }
    }
    Ok(())
}

fn body(far: &Arc<dyn Far>, part: Part) -> Body {
    let far = far.clone();
    Body::remote(move || far.part(part).map(Bytes::from).map_err(DecodeError::new))
}

// === impl RequestHead ===

impl RequestHead {
    fn of(request: &HttpRequest, view: &View) -> Self {
        Self {
            method: request.method().as_str().to_owned(),
            path: request.path().to_owned(),
            query: request.query.clone(),
            headers: seen(&request.headers, view),
        }
    }

    fn arrive(self, far: &Arc<dyn Far>) -> Result<HttpRequest, NotADocument> {
        let method = Method::try_from(&*self.method).map_err(|error| NotADocument::new(error.to_string()))?;
        let headers = headers_of(self.headers);
        Ok(HttpRequest::new(method, self.path, self.query, headers, body(far, Part::RequestBody)))
    }
}

// === impl ResponseHead ===

impl ResponseHead {
    fn of(response: &HttpResponse, view: &View) -> Self {
        Self { status: response.status, headers: seen(&response.headers, view) }
    }

    fn arrive(self, far: &Arc<dyn Far>) -> HttpResponse {
        let headers = headers_of(self.headers);
        HttpResponse { status: self.status, headers, body: body(far, Part::ResponseBody) }
    }
}

// === impl ResponseEdits ===

impl ResponseEdits {
    fn of(draft: &Draft<HttpResponse>) -> Option<Self> {
        let base = draft.base();
        draft.is_edited().then(|| Self {
            status: (draft.status != base.status).then_some(draft.status),
            headers: changed(&base.headers, &draft.headers),
            body: (!draft.body.same(&base.body)).then(|| draft.body.clone()),
        })
    }
}

// === impl Carry ===

impl Carry for Draft<HttpRequest> {
    type Edits = RequestEdits;

    fn head(&self, view: &View) -> Vec<u8> {
        document::write(&RequestHead::of(self, view))
    }

    fn parts(&self) -> Parts {
        Parts { http_request: Some(self.base().clone()), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        read::<RequestHead>(head, far)?.arrive(far).map(Self::from)
    }

    fn edits(&self) -> Option<RequestEdits> {
        let base = self.base();
        self.is_edited().then(|| RequestEdits {
            query: (self.query != base.query).then(|| self.query.clone()),
            headers: changed(&base.headers, &self.headers),
            body: (!self.body.same(&base.body)).then(|| self.body.clone()),
        })
    }

    fn apply(&mut self, edits: RequestEdits, view: &View) -> Result<(), Unfit> {
        let request = self.edit();
        if let Some(query) = edits.query {
            request.query = query;
        }
        if let Some(body) = edits.body {
            writable(view)?;
            request.body = body;
        }
        change(&mut request.headers, edits.headers, view)
    }
}

impl Carry for HttpExchange {
    type Edits = ResponseEdits;

    fn head(&self, view: &View) -> Vec<u8> {
        let request = RequestHead::of(&self.request, view);
        document::write(&ExchangeHead { request, response: ResponseHead::of(&self.response, view) })
    }

    fn parts(&self) -> Parts {
        let (request, response) = (self.request.clone(), self.response.base().clone());
        Parts { http_request: Some(request), http_response: Some(response), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let ExchangeHead { request, response } = read(head, far)?;
        Ok(Self { request: Arc::new(request.arrive(far)?), response: response.arrive(far).into() })
    }

    fn edits(&self) -> Option<ResponseEdits> {
        ResponseEdits::of(&self.response)
    }

    fn apply(&mut self, edits: ResponseEdits, view: &View) -> Result<(), Unfit> {
        let response = self.response.edit();
        if let Some(status) = edits.status {
            response.status = status;
        }
        if let Some(body) = edits.body {
            writable(view)?;
            response.body = body;
        }
        change(&mut response.headers, edits.headers, view)
    }
}

impl Carry for StreamExchange {
    type Edits = StreamChunk;

    fn head(&self, view: &View) -> Vec<u8> {
        let request = RequestHead::of(&self.request, view);
        let StreamChunk { event, body } = &*self.chunk;
        let body = if view.reads() { body.clone() } else { body.emptied() };
        document::write(&StreamHead { request, chunk: StreamChunk { event: event.clone(), body } })
    }

    fn parts(&self) -> Parts {
        Parts { http_request: Some(self.request.clone()), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let StreamHead { request, chunk } = read(head, far)?;
        Ok(Self { request: Arc::new(request.arrive(far)?), chunk: chunk.into() })
    }

    fn edits(&self) -> Option<StreamChunk> {
        self.chunk.is_edited().then(|| (*self.chunk).clone())
    }

    fn apply(&mut self, edits: StreamChunk, view: &View) -> Result<(), Unfit> {
        writable(view)?;
        self.chunk.replace(edits);
        Ok(())
    }
}

impl Carry for AuthRequest {
    type Edits = NoEdits;

    fn head(&self, view: &View) -> Vec<u8> {
        let credential = self.credential.as_ref().map(|credential| credential.expose().to_owned());
        document::write(&AuthHead { credential, request: RequestHead::of(&self.request, view) })
    }

    fn parts(&self) -> Parts {
        Parts { http_request: Some(self.request.clone()), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let AuthHead { credential, request } = read(head, far)?;
        Ok(Self { credential: credential.map(Secret::from), request: Arc::new(request.arrive(far)?) })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

impl Carry for Arc<EndpointCall> {
    type Edits = NoEdits;

    fn head(&self, view: &View) -> Vec<u8> {
        let request = RequestHead::of(&self.request, view);
        document::write(&EndpointHead { request, identity: self.identity.clone() })
    }

    fn parts(&self) -> Parts {
        Parts { http_request: Some(Arc::new(self.request.clone())), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let EndpointHead { request, identity } = read(head, far)?;
        Ok(Self::new(EndpointCall { request: request.arrive(far)?, identity }))
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

/// Edits of texts and bodies need an access that writes.
pub(super) fn writable(view: &View) -> Result<(), Unfit> {
    match view.writes() {
        true => Ok(()),
        false => Err(Unfit::new("it edited texts, and its manifest does not ask for `messages = \"rw\"`")),
    }
}

#[cfg(test)]
mod tests;
