use super::{Key, KeyRing, Rotation};
use http::HeaderMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

fn ring(keys: &[(&str, f64, &[&str])]) -> KeyRing {
    let key = |(name, weight, models): &(&str, f64, &[&str])| Key {
        name: (*name).to_owned(),
        headers: HeaderMap::new(),
        weight: *weight,
        models: models.iter().map(|model| (*model).to_owned()).collect(),
        rests: Mutex::default(),
    };
    KeyRing::new(keys.iter().map(key).collect())
}

/// The names of the first `count` keys, all drawn with `draw`.
fn order(ring: &KeyRing, count: usize, draw: f64) -> Vec<String> {
    let mut rotation = Rotation { ring, model: "m", current: 0, used: Vec::new() };
    rotation.current = rotation.pick(None, || draw).unwrap();
    let mut names = vec![rotation.key().name.clone()];
    while names.len() < count {
        rotation.rotate_by(|| draw);
        names.push(rotation.key().name.clone());
    }
    names
}

#[test]
fn every_key_is_used_once_before_a_fresh_round() {
    let ring = ring(&[("k1", 1.0, &[]), ("k2", 1.0, &[]), ("k3", 1.0, &[])]);
    assert_eq!(order(&ring, 7, 0.0), ["k1", "k2", "k3", "k1", "k2", "k3", "k1"]);
    for _ in 0..50 {
        let mut rotation = ring.rotation("m").unwrap();
        let mut names = vec![rotation.key().name.as_str()];
        for _ in 0..5 {
            rotation.rotate();
            names.push(rotation.key().name.as_str());
        }
        assert_ne!(names[2], names[3], "the key that was just limited does not begin the round");
        for round in names.chunks_mut(3) {
            round.sort_unstable();
            assert_eq!(round, ["k1", "k2", "k3"]);
        }
    }
}

#[test]
fn one_key_alone_is_used_again() {
    assert_eq!(order(&ring(&[("k1", 1.0, &[])]), 3, 0.5), ["k1", "k1", "k1"]);
}

#[test]
fn weights_share_the_requests() {
    let ring = ring(&[("a", 3.0, &[]), ("b", 1.0, &[]), ("spare", 0.0, &[])]);
    let mut counts = HashMap::new();
    for _ in 0..4000 {
        *counts.entry(ring.rotation("m").unwrap().key().name.clone()).or_insert(0) += 1;
    }
    assert!((2800..3200).contains(&counts["a"]), "{counts:?}");
    assert!(!counts.contains_key("spare"), "{counts:?}");
    assert_eq!(order(&ring, 3, 0.0), ["a", "b", "spare"]);
    assert_eq!(order(&ring, 3, 0.999), ["b", "a", "spare"]);
}

#[test]
fn keys_without_weight_are_chosen_alike() {
    let ring = ring(&[("a", 0.0, &[]), ("b", 0.0, &[])]);
    assert_eq!(order(&ring, 2, 0.0), ["a", "b"]);
    assert_eq!(order(&ring, 2, 0.6), ["b", "a"]);
}

#[test]
fn only_keys_for_the_model_are_used() {
    let ring = ring(&[("gpt", 1.0, &["gpt-*"]), ("all", 1.0, &["*"]), ("o3", 1.0, &["o3", "o4"])]);
    for _ in 0..50 {
        let mut rotation = ring.rotation("o3").unwrap();
        let mut names = [rotation.key().name.as_str(), ""];
        rotation.rotate();
        names[1] = &rotation.key().name;
        names.sort_unstable();
        assert_eq!(names, ["all", "o3"]);
    }
    assert!(super::KeyRing::new(Vec::new()).rotation("m").is_none());
    let narrow = self::ring(&[("gpt", 1.0, &["gpt-*"])]);
    assert!(narrow.rotation("claude").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_key_over_its_limit_comes_last_until_it_has_rested() {
    let ring = ring(&[("k1", 1.0, &[]), ("k2", 1.0, &[])]);
    let first = || ring.rotation("m").unwrap().key().name.clone();
    ring.keys[0].rest(Duration::from_secs(9));
    assert!((0..20).all(|_| first() == "k2"));
    ring.keys[1].rest(Duration::from_secs(3600));
    assert_eq!(order(&ring, 2, 0.0), ["k1", "k2"], "where all rest, all are used");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!((0..20).all(|_| first() == "k1"));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!((0..100).any(|_| first() == "k2"), "nobody rests for longer than a minute");
}
