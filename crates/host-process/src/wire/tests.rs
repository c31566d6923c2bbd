use super::*;
use gatewright_proto::v1::HookAnswer;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::UnixStream;

/// A connection to a process that answers all requests with so many bytes.
async fn answering(bytes: usize) -> Wire {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let answer = HookAnswer { answer: vec![7; bytes].into(), ..HookAnswer::default() };
    let body = single::write(&answer, usize::MAX).unwrap();
    tokio::spawn(async move {
        let answer =
            service_fn(|_: Request<Incoming>| std::future::ready(Ok::<_, Infallible>(single::response(body.clone()))));
        let server = http2::Builder::new(TokioExecutor::new()).max_send_buf_size(8 << 20).clone();
        let _ended = server.serve_connection(TokioIo::new(theirs), answer).await;
    });
    let (wire, moving) = Wire::over(ours).await.unwrap();
    tokio::spawn(moving);
    wire
}

async fn asked(wire: &Wire) -> Result<usize, Code> {
    let answered = wire.single::<HookAnswer>("http://plugin/it", &HookAnswer::default()).await;
    answered.map(|answer| answer.answer.len()).map_err(|status| status.code())
}

/// More than there is room for: who waits keeps nobody from going on.
#[tokio::test]
async fn large_answers_over_one_connection_are_all_read() {
    let bytes = 5 << 20;
    let wire = answering(bytes).await;
    let all = futures_util::future::join_all((0..40).map(|_| asked(&wire)));
    let all = tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
    assert!(all.iter().all(|answered| *answered == Ok(bytes)), "{all:?}");
}

/// What they have been sent already would be without bound.
#[tokio::test]
async fn only_so_many_answers_wait_for_room() {
    let wire = answering(100 << 10).await;
    let taken = wire.answers.take(ANSWERS).await;
    let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(asked(&wire))).collect();
    let all = futures_util::future::join_all(waiting.iter_mut());
    assert!(tokio::time::timeout(Duration::from_millis(500), all).await.is_err());
    assert_eq!(asked(&wire).await, Err(Code::Unavailable));
    drop(taken);
    let all = futures_util::future::join_all(waiting).await;
    assert!(all.iter().all(|answered| *answered == Ok(100 << 10)), "{all:?}");
}
