use super::*;
use crate::wire::Wire;
use gatewright_proto::v1::host_client::HostClient;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tonic::Code;

/// More than an answer takes.
const BRIEFLY: Duration = Duration::from_millis(200);

/// A connection of a plugin. Its tasks go with it.
struct Opened(HostClient<Wire>, AbortHandle);

impl Opened {
    async fn to(socket: &Path) -> Self {
        let (wire, moving) = Wire::over(UnixStream::connect(socket).await.unwrap()).await.unwrap();
        Self(HostClient::with_origin(wire, Wire::origin()), tokio::spawn(moving).abort_handle())
    }

    /// What it is answered that asks without the token, if it is.
    async fn answered(&mut self) -> Option<Code> {
        let asked = timeout(BRIEFLY, self.0.ask(HostAsk::default())).await.ok()?;
        Some(asked.unwrap_err().code())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.1.abort();
    }
}

#[tokio::test]
async fn a_process_has_eight_connections_and_others_wait() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("host.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let serving = tokio::spawn(serve(listener, "word".to_owned(), Flights::new()));
    let mut opened = Vec::new();
    for _ in 0..8 {
        let mut connection = Opened::to(&socket).await;
        assert_eq!(connection.answered().await, Some(Code::Unauthenticated));
        opened.push(connection);
    }
    let mut ninth = Opened::to(&socket).await;
    assert_eq!(ninth.answered().await, None, "it waits");
    opened.pop();
    assert_eq!(ninth.answered().await, Some(Code::Unauthenticated), "it has the place of one that was closed");
    serving.abort();
    // Whoever still has a connection has it no more.
    assert!(serving.await.unwrap_err().is_cancelled());
    let closed = opened[0].answered().await;
    assert!(closed.is_some_and(|code| code != Code::Unauthenticated), "{closed:?}");
}

/// More than there is room for: who waits keeps nobody from going on.
#[tokio::test]
async fn many_large_questions_over_one_connection_are_all_read() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("host.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let serving = tokio::spawn(serve(listener, "word".to_owned(), Flights::new()));
    let opened = Opened::to(&socket).await;
    let argument = Bytes::from(vec![7; 1_200_000]);
    let asked = (0..90).map(|_| {
        let mut client = opened.0.clone().max_encoding_message_size(4 << 20);
        let mut asked = tonic::Request::new(HostAsk { argument: argument.clone(), ..HostAsk::default() });
        asked.metadata_mut().insert("authorization", "Bearer word".parse().unwrap());
        async move { client.ask(asked).await.unwrap_err().code() }
    });
    let codes = timeout(Duration::from_secs(30), futures_util::future::join_all(asked)).await.unwrap();
    assert!(codes.iter().all(|code| *code == Code::FailedPrecondition), "{codes:?}");
    serving.abort();
}
