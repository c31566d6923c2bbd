//! What every [`Kv`] of a plugin keeps to, as tests of whoever implements it: [`kv_cases!`](crate::kv_cases!).

#![expect(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use gatewright_plugin::services::{
    KV_ENTRY_BYTES, Kv, MAX_KV_BYTES, MAX_KV_KEY_BYTES, MAX_KV_VALUE_BYTES, ServiceError,
};
use std::time::Duration;

/// Long enough for any test.
pub const HOUR: Option<Duration> = Some(Duration::from_secs(3600));

/// No time at all.
pub const OVER: Option<Duration> = Some(Duration::ZERO);

/// A test for each rule. `$make` gives an empty space, and what must live as long as it: `((), MemoryKv::default())`.
#[macro_export]
macro_rules! kv_cases {
    ($make:expr) => {
        $crate::kv_cases! { $make =>
            what_is_set_is_there_until_it_is_taken_out
            an_entry_lasts_for_its_time
            keys_and_values_are_bounded
            a_plugin_keeps_only_so_much
            a_refused_value_leaves_the_old_one
            what_is_over_makes_room
            keys_are_listed_in_order_by_prefix
            numbers_are_added_up
            a_number_keeps_its_time
            a_key_is_set_only_if_it_is_what_it_was
        }
    };
    ($make:expr => $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() {
            let (_kept, kv) = $make;
            $crate::kv_cases::$case(&kv).await;
        }
    )*};
}

/// The value of a key, as text.
pub async fn get(kv: &dyn Kv, key: &str) -> Option<String> {
    kv.get(key).await.unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

/// Sets a key to a text.
pub async fn set(kv: &dyn Kv, key: &str, value: &'static str, ttl: Option<Duration>) {
    kv.set(key, value.into(), ttl).await.unwrap();
}

/// A value of so many bytes.
pub fn large(length: usize) -> Bytes {
    vec![0; length].into()
}

/// Fills a space but for so many bytes.
async fn fill(kv: &dyn Kv, room: usize) {
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

/// The last value counts, until the key is deleted.
pub async fn what_is_set_is_there_until_it_is_taken_out(kv: &dyn Kv) {
    assert_eq!(get(kv, "a").await, None);
    assert_eq!(kv.delete("a").await, Ok(false));
    set(kv, "a", "1", None).await;
    set(kv, "a", "2", None).await;
    assert_eq!(get(kv, "a").await.as_deref(), Some("2"));
    assert_eq!(kv.delete("a").await, Ok(true));
    assert_eq!(kv.delete("a").await, Ok(false));
    assert_eq!(get(kv, "a").await, None);
}

/// What is set for a time is gone after it.
pub async fn an_entry_lasts_for_its_time(kv: &dyn Kv) {
    set(kv, "long", "1", HOUR).await;
    set(kv, "beyond-all-clocks", "1", Some(Duration::MAX)).await;
    set(kv, "over", "1", OVER).await;
    assert_eq!((get(kv, "long").await.is_some(), get(kv, "beyond-all-clocks").await.is_some()), (true, true));
    assert_eq!(get(kv, "over").await, None);
    assert_eq!(kv.delete("over").await, Ok(false));
    set(kv, "long", "2", OVER).await;
    assert_eq!(get(kv, "long").await, None, "the last word counts");
}

/// Keys have 1 to 255 bytes, values at most 5 MiB.
pub async fn keys_and_values_are_bounded(kv: &dyn Kv) {
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

/// Keys and values and what an entry costs: 64 MiB in all.
pub async fn a_plugin_keeps_only_so_much(kv: &dyn Kv) {
    fill(kv, KV_ENTRY_BYTES + 10).await;
    let message = kv.set("more", large(7), None).await.unwrap_err().to_string();
    assert_eq!(message, "too large: a plugin keeps at most 67108864 bytes");
    kv.set("more", large(6), None).await.unwrap();
    kv.set("more", large(6), None).await.unwrap();
    kv.delete("more").await.unwrap();
    kv.set("less", large(6), None).await.unwrap();
}

/// A set that is refused is as if it had not been asked.
pub async fn a_refused_value_leaves_the_old_one(kv: &dyn Kv) {
    fill(kv, KV_ENTRY_BYTES + 100).await;
    set(kv, "a", "old", HOUR).await;
    assert!(kv.set("a", large(200), None).await.is_err());
    assert_eq!(get(kv, "a").await.as_deref(), Some("old"));
    assert!(kv.set("a", large(MAX_KV_VALUE_BYTES + 1), None).await.is_err());
    assert!(kv.compare_and_set("a", Some("old".into()), large(200)).await.is_err());
    assert_eq!(get(kv, "a").await.as_deref(), Some("old"));
}

/// An entry whose time is over does not count.
pub async fn what_is_over_makes_room(kv: &dyn Kv) {
    fill(kv, MAX_KV_VALUE_BYTES + KV_ENTRY_BYTES + 10).await;
    kv.set("over", large(MAX_KV_VALUE_BYTES), OVER).await.unwrap();
    kv.set("next", large(MAX_KV_VALUE_BYTES), HOUR).await.unwrap();
    assert!(kv.set("no-more", large(MAX_KV_VALUE_BYTES), None).await.is_err());
}

/// In the order of their bytes, whatever letters are in them.
pub async fn keys_are_listed_in_order_by_prefix(kv: &dyn Kv) {
    for key in ["b/2", "a/1", "b/1", "b", "c", "b/é", "b/%", "b/_", "B/1", "b/\u{10ffff}"] {
        set(kv, key, "", None).await;
    }
    set(kv, "b/0", "", OVER).await;
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

/// What is no whole number is refused.
pub async fn numbers_are_added_up(kv: &dyn Kv) {
    assert_eq!(kv.increment("n", 5).await, Ok(5), "absent counts as 0");
    assert_eq!(kv.increment("n", -7).await, Ok(-2));
    assert_eq!(get(kv, "n").await.as_deref(), Some("-2"));
    set(kv, "n", "9223372036854775807", None).await;
    assert_eq!(kv.increment("n", 1).await, Err(ServiceError::Invalid("the sum overflows".to_owned())));
    assert_eq!(kv.increment("n", 0).await, Ok(i64::MAX));
    for value in ["", "x", "1.5", " 1", "\u{661}"] {
        set(kv, "n", value, None).await;
        let refused = ServiceError::Invalid("the value is not a whole number".to_owned());
        assert_eq!(kv.increment("n", 1).await, Err(refused), "{value:?}");
    }
    kv.set("n", Bytes::from_static(b"\xff"), None).await.unwrap();
    assert!(kv.increment("n", 1).await.is_err());
}

/// Adding neither lengthens nor ends the time of a key.
pub async fn a_number_keeps_its_time(kv: &dyn Kv) {
    set(kv, "n", "1", Some(Duration::from_millis(1500))).await;
    assert_eq!(kv.increment("n", 1).await, Ok(2));
    tokio::time::sleep(Duration::from_millis(1550)).await;
    assert_eq!(get(kv, "n").await, None);
    assert_eq!(kv.increment("n", 1).await, Ok(1), "it begins anew");
    set(kv, "n", "41", OVER).await;
    assert_eq!((kv.increment("n", 1).await, kv.increment("n", 1).await), (Ok(1), Ok(2)), "and lasts");
}

/// Only if it is what was expected.
pub async fn a_key_is_set_only_if_it_is_what_it_was(kv: &dyn Kv) {
    let swap = async |expected: Option<&'static str>, value: &'static str| {
        kv.compare_and_set("k", expected.map(Bytes::from), value.into()).await.unwrap()
    };
    assert!(!swap(Some("a"), "b").await, "it is absent");
    assert!(swap(None, "a").await);
    assert!(!swap(None, "b").await, "it is there");
    assert!(!swap(Some("b"), "c").await);
    assert!(swap(Some("a"), "b").await);
    set(kv, "k", "over", OVER).await;
    assert!(!swap(Some("over"), "x").await);
    assert!(swap(None, "new").await);
    assert_eq!(get(kv, "k").await.as_deref(), Some("new"));
}
