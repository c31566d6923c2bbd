use super::*;
use gatewright_testkit::kv_cases::{self, HOUR, OVER, get, large, set};
use std::future::ready;
use tempfile::TempDir;
use tokio::task::JoinSet;

gatewright_testkit::kv_cases!({
    let (folder, store, kv) = kv();
    ((folder, store), kv)
});

/// A store in a folder of its own, and a space in it.
fn kv() -> (TempDir, Store, SqliteKv) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let kv = store.kv("it");
    (folder, store, kv)
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

/// How the file would take out what is over in a space.
struct Plan;

impl Operation for Plan {
    type Answer = Vec<String>;

    const WRITES: bool = false;

    fn weight(&self) -> usize {
        0
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<Self::Answer, Failed> {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {TAKE_OUT}"));
        let query = sqlx::query_as::<_, (i64, i64, i64, String)>(explained).bind(1).bind(now()).bind(1);
        Ok(query.fetch_all(file).await?.into_iter().map(|(.., step)| step).collect())
    }
}

#[tokio::test]
async fn an_instance_whose_space_is_full_does_not_look_at_all_of_it() {
    let (_folder, store, _) = kv();
    let plan = store.ask(Plan).await.unwrap();
    assert!(plan.iter().any(|step| step == "SEARCH kv USING INDEX kv_expires_at (expires_at<?)"), "{plan:?}");
    assert!(!plan.iter().any(|step| step.contains("(space=?")), "{plan:?}");
}

#[tokio::test]
async fn no_more_is_taken_out_than_there_must_be_room_for() {
    let (_folder, store, kv) = kv();
    for number in 0..2 * SWEPT_AT_ONCE {
        kv.set(&number.to_string(), large(60 << 10), OVER).await.unwrap();
    }
    kv.set("a", large(MAX_KV_VALUE_BYTES), None).await.unwrap();
    kv.set("b", large(1 << 20), None).await.unwrap();
    let (rows, counted, there) = store.ask(Count).await.unwrap();
    assert_eq!(counted, there);
    // A sweep may have been between them.
    assert!((SWEPT_AT_ONCE / 2..=SWEPT_AT_ONCE + 2).contains(&rows), "{rows} are left");
}

#[tokio::test]
async fn an_instance_that_asks_for_much_leaves_others_their_turns() {
    let (_folder, store, hog) = kv();
    let mut many = JoinSet::new();
    for number in 0..40 {
        let hog = hog.clone();
        let large = Bytes::from(vec![number; MAX_KV_VALUE_BYTES]);
        many.spawn(async move { hog.set("a", large, None).await.unwrap() });
    }
    tokio::task::yield_now().await;
    assert_eq!(store.kv("another").increment("n", 1).await, Ok(1));
    let mut done = 0;
    while many.try_join_next().is_some() {
        done += 1;
    }
    assert!(done < 10, "{done} of the other's were done before it");
    many.join_all().await;
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
    kv.delete("a").await.unwrap();
    kv_cases::a_plugin_keeps_only_so_much(&kv).await;
    other.set("a", large(1000), None).await.unwrap();
}

#[tokio::test]
async fn what_is_counted_is_what_is_there() {
    let (_folder, store, kv) = kv();
    kv_cases::what_is_over_makes_room(&kv).await;
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

#[test]
fn a_prefix_ends_before_the_next() {
    assert_eq!(beyond(b"a"), Some(b"b".to_vec()));
    assert_eq!(beyond(b"a\xff\xff"), Some(b"b".to_vec()));
    assert_eq!((beyond(b""), beyond(b"\xff")), (None, None));
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
