"""What operators and their tools see: models, health, metrics, request ids, traces, client keys."""

import json
import re
import time

import anthropic
import openai
import pytest
from dialects import said
from gateway import free_port, get, key, post, provider, secret, standard_config
from routes import user

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CHAT = {"model": "openai/gpt-test", "messages": user("hello")}
MESSAGE = {"model": "openai/gpt-test", "messages": user("hello"), "max_tokens": 5}


# === models ===


@pytest.mark.parametrize("path", ["/v1", "/openai/v1"])
def test_models_openai(gateway, path):
    client = openai.OpenAI(base_url=gateway.url + path, api_key="x")
    models = list(client.models.list())
    assert {"openai/gpt-test", "openai/gpt-mini", "anthropic/claude-test"} <= {model.id for model in models}
    assert {model.object for model in models} == {"model"}


def test_models_anthropic(gateway):
    client = anthropic.Anthropic(base_url=f"{gateway.url}/anthropic", api_key="x")
    page = client.models.list()
    assert {"openai/gpt-test", "anthropic/claude-test"} <= {model.id for model in page.data}
    assert {model.type for model in page.data} == {"model"}
    assert page.has_more is False
    assert list(client.models.list()) == page.data


def test_models_anthropic_at_the_root(gateway):
    """Where both dialects share a path, the client's headers tell them apart."""
    client = anthropic.Anthropic(base_url=gateway.url, api_key="x")
    page = client.models.list()
    assert "anthropic/claude-test" in {model.id for model in page.data}
    assert {model.type for model in page.data} == {"model"}


def test_listed_models_can_be_asked(gateway):
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x")
    for model in client.models.list():
        answer = client.chat.completions.create(model=model.id, messages=user("hello"))
        assert answer.choices[0].message.content == said("hello")


# === health and metrics ===


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
def test_health(gateway, path):
    status, headers, body = get(gateway.url + path)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["status"] in ("ok", "ready")


def test_metrics(gateway, upstream):
    post(f"{gateway.url}/v1/chat/completions", {**CHAT, "model": "openai/counted"})
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status, headers, body = get(f"{gateway.url}/metrics")
        if b'"counted"' in body:
            break
        time.sleep(0.05)
    assert status == 200
    assert headers["content-type"].split(";")[0] in ("text/plain", "application/openmetrics-text")
    text = body.decode()
    assert re.search(r'gatewright_requests_total\{[^}]*model="counted"[^}]*\} 1', text)
    assert re.search(r'gen_ai_client_token_usage_sum\{[^}]*"counted"[^}]*\} (19|10)', text)
    for family in ("gatewright_plugin_calls", "gatewright_active_requests", "gatewright_request_overhead_seconds"):
        assert family in text, family
    assert_prometheus(text)


def assert_prometheus(text):
    """Each line is one that Prometheus can read."""
    sample = re.compile(r'^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? \S+( # .*)?$')
    # Python knows more ends of lines, and other tests' models have them in their names.
    for line in text.removesuffix("\n").split("\n"):
        assert line.startswith("#") or sample.match(line), line


@pytest.mark.parametrize("method, path", [("GET", "/v1/chat/completions"), ("POST", "/v1/models"), ("GET", "/v1/messages")])
def test_wrong_method(gateway, method, path):
    answer = get(gateway.url + path) if method == "GET" else post(gateway.url + path, {})
    assert answer[0] == 405
    assert answer[1]["allow"] in ("GET", "POST")
    assert json.loads(answer[2])["error"]["type"] == "invalid_request"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/unknown", "/openai/v1/messages", "/anthropic/v1/chat/completions"])
def test_unknown_path(gateway, path):
    status, headers, body = post(gateway.url + path, CHAT)
    assert status == 404
    error = json.loads(body)
    assert error["error"]["type"] == "not_found"
    assert ("type" in error) == path.startswith("/anthropic/")


# === ids, traces, headers ===


@pytest.mark.parametrize("path, body", [("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGE)])
@pytest.mark.parametrize("stream", [False, True])
def test_response_headers(gateway, path, body, stream):
    status, headers, _ = post(gateway.url + path, {**body, "stream": stream})
    assert status == 200
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-request-id"])
    assert 0 <= int(headers["x-gatewright-overhead-us"]) < 5_000_000
    assert headers["x-upstream-request-id"] == "req_upstream"
    assert "server" not in headers or "upstream" not in headers["server"]


def test_request_id_goes_through(gateway, upstream):
    for path, body in [("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGE)]:
        _, headers, _ = post(gateway.url + path, body, {"x-request-id": "my-id.42"})
        assert headers["x-request-id"] == "my-id.42"
        assert upstream.last().header("x-request-id") == "my-id.42"
    _, headers, body = post(f"{gateway.url}/v1/chat/completions", b"{", {"x-request-id": "my-id.43"})
    assert headers["x-request-id"] == json.loads(body)["error"]["request_id"] == "my-id.43"


@pytest.mark.parametrize("bad", ["x" * 129, "two words", ""])
def test_request_id_that_is_none(gateway, bad):
    _, headers, _ = post(f"{gateway.url}/v1/chat/completions", CHAT, {"x-request-id": bad})
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-request-id"])


def test_request_ids_of_sdks(gateway):
    """Both SDKs show it, so that a user's report can be found in the log."""
    answer = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x").chat.completions.create(
        **CHAT, extra_headers={"x-request-id": "from-openai"}
    )
    assert answer._request_id == "from-openai"
    answer = anthropic.Anthropic(base_url=gateway.url, api_key="x").messages.create(
        **MESSAGE, extra_headers={"x-request-id": "from-anthropic"}
    )
    assert answer._request_id == "from-anthropic"


def test_traceparent(gateway, upstream):
    for path, body in [("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGE)]:
        post(gateway.url + path, body, {"traceparent": TRACE, "tracestate": "vendor=1"})
        passed = upstream.last().header("traceparent")
        assert re.fullmatch(r"00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01", passed)
        assert upstream.last().header("tracestate") == "vendor=1"


def test_beta_headers(gateway, upstream):
    client = anthropic.Anthropic(base_url=gateway.url, api_key="x")
    client.messages.create(**{**MESSAGE, "model": "anthropic/m"}, extra_headers={"anthropic-beta": "some-beta-1"})
    assert upstream.last().header("anthropic-beta") == "some-beta-1"
    assert upstream.last().header("anthropic-version") == client.default_headers["anthropic-version"]


# === clients' keys ===


@pytest.fixture
def keyed(start, the_upstream):
    keys = {"TEST_CLIENT_A": secret("client-a"), "TEST_CLIENT_B": secret("client-b")}
    auth = [{"name": "a", "value": "env.TEST_CLIENT_A"}, {"name": "b", "value": "env.TEST_CLIENT_B", "enabled": False}]
    return start(standard_config(the_upstream.url, auth={"keys": auth}), env=keys), keys


def test_client_keys(keyed, upstream):
    gateway, keys = keyed

    def ask_openai(api_key):
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=api_key, max_retries=0)
        return client.chat.completions.create(**CHAT)

    def ask_anthropic(api_key):
        client = anthropic.Anthropic(base_url=gateway.url, api_key=api_key, max_retries=0)
        return client.messages.create(**MESSAGE)

    assert ask_openai(keys["TEST_CLIENT_A"]).choices
    assert ask_anthropic(keys["TEST_CLIENT_A"]).content
    assert post(f"{gateway.url}/v1/messages", MESSAGE, {"x-api-key": keys["TEST_CLIENT_A"]})[0] == 200
    count = len(upstream.chats())
    for wrong in ("wrong", keys["TEST_CLIENT_B"], keys["TEST_CLIENT_A"][:-1], keys["TEST_CLIENT_A"] + "x"):
        with pytest.raises(openai.AuthenticationError) as raised:
            ask_openai(wrong)
        assert raised.value.type == "authentication"
        assert wrong not in str(raised.value)
        with pytest.raises(anthropic.AuthenticationError) as raised:
            ask_anthropic(wrong)
        assert raised.value.type == "authentication"
    assert post(f"{gateway.url}/v1/chat/completions", CHAT)[0] == 401
    assert get(f"{gateway.url}/v1/models")[0] == 401
    assert len(upstream.chats()) == count
    assert get(f"{gateway.url}/livez")[0] == 200


# === without a config ===


def test_demo(start):
    """Nothing set: the demo answers both SDKs, streaming too."""
    gateway = start({})
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x")
    assert client.chat.completions.create(model="demo", messages=user("hello")).choices[0].message.content
    chunks = client.chat.completions.create(model="any", messages=user("hello"), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    client = anthropic.Anthropic(base_url=gateway.url, api_key="x")
    with client.messages.stream(model="demo", max_tokens=50, messages=user("hello")) as stream:
        assert "".join(stream.text_stream)


def test_providers_of_the_environment(start, upstream):
    keys = {"OPENAI_API_KEY": secret("found-openai"), "ANTHROPIC_API_KEY": secret("found-anthropic")}
    addresses = {"OPENAI_BASE_URL": f"{upstream.url}/v1", "ANTHROPIC_BASE_URL": upstream.url}
    gateway = start({}, env={**keys, **addresses, "NO_PROXY": "*"})
    # The addresses are no secrets; `close` must not look for them in the log.
    gateway.secrets = keys
    for provider_name, variable in [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")]:
        status, _, _ = post(f"{gateway.url}/v1/chat/completions", {**CHAT, "model": f"{provider_name}/m"})
        assert status == 200
        assert upstream.last().key == keys[variable]


def test_http2_upstream_setting_is_taken(start, the_upstream):
    """A provider that must speak HTTP/2 and does not is an upstream error, not a hang."""
    config = standard_config(the_upstream.url)
    config["providers"]["h2"] = provider("openai", the_upstream.url, [key("TEST_OPENAI_KEY")], enforce_http2=True)
    gateway = start(config)
    status, _, body = post(f"{gateway.url}/v1/chat/completions", {**CHAT, "model": "h2/m"}, timeout=20)
    assert status in (502, 504), body


def test_dead_provider_alone(start):
    config = {"providers": {"only": provider("openai", f"http://127.0.0.1:{free_port()}", [key("TEST_OPENAI_KEY")])},
              "detect_providers": False}
    gateway = start(config, ready="/readyz")
    status, _, body = post(f"{gateway.url}/v1/chat/completions", {**CHAT, "model": "anything"})
    assert (status, json.loads(body)["error"]["type"]) == (502, "upstream")
