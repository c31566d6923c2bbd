//! The host's side: plugins erased, so that a chain may hold any of them from any host.

use crate::hook::with_hook_table;
use crate::model::{HttpRequest, HttpResponse, LlmError, Message, Request, Response};
use crate::payload::*;
use crate::services::BoxFuture;
use crate::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Cx, Draft, Failure, Health, Hook, HookSet, HttpFlow,
    HttpResponseFlow, Manifest, ModelFlow, ObjectFlow, Plugin, PostLlm, PreLlm, Recovery, ToolFlow, Verdict,
};
use serde_json::Value as Json;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

/// A plugin as the pipeline sees it, whichever host runs it.
pub trait Hosted: Send + Sync {
    /// What it says of itself.
    fn manifest(&self) -> &Manifest;

    /// The hooks it implements; no other is ever called.
    fn hooks(&self) -> HookSet;

    /// Of these, the ones that may be called with [`Hosted::call_now`]: they answer at once, on the caller's thread.
    fn immediate(&self) -> HookSet;

    /// Whether there is room for one more such call.
    fn room(&self, hook: Hook) -> Room {
        let _ = hook;
        Room::Ample
    }

    /// Calls an immediate hook, which works on the caller's own context and payload. May unwind: the caller catches,
    /// and undoes.
    fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply;

    /// Calls any hook. The call owns all that it works on, so that it can be given up at any time.
    fn call(self: Arc<Self>, cx: Cx, call: Call) -> BoxFuture<'static, Returned>;

    /// How its host is with it; `None` if nothing can come between them.
    fn standing(&self) -> Option<Standing> {
        None
    }
}

/// Whether there is room for one more call on the caller's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Always: such calls end.
    Ample,
    /// They may hang, and one more may be made.
    Free,
    /// They may hang, and as many as may are under way: this one is to be waited for, with [`Hosted::call`].
    Full,
}

/// How a host is with a plugin, whatever the plugin itself says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Why its calls fail at once, as long as they do: it is being started again, or in quarantine.
    pub away: Option<String>,
    /// How often its process was started again.
    pub restarts: u64,
    /// Calls that were given up while it was at them, and may still hold a thread.
    pub given_up: u64,
}

/// What comes back of a call that owned what it worked on.
#[derive(Debug)]
pub struct Returned {
    /// The context, with what was written.
    pub cx: Cx,
    /// The payload, with what was edited.
    pub call: Call,
    /// The outcome, or the failure.
    pub reply: Reply,
}

/// What a hook is given. Edits in it are proposals, which the host keeps or gives up after each call.
pub trait Payload: Clone + Send + 'static {
    /// Keeps the edits; answers whether there were any.
    fn commit(&mut self) -> bool {
        false
    }

    /// Gives the edits up.
    fn undo(&mut self) {}
}

/// A hook, as a type: ties its payload to its outcome.
pub trait HookPoint: 'static {
    /// The hook.
    const HOOK: Hook;
    /// What it is given.
    type Payload: Payload;
    /// What it decides.
    type Outcome: Send + 'static;

    /// Erases a payload that the callee may work on in place.
    fn lend(payload: &mut Self::Payload) -> CallRef<'_>;

    /// Erases a payload that the callee owns.
    fn give(payload: Self::Payload) -> Call;

    /// Takes back a payload; `None` if it is another hook's.
    fn take(call: Call) -> Option<Self::Payload>;

    /// Takes the outcome of a reply; a reply to another hook is a failure.
    fn outcome(reply: Reply) -> Result<Self::Outcome, Failure>;
}

/// A linked-in plugin, hosted.
struct Linked<P> {
    plugin: P,
    /// Made when somebody asks: in a component nobody does, and each instance would have one.
    manifest: LazyLock<Manifest>,
}

macro_rules! define {
    ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
        $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
        /// A call that owns its payload.
        #[derive(Clone, Debug)]
        #[expect(missing_docs, reason = "the variants are the hooks")]
        pub enum Call { $($variant($payload)),* }

        /// A call whose payload is lent.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "the variants are the hooks")]
        pub enum CallRef<'a> { $($variant(&'a mut $payload)),* }

        /// What a hook answered.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "the variants are the hooks")]
        pub enum Reply { $($variant($outcome),)* Failed(Failure) }

        /// The hooks as types.
        pub mod point {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                #[derive(Debug)]
                pub enum $variant {}
            )*
        }

        $(
                impl HookPoint for point::$variant {
                    const HOOK: Hook = Hook::$variant;
                    type Payload = $payload;
                    type Outcome = $outcome;

                    fn lend(payload: &mut Self::Payload) -> CallRef<'_> {
                        CallRef::$variant(payload)
                    }

                    fn give(payload: Self::Payload) -> Call {
                        Call::$variant(payload)
                    }

                    fn take(call: Call) -> Option<Self::Payload> {
                        match call {
                            Call::$variant(payload) => Some(payload),
                            _ => None,
                        }
                    }

                    fn outcome(reply: Reply) -> Result<Self::Outcome, Failure> {
                        match reply {
                            Reply::$variant(outcome) => Ok(outcome),
                            Reply::Failed(failure) => Err(failure),
                            other => Err(Failure::Malformed(format!("it answered {}", other.name()))),
                        }
                    }
                }
        )*

        impl Call {
            /// The hook that is called.
            pub fn hook(&self) -> Hook {
                match self { $(Self::$variant(_) => Hook::$variant),* }
            }

            /// Lends its payload, for a hook that answers at once.
            pub fn lend(&mut self) -> CallRef<'_> {
                match self { $(Self::$variant(payload) => CallRef::$variant(payload)),* }
            }
        }

        impl CallRef<'_> {
            /// The hook that is called.
            pub fn hook(&self) -> Hook {
                match self { $(Self::$variant(_) => Hook::$variant),* }
            }
        }

        impl Reply {
            /// The hook that is answered; `failed` for a failure.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($name),)* Self::Failed(_) => "failed" }
            }
        }

        impl<P: Plugin> Hosted for Linked<P> {
            fn manifest(&self) -> &Manifest {
                &self.manifest
            }

            fn hooks(&self) -> HookSet {
                P::HOOKS
            }

            fn immediate(&self) -> HookSet {
                P::IMMEDIATE
            }

            fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
                match call {
                    $(CallRef::$variant(payload) => {
                        let future = pin!(self.plugin.$name(cx, pass!($pass, payload)));
                        match future.poll(&mut Context::from_waker(Waker::noop())) {
                            Poll::Ready(Ok(outcome)) => Reply::$variant(outcome),
                            Poll::Ready(Err(failure)) => Reply::Failed(failure),
                            Poll::Pending => Reply::Failed(Failure::Malformed("it waits, and may not here".to_owned())),
                        }
                    })*
                }
            }

            fn call(self: Arc<Self>, mut cx: Cx, call: Call) -> BoxFuture<'static, Returned> {
                match call {
                    $(Call::$variant(mut payload) => Box::pin(async move {
                        let reply = match self.plugin.$name(&mut cx, pass!($pass, &mut payload)).await {
                            Ok(outcome) => Reply::$variant(outcome),
                            Err(failure) => Reply::Failed(failure),
                        };
                        Returned { cx, call: Call::$variant(payload), reply }
                    })),*
                }
            }
        }
    };
}

macro_rules! pass {
    (edit, $payload:expr) => {
        $payload
    };
    (read, $payload:expr) => {
        &*$payload
    };
}
with_hook_table!(define);

// === impl Payload ===

impl<P: Clone + Send + Sync + 'static> Payload for Draft<P> {
    fn commit(&mut self) -> bool {
        Draft::commit(self)
    }

    fn undo(&mut self) {
        Draft::undo(self);
    }
}

impl Payload for HttpExchange {
    fn commit(&mut self) -> bool {
        self.response.commit()
    }

    fn undo(&mut self) {
        self.response.undo();
    }
}

impl Payload for StreamExchange {
    fn commit(&mut self) -> bool {
        self.chunk.commit()
    }

    fn undo(&mut self) {
        self.chunk.undo();
    }
}

impl Payload for ToolOutcome {
    fn commit(&mut self) -> bool {
        self.answer.commit()
    }

    fn undo(&mut self) {
        self.answer.undo();
    }
}

impl<T: Send + Sync + 'static> Payload for Arc<T> {}
impl Payload for AuthRequest {}
impl Payload for OutputCheck {}
impl Payload for ModelError {}
impl Payload for ToolError {}
impl Payload for Startup {}
impl Payload for Shutdown {}
impl Payload for HealthCheck {}

/// Hosts a plugin that is linked in.
pub fn link<P: Plugin>(plugin: P) -> Arc<dyn Hosted> {
    Arc::new(Linked { plugin, manifest: LazyLock::new(P::manifest) })
}
