use super::*;
use std::thread::sleep;

const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
const OVER: Option<Duration> = Some(Duration::ZERO);

async fn get(kv: &MemoryKv, key: &str) -> Option<String> {
    kv.get(key).await.unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

async fn set(kv: &MemoryKv, key: &str, value: &'static str, ttl: Option<Duration>) {
    kv.set(key, value.into(), ttl).await.unwrap();
}

fn large(length: usize) -> Bytes {
    vec![0; length].into()
}

/// A space with room for so many bytes more.
async fn nearly_full(room: usize) -> MemoryKv {
    let kv = MemoryKv::default();
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
    kv
}

#[tokio::test]
async fn what_is_set_is_there_until_it_is_taken_out() {
    let kv = MemoryKv::default();
    assert_eq!(get(&kv, "a").await, None);
    set(&kv, "a", "1", None).await;
    set(&kv, "a", "2", None).await;
    assert_eq!(get(&kv, "a").await.as_deref(), Some("2"));
    assert_eq!(kv.delete("a").await, Ok(true));
    assert_eq!(kv.delete("a").await, Ok(false));
    assert_eq!(get(&kv, "a").await, None);
}

#[tokio::test]
async fn an_entry_lasts_for_its_time() {
    let kv = MemoryKv::default();
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
    let kv = MemoryKv::default();
    let longest = "k".repeat(MAX_KV_KEY_BYTES);
    kv.set(&longest, large(MAX_KV_VALUE_BYTES), None).await.unwrap();
    let message = kv.set("k", large(MAX_KV_VALUE_BYTES + 1), None).await.unwrap_err().to_string();
    assert_eq!(message, "too large: a value has at most 5242880 bytes");
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
    let kv = nearly_full(KV_ENTRY_BYTES + 10).await;
    let message = kv.set("more", large(7), None).await.unwrap_err().to_string();
    assert_eq!(message, "too large: a plugin keeps at most 67108864 bytes");
    kv.set("more", large(6), None).await.unwrap();
    kv.set("more", large(6), None).await.unwrap();
    kv.delete("more").await.unwrap();
    kv.set("less", large(6), None).await.unwrap();
}

#[tokio::test]
async fn a_refused_value_leaves_the_old_one() {
    let kv = nearly_full(KV_ENTRY_BYTES + 100).await;
    set(&kv, "a", "old", HOUR).await;
    assert!(kv.set("a", large(200), None).await.is_err());
    assert_eq!(get(&kv, "a").await.as_deref(), Some("old"));
    assert!(kv.set("a", large(MAX_KV_VALUE_BYTES + 1), None).await.is_err());
    assert!(kv.compare_and_set("a", Some("old".into()), large(200)).await.is_err());
    assert_eq!(get(&kv, "a").await.as_deref(), Some("old"));
}

#[tokio::test]
async fn what_is_over_makes_room() {
    let kv = nearly_full(MAX_KV_VALUE_BYTES + KV_ENTRY_BYTES + 10).await;
    kv.set("over", large(MAX_KV_VALUE_BYTES), OVER).await.unwrap();
    kv.set("next", large(MAX_KV_VALUE_BYTES), HOUR).await.unwrap();
    assert!(kv.set("no-more", large(MAX_KV_VALUE_BYTES), None).await.is_err());
}

#[tokio::test]
async fn keys_are_listed_in_order_by_prefix() {
    let kv = MemoryKv::default();
    for key in ["b/2", "a/1", "b/1", "b", "c", "b/é"] {
        set(&kv, key, "", None).await;
    }
    set(&kv, "b/0", "", OVER).await;
    let list = async |prefix, limit| kv.list(prefix, limit).await.unwrap();
    assert_eq!(list("b/", 10).await, ["b/1", "b/2", "b/é"]);
    assert_eq!(list("b/", 2).await, ["b/1", "b/2"], "what is over does not count");
    assert_eq!(list("", 3).await, ["a/1", "b", "b/1"]);
    assert!(list("x", 10).await.is_empty() && list("b", 0).await.is_empty());
}

#[tokio::test]
async fn numbers_are_added_up() {
    let kv = MemoryKv::default();
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
    let kv = MemoryKv::default();
    set(&kv, "n", "1", Some(Duration::from_millis(30))).await;
    assert_eq!(kv.increment("n", 1).await, Ok(2));
    sleep(Duration::from_millis(40));
    assert_eq!(get(&kv, "n").await, None);
}

#[tokio::test]
async fn a_number_whose_time_is_over_begins_anew_and_lasts() {
    let kv = MemoryKv::default();
    set(&kv, "n", "41", OVER).await;
    assert_eq!(kv.increment("n", 1).await, Ok(1));
    assert_eq!(kv.increment("n", 1).await, Ok(2));
}

#[tokio::test]
async fn a_key_is_set_only_if_it_is_what_it_was() {
    let kv = MemoryKv::default();
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
