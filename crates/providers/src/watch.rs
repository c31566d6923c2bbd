//! The time that an answer may take.

use crate::NetworkSettings;
use gatewright_model::{ErrorKind, LlmError};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

/// As long as any setting: ends what nothing else ends.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Watches one try: first for the beginning of its answer, then for pauses in a stream, always for the request's
/// deadline.
///
/// One timer serves all. Progress only notes the time; the timer finds out when it goes off, and is set anew then.
pub(crate) struct Watch {
    timer: Pin<Box<Sleep>>,
    limits: Limits,
    /// When the whole answer, or the first event, must be there.
    settled_by: Option<Instant>,
    begun: bool,
    since: Instant,
    /// Whom the timer wakes, as it is set now.
    woken: Option<Waker>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) first_byte: Duration,
    pub(crate) whole: Option<Duration>,
    pub(crate) idle: Duration,
    pub(crate) deadline: Option<Instant>,
}

pin_project! {
    /// Waits for something under a watch. A type of its own, since an `async fn` would hold the future twice.
    pub(crate) struct Over<'a, F> {
        watch: &'a mut Watch,
        #[pin]
        future: F,
    }
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// The beginning of the answer.
    FirstByte(Duration),
    /// The whole of it.
    Whole(Duration),
    /// A pause in it.
    Idle(Duration),
    /// The whole request.
    Deadline,
}

// === impl Limits ===

impl Limits {
    pub(crate) fn new(settings: &NetworkSettings, deadline: Option<Instant>) -> Self {
        Self {
            first_byte: settings.first_byte_timeout,
            whole: settings.try_timeout,
            idle: settings.idle_timeout,
            deadline,
        }
    }
}

// === impl Watch ===

impl Watch {
    /// Begins to wait for the beginning of an answer.
    pub(crate) fn new(limits: Limits) -> Self {
        let since = Instant::now();
        let settled_by = limits.whole.map(|whole| since + whole);
        let due = limits.due(settled_by, since + limits.first_byte);
        Self { timer: Box::pin(sleep_until(due)), limits, settled_by, begun: false, since, woken: None }
    }

    /// The answer has begun: from now on pauses count.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
        // What counts from now on may be over sooner.
        self.woken = None;
        self.touch();
    }

    /// A whole answer has begun: from now on only the time of the try counts, and the deadline. A provider may send the
    /// head at once, and nothing more until the model is done.
    pub(crate) fn begin_whole(&mut self) {
        self.limits.idle = LONGEST;
        self.begin();
    }

    /// A stream has begun: from now on only pauses count, and the deadline.
    pub(crate) fn begin_stream(&mut self) {
        self.settled_by = None;
        self.begin();
    }

    /// Something came.
    pub(crate) fn touch(&mut self) {
        self.since = Instant::now();
    }

    /// Ready when something is overdue. To be polled after what is waited for.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Overdue> {
        // Asked several times for each piece of a stream: while the timer runs, there is nothing to do.
        let waits = self.woken.as_ref().is_some_and(|woken| woken.will_wake(context.waker()));
        if waits && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            let limit = self.limit();
            // The timer was set for a wait that may have been shorter, or longer, than what counts now.
            let due = self.limits.due(self.settled_by, self.since + limit);
            if self.timer.deadline() > due {
                self.timer.as_mut().reset(due);
            }
            // A task that has had its share is put off, and the timer is not set.
            let is_set = has_budget_remaining();
            if self.timer.as_mut().poll(context).is_pending() {
                self.woken = is_set.then(|| context.waker().clone());
                return Poll::Pending;
            }
            let now = Instant::now();
            if self.limits.deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Overdue::Deadline);
            }
            if let (Some(by), Some(whole)) = (self.settled_by, self.limits.whole)
                && by <= now
            {
                return Poll::Ready(Overdue::Whole(whole));
            }
            if due <= now {
                return Poll::Ready(if self.begun { Overdue::Idle(limit) } else { Overdue::FirstByte(limit) });
            }
            self.timer.as_mut().reset(due);
        }
    }

    /// Waits for `future`, as long as nothing is overdue.
    pub(crate) fn over<F: Future>(&mut self, future: F) -> Over<'_, F> {
        Over { watch: self, future }
    }

    fn limit(&self) -> Duration {
        if self.begun { self.limits.idle } else { self.limits.first_byte }
    }
}

impl Limits {
    fn due(&self, settled_by: Option<Instant>, at: Instant) -> Instant {
        [settled_by, self.deadline].into_iter().flatten().fold(at, Instant::min)
    }
}

// === impl Over ===

impl<F: Future> Future for Over<'_, F> {
    type Output = Result<F::Output, Overdue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => this.watch.poll(context).map(Err),
        }
    }
}

// === impl Overdue ===

impl Overdue {
    /// The error that says so.
    pub(crate) fn error(self, provider: &str) -> LlmError {
        let (message, code) = match self {
            Self::FirstByte(limit) => {
                (format!("provider `{provider}` did not begin to answer within {limit:?}"), "first_byte_timeout")
            }
            Self::Whole(limit) => {
                (format!("provider `{provider}` did not give its answer within {limit:?}"), "try_timeout")
            }
            Self::Idle(limit) => (
                format!("provider `{provider}` sent nothing for {limit:?} in the middle of its answer"),
                "idle_timeout",
            ),
            Self::Deadline => {
                (format!("the request's deadline passed before provider `{provider}` was done"), "deadline_exceeded")
            }
        };
        LlmError::new(ErrorKind::Timeout, message).with_code(code).with_provider(provider)
    }
}

#[cfg(test)]
mod tests;
