"""Errors: the SDK raises the class that fits, with one list of types in both dialects."""

import anthropic
import openai
import pytest
import routes
from gateway import post
from routes import user

openai_way = routes.fixture("openai", ["v1", "openai-v1", "cross"])
anthropic_way = routes.fixture("anthropic", ["root", "anthropic", "cross"])

# What the provider answers; what the client gets; the type; the class that each SDK has for it.
STATUSES = [
    (400, 400, "invalid_request", "BadRequestError", "BadRequestError"),
    (401, 401, "authentication", "AuthenticationError", "AuthenticationError"),
    (403, 403, "permission_denied", "PermissionDeniedError", "PermissionDeniedError"),
    (404, 404, "not_found", "NotFoundError", "NotFoundError"),
    (409, 409, "invalid_request", "ConflictError", "ConflictError"),
    (413, 413, "request_too_large", "APIStatusError", "ContentTooLargeError"),
    (422, 422, "invalid_request", "UnprocessableEntityError", "UnprocessableEntityError"),
    (429, 429, "rate_limit", "RateLimitError", "RateLimitError"),
    (500, 502, "upstream", "InternalServerError", "InternalServerError"),
    (503, 503, "overloaded", "InternalServerError", "ServiceUnavailableError"),
    (529, 503, "overloaded", "InternalServerError", "ServiceUnavailableError"),
]


def ask(way, model, **more):
    """One request in the way's dialect, streamed to its end if it is a stream."""
    if way.dialect == "openai":
        answer = way.client.chat.completions.create(model=way.model(model), messages=user("hello"), **more)
    else:
        answer = way.client.messages.create(model=way.model(model), max_tokens=50, messages=user("hello"), **more)
    return list(answer) if more.get("stream") else answer


def envelope(error):
    """The error's own object, in either dialect's envelope."""
    if isinstance(error, openai.OpenAIError):
        assert isinstance(error.body, dict), error.body
        return error.body
    assert error.body["type"] == "error"
    return error.body["error"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status, got, kind, name, _", STATUSES)
def test_openai_status(openai_way, status, got, kind, name, _, stream):
    with pytest.raises(getattr(openai, name)) as raised:
        ask(openai_way, f"fault-status-{status}", stream=stream)
    error = raised.value
    assert type(error).__name__ == name
    assert (error.status_code, error.type) == (got, kind)
    assert f"the upstream says {status}" in error.message
    assert {"message", "type", "param", "code"} <= set(envelope(error))
    assert error.request_id == envelope(error)["request_id"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status, got, kind, _, name", STATUSES)
def test_anthropic_status(anthropic_way, status, got, kind, _, name, stream):
    with pytest.raises(getattr(anthropic, name)) as raised:
        ask(anthropic_way, f"fault-status-{status}", stream=stream)
    error = raised.value
    assert type(error).__name__ == name
    assert (error.status_code, error.type) == (got, kind)
    assert f"the upstream says {status}" in envelope(error)["message"]
    assert error.response.headers["x-request-id"] == error.body["request_id"]


def test_openai_refused_by_gateway(openai_way):
    with pytest.raises(openai.BadRequestError) as raised:
        openai_way.client.chat.completions.create(model="", messages=user("hello"))
    assert (raised.value.type, raised.value.param) == ("invalid_request", "model")
    with pytest.raises(openai.NotFoundError) as raised:
        openai_way.client.embeddings.create(model="x", input="y")
    assert raised.value.type == "not_found"


def test_anthropic_refused_by_gateway(anthropic_way):
    with pytest.raises(anthropic.BadRequestError) as raised:
        anthropic_way.client.messages.create(model="", max_tokens=5, messages=user("hello"))
    assert raised.value.type == "invalid_request"


def test_too_large(openai_way, upstream):
    """Both SDKs read the answer although they are still sending when it comes."""
    with pytest.raises(openai.APIStatusError) as raised:
        openai_way.client.chat.completions.create(model="openai/x", messages=user("x" * (40 << 20)))
    assert (raised.value.status_code, raised.value.type) == (413, "request_too_large")
    assert not upstream.chats()


def test_anthropic_too_large(anthropic_way, upstream):
    with pytest.raises(anthropic.ContentTooLargeError) as raised:
        anthropic_way.client.messages.create(model="openai/x", max_tokens=5, messages=user("x" * (40 << 20)))
    assert raised.value.type == "request_too_large"
    assert not upstream.chats()


@pytest.mark.parametrize("provider", ["dead", "dead-anthropic"])
def test_no_connection(gateway, provider):
    """A provider that nobody can reach: in the client's dialect, and without its address."""
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0)
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model=f"{provider}/any", messages=user("hello"))
    assert (raised.value.status_code, raised.value.type) == (502, "upstream")
    assert "127.0.0.1" not in raised.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["impatient", "impatient-anthropic"])
def test_timeout(gateway, upstream, provider, stream):
    client = anthropic.Anthropic(base_url=gateway.url, api_key="x", max_retries=0)
    with pytest.raises(anthropic.GatewayTimeoutError) as raised:
        client.messages.create(model=f"{provider}/fault-hang", max_tokens=5, messages=user("hello"), stream=stream)
    assert (raised.value.status_code, raised.value.type) == (504, "timeout")
    assert upstream.last().done.wait(2) and upstream.last().closed_early


def test_openai_error_in_stream(openai_way):
    """An error behind the first chunks ends the stream as an error, not as an end."""
    texts = []
    with pytest.raises(openai.APIError) as raised:
        stream = openai_way.client.chat.completions.create(
            model=openai_way.model("fault-mid-error"), messages=user("hello"), stream=True
        )
        for chunk in stream:
            texts.append(chunk.choices[0].delta.content)
    assert any(texts)
    assert "the upstream broke in the middle" in raised.value.message


def test_anthropic_error_in_stream(anthropic_way):
    kinds = []
    with pytest.raises(anthropic.APIError) as raised:
        stream = anthropic_way.client.messages.create(
            model=anthropic_way.model("fault-mid-error"), max_tokens=5, messages=user("hello"), stream=True
        )
        for event in stream:
            kinds.append(event.type)
    assert kinds[0] == "message_start"
    assert "the upstream broke in the middle" in str(raised.value)


@pytest.mark.parametrize("model", ["openai/fault-first-chunk-error", "anthropic/fault-first-chunk-error"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_error_as_first_chunk(gateway, path, model):
    """Nothing has been sent yet, so that the client gets a status and not a stream."""
    body = {"model": model, "max_tokens": 5, "messages": user("hello"), "stream": True}
    status, headers, answer = post(gateway.url + path, body)
    assert status in (502, 503)
    assert headers["content-type"].startswith("application/json")
    assert b"the upstream is out of order" in answer


def test_sdk_retries_by_itself(gateway, upstream):
    """Statuses are such that the SDK's own retries work: 429 once, then the answer."""
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=2)
    answer = client.chat.completions.create(model="openai/fault-429", messages=user("hello"))
    assert answer.choices[0].message.content.startswith("You said: hello")
    assert len(upstream.chats()) == 2
