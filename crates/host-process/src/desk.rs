//! What a call gives the plugin: its parts, and the host's functions.

use crate::flights::{To, Want, What};
use crate::given::Given;
use crate::results::Results;
use gatewright_abi::functions::Function;
use gatewright_abi::host::Rest;
use gatewright_abi::{Part, document, service};
use gatewright_plugin::services::{Level, LogRecord, ServiceError, Services};
use gatewright_plugin::{Facts, Hook};
use gatewright_proto::MAX_TO_PLUGIN_BYTES;
use gatewright_proto::v1::{HostResult, PartContent, host_frame, host_result};
use std::sync::Arc;

/// What a call gives the plugin.
pub(crate) struct Desk {
    services: Services,
    hook: Hook,
    rest: Rest,
    given: Given,
    results: Arc<Results>,
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(services: Services, hook: Hook, rest: Rest, results: Arc<Results>) -> Self {
        Self { services, hook, rest, given: Given::default(), results }
    }

    pub(crate) fn hook(&self) -> Hook {
        self.hook
    }

    pub(crate) fn facts(&self) -> &Facts {
        self.rest.facts()
    }

    /// Does what nobody waits for.
    pub(crate) fn said(&self, function: u32, argument: &[u8]) {
        let done = function_of(function)
            .and_then(|function| service::serve_now(&self.services, self.facts(), self.hook, function, argument));
        if let Err(error) = done {
            // As lines of its own, of which it has only so many.
            let fields = [("hook", self.hook.name().into()), ("error", error.to_string().into())];
            let (message, request_id) = ("it was refused", &*self.facts().request_id);
            self.services.log.log(&LogRecord { level: Level::Warn, message, fields: &fields, request_id });
        }
    }

    /// Does what somebody waits for, and answers.
    pub(crate) async fn serve(&self, call: u64, Want { what, to, _room }: Want) {
        match what {
            What::Part(part) => {
                let content = self.part(call, part);
                match to {
                    // Who asked may be gone, here and below.
                    To::Session(session, _) => {
                        let _ = session.tell(host_frame::Frame::Part(content)).await;
                    }
                    To::Part(tell) => {
                        let _ = tell.send(content);
                    }
                    To::Function(_) => {}
                }
            }
            What::Function { function, argument } => {
                // Until it is told.
                let mut place = None;
                let done = match function_of(function) {
                    Ok(function) => {
                        let facts = self.rest.facts();
                        place = self.results.of(function, facts.depth).await;
                        service::serve(&self.services, facts, self.hook, true, function, &argument).await
                    }
                    Err(error) => Err(error),
                };
                let result = |id| HostResult { call, id, result: Some(resulted(done)) };
                match to {
                    To::Session(session, id) => {
                        let _ = session.tell(host_frame::Frame::Result(result(id))).await;
                    }
                    To::Function(tell) => {
                        let _ = tell.send((result(0), place));
                    }
                    To::Part(_) => {}
                }
            }
        }
    }

    fn part(&self, call: u64, part: u32) -> PartContent {
        let found = Part::numbered(part).ok_or_else(|| format!("there is no part {part}"));
        let found = found
            .and_then(|part| self.given.part(part, || self.rest.part(part)).map_err(|why| why.to_string()))
            .and_then(|content| match content.len() {
                0..=MAX_TO_PLUGIN_BYTES => Ok(content),
                _ => Err(format!("it has more than {MAX_TO_PLUGIN_BYTES} bytes")),
            });
        match found {
            Ok(content) => PartContent { call, part, content, error: String::new() },
            Err(error) => PartContent { call, part, error, ..PartContent::default() },
        }
    }
}

fn function_of(number: u32) -> Result<Function, ServiceError> {
    Function::numbered(number).ok_or_else(|| ServiceError::Invalid(format!("there is no host function {number}")))
}

fn resulted(done: Result<Vec<u8>, ServiceError>) -> host_result::Result {
    let done = done.and_then(|value| match value.len() {
        0..=MAX_TO_PLUGIN_BYTES => Ok(value),
        _ => Err(ServiceError::TooLarge(format!("a result has at most {MAX_TO_PLUGIN_BYTES} bytes"))),
    });
    match done {
        Ok(value) => host_result::Result::Value(value.into()),
        Err(error) => host_result::Result::Error(document::write(&error).into()),
    }
}
