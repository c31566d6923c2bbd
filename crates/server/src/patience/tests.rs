use super::*;
use crate::snapshot::{Limits, Snapshot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_millis(200);

/// More than what the buffers of a loopback connection take.
const MUCH: usize = 32 << 20;

/// Both ends of a connection.
async fn connection() -> (Patient, TcpStream) {
    connection_with(PATIENCE, Duration::from_secs(60)).await
}

async fn connection_with(patience: Duration, longest: Duration) -> (Patient, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let shared = Shared::new(with(patience, longest), TaskTracker::new());
    (Patient::new(listener.accept().await.unwrap().0, shared), client)
}

/// A snapshot with these limits.
fn with(patience: Duration, longest: Duration) -> Snapshot {
    let limits = Limits { patience, request_timeout: longest, header_timeout: Duration::ZERO, ..Limits::default() };
    Snapshot { limits, ..Snapshot::bare() }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let (mut server, client) = connection().await;
    let begun = Instant::now();
    let error = server.write_all(&vec![b'x'; MUCH]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(begun.elapsed() >= PATIENCE, "{:?}", begun.elapsed());
    drop(client);
}

#[tokio::test]
async fn one_that_reads_in_between_is_not_although_it_takes_longer() {
    let (mut server, mut client) = connection().await;
    let begun = Instant::now();
    let reading = tokio::spawn(async move {
        let (mut piece, mut read) = (vec![0; MUCH / 8], 0);
        while read < MUCH {
            tokio::time::sleep(PATIENCE / 4).await;
            let wanted = piece.len().min(MUCH - read);
            read += client.read_exact(&mut piece[..wanted]).await.unwrap();
        }
        read
    });
    server.write_all(&vec![b'x'; MUCH]).await.unwrap();
    assert_eq!(reading.await.unwrap(), MUCH);
    assert!(begun.elapsed() > PATIENCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_that_reads_a_little_now_and_then_is_given_up_in_the_end() {
    let longest = Duration::from_millis(200);
    let (mut server, mut client) = connection_with(Duration::from_secs(10), longest).await;
    let begun = Instant::now();
    let reading = tokio::spawn(async move {
        let mut piece = vec![0; MUCH / 64];
        while client.read_exact(&mut piece).await.is_ok() {
            tokio::time::sleep(longest / 8).await;
        }
    });
    let error = server.write_all(&vec![b'x'; MUCH]).await.unwrap_err();
    assert_eq!(error.to_string(), "the client reads too slowly");
    assert!(begun.elapsed() >= longest, "{:?}", begun.elapsed());
    drop(server);
    reading.await.unwrap();
}

#[tokio::test]
async fn one_that_may_take_longer_by_now_is_not() {
    let longest = Duration::from_millis(100);
    let (mut server, mut client) = connection_with(Duration::from_secs(10), longest).await;
    server.shared.replace(with(Duration::from_secs(10), Duration::from_secs(60)));
    let reading = tokio::spawn(async move {
        let (mut piece, mut read) = (vec![0; MUCH / 8], 0);
        while read < MUCH {
            tokio::time::sleep(longest / 2).await;
            read += client.read_exact(&mut piece).await.unwrap();
        }
    });
    server.write_all(&vec![b'x'; MUCH]).await.unwrap();
    reading.await.unwrap();
}

#[tokio::test]
async fn a_connection_on_which_nothing_waits_to_be_read_lives_on() {
    let (mut server, mut client) = connection().await;
    server.write_all(b"first").await.unwrap();
    tokio::time::sleep(PATIENCE * 2).await;
    server.write_all(b"second").await.unwrap();
    let mut read = [0; 11];
    client.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"firstsecond");
}
