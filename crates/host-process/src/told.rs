//! What a plugin is told over its session.

use crate::flights::Flights;
use crate::link::Link;
use gatewright_proto::v1::{HostFrame, HostFrames, host_frame};
use gatewright_proto::{Batches, Full, Outbox};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_stream::Stream;

/// The most things that nobody waits for, and that wait for room.
const ASIDE: usize = 16 << 10;

/// Where it is put.
#[derive(Clone)]
pub(crate) struct Teller {
    outbox: Outbox<HostFrame>,
    aside: Arc<Semaphore>,
}

/// Where it leaves.
pub(crate) struct Telling {
    batches: Batches<HostFrame>,
    flights: Arc<Flights>,
    /// The number of its connection.
    link: u64,
}

/// Too much waits for room.
pub(crate) struct TooMuch;

/// The two ends of the way out of a connection's session.
pub(crate) fn telling(link: &Link) -> (Teller, Telling) {
    let (outbox, batches) = gatewright_proto::queue();
    let teller = Teller { outbox, aside: Arc::new(Semaphore::new(ASIDE)) };
    (teller, Telling { batches, flights: link.flights.clone(), link: link.number })
}

// === impl Teller ===

impl Teller {
    /// Says it once there is room.
    pub(crate) async fn tell(&self, frame: host_frame::Frame) -> Result<(), Full> {
        self.outbox.send(HostFrame { frame: Some(frame) }).await
    }

    /// Says what nobody waits for: now, or on this runtime once there is room. Where nobody listens any more, nobody is
    /// told.
    pub(crate) fn say(&self, frame: host_frame::Frame, runtime: &Handle) -> Result<(), TooMuch> {
        if let Err((Full::Full, frame)) = self.outbox.try_send(HostFrame { frame: Some(frame) }) {
            let place = self.aside.clone().try_acquire_owned().map_err(|_| TooMuch)?;
            let outbox = self.outbox.clone();
            runtime.spawn(async move {
                // The session may be over meanwhile.
                let _ = outbox.send(frame).await;
                drop(place);
            });
        }
        Ok(())
    }
}

// === impl Telling ===

impl Stream for Telling {
    type Item = HostFrames;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<HostFrames>> {
        let said = ready!(Pin::new(&mut self.batches).poll_next(cx));
        if let Some(said) = &said {
            self.flights.left(self.link, &said.frames);
        }
        Poll::Ready(said)
    }
}
