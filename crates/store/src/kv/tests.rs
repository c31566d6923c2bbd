use super::*;
use std::future::ready;
use tempfile::TempDir;
use tokio::task::JoinSet;

const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
const OVER: Option<Duration> = Some(Duration::ZERO);

/// A store in a folder of its own, and a space in it.
fn kv() -> (TempDir, Store, SqliteKv) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let kv = store.kv("it");
    (folder, store, kv)
}

async fn get(kv: &SqliteKv, key: &str) -> Option<String> {
    kv.get(key).await.unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

async fn set(kv: &SqliteKv, key: &str, value: &'static str, ttl: Option<Duration>) {
    kv.set(key, value.into(), ttl).await.unwrap();
}

fn large(length: usize) -> Bytes {
    vec![0; length].into()
}

/// Fills a space but for so many bytes.
async fn fill(kv: &SqliteKv, room: usize) {
    let mut left = MAX_KV_BYTES - room;
    for number in 0.. {
        let key = format!("{number:03}");
        let length = left.saturating_sub(key.len() + KV_ENTRY_BYTES).min(MAX_KV_VALUE_BYTES);
        kv.set(&key, large(length), None).await.unwrap();
        left -= key.len() + KV_ENTRY_BYTES + length;
        if left < KV_ENTRY_BYTES + 3 {
            assert_eq!(left, 0, "choose another room");
            break;
        }
    }
}

/// Rows and counted bytes of all spaces, past the store.
struct Count;

impl Operation for Count {
    type Answer = (i64, i64, i64);

    const WRITES: bool = false;

    fn weight(&self) -> usize {
        0
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<Self::Answer, Failed> {
        let count = "SELECT (SELECT count(*) FROM kv), (SELECT coalesce(sum(bytes), 0) FROM kv_spaces), \
                     (SELECT coalesce(sum(length(key) + length(value) + 64), 0) FROM kv)";
        Ok(sqlx::query_as(count).fetch_one(file).await?)
    }
}

struct Swept;

impl Operation for Swept {
    type Answer = bool;

    const WRITES: bool = true;

    fn weight(&self) -> usize {
        0
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<bool, Failed> {
        Ok(sweep(file).await?)
    }
}

#[tokio::test]
async fn what_is_set_is_there_until_it_is_taken_out() {
    let (_folder, _store, kv) = kv();
    assert_eq!(get(&kv, "a").await, None);
    assert_eq!(kv.delete("a").await, Ok(false));
    set(&kv, "a", "1", None).await;
    set(&kv, "a", "2", None).await;
    assert_eq!(get(&kv, "a").await.as_deref(), Some("2"));
    assert_eq!(kv.delete("a").await, Ok(true));
    assert_eq!(kv.delete("a").await, Ok(false));
    assert_eq!(get(&kv, "a").await, None);
}

#[tokio::test]
async fn a_later_start_finds_what_an_earlier_one_left() {
    let (folder, store, kv) = kv();
    set(&kv, "a", "1", None).await;
    set(&kv, "b", "2", HOUR).await;
    store.close().await;
    let refused = ServiceError::Failed("the store failed: the store is closed, since the gateway stops".to_owned());
    assert_eq!(kv.get("a").await, Err(refused));
    let again = Store::in_dir(folder.path());
    again.open().await.unwrap();
    let kv = again.kv("it");
    assert_eq!((get(&kv, "a").await.as_deref(), get(&kv, "b").await.as_deref()), (Some("1"), Some("2")));
}

#[tokio::test]
async fn what_was_answered_does_not_need_a_close() {
    let (folder, _store, kv) = kv();
    set(&kv, "a", "1", None).await;
    // Another process, as it were, while the first one has not closed its file: what kill -9 leaves.
    let other = Store::in_dir(folder.path()).kv("it");
    assert_eq!(get(&other, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn spaces_are_apart() {
    let (_folder, store, kv) = kv();
    let other = store.kv("other");
    set(&kv, "a", "1", None).await;
    set(&other, "a", "2", None).await;
    set(&other, "b", "3", None).await;
    assert_eq!(get(&kv, "a").await.as_deref(), Some("1"));
    assert_eq!(kv.list("", 10).await.unwrap(), ["a"]);
    assert_eq!(other.delete("a").await, Ok(true));
    assert_eq!(get(&kv, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn an_entry_lasts_for_its_time() {
    let (_folder, _store, kv) = kv();
    set(&kv, "long", "1", HOUR).await;
    set(&kv, "beyond-all-clocks", "1", Some(Duration::MAX)).await;
    set(&kv, "over", "1", OVER).await;
    assert_eq!((get(&kv, "long").await.is_some(), get(&kv, "beyond-all-clocks").await.is_some()), (true, true));
    assert_eq!(get(&kv, "over").await, None);
    assert_eq!(kv.delete("over").await, Ok(false));
    set(&kv, "long", "2", OVER).await;
    assert_eq!(get(&kv, "long").await, None, "the last word counts");
}

#[tokio::test]
async fn keys_and_values_are_bounded() {
    let (_folder, _store, kv) = kv();
    let longest = "k".repeat(MAX_KV_KEY_BYTES);
    kv.set(&longest, large(MAX_KV_VALUE_BYTES), None).await.unwrap();
    assert_eq!(kv.get(&longest).await, Ok(Some(large(MAX_KV_VALUE_BYTES))));
    let message = kv.set("k", large(MAX_KV_VALUE_BYTES + 1), None).await.unwrap_err().to_string();
    assert_eq!(message, "too large: a value has at most 5242880 bytes");
    assert_eq!(kv.compare_and_set("k", None, large(MAX_KV_VALUE_BYTES + 1)).await.unwrap_err().to_string(), message);
    assert_eq!(kv.compare_and_set("k", Some(large(MAX_KV_VALUE_BYTES + 1)), Bytes::new()).await, Ok(false));
    for key in ["", &*(longest + "k")] {
        let refused = ServiceError::Invalid("a key has 1 to 255 bytes".to_owned());
        assert_eq!(kv.get(key).await, Err(refused.clone()));
        assert_eq!(kv.set(key, Bytes::new(), None).await, Err(refused.clone()));
        assert_eq!(kv.delete(key).await, Err(refused.clone()));
        assert_eq!(kv.increment(key, 1).await, Err(refused.clone()));
        assert_eq!(kv.compare_and_set(key, None, Bytes::new()).await, Err(refused));
    }
}

#[tokio::test]
async fn a_plugin_keeps_only_so_much() {
    let (_folder, store, kv) = kv();
    fill(&kv, KV_ENTRY_BYTES + 10).await;
    let message = kv.set("more", large(7), None).await.unwrap_err().to_string();
    assert_eq!(message, "too large: a plugin keeps at most 67108864 bytes");
    kv.set("more", large(6), None).await.unwrap();
    kv.set("more", large(6), None).await.unwrap();
    assert!(kv.set("more", large(7), None).await.is_err());
    assert_eq!(kv.get("more").await, Ok(Some(large(6))), "a refused value leaves the old one");
    kv.delete("more").await.unwrap();
    kv.set("less", large(6), None).await.unwrap();
    kv.compare_and_set("less", Some(large(6)), large(7)).await.unwrap_err();
    store.kv("another").set("a", large(1000), None).await.unwrap();
}

#[tokio::test]
async fn what_is_over_makes_room() {
    let (_folder, store, kv) = kv();
    fill(&kv, MAX_KV_VALUE_BYTES + KV_ENTRY_BYTES + 10).await;
    kv.set("over", large(MAX_KV_VALUE_BYTES), OVER).await.unwrap();
    kv.set("next", large(MAX_KV_VALUE_BYTES), HOUR).await.unwrap();
    assert!(kv.set("no-more", large(MAX_KV_VALUE_BYTES), None).await.is_err());
    let (_, counted, there) = store.ask(Count).await.unwrap();
    assert_eq!(counted, there);
}

#[tokio::test]
async fn what_is_over_is_swept() {
    let (_folder, store, kv) = kv();
    for number in 0..SWEPT_AT_ONCE + 10 {
        kv.set(&number.to_string(), large(10), OVER).await.unwrap();
    }
    set(&kv, "stays", "1", HOUR).await;
    while store.ask(Swept).await.unwrap() {}
    let (rows, counted, there) = store.ask(Count).await.unwrap();
    assert_eq!((rows, counted), (1, there));
    assert!(get(&kv, "stays").await.is_some());
}

#[tokio::test]
async fn keys_are_listed_in_order_by_prefix() {
    let (_folder, _store, kv) = kv();
    for key in ["b/2", "a/1", "b/1", "b", "c", "b/é", "b/%", "b/_", "B/1", "b/\u{10ffff}"] {
        set(&kv, key, "", None).await;
    }
    set(&kv, "b/0", "", OVER).await;
    let list = async |prefix, limit| kv.list(prefix, limit).await.unwrap();
    assert_eq!(list("b/", 10).await, ["b/%", "b/1", "b/2", "b/_", "b/é", "b/\u{10ffff}"]);
    assert_eq!(list("b/", 2).await, ["b/%", "b/1"], "what is over does not count");
    assert_eq!(list("b/%", 10).await, ["b/%"]);
    assert_eq!(list("b/_", 10).await, ["b/_"]);
    assert_eq!(list("b/\u{10ffff}", 10).await, ["b/\u{10ffff}"]);
    assert_eq!(list("", 3).await, ["B/1", "a/1", "b"]);
    assert_eq!(list("", usize::MAX).await.len(), 10);
    assert!(list("x", 10).await.is_empty() && list("b", 0).await.is_empty());
    assert!(list(&"b".repeat(1000), 10).await.is_empty());
}

#[test]
fn a_prefix_ends_before_the_next() {
    assert_eq!(beyond(b"a"), Some(b"b".to_vec()));
    assert_eq!(beyond(b"a\xff\xff"), Some(b"b".to_vec()));
    assert_eq!((beyond(b""), beyond(b"\xff")), (None, None));
}

#[tokio::test]
async fn numbers_are_added_up() {
    let (_folder, _store, kv) = kv();
    assert_eq!(kv.increment("n", 5).await, Ok(5), "absent counts as 0");
    assert_eq!(kv.increment("n", -7).await, Ok(-2));
    assert_eq!(get(&kv, "n").await.as_deref(), Some("-2"));
    set(&kv, "n", "9223372036854775807", None).await;
    assert_eq!(kv.increment("n", 1).await, Err(ServiceError::Invalid("the sum overflows".to_owned())));
    assert_eq!(kv.increment("n", 0).await, Ok(i64::MAX));
    for value in ["", "x", "1.5", " 1", "\u{661}"] {
        set(&kv, "n", value, None).await;
        let refused = ServiceError::Invalid("the value is not a whole number".to_owned());
        assert_eq!(kv.increment("n", 1).await, Err(refused), "{value:?}");
    }
    kv.set("n", Bytes::from_static(b"\xff"), None).await.unwrap();
    assert!(kv.increment("n", 1).await.is_err());
}

#[tokio::test]
async fn a_number_keeps_its_time() {
    let (_folder, _store, kv) = kv();
    set(&kv, "n", "1", Some(Duration::from_millis(200))).await;
    assert_eq!(kv.increment("n", 1).await, Ok(2));
    tokio::time::sleep(Duration::from_millis(220)).await;
    assert_eq!(get(&kv, "n").await, None);
    assert_eq!(kv.increment("n", 1).await, Ok(1), "it begins anew");
    set(&kv, "n", "41", OVER).await;
    assert_eq!((kv.increment("n", 1).await, kv.increment("n", 1).await), (Ok(1), Ok(2)), "and lasts");
}

#[tokio::test]
async fn a_key_is_set_only_if_it_is_what_it_was() {
    let (_folder, _store, kv) = kv();
    let swap = async |expected: Option<&'static str>, value: &'static str| {
        kv.compare_and_set("k", expected.map(Bytes::from), value.into()).await.unwrap()
    };
    assert!(!swap(Some("a"), "b").await, "it is absent");
    assert!(swap(None, "a").await);
    assert!(!swap(None, "b").await, "it is there");
    assert!(!swap(Some("b"), "c").await);
    assert!(swap(Some("a"), "b").await);
    set(&kv, "k", "over", OVER).await;
    assert!(!swap(Some("over"), "x").await);
    assert!(swap(None, "new").await);
    assert_eq!(get(&kv, "k").await.as_deref(), Some("new"));
}

/// Two stores on one file are as two processes, and every worker of the gateway has a runtime of its own.
#[test]
fn nothing_is_lost_between_runtimes_and_processes() {
    let (_folder, store, kv) = kv();
    let stores = [store.clone(), Store::in_dir(store.file().parent().unwrap())];
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let kv = stores[worker % 2].kv("it");
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let mut adding = JoinSet::new();
                    for number in 0..100 {
                        let kv = kv.clone();
                        adding.spawn(async move {
                            kv.increment("n", 1).await.unwrap();
                            let won = kv.compare_and_set(&format!("won/{number}"), None, "x".into()).await.unwrap();
                            i64::from(won)
                        });
                    }
                    adding.join_all().await.into_iter().sum::<i64>()
                })
            })
        })
        .collect();
    let won: i64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(won, 100);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(get(&kv, "n").await.as_deref(), Some("400"));
        let (_, counted, there) = store.ask(Count).await.unwrap();
        assert_eq!(counted, there);
    });
}

#[tokio::test]
async fn who_gives_up_leaves_nothing_behind() {
    let (_folder, _store, kv) = kv();
    set(&kv, "a", "1", None).await;
    for _ in 0..1000 {
        tokio::select! {
            biased;
            _ = kv.set("b", large(1 << 20), None) => {}
            () = ready(()) => {}
        }
        tokio::select! {
            biased;
            _ = kv.increment("n", 1) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(get(&kv, "a").await.as_deref(), Some("1"));
}
