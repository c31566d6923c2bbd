"""OpenAI's own client: what it gets through the gateway is what it gets from the provider, whichever dialect that has."""

import asyncio
import json

import openai
import pytest
import routes
from dialects import ARGUMENTS, JSON_TEXT, PIXEL, REASONING, said
from routes import user

pytestmark = pytest.mark.timeout(30)
way = routes.fixture("openai")

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_answer(way, upstream):
    answer = way.client.chat.completions.create(model=way.model("gpt-test"), messages=user("hello"), temperature=0.5)
    assert answer.object == "chat.completion"
    assert answer.model == "gpt-test"
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", said("hello"))
    assert choice.finish_reason == "stop"
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (19, 10, 29)
    assert usage.prompt_tokens_details.cached_tokens == 4
    sent = upstream.last().json
    assert (sent["model"], sent["temperature"]) == ("gpt-test", 0.5)


def test_conversation(way, upstream):
    """System text, earlier turns and content in parts arrive in their order."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "Three"}, {"type": "text", "text": "?"}]},
    ]
    answer = way.client.chat.completions.create(
        model=way.model("gpt-test"), messages=messages, max_tokens=77, stop=["END"], top_p=0.9
    )
    assert answer.choices[0].message.content == said("Three?")
    sent = upstream.last().json
    assert sent["max_tokens"] == 77
    assert sent["top_p"] == 0.9
    if way.cross:
        assert sent["stop_sequences"] == ["END"]
        assert json.dumps(sent["system"]).count("Be brief.") == 1
        assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    else:
        assert sent["messages"] == messages


def test_stream(way, upstream):
    stream = way.client.chat.completions.create(model=way.model("gpt-test"), messages=user("hello"), stream=True)
    chunks = list(stream)
    assert text_of(chunks) == said("hello")
    assert sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content) > 3
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks), "usage was not asked for"
    assert all(chunk.choices for chunk in chunks), "the chunk of usage was not asked for"


def test_stream_with_usage(way):
    stream = way.client.chat.completions.create(
        model=way.model("gpt-test"), messages=user("hello"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert text_of(chunks) == said("hello")
    last = chunks[-1]
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (19, 10, 29)
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_stream_arrives_as_it_is_sent(way):
    """Forty pieces, 50 ms apart: the first is there long before the last is sent."""
    loop_time = asyncio.new_event_loop().time
    began, times = loop_time(), []
    stream = way.client.chat.completions.create(model=way.model("pace-50-40"), messages=user("go"), stream=True)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            times.append(loop_time() - began)
    assert times[0] < 0.6
    assert times[-1] > 1.0
    assert max(later - earlier for earlier, later in zip(times, times[1:])) < 0.5


def test_stream_cut_at_any_byte(way):
    """Pieces of TCP that have nothing to do with events."""
    stream = way.client.chat.completions.create(model=way.model("split"), messages=user("é🌍"), stream=True)
    assert text_of(stream) == said("é🌍")


@pytest.mark.parametrize("model", ["gpt-test", "parallel"])
def test_tools(way, upstream, model):
    """A call and its result, there and back."""
    messages = user("How is the weather?")
    ask = {"model": way.model(model), "tools": [WEATHER]}
    answer = way.client.chat.completions.create(messages=messages, tool_choice="auto", **ask)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert len(calls) == (2 if model == "parallel" else 1)
    assert len({call.id for call in calls}) == len(calls)
    for call in calls:
        assert (call.type, call.function.name) == ("function", "get_weather")
        assert json.loads(call.function.arguments) == json.loads(ARGUMENTS)

    messages = [*messages, choice.message.model_dump(exclude_none=True)]
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"sunny {call.id[-1]}"} for call in calls]
    answer = way.client.chat.completions.create(messages=messages, **ask)
    expected = "; ".join(f"sunny {call.id[-1]}" for call in calls)
    assert answer.choices[0].message.content == f"The tool said: {expected}"


def test_tool_choice(way, upstream):
    """A tool that must be called is called, and none is when none may be."""
    other = {**WEATHER, "function": {**WEATHER["function"], "name": "get_time"}}
    ask = {"model": way.model("gpt-test"), "messages": user("?"), "tools": [WEATHER, other]}
    named = {"type": "function", "function": {"name": "get_time"}}
    answer = way.client.chat.completions.create(tool_choice=named, **ask)
    assert answer.choices[0].message.tool_calls[0].function.name == "get_time"
    answer = way.client.chat.completions.create(tool_choice="none", **ask)
    assert answer.choices[0].message.content == said("?")
    way.client.chat.completions.create(tool_choice="required", **ask)
    choice = upstream.last().json["tool_choice"]
    assert choice == ({"type": "any"} if way.cross else "required")


@pytest.mark.parametrize("model", ["gpt-test", "talk", "parallel"])
def test_streamed_tools(way, model):
    """Arguments come in pieces, under the index of their call, and make JSON when put together."""
    stream = way.client.chat.completions.create(
        model=way.model(model), messages=user("?"), tools=[WEATHER], stream=True
    )
    calls, pieces, finish, text = {}, 0, None, ""
    for chunk in stream:
        choice = chunk.choices[0]
        text += choice.delta.content or ""
        finish = choice.finish_reason or finish
        for delta in choice.delta.tool_calls or []:
            call = calls.setdefault(delta.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += delta.id or ""
            call["name"] += delta.function.name or ""
            call["arguments"] += delta.function.arguments or ""
            pieces += 1
    count = 2 if model == "parallel" else 1
    assert sorted(calls) == list(range(count))
    assert pieces > 5 * count
    assert finish == "tool_calls"
    assert text == ("I will look that up." if model == "talk" else "")
    assert len({call["id"] for call in calls.values()}) == count
    for call in calls.values():
        assert call["name"] == "get_weather"
        assert json.loads(call["arguments"]) == json.loads(ARGUMENTS)


def test_stream_helper(way):
    """The SDK's own accumulator, which is stricter about the order of events."""
    with way.client.chat.completions.stream(
        model=way.model("talk"), messages=user("?"), tools=[{**WEATHER, "function": {**WEATHER["function"], "strict": True}}]
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert "tool_calls.function.arguments.done" in kinds
    assert final.choices[0].message.content == "I will look that up."
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == json.loads(ARGUMENTS)


def test_images(way, upstream):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.jpg", "detail": "low"}},
    ]
    answer = way.client.chat.completions.create(model=way.model("gpt-test"), messages=user(content))
    expected = "I see 2 image(s): image/png, 63 bytes, url https://example.org/cat.jpg"
    assert answer.choices[0].message.content == expected


def test_json_schema(way, upstream):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "temperature": {"type": "number"}},
        "required": ["city", "temperature"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": schema}}
    answer = way.client.chat.completions.create(
        model=way.model("gpt-test"), messages=user("Paris?"), response_format=wanted
    )
    assert json.loads(answer.choices[0].message.content) == json.loads(JSON_TEXT)
    sent = upstream.last().json
    if way.cross:
        assert sent["output_config"]["format"]["schema"] == schema
    else:
        assert sent["response_format"] == wanted


def test_json_object(way, upstream):
    """Without a schema: carried where it can be, and never passed over in silence."""
    ask = {"messages": user("Paris, in JSON?"), "response_format": {"type": "json_object"}}
    try:
        raw = way.client.chat.completions.with_raw_response.create(model=way.model("gpt-test"), **ask)
    except openai.BadRequestError as refused:
        assert way.cross and "response_format" in str(refused)
        return
    if "response_format" in (raw.headers.get("x-gatewright-dropped") or ""):
        assert way.cross
        return
    assert json.loads(raw.parse().choices[0].message.content) == json.loads(JSON_TEXT)


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning(way, upstream, stream):
    answer = way.client.chat.completions.create(
        model=way.model("gpt-test"),
        messages=user("Think!"),
        reasoning_effort="low",
        max_completion_tokens=20000,
        stream=stream,
    )
    if stream:
        chunks = [chunk for chunk in answer if chunk.choices]
        text = text_of(chunks)
        thought = "".join(getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks)
    else:
        message = answer.choices[0].message
        text, thought = message.content, getattr(message, "reasoning_content", None)
    assert text == said("Think!")
    assert thought == REASONING


def test_many_at_once(way):
    """Streams side by side do not mix."""

    async def one(client, number):
        stream = await client.chat.completions.create(
            model=way.model("pace-5-10"), messages=user(f"number {number}"), stream=True
        )
        return text_of([chunk async for chunk in stream])

    async def echo(client, number):
        answer = await client.chat.completions.create(model=way.model("gpt-test"), messages=user(f"number {number}"))
        return answer.choices[0].message.content

    async def run():
        async with way.make(asynchronous=True) as client:
            streams = [one(client, number) for number in range(20)]
            return await asyncio.gather(*streams, *(echo(client, number) for number in range(20)))

    answers = asyncio.run(run())
    assert set(answers[:20]) == {"".join(f"{number:04} " for number in range(10))}
    assert answers[20:] == [said(f"number {number}") for number in range(20)]


def test_large_answer(way):
    answer = way.client.chat.completions.create(model=way.model("large"), messages=user("?"))
    assert answer.choices[0].message.content == "0123456789abcdef" * (1 << 16)


def test_large_question(way, upstream):
    text = "0123456789é" * 100_000
    answer = way.client.chat.completions.create(model=way.model("gpt-test"), messages=user(text))
    assert answer.choices[0].message.content == said(text)
