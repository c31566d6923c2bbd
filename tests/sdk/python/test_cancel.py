"""A client that goes away takes its upstream along, at once."""

import time

import anthropic
import openai
import pytest
import routes
from gateway import get
from routes import user

openai_way = routes.fixture("openai", ["direct", "v1", "cross"])
anthropic_way = routes.fixture("anthropic", ["direct", "root", "cross"])
SOON = 2.0


def assert_closed(upstream, left):
    """The upstream's connection was closed within `SOON` seconds of `left`."""
    record = upstream.last()
    assert record.done.wait(SOON + 1), "the upstream is still writing"
    assert record.closed_early
    assert record.ended_at - left < SOON


def test_openai_stream(openai_way, upstream):
    stream = openai_way.client.chat.completions.create(
        model=openai_way.model("pace-100-200"), messages=user("go"), stream=True
    )
    for _, _ in zip(range(4), stream):
        pass
    left = time.monotonic()
    stream.close()
    assert_closed(upstream, left)


def test_anthropic_stream(anthropic_way, upstream):
    with anthropic_way.client.messages.stream(
        model=anthropic_way.model("pace-100-200"), max_tokens=5, messages=user("go")
    ) as stream:
        for _, _ in zip(range(4), stream.text_stream):
            pass
        left = time.monotonic()
    assert_closed(upstream, left)


def test_while_the_upstream_is_silent(openai_way, upstream):
    """Between two chunks, when nothing is written that could fail."""
    stream = openai_way.client.chat.completions.create(
        model=openai_way.model("fault-hang-stream"), messages=user("go"), stream=True
    )
    next(stream)
    left = time.monotonic()
    stream.close()
    assert_closed(upstream, left)


@pytest.mark.parametrize("stream", [False, True])
def test_before_the_first_byte(openai_way, upstream, stream):
    with pytest.raises(openai.APITimeoutError):
        openai_way.client.with_options(timeout=0.5).chat.completions.create(
            model=openai_way.model("fault-hang"), messages=user("go"), stream=stream
        )
    assert_closed(upstream, time.monotonic())


def test_anthropic_before_the_first_byte(anthropic_way, upstream):
    with pytest.raises(anthropic.APITimeoutError):
        anthropic_way.client.with_options(timeout=0.5).messages.create(
            model=anthropic_way.model("fault-hang"), max_tokens=5, messages=user("go")
        )
    assert_closed(upstream, time.monotonic())


def test_is_accounted(gateway, upstream):
    """No request stays active, and the cancelled one is counted."""
    before = metric(gateway, "cancelled")
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0)
    stream = client.chat.completions.create(model="openai/pace-100-200", messages=user("go"), stream=True)
    next(stream)
    stream.close()
    deadline = time.monotonic() + 5
    while metric(gateway, "cancelled") <= before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert metric(gateway, "cancelled") > before


def test_before_the_first_byte_is_accounted(gateway, upstream):
    """An attempt that was cut off is counted as that, and as no error of the provider's."""
    word = 'gatewright_attempts_total{provider="openai",outcome="cancelled"'
    before = metric(gateway, word)
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0, timeout=0.5)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="openai/fault-hang", messages=user("go"))
    deadline = time.monotonic() + 5
    while metric(gateway, word) <= before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert metric(gateway, word) > before


def metric(gateway, word):
    """The sum of all request counters whose labels hold the word."""
    lines = get(f"{gateway.url}/metrics")[2].decode().splitlines()
    values = [line.rsplit(" ", 1)[1] for line in lines if word in line and "_bucket" not in line and line[0] != "#"]
    return sum(float(value) for value in values)
