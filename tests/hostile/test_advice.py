"""What `validate` takes, `serve` takes; what does nothing, somebody is told of."""

import json
import os
import subprocess

import pytest
from gateway import binary, secret

ADDRESS = "http://127.0.0.1:9/v1"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"
KEY = {"name": "a", "value": "env.TEST_KEY"}


def run(command, tmp_path, config):
    """Exit code and output. A `serve` that is still there after a while has started, and is ended."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    command = [binary(), command, "--config", file]
    command += ["--app-dir", tmp_path / "app"] if command[1] == "serve" else []
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TEST_KEY": secret("key")}
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=20 if command[1] == "validate" else 3)
    except subprocess.TimeoutExpired:
        process.terminate()
        output, _ = process.communicate(timeout=15)
    return process.returncode, output


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"keys": [{**KEY, "enabled": False}]}, "providers.up.keys: none of the keys is enabled"),
        ({"network": {"extra_headers": {"Content-Type": "a/b"}}}, "extra_headers.Content-Type: belongs to the connection"),
        ({"network": {"ca_cert_pem": CERTIFICATE}}, "`ca_cert_pem` is not a certificate"),
        ({"keys": [{**KEY, "enabled": False}, {**KEY, "name": "b"}]}, None),
    ],
)
def test_validate_and_serve_agree(tmp_path, provider, words):
    address = ADDRESS.replace("http", "https") if "ca_cert_pem" in str(provider) else ADDRESS
    config = {"providers": {"up": {"base_url": address, **provider}}, "server": {"port": 0}}
    for command in ("validate", "serve"):
        code, output = run(command, tmp_path, config)
        assert (code == 0) == (words is None), output
        assert (words or "") in output


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"routes": ["/v1/chat/completion"]}, "routes[0]: `/v1/chat/completion` is no endpoint; did you mean `/v1/chat/completions`?"),
        ({"apps": ["biling"]}, "apps[0]: no key of `auth` is for the application `biling`; did you mean `billing`?"),
        ({"apps": ["team-*"]}, "apps[0]: is an application's id and no pattern"),
        ({"routes": ["/v1/*", "/openai/models"], "apps": ["billing"]}, None),
    ],
)
def test_a_guard_that_would_stand_nowhere_is_warned_of(tmp_path, entry, words):
    guard = {"name": "jailbreak_detector", **entry}
    config = {"plugins": [guard], "auth": {"keys": [{**KEY, "app": "billing"}]}}
    code, output = run("validate", tmp_path, config)
    assert code == 0, output
    assert f"warning: plugins[0].{words}" in output if words else "warning" not in output, output


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("cost_alerter", {"threshold": 1, "curency": "EUR"}, "unknown field `curency`, expected `threshold`"),
        ("request_logger", {"level": "debug"}, "unknown field `level`"),
        ("telemetry", {"level": "debug"}, "unknown field `level`"),
        ("jailbreak_detector", {"custom_pattern": ["a"]}, "unknown field `custom_pattern`, expected `custom_patterns`"),
        ("webhook_notifier", {"url": ADDRESS, "event": ["on_error"]}, "unknown field `event`"),
        ("webhook_notifier", {"url": ADDRESS, "events": ["on_eror"]}, "events[0]: unknown variant `on_eror`"),
        ("webhook_notifier", {"url": ADDRESS, "events": []}, "events: must not be empty"),
    ],
)
def test_a_member_that_a_plugin_does_not_have_is_named(tmp_path, name, config, words):
    code, output = run("validate", tmp_path, {"plugins": [{"name": name, "config": config}]})
    assert code != 0
    assert "plugins[0].config: " in output and words in output, output
