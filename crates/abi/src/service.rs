//! The host's services over a boundary: both sides of every host function.
//!
//! A guest has [`services`], which send each call through one function; its host answers with [`serve`].

use crate::carry::ResponseDocument;
use crate::document;
use crate::functions::Function;
use bytes::Bytes;
use gatewright_model::{Chat, ErrorKind, Headers, LlmError, Request, Response};
use gatewright_plugin::services::{
    BoxFuture, Http, HttpCall, HttpReply, Kv, Level, Llm, Log, LogRecord, Metrics, Record, Records, Sample, SampleKind,
    ServiceError, ServiceSet, Services,
};
use gatewright_plugin::{Facts, Hook};
use http::Method;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// How a guest asks its host.
pub trait Ask: Send + Sync + 'static {
    /// Asks, and waits.
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>>;

    /// Asks for what does not wait.
    fn ask_now(&self, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, ServiceError>;
}

/// How deep and how long LLM requests of plugins are is the gateway's business; how they are spoken of is here.
#[derive(Serialize, Deserialize)]
struct LlmArgument {
    model: String,
    chat: Chat,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LlmResult {
    Response(Box<ResponseDocument>),
    Error(Box<LlmError>),
}

#[derive(Serialize, Deserialize)]
struct LogArgument {
    level: Level,
    message: String,
    #[serde(default)]
    fields: Vec<(String, Json)>,
}

#[derive(Serialize, Deserialize)]
struct MetricArgument {
    name: String,
    kind: SampleKind,
    value: f64,
    #[serde(default)]
    labels: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct RecordArgument {
    table: String,
    row: Map<String, Json>,
}

#[derive(Serialize, Deserialize)]
struct SetArgument {
    key: String,
    value: Bytes,
    #[serde(default)]
    ttl_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct ListArgument {
    prefix: String,
    limit: u64,
}

#[derive(Serialize, Deserialize)]
struct IncrementArgument {
    key: String,
    by: i64,
}

#[derive(Serialize, Deserialize)]
struct CompareArgument {
    key: String,
    expected: Option<Bytes>,
    value: Bytes,
}

#[derive(Serialize, Deserialize)]
struct HttpArgument {
    method: String,
    url: String,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    body: Bytes,
    #[serde(default = "thirty_seconds")]
    timeout_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct HttpResult {
    status: u16,
    headers: Headers,
    body: Bytes,
}

/// The most bytes of rows that cross together, where there is more than one: far below what one argument may hold.
const BATCH_BYTES: usize = 64 << 10;

/// The longest argument of a function that does not wait, and the most values in it: far above what a line, a sample or a
/// row may be. Who calls has the thread meanwhile.
pub const MAX_SAID_BYTES: usize = 1 << 20;
const MOST_SAID: usize = 64 << 10;

fn thirty_seconds() -> u64 {
    30_000
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === the host's side ===

/// Answers a call of a host function: the argument and the result are documents.
///
/// A function that the hook at hand may not call is refused, and so is one that waits where `may_wait` says that
/// nothing may. Which services are granted, the services themselves know.
pub async fn serve(
    services: &Services,
    facts: &Facts,
    hook: Hook,
    may_wait: bool,
    function: Function,
    argument: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    legal(hook, may_wait, function)?;
    match function {
        Function::Log | Function::Metric | Function::Record => serve_now(services, facts, hook, function, argument),
        Function::KvGet => written(services.kv.get(&read::<String>(argument)?).await?),
        Function::KvSet => {
            let SetArgument { key, value, ttl_ms } = read(argument)?;
            written(services.kv.set(&key, value, ttl_ms.map(Duration::from_millis)).await?)
        }
        Function::KvDelete => written(services.kv.delete(&read::<String>(argument)?).await?),
        Function::KvList => {
            let ListArgument { prefix, limit } = read(argument)?;
            written(services.kv.list(&prefix, usize::try_from(limit).unwrap_or(usize::MAX)).await?)
        }
        Function::KvIncrement => {
            let IncrementArgument { key, by } = read(argument)?;
            written(services.kv.increment(&key, by).await?)
        }
        Function::KvCompareAndSet => {
            let CompareArgument { key, expected, value } = read(argument)?;
            written(services.kv.compare_and_set(&key, expected, value).await?)
        }
        Function::HttpSend => {
            let HttpArgument { method, url, headers, body, timeout_ms } = read(argument)?;
            let method = Method::try_from(&*method).map_err(|error| ServiceError::Invalid(error.to_string()))?;
            let timeout = Duration::from_millis(timeout_ms);
            let HttpReply { status, headers, body } =
                services.http.send(HttpCall { method, url, headers, body, timeout }).await?;
            written(HttpResult { status, headers, body })
        }
        Function::LlmComplete => {
            let LlmArgument { model, chat } = read(argument)?;
            if chat.messages.iter().any(|message| message.origin().is_some()) {
                let what = "a message of an LLM request is given whole: its origin stands for nothing here";
                return Err(ServiceError::Invalid(what.to_owned()));
            }
            let answered = services.llm.complete(facts, Request::from_chat(model, false, chat)).await;
            written(match answered {
                Ok(response) => LlmResult::Response(Box::new(ResponseDocument::of(&response))),
                Err(error) => LlmResult::Error(Box::new(error)),
            })
        }
    }
}

/// Answers a call of a host function that does not wait.
pub fn serve_now(
    services: &Services,
    facts: &Facts,
    hook: Hook,
    function: Function,
    argument: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    legal(hook, false, function)?;
    if argument.len() > MAX_SAID_BYTES {
        let what = format!("an argument of `{}` has at most {MAX_SAID_BYTES} bytes", function.name());
        return Err(ServiceError::TooLarge(what));
    }
    match function {
        Function::Log => {
            let LogArgument { level, message, fields } = read_few(argument, MOST_SAID)?;
            let (names, values): (Vec<String>, Vec<Json>) = fields.into_iter().unzip();
            let fields: Vec<(&str, Json)> = names.iter().map(|name| &**name).zip(values).collect();
            services.log.log(&LogRecord { level, message: &message, fields: &fields, request_id: &facts.request_id });
            written(())
        }
        Function::Metric => {
            let MetricArgument { name, kind, value, labels } = read_few(argument, MOST_SAID)?;
            let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            written(services.metrics.record(&Sample { name: &name, kind, value, labels: &labels })?)
        }
        Function::Record => {
            let rows = read_few::<Vec<RecordArgument>>(argument, MOST_SAID)?.into_iter();
            let rows = rows.map(|RecordArgument { table, row }| Record { table, row }).collect();
            written(services.records.append_all(rows)?)
        }
        _ => Err(ServiceError::Invalid(format!("`{}` waits, and this call may not", function.name()))),
    }
}

fn legal(hook: Hook, may_wait: bool, function: Function) -> Result<(), ServiceError> {
    let row = function.info();
    if !row.hooks.contains(hook) {
        return Err(ServiceError::Invalid(format!("`{}` may not be called in {hook}", function.name())));
    }
    if row.waits && !may_wait {
        return Err(ServiceError::Invalid(format!("`{}` waits, and this call may not", function.name())));
    }
    Ok(())
}

fn read<T: DeserializeOwned>(argument: &[u8]) -> Result<T, ServiceError> {
    document::read(argument).map_err(unreadable)
}

fn read_few<T: DeserializeOwned>(argument: &[u8], most: usize) -> Result<T, ServiceError> {
    document::read_few(argument, most).map_err(unreadable)
}

fn unreadable(error: document::NotADocument) -> ServiceError {
    ServiceError::Invalid(error.to_string())
}

// Answers go the same way as arguments.
fn written(result: impl Serialize) -> Result<Vec<u8>, ServiceError> {
    Ok(document::write(&result))
}

// === the guest's side ===

/// The host's services, as a guest has them.
pub fn services(ask: Arc<impl Ask>) -> Services {
    let far = Arc::new(FarServices(ask));
    Services::from(ServiceSet {
        log: far.clone(),
        metrics: far.clone(),
        records: far.clone(),
        kv: far.clone(),
        http: far.clone(),
        llm: far,
    })
}

struct FarServices<A>(Arc<A>);

impl<A: Ask> FarServices<A> {
    async fn ask<T: DeserializeOwned>(&self, function: Function, argument: impl Serialize) -> Result<T, ServiceError> {
        let argument = document::write(&argument);
        read_back(&self.0.ask(function, argument).await?)
    }

    fn ask_now(&self, function: Function, argument: &impl Serialize) -> Result<(), ServiceError> {
        self.0.ask_now(function, document::write(argument)).map(|_| ())
    }
}

fn read_back<T: DeserializeOwned>(result: &[u8]) -> Result<T, ServiceError> {
    document::read(result).map_err(|error| ServiceError::Failed(format!("the host's answer: {error}")))
}

impl<A: Ask> Log for FarServices<A> {
    fn log(&self, record: &LogRecord<'_>) {
        let fields = record.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let argument = LogArgument { level: record.level, message: record.message.to_owned(), fields };
        // A line that cannot be written is nobody's failure.
        let _ = self.ask_now(Function::Log, &argument);
    }
}

impl<A: Ask> Metrics for FarServices<A> {
    fn record(&self, sample: &Sample<'_>) -> Result<(), ServiceError> {
        let labels = sample.labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (name, kind, value) = (sample.name.to_owned(), sample.kind, sample.value);
        self.ask_now(Function::Metric, &MetricArgument { name, kind, value, labels })
    }
}

impl<A: Ask> Records for FarServices<A> {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        self.ask_now(Function::Record, &[RecordArgument { table: record.table, row: record.row }])
    }

    fn append_all(&self, records: Vec<Record>) -> Result<(), ServiceError> {
        let rows: Vec<_> = records.into_iter().map(|Record { table, row }| RecordArgument { table, row }).collect();
        let mut told = Ok(());
        for batch in batches(&rows) {
            // What is refused of one keeps no other out.
            told = told.and(self.ask_now(Function::Record, &batch));
        }
        told
    }
}

/// The rows in their order, as many at once as are no longer than a batch; one that is longer goes by itself.
fn batches(mut rows: &[RecordArgument]) -> impl Iterator<Item = &[RecordArgument]> {
    std::iter::from_fn(move || {
        let (first, rest) = rows.split_first()?;
        let mut bytes = document::length(first);
        let further = rest.iter().take_while(|row| {
            bytes = bytes.saturating_add(document::length(row));
            bytes <= BATCH_BYTES
        });
        let (batch, after) = rows.split_at(1 + further.count());
        rows = after;
        Some(batch)
    })
}

impl<A: Ask> Kv for FarServices<A> {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(self.ask(Function::KvGet, key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        let argument = SetArgument { key: key.to_owned(), value, ttl_ms: ttl.map(millis) };
        Box::pin(async move { self.ask::<IgnoredAny>(Function::KvSet, argument).await.map(|_| ()) })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(self.ask(Function::KvDelete, key))
    }

    fn list<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        Box::pin(self.ask(Function::KvList, ListArgument { prefix: prefix.to_owned(), limit: limit as u64 }))
    }

    fn increment<'a>(&'a self, key: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(self.ask(Function::KvIncrement, IncrementArgument { key: key.to_owned(), by }))
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(self.ask(Function::KvCompareAndSet, CompareArgument { key: key.to_owned(), expected, value }))
    }
}

impl<A: Ask> Http for FarServices<A> {
    fn send(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        Box::pin(async move {
            let HttpCall { method, url, headers, body, timeout } = call;
            let method = method.as_str().to_owned();
            let argument = HttpArgument { method, url, headers, body, timeout_ms: millis(timeout) };
            let HttpResult { status, headers, body } = self.ask(Function::HttpSend, argument).await?;
            Ok(HttpReply { status, headers, body })
        })
    }
}

/// A conversation of which no message is nothing but its place in another.
fn whole(chat: &Chat) -> Chat {
    let mut chat = chat.clone();
    for at in 0..chat.messages.len() {
        // One that is looked at to be edited is a message of its own.
        if let Some(message) = chat.messages.get_mut(at).filter(|message| message.origin().is_some()) {
            message.blocks_mut();
        }
    }
    chat
}

impl<A: Ask> Llm for FarServices<A> {
    fn complete<'a>(&'a self, _: &'a Facts, request: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        Box::pin(async move {
            let internal = |message: String| LlmError::new(ErrorKind::Internal, message);
            let argument = LlmArgument { model: request.model.clone(), chat: whole(request.chat()?) };
            match self.ask(Function::LlmComplete, argument).await {
                Ok(LlmResult::Response(response)) => response.made().map_err(|unfit| internal(unfit.to_string())),
                Ok(LlmResult::Error(error)) => Err(*error),
                Err(error @ ServiceError::Denied { .. }) => {
                    Err(LlmError::new(ErrorKind::PermissionDenied, error.to_string()))
                }
                Err(error) => Err(internal(error.to_string())),
            }
        })
    }
}

#[cfg(test)]
mod tests;
