//! A bounded queue of frames, which leave as few messages.

use crate::room::{Room, Taken};
use crate::v1::{HostFrame, HostFrames, PluginFrame, PluginFrames};
use prost::Message;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_stream::Stream;

/// The most frames that wait.
const WAITING: usize = 1024;

/// The most bytes of frames that wait, but for small ones.
const WAITING_BYTES: usize = 128 << 20;

/// The most frames of one message.
const PACK: usize = 64;

/// A message that has this many bytes is not added to.
pub(crate) const PACK_BYTES: usize = 256 << 10;

/// Frames that leave together.
pub trait Packs: Message {
    /// As a message.
    type Pack: Message;

    /// Makes the message.
    fn pack(frames: Vec<Self>) -> Self::Pack
    where
        Self: Sized;
}

/// Where frames are put.
#[derive(Debug)]
pub struct Outbox<F> {
    frames: mpsc::Sender<Waiting<F>>,
    room: Room,
}

/// Where they come out, as messages.
#[derive(Debug)]
pub struct Batches<F>(mpsc::Receiver<Waiting<F>>);

/// There is no room for a frame, or nobody who takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too much waits: the other side does not read.
    Full,
    /// The other side is gone.
    Gone,
}

type Waiting<F> = (F, usize, Taken);

/// A queue.
pub fn queue<F>() -> (Outbox<F>, Batches<F>) {
    let (frames, batches) = mpsc::channel(WAITING);
    (Outbox { frames, room: Room::new(WAITING_BYTES) }, Batches(batches))
}

// === impl Outbox ===

impl<F: Message> Outbox<F> {
    /// Puts a frame there, once there is room.
    pub async fn send(&self, frame: F) -> Result<(), Full> {
        let bytes = frame.encoded_len();
        let taken = self.room.take(bytes).await;
        self.frames.send((frame, bytes, taken)).await.map_err(|_| Full::Gone)
    }

    /// Puts a frame there if there is room.
    pub fn try_send(&self, frame: F) -> Result<(), (Full, F)> {
        let bytes = frame.encoded_len();
        let Some(taken) = self.room.try_take(bytes) else { return Err((Full::Full, frame)) };
        self.frames.try_send((frame, bytes, taken)).map_err(|refused| match refused {
            TrySendError::Full((frame, ..)) => (Full::Full, frame),
            TrySendError::Closed((frame, ..)) => (Full::Gone, frame),
        })
    }
}

impl<F> Clone for Outbox<F> {
    fn clone(&self) -> Self {
        Self { frames: self.frames.clone(), room: self.room.clone() }
    }
}

// === impl Batches ===

impl<F: Packs> Stream for Batches<F> {
    type Item = F::Pack;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Pack>> {
        let Some((frame, mut bytes, _)) = ready!(self.0.poll_recv(cx)) else { return Poll::Ready(None) };
        let mut frames = vec![frame];
        while frames.len() < PACK && bytes < PACK_BYTES {
            let Ok((frame, more, _)) = self.0.try_recv() else { break };
            bytes += more;
            frames.push(frame);
        }
        Poll::Ready(Some(F::pack(frames)))
    }
}

// === impl Packs ===

impl Packs for HostFrame {
    type Pack = HostFrames;

    fn pack(frames: Vec<Self>) -> HostFrames {
        HostFrames { frames }
    }
}

impl Packs for PluginFrame {
    type Pack = PluginFrames;

    fn pack(frames: Vec<Self>) -> PluginFrames {
        PluginFrames { frames }
    }
}
