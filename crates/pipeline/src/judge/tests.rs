use super::*;
use gatewright_model::{
    Block, Channel, ChannelKind, Chat, Chunk, Content, DecodeError, ErrorKind, HttpRequest, HttpResponse, ImageSource,
    Kind, LlmError, MediaSource, Message, Output, Part, Raw, Response, Role, StreamChunk, StreamChunkBody,
};
use gatewright_plugin::payload::{
    AgentCall, AgentEvent, AgentResult, Asset, AssetCall, AuthRequest, ChannelText, ChunkStream, EndpointCall,
    HttpExchange, ModelError, OutputCheck, RpcCall, StreamExchange, ToolAnswer, ToolCall, ToolError, ToolOutcome,
};
use gatewright_plugin::{Identity, Suspension};
use serde_json::json;
use std::sync::{Arc, LazyLock};

/// One byte more than a hook may leave behind.
static LARGE: LazyLock<String> = LazyLock::new(|| "x".repeat(MAX_RESULT_BYTES + 1));

/// The cause of the failure that a result becomes; empty if it is allowed.
fn judged<H: Judge>(payload: H::Payload, outcome: H::Outcome) -> &'static str {
    H::allow(&payload, &outcome).map_or_else(|failure| failure.cause(), |()| "")
}

fn http_request(body: &'static str) -> HttpRequest {
    HttpRequest::new(Default::default(), "/v1/messages".to_owned(), Vec::new(), Headers::default(), body)
}

/// A draft in which `edit` is not yet kept.
fn edited<P: Clone>(payload: P, edit: impl FnOnce(&mut P)) -> Draft<P> {
    let mut draft = Draft::from(payload);
    edit(draft.edit());
    draft
}

fn request(messages: Vec<Message>) -> Request {
    Request::from_chat("m", false, Chat { messages: messages.into(), ..Chat::default() })
}

fn message(text: &str) -> Message {
    Message::text(Role::User, text)
}

fn response(text: &str) -> Response {
    Response::of_text("p", "m", text)
}

fn error(status: u16) -> LlmError {
    LlmError::new(ErrorKind::RateLimit, "no").with_status(status)
}

/// Runs a test on what each hook that rejects makes of a rejection.
fn of_every_rejection(test: impl Fn(&str, fn(Rejection) -> &'static str)) {
    fn http() -> Draft<HttpRequest> {
        http_request("").into()
    }
    fn asked() -> Arc<Request> {
        Arc::new(request(Vec::new()))
    }
    test("http_request", |no| judged::<point::HttpRequest>(http(), HttpFlow::Reject(no)));
    test("http_response", |no| judged::<point::HttpResponse>(exchange(200), HttpResponseFlow::Reject(no)));
    test("http_stream_chunk", |no| judged::<point::HttpStreamChunk>(event(None, "{}"), ChunkFlow::End(no)));
    test("pre_auth", |no| judged::<point::PreAuth>(http(), AccessFlow::Block(no)));
    test("auth", |no| judged::<point::Auth>(auth(), AuthDecision::Refuse(no)));
    test("post_auth", |no| judged::<point::PostAuth>(http(), AccessFlow::Block(no)));
    test("check_input", |no| judged::<point::CheckInput>(asked(), Verdict::Block(no)));
    test("check_output", |no| judged::<point::CheckOutput>(output(), Verdict::Block(no)));
    test("before_create", |no| judged::<point::BeforeCreate>(object().into(), ObjectFlow::Veto(no)));
    test("before_update", |no| judged::<point::BeforeUpdate>(object().into(), ObjectFlow::Veto(no)));
    test("before_delete", |no| judged::<point::BeforeDelete>(object().into(), ObjectFlow::Veto(no)));
}

fn exchange(status: u16) -> HttpExchange {
    let response = edited(HttpResponse::new(200, ""), |response| response.status = status);
    HttpExchange { request: Arc::new(http_request("")), response }
}

/// An event that was edited to say this.
fn event(name: Option<&str>, data: &str) -> StreamExchange {
    let raw = |text: &str| Raw::new(text.to_owned().into()).unwrap();
    let chunk = StreamChunk { event: None, body: StreamChunkBody::Chat(raw("{}")) };
    let chunk = edited(chunk, |chunk| {
        chunk.event = name.map(str::to_owned);
        *chunk.body.data_mut() = raw(data);
    });
    StreamExchange { request: Arc::new(http_request("")), chunk }
}

fn auth() -> AuthRequest {
    AuthRequest { credential: None, request: Arc::new(http_request("")) }
}

fn output() -> OutputCheck {
    OutputCheck { texts: Vec::new(), is_final: true, response: None }
}

fn object() -> ObjectChange {
    ObjectChange {
        object_type: "app".to_owned(),
        id: "1".to_owned(),
        object: json!({}),
        previous: None,
        actor: Default::default(),
    }
}

fn channel_text(released: bool) -> ChannelText {
    ChannelText { channel: Channel::TEXT, text: "text".to_owned(), is_final: released, released }
}

fn tool_call() -> ToolCall {
    ToolCall { id: "t".to_owned(), name: "f".to_owned(), arguments: json!({}) }
}

#[test]
fn a_reason_that_is_too_long_is_cut_and_the_rejection_stands() {
    let long = format!("{}é", "x".repeat(MAX_REASON_BYTES - 1));
    of_every_rejection(|hook, judged| assert_eq!(judged(Rejection::new(long.clone())), "", "{hook}"));
    assert_eq!(reason(Rejection::new(long)), "x".repeat(MAX_REASON_BYTES - 1));
    assert_eq!(reason(Rejection::new("no")), "no");
}

#[test]
fn the_status_of_a_rejection_is_that_of_an_error() {
    of_every_rejection(|hook, judged| {
        for (status, cause) in [(400, ""), (599, ""), (399, "malformed"), (200, "malformed"), (600, "malformed")] {
            assert_eq!(judged(Rejection::new("no").status(status)), cause, "{hook}: {status}");
        }
    });
}

#[test]
fn a_message_of_http_is_bounded_once_it_is_edited() {
    let unedited = || Draft::from(http_request(&LARGE));
    let edited = || edited(http_request(""), |request| request.body = LARGE.as_str().into());
    assert_eq!(judged::<point::HttpRequest>(unedited(), HttpFlow::Continue), "", "it came so");
    assert_eq!(judged::<point::HttpRequest>(edited(), HttpFlow::Continue), "oversized");
    assert_eq!(judged::<point::PreAuth>(edited(), AccessFlow::Continue), "oversized");
    assert_eq!(judged::<point::PostAuth>(edited(), AccessFlow::Continue), "oversized");
    assert_eq!(judged::<point::PreAuth>(unedited(), AccessFlow::Continue), "");
    assert_eq!(judged::<point::PostAuth>(unedited(), AccessFlow::Continue), "");
}

#[test]
fn headers_count_as_part_of_the_message() {
    let body = &LARGE[..MAX_RESULT_BYTES - 4];
    let with_header = |value: &str| edited(http_request(body), |request| assert!(request.headers.set("x", value)));
    assert_eq!(judged::<point::HttpRequest>(with_header("123"), HttpFlow::Continue), "");
    assert_eq!(judged::<point::HttpRequest>(with_header("1234"), HttpFlow::Continue), "oversized");
}

#[test]
fn an_answer_of_http_has_a_status_that_ends_the_request() {
    for (status, cause) in
        [(200, ""), (302, ""), (599, ""), (0, "malformed"), (100, "malformed"), (199, "malformed"), (600, "malformed")]
    {
        let respond = HttpFlow::Respond(Box::new(HttpResponse::new(status, "")));
        assert_eq!(judged::<point::HttpRequest>(http_request("").into(), respond), cause, "{status}");
        assert_eq!(judged::<point::HttpResponse>(exchange(status), HttpResponseFlow::Continue), cause, "{status}");
        let call = Arc::new(EndpointCall { request: http_request(""), identity: None });
        assert_eq!(judged::<point::Endpoint>(call, HttpResponse::new(status, "")), cause, "{status}");
    }
}

#[test]
fn an_answer_of_http_is_bounded() {
    let large = || HttpResponse::new(200, LARGE.as_str());
    let respond = HttpFlow::Respond(Box::new(large()));
    assert_eq!(judged::<point::HttpRequest>(http_request("").into(), respond), "oversized");
    let mut answered = exchange(200);
    answered.response.edit().body = LARGE.as_str().into();
    assert_eq!(judged::<point::HttpResponse>(answered.clone(), HttpResponseFlow::Continue), "oversized");
    answered.response = large().into();
    assert_eq!(judged::<point::HttpResponse>(answered, HttpResponseFlow::Continue), "", "it came so");
    let call = Arc::new(EndpointCall { request: http_request(""), identity: None });
    assert_eq!(judged::<point::Endpoint>(call, large()), "oversized");
}

#[test]
fn an_event_is_one_line_of_bounded_length() {
    for (name, data, cause) in [
        (None, "{\"a\":1}", ""),
        (Some("delta"), "{}", ""),
        (None, "{}\n\nevent: forged", "malformed"),
        (None, "{}\rdata: forged", "malformed"),
        (Some("delta\ndata: forged"), "{}", "malformed"),
        (Some("\r"), "{}", "malformed"),
        (None, &LARGE, "oversized"),
    ] {
        assert_eq!(judged::<point::HttpStreamChunk>(event(name, data), ChunkFlow::Continue), cause, "{name:?}");
    }
}

#[test]
fn a_request_that_goes_on_names_a_model_and_says_something() {
    let nameless = || edited(request(vec![message("hi")]), |request| request.model.clear());
    let emptied =
        || edited(request(vec![message("hi")]), |request| request.chat_mut().unwrap().messages.retain(|_| false));
    let large =
        || edited(request(vec![message("hi")]), |request| request.chat_mut().unwrap().messages.push(message(&LARGE)));
    let fine = || edited(request(vec![message("hi")]), |request| request.model = "other".to_owned());
    for (draft, cause) in [(fine(), ""), (nameless(), "malformed"), (emptied(), "malformed"), (large(), "oversized")] {
        assert_eq!(judged::<point::PreLlm>(draft.clone(), PreLlm::Continue), cause);
        assert_eq!(judged::<point::BeforeModel>(draft, ModelFlow::Continue), cause);
    }
}

#[test]
fn what_answers_in_the_providers_place_is_bounded() {
    let asked = || Draft::from(request(vec![message("hi")]));
    assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::respond(response(&LARGE))), "oversized");
    assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::respond(response("fine"))), "");
    assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::Stream(ChunkStream::of([]))), "", "it is judged as it comes");
    let answer = ModelFlow::Respond(Box::new(response(&LARGE)));
    assert_eq!(judged::<point::BeforeModel>(asked(), answer), "oversized");
}

/// Blocks of which each holds a byte too many, and no text.
fn large_blocks() -> Vec<Block> {
    let base64 = || ("a/b".to_owned(), LARGE.clone());
    let (media_type, data) = base64();
    let image = Content::Image { source: ImageSource::Base64 { media_type, data }, detail: None };
    let (media_type, data) = base64();
    let document = Content::Document { source: MediaSource::Base64 { media_type, data }, name: None };
    let audio = Content::Audio { data: LARGE.clone(), format: "wav".to_owned() };
    let other = Content::Other(Raw::new(LARGE.clone().into()).unwrap());
    let extra = vec![("x".into(), Raw::new(LARGE.clone().into()).unwrap())];
    let with_extra = Block { content: Content::Text("hi".to_owned()), extra };
    vec![image.into(), document.into(), audio.into(), other.into(), with_extra]
}

fn response_of(blocks: Vec<Block>) -> Response {
    let mut response = response("");
    *response.chat_mut().unwrap().choices[0].message.blocks_mut() = blocks;
    response
}

#[test]
fn what_is_no_text_counts_in_a_result_too() {
    for block in large_blocks() {
        let asked = || Draft::from(request(vec![message("hi")]));
        let grown = edited(request(vec![message("hi")]), |request| {
            request.chat_mut().unwrap().messages.push(Message::new(Role::User, vec![block.clone()]));
        });
        assert_eq!(judged::<point::PreLlm>(grown.clone(), PreLlm::Continue), "oversized");
        assert_eq!(judged::<point::BeforeModel>(grown, ModelFlow::Continue), "oversized");
        let answer = || response_of(vec![block.clone()]);
        assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::respond(answer())), "oversized");
        let given = LlmResult::Response(response("a"));
        let replaced = edited(given, |result| *result = LlmResult::Response(answer()));
        assert_eq!(judged::<point::PostLlm>(replaced, PostLlm::Continue), "oversized");
        let said = Message::new(Role::User, vec![block.clone()]);
        let message = edited(message("hi"), |message| *message = said);
        assert_eq!(judged::<point::OnUserMessage>(message, ()), "oversized");
    }
}

#[test]
fn what_is_shared_counts_each_time_that_it_is_named() {
    let raw = Raw::new("x".repeat(MAX_RESULT_BYTES / 4).into()).unwrap();
    let blocks = |count: usize| vec![Block::from(Content::Other(raw.clone())); count];
    let asked = || Draft::from(request(vec![message("hi")]));
    assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::respond(response_of(blocks(3)))), "");
    assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::respond(response_of(blocks(5)))), "oversized");
}

#[test]
fn a_picture_that_came_is_not_the_hooks() {
    let came = || {
        let mut blocks = large_blocks();
        blocks.truncate(1);
        blocks.push(Block::text("secret"));
        blocks
    };
    let asked = || request(vec![Message::new(Role::User, came())]);
    let redact = |request: &mut Request| assert!(request.map_texts(|_, _| Some("[redacted]".to_owned())).unwrap());
    assert_eq!(judged::<point::PreLlm>(edited(asked(), redact), PreLlm::Continue), "");
    let grown = edited(asked(), |request| {
        request.chat_mut().unwrap().messages.get_mut(0).unwrap().blocks_mut().extend(came());
    });
    assert_eq!(judged::<point::PreLlm>(grown, PreLlm::Continue), "oversized");
    let answered = edited(LlmResult::Response(response_of(came())), |result| {
        assert!(result.map_texts(|_| Some("[redacted]".to_owned())));
    });
    assert_eq!(judged::<point::PostLlm>(answered, PostLlm::Continue), "");
}

#[test]
fn an_answer_has_a_bounded_number_of_blocks_and_choices() {
    let of_blocks = |count| response_of(vec![Block::text("a"); count]);
    let of_choices = |count| {
        let mut response = response("a");
        let chat = response.chat_mut().unwrap();
        chat.choices = vec![chat.choices[0].clone(); count];
        response
    };
    let counts: [(&dyn Fn(usize) -> Response, usize); 2] =
        [(&of_blocks, MAX_RESULT_BLOCKS), (&of_choices, MAX_RESULT_CHOICES)];
    for (answer, most) in counts {
        for (count, cause) in [(most, ""), (most + 1, "oversized")] {
            let asked = || Draft::from(request(vec![message("hi")]));
            assert_eq!(judged::<point::PreLlm>(asked(), PreLlm::respond(answer(count))), cause);
            let respond = ModelFlow::Respond(Box::new(answer(count)));
            assert_eq!(judged::<point::BeforeModel>(asked(), respond), cause);
            let grown = edited(LlmResult::Response(response("a")), |result| {
                *result = LlmResult::Response(answer(count));
            });
            assert_eq!(judged::<point::PostLlm>(grown, PostLlm::Continue), cause);
            let recovered = edited(LlmResult::Error(error(429)), |result| {
                *result = LlmResult::Response(answer(count));
            });
            assert_eq!(judged::<point::PostLlm>(recovered, PostLlm::Continue), cause);
        }
        let came = LlmResult::Response(answer(2 * most));
        let redacted = edited(came, |result| assert!(result.map_texts(|_| Some("b".to_owned()))));
        assert_eq!(judged::<point::PostLlm>(redacted, PostLlm::Continue), "", "as many as came");
    }
}

#[test]
fn a_chunk_says_a_bounded_number_of_things() {
    for (count, cause) in [(MAX_RESULT_BLOCKS, ""), (MAX_RESULT_BLOCKS + 1, "oversized")] {
        let part = Part::Text { channel: Channel::TEXT, text: "a".to_owned() };
        let split = edited(LlmResult::Chunk(Chunk::text(Channel::TEXT, "a")), |result| {
            *result = LlmResult::Chunk(Chunk::from_parts(vec![part.clone(); count]));
        });
        assert_eq!(judged::<point::PostLlm>(split, PostLlm::Continue), cause);
    }
}

#[test]
fn an_error_has_the_status_of_one() {
    for (status, cause) in [(400, ""), (599, ""), (200, "malformed"), (399, "malformed"), (600, "malformed")] {
        let asked = Draft::from(request(vec![message("hi")]));
        assert_eq!(judged::<point::PreLlm>(asked, PreLlm::fail(error(status))), cause, "{status}");
        let failed = edited(LlmResult::Response(response("a")), |result| *result = LlmResult::Error(error(status)));
        assert_eq!(judged::<point::PostLlm>(failed, PostLlm::Continue), cause, "{status}");
    }
    let unsaid = LlmError::new(ErrorKind::RateLimit, "no");
    assert_eq!(judged::<point::PreLlm>(request(vec![message("hi")]).into(), PreLlm::fail(unsaid)), "");
}

#[test]
fn only_a_chunk_can_be_dropped() {
    for (result, cause) in [
        (LlmResult::Chunk(Chunk::text(Channel::TEXT, "a")), ""),
        (LlmResult::Response(response("a")), "malformed"),
        (LlmResult::StreamEnd(response("a")), "malformed"),
        (LlmResult::Error(error(429)), "malformed"),
    ] {
        assert_eq!(judged::<point::PostLlm>(result.clone().into(), PostLlm::Drop), cause, "{result:?}");
    }
}

#[test]
fn what_has_left_cannot_be_edited_any_more() {
    let end = || LlmResult::StreamEnd(response("left"));
    assert_eq!(judged::<point::PostLlm>(end().into(), PostLlm::Continue), "");
    let changed = edited(end(), |result| assert!(result.map_texts(|_| Some("other".to_owned()))));
    assert_eq!(judged::<point::PostLlm>(changed, PostLlm::Continue), "malformed");
    let replaced = edited(end(), |result| *result = LlmResult::Response(response("other")));
    assert_eq!(judged::<point::PostLlm>(replaced, PostLlm::Continue), "malformed", "not by another name either");
    let refused = edited(end(), |result| *result = LlmResult::Error(error(429)));
    assert_eq!(judged::<point::PostLlm>(refused, PostLlm::Continue), "", "but the stream may end with an error");
}

#[test]
fn an_end_does_not_become_a_chunk() {
    let chunk = || LlmResult::Chunk(Chunk::text(Channel::TEXT, "a"));
    for before in [LlmResult::Response(response("a")), LlmResult::Error(error(429))] {
        let changed = edited(before, |result| *result = chunk());
        assert_eq!(judged::<point::PostLlm>(changed, PostLlm::Continue), "malformed");
    }
    let grown = edited(chunk(), |result| *result = LlmResult::Response(response("a")));
    assert_eq!(judged::<point::PostLlm>(grown, PostLlm::Continue), "malformed", "nor a chunk an answer");
}

#[test]
fn an_edited_answer_is_bounded() {
    let large = LlmResult::Response(response(&LARGE));
    assert_eq!(judged::<point::PostLlm>(large.clone().into(), PostLlm::Continue), "", "it came so");
    let recovered = edited(LlmResult::Error(error(429)), |result| *result = large);
    assert_eq!(judged::<point::PostLlm>(recovered, PostLlm::Continue), "oversized");
    let grown = edited(LlmResult::Chunk(Chunk::text(Channel::TEXT, "a")), |result| {
        assert!(result.map_texts(|_| Some(LARGE.clone())));
    });
    assert_eq!(judged::<point::PostLlm>(grown, PostLlm::Continue), "oversized");
}

#[test]
fn a_text_that_has_left_cannot_be_edited_any_more() {
    for (released, cause) in [(false, ""), (true, "malformed")] {
        let text = edited(channel_text(released), |text| text.text.push('!'));
        assert_eq!(judged::<point::OnStreamChunk>(text, ()), cause);
        assert_eq!(judged::<point::OnStreamChunk>(channel_text(released).into(), ()), "");
    }
    let large = edited(channel_text(false), |text| text.text.clone_from(&LARGE));
    assert_eq!(judged::<point::OnStreamChunk>(large, ()), "oversized");
}

#[test]
fn of_a_channels_text_the_text_alone_is_edited() {
    let forged: [fn(&mut ChannelText); 4] = [
        |text| text.released = !text.released,
        |text| text.is_final = !text.is_final,
        |text| text.channel.choice += 1,
        |text| text.channel.kind = ChannelKind::Refusal,
    ];
    for (forge, released) in forged.into_iter().flat_map(|forge| [(forge, false), (forge, true)]) {
        let text = edited(channel_text(released), |text| {
            forge(text);
            text.text = "other".to_owned();
        });
        assert_eq!(judged::<point::OnStreamChunk>(text, ()), "malformed");
    }
}

#[test]
fn what_agents_are_given_is_bounded() {
    let call = |input| Draft::from(AgentCall { agent: "a".to_owned(), input });
    let result = || Arc::new(AgentResult { agent: "a".to_owned(), output: Vec::new(), error: None });
    assert_eq!(judged::<point::OnUserMessage>(message("hi").into(), ()), "");
    assert_eq!(judged::<point::OnUserMessage>(Message::new(Role::User, Vec::new()).into(), ()), "malformed");
    assert_eq!(judged::<point::OnUserMessage>(message(&LARGE).into(), ()), "oversized");
    assert_eq!(judged::<point::BeforeAgent>(call(vec![message(&LARGE)]), AgentFlow::Continue), "oversized");
    let answer = || Box::new(Message::new(Role::Assistant, vec![Block::text(LARGE.clone())]));
    assert_eq!(judged::<point::BeforeAgent>(call(Vec::new()), AgentFlow::Respond(answer())), "oversized");
    assert_eq!(judged::<point::AfterAgent>(result(), AfterAgent::Append(answer())), "oversized");
    assert_eq!(judged::<point::AfterAgent>(result(), AfterAgent::Continue), "");
    let replaced = edited(response("a"), |answer| assert!(answer.map_texts(|_| Some(LARGE.clone()))));
    assert_eq!(judged::<point::AfterModel>(replaced, ()), "oversized");
    assert_eq!(judged::<point::AfterModel>(response(&LARGE).into(), ()), "", "it came so");
    let asked = || ModelError { request: Arc::new(request(Vec::new())), error: Arc::new(error(429)) };
    let recovered = Recovery::Recover(Box::new(response(&LARGE)));
    assert_eq!(judged::<point::OnModelError>(asked(), recovered), "oversized");
    assert_eq!(judged::<point::OnModelError>(asked(), Recovery::Pass), "");
}

#[test]
fn what_tools_are_given_and_answer_is_bounded() {
    let large = || json!({ "deep": [{ &*"x".repeat(10): &*LARGE }] });
    let answer = || ToolAnswer { content: large(), is_error: false };
    let arguments = edited(tool_call(), |call| call.arguments = large());
    assert_eq!(judged::<point::BeforeTool>(arguments, ToolFlow::Continue), "oversized");
    let respond = ToolFlow::Respond(Box::new(answer()));
    assert_eq!(judged::<point::BeforeTool>(tool_call().into(), respond), "oversized");
    let suspend = ToolFlow::Suspend(Suspension { reason: "why".to_owned(), expires_in_seconds: 60 });
    assert_eq!(judged::<point::BeforeTool>(tool_call().into(), suspend), "");
    let answered = edited(ToolAnswer { content: json!(1), is_error: false }, |old| *old = answer());
    let outcome = ToolOutcome { call: Arc::new(tool_call()), answer: answered };
    assert_eq!(judged::<point::AfterTool>(outcome, ()), "oversized");
    let failed = ToolError { call: Arc::new(tool_call()), message: "no".to_owned() };
    assert_eq!(judged::<point::OnToolError>(failed, Recovery::Recover(Box::new(answer()))), "oversized");
}

#[test]
fn events_objects_and_files_are_bounded() {
    let event = AgentEvent {
        id: "e".to_owned(),
        author: "a".to_owned(),
        kind: "k".to_owned(),
        content: json!(1),
        partial: false,
        tags: Vec::new(),
    };
    let grown = edited(event, |event| event.content = json!([&*LARGE]));
    assert_eq!(judged::<point::OnEvent>(grown, ()), "oversized");
    let changed = edited(object(), |change| change.object = json!([&*LARGE]));
    assert_eq!(judged::<point::BeforeCreate>(changed, ObjectFlow::Continue), "oversized");
    let asset = |text: &'static str| Some(Asset { media_type: "text/html".to_owned(), bytes: text.into() });
    let call = || Arc::new(AssetCall { path: "/".to_owned() });
    assert_eq!(judged::<point::Asset>(call(), asset(&LARGE)), "oversized");
    assert_eq!(judged::<point::Asset>(call(), asset("")), "");
    assert_eq!(judged::<point::Asset>(call(), None), "");
    let rpc = Arc::new(RpcCall { method: "m".to_owned(), payload: json!(1), identity: Identity::default() });
    assert_eq!(judged::<point::Rpc>(rpc, json!(&*LARGE)), "oversized");
}

#[test]
fn a_chain_ends_with_a_decision_and_with_nothing_else() {
    let no = || Rejection::new("no");
    let respond = HttpFlow::Respond(Box::new(HttpResponse::new(200, "")));
    assert!(point::HttpRequest::is_decisive(&respond) && point::HttpRequest::is_decisive(&HttpFlow::Reject(no())));
    assert!(!point::HttpRequest::is_decisive(&HttpFlow::Continue));
    assert!(point::HttpResponse::is_decisive(&HttpResponseFlow::Reject(no())));
    assert!(!point::HttpResponse::is_decisive(&HttpResponseFlow::Continue));
    assert!(point::HttpStreamChunk::is_decisive(&ChunkFlow::Drop));
    assert!(point::HttpStreamChunk::is_decisive(&ChunkFlow::End(no())));
    assert!(!point::HttpStreamChunk::is_decisive(&ChunkFlow::Continue));
    assert!(point::PreAuth::is_decisive(&AccessFlow::Block(no())));
    assert!(!point::PostAuth::is_decisive(&AccessFlow::Continue));
    assert!(point::Auth::is_decisive(&AuthDecision::Identify(Box::default())));
    assert!(point::Auth::is_decisive(&AuthDecision::Refuse(no())) && !point::Auth::is_decisive(&AuthDecision::Pass));
    assert!(point::CheckInput::is_decisive(&Verdict::block("no")));
    assert!(!point::CheckOutput::is_decisive(&Verdict::Allow));
    assert!(point::PreLlm::is_decisive(&PreLlm::respond(response("a"))));
    assert!(point::PreLlm::is_decisive(&PreLlm::fail(error(429))) && !point::PreLlm::is_decisive(&PreLlm::Continue));
    assert!(point::PostLlm::is_decisive(&PostLlm::Drop) && !point::PostLlm::is_decisive(&PostLlm::Continue));
    let message = || Box::new(message("a"));
    assert!(point::BeforeAgent::is_decisive(&AgentFlow::Respond(message())));
    assert!(!point::AfterAgent::is_decisive(&AfterAgent::Append(message())), "each one may append");
    let suspend = ToolFlow::Suspend(Suspension { reason: String::new(), expires_in_seconds: 1 });
    assert!(point::BeforeTool::is_decisive(&suspend) && !point::BeforeTool::is_decisive(&ToolFlow::Continue));
    assert!(point::OnModelError::is_decisive(&Recovery::Recover(Box::new(response("a")))));
    assert!(!point::OnToolError::is_decisive(&Recovery::Pass));
    assert!(point::BeforeDelete::is_decisive(&ObjectFlow::Veto(no())));
    assert!(!point::OnError::is_decisive(&()) && !point::RequestEnd::is_decisive(&()));
}

#[test]
fn an_answer_that_nobody_can_read_is_at_fault_itself() {
    let remote = |fetch: fn() -> Result<Output, DecodeError>| {
        let response = Response::from_remote(Kind::Chat, "up".to_owned(), "m".to_owned(), fetch);
        Draft::from(LlmResult::Response(response))
    };
    let at_fault = <point::PostLlm as Judge>::is_at_fault;
    assert!(at_fault(&remote(|| Err(DecodeError::new("cut off")))));
    assert!(!at_fault(&remote(|| Ok(Output::Chat(Default::default())))));
    assert!(!at_fault(&Draft::from(LlmResult::Error(LlmError::new(ErrorKind::Upstream, "no luck")))));
}
