"""Same dialect, unedited: the provider gets the client's bytes but for the model's name, the client the provider's."""

import json
import re

import pytest
from gateway import post

ASKED_USAGE = b',"stream_options":{"include_usage":true}'
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
# Spaces, escapes, numbers and members that nobody knows, with MODEL in the place of the model's name.
OPENAI = r"""
{ "x_first" : {"model": "not this one", "messages": []}, "model" : "MODEL",
   "messages":[ {"role":"user","content":"h\u00e9llo \/ \ud83c\udf0d 🌍","x_mark":  [1, 2.50, 1E3 ] ,"name":null} ],
 "temperature":1.0, "x_big":123456789012345678901234567890, "x_neg": -0.0,
	"metadata" : {"k": "v", "k2": ""}, "seed": 0 , "x_null": null, "x_\u0061": {} }
"""
ANTHROPIC = r"""
{"max_tokens": 10 ,"messages":[{"role":"user","content":[{"type":"text","text":"h\u00e9llo 🌍","x_mark":2.50}]}],
  "x_first":{"model":"not this one"},"metadata":{ "user_id":"u" },"model":"MODEL" , "x_big":1e400,"system":"s" }
"""
BODIES = {"openai": OPENAI, "anthropic": ANTHROPIC}


def body(dialect, model):
    return BODIES[dialect].replace("MODEL", model).encode()


def streamed(body):
    """The same body, asking for a stream as its last member."""
    return re.sub(rb"\}\s*$", b', "stream" : true }\n', body)


def without_usage(stream):
    """A stream without the chunk of usage that only the gateway asked for."""
    events = stream.split(b"\n\n")
    return b"\n\n".join(event for event in events if b'"choices": [], "usage"' not in event)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_whole(gateway, upstream, dialect):
    status, headers, answer = post(gateway.url + PATHS[dialect], body(dialect, f"{dialect}/plain"))
    record = upstream.finished()
    assert status == 200
    assert record.body == body(dialect, "plain")
    assert answer == record.sent
    assert headers["content-type"] == "application/json"
    assert "x-gatewright-dropped" not in headers


@pytest.mark.parametrize("model", ["plain", "split", "comments"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_stream(gateway, upstream, dialect, model):
    status, headers, answer = post(gateway.url + PATHS[dialect], streamed(body(dialect, f"{dialect}/{model}")))
    record = upstream.finished()
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert record.body.replace(ASKED_USAGE, b"") == streamed(body(dialect, model))
    if ASKED_USAGE in record.body:
        assert answer.replace(b"\r\n", b"\n") == without_usage(record.sent.replace(b"\r\n", b"\n"))
    else:
        assert answer == record.sent


def test_stream_with_usage_asked(gateway, upstream):
    """Nothing to splice but the model, nothing to hide."""
    asked = streamed(body("openai", "openai/plain")).replace(
        b'"stream" : true', b'"stream_options": {"include_usage" : true, "x_other": 1}, "stream" : true'
    )
    _, _, answer = post(gateway.url + PATHS["openai"], asked)
    record = upstream.finished()
    assert record.body == asked.replace(b"openai/plain", b"plain")
    assert answer == record.sent


def test_stream_options_without_usage(gateway, upstream):
    """The client's own options stay, whatever the gateway adds to them."""
    asked = streamed(body("openai", "openai/plain")).replace(
        b'"stream" : true', b'"stream_options": {"x_other": 1.50}, "stream" : true'
    )
    _, _, answer = post(gateway.url + PATHS["openai"], asked)
    options = upstream.last().json["stream_options"]
    assert options.pop("include_usage", True) is True
    assert b'"x_other": 1.50' in upstream.last().body
    assert options == {"x_other": 1.50}
    assert b'"prompt_tokens"' not in answer


@pytest.mark.parametrize("model", [b'"openai\\/plain"', b'"op\\u0065nai/plain"', b'"openai/plain"'])
def test_model_in_any_spelling(gateway, upstream, model):
    asked = b'{"messages":[{"role":"user","content":"x"}],"model":\n %b\t}' % model
    assert post(gateway.url + PATHS["openai"], asked)[0] == 200
    assert upstream.last().body == b'{"messages":[{"role":"user","content":"x"}],"model":\n "plain"\t}'


@pytest.mark.parametrize(
    "before, after",
    [
        (b'"fallbacks": ["openai/other"], "model":"openai/plain"', b'"model":"plain"'),
        (b'"model":"openai/plain", "fallbacks": ["openai/other"]', b'"model":"plain"'),
        (b'"model":"openai/plain" , "fallbacks" : [ ] , "seed":1', b'"model":"plain" , "seed":1'),
    ],
)
def test_fallbacks_are_taken_out(gateway, upstream, before, after):
    """They are the gateway's, and what is left is still JSON."""
    messages = b'"messages":[{"role":"user","content":"x"}]'
    assert post(gateway.url + PATHS["openai"], b"{%b, %b}" % (before, messages))[0] == 200
    squeeze = lambda text: re.sub(rb"\s", b"", text)  # noqa: E731
    assert squeeze(upstream.last().body) == squeeze(b"{%b, %b}" % (after, messages))
    assert json.loads(upstream.last().body)


def test_no_prefix_no_change(gateway, upstream):
    """A model that is known by its own name: not a byte differs."""
    asked = body("openai", "gpt-test")
    post(gateway.url + PATHS["openai"], asked)
    assert upstream.last().body == asked


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500])
def test_unknown_members_of_errors_do_not_pass(gateway, upstream, status):
    """Errors are in the gateway's envelope, which has all that SDKs read, and no headers of the provider's hop."""
    code, headers, answer = post(gateway.url + PATHS["openai"], body("openai", f"openai/fault-status-{status}"))
    assert code in (status, 502)
    assert set(json.loads(answer)) == {"error"}
    assert "transfer-encoding" not in headers or "content-length" not in headers
