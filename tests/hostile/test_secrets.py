"""Credentials are in no answer and in no line of the log, at the most talkative level, whatever goes wrong."""

import pytest
from envelope import PATHS, chat
from gateway import get, key, post, provider, secret, standard_config


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_nothing_is_told(start, upstream, style):
    clients = {"TEST_CLIENT": secret("client"), "TEST_HOOK_TOKEN": secret("hook")}
    config = standard_config(
        upstream.url,
        log_level="trace",
        log_style=style,
        auth={"keys": [{"name": "client", "value": "env.TEST_CLIENT"}]},
        plugins=[{"name": "request_logger"}, {"name": "jailbreak_detector"}],
    )
    gateway = start(config, env=clients)
    answers = []

    def ask(path, body, **headers):
        _, head, answer = post(gateway.url + path, body, headers, timeout=20)
        answers.append(repr(head) + answer.decode(errors="replace"))

    bearer = {"authorization": f"Bearer {clients['TEST_CLIENT']}"}
    models = ["openai/fine", "anthropic/fine", "rotating/fine", "revoked/fine", "dead/x", "labelled/fine", "nobody/x"]
    models += ["fault-reset", "fault-html", "fault-garbage", "fault-mid-error", "fault-cut", "fault-500", "fault-echo-key"]
    for path in PATHS.values():
        for model in models:
            for stream in (False, True):
                ask(path, chat(model, stream=stream), **bearer)
        ask(path, b'{"model": ', **bearer)
        ask(path, chat("openai/fine"), **{"x-api-key": clients["TEST_CLIENT"] + "x"})
    for path in ("/health", "/readyz", "/metrics", "/v1/models", "/nowhere", f"/v1/models?key={clients['TEST_CLIENT']}"):
        _, head, body = get(gateway.url + path, bearer)
        answers.append(repr(head) + body.decode())
    # A bad config is explained without its values.
    config["providers"]["openai"]["keys"][0]["weight"] = "heavy"
    config["auth"]["keys"].append({"name": "client", "value": clients["TEST_HOOK_TOKEN"], "nme": 1})
    gateway.write_config(config)
    gateway.wait_log("weight")
    gateway.stop()

    told = [name for name, value in gateway.secrets.items() for text in answers if value in text]
    assert not told, f"answers hold {set(told)}"
    log = gateway.log()
    told = [name for name, value in gateway.secrets.items() if value in log]
    assert not told, f"the log holds {told}"
    assert len(log) > 1000


def test_literal_keys(start, upstream):
    """A key that stands in the file itself is warned of, not shown."""
    literal = secret("literal")
    config = standard_config(upstream.url)
    config["providers"]["literal"] = provider("openai", upstream.url, [{"name": "plain", "value": literal}])
    gateway = start(config)
    gateway.secrets = {**gateway.secrets, "literal": literal}
    assert post(gateway.url + PATHS["openai"], chat("literal/fine"))[0] == 200
    assert upstream.last().key == literal
    assert gateway.wait_log("providers.literal.keys")


def test_process_is_not_told_about_either(start):
    """Secrets come by the environment, never by the command line."""
    gateway = start()
    with open(f"/proc/{gateway.process.pid}/cmdline", "rb") as file:
        line = file.read().decode()
    assert not [name for name, value in gateway.secrets.items() if value in line]


def test_base_url_with_a_password(start, upstream):
    """Refused at the start, without repeating it."""
    config = standard_config(upstream.url)
    password = secret("password")
    config["providers"]["openai"]["base_url"] = f"http://user:{password}@127.0.0.1:1/v1"
    config["providers"]["other"] = provider("openai", upstream.url, [key("TEST_OPENAI_KEY")])
    with pytest.raises(RuntimeError) as raised:
        start(config)
    assert "base_url" in str(raised.value)
    assert password not in str(raised.value)
