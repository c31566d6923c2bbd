//! Streams of chunks that a guest answers with: the host pulls.

use gatewright_model::{self as model, Chunk, LlmError};
use gatewright_plugin::payload::{ChunkSource, ChunkStream};
use gatewright_plugin::services::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a pull gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pulled {
    /// Chunks, each by what it says.
    Chunks(Vec<Vec<model::Part>>),
    /// The stream breaks.
    Error(LlmError),
    /// There is no more.
    End,
}

/// A guest's stream, on the host's side.
struct Pull<P> {
    pull: P,
    waiting: VecDeque<Chunk>,
    ended: bool,
}

/// A stream whose chunks come by this function, which is asked until it says that there is no more.
pub(crate) fn pulled<P>(pull: P) -> ChunkStream
where
    P: FnMut() -> BoxFuture<'static, Result<Pulled, LlmError>> + Send + 'static,
{
    ChunkStream::new(Pull { pull, waiting: VecDeque::new(), ended: false })
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
}

// === impl Pull ===

impl<P> ChunkSource for Pull<P>
where
    P: FnMut() -> BoxFuture<'static, Result<Pulled, LlmError>> + Send,
{
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        Box::pin(async move {
            while self.waiting.is_empty() && !self.ended {
                match (self.pull)().await {
                    Ok(Pulled::Chunks(chunks)) => self.waiting.extend(chunks.into_iter().map(Chunk::from_parts)),
                    Ok(Pulled::End) => self.ended = true,
                    Ok(Pulled::Error(error)) | Err(error) => {
                        self.ended = true;
                        return Some(Err(error));
                    }
                }
            }
            self.waiting.pop_front().map(Ok)
        })
    }
}

// === impl Streams ===

impl Streams {
    /// The most streams that one instance keeps at once; the oldest makes room.
    const MOST: usize = 1024;

    /// Keeps a stream, and gives its number.
    pub fn keep(&mut self, stream: ChunkStream) -> u64 {
        if self.open.len() >= Self::MOST {
            self.open.remove(0);
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

    /// Puts a stream back that has more.
    pub fn put_back(&mut self, number: u64, stream: ChunkStream) {
        self.open.push((number, stream));
    }
}
