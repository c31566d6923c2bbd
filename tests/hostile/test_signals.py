"""SIGTERM and SIGINT: new requests end, those under way finish, and the exit code says how it went."""

import contextlib
import json
import signal
import threading
import time

import openai
import pytest
from envelope import PATHS, chat, error_of
from gateway import get, standard_config
from raw import Raw


def is_not_ready(gateway):
    """Whether a load balancer would send nothing here."""
    try:
        return get(f"{gateway.url}/readyz", timeout=2)[0] != 200
    except OSError:
        return True


def wait_until(condition, seconds=3.0):
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return held


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle(start, number):
    gateway = start()
    began = time.monotonic()
    gateway.signal(number)
    assert gateway.process.wait(5) == 0
    assert time.monotonic() - began < 3


def test_idle_connections_do_not_hold_it_up(start):
    gateway = start()
    with Raw(gateway) as used, Raw(gateway):
        assert used.request(PATHS["openai"], chat("openai/x")).answer()[0] == 200
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(5) == 0


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_streams_finish(start, upstream, dialect):
    """Two seconds of stream, a signal in the first: the client gets all of it."""
    gateway = start()
    with Raw(gateway) as raw:
        raw.request(PATHS[dialect], chat(f"{dialect}/pace-100-20", stream=True))
        assert upstream.wait(lambda upstream: upstream.chats() and b"0002" in upstream.last().sent)
        gateway.signal(signal.SIGTERM)
        assert wait_until(lambda: is_not_ready(gateway)), "it is still ready"
        assert gateway.process.poll() is None, "it left while a stream was under way"
        status, _, body = raw.answer()
    assert status == 200
    assert b"0019" in body
    assert body.endswith(b"data: [DONE]\n\n") or b"message_stop" in body
    assert gateway.process.wait(5) == 0
    assert not upstream.last().closed_early


def test_whole_answers_finish(start, upstream):
    """A client of an SDK that waits for its answer gets it."""
    gateway = start()
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0)
    texts = []

    def ask():
        stream = client.chat.completions.create(
            model="anthropic/pace-50-20", messages=[{"role": "user", "content": "x"}], stream=True
        )
        texts.append("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert upstream.wait(lambda upstream: len(upstream.chats()) == 5)
    gateway.signal(signal.SIGTERM)
    for thread in threads:
        thread.join(10)
    assert [text.strip()[-4:] for text in texts] == ["0019"] * 5
    assert gateway.process.wait(5) == 0


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_no_new_requests(start, upstream, dialect):
    """What comes after the signal is told so, in its dialect, also where its body is still coming."""
    gateway = start()
    with Raw(gateway) as raw:
        raw.request(PATHS["openai"], chat("openai/pace-100-20", stream=True))
        assert upstream.wait(lambda upstream: upstream.chats())
        gateway.signal(signal.SIGTERM)
        assert wait_until(lambda: is_not_ready(gateway))
        long = {**chat(f"{dialect}/late"), "padding": "x" * 4_000_000}
        for body in (chat(f"{dialect}/late"), chat(f"{dialect}/late", stream=True), long):
            with Raw(gateway, timeout=3) as late:
                status, headers, answer = late.request(PATHS[dialect], body, ["x-request-id: mine"]).answer()
                assert status == 503
                assert (headers["connection"], headers["retry-after"]) == ("close", "1")
                assert headers["x-request-id"] == "mine"
                error = error_of(dialect, answer)
                assert (error["type"], error["code"]) == ("overloaded", "draining")
                assert late.is_closed(within=2)
        assert raw.answer()[0] == 200
    assert gateway.process.wait(2) == 0
    assert [record.json["model"] for record in upstream.chats()] == ["pace-100-20"]


def test_what_it_says_of_itself(start, upstream):
    """Until the last stream is done, whoever asks hears that it lives, and takes nothing."""
    gateway = start()
    with Raw(gateway) as raw:
        raw.request(PATHS["openai"], chat("openai/pace-100-20", stream=True))
        assert upstream.wait(lambda upstream: upstream.chats())
        gateway.signal(signal.SIGTERM)
        assert wait_until(lambda: is_not_ready(gateway))
        status, headers, body = get(f"{gateway.url}/readyz")
        assert (status, json.loads(body)["status"], json.loads(body)["active_requests"]) == (503, "not_ready", 1)
        assert "draining" in json.loads(body)["pending"][0]
        assert headers["connection"] == "close"
        assert [get(gateway.url + path)[0] for path in ("/livez", "/health", "/metrics")] == [200] * 3
        assert get(f"{gateway.url}/v1/models")[0] == 503
        assert get(f"{gateway.url}/nothing")[0] == 404
        assert raw.answer()[2].endswith(b"data: [DONE]\n\n")
    assert gateway.process.wait(2) == 0


def test_who_comes_late_does_not_hold_it_up(start, upstream):
    """Connections of probes, silent ones, ones in the middle of a head or of a body: none outlasts the last stream."""
    gateway = start()
    with Raw(gateway) as raw, contextlib.ExitStack() as opened:
        raw.request(PATHS["openai"], chat("openai/pace-100-15", stream=True))
        assert upstream.wait(lambda upstream: upstream.chats())
        gateway.signal(signal.SIGTERM)
        assert wait_until(lambda: is_not_ready(gateway))
        begins = [b"", b"GET /rea", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        begins.append(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        for begin in begins * 5:
            opened.enter_context(Raw(gateway)).send(begin)
        assert raw.answer()[0] == 200
        assert gateway.process.wait(6) == 0


def test_deadline(start, the_upstream, upstream):
    """Streams that take longer than the drain may are cut, and the process goes."""
    gateway = start(standard_config(the_upstream.url, server={"drain_timeout_seconds": 1}))
    with Raw(gateway) as raw:
        raw.request(PATHS["openai"], chat("openai/pace-100-300", stream=True))
        assert upstream.wait(lambda upstream: upstream.chats() and upstream.last().sent)
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(6)
        assert 0.5 < time.monotonic() - began < 4
    assert upstream.last().done.wait(3) and upstream.last().closed_early


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_second_signal_forces(start, upstream, numbers):
    gateway = start()
    with Raw(gateway) as raw:
        raw.request(PATHS["openai"], chat("openai/pace-100-300", stream=True))
        assert upstream.wait(lambda upstream: upstream.chats() and upstream.last().sent)
        gateway.signal(numbers[0])
        time.sleep(0.5)
        assert gateway.process.poll() is None
        began = time.monotonic()
        gateway.signal(numbers[1])
        gateway.process.wait(3)
        assert time.monotonic() - began < 2
    assert upstream.last().done.wait(3) and upstream.last().closed_early


def test_log_of_the_end(start):
    """The last lines are written, and say that it was asked to stop."""
    gateway = start()
    gateway.signal(signal.SIGTERM)
    gateway.process.wait(5)
    lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    assert any("SIGTERM" in json.dumps(line) or "drain" in json.dumps(line).lower() or "stop" in json.dumps(line).lower()
               for line in lines[-6:]), gateway.log()[-1000:]
