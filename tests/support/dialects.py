"""What the scripted upstream says: answers in two dialects, made from what the request asks for.

The bytes are odd on purpose (spaces, escapes, members that no SDK knows), so that a gateway that parses and writes them
anew is found out.
"""

import base64
import json

ARGUMENTS = '{"city": "Z\\u00fcrich", "unit": "\u00b0C", "note": "a \\"b\\" \U0001f30d"}'
REASONING = "First I look at the question. Then I answer: \u00e7a va \U0001f914."
SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS11cHN0cmVhbQ=="
JSON_TEXT = '{"city": "Paris", "temperature": 21}'
# What stands for a picture in tests.
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"pixel" * 11).decode()


class Refused(Exception):
    """The request is not what its dialect says it must be."""

    def __init__(self, status, kind, message, param=None):
        super().__init__(message)
        self.status, self.kind, self.message, self.param = status, kind, message, param


class Answer:
    """What the upstream wants to say, in no dialect yet."""

    def __init__(self):
        self.reasoning = None
        self.text = None
        self.calls = []  # (id, name, arguments)

    def words(self):
        return pieces(self.text or "", 5)


def said(text):
    """The answer to a user's text that asks for nothing else."""
    return f"You said: {text} \u2014 Gr\u00fc\u00dfe \U0001f30d"


def pieces(text, size):
    """A text cut into pieces of some characters; always at least one."""
    return [text[i : i + size] for i in range(0, len(text), size)] or [""]


def answer_to(asked, model):
    """The answer to a request, given what `openai_asks` or `anthropic_asks` found in it."""
    answer = Answer()
    if asked["reasoning"]:
        answer.reasoning = REASONING
    if asked["tool_results"]:
        answer.text = "The tool said: " + "; ".join(asked["tool_results"])
    elif asked["tools"]:
        count = 2 if "parallel" in model else 1
        for index in range(count):
            name = asked["tools"][index % len(asked["tools"])]
            answer.calls.append((f"call_{index + 1}", name, ARGUMENTS))
        if "talk" in model:
            answer.text = "I will look that up."
    elif asked["json"]:
        answer.text = JSON_TEXT
    elif asked["images"]:
        seen = ", ".join(asked["images"])
        answer.text = f"I see {len(asked['images'])} image(s): {seen}"
    else:
        answer.text = said(asked["text"])
    return answer


# === OpenAI: what is asked ===

OPENAI_MEMBERS = set(
    "model messages stream stream_options tools tool_choice parallel_tool_calls response_format reasoning_effort "
    "max_tokens max_completion_tokens temperature top_p top_k n stop seed user metadata store logprobs top_logprobs "
    "frequency_penalty presence_penalty logit_bias modalities prediction service_tier verbosity "
    "safety_identifier prompt_cache_key".split()
)


def openai_asks(body):
    """Checks a request as strictly as the real provider would, and says what it asks for."""
    _known(body, OPENAI_MEMBERS)
    messages = _messages(body)
    found = {"text": "", "images": [], "tool_results": [], "json": False}
    open_calls = set()
    for index, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        at = f"messages[{index}]"
        if role not in ("system", "developer", "user", "assistant", "tool"):
            raise Refused(400, "invalid_request_error", f"{at}.role: {role!r} is not a role", f"{at}.role")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise Refused(400, "invalid_request_error", f"{at}: answers no tool call", at)
            found["tool_results"].append(_openai_text(content, at, ("text",), found))
            continue
        found["tool_results"] = []
        if role == "assistant":
            calls = message.get("tool_calls") or []
            open_calls = {call["id"] for call in calls}
            for call in calls:
                json.loads(call["function"]["arguments"])
            if content is None and not calls:
                raise Refused(400, "invalid_request_error", f"{at}.content: is missing", f"{at}.content")
            if content is not None:
                _openai_text(content, at, ("text", "refusal"), found)
            continue
        kinds = ("text", "image_url", "input_audio", "file") if role == "user" else ("text",)
        text = _openai_text(content, at, kinds, found)
        if role == "user":
            found["text"] = text
    tools = body.get("tools") or []
    for tool in tools:
        if tool.get("type") != "function" or "parameters" not in tool["function"]:
            raise Refused(400, "invalid_request_error", f"tools: {tool!r} is no function", "tools")
    choice = body.get("tool_choice", "auto")
    names = [tool["function"]["name"] for tool in tools]
    if isinstance(choice, dict):
        names = [choice["function"]["name"]]
    found["tools"] = [] if choice == "none" else names
    found["json"] = (body.get("response_format") or {}).get("type") in ("json_object", "json_schema")
    found["reasoning"] = body.get("reasoning_effort") not in (None, "none", "minimal")
    return found


def _openai_text(content, at, kinds, found):
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refused(400, "invalid_request_error", f"{at}.content: {content!r} is no content", f"{at}.content")
    texts = []
    for part in content:
        kind = part.get("type")
        if kind not in kinds:
            raise Refused(400, "invalid_request_error", f"{at}.content: {kind!r} is no part here", f"{at}.content")
        if kind == "text":
            texts.append(part["text"])
        elif kind == "image_url":
            found["images"].append(_image_url(part["image_url"]["url"]))
    return "".join(texts)


def _image_url(url):
    if not url.startswith("data:"):
        return f"url {url}"
    head, data = url[len("data:") :].split(",", 1)
    return f"{head.split(';')[0]}, {len(base64.b64decode(data, validate=True))} bytes"


# === Anthropic: what is asked ===

ANTHROPIC_MEMBERS = set(
    "model messages system max_tokens stream tools tool_choice thinking output_config temperature top_p top_k "
    "stop_sequences metadata service_tier container context_management mcp_servers inference_geo cache_control".split()
)


def anthropic_asks(body):
    """Checks a request as strictly as the real provider would, and says what it asks for."""
    _known(body, ANTHROPIC_MEMBERS)
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        raise Refused(400, "invalid_request_error", "max_tokens: Field required", "max_tokens")
    messages = _messages(body)
    found = {"text": "", "images": [], "tool_results": []}
    _anthropic_blocks(body.get("system") or [], "system", ("text",), found)
    open_calls = set()
    for index, message in enumerate(messages):
        at = f"messages.{index}"
        if set(message) - {"role", "content"}:
            raise Refused(400, "invalid_request_error", f"{at}: Extra inputs are not permitted: {sorted(message)}")
        role = message.get("role")
        found["tool_results"] = []
        if role == "assistant":
            kinds = ("text", "tool_use", "thinking", "redacted_thinking")
        elif role == "user":
            kinds = ("text", "image", "document", "tool_result")
        else:
            raise Refused(400, "invalid_request_error", f"{at}.role: {role!r} is not a role")
        blocks = _anthropic_blocks(message.get("content"), at, kinds, found)
        for block in blocks:
            if block["type"] == "tool_result" and block["tool_use_id"] not in open_calls:
                raise Refused(400, "invalid_request_error", f"{at}: answers no tool_use")
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if role == "user":
            found["text"] = "".join(block["text"] for block in blocks if block["type"] == "text")
    tools = body.get("tools") or []
    for tool in tools:
        if "input_schema" not in tool:
            raise Refused(400, "invalid_request_error", f"tools: {tool!r} has no input_schema")
    choice = body.get("tool_choice") or {"type": "auto"}
    names = [tool["name"] for tool in tools]
    if choice["type"] == "tool":
        names = [choice["name"]]
    found["tools"] = [] if choice["type"] == "none" else names
    found["json"] = bool((body.get("output_config") or {}).get("format"))
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens", 0)
        if not 1024 <= budget < body["max_tokens"]:
            raise Refused(400, "invalid_request_error", f"thinking.budget_tokens: {budget} is out of range")
    found["reasoning"] = thinking["type"] in ("enabled", "adaptive")
    return found


def _anthropic_blocks(content, at, kinds, found):
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list):
        raise Refused(400, "invalid_request_error", f"{at}.content: {content!r} is no content")
    for block in blocks:
        if block.get("type") not in kinds:
            raise Refused(400, "invalid_request_error", f"{at}.content: {block.get('type')!r} is no block here")
        if block["type"] == "text" and not block["text"] and at != "system":
            raise Refused(400, "invalid_request_error", f"{at}: text content blocks must be non-empty")
        if block["type"] == "image":
            source = block["source"]
            if source["type"] == "url":
                found["images"].append(f"url {source['url']}")
            else:
                size = len(base64.b64decode(source["data"], validate=True))
                found["images"].append(f"{source['media_type']}, {size} bytes")
        if block["type"] == "tool_use" and not isinstance(block["input"], dict):
            raise Refused(400, "invalid_request_error", f"{at}: tool_use.input must be an object")
        if block["type"] == "tool_result":
            said = block.get("content", "")
            inner = {"images": [], "tool_results": []}
            parts = _anthropic_blocks(said, f"{at}.tool_result", ("text", "image"), inner) if said else []
            found["tool_results"].append("".join(part["text"] for part in parts if part["type"] == "text"))
    return blocks


# === both ===


def _known(body, members):
    if not isinstance(body, dict):
        raise Refused(400, "invalid_request_error", "the body is no object")
    # Members that begin with `x_` are for tests of what passes unknown.
    strange = [name for name in body if name not in members and not name.startswith("x_")]
    if strange:
        raise Refused(400, "invalid_request_error", f"{strange[0]}: Extra inputs are not permitted", strange[0])


def _messages(body):
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "invalid_request_error", "messages: Field required", "messages")
    for message in messages:
        if not isinstance(message, dict):
            raise Refused(400, "invalid_request_error", f"messages: {message!r:.100} is no message", "messages")
    return messages


def openai_error(status, kind, message, param=None, code=None):
    error = {"message": message, "type": kind, "param": param, "code": code}
    return json.dumps({"error": error}, indent=2).encode()


def anthropic_error(status, kind, message):
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_upstream"}
    return json.dumps(error).encode()


# === OpenAI: what is answered ===

OPENAI_USAGE = (
    '{"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29, '
    '"prompt_tokens_details": {"cached_tokens": 4, "x_audio": 0}, '
    '"completion_tokens_details": {"reasoning_tokens": 3}}'
)


def openai_whole(model, answer):
    """The body of an answer that is not a stream."""
    message = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [_openai_call(*call) for call in answer.calls]
    finish = "tool_calls" if answer.calls else "stop"
    text = (
        '{\n  "id": "chatcmpl-upstream-1",\n  "object" : "chat.completion", "created": 1700000000,'
        f'\n  "model": {json.dumps(model)},'
        '\n  "choices": [ {"index": 0, "logprobs": null,'
        f' "message": {json.dumps(message)},\n   "finish_reason": "{finish}"}} ],'
        f'\n  "usage": {OPENAI_USAGE},'
        '\n  "x_vendor": {"ratio": 2.50, "big": 12345678901234567890, "e": 1E3, "caf\\u00e9": "\\/"},'
        '\n  "system_fingerprint": "fp_upstream"\n}\n'
    )
    return text.encode()


def _openai_call(ident, name, arguments):
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def openai_events(model, answer, include_usage):
    """The events of a stream, each as its bytes."""
    usage = ', "usage": null' if include_usage else ""
    head = (
        '"id": "chatcmpl-upstream-1", "object": "chat.completion.chunk", "created": 1700000000, '
        f'"model": {json.dumps(model)}, "system_fingerprint": "fp_upstream", "x_trace": 1.50'
    )

    def event(delta, finish=None):
        delta = delta if isinstance(delta, str) else json.dumps(delta)
        finish = f'"{finish}"' if finish else "null"
        choice = f'{{"index": 0,  "delta": {delta}, "logprobs": null, "finish_reason": {finish}}}'
        return f'data: {{{head}, "choices": [{choice}]{usage}}}\n\n'.encode()

    yield event({"role": "assistant", "content": "", "refusal": None})
    for piece in pieces(answer.reasoning, 7) if answer.reasoning else []:
        yield event({"reasoning_content": piece})
    for piece in answer.words() if answer.text else []:
        # One half as escapes, the other in UTF-8.
        yield event({"content": piece} if len(piece) % 2 else f'{{"content": {json.dumps(piece, ensure_ascii=False)}}}')
    for index, (ident, name, arguments) in enumerate(answer.calls):
        begin = {"index": index, "id": ident, "type": "function", "function": {"name": name, "arguments": ""}}
        yield event({"tool_calls": [begin]})
        for piece in pieces(arguments, 6):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield event({}, "tool_calls" if answer.calls else "stop")
    if include_usage:
        yield f'data: {{{head}, "choices": [], "usage": {OPENAI_USAGE}}}\n\n'.encode()
    yield b"data: [DONE]\n\n"


# === Anthropic: what is answered ===

ANTHROPIC_USAGE = '"input_tokens": 15, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4'


def anthropic_blocks(answer):
    blocks = []
    if answer.reasoning:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": SIGNATURE})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for ident, name, arguments in answer.calls:
        ident = ident.replace("call_", "toolu_")
        blocks.append({"type": "tool_use", "id": ident, "name": name, "input": json.loads(arguments)})
    return blocks


def anthropic_whole(model, answer):
    """The body of an answer that is not a stream."""
    stop = "tool_use" if answer.calls else "end_turn"
    text = (
        f'{{"model":{json.dumps(model)} , "id":"msg_upstream_1","type":"message","role":"assistant",'
        f'"content": {json.dumps(anthropic_blocks(answer))},'
        f'"stop_reason":"{stop}","stop_sequence":null,'
        f'"usage": {{{ANTHROPIC_USAGE}, "output_tokens": 10, "service_tier": "standard"}},'
        '"x_vendor":{"ratio": 2.50,"caf\\u00e9":"\\/"}}'
    )
    return text.encode()


def anthropic_events(model, answer, _include_usage=True):
    """The events of a stream, each as its bytes."""

    def event(kind, rest):
        return f'event: {kind}\ndata: {{"type":"{kind}", {rest} }}\n\n'.encode()

    yield event(
        "message_start",
        f'"message": {{"id":"msg_upstream_1","type":"message","role":"assistant","model":{json.dumps(model)},'
        f'"content":[],"stop_reason":null,"stop_sequence":null,"x_trace": 1.50,'
        f'"usage":{{{ANTHROPIC_USAGE}, "output_tokens":1}}}}',
    )
    for index, block in enumerate(anthropic_blocks(answer)):
        kind = block["type"]
        begin = {
            "text": {"type": "text", "text": ""},
            "thinking": {"type": "thinking", "thinking": "", "signature": ""},
            "tool_use": {**block, "input": {}},
        }[kind]
        yield event("content_block_start", f'"index":{index},"content_block":{json.dumps(begin)}')
        if index == 0:
            yield b'event: ping\ndata: {"type": "ping"}\n\n'
        if kind == "text":
            for piece in pieces(block["text"], 5):
                delta = {"type": "text_delta", "text": piece}
                yield event("content_block_delta", f'"index":{index},"delta":{json.dumps(delta, ensure_ascii=False)}')
        elif kind == "thinking":
            for piece in pieces(block["thinking"], 7):
                delta = {"type": "thinking_delta", "thinking": piece}
                yield event("content_block_delta", f'"index":{index},"delta":{json.dumps(delta)}')
            delta = {"type": "signature_delta", "signature": block["signature"]}
            yield event("content_block_delta", f'"index":{index},"delta":{json.dumps(delta)}')
        else:
            for piece in pieces(ARGUMENTS, 6):
                delta = {"type": "input_json_delta", "partial_json": piece}
                yield event("content_block_delta", f'"index":{index},"delta":{json.dumps(delta)}')
        yield event("content_block_stop", f'"index":{index}')
    stop = "tool_use" if answer.calls else "end_turn"
    yield event(
        "message_delta",
        f'"delta":{{"stop_reason":"{stop}","stop_sequence":null}},"usage":{{{ANTHROPIC_USAGE}, "output_tokens":10}}',
    )
    yield b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
