use super::*;
use crate::engine::WasmHost;
use crate::sample::{ANSWER, Guest, OUT, cx, load, run};
use bytes::Bytes;
use gatewright_model::{Chat, Headers, HttpRequest, Message, Request, Role};
use gatewright_plugin::services::{Kv, ServiceError};
use gatewright_plugin::{Access, AccessFlow, Verdict};
use http::Method;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

// === what a component sees ===

fn asked() -> Call {
    let chat = Chat { messages: [Message::text(Role::User, "hello")].into_iter().collect(), ..Chat::default() };
    Call::CheckInput(Arc::new(Request::from_chat("m", false, chat)))
}

/// What a guest answers, loaded with what its manifest asks for.
async fn answered(guest: Guest, manifest: Manifest, call: Call) -> Reply {
    let host = WasmHost::new(None).unwrap();
    let plugin = load(&host, &guest.manifest(manifest), Options::default()).await.unwrap();
    plugin.call(cx(|_| ()), call).await.reply
}

/// Looks for the bytes `sk-1` in its head, and blocks where they are.
fn looking_for_a_key() -> Guest {
    let blocks = Guest::at(&[Hook::PreAuth]).says(&json!({ "outcome": { "block": { "reason": "seen" } } }));
    let length = blocks.end_of_answer() - ANSWER;
    let found = i32::from_le_bytes(*b"sk-1");
    blocks.handle(&format!(
        "(local.set $at (local.get $head))
         (loop $on
           (if (i32.eq (i32.load (local.get $at)) (i32.const {found}))
             (then (return (call $give (i32.const {ANSWER}) (i32.const {length})))))
           (local.set $at (i32.add (local.get $at) (i32.const 1)))
           (br_if $on (i32.lt_u (local.get $at) (i32.add (local.get $head) (local.get $length)))))
         (call $give (i32.const 0) (i32.const 0))"
    ))
}

#[test]
fn a_component_sees_no_credential_that_its_manifest_does_not_name() {
    run(async {
        for (header, asks, sees) in [
            ("authorization", &[][..], false),
            ("authorization", &["*"], false),
            ("authorization", &["authorization"], true),
            ("x-team", &[], false),
            ("x-team", &["x-other"], false),
            ("x-team", &["*"], true),
            ("x-team", &["x-team"], true),
        ] {
            let mut headers = Headers::default();
            assert!(headers.set(header, "sk-1"));
            let request = HttpRequest::new(Method::POST, "/v1".to_owned(), Vec::new(), headers, Bytes::new());
            let manifest = asks.iter().fold(Manifest::new("guest", "1.0.0"), |manifest, name| manifest.header(name));
            let reply = answered(looking_for_a_key(), manifest, Call::PreAuth(request.into())).await;
            let Reply::PreAuth(flow) = reply else { panic!("{reply:?}") };
            assert_eq!(matches!(flow, AccessFlow::Block(_)), sees, "{header}, asked for {asks:?}");
        }
    });
}

/// Fetches a part, and panics with what is said where it is refused.
fn fetching(part: gatewright_abi::Part) -> Guest {
    let guest = Guest::at(&[Hook::CheckInput]).imports("$part", "types", "[method]call.part");
    guest.imports_panicked().handle(&format!(
        "(call $part (local.get $call) (i32.const {}) (i32.const {OUT}))
         (if (i32.load8_u (i32.const {OUT}))
           (then (call $panicked (i32.load (i32.const {})) (i32.load (i32.const {}))) (unreachable)))
         (call $give (i32.const 0) (i32.const 0))",
        part as u32,
        OUT + 4,
        OUT + 8
    ))
}

#[test]
fn a_component_gets_no_texts_where_its_manifest_asks_for_none() {
    use gatewright_abi::Part;
    run(async {
        let says = |messages| Manifest::new("guest", "1.0.0").messages(messages);
        for part in [Part::Chat, Part::Texts] {
            let reply = answered(fetching(part), says(Access::None), asked()).await;
            let Reply::Failed(Failure::Panicked(why)) = reply else { panic!("{reply:?}") };
            assert!(why.starts_with("its manifest asks for no messages"), "{why}");
            let reply = answered(fetching(part), says(Access::Ro), asked()).await;
            assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
        }
        let facts = answered(fetching(Part::Facts), says(Access::None), asked()).await;
        assert!(matches!(facts, Reply::CheckInput(Verdict::Allow)), "{facts:?}");
    });
}

// === how calls share instances ===

/// Lets others have their turns while it is asked, and counts who asks at the same time.
#[derive(Default)]
struct Slow {
    /// Whether nobody is answered for now.
    stands: AtomicBool,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Kv for Slow {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(async {
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            while self.stands.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.now.fetch_sub(1, Ordering::Relaxed);
            Ok(None)
        })
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        unreachable!()
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        unreachable!()
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        unreachable!()
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        unreachable!()
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        unreachable!()
    }
}

/// Counts its calls in a global, says the count, and waits for the host at each.
fn counting(stateful: bool) -> Guest {
    let manifest = Manifest { stateful, ..Manifest::new("guest", "1.0.0") };
    let guest =
        Guest::at(&[Hook::CheckInput]).imports("$get", "kv", "get").says(&json!({ "metadata": { "count": 0 } }));
    let (last, length) = (guest.end_of_answer() - 1, guest.end_of_answer() - ANSWER);
    let count = format!(
        "(i32.store8 (i32.const {last}) (global.get $calls)) (call $give (i32.const {ANSWER}) (i32.const {length}))"
    );
    guest
        .manifest(Manifest { permissions: [gatewright_plugin::Permission::Kv].into(), ..manifest })
        .handle(&count)
        .calls("$get")
}

/// What six calls at once count, in order; how many of them were at work at the same time, and how many instances there
/// are after them.
async fn six_at_once(guest: &Guest, instances: Option<InstancePolicy>) -> (Vec<u64>, usize, usize) {
    let host = WasmHost::new(None).unwrap();
    let plugin = load(&host, guest, Options { instances, ..Options::default() }).await.unwrap();
    let slow = Arc::new(Slow::default());
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let cx = cx(|set| set.kv = slow.clone());
            tokio::spawn(plugin.clone().call(cx, asked()))
        })
        .collect();
    let mut counts = Vec::new();
    for call in calls {
        let Returned { mut cx, reply, .. } = call.await.unwrap();
        assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
        counts.push(cx.take_writes().metadata["count"].as_u64().unwrap());
    }
    counts.sort_unstable();
    (counts, slow.most.load(Ordering::Relaxed), host.instances())
}

#[test]
fn a_plugin_that_says_that_it_is_stateful_has_one_instance() {
    run(async {
        let each: Vec<u64> = (1..=6).collect();
        assert_eq!(six_at_once(&counting(true), None).await, (each, 1, 1));
    });
}

#[test]
fn a_plugin_that_does_not_say_so_has_several() {
    run(async {
        assert_eq!(six_at_once(&counting(false), None).await, (vec![1; 6], 6, 6));
    });
}

#[test]
fn the_entry_says_more_than_the_manifest() {
    run(async {
        let pooled = six_at_once(&counting(true), Some(InstancePolicy::Pooled)).await;
        assert_eq!(pooled, (vec![1; 6], 6, 6));
        let each: Vec<u64> = (1..=6).collect();
        let single = six_at_once(&counting(false), Some(InstancePolicy::Single)).await;
        assert_eq!(single, (each, 1, 1));
    });
}

#[test]
fn a_plugin_whose_instances_take_much_leaves_others_theirs() {
    run(async {
        let host = WasmHost::new(None).unwrap();
        let heavy = load(&host, &counting(false).with_memories(31), Options::default()).await.unwrap();
        let other = load(&host, &counting(false), Options::default()).await.unwrap();
        let slow = Arc::new(Slow { stands: true.into(), ..Slow::default() });
        let at_once = |plugin: &Arc<dyn Hosted>, kv: &Arc<Slow>, calls: usize| -> Vec<_> {
            let call = |_| tokio::spawn(plugin.clone().call(cx(|set| set.kv = kv.clone()), asked()));
            (0..calls).map(call).collect()
        };
        let calls = at_once(&heavy, &slow, 130);
        tokio::time::sleep(Duration::from_millis(500)).await;
        for call in at_once(&other, &Arc::default(), 128) {
            let reply = call.await.unwrap().reply;
            assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
        }
        slow.stands.store(false, Ordering::Relaxed);
        for call in calls {
            let reply = call.await.unwrap().reply;
            assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "it waited: {reply:?}");
        }
        assert_eq!(slow.most.load(Ordering::Relaxed), 7);
    });
}
