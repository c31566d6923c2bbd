"""The command line: what is wrong is said in words, with the path to it, and the exit code tells a script."""

import json
import os
import subprocess

import pytest
from gateway import KEYS, binary, free_port, standard_config


def run(tmp_path, *arguments, config=None, env=None, seconds=20):
    """Runs a command to its end; answers exit code and all output."""
    if config is not None:
        path = tmp_path / "config.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        arguments = [*arguments, "--config", str(path)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **KEYS, **(env or {})}
    done = subprocess.run(
        [str(binary()), *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=seconds
    )
    assert "panicked at" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_version(tmp_path):
    code, output = run(tmp_path, "version")
    assert code == 0
    assert "0." in output


def test_help(tmp_path):
    code, output = run(tmp_path, "--help")
    assert code == 0
    for word in ("serve", "validate", "version"):
        assert word in output
    code, output = run(tmp_path, "serve", "--help")
    for flag in ("--config", "--host", "--port", "--app-dir", "--log-level", "--log-style"):
        assert flag in output


def test_validate_good(tmp_path):
    code, output = run(tmp_path, "validate", config=standard_config("http://127.0.0.1:1"))
    assert code == 0, output


@pytest.mark.parametrize(
    "change, words",
    [
        ({"provders": {}}, ["provders", "providers"]),
        ({"plugins": [{"name": "jailbreak_detector", "enbled": True}]}, ["plugins[0].enbled", "enabled"]),
        ({"plugins": [{"name": "jailbrake_detector"}]}, ["jailbreak_detector"]),
        ({"plugins": [{"name": "jailbreak_detector", "timeout_seconds": 0}]}, ["plugins[0].timeout_seconds"]),
        ({"plugins": [{"name": "jailbreak_detector", "hooks": ["chek_input"]}]}, ["plugins[0].hooks[0]", "check_input"]),
        ({"log_level": "loud"}, ["log_level"]),
        ({"server": {"port": 99999}}, ["server.port"]),
        ({"default_provider": "opnai"}, ["default_provider"]),
        ({"fallbacks": {"*": ["nobody"]}}, ["fallbacks"]),
        ({"auth": {"keys": [{"name": "a", "value": "env.TEST_OPNAI_KEY"}]}}, ["TEST_OPNAI_KEY", "TEST_OPENAI_KEY"]),
    ],
)
def test_validate_bad(tmp_path, change, words):
    code, output = run(tmp_path, "validate", config={**standard_config("http://127.0.0.1:1"), **change})
    assert code == 1, output
    for word in words:
        assert word in output, output


def test_validate_tells_all_at_once(tmp_path):
    config = {"log_level": "loud", "server": {"port": -1}, "provders": {}}
    code, output = run(tmp_path, "validate", config=config)
    assert code == 1
    for word in ("log_level", "server.port", "provders"):
        assert word in output


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": 1, "a": 2}', "\x00", '{"plugins": [' * 10_000])
def test_validate_malformed(tmp_path, text):
    code, output = run(tmp_path, "validate", config=text)
    assert code == 1
    assert output.strip()


def test_validate_warns_of_a_guard_that_fails_open(tmp_path):
    guard = {"name": "jailbreak_detector", "failure_mode": "fail_open"}
    code, output = run(tmp_path, "validate", config=standard_config("http://127.0.0.1:1", plugins=[guard]))
    assert code == 0, output
    assert "fail_open" in output


def test_validate_missing_file(tmp_path):
    code, output = run(tmp_path, "validate", "--config", str(tmp_path / "not-there.json"))
    assert code == 1
    assert "not-there.json" in output


@pytest.mark.parametrize("command", ["validate", "serve"])
@pytest.mark.parametrize("wrong", ["{", '{"log_level": "loud"}', '{"plugins": [{"name": "nobody"}]}'])
def test_the_file_that_is_wrong_is_named(tmp_path, command, wrong):
    """Whether it cannot be read, or does not fit what is there."""
    code, output = run(tmp_path, command, config=wrong)
    assert code == 1
    assert f"{tmp_path / 'config.json'} cannot be used:\n" in output, output


def test_serve_refuses_a_bad_config(tmp_path):
    code, output = run(tmp_path, "serve", config={"provders": {}})
    assert code != 0
    assert "provders" in output


@pytest.mark.parametrize("flags", [["--host", "0.0.0.0"], ["--host", "::"]])
def test_beyond_loopback_needs_keys(tmp_path, flags):
    code, output = run(tmp_path, "serve", *flags, "--port", str(free_port()), config={"detect_providers": False})
    assert code != 0
    assert "auth" in output


def test_port_in_use(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, output = run(tmp_path, "serve", "--port", port, config={"detect_providers": False})
    assert code != 0
    assert port in output


@pytest.mark.parametrize("arguments", [["srve"], ["serve", "--prt", "1"], ["serve", "--port", "x"], ["serve", "--log-level", "loud"]])
def test_bad_arguments(tmp_path, arguments):
    code, output = run(tmp_path, *arguments)
    assert code != 0
    assert output.strip()


def test_environment_in_place_of_flags(tmp_path, start):
    """`--port` and the like can be set by the environment."""
    code, output = run(tmp_path, "serve", "--help")
    assert "GATEWRIGHT_PORT" in output and "GATEWRIGHT_CONFIG" in output


def test_start_banner(start):
    """It says what it found, which plugins run, and what to try."""
    gateway = start({}, env={})
    log = gateway.log()
    assert "demo" in log
    assert "telemetry" in log
    assert "curl" in log
    assert str(gateway.port) in log
