//! One connection to a process.

use crate::connect;
use crate::flights::{DEAF, Flights};
use crate::told::Teller;
use crate::wire::Wire;
use gatewright_plugin::Failure;
use gatewright_proto::v1::plugin_client::PluginClient;
use gatewright_proto::v1::{StreamClose, host_frame};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long it may take to tell a plugin that a stream is given up.
const CLOSE: Duration = Duration::from_secs(5);

/// One connection to a process: the supervisor's, or one that belongs to a runtime which calls.
pub(crate) struct Link {
    /// Its number among the connections of the process.
    pub(crate) number: u64,
    /// The instance over there.
    pub(crate) instance: u64,
    pub(crate) wire: Wire,
    pub(crate) client: PluginClient<Wire>,
    /// `None` if single calls are made.
    pub(crate) session: Option<Teller>,
    pub(crate) flights: Arc<Flights>,
    /// Where what outlives a call runs.
    pub(crate) runtime: Handle,
    /// Why it is no more, if it is not the supervisor's: without that one all else is over, too.
    lost: OnceLock<String>,
}

// === impl Link ===

impl Link {
    /// The supervisor's connection, of no instance yet.
    pub(crate) fn base(wire: Wire, flights: Arc<Flights>) -> Self {
        Self::new(wire, 0, flights)
    }

    /// One more connection, of the current runtime.
    pub(crate) fn own(wire: Wire, base: &Self) -> Self {
        Self::new(wire, base.instance, base.flights.clone())
    }

    fn new(wire: Wire, instance: u64, flights: Arc<Flights>) -> Self {
        Self {
            number: flights.link(),
            instance,
            client: connect::client(wire.clone()),
            wire,
            session: None,
            flights,
            runtime: Handle::current(),
            lost: OnceLock::new(),
        }
    }

    /// Says that a stream is given up.
    pub(crate) fn close(&self, stream: u64) {
        let close = StreamClose { stream, instance: self.instance };
        match &self.session {
            Some(session) => {
                if session.say(host_frame::Frame::Close(close), &self.runtime).is_err() {
                    self.flights.sever(DEAF);
                }
            }
            None => {
                let mut client = self.client.clone();
                let mut request = tonic::Request::new(close);
                request.set_timeout(CLOSE);
                // Ends by itself, within its time.
                let closing = async move { tokio::time::timeout(CLOSE, client.close(request)).await.map(|_| ()) };
                self.runtime.spawn(closing);
            }
        }
    }

    /// It is no more: its calls fail for this reason.
    pub(crate) fn lose(&self, why: String) {
        let _first_reason_counts = self.lost.set(why);
        self.flights.lost(self.number);
    }

    /// Why nothing goes over it any more, if it is so.
    pub(crate) fn over(&self) -> Option<Failure> {
        let lost = || self.lost.get().map(|why| Failure::Unavailable(why.clone()));
        self.flights.over().or_else(lost)
    }

    /// The failure of a call that cannot be sent.
    pub(crate) fn gone(&self) -> Failure {
        self.over().unwrap_or_else(|| Failure::Unavailable("its connection is gone".to_owned()))
    }

    /// The failure of a call that gets no answer.
    pub(crate) fn failure(&self) -> Failure {
        self.over().unwrap_or_else(|| Failure::Malformed("it wanted too much at once".to_owned()))
    }
}
