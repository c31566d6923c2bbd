use super::{read, write, write_within};
use crate::room::Room;
use crate::v1::{HookAnswer, HookCall};
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

type Read = Result<(Option<HookCall>, Option<HeaderMap>), Status>;

fn call(bytes: usize) -> HookCall {
    HookCall { id: 7, hook: 3, head: vec![1; bytes].into(), ..HookCall::default() }
}

async fn read_pieces(pieces: Vec<&[u8]>, most: usize) -> Read {
    let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
    read(StreamBody::new(tokio_stream::iter(frames.collect::<Vec<_>>())), most, None).await
}

async fn code(pieces: Vec<&[u8]>, most: usize) -> Code {
    read_pieces(pieces, most).await.unwrap_err().code()
}

#[tokio::test]
async fn a_message_comes_in_any_pieces() {
    let body = write(&call(300), 400).unwrap();
    for size in [1, 4, 5, 6, 100, 400] {
        let read = read_pieces(body.chunks(size).collect(), 400).await.unwrap();
        assert_eq!(read, (Some(call(300)), None), "in pieces of {size}");
    }
}

#[tokio::test]
async fn trailers_are_found_with_and_without_a_message() {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    for message in [None, Some(call(1))] {
        let data = message.iter().map(|message| Frame::data(write(message, 400).unwrap()));
        let frames = data.chain([Frame::trailers(trailers.clone())]).map(Ok::<_, Infallible>);
        let body = StreamBody::new(tokio_stream::iter(frames.collect::<Vec<_>>()));
        assert_eq!(read(body, 400, None).await.unwrap(), (message, Some(trailers.clone())));
    }
}

#[tokio::test]
async fn what_is_too_long_is_refused_on_both_sides() {
    let length = call(300).encoded_len();
    assert_eq!(write(&call(300), length - 1).unwrap_err().code(), Code::OutOfRange);
    let body = write(&call(300), length).unwrap();
    assert_eq!(read_pieces(vec![&body], length).await.unwrap().0, Some(call(300)));
    assert_eq!(code(vec![&body], length - 1).await, Code::OutOfRange);
    assert_eq!(code(body.chunks(10).collect(), length - 1).await, Code::OutOfRange);
}

#[tokio::test]
async fn what_is_not_one_message_is_refused() {
    let body = write(&call(3), 400).unwrap();
    let mut compressed = body.to_vec();
    compressed[0] = 1;
    let not_protobuf = [0, 0, 0, 0, 1, 255];
    let bodies = [&body[..4], &body[..7], &[&body[..], &body[..]].concat(), &compressed, &not_protobuf];
    for body in bodies {
        assert_eq!(code(vec![body], 400).await, Code::Internal, "{body:?}");
    }
    let answer = write(&HookAnswer::default(), 0).unwrap();
    assert_eq!(read_pieces(vec![&answer], 400).await.unwrap().0, Some(HookCall::default()));
}

/// Who says that much comes is read on when there is room for it.
#[tokio::test]
async fn what_is_large_waits_for_room() {
    let (room, length) = (Room::new(64 << 10), 60 << 10);
    let body = write_within(&call(length), 1 << 20, &room).await.unwrap();
    let mut asked = 0;
    let pieces = [body.slice(..100), body.slice(100..)];
    let frames = tokio_stream::iter(pieces).map(|piece| {
        asked += 1;
        Ok::<_, Infallible>(Frame::data(piece))
    });
    let mut reading = Box::pin(read::<HookCall, _>(StreamBody::new(frames), 1 << 20, Some(&room)));
    let waits = tokio::time::timeout(Duration::from_millis(50), &mut reading).await.is_err();
    drop(reading);
    assert!(waits && asked == 1, "the rest is not asked for");
    drop(body);
    let body = write(&call(length), 1 << 20).unwrap();
    let frames = tokio_stream::iter([Ok::<_, Infallible>(Frame::data(body))]);
    let read = read::<HookCall, _>(StreamBody::new(frames), 1 << 20, Some(&room)).await.unwrap().0.unwrap();
    assert!(room.try_take(length).is_none(), "the message has the room");
    drop(read);
    assert!(room.try_take(length).is_some());
}
