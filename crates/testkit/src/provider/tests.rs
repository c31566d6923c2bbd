use super::*;
use crate::request;
use futures_util::StreamExt;
use std::time::Duration;

fn call() -> AttemptCall {
    let request = request("gpt-4").user("hi").build();
    AttemptCall { request, include_usage: false, headers: HeaderMap::new(), deadline: None }
}

async fn pieces(answer: Answer) -> Vec<Result<String, LlmError>> {
    match answer.body {
        AnswerBody::Whole(_) => panic!("it is whole"),
        AnswerBody::Stream(stream) => {
            let text =
                |piece: Result<bytes::Bytes, LlmError>| piece.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            stream.bytes.map(text).collect().await
        }
    }
}

#[tokio::test]
async fn answers_by_its_script_and_then_the_last_again() {
    let provider = ScriptedProvider::new("p")
        .answer(ScriptedAnswer::error(ErrorKind::RateLimit, "slow down"))
        .answer(ScriptedAnswer::text("fine"));
    assert_eq!(provider.attempt(call()).await.err().unwrap().kind, ErrorKind::RateLimit);
    for _ in 0..2 {
        assert!(matches!(provider.attempt(call()).await.unwrap().body, AnswerBody::Whole(_)));
    }
    assert_eq!(provider.calls().len(), 3);
    assert_eq!(provider.calls()[0].request.model, "gpt-4");
}

#[tokio::test]
async fn streams_are_cut_where_the_script_says() {
    let provider = ScriptedProvider::new("p").answer(ScriptedAnswer::stream_cut("abcdef", &[0, 2, 2, 9]));
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(pieces(provider.attempt(call()).await.unwrap()).await, [ok("ab"), ok("cdef")]);
    let provider = ScriptedProvider::new("p").answer(ScriptedAnswer::stream_bytewise("abc").then(Piece::Broken));
    assert_eq!(pieces(provider.attempt(call()).await.unwrap()).await, [ok("a"), ok("b"), ok("c"), Err(broken())]);
    assert_eq!((provider.open(), provider.given_up()), (0, 0));
}

#[tokio::test]
async fn what_is_dropped_counts_as_given_up() {
    let provider =
        ScriptedProvider::new("p").answer(ScriptedAnswer::stream("a").then(Piece::Hang)).answer(ScriptedAnswer::Hang);
    let answer = provider.attempt(call()).await.unwrap();
    assert_eq!((provider.open(), provider.given_up()), (1, 0));
    drop(answer);
    assert_eq!((provider.open(), provider.given_up()), (0, 1));

    let waiting = tokio::time::timeout(Duration::from_millis(5), provider.attempt(call()));
    assert!(waiting.await.is_err());
    assert_eq!((provider.open(), provider.given_up()), (0, 2));
    provider.until_given_up(2).await;
    provider.until_called(2).await;
}
