//! What is recorded of each LLM request, once it has ended.

use super::bounds::{COST, DURATION, FIRST_TOKEN, OVERHEAD, PER_TOKEN, TOKENS};
use super::histogram::Histogram;
use super::labels::{Bounded, Label, OTHER};
use arc_swap::ArcSwap;
use gatewright_model::ErrorKind;
use gatewright_plugin::payload::{RequestStatus, RequestSummary};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Most combinations of operation, provider and model that have series of their own.
pub(super) const MAX_MODELS: usize = 512;

/// The families that requests are recorded in, and their series that are in use.
#[derive(Debug)]
pub(super) struct Requests {
    families: Families,
    providers: Arc<Bounded>,
    series: ArcSwap<Index>,
}

/// By operation, provider and model. Replaced as a whole when a model is seen for the first time.
#[derive(Clone, Debug, Default)]
struct Index {
    by_operation: HashMap<&'static str, HashMap<Label, HashMap<Label, Arc<Series>>>>,
    /// How many of the series are not for `other` models.
    named: usize,
}

/// The series of one operation, provider and model, resolved when first used.
#[derive(Debug)]
struct Series {
    labels: ModelLabels,
    ended: [OnceLock<Ended>; ErrorKind::ALL.len() + 1],
    input: OnceLock<Histogram>,
    output: OnceLock<Histogram>,
    details: [OnceLock<Counter>; 3],
    first_token: OnceLock<Histogram>,
    per_token: OnceLock<Histogram>,
    cost: OnceLock<Histogram>,
    unpriced: OnceLock<Counter>,
}

/// The series of one way to end.
#[derive(Debug)]
struct Ended {
    requests: Counter,
    duration: Histogram,
}

#[derive(Clone, Debug)]
struct Families {
    requests: Family<RequestLabels, Counter>,
    duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    tokens: Family<TokenLabels, Histogram, fn() -> Histogram>,
    details: Family<TokenLabels, Counter>,
    first_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    per_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    cost: Family<ModelLabels, Histogram, fn() -> Histogram>,
    unpriced: Family<ModelLabels, Counter>,
    overhead: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: Label,
    gen_ai_request_model: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    gen_ai_token_type: &'static str,
    #[prometheus(flatten)]
    model: ModelLabels,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    error_type: &'static str,
    #[prometheus(flatten)]
    model: ModelLabels,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    status: &'static str,
    error_type: &'static str,
    provider: Label,
    model: Label,
}

// === impl Requests ===

impl Requests {
    pub(super) fn new(registry: &mut Registry, providers: Arc<Bounded>) -> Self {
        Self { families: Families::new(registry), providers, series: ArcSwap::default() }
    }

    /// Records a request that has ended.
    pub(super) fn record(&self, operation: &'static str, summary: &RequestSummary) {
        // There is none of a request whose client went away before its answer began.
        if !summary.overhead.is_zero() {
            self.families.overhead.observe(nanos(summary.overhead));
        }
        let error = error_of(summary);
        let answered = error.is_none();
        let index = self.series.load();
        let series = match index.find(operation, &summary.provider, &summary.model) {
            Some(series) => series.clone(),
            None => self.add(operation, summary, answered),
        };
        series.record(&self.families, error, summary);
    }

    /// The series of a model that has none yet. A model gets its own only by an answer: names that callers make up, and
    /// that end in an error, take no room.
    fn add(&self, operation: &'static str, summary: &RequestSummary, answered: bool) -> Arc<Series> {
        let provider = self.providers.admit(&summary.provider);
        let mut found = None;
        self.series.rcu(|index| {
            let named = answered && index.named < MAX_MODELS && Label::fits(&summary.model);
            let model = if named { &summary.model } else { OTHER };
            let known = index.find(operation, provider.as_str(), model);
            if let Some(known) = known {
                found = Some(known.clone());
                return Arc::clone(index);
            }
            let series = Arc::new(Series::new(operation, provider.clone(), Label::new(model)));
            found = Some(series.clone());
            let mut index = Index::clone(index);
            index.named += usize::from(model != OTHER);
            let models = index.by_operation.entry(operation).or_default().entry(provider.clone()).or_default();
            models.insert(Label::new(model), series);
            Arc::new(index)
        });
        // `rcu` runs the closure at least once.
        found.unwrap_or_else(|| Arc::new(Series::new(operation, provider, Label::other())))
    }
}

// === impl Index ===

impl Index {
    fn find(&self, operation: &'static str, provider: &str, model: &str) -> Option<&Arc<Series>> {
        self.by_operation.get(operation)?.get(provider)?.get(model)
    }
}

// === impl Series ===

impl Series {
    fn new(operation: &'static str, provider: Label, model: Label) -> Self {
        let (gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model) = (operation, provider, model);
        Self {
            labels: ModelLabels { gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model },
            ended: Default::default(),
            input: OnceLock::new(),
            output: OnceLock::new(),
            details: Default::default(),
            first_token: OnceLock::new(),
            per_token: OnceLock::new(),
            cost: OnceLock::new(),
            unpriced: OnceLock::new(),
        }
    }

    fn record(&self, families: &Families, error: Option<ErrorKind>, summary: &RequestSummary) {
        let slot = error.and_then(|kind| ErrorKind::ALL.iter().position(|other| *other == kind));
        let ended = self.ended[slot.map_or(0, |slot| slot + 1)].get_or_init(|| families.ended(&self.labels, error));
        ended.requests.inc();
        ended.duration.observe(micros(summary.latency));
        if let Some(usage) = &summary.usage {
            let tokens = |kind| families.tokens.get_or_create_owned(&self.token_labels(kind));
            self.input.get_or_init(|| tokens("input")).observe(usage.input_tokens);
            self.output.get_or_init(|| tokens("output")).observe(usage.output_tokens);
            let details = [
                ("input_cache_read", usage.cache_read_tokens),
                ("input_cache_write", usage.cache_write_tokens),
                ("output_reasoning", usage.reasoning_tokens),
            ];
            for ((kind, count), counter) in details.into_iter().zip(&self.details) {
                if count > 0 {
                    let counter =
                        counter.get_or_init(|| families.details.get_or_create_owned(&self.token_labels(kind)));
                    counter.inc_by(count);
                }
            }
            let model = |family: &Family<ModelLabels, _, _>| family.get_or_create_owned(&self.labels);
            // Of several attempts one may have a price, and another none.
            if summary.priced || summary.cost > 0.0 {
                self.cost.get_or_init(|| model(&families.cost)).observe(nano_dollars(summary.cost));
            }
            if !summary.priced {
                self.unpriced.get_or_init(|| families.unpriced.get_or_create_owned(&self.labels)).inc();
            }
            if let Some(gap) = gap_between_tokens(summary, usage.output_tokens) {
                self.per_token.get_or_init(|| model(&families.per_token)).observe(micros(gap));
            }
        }
        if let Some(first) = summary.time_to_first_token {
            let series = self.first_token.get_or_init(|| families.first_token.get_or_create_owned(&self.labels));
            series.observe(micros(first));
        }
    }

    fn token_labels(&self, kind: &'static str) -> TokenLabels {
        TokenLabels { gen_ai_token_type: kind, model: self.labels.clone() }
    }
}

// === impl Families ===

impl Families {
    fn new(registry: &mut Registry) -> Self {
        fn of<S: Clone + Eq + std::hash::Hash>(new: fn() -> Histogram) -> Family<S, Histogram, fn() -> Histogram> {
            Family::new_with_constructor(new)
        }
        let families = Self {
            requests: Family::default(),
            duration: of(|| Histogram::new(&DURATION)),
            tokens: of(|| Histogram::new(&TOKENS)),
            details: Family::default(),
            first_token: of(|| Histogram::new(&FIRST_TOKEN)),
            per_token: of(|| Histogram::new(&PER_TOKEN)),
            cost: of(|| Histogram::new(&COST)),
            unpriced: Family::default(),
            overhead: Histogram::new(&OVERHEAD),
        };
        let all = families.clone();
        registry.register("gatewright_requests", "LLM requests that ended", all.requests);
        registry.register("gatewright_request_overhead_seconds", "The gateway's own part of a request", all.overhead);
        registry.register("gatewright_unpriced_requests", "LLM requests whose model has no price", all.unpriced);
        registry.register("gatewright_token_details", "Cached and reasoning tokens, also in token usage", all.details);
        registry.register("gen_ai_client_token_usage", "Tokens of a request, as the provider counted them", all.tokens);
        registry.register("gen_ai_client_cost_usd", "Cost of a request in US dollars", all.cost);
        registry.register("gen_ai_server_request_duration_seconds", "Time of a whole request", all.duration);
        registry.register("gen_ai_server_time_to_first_token_seconds", "Time to the first token", all.first_token);
        registry.register(
            "gen_ai_server_time_per_output_token_seconds",
            "Time between tokens after the first, in streams",
            all.per_token,
        );
        families
    }

    fn ended(&self, model: &ModelLabels, error: Option<ErrorKind>) -> Ended {
        let (status, error_type) = match error {
            Some(kind) => (RequestStatus::of_error(kind).as_str(), kind.as_str()),
            None => (RequestStatus::Success.as_str(), ""),
        };
        let (provider, name) = (model.gen_ai_provider_name.clone(), model.gen_ai_request_model.clone());
        Ended {
            requests: self.requests.get_or_create_owned(&RequestLabels { status, error_type, provider, model: name }),
            duration: self.duration.get_or_create_owned(&DurationLabels { error_type, model: model.clone() }),
        }
    }
}

/// What a request ended with; `None` if it was answered.
fn error_of(summary: &RequestSummary) -> Option<ErrorKind> {
    match (&summary.error, summary.status) {
        (_, RequestStatus::Success) => None,
        (_, RequestStatus::Cancelled) => Some(ErrorKind::Cancelled),
        (_, RequestStatus::GuardrailBlocked) => Some(ErrorKind::GuardrailBlocked),
        (Some(error), RequestStatus::Error) => Some(error.kind),
        (None, RequestStatus::Error) => Some(ErrorKind::Internal),
    }
}

/// Between two tokens of a stream, once the first is there.
fn gap_between_tokens(summary: &RequestSummary, output_tokens: u64) -> Option<Duration> {
    // Of several attempts the tokens are counted together, and the time is the last one's.
    if summary.attempts > 1 {
        return None;
    }
    let after_first = summary.latency.checked_sub(summary.time_to_first_token?)?;
    let gaps = u32::try_from(output_tokens).ok()?.checked_sub(1)?;
    after_first.checked_div(gaps)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The cast saturates, and takes what is not a number as 0.
fn nano_dollars(cost: f64) -> u64 {
    (cost * 1e9) as u64
}

#[cfg(test)]
mod tests;
