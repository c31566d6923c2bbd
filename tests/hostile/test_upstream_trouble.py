"""Providers that misbehave: a clear error in the client's dialect, in time, and nothing left behind."""

import json
import time

import pytest
from envelope import PATHS, assert_serves, chat, error_of
from gateway import post
from raw import Raw

DIALECTS = ["openai", "anthropic"]
# Which statuses each trouble may have.
BEFORE_THE_ANSWER = {
    "fault-html": {502},
    "fault-html-502": {502},
    "fault-empty": {502},
    "fault-json": {502},
    "fault-garbage": {502},
    "fault-reset": {502},
    "fault-hang": {504},
    "fault-first-chunk-error": {502, 503},
    "fault-500": {502},
    "fault-status-503": {503},
}
AFTER_IT_BEGAN = ["fault-cut", "fault-cut-clean", "fault-reset-stream", "fault-hang-stream", "fault-mid-error"]


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


@pytest.fixture(params=DIALECTS)
def provider(request):
    return request.param


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", BEFORE_THE_ANSWER)
def test_before_the_answer(tight, dialect, provider, fault, stream):
    """The client gets a status and an envelope, also where it wanted a stream."""
    began = time.monotonic()
    status, headers, body = post(tight.url + PATHS[dialect], chat(f"{provider}/{fault}", stream=stream))
    assert time.monotonic() - began < 5
    if fault == "fault-json" and stream and dialect == provider and status == 200:
        # Passed as it came, unread; but not as if that had been all.
        assert body.endswith(b"\n\n") and b"event: error" in body
        return
    assert status in BEFORE_THE_ANSWER[fault], body
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    error = error_of(dialect, body)
    assert error["type"] in ("upstream", "timeout", "overloaded")
    assert "<html" not in error["message"].lower()


@pytest.mark.parametrize("fault", AFTER_IT_BEGAN)
def test_in_the_middle_of_a_stream(tight, dialect, provider, fault):
    """What came before is delivered, then an error event in the client's dialect, and no end as if all were well."""
    began = time.monotonic()
    status, _, body = post(tight.url + PATHS[dialect], chat(f"{provider}/{fault}", stream=True))
    assert time.monotonic() - began < 6
    assert status == 200
    if dialect != provider or fault != "fault-mid-error":
        events = body.split(b"\n\n")
        assert events[-1] == b"", body
        lines = events[-2].split(b"\n")
        assert lines[0] == b"event: error", body
        error = error_of(dialect, lines[1].removeprefix(b"data: "))
        assert error["type"] in ("upstream", "timeout", "overloaded")
    assert b"error" in body
    assert b"[DONE]" not in body
    assert b"message_stop" not in body


def test_the_last_line_ends_are_missing(gateway, dialect, provider):
    """The last event says that it is the last: nothing is missing."""
    status, _, body = post(gateway.url + PATHS[dialect], chat(f"{provider}/unended", stream=True))
    assert status == 200
    assert b"event: error" not in body, body
    assert body.endswith(b"\n\n") and (b"[DONE]" in body or b"message_stop" in body), body[-200:]


def test_usage_with_every_chunk(gateway, upstream):
    """What was not asked for is hidden where it stands alone, and nothing else with it."""
    status, _, body = post(gateway.url + PATHS["openai"], chat("openai/totals", stream=True))
    assert status == 200
    sent = [event for event in upstream.finished().sent.split(b"\n\n") if b'"choices": []' not in event]
    assert body.split(b"\n\n") == sent


def test_whole_answer_cut(tight, dialect, provider):
    status, _, body = post(tight.url + PATHS[dialect], chat(f"{provider}/fault-cut"))
    assert status == 502
    assert error_of(dialect, body)["type"] == "upstream"


def test_long_line_whole(tight, dialect, provider):
    """An answer of 10 MiB is large, not wrong."""
    status, _, body = post(tight.url + PATHS[dialect], chat(f"{provider}/fault-long-line"))
    assert status == 200
    assert b"x" * (10 << 20) in body


def test_long_line_in_a_stream(tight, dialect, provider):
    """One event of 10 MiB: passed whole, or refused with a clear error; never half of it as if it were all."""
    status, headers, body = post(tight.url + PATHS[dialect], chat(f"{provider}/fault-long-line", stream=True))
    if status == 200 and b"x" * (10 << 20) in body:
        assert b"[DONE]" in body or b"message_stop" in body
        return
    if status == 200:
        assert b"event: error" in body[-2000:], body[-300:]
        error_of(dialect, body[body.rindex(b"data: ") + 6 :])
    else:
        assert status == 502
        assert error_of(dialect, body)["type"] == "upstream"


def test_endless_line(tight, upstream, dialect, provider):
    """200 MiB without a line end: given up, and not kept in memory."""
    before = tight.forget_peak()
    status, _, body = post(tight.url + PATHS[dialect], chat(f"{provider}/fault-endless-line", stream=True))
    assert tight.peak() - before < 100 << 20
    if status == 200:
        assert b"event: error" in body[-2000:]
    else:
        assert status == 502
        assert error_of(dialect, body)["type"] == "upstream"
    record = upstream.last()
    assert record.done.wait(5) and record.closed_early


def test_not_found_is_told_by_name(tight, dialect):
    status, _, body = post(tight.url + PATHS[dialect], chat("dead/any"))
    assert status == 502
    error = error_of(dialect, body)
    assert "dead" in error["message"]
    assert "127.0.0.1" not in error["message"]


def test_the_connection_survives_its_answers(tight, provider):
    """Errors of the provider are ordinary answers on the client's connection."""
    with Raw(tight) as raw:
        for fault in ("fault-reset", "fault-html", "fault-garbage", "fault-status-429", "fine"):
            answer = raw.request(PATHS["openai"], chat(f"{provider}/{fault}")).answer()
            assert (answer[0] == 200) == (fault == "fine")


def test_a_broken_connection_is_not_used_again(tight, upstream):
    """After each kind of trouble the next request gets a connection that works, at once."""
    for fault in (*BEFORE_THE_ANSWER, *AFTER_IT_BEGAN):
        if "hang" in fault:
            continue
        post(tight.url + PATHS["openai"], chat(f"openai/{fault}", stream=True))
        status, _, body = post(tight.url + PATHS["openai"], chat("openai/fine"))
        assert status == 200, (fault, body)


def test_connections_are_reused(tight, upstream):
    """A hundred requests in a row, whole and streamed, need few connections."""
    for number in range(100):
        post(tight.url + PATHS["openai"], chat("openai/fine", stream=number % 2 == 0))
    connections = {record.connection for record in upstream.chats()}
    assert len(connections) <= 8


def test_a_restarting_provider(start, the_upstream):
    """Connections that the provider closed while they were idle cost no request."""
    from gateway import key, standard_config
    from gateway import provider as entry
    from upstream import Upstream

    other = Upstream().start()
    config = standard_config(the_upstream.url)
    config["providers"]["other"] = entry("openai", other.url, [key("TEST_OPENAI_KEY")])
    gateway = start(config)
    for _ in range(5):
        assert post(gateway.url + PATHS["openai"], chat("other/fine"))[0] == 200
    other.close_idle()
    for _ in range(5):
        assert post(gateway.url + PATHS["openai"], chat("other/fine"))[0] == 200
    other.stop()
    assert_serves(gateway)


def test_json_that_lies(tight, upstream):
    """An error is found also where the provider says 200."""
    for dialect in DIALECTS:
        status, _, body = post(tight.url + PATHS[dialect], chat("openai/fault-json"))
        assert status == 502
        assert json.loads(body)["error"]["type"] == "upstream"
