"""Connections that are used badly: too much, too slowly, cut, or all at once."""

import json
import threading
import time

import pytest
from envelope import PATHS, chat, error_of
from gateway import get, post, standard_config
from raw import Raw

DIALECTS = ["openai", "anthropic"]
MIB = 1 << 20


# === too much ===


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
def test_body_of_200_mb(tight, dialect, announced):
    before = tight.forget_peak()
    with Raw(tight) as raw:
        head = f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
        head += f"content-length: {200 * MIB}\r\n\r\n" if announced else "transfer-encoding: chunked\r\n\r\n"
        piece = b"x" * MIB
        try:
            raw.send(head.encode())
            for _ in range(200):
                raw.send(piece if announced else b"%x\r\n%b\r\n" % (MIB, piece))
        except OSError:
            pass  # It may hang up on us once it has answered.
        answer = raw.answer()
    assert tight.peak() - before < 120 * MIB
    status, _, body = answer
    assert status == 413
    assert error_of(dialect, body)["type"] == "request_too_large"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_too_large_a_body_is_told_at_once(tight, dialect):
    """A client that waits for an answer after its head is not made to send the body first."""
    with Raw(tight) as raw:
        head = f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {200 * MIB}\r\n\r\n"
        status, _, body = raw.send(head.encode()).answer()
    assert status == 413
    assert error_of(dialect, body)["type"] == "request_too_large"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_expect_continue(tight, dialect):
    """`expect: 100-continue` gets its 413 in place of the 100."""
    with Raw(tight) as raw:
        head = f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\nexpect: 100-continue\r\ncontent-length: {200 * MIB}\r\n\r\n"
        status, _, _ = raw.send(head.encode()).answer()
    assert status == 413


def test_body_at_the_limit(tight):
    """One byte more is too much, the limit itself is not."""
    limit = 32 * MIB
    base = json.dumps(chat("openai/x", x_pad="")).encode()
    fits = base.replace(b'"x_pad": ""', b'"x_pad": "%b"' % (b"x" * (limit - len(base))))
    assert len(fits) == limit
    assert post(tight.url + PATHS["openai"], fits)[0] == 200
    status, _, body = post(tight.url + PATHS["openai"], fits + b" ")
    assert status == 413
    assert error_of("openai", body)["type"] == "request_too_large"


def test_bodies_together(tight, upstream):
    """Each within its limit, all together above theirs: some get 503, none is lost without an answer."""
    body = json.dumps(chat("openai/fault-hang", x_pad="x" * (20 * MIB))).encode()
    statuses, before = [], tight.forget_peak()

    def one():
        statuses.append(post(tight.url + PATHS["openai"], body, timeout=30)[0])

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 6
    assert set(statuses) == {503, 504}, statuses
    assert statuses.count(504) <= 3
    assert tight.peak() - before < 200 * MIB


def test_too_many_requests_at_once(tight, upstream):
    """Over `max_concurrent_requests`: 503 with `retry-after`, in the client's dialect."""
    waiting = [Raw(tight).request(PATHS["openai"], chat("openai/fault-hang")) for _ in range(200)]
    try:
        assert upstream.wait(lambda upstream: len(upstream.chats()) >= 200)
        for dialect in DIALECTS:
            status, headers, body = post(tight.url + PATHS[dialect], chat("openai/x"))
            assert status == 503
            assert int(headers["retry-after"]) >= 1
            assert error_of(dialect, body)["type"] == "overloaded"
        assert get(f"{tight.url}/livez")[0] == 200
    finally:
        for raw in waiting:
            raw.sock.close()
    assert upstream.wait(lambda upstream: all(record.done.is_set() for record in upstream.chats()))


@pytest.mark.parametrize("headers", [
    ["x-big: " + "x" * 100_000],
    ["x-big: " + "x" * 2_000_000],
    [f"x-{number}: {'x' * 100}" for number in range(1000)],
    [f"x-{number}: 1" for number in range(50_000)],
    ["cookie: " + "a=b; " * 20_000],
], ids=["one of 100 KB", "one of 2 MB", "1000", "50000", "cookie"])
def test_header_floods(tight, headers):
    before = tight.forget_peak()
    with Raw(tight) as raw:
        try:
            raw.request(PATHS["openai"], chat("openai/x"), headers)
        except OSError:
            pass
        answer = raw.answer()
    assert tight.peak() - before < 30 * MIB
    assert answer and answer[0] == 431, answer


def test_header_limit_is_as_configured(tight):
    """16 KiB: a head well below passes, one well above does not."""
    with Raw(tight) as raw:
        assert raw.request(PATHS["openai"], chat("openai/x"), ["x-big: " + "x" * 12_000]).answer()[0] == 200
    with Raw(tight) as raw:
        answer = raw.request(PATHS["openai"], chat("openai/x"), ["x-big: " + "x" * 24_000]).answer()
    assert answer and answer[0] == 431, answer


def test_long_path(tight):
    with Raw(tight) as raw:
        answer = raw.request("/v1/" + "x" * 70_000, method="GET").answer()
    assert answer is None or answer[0] in (404, 414, 431)


# === too slowly ===


def drip(raw, data, pause, seconds):
    """Sends byte by byte until the other side has had enough; answers how long it took."""
    began = time.monotonic()
    raw.sock.settimeout(pause)
    for at in range(len(data)):
        try:
            raw.send(data[at : at + 1])
            if not raw._more():
                break
        except TimeoutError:
            pass
        except ConnectionError:
            break
        if time.monotonic() - began > seconds:
            break
    return time.monotonic() - began


def test_slow_head(tight):
    """The head has a second in all, however steadily it drips."""
    with Raw(tight) as raw:
        took = drip(raw, b"POST /v1/chat/completions HTTP/1.1\r\nhost: " + b"x" * 1000, 0.1, 8)
    assert took < 4


@pytest.mark.parametrize("beginning", [b"", b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n"],
                         ids=["nothing", "one byte", "half a preface", "half a head"])
def test_silent_connection(tight, beginning):
    """Connections that begin and say no more are not kept for ever."""
    with Raw(tight) as raw:
        raw.send(beginning)
        assert raw.is_closed(within=6)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_slow_body(tight, dialect):
    """A body that drips for longer than a request may take, each byte within the pause that is allowed."""
    head = f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n".encode()
    with Raw(tight) as raw:
        raw.send(head)
        took = drip(raw, b" " * 1000, 0.2, 12)
        answer = raw.answer() if raw.buffer else None
    assert took < 9
    if answer:
        assert answer[0] in (408, 504)
        assert error_of(dialect, answer[2])["type"] == "timeout"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_body_that_never_comes(tight, dialect):
    with Raw(tight) as raw:
        raw.send(f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n{{".encode())
        status, _, body = raw.answer()
    assert status in (408, 504)
    assert error_of(dialect, body)["type"] == "timeout"


def test_others_are_served_meanwhile(tight):
    """A hundred slow heads and a hundred slow bodies."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n"
    slow = [Raw(tight).send(head) for _ in range(100)]
    slow += [Raw(tight).send(head + b"content-length: 1000\r\n\r\n{") for _ in range(100)]
    began = time.monotonic()
    for _ in range(10):
        assert post(tight.url + PATHS["openai"], chat("openai/x"))[0] in (200, 503)
    assert time.monotonic() - began < 2
    for raw in slow:
        assert raw.is_closed(within=8) or raw.buffer
        raw.sock.close()


@pytest.mark.parametrize("provider", DIALECTS)
def test_client_that_does_not_read(tight, upstream, provider):
    """Streams of 256 MiB that nobody reads: they are held up, not held in memory."""
    before = tight.forget_peak()
    stuck = [Raw(tight).request(PATHS["openai"], chat(f"{provider}/flood", stream=True)) for _ in range(4)]
    assert upstream.wait(lambda upstream: len(upstream.chats()) == 4)
    time.sleep(2)
    grown = tight.peak() - before
    for raw in stuck:
        raw.sock.close()
    assert grown < 60 * MIB
    assert upstream.wait(lambda upstream: all(record.done.is_set() for record in upstream.chats()), 10)


def test_pipelining_client_that_does_not_read(tight, upstream):
    """The same, with a second request that waits behind each."""
    before = tight.forget_peak()
    stuck = [Raw(tight).request(PATHS["openai"], chat("openai/flood", stream=True)) for _ in range(2)]
    for raw in stuck:
        raw.request(PATHS["openai"], chat("openai/x"))
    time.sleep(2)
    grown = tight.peak() - before
    for raw in stuck:
        raw.sock.close()
    assert grown < 60 * MIB
    assert upstream.wait(lambda upstream: all(record.done.is_set() for record in upstream.chats()), 10)


# === cut ===


@pytest.mark.parametrize("dialect", DIALECTS)
def test_request_cut_in_the_body(tight, upstream, dialect):
    """Half a request, then the end: nothing goes to a provider."""
    with Raw(tight) as raw:
        raw.send(f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n".encode())
        raw.send(json.dumps(chat("openai/x")).encode())
    time.sleep(0.3)
    assert not upstream.chats()


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00" * 1000,
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost : x\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
], ids=["TLS", "zeros", "version", "negative", "two lengths", "smuggling", "chunk size", "space", "ssh"])
def test_not_http(tight, upstream, data):
    """Answered with an error or closed; never a 200, and never taken for two requests."""
    with Raw(tight, timeout=6) as raw:
        raw.send(data)
        answer = raw.answer()
        assert answer is None or answer[0] >= 400, answer
        if answer is None or answer[0] != 404:
            assert raw.is_closed(within=6)
    assert not upstream.chats()


# === many on one connection ===


def test_keep_alive(tight, upstream):
    with Raw(tight) as raw:
        for number in range(20):
            dialect = DIALECTS[number % 2]
            status, _, body = raw.request(PATHS[dialect], chat(f"openai/m{number}")).answer()
            assert status == 200, body
    assert [record.json["model"] for record in upstream.chats()] == [f"m{number}" for number in range(20)]


def test_pipelining(tight, upstream):
    """Requests sent in one go are answered in their order, errors and streams among them."""
    bodies = [chat("openai/one"), chat("openai/two", stream=True), chat(""), chat("openai/pace-20-5", stream=True), chat("openai/last")]
    whole = b""
    for body in bodies:
        data = json.dumps(body).encode()
        whole += f"POST {PATHS['openai']} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
    with Raw(tight) as raw:
        raw.send(whole)
        answers = [raw.answer() for _ in bodies]
    assert [answer[0] for answer in answers] == [200, 200, 400, 200, 200]
    assert answers[1][2].endswith(b"data: [DONE]\n\n")
    assert b"0004 " in answers[3][2] or b"0004" in answers[3][2]
    assert json.loads(answers[4][2])["model"] == "last"


def test_pipelined_stream_arrives_as_it_is_sent(tight, upstream):
    """A request that waits behind a stream does not hold the stream up."""
    with Raw(tight) as raw:
        raw.request(PATHS["openai"], chat("openai/pace-50-30", stream=True)).request(PATHS["openai"], chat("openai/x"))
        while b"0000" not in raw.buffer:
            assert raw._more()
        assert b"0029" not in raw.buffer
        assert raw.answer()[2].endswith(b"data: [DONE]\n\n")
        assert raw.answer()[0] == 200


def test_error_keeps_the_connection(tight):
    """A refused request costs its sender nothing but the request."""
    with Raw(tight) as raw:
        assert raw.request(PATHS["openai"], b"{").answer()[0] == 400
        assert raw.request(PATHS["anthropic"], chat("")).answer()[0] == 400
        assert raw.request(PATHS["openai"], chat("openai/x")).answer()[0] == 200


def test_pipelined_client_that_leaves(tight, upstream):
    """The second request hides the disconnect from a server that only reads when it wants the next request."""
    first = json.dumps(chat("openai/pace-100-200", stream=True)).encode()
    with Raw(tight) as raw:
        raw.request(PATHS["openai"], first).request(PATHS["openai"], chat("openai/second"))
        assert upstream.wait(lambda upstream: upstream.chats())
        time.sleep(0.3)
    assert upstream.wait(lambda upstream: upstream.chats()[0].done.is_set(), 3)
    assert upstream.chats()[0].closed_early


def h2_frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def test_http2_without_a_window(start, the_upstream, upstream):
    """A client that never grants a window keeps neither its request nor its upstream beyond their time."""
    gateway = start(standard_config(the_upstream.url, server={"request_timeout_seconds": 1, "header_timeout_ms": 500}))
    head = {":method": "POST", ":path": PATHS["openai"], ":scheme": "http", ":authority": "gateway"}
    fields = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in head.items()
    )
    no_window = (4).to_bytes(2, "big") + (0).to_bytes(4, "big")
    with Raw(gateway) as raw:
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0, no_window) + h2_frame(4, 1, 0))
        body = json.dumps(chat("openai/pace-20-2000", stream=True)).encode()
        raw.send(h2_frame(1, 4, 1, fields) + h2_frame(0, 1, 1, body))
        assert upstream.wait(lambda upstream: upstream.chats())
        assert upstream.last().done.wait(5) and upstream.last().closed_early
