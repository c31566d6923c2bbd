//! The cases of each hook that a plugin implements, and of all of them together.

use crate::asking::Asking;
use crate::case::{About, Outcome};
use crate::report::HookTimes;
use crate::runner::{Bench, Event, Loader};
use crate::stand::Stand;
use futures_util::future::join_all;
use gatewright_plugin::{Failure, Hook, HookSet};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How many calls are made one after the other, and the longest time of all of them.
const IN_A_ROW: usize = 100;
const LONGEST_ROW: Duration = Duration::from_secs(10);

/// How many are made at once.
const AT_ONCE: usize = 8;

/// How many are given up.
const GIVEN_UP: usize = 16;

/// How many calls show whether it keeps more and more, and the longest time of all of them.
const MANY: usize = 1000;
const LONGEST_MANY: Duration = Duration::from_secs(60);

/// Of one hook, so many cases that time out are enough to know.
const TIMEOUTS: usize = 2;

/// An instance that the cases of a hook share until one of them fails: what a failure leaves behind is not the next
/// one's fault.
struct Shared<'a> {
    loader: Loader<'a>,
    hook: Hook,
    stand: Option<Stand>,
    timeouts: usize,
}

/// The cases of one hook. The instance stands at no other: what it decides must not need them. Answers whether calls
/// of it come back at all.
pub(crate) async fn of(bench: &mut Bench<'_>, hook: Hook) -> bool {
    let (about, asking) = (About::Hook(hook), Asking::of(hook));
    let mut shared = Shared { loader: bench.loader.clone(), hook, stand: None, timeouts: 0 };
    let rule = "It answers within its timeout, with what the hook allows";
    for (at, sample) in asking.samples.iter().enumerate() {
        bench
            .case(
                about,
                &format!("answers/{sample}"),
                rule,
                shared.run(async |stand| asking.call(stand, at).await.map(drop)),
            )
            .await;
    }
    let rule = "It answers a hundred calls, one after the other";
    let mut times = Vec::new();
    bench
        .case(about, "in_a_row", rule, async {
            times = shared.run(async |stand| row(&asking, stand).await).await?;
            match times.len() < IN_A_ROW {
                true => Err(Outcome::Advice(format!("only {} calls were made in {LONGEST_ROW:?}", times.len()))),
                false => Ok(()),
            }
        })
        .await;
    if !times.is_empty() {
        bench.tell(Event::Times(HookTimes::of(hook, times)));
    }
    let rule = "It answers several calls at once";
    bench
        .case(
            about,
            "at_once",
            rule,
            shared.run(async |stand| {
                let calls = (0..AT_ONCE).map(|_| asking.call(stand, 0));
                join_all(calls).await.into_iter().try_for_each(|answer| answer.map(drop))
            }),
        )
        .await;
    let rule = "A call that is given up leaves the next one unharmed";
    bench
        .case(
            about,
            "given_up",
            rule,
            shared.run(async |stand| {
                for _ in 0..GIVEN_UP {
                    // It is begun, and dropped where it waits.
                    if let Poll::Ready(answer) = futures_util::poll!(pin!(asking.call(stand, 0))) {
                        answer?;
                    }
                }
                asking.call(stand, 0).await.map(drop)
            }),
        )
        .await;
    let comes_back = shared.timeouts < TIMEOUTS;
    shared.end().await;
    comes_back
}

/// The cases of all its hooks, on one instance.
pub(crate) async fn together(bench: &mut Bench<'_>, hooks: HookSet) {
    if hooks.is_empty() {
        return;
    }
    let loader = bench.loader.clone();
    let all: Vec<Asking> = hooks.iter().map(Asking::of).collect();
    let rule = "In one request, all its hooks in their order answer what they allow";
    bench
        .case(About::Request, "all_hooks", rule, async {
            let stand = loaded(&loader, hooks).await?;
            in_one_request(&all, &stand).await.map(drop)
        })
        .await;
    let rule = "A hook decides the same, whether the instance stands at others too or not";
    bench
        .case(About::Request, "alone", rule, async {
            let stand = loaded(&loader, hooks).await?;
            let together = in_one_request(&all, &stand).await?;
            for (asking, together) in all.iter().zip(together) {
                let alone = loaded(&loader, HookSet::of(&[asking.hook()])).await?;
                let alone = asking.call(&alone, 0).await.map_err(|failure| failed(asking.hook(), &failure))?;
                if alone != together {
                    let hook = asking.hook();
                    let message = format!("{hook} decides another thing when the instance stands at it alone");
                    return Err(Outcome::Advice(message));
                }
            }
            Ok(())
        })
        .await;
    let rule = "A thousand calls stay within its memory";
    bench
        .case(About::Memory, "thousand_calls", rule, async {
            let stand = loaded(&loader, hooks).await?;
            let began = Instant::now();
            for (made, asking) in all.iter().cycle().take(MANY).enumerate() {
                let answer = asking.call(&stand, 0).await;
                answer
                    .map_err(|failure| Outcome::Fails(format!("call {} of {}: {failure}", made + 1, asking.hook())))?;
                if began.elapsed() > LONGEST_MANY {
                    return Err(Outcome::Advice(format!(
                        "only {made} calls were made in {} s",
                        LONGEST_MANY.as_secs()
                    )));
                }
            }
            Ok(())
        })
        .await;
}

async fn row(asking: &Asking, stand: &Stand) -> Result<Vec<Duration>, Failure> {
    let (began, mut times) = (Instant::now(), Vec::with_capacity(IN_A_ROW));
    while times.len() < IN_A_ROW && began.elapsed() < LONGEST_ROW {
        let call = Instant::now();
        asking.call(stand, 0).await?;
        times.push(call.elapsed());
    }
    Ok(times)
}

/// What each hook decided.
async fn in_one_request(all: &[Asking], stand: &Stand) -> Result<Vec<bool>, Outcome> {
    let (mut exchange, mut decided) = (stand.exchange(), Vec::with_capacity(all.len()));
    for asking in all {
        let answer = asking.call_in(&mut exchange, 0).await;
        decided.push(answer.map_err(|failure| failed(asking.hook(), &failure))?);
    }
    Ok(decided)
}

async fn loaded(loader: &Loader<'_>, hooks: HookSet) -> Result<Stand, Outcome> {
    loader.stand("test", hooks).await.map_err(|error| not_loaded(error.message()))
}

fn not_loaded(message: &str) -> Outcome {
    Outcome::Fails(format!("it did not load again: {message}"))
}

fn failed(hook: Hook, failure: &Failure) -> Outcome {
    Outcome::Fails(format!("{hook}: {failure}"))
}

// === impl Shared ===

impl Shared<'_> {
    async fn run<T>(&mut self, case: impl AsyncFnOnce(&Stand) -> Result<T, Failure>) -> Result<T, Outcome> {
        if self.timeouts >= TIMEOUTS {
            return Err(Outcome::NotRun(format!("{TIMEOUTS} cases of {} timed out", self.hook)));
        }
        let stand = match self.stand.take() {
            Some(stand) => stand,
            None => loaded(&self.loader, HookSet::of(&[self.hook])).await?,
        };
        match case(&stand).await {
            Ok(given) => {
                self.stand = Some(stand);
                Ok(given)
            }
            Err(failure) => {
                self.timeouts += usize::from(failure == Failure::TimedOut);
                Err(Outcome::Fails(failure.to_string()))
            }
        }
    }

    /// How it ends is a case of its own.
    async fn end(self) {
        if let Some(stand) = self.stand {
            let _ = stand.end().await;
        }
    }
}
