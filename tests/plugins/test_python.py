"""Processes in Python with gRPC's own library: the example, and one that asks its host."""

import json
import sys

import pytest
from envelope import chat
from gateway import ROOT, post, standard_config
from grpc_tools import protoc


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """The folder of what protoc makes of the proto."""
    folder = tmp_path_factory.mktemp("generated")
    made = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", f"-I{ROOT / 'proto'}", *made, "gatewright/plugin/v1/plugin.proto"]) == 0
    return folder


@pytest.fixture
def program(tmp_path, generated):
    """An entry of a script that this Python runs."""

    def made(script, **entry):
        file = tmp_path / script.name
        file.write_text(f"#!{sys.executable}\n{script.read_text()}")
        file.chmod(0o755)
        return {"name": script.stem, "path": str(file), "environment": {"PYTHONPATH": str(generated)}, **entry}

    return made


def ask(gateway, text):
    return post(f"{gateway.url}/v1/chat/completions", chat("openai/fine", messages=[{"role": "user", "content": text}]))


def test_the_example_guards(start, upstream, program):
    words = program(ROOT / "examples/plugins/python/plugin.py", config={"words": ["tulip"]})
    gateway = start(standard_config(upstream.url, plugins=[words]))
    assert ask(gateway, "a rose")[0] == 200
    status, _, body = ask(gateway, "a tulip")
    assert status == 403 and b"The prompt holds tulip" in body
    # The conversation comes twice, and gRPC takes 4 MiB unless it is told.
    assert ask(gateway, "a rose " * 500_000)[0] == 200
    assert ask(gateway, "a rose " * 500_000 + "tulip")[0] == 403


def test_the_host_answers_what_is_asked(start, upstream, program):
    asks = program(ROOT / "tests/plugins/python/asks.py", permissions=["kv"], timeout_seconds=30)
    gateway = start(standard_config(upstream.url, plugins=[asks]))
    for count in (1, 2):
        assert ask(gateway, "hello")[0] == 200
        assert gateway.wait_log(f"told {count}")
        [told] = [json.loads(line)["fields"] for line in gateway.log().splitlines() if f"told {count}" in line]
        assert told == {
            "count": count,
            "values": 40,
            "texts": [["user", "hello", 0]],
            "stranger": "UNAUTHENTICATED",
            "call": "FAILED_PRECONDITION",
            "method": "UNIMPLEMENTED",
            "compressed": "UNIMPLEMENTED",
        }
