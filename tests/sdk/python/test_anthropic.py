"""Anthropic's own client: what it gets through the gateway is what it gets from the provider, whichever dialect that has."""

import asyncio
import json

import anthropic
import pytest
import routes
from dialects import ARGUMENTS, JSON_TEXT, PIXEL, REASONING, SIGNATURE, said
from routes import user

pytestmark = pytest.mark.timeout(30)
way = routes.fixture("anthropic")

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def test_answer(way, upstream):
    answer = way.client.messages.create(
        model=way.model("claude-test"), max_tokens=100, messages=user("hello"), extra_body={"temperature": 0.5}
    )
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", "claude-test")
    assert text_of(answer) == said("hello")
    assert answer.stop_reason == "end_turn"
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (15, 4, 10)
    sent = upstream.last().json
    assert (sent["model"], sent["temperature"]) == ("claude-test", 0.5)
    limit = sent.get("max_tokens") or sent.get("max_completion_tokens")
    assert limit == 100


def test_conversation(way, upstream):
    """System text, earlier turns and content in blocks arrive in their order."""
    messages = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
        {"role": "user", "content": [{"type": "text", "text": "Three"}, {"type": "text", "text": "?"}]},
    ]
    answer = way.client.messages.create(
        model=way.model("claude-test"),
        max_tokens=100,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=messages,
        stop_sequences=["END"],
    )
    assert text_of(answer) == said("Three?")
    sent = upstream.last().json
    if way.cross:
        assert [message["role"] for message in sent["messages"]] in (
            ["system", "user", "assistant", "user"],
            ["developer", "user", "assistant", "user"],
        )
        assert "Be brief." in json.dumps(sent["messages"][0])
        assert sent["stop"] == ["END"]
    else:
        assert sent["messages"] == messages
        assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_stream(way):
    events = list(
        way.client.messages.create(
            model=way.model("claude-test"), max_tokens=100, messages=user("hello"), stream=True
        )
    )
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    texts = [event.delta.text for event in events if event.type == "content_block_delta"]
    assert "".join(texts) == said("hello")
    assert len(texts) > 3
    end = events[-2]
    assert end.delta.stop_reason == "end_turn"
    assert end.usage.output_tokens == 10


def test_stream_helper(way):
    """The SDK's own accumulator, which is stricter about the order of events."""
    with way.client.messages.stream(
        model=way.model("claude-test"), max_tokens=100, messages=user("hello")
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == said("hello") == text_of(final)
    assert final.id
    assert (final.usage.input_tokens, final.usage.output_tokens) == (15, 10)
    assert final.usage.cache_read_input_tokens == 4


def test_stream_arrives_as_it_is_sent(way):
    """Forty pieces, 50 ms apart: the first is there long before the last is sent."""
    loop_time = asyncio.new_event_loop().time
    began, times = loop_time(), []
    with way.client.messages.stream(
        model=way.model("pace-50-40"), max_tokens=100, messages=user("go")
    ) as stream:
        for _ in stream.text_stream:
            times.append(loop_time() - began)
    assert times[0] < 0.8
    assert times[-1] > 1.0
    assert max(later - earlier for earlier, later in zip(times, times[1:])) < 0.5


def test_stream_cut_at_any_byte(way):
    """Pieces of TCP that have nothing to do with events."""
    with way.client.messages.stream(model=way.model("split"), max_tokens=100, messages=user("é🌍")) as stream:
        assert text_of(stream.get_final_message()) == said("é🌍")


@pytest.mark.parametrize("model", ["claude-test", "parallel"])
def test_tools(way, model):
    """A call and its result, there and back."""
    messages = user("How is the weather?")
    ask = {"model": way.model(model), "max_tokens": 100, "tools": [WEATHER]}
    answer = way.client.messages.create(messages=messages, tool_choice={"type": "auto"}, **ask)
    assert answer.stop_reason == "tool_use"
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert len(calls) == (2 if model == "parallel" else 1)
    assert len({call.id for call in calls}) == len(calls)
    for call in calls:
        assert call.name == "get_weather"
        assert call.input == json.loads(ARGUMENTS)

    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": f"sunny {call.id[-1]}"}]}
        for call in calls
    ]
    turn = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]}
    messages = [*messages, turn, {"role": "user", "content": results}]
    answer = way.client.messages.create(messages=messages, **ask)
    assert text_of(answer) == "The tool said: " + "; ".join(f"sunny {call.id[-1]}" for call in calls)


def test_tool_choice(way, upstream):
    """A tool that must be called is called, and none is when none may be."""
    other = {**WEATHER, "name": "get_time"}
    ask = {"model": way.model("claude-test"), "max_tokens": 100, "messages": user("?"), "tools": [WEATHER, other]}
    answer = way.client.messages.create(tool_choice={"type": "tool", "name": "get_time"}, **ask)
    assert [block.name for block in answer.content if block.type == "tool_use"] == ["get_time"]
    answer = way.client.messages.create(tool_choice={"type": "none"}, **ask)
    assert text_of(answer) == said("?")
    way.client.messages.create(tool_choice={"type": "any", "disable_parallel_tool_use": True}, **ask)
    sent = upstream.last().json
    if way.cross:
        assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", False)
    else:
        assert sent["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


@pytest.mark.parametrize("model", ["claude-test", "talk", "parallel"])
def test_streamed_tools(way, model):
    """Arguments come in pieces within their block, and make JSON when put together."""
    with way.client.messages.stream(
        model=way.model(model), max_tokens=100, messages=user("?"), tools=[WEATHER]
    ) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    count = 2 if model == "parallel" else 1
    assert len(pieces) > 5 * count
    assert final.stop_reason == "tool_use"
    assert text_of(final) == ("I will look that up." if model == "talk" else "")
    calls = [block for block in final.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("get_weather", json.loads(ARGUMENTS))] * count
    assert len({call.id for call in calls}) == count


def test_images(way):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/cat.jpg"}},
    ]
    answer = way.client.messages.create(model=way.model("claude-test"), max_tokens=100, messages=user(content))
    assert text_of(answer) == "I see 2 image(s): image/png, 63 bytes, url https://example.org/cat.jpg"


def test_json_schema(way, upstream):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "temperature": {"type": "number"}},
        "required": ["city", "temperature"],
        "additionalProperties": False,
    }
    answer = way.client.messages.create(
        model=way.model("claude-test"),
        max_tokens=100,
        messages=user("Paris?"),
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert json.loads(text_of(answer)) == json.loads(JSON_TEXT)
    sent = upstream.last().json
    if way.cross:
        assert sent["response_format"]["json_schema"]["schema"] == schema
    else:
        assert sent["output_config"]["format"]["schema"] == schema


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning(way, upstream, stream):
    ask = {
        "model": way.model("claude-test"),
        "max_tokens": 4000,
        "messages": user("Think!"),
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    if stream:
        with way.client.messages.stream(**ask) as streamed:
            answer = streamed.get_final_message()
    else:
        answer = way.client.messages.create(**ask)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].thinking == REASONING
    assert text_of(answer) == said("Think!")
    if way.cross:
        assert upstream.last().json["reasoning_effort"] in ("minimal", "low", "medium", "high")
    else:
        assert answer.content[0].signature == SIGNATURE


def test_thinking_goes_back(way, upstream):
    """Thinking of an earlier turn is kept for the provider that made it, and not forced upon another."""
    messages = [
        {"role": "user", "content": "One?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": REASONING, "signature": SIGNATURE},
                {"type": "text", "text": "Two."},
            ],
        },
        {"role": "user", "content": "Three?"},
    ]
    raw = way.client.messages.with_raw_response.create(
        model=way.model("claude-test"), max_tokens=100, messages=messages
    )
    assert text_of(raw.parse()) == said("Three?")
    if way.cross:
        assert "thinking" in raw.headers["x-gatewright-dropped"]
    else:
        assert upstream.last().json["messages"] == messages


def test_many_at_once(way):
    """Streams side by side do not mix."""

    async def one(client, number):
        async with client.messages.stream(
            model=way.model("claude-test"), max_tokens=100, messages=user(f"number {number}")
        ) as stream:
            return text_of(await stream.get_final_message())

    async def run():
        async with way.make(asynchronous=True) as client:
            return await asyncio.gather(*(one(client, number) for number in range(20)))

    assert asyncio.run(run()) == [said(f"number {number}") for number in range(20)]


def test_large_answer(way):
    answer = way.client.messages.create(model=way.model("large"), max_tokens=100, messages=user("?"))
    assert text_of(answer) == "0123456789abcdef" * (1 << 16)


def test_count_tokens_is_refused_clearly(way):
    """Not served yet: the client is told so in its own terms."""
    if not way.through_gateway:
        pytest.skip("the upstream has no such endpoint")
    with pytest.raises(anthropic.NotFoundError) as refused:
        way.client.messages.count_tokens(model=way.model("claude-test"), messages=user("hello"))
    assert refused.value.type == "not_found"
