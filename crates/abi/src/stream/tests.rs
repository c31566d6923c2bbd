use super::*;
use gatewright_model::Channel;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// Answers pulls with these, last to first, and then with the first of them for ever.
struct Answers {
    answers: Mutex<Vec<Pulled>>,
    pulls: Mutex<u32>,
    closed: Mutex<Vec<u64>>,
}

// === impl Answers ===

impl Answers {
    fn new(mut answers: Vec<Pulled>) -> Arc<Self> {
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), pulls: Mutex::new(0), closed: Mutex::default() })
    }
}

impl Pulls for Answers {
    fn pull(&self, _: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        *self.pulls.lock().unwrap() += 1;
        assert!(*self.pulls.lock().unwrap() < 1000, "it is pulled for ever");
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() };
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn close(&self, number: u64) {
        self.closed.lock().unwrap().push(number);
    }
}

fn next(stream: &mut ChunkStream) -> Option<Result<Chunk, LlmError>> {
    match pin!(stream.next_chunk()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(next) => next,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn text(text: &str) -> Vec<model::Part> {
    Chunk::text(Channel::TEXT, text).parts().to_vec()
}

#[test]
fn chunks_come_in_their_order_to_the_end() {
    let answers =
        Answers::new(vec![Pulled::Chunks(vec![text("a"), text("b")]), Pulled::Chunks(vec![text("c")]), Pulled::End]);
    let mut stream = pulled(answers.clone(), 7);
    let said: Vec<_> = std::iter::from_fn(|| next(&mut stream)).map(|chunk| chunk.unwrap().parts().to_vec()).collect();
    assert_eq!(said, [text("a"), text("b"), text("c")]);
    drop(stream);
    assert!(answers.closed.lock().unwrap().is_empty(), "it ended by itself");
}

#[test]
fn a_pull_that_gives_no_chunks_breaks_the_stream() {
    let answers = Answers::new(vec![Pulled::Chunks(vec![text("a")]), Pulled::Chunks(Vec::new())]);
    let mut stream = pulled(answers.clone(), 7);
    assert!(next(&mut stream).unwrap().is_ok());
    let error = next(&mut stream).unwrap().unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::PluginUnavailable, Some("malformed")));
    assert!(next(&mut stream).is_none());
    drop(stream);
    assert_eq!(*answers.closed.lock().unwrap(), [7], "the guest is told once that nobody pulls any more");
}

#[test]
fn of_chunks_that_say_nothing_one_stands_for_all() {
    let answers = Answers::new(vec![
        Pulled::Chunks(vec![Vec::new(), text("a"), Vec::new(), text("b"), Vec::new()]),
        Pulled::Chunks(vec![Vec::new(); 1000]),
        Pulled::End,
    ]);
    let mut stream = pulled(answers.clone(), 7);
    for said in [text("a"), text("b"), Vec::new()] {
        assert_eq!(next(&mut stream).unwrap().unwrap().parts(), said);
    }
    assert!(next(&mut stream).is_none());
    assert_eq!(*answers.pulls.lock().unwrap(), 3);
}

#[test]
fn a_stream_that_is_given_up_while_it_is_pulled_is_not_put_back() {
    let mut streams = Streams::default();
    let number = streams.keep(ChunkStream::of([]));
    let taken = streams.take(number).unwrap();
    assert!(streams.close(number).is_none(), "it is not there");
    assert!(streams.put_back(number, taken).is_some(), "it is for the caller to drop");
    assert!(streams.take(number).is_none() && streams.closed.is_empty());
    let number = streams.keep(ChunkStream::of([]));
    let taken = streams.take(number).unwrap();
    assert!(streams.put_back(number, taken).is_none() && streams.close(number).is_some());
    (0..2 * Streams::MOST as u64).for_each(|number| drop(streams.close(number)));
    assert_eq!(streams.closed.len(), Streams::MOST);
}

#[test]
fn the_oldest_stream_makes_room() {
    let mut streams = Streams::default();
    let most = Streams::MOST as u64;
    for number in 1..=most {
        assert_eq!(streams.keep(ChunkStream::of([])), number);
    }
    // What was pulled stands in another order.
    for number in [1, 2, 500, most] {
        let pulled = streams.take(number).unwrap();
        assert!(streams.put_back(number, pulled).is_none());
    }
    for oldest in 1..4 {
        assert!(streams.open.iter().any(|(number, _)| *number == oldest));
        streams.keep(ChunkStream::of([]));
        assert!(streams.take(oldest).is_none(), "{oldest} made room");
        assert_eq!(streams.open.len(), Streams::MOST);
    }
    assert!(streams.take(4).is_some());
}
