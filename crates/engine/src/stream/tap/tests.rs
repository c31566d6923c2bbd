use super::*;
use crate::price::Unpriced;
use crate::provider::{Answer, AttemptCall};
use gatewright_dialects::{ANTHROPIC, OPENAI};
use gatewright_model::{Codec, FinishReason, Usage};
use gatewright_pipeline::PluginSet;
use gatewright_plugin::Facts;
use gatewright_plugin::services::BoxFuture;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

const HELLO: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Héllo\"}}]}\n\n";
const WORLD: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" world\"}}]}\n\n";
const STOP: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// What an upstream does next.
#[derive(Clone)]
enum Step {
    Piece(Bytes),
    /// Its next piece is not there yet.
    Wait,
    Broken,
    /// Nothing more, for ever.
    Hang,
}

/// An upstream that keeps to a script; then its connection ends.
struct Script(VecDeque<Step>);

impl Stream for Script {
    type Item = Result<Bytes, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.pop_front() {
            Some(Step::Piece(bytes)) => Poll::Ready(Some(Ok(bytes))),
            Some(Step::Wait) => Poll::Pending,
            Some(Step::Broken) => Poll::Ready(Some(Err(LlmError::new(ErrorKind::Upstream, "reset")))),
            Some(Step::Hang) => {
                self.0.push_front(Step::Hang);
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }
}

/// Whose stream it is: of its errors, nobody is told its key.
struct Quoting(&'static dyn Codec);

impl Provider for Quoting {
    fn name(&self) -> &str {
        "up"
    }

    fn codec(&self) -> &'static dyn Codec {
        self.0
    }

    fn models(&self) -> Vec<String> {
        Vec::new()
    }

    fn attempt(&self, _: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(std::future::pending())
    }

    fn conceal(&self, error: LlmError) -> LlmError {
        LlmError { message: error.message.replace("sk-1", "***"), ..error }
    }
}

/// Who wants to know of the usage, and whether the client does.
#[derive(Clone, Copy)]
enum Usages {
    Unwanted,
    Wanted,
    Hidden,
}

struct Tapped {
    tap: Tap,
    life: Lifecycle,
}

impl Tapped {
    fn new(codec: &'static dyn Codec, usages: Usages, steps: impl IntoIterator<Item = Step>) -> Self {
        let stream = ProviderStream { codec, bytes: Box::pin(Script(steps.into_iter().collect())) };
        let (wanted, hidden) = match usages {
            Usages::Unwanted => (false, false),
            Usages::Wanted => (true, false),
            Usages::Hidden => (true, true),
        };
        let tap = Tap::new(stream, Arc::new(Quoting(codec)), wanted, hidden);
        let set = Arc::new(PluginSet::empty());
        let life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new());
        Self { tap, life }
    }

    /// The same stream in a request that must be done by then.
    fn until(mut self, deadline: Instant) -> Self {
        self.life.request().exchange.facts_mut().deadline = Some(deadline);
        self
    }

    fn poll(&mut self) -> Poll<Option<Result<Bytes, LlmError>>> {
        self.tap.poll_next(&mut Context::from_waker(Waker::noop()), &mut self.life)
    }

    /// The next item, after however many turns.
    fn next(&mut self) -> Option<Result<Bytes, LlmError>> {
        for _ in 0..1_000 {
            if let Poll::Ready(item) = self.poll() {
                return item;
            }
        }
        panic!("it waits for ever");
    }

    /// Everything until the end, in the pieces in which it left, and the error at the end.
    fn rest(&mut self) -> (Vec<String>, Option<LlmError>) {
        let mut left = Vec::new();
        while let Some(item) = self.next() {
            match item {
                Ok(bytes) => left.push(String::from_utf8(bytes.to_vec()).unwrap()),
                Err(error) => {
                    assert!(self.next().is_none(), "an error is the last item");
                    return (left, Some(error));
                }
            }
        }
        (left, None)
    }

    fn usage(&mut self) -> Option<Usage> {
        self.life.request().progress.usage
    }

    fn finish(&mut self) -> Option<FinishReason> {
        self.life.request().progress.finish.clone()
    }
}

fn pieces<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Step> {
    texts.into_iter().map(|text| Step::Piece(Bytes::copy_from_slice(text.as_bytes()))).collect()
}

/// The same pieces, each of which lets the client wait first.
fn slowly(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().flat_map(|step| [Step::Wait, step]).collect()
}

fn three_and_five() -> Option<Usage> {
    Some(Usage { input_tokens: 3, output_tokens: 5, ..Usage::default() })
}

#[test]
fn what_has_come_together_leaves_together() {
    let mut tapped = Tapped::new(&OPENAI, Usages::Wanted, pieces([HELLO, WORLD, STOP, USAGE, DONE]));
    let (left, error) = tapped.rest();
    assert_eq!((left, error), (vec![[HELLO, WORLD, STOP, USAGE, DONE].concat()], None));
    assert!(tapped.tap.is_done());
    assert_eq!((tapped.usage(), tapped.finish()), (three_and_five(), Some(FinishReason::Stop)));
}

#[test]
fn what_comes_slowly_leaves_as_it_comes() {
    let all = [HELLO, WORLD, STOP, DONE];
    let (left, error) = Tapped::new(&OPENAI, Usages::Wanted, slowly(pieces(all))).rest();
    assert_eq!((left, error), (all.map(str::to_owned).to_vec(), None));
}

#[test]
fn nothing_waits_for_what_comes_next() {
    let steps = [pieces([HELLO, WORLD]), vec![Step::Wait], pieces([WORLD]), vec![Step::Hang]].concat();
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, steps);
    assert_eq!(tapped.poll(), Poll::Ready(Some(Ok(Bytes::from([HELLO, WORLD].concat())))));
    assert_eq!(tapped.poll(), Poll::Ready(Some(Ok(Bytes::from(WORLD)))));
    assert!(tapped.poll().is_pending());
}

#[test]
fn a_large_piece_leaves_as_it_is() {
    let large = Bytes::from(WORLD.repeat(1 + COPIED_BYTES / WORLD.len()));
    let steps = [vec![Step::Piece(large.clone()), Step::Wait], pieces([HELLO]), vec![Step::Piece(large.clone())]];
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, steps.concat().into_iter().chain([Step::Hang]));
    let first = tapped.next().unwrap().unwrap();
    assert_eq!((first.as_ptr(), first.len()), (large.as_ptr(), large.len()));
    assert_eq!(tapped.next().unwrap().unwrap(), [HELLO.as_bytes(), &large].concat());
    assert!(tapped.poll().is_pending());
}

#[test]
fn what_leaves_together_is_bounded() {
    let events = WORLD.repeat(1 + BATCH_BYTES / 3 / WORLD.len());
    let (left, error) = Tapped::new(&OPENAI, Usages::Unwanted, pieces([&*events; 10].into_iter().chain([DONE]))).rest();
    assert_eq!(left.concat(), events.repeat(10) + DONE);
    assert_eq!(error, None);
    for batch in &left {
        assert!(batch.len() < BATCH_BYTES + events.len(), "{} bytes", batch.len());
    }
}

#[test]
fn usage_that_the_client_did_not_ask_for_is_counted_and_hidden() {
    for slow in [false, true] {
        let steps = pieces([HELLO, STOP, USAGE, DONE]);
        let steps = if slow { slowly(steps) } else { steps };
        let mut tapped = Tapped::new(&OPENAI, Usages::Hidden, steps);
        assert_eq!(tapped.rest().0.concat(), [HELLO, STOP, DONE].concat());
        assert_eq!(tapped.usage(), three_and_five());
    }
}

#[test]
fn usage_is_hidden_wherever_it_stands_in_a_piece() {
    let all = [HELLO, STOP, USAGE, DONE].concat();
    assert_eq!(Tapped::new(&OPENAI, Usages::Hidden, pieces([&*all])).rest().0.concat(), [HELLO, STOP, DONE].concat());
}

#[test]
fn usage_is_hidden_even_if_it_is_the_first_that_is_read() {
    // Nothing before it says more than text.
    let mut tapped = Tapped::new(&OPENAI, Usages::Hidden, pieces([HELLO, USAGE, DONE]));
    assert_eq!(tapped.rest().0.concat(), [HELLO, DONE].concat());
    assert_eq!(tapped.usage(), three_and_five());
}

#[test]
fn usage_that_comes_with_something_else_is_not_hidden() {
    let both = STOP.replace("\"choices\"", "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5},\"choices\"");
    let mut tapped = Tapped::new(&OPENAI, Usages::Hidden, pieces([HELLO, &both, DONE]));
    assert_eq!(tapped.rest().0.concat(), [HELLO, &both, DONE].concat());
    assert_eq!(tapped.usage(), three_and_five());
}

#[test]
fn usage_that_comes_with_what_there_are_no_parts_for_is_not_hidden() {
    let usage = "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}";
    for delta in ["{\"role\":\"assistant\",\"content\":\"\"}", "{\"images\":[{\"url\":\"u\"}]}"] {
        let both = format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{delta}}}],{usage}}}\n\n");
        let mut tapped = Tapped::new(&OPENAI, Usages::Hidden, pieces([&*both, HELLO, USAGE, DONE]));
        assert_eq!(tapped.rest().0.concat(), [&*both, HELLO, DONE].concat());
        assert_eq!(tapped.usage(), three_and_five());
    }
}

#[test]
fn nobody_reads_what_nobody_wants_to_know() {
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, pieces([HELLO, USAGE, STOP, DONE]));
    assert_eq!(tapped.rest().0.concat(), [HELLO, USAGE, STOP, DONE].concat());
    assert_eq!(tapped.usage(), None);
    assert!(tapped.tap.is_done() && tapped.finish().is_some(), "but for the end, and what says that it is complete");
}

#[test]
fn an_error_event_in_the_middle_ends_the_stream() {
    let event = "data: {\"error\":{\"message\":\"too many\",\"type\":\"rate_limit_error\"}}\n\n";
    for steps in [pieces([HELLO, event, WORLD, DONE]), pieces([&*[HELLO, event, WORLD, DONE].concat()])] {
        let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, steps);
        let (left, error) = tapped.rest();
        assert_eq!(left.concat(), HELLO, "what came before it leaves; the event itself is written anew");
        let error = error.unwrap();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimit, "too many"));
        assert!(!tapped.tap.is_done());
    }
}

#[test]
fn an_error_event_in_the_middle_tells_no_key() {
    let refused = "data: {\"error\":{\"message\":\"sk-1 was revoked\",\"code\":\"invalid_api_key\"}}\n\n";
    let text = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sk-1\"}}]}\n\n";
    let (left, error) = Tapped::new(&OPENAI, Usages::Wanted, pieces([text, refused])).rest();
    assert_eq!((left.concat(), error.unwrap().message), (text.to_owned(), "*** was revoked".to_owned()));
}

#[test]
fn a_text_that_looks_like_an_error_is_none() {
    let said = HELLO.replace("Héllo", "an \\\"error\\\": [DONE]");
    let (left, error) = Tapped::new(&OPENAI, Usages::Wanted, pieces([&*said, WORLD, DONE])).rest();
    assert_eq!((left.concat(), error), ([&*said, WORLD, DONE].concat(), None));
}

#[test]
fn a_connection_that_breaks_ends_the_stream_with_an_error() {
    let steps = pieces([HELLO, WORLD]).into_iter().chain([Step::Broken]).chain(pieces([DONE]));
    let (left, error) = Tapped::new(&OPENAI, Usages::Unwanted, steps).rest();
    assert_eq!(left.concat(), [HELLO, WORLD].concat());
    assert_eq!(error.unwrap().message, "reset");
}

#[test]
fn a_stream_without_its_last_event_ended_too_early() {
    for sent in [&[][..], &[HELLO, WORLD], &[HELLO, USAGE]] {
        let (left, error) = Tapped::new(&OPENAI, Usages::Wanted, pieces(sent.iter().copied())).rest();
        assert_eq!(left.concat(), sent.concat());
        let error = error.unwrap();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Upstream, "the provider's stream ended too early")
        );
    }
}

#[test]
fn a_complete_stream_may_lack_its_last_event() {
    for (sent, usages) in [(&[HELLO, STOP][..], Usages::Unwanted), (&[HELLO, STOP, USAGE], Usages::Wanted)] {
        let mut tapped = Tapped::new(&OPENAI, usages, pieces(sent.iter().copied()));
        let (left, error) = tapped.rest();
        assert_eq!((left.concat(), error), (sent.concat() + DONE, None));
        assert!(tapped.tap.is_done());
    }
    let (half, _) = WORLD.split_at(20);
    for sent in [&[HELLO, STOP, half][..], &[HELLO, STOP, WORLD]] {
        let error = Tapped::new(&OPENAI, Usages::Unwanted, pieces(sent.iter().copied())).rest().1;
        assert!(error.is_some(), "another choice was cut off: {sent:?}");
    }
}

#[test]
fn what_nobody_can_read_behind_a_complete_answer_passes() {
    let sent = [HELLO, STOP, "data: odd\n\n", DONE];
    let mut tapped = Tapped::new(&OPENAI, Usages::Wanted, pieces(sent));
    let (left, error) = tapped.rest();
    assert_eq!((left.concat(), error), (sent.concat(), None));
    assert!(tapped.tap.is_done());
}

#[test]
fn half_an_event_at_the_end_does_not_leave() {
    let (half, _) = WORLD.split_at(20);
    let (left, error) = Tapped::new(&OPENAI, Usages::Unwanted, pieces([HELLO, half])).rest();
    assert_eq!(left.concat(), HELLO);
    assert!(error.is_some());
}

#[test]
fn the_last_event_may_lack_its_line_ends() {
    for (last, usages) in [("data: [DONE]", Usages::Unwanted), ("data: [DONE]\n", Usages::Wanted)] {
        let mut tapped = Tapped::new(&OPENAI, usages, pieces([HELLO, STOP, last]));
        let (left, error) = tapped.rest();
        assert_eq!((left.concat().trim_end(), error), ([HELLO, STOP, DONE].concat().trim_end(), None));
        assert!(tapped.tap.is_done());
    }
    let (left, error) = Tapped::new(&OPENAI, Usages::Unwanted, pieces([HELLO, WORLD.trim_end()])).rest();
    assert_eq!((left.concat(), error.is_some()), ([HELLO, WORLD].concat(), true), "what came leaves, but it is no end");
    let event = "data: {\"error\":{\"message\":\"too many\"}}";
    let (left, error) = Tapped::new(&OPENAI, Usages::Unwanted, pieces([HELLO, event])).rest();
    assert_eq!((left.concat(), error.unwrap().message), (HELLO.to_owned(), "too many".to_owned()));
}

#[test]
fn an_event_may_be_split_anywhere() {
    let all = [HELLO, STOP, USAGE, DONE].concat();
    for at in 1..all.len() {
        let cut = [&all.as_bytes()[..at], &all.as_bytes()[at..]].map(|half| Step::Piece(Bytes::copy_from_slice(half)));
        let mut tapped = Tapped::new(&OPENAI, Usages::Hidden, slowly(cut.to_vec()));
        let (left, error) = tapped.rest();
        assert_eq!((left.concat(), error), ([HELLO, STOP, DONE].concat(), None), "cut at {at}");
        assert_eq!(tapped.usage(), three_and_five(), "cut at {at}");
    }
    let bytewise = all.as_bytes().iter().map(|byte| Step::Piece(Bytes::copy_from_slice(&[*byte])));
    assert_eq!(Tapped::new(&OPENAI, Usages::Hidden, bytewise).rest().0.concat(), [HELLO, STOP, DONE].concat());
}

#[test]
fn lines_may_end_in_another_way() {
    let all = [HELLO, STOP, USAGE, DONE].map(|event| event.replace('\n', "\r\n"));
    let mut tapped = Tapped::new(&OPENAI, Usages::Hidden, pieces(all.iter().map(String::as_str)));
    let (left, error) = tapped.rest();
    assert_eq!((left.concat(), error), ([&*all[0], &all[1], &all[3]].concat(), None));
    assert_eq!(tapped.usage(), three_and_five());
}

#[test]
fn nothing_is_asked_for_behind_the_last_event() {
    let steps = pieces([HELLO, DONE]).into_iter().chain([Step::Broken]);
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, steps);
    assert_eq!(tapped.rest(), (vec![[HELLO, DONE].concat()], None));
}

#[test]
fn a_request_without_time_left_gets_what_is_there_and_one_error() {
    let steps = || pieces([HELLO]).into_iter().chain([Step::Hang]);
    let past = Instant::now();
    let (left, error) = Tapped::new(&OPENAI, Usages::Unwanted, steps()).until(past).rest();
    assert_eq!((left, error.unwrap().kind), (vec![HELLO.to_owned()], ErrorKind::Timeout));
    let soon = Instant::now() + Duration::from_millis(20);
    let later = pieces([HELLO]).into_iter().chain([Step::Wait]).chain(pieces([WORLD])).chain([Step::Hang]);
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, later).until(soon);
    assert!(tapped.next().is_some());
    std::thread::sleep(Duration::from_millis(30));
    let (left, error) = tapped.rest();
    assert_eq!((left, error.unwrap().kind), (vec![WORLD.to_owned()], ErrorKind::Timeout));
}

#[test]
fn a_stream_that_is_over_is_in_time() {
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, pieces([HELLO, DONE]));
    assert!(tapped.next().is_some());
    let mut tapped = tapped.until(Instant::now());
    assert!(tapped.next().is_none() && tapped.tap.is_done());
}

#[test]
fn the_first_token_is_there_with_the_first_piece() {
    let mut tapped = Tapped::new(&OPENAI, Usages::Unwanted, [Step::Wait].into_iter().chain(pieces([HELLO, DONE])));
    assert!(tapped.poll().is_pending());
    assert_eq!(tapped.life.request().progress.first_token, None);
    tapped.next();
    let first = tapped.life.request().progress.first_token;
    assert!(first.is_some());
    tapped.rest();
    assert_eq!(tapped.life.request().progress.first_token, first);
}

#[test]
fn the_other_dialect_is_counted_too() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\
                 \"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
    let text = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\
                \"text_delta\",\"text\":\"Hi\"}}\n\n";
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\
                 \"usage\":{\"output_tokens\":5}}\n\n";
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let mut tapped = Tapped::new(&ANTHROPIC, Usages::Wanted, slowly(pieces([start, text, delta, stop])));
    let (left, error) = tapped.rest();
    assert_eq!((left.concat(), error), ([start, text, delta, stop].concat(), None));
    assert_eq!((tapped.usage(), tapped.finish()), (three_and_five(), Some(FinishReason::Stop)));
    let mut tapped = Tapped::new(&ANTHROPIC, Usages::Wanted, pieces([start, text, delta]));
    assert!(tapped.rest().1.is_some(), "without its last event");
}

#[test]
fn what_cannot_be_read_ends_the_stream() {
    let (left, error) = Tapped::new(&OPENAI, Usages::Wanted, pieces([HELLO, "data: {\"usage\":{\n\n", DONE])).rest();
    assert_eq!(left.concat(), HELLO);
    let message = error.unwrap().message;
    assert!(message.starts_with("the provider's stream cannot be read: "), "{message}");
}
