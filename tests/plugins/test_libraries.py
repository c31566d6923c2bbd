"""Native libraries that are loaded, live and end in ways that could take the gateway with them."""

import subprocess
from secrets import token_hex

import pytest
from envelope import chat
from gateway import ROOT, get, post, standard_config

SOURCE = ROOT / "tests/plugins/libraries/life.c"


@pytest.fixture
def library(tmp_path):
    """Compiles `life.c` with these macros: the file."""

    def compiled(*macros):
        out = tmp_path / f"life{'-'.join(('', *macros)).lower()}.so"
        flags = [f"-D{macro}" for macro in macros]
        command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-w", "-I", ROOT / "include", *flags, "-o", out, SOURCE]
        subprocess.run(command, check=True)
        return out

    return compiled


def entry(path, name="life", **config):
    return {"name": name, "path": str(path), "config": config}


def ask(gateway):
    return post(f"{gateway.url}/v1/chat/completions", chat("openai/fine"))[0]


def test_a_secret_that_was_replaced_is_still_one(start, upstream, library):
    # Of no shape by which they are known.
    phrases = {f"TEST_PHRASE_{number}": f"phrase {token_hex(8)}" for number in (1, 2, 3)}
    plugin = entry(library(), motto="env.TEST_PHRASE_1")
    gateway = start(standard_config(upstream.url, plugins=[plugin]), env=phrases)
    assert ask(gateway) == 200
    assert gateway.wait_log("***")
    # A config that is refused, and with it another secret: the instance goes on with its own.
    bad = entry("/nowhere.so", name="nowhere")
    gateway.write_config(standard_config(upstream.url, plugins=[{**plugin, "config": {"motto": "env.TEST_PHRASE_2"}}, bad]))
    assert gateway.wait_log("the config was not taken", seconds=10)
    assert ask(gateway) == 200
    # One that is taken: the instance before says its last words after that.
    gateway.write_config(standard_config(upstream.url, plugins=[{**plugin, "config": {"motto": "env.TEST_PHRASE_3"}}]))
    assert gateway.wait_log("the config was taken", seconds=10)
    assert ask(gateway) == 200
    assert gateway.stop() == 0
    assert gateway.log().count("***") >= 4
    # That none of them is in the log is looked at when the gateway is closed.


def test_the_end_waits_for_that_of_a_library(start, upstream, library, tmp_path):
    ended = tmp_path / "ended"
    gateway = start(standard_config(upstream.url, plugins=[entry(library(), file=str(ended))]))
    assert ask(gateway) == 200
    assert gateway.stop() == 0
    assert ended.exists(), "`destroy` was cut short"


def test_a_gateway_in_the_environment_of_a_plugin_loads_libraries(start, upstream, library, tmp_path):
    environment = {"GATEWRIGHT_PLUGIN_SOCKET": str(tmp_path / "socket"), "GATEWRIGHT_PLUGIN_COOKIE": token_hex(8)}
    gateway = start(standard_config(upstream.url, plugins=[entry(library())]), env=environment)
    assert ask(gateway) == 200


def test_a_library_that_never_ends_is_left_as_it_is(start, upstream, library):
    gateway = start(standard_config(upstream.url, plugins=[entry(library("NEVER_ENDS"))]))
    assert ask(gateway) == 200
    assert gateway.stop(seconds=15) == 0
    assert "native plugins have not ended" in gateway.log()


@pytest.mark.parametrize(
    ("macro", "says"), [("HANGS", "its constructors or its entry hang"), ("CRASHES", "opened first by signal 6")]
)
def test_constructors_that_hang_or_crash_harm_nobody_else(start, upstream, library, macro, says):
    good = entry(library(), name="good")
    bad = {**entry(library(macro), name="bad"), "failure_mode": "fail_open", "hooks": ["check_input"]}
    gateway = start(standard_config(upstream.url, plugins=[good, bad]))
    assert says in gateway.log()
    assert ask(gateway) == 200
    assert says in get(f"{gateway.url}/readyz")[2].decode()
    # Again, by a reload.
    gateway.write_config(standard_config(upstream.url, plugins=[good, {**bad, "config": {"another": 1}}]))
    assert gateway.wait_log(says, seconds=20, after=len(gateway.log()))
    assert ask(gateway) == 200
    assert gateway.stop() == 0
