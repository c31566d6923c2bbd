"""Requests that are wrong: each gets a clear error in its dialect, and nothing reaches a provider by accident."""

import json
import time

import pytest
from envelope import PATHS, chat, error_of
from gateway import post
from raw import Raw

DIALECTS = ["openai", "anthropic"]
DEEP = 200_000

MALFORMED = {
    "empty": b"",
    "blank": b"  \n ",
    "truncated": b'{"model": "openai/x", "messages": [{"role": "us',
    "trailing": b'{"model": "openai/x", "max_tokens": 5, "messages": []} {"more": 1}',
    "trailing comma": b'{"model": "openai/x", "max_tokens": 5, "messages": [],}',
    "not JSON": b"model=openai/x&messages=hello",
    "single quotes": b"{'model': 'openai/x', 'messages': []}",
    "array": b"[1, 2]",
    "null": b"null",
    "text": b'"model"',
    "number": b"42",
    "NaN": b'{"model": "openai/x", "max_tokens": 5, "messages": [], "temperature": NaN}',
    "invalid UTF-8": b'{"model": "openai/x", "max_tokens": 5, "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "cut UTF-8": '{"model": "openai/x", "max_tokens": 5, "messages": [{"role": "user", "content": "é'.encode()[:-1] + b'"}]}',
    "overlong UTF-8": b'{"model": "openai/x", "max_tokens": 5, "messages": [{"role": "user", "content": "\xc0\xaf"}]}',
    "UTF-16": json.dumps(chat("openai/x")).encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "model twice": b'{"model": "openai/x", "model": "openai/y", "max_tokens": 5, "messages": []}',
}
WRONG = {
    "no model": {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5},
    "model null": chat(None),
    "model number": chat(5),
    "model list": chat(["openai/x"]),
    "model empty": chat(""),
    "no messages": {"model": "openai/x", "max_tokens": 5},
    "messages null": {**chat("openai/x"), "messages": None},
    "messages text": {**chat("openai/x"), "messages": "hello"},
    "messages object": {**chat("openai/x"), "messages": {"role": "user", "content": "x"}},
    "stream text": chat("openai/x", stream="yes"),
    "stream number": chat("openai/x", stream=1),
    "fallbacks text": chat("openai/x", fallbacks="openai/y"),
    "fallbacks of numbers": chat("openai/x", fallbacks=[1]),
}
# Wrong within the messages: refused by the gateway where it reads them, by the provider where it does not.
DEEPER = {
    "no such role": [{"role": "emperor", "content": "x"}],
    "role missing": [{"content": "x"}],
    "content number": [{"role": "user", "content": 5}],
    "content object": [{"role": "user", "content": {"text": "x"}}],
    "no such part": [{"role": "user", "content": [{"type": "smell", "smell": "x"}]}],
    "message number": [5],
    "message null": [None],
    "no messages": [],
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(gateway, upstream, dialect, name):
    status, headers, body = post(gateway.url + PATHS[dialect], MALFORMED[name])
    assert status == 400, body
    assert headers["content-type"] == "application/json"
    assert error_of(dialect, body)["type"] == "invalid_request"
    assert not upstream.chats()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("character", [b"\x00", b"\n", b"\x1f"])
def test_bare_control_characters(gateway, upstream, dialect, character):
    """No JSON, but some parsers take it: whoever refuses it, the client is told."""
    body = b'{"model": "%b/x", "max_tokens": 5, "messages": [{"role": "user", "content": "a%bb"}]}'
    status, _, answer = post(gateway.url + PATHS[dialect], body % (dialect.encode(), character))
    assert status == 400, answer
    assert error_of(dialect, answer)["type"] == "invalid_request"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_types(gateway, upstream, dialect, name):
    status, _, body = post(gateway.url + PATHS[dialect], WRONG[name])
    assert status == 400, body
    error = error_of(dialect, body)
    assert error["type"] == "invalid_request"
    member = name.replace("no ", "").split()[0]
    assert member in error["message"] or error.get("param") == member
    assert not upstream.chats()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("provider", DIALECTS)
@pytest.mark.parametrize("name", DEEPER)
def test_wrong_messages(gateway, upstream, dialect, provider, name):
    body = {**chat(f"{provider}/x"), "messages": DEEPER[name]}
    status, _, answer = post(gateway.url + PATHS[dialect], body)
    assert status in (400, 422), answer
    assert error_of(dialect, answer)["type"] == "invalid_request"


@pytest.mark.parametrize("limit", [None, 0, -1, "5", 1.5, True])
def test_anthropic_max_tokens(gateway, upstream, limit):
    status, _, body = post(gateway.url + PATHS["anthropic"], {**chat("openai/x"), "max_tokens": limit})
    assert status == 400, body
    assert "max_tokens" in error_of("anthropic", body)["message"]
    assert not upstream.chats()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("provider", DIALECTS)
def test_deep_nesting(gateway, upstream, dialect, opening, provider):
    """Deeper than any stack: an answer, and the process lives."""
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    nested = opening * DEEP + b"1" + closing * DEEP
    body = b'{"model": "%b/x", "max_tokens": 5, "messages": %b}' % (provider.encode(), nested)
    status, _, answer = post(gateway.url + PATHS[dialect], body)
    assert status == 400, answer
    error_of(dialect, answer)
    # Where nobody needs to look, it may also pass.
    messages = b'[{"role": "user", "content": "x"}]'
    body = b'{"model": "%b/x", "max_tokens": 5, "messages": %b, "x_deep": %b}' % (provider.encode(), messages, nested)
    status, _, answer = post(gateway.url + PATHS[dialect], body)
    assert status in (200, 400), answer


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", ["nobody/model", "nobody/", "/model", "/", "openai/", "../openai/x"])
def test_unknown_provider(gateway, upstream, dialect, model):
    status, _, body = post(gateway.url + PATHS[dialect], chat(model))
    assert status in (400, 404), body
    assert error_of(dialect, body)["type"] in ("not_found", "invalid_request")
    assert not upstream.chats()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", ["openai/" + "x" * 100_000, 'openai/a"b\r\nx-injected: 1', "openai/é🌍", "openai/\ud800"])
def test_odd_model_names(gateway, upstream, dialect, model):
    """They are the provider's to refuse; they break nothing on the way."""
    status, headers, body = post(gateway.url + PATHS[dialect], chat(model))
    assert status in (200, 400, 404), body
    assert "x-injected" not in headers
    if status != 200:
        error_of(dialect, body)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_types(gateway, dialect, kind):
    """JSON by any other name is either read or refused, never a crash."""
    status, _, body = post(gateway.url + PATHS[dialect], chat(f"{dialect}/x"), {"content-type": kind})
    assert status in (200, 400, 415), body
    if status != 200:
        error_of(dialect, body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_compressed_request(gateway, upstream, dialect):
    """Not supported: refused in words, not passed on as if it were JSON."""
    import gzip

    data = gzip.compress(json.dumps(chat(f"{dialect}/x")).encode())
    status, _, body = post(gateway.url + PATHS[dialect], data, {"content-encoding": "gzip"})
    assert status in (400, 415), body
    error_of(dialect, body)
    assert not upstream.chats()


def test_very_many_members(gateway, upstream):
    """What they take does not grow with each of the others."""
    unknown = b"".join(b', "unknown_%d": 1' % number for number in range(200_000))
    asked = b'{"model": "openai/x", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]%s}' % unknown
    began = time.monotonic()
    status, headers, _ = post(gateway.url + PATHS["anthropic"], asked)
    assert status == 200
    assert time.monotonic() - began < 10
    assert headers["x-gatewright-dropped"].startswith("unknown_0, unknown_1, ")


def test_a_list_in_several_header_lines(gateway, upstream):
    with Raw(gateway) as raw:
        raw.request(PATHS["anthropic"], chat("anthropic/x"), ["anthropic-beta: one", "anthropic-beta: two"])
        assert raw.answer()[0] == 200
    sent = [value for name, value in upstream.last().headers if name.lower() == "anthropic-beta"]
    assert ",".join(sent) == "one,two"
