use super::*;
use std::time::Duration;

#[tokio::test]
async fn room_is_given_back_with_the_last_of_the_bytes() {
    let room = Room::new(64 << 10);
    let bytes = room.take(60 << 10).await.hold(Bytes::from(vec![1; 60 << 10]));
    let part = bytes.slice(..8);
    drop(bytes);
    assert!(room.try_take(8 << 10).is_none(), "a part of them is there");
    assert!(room.try_take(4 << 10).is_some(), "what is small needs none");
    drop(part);
    assert!(room.try_take(8 << 10).is_some());
}

#[tokio::test]
async fn what_is_larger_than_the_room_takes_all_of_it() {
    let room = Room::new(64 << 10);
    let taken = room.take(1 << 30).await;
    assert!(room.try_take(5 << 10).is_none());
    drop(taken);
    assert!(room.try_take(64 << 10).is_some());
}

#[tokio::test]
async fn so_many_wait_to_read_on() {
    let room = Room::with_places(64 << 10, 1);
    let taken = room.take_to_read(64 << 10).await.unwrap();
    let mut waits = Box::pin(room.take_to_read(8 << 10));
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut waits).await.is_err());
    assert_eq!(room.take_to_read(8 << 10).await.err(), Some(Crowded));
    drop(taken);
    assert!(waits.await.is_ok());
    assert!(room.take_to_read(8 << 10).await.is_ok());
}
