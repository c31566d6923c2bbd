"""What a good error answer looks like, and a gateway that still serves after a bad moment."""

import json

from gateway import get, post

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
TYPES = {
    "invalid_request", "authentication", "permission_denied", "not_found", "request_too_large", "rate_limit",
    "insufficient_quota", "guardrail_blocked", "plugin_unavailable", "overloaded", "timeout", "upstream", "internal",
}  # fmt: skip


def chat(model, **more):
    """A body that is good in both dialects."""
    return {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}], **more}


def error_of(dialect, body):
    """The error in an envelope of this dialect, after checking the envelope."""
    envelope = json.loads(body)
    error = envelope["error"]
    if dialect == "anthropic":
        assert envelope["type"] == "error"
        assert envelope.get("request_id")
    else:
        assert error.get("request_id")
        assert {"message", "type", "param", "code"} <= set(error)
    assert error["type"] in TYPES, error
    assert error["message"].strip(), error
    return error


def assert_serves(gateway):
    """The gateway is up and answers both dialects."""
    assert get(f"{gateway.url}/livez")[0] == 200
    for dialect, path in PATHS.items():
        for stream in (False, True):
            status, _, body = post(gateway.url + path, chat(f"{dialect}/fine", stream=stream), timeout=10)
            assert status == 200, body
            assert b"You said" in body or stream
