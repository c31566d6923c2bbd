//! Streams of chunks that a guest answers with: the host pulls.

use gatewright_model::{self as model, Chunk, ErrorKind, LlmError};
use gatewright_plugin::payload::{ChunkSource, ChunkStream};
use gatewright_plugin::services::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a pull gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pulled {
    /// Chunks, each by what it says; at least one.
    Chunks(Vec<Vec<model::Part>>),
    /// The stream breaks.
    Error(LlmError),
    /// There is no more.
    End,
}

/// How a host reaches the streams of a guest, by their numbers.
pub trait Pulls: Send + Sync + 'static {
    /// Asks for the next chunks.
    fn pull(&self, number: u64) -> BoxFuture<'static, Result<Pulled, LlmError>>;

    /// Gives a stream up that has not ended.
    fn close(&self, number: u64);
}

/// A guest's stream, on the host's side.
struct Pull {
    streams: Arc<dyn Pulls>,
    number: u64,
    waiting: VecDeque<Chunk>,
    ended: bool,
}

/// The stream of this number, which is pulled until it says that there is no more.
pub(crate) fn pulled(streams: Arc<dyn Pulls>, number: u64) -> ChunkStream {
    ChunkStream::new(Pull { streams, number, waiting: VecDeque::new(), ended: false })
}

/// The next chunk of a guest's own stream, as the host gets it.
pub async fn pull(stream: &mut ChunkStream) -> Pulled {
    match stream.next_chunk().await {
        Some(Ok(chunk)) => Pulled::Chunks(vec![chunk.parts().to_vec()]),
        Some(Err(error)) => Pulled::Error(error),
        None => Pulled::End,
    }
}

/// The streams that a guest answered with, by their numbers.
#[derive(Default)]
pub struct Streams {
    last: u64,
    open: Vec<(u64, ChunkStream)>,
    /// The numbers of those that were given up while they were taken out.
    closed: VecDeque<u64>,
}

// === impl Pull ===

impl ChunkSource for Pull {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        Box::pin(async move {
            while self.waiting.is_empty() && !self.ended {
                match self.streams.pull(self.number).await {
                    // To ask again would be to ask for ever, without a turn for anybody else.
                    Ok(Pulled::Chunks(chunks)) if chunks.is_empty() => {
                        self.ended = true;
                        self.streams.close(self.number);
                        return Some(Err(nothing()));
                    }
                    Ok(Pulled::Chunks(chunks)) => {
                        let saying = chunks.into_iter().filter(|parts| !parts.is_empty());
                        self.waiting.extend(saying.map(Chunk::from_parts));
                        // Of many that say nothing one is as good as all: who waits for it lets others go first.
                        if self.waiting.is_empty() {
                            self.waiting.push_back(Chunk::from_parts([]));
                        }
                    }
                    Ok(Pulled::End) => self.ended = true,
                    Ok(Pulled::Error(error)) => {
                        self.ended = true;
                        return Some(Err(error));
                    }
                    // It may not know of it.
                    Err(error) => {
                        self.ended = true;
                        self.streams.close(self.number);
                        return Some(Err(error));
                    }
                }
            }
            self.waiting.pop_front().map(Ok)
        })
    }
}

fn nothing() -> LlmError {
    let message = "its stream answered with no chunks: a stream that has no more says `end`";
    LlmError::new(ErrorKind::PluginUnavailable, message).with_code("malformed")
}

impl Drop for Pull {
    fn drop(&mut self) {
        if !self.ended {
            self.streams.close(self.number);
        }
    }
}

// === impl Streams ===

impl Streams {
    /// The most streams that one instance keeps at once; the oldest makes room.
    const MOST: usize = 1024;

    /// Keeps a stream, and gives its number.
    pub fn keep(&mut self, stream: ChunkStream) -> u64 {
        if self.open.len() >= Self::MOST
            && let Some((oldest, _)) = self.open.iter().enumerate().min_by_key(|(_, (number, _))| *number)
        {
            self.open.swap_remove(oldest);
        }
        self.last += 1;
        self.open.push((self.last, stream));
        self.last
    }

    /// Takes a stream out, to pull it.
    pub fn take(&mut self, number: u64) -> Option<ChunkStream> {
        let at = self.open.iter().position(|(of, _)| *of == number)?;
        Some(self.open.swap_remove(at).1)
    }

    /// Puts a stream back that has more. One that was given up meanwhile is given again: who holds a lock drops it later.
    pub fn put_back(&mut self, number: u64, stream: ChunkStream) -> Option<ChunkStream> {
        if let Some(at) = self.closed.iter().position(|of| *of == number) {
            self.closed.remove(at);
            return Some(stream);
        }
        self.open.push((number, stream));
        None
    }

    /// Gives a stream up: it is given, or, if it is taken out, not put back.
    pub fn close(&mut self, number: u64) -> Option<ChunkStream> {
        let stream = self.take(number);
        if stream.is_none() {
            // Those that never come back are forgotten before those that may.
            if self.closed.len() >= Self::MOST {
                self.closed.pop_front();
            }
            self.closed.push_back(number);
        }
        stream
    }
}

#[cfg(test)]
mod tests;
