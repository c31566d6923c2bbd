"""Where a request goes: fallbacks, retries, keys, and what cannot cross dialects."""

import anthropic
import openai
import pytest
from dialects import said
from gateway import KEYS, post
from routes import user

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0, timeout=15)


def ask(client, model, fallbacks=None, **more):
    extra = {"fallbacks": fallbacks} if fallbacks is not None else None
    return client.chat.completions.create(model=model, messages=user("hello"), extra_body=extra, **more)


def text(answer):
    if hasattr(answer, "choices"):
        return answer.choices[0].message.content
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def asked(upstream):
    """The models that the upstream was asked for, in order."""
    return [record.json["model"] for record in upstream.chats()]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("first", ["dead/any", "openai/fault-500", "openai/fault-reset", "openai/fault-first-chunk-error",
                                   "openai/fault-html", "anthropic/fault-status-529", "impatient/fault-hang"])
def test_fallback_in_the_body(client, upstream, first, stream):
    """Whatever way the first attempt fails, the next one answers, in either dialect."""
    assert text(ask(client, first, ["openai/saved"], stream=stream)) == said("hello")
    assert asked(upstream)[-1] == "saved"
    assert text(ask(client, first, ["anthropic/saved-across"], stream=stream)) == said("hello")
    assert asked(upstream)[-1] == "saved-across"
    assert all("fallbacks" not in record.json for record in upstream.chats())


def test_fallbacks_go_in_order(client, upstream):
    order = ["openai/fault-status-503", "dead/any", "anthropic/fault-500", "openai/fine", "openai/never"]
    assert text(ask(client, "openai/fault-500", order)) == said("hello")
    assert asked(upstream) == ["fault-500", "fault-status-503", "fault-500", "fine"]


def test_all_fallbacks_fail(client):
    """The client gets the first error."""
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client, "openai/fault-status-429", ["openai/fault-500", "dead/any"])
    assert raised.value.type == "rate_limit"


@pytest.mark.parametrize("model", ["dead/rescued", "dead/rescued-across"])
@pytest.mark.parametrize("stream", [False, True])
def test_fallback_in_the_config(client, model, stream):
    assert text(ask(client, model, stream=stream)) == said("hello")


def test_body_wins_over_config(client, upstream):
    assert text(ask(client, "dead/rescued", ["openai/mine"])) == said("hello")
    assert asked(upstream) == ["mine"]


def test_config_fallback_that_fails(client):
    with pytest.raises(openai.InternalServerError) as raised:
        ask(client, "dead/lost")
    assert raised.value.type == "upstream"


def test_no_fallback_once_a_stream_has_begun(client, upstream):
    """The first chunk decides: later errors are the client's."""
    with pytest.raises(openai.APIError):
        text(ask(client, "openai/fault-mid-error", ["openai/never"], stream=True))
    assert asked(upstream) == ["fault-mid-error"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["rotating", "rotating-anthropic"])
def test_keys_rotate_on_429(client, upstream, provider, stream):
    """The key that is used up is not tried again within the request, and the client does not notice."""
    assert text(ask(client, f"{provider}/any", stream=stream)) == said("hello")
    assert [record.key for record in upstream.chats()] == [KEYS["TEST_EXHAUSTED_KEY"], KEYS["TEST_SPARE_KEY"]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["retrying", "retrying-anthropic"])
@pytest.mark.parametrize("fault", ["fault-status-500-once", "fault-status-503-once", "fault-429"])
def test_retries(client, upstream, provider, fault, stream):
    assert text(ask(client, f"{provider}/{fault}", stream=stream)) == said("hello")
    assert len(upstream.chats()) == 2


def test_first_chunk_is_retried(client, upstream):
    answer = ask(client, "retrying/fault-first-chunk-error-once", stream=True)
    assert text(answer) == said("hello")
    assert len(upstream.chats()) == 2


def test_retries_end(client, upstream):
    with pytest.raises(openai.InternalServerError):
        ask(client, "retrying/fault-500")
    assert len(upstream.chats()) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_refusals_are_not_retried(client, upstream, status):
    with pytest.raises(openai.APIStatusError):
        ask(client, f"retrying/fault-status-{status}")
    assert len(upstream.chats()) == 1


def test_revoked_key(client):
    with pytest.raises(openai.AuthenticationError) as raised:
        ask(client, "revoked/any")
    assert raised.value.type == "authentication"


def test_provider_gets_its_own_key(gateway, upstream):
    """And never the client's credential, in whichever header that came."""
    secrets = {"authorization": "Bearer client-one", "x-api-key": "client-two", "api-key": "client-three",
               "cookie": "client-four", "x-goog-api-key": "client-five"}
    body = {"messages": user("x"), "max_tokens": 5}
    for path in PATHS.values():
        for provider, variable in [("openai", "TEST_OPENAI_KEY"), ("anthropic", "TEST_ANTHROPIC_KEY")]:
            assert post(gateway.url + path, {"model": f"{provider}/m", **body}, secrets)[0] == 200
            record = upstream.last()
            assert record.key == KEYS[variable]
            assert not [value for _, value in record.headers if "client-" in value]


def test_extra_headers(client, upstream):
    assert text(ask(client, "labelled/any")) == said("hello")
    record = upstream.last()
    assert (record.header("x-label"), record.header("x-secret")) == ("one", KEYS["TEST_HEADER"])


def test_unknown_provider(client):
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, "nobody/model")
    assert raised.value.status_code in (400, 404)
    assert "nobody" in raised.value.message


# === across dialects ===


def test_openai_members_that_anthropic_lacks(client, upstream):
    raw = client.chat.completions.with_raw_response.create(
        model="anthropic/m", messages=user("hello"), seed=1, frequency_penalty=0.5, logit_bias={"1": 2}, user="me"
    )
    assert text(raw.parse()) == said("hello")
    dropped = raw.headers["x-gatewright-dropped"].split(", ")
    assert {"seed", "frequency_penalty", "logit_bias"} <= set(dropped)
    assert not {"seed", "frequency_penalty", "logit_bias"} & set(upstream.last().json)


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_members_that_openai_lacks(gateway, upstream, stream):
    body = {"model": "openai/m", "max_tokens": 5, "messages": user("hello"), "top_k": 40, "stream": stream}
    status, headers, _ = post(gateway.url + PATHS["anthropic"], body)
    assert status == 200
    assert "top_k" in headers["x-gatewright-dropped"].split(", ")
    assert "top_k" not in upstream.last().json


@pytest.mark.parametrize("more", [{"n": 2}, {"audio": {"voice": "alloy", "format": "wav"}, "modalities": ["text", "audio"]}])
def test_what_would_change_the_meaning_is_refused(client, upstream, more):
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, "anthropic/m", **more)
    assert raised.value.type == "invalid_request"
    assert next(iter(more)) in raised.value.message
    assert not upstream.chats()


def test_servers_of_the_other_provider_are_refused(gateway, upstream):
    client = anthropic.Anthropic(base_url=gateway.url, api_key="x", max_retries=0)
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(
            model="openai/m",
            max_tokens=5,
            messages=user("hello"),
            extra_body={"mcp_servers": [{"type": "url", "url": "https://example.org", "name": "x"}]},
        )
    assert "mcp_servers" in str(raised.value)
    assert not upstream.chats()


def test_system_text_across(client, upstream):
    """Also in the middle, where one dialect has no place for it."""
    messages = [
        {"role": "system", "content": "First."},
        {"role": "user", "content": "One"},
        {"role": "developer", "content": "Second."},
        {"role": "user", "content": "Two"},
    ]
    client.chat.completions.create(model="anthropic/m", messages=messages)
    sent = upstream.last().body.decode()
    for piece in ("First.", "Second.", "One", "Two"):
        assert sent.count(piece) == 1, piece
