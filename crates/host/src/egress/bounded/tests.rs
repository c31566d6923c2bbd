use super::*;
use std::future::{pending, ready};
use std::pin::pin;

/// A host that takes connections, and never comes to their end.
struct Silent;

#[derive(Clone)]
struct Connector {
    answers: bool,
}

impl Service<Uri> for Connector {
    type Response = Silent;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Silent>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        if self.answers { Box::pin(ready(Ok(Silent))) } else { Box::pin(pending()) }
    }
}

impl Write for Silent {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// One place for a connection that is kept, and one for another.
fn places() -> Places {
    let place = || Arc::new(Semaphore::new(1));
    Places { kept: place(), brief: place() }
}

/// What becomes of a connection, of a plugin that has these places.
async fn open(places: &Places, kept: bool, answers: bool) -> Result<Placed<Silent>, String> {
    let mut bounded = Bounded { connector: Connector { answers }, kept };
    let opening = async { bounded.call(Uri::from_static("http://a.test/")).await };
    CONNECTIONS.scope(Some(places.clone()), opening).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_connection_has_a_place_until_it_ends() {
    let places = places();
    let connection = open(&places, true, true).await.unwrap();
    assert_eq!(open(&places, true, true).await.err(), Some(NoneKept.to_string()));
    assert!(open(&places, false, true).await.is_ok(), "it has a place of another kind");
    drop(connection);
    assert!(open(&places, true, true).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_is_not_kept_waits_for_its_place() {
    let places = places();
    let connection = open(&places, false, true).await.unwrap();
    let mut waiting = pin!(open(&places, false, true));
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut waiting).await.is_err());
    drop(connection);
    assert!(waiting.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_comes_to_the_end_of_its_handshake_gives_the_place_back() {
    let places = places();
    let opened = tokio::time::timeout(2 * OPENING, open(&places, true, false)).await;
    assert_eq!(opened.map(Result::err), Ok(Some("there is no connection after 30 s".to_owned())));
    assert_eq!(places.kept.available_permits(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_host_that_does_not_hear_the_end() {
    let mut connection = open(&places(), true, true).await.unwrap();
    let end = std::future::poll_fn(|cx| Pin::new(&mut connection).poll_shutdown(cx));
    assert!(tokio::time::timeout(Duration::from_secs(5), end).await.is_ok());
}
