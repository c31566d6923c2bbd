//! The transport and access layers: hooks on HTTP messages, and who asks.

use crate::auth::{ClientKeys, credential};
use crate::request_id::request_id;
use crate::snapshot::{Shared, Snapshot};
use bytes::Bytes;
use gatewright_engine::{Lifecycle, fault_error, rejected};
use gatewright_model::{ErrorKind, Headers, HttpRequest, HttpResponse, LlmError};
use gatewright_pipeline::{CLOSING_BUDGET, Exchange, Round};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::{AuthRequest, HttpExchange, RequestStatus, RequestSummary};
use gatewright_plugin::{AccessFlow, AuthDecision, Draft, Facts, Hook, HookSet, HttpFlow, HttpResponseFlow, Identity};
use http::HeaderMap;
use http::request::Parts;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

const HOOKS: HookSet = HookSet::of(&[
    Hook::HttpRequest,
    Hook::HttpResponse,
    Hook::HttpStreamChunk,
    Hook::PreAuth,
    Hook::Auth,
    Hook::PostAuth,
]);

/// How a request came through the layers.
pub(crate) enum Entered {
    /// It goes on, with these headers and this body.
    Passed { headers: HeaderMap, body: Bytes },
    /// A plugin answered it.
    Answered(HttpResponse),
}

/// Whether any plugin stands in these layers, so that HTTP messages must be made for it.
pub(crate) fn is_hooked(exchange: &Exchange) -> bool {
    !exchange.set().hooks().intersection(HOOKS).is_empty()
}

/// Without plugins: only the built-in keys.
pub(crate) fn authenticate(
    life: &mut Lifecycle,
    keys: Option<&ClientKeys>,
    headers: &HeaderMap,
) -> Result<(), LlmError> {
    if let Some(identity) = known(keys, headers)? {
        identify(life, identity);
    }
    Ok(())
}

/// Whom the built-in keys know; nobody, if they need not.
fn known<'k>(keys: Option<&'k ClientKeys>, headers: &HeaderMap) -> Result<Option<&'k Identity>, LlmError> {
    let Some(keys) = keys else { return Ok(None) };
    let credential = credential(headers);
    let identity = credential.as_ref().and_then(|credential| keys.identify(credential));
    match (identity, keys.admits(credential.as_ref()), credential) {
        (Some(identity), ..) => Ok(Some(identity)),
        (None, true, _) => Ok(None),
        (None, false, Some(_)) => Err(unauthenticated("the key is not known")),
        (None, false, None) => Err(unauthenticated(
            "no key: send one as `authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `api-key`",
        )),
    }
}

/// Whether somebody may ask what is no LLM request: `pre_auth` and `auth`, and the built-in keys.
pub(crate) async fn admit(
    shared: &Shared,
    own: &TaskTracker,
    snapshot: &Arc<Snapshot>,
    parts: &Parts,
) -> Result<(), LlmError> {
    let hooks = snapshot.plugins.hooks();
    if !hooks.contains(Hook::PreAuth) && !hooks.contains(Hook::Auth) {
        return known(snapshot.keys.as_ref(), &parts.headers).map(|_| ());
    }
    let place = shared.admission.enter(snapshot.limits.concurrent_requests)?;
    let deadline = Instant::now() + snapshot.limits.request_timeout;
    let (snapshot, parts, (tell, told)) = (snapshot.clone(), parts.clone(), oneshot::channel());
    // Who was called is told of the end, also if the client goes away.
    shared.tasks.spawn(own.track_future(async move {
        let facts = Facts {
            request_id: request_id(&parts.headers),
            endpoint: parts.uri.path().to_owned(),
            deadline: Some(deadline),
            ..Facts::default()
        };
        let mut exchange = Exchange::new(snapshot.plugins.clone(), facts);
        let admitted = asked(&mut exchange, snapshot.keys.as_ref(), parts).await;
        let mut summary = Arc::new(match &admitted {
            Ok(()) => RequestSummary { http_status: 200, ..RequestSummary::default() },
            Err(error) => RequestSummary {
                status: RequestStatus::of_error(error.kind),
                http_status: error.status(),
                error: Some(Arc::new(error.clone())),
                ..RequestSummary::default()
            },
        });
        // Nobody waits any more if the client went away.
        let _ = tell.send(admitted);
        exchange.begin_closing(CLOSING_BUDGET);
        exchange.end::<point::RequestEnd>(&mut summary).await;
        drop(place);
    }));
    told.await.unwrap_or_else(|_| Err(LlmError::new(ErrorKind::Internal, "the gateway failed")))
}

/// Asks those who may refuse.
async fn asked(exchange: &mut Exchange, keys: Option<&ClientKeys>, parts: Parts) -> Result<(), LlmError> {
    let query = query_pairs(parts.uri.query().unwrap_or_default());
    let (path, headers) = (parts.uri.path().to_owned(), Headers::from(parts.headers));
    let mut draft = Draft::new(Arc::new(HttpRequest::new(parts.method, path, query, headers, Bytes::new())));
    pre_auth(exchange, &mut draft).await?;
    match auth(exchange, keys, draft.base()).await? {
        Some(_) => Ok(()),
        None => known(keys, draft.base().headers.as_map()).map(|_| ()),
    }
}

/// Runs the layers: `http_request`, `pre_auth`, `auth`, `post_auth`. `seen` gets the request as it is after each.
pub(crate) async fn enter(
    life: &mut Lifecycle,
    keys: Option<&ClientKeys>,
    parts: Parts,
    body: Bytes,
    seen: &mut Option<Arc<HttpRequest>>,
) -> Result<Entered, LlmError> {
    let path = parts.uri.path().to_owned();
    let query = query_pairs(parts.uri.query().unwrap_or_default());
    let request = HttpRequest::new(parts.method, path, query, Headers::from(parts.headers), body);
    let mut draft = Draft::new(Arc::new(request));
    *seen = Some(draft.base().clone());

    let decided = life.request().exchange.enter::<point::HttpRequest>(Round::Http, &mut draft).await;
    *seen = Some(draft.base().clone());
    if let Some(decision) = decided.map_err(|fault| fault_error(&fault))? {
        match decision.outcome {
            HttpFlow::Respond(response) => return Ok(Entered::Answered(*response)),
            HttpFlow::Reject(no) => return Err(rejected(ErrorKind::GuardrailBlocked, &decision.plugin, no)),
            HttpFlow::Continue => {}
        }
    }
    let decided = pre_auth(&mut life.request().exchange, &mut draft).await;
    *seen = Some(draft.base().clone());
    decided?;
    match auth(&mut life.request().exchange, keys, draft.base()).await? {
        Some(identity) => identify(life, &identity),
        None => authenticate(life, keys, draft.base().headers.as_map())?,
    }
    let decided = life.request().exchange.run::<point::PostAuth>(&mut draft).await;
    *seen = Some(draft.base().clone());
    if let Some(decision) = decided.map_err(|fault| fault_error(&fault))?
        && let AccessFlow::Block(no) = decision.outcome
    {
        return Err(rejected(ErrorKind::PermissionDenied, &decision.plugin, no));
    }
    let request = draft.base();
    Ok(Entered::Passed { headers: request.headers.as_map().clone(), body: request.body.bytes().clone() })
}

async fn pre_auth(exchange: &mut Exchange, draft: &mut Draft<HttpRequest>) -> Result<(), LlmError> {
    let decided = exchange.run::<point::PreAuth>(draft).await.map_err(|fault| fault_error(&fault))?;
    match decided.map(|decision| (decision.plugin, decision.outcome)) {
        Some((plugin, AccessFlow::Block(no))) => Err(rejected(ErrorKind::PermissionDenied, &plugin, no)),
        _ => Ok(()),
    }
}

/// `auth`: the first plugin that does not pass decides; where all pass, the built-in keys are to.
async fn auth(
    exchange: &mut Exchange,
    keys: Option<&ClientKeys>,
    http: &Arc<HttpRequest>,
) -> Result<Option<Identity>, LlmError> {
    if !exchange.has(Hook::Auth) {
        return Ok(None);
    }
    let credential = credential(http.headers.as_map());
    let mut request = AuthRequest { credential, request: http.clone() };
    let decided = exchange.run::<point::Auth>(&mut request).await.map_err(|fault| fault_error(&fault))?;
    match decided.map(|decision| (decision.plugin, decision.outcome)) {
        Some((_, AuthDecision::Identify(identity))) => Ok(Some(*identity)),
        Some((plugin, AuthDecision::Refuse(no))) => Err(rejected(ErrorKind::Authentication, &plugin, no)),
        // A gateway that asks for a credential does not serve those whom nobody knows.
        Some((_, AuthDecision::Pass)) | None if keys.is_none() => Err(unauthenticated("the credential is not known")),
        Some((_, AuthDecision::Pass)) | None => Ok(None),
    }
}

/// Runs the `http_response` hooks of those that are owed one.
pub(crate) async fn leave(
    life: &mut Lifecycle,
    response: HttpResponse,
    http: Option<Arc<HttpRequest>>,
) -> Result<HttpResponse, LlmError> {
    let exchange = &mut life.request().exchange;
    let Some(request) = http.filter(|_| exchange.owes(Round::Http)) else { return Ok(response) };
    let mut payload = HttpExchange { request, response: Draft::from(response) };
    let mut faulted = None;
    let decided = exchange
        .unwind::<point::HttpResponse>(Round::Http, &mut payload, true, |_, fault| faulted = Some(fault_error(&fault)))
        .await;
    if let Some(decision) = decided
        && let HttpResponseFlow::Reject(no) = decision.outcome
    {
        return Err(rejected(ErrorKind::GuardrailBlocked, &decision.plugin, no));
    }
    faulted.map_or_else(|| Ok(payload.response.into_inner()), Err)
}

fn identify(life: &mut Lifecycle, identity: &Identity) {
    let facts = life.request().exchange.facts_mut();
    facts.app_id.clone_from(&identity.app_id);
    facts.user_id.clone_from(&identity.user_id);
    facts.api_key_id.clone_from(&identity.api_key_id);
    facts.claims.clone_from(&identity.claims);
}

fn unauthenticated(message: &str) -> LlmError {
    LlmError::new(ErrorKind::Authentication, message)
}

/// The query, decoded, in its order.
fn query_pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Takes back `%XX` and `+`.
fn decode(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let hex = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
        match (bytes[at], hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests;
