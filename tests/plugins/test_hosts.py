"""One plugin in each host, as an operator has it: by `path` in the config, replaced, broken, killed, hung."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest
from artefacts import put
from envelope import chat, error_of
from gateway import Gateway, binary, die_with_parent, free_port, get, post, standard_config
from raw import Raw

# Of each host: the ending of its file, and what its entry says besides.
HOSTS = {
    "wasm": (".wasm", {}),
    "native": (".so", {}),
    "isolated": (".so", {"isolation": "process"}),
    "program": ("", {}),
}
PROCESSES = ("isolated", "program")


class Guarded:
    """A gateway whose requests one plugin guards."""

    def __init__(self, start, upstream, directory, generations, host, **more):
        ending, entry = HOSTS[host]
        self.artefact, self.path = generations[ending], directory / f"guard{ending}"
        self.artefact.put(self.path, 1)
        self.entry = {"name": "guard", "path": str(self.path), "models": ["openai/*"], **entry, **more}
        self.gateway = start(standard_config(upstream.url, plugins=[self.entry]))

    def ask(self, text="hello", model="openai/fine", **more):
        body = {**chat(model), "messages": [{"role": "user", "content": text}]}
        status, _, answer = post(f"{self.gateway.url}/v1/chat/completions", body, **more)
        return status, answer.decode()

    def wait(self, status, text, seconds=15):
        """Waits until requests are answered so."""
        return eventually(lambda: self.ask(), lambda answer: answer[0] == status and text in answer[1], seconds)

    def ready(self):
        status, _, body = get(f"{self.gateway.url}/readyz")
        return status, body.decode()

    def metric(self, name):
        lines = get(f"{self.gateway.url}/metrics")[2].decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name)), None)

    def children(self):
        """The processes that the gateway started."""
        tasks = pathlib.Path(f"/proc/{self.gateway.process.pid}/task").iterdir()
        return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def eventually(look, fits, seconds=15):
    deadline = time.monotonic() + seconds
    while not fits(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
    return seen


@pytest.fixture
def guarded(start, upstream, tmp_path, generations):
    return lambda host, **more: Guarded(start, upstream, tmp_path, generations, host, **more)


@pytest.mark.parametrize("host", HOSTS)
def test_guards(guarded, host):
    guarded = guarded(host)
    status, body = guarded.ask("something forbidden")
    assert status == 403, body
    assert error_of("openai", body)["message"].find("it is forbidden") >= 0
    status, body = guarded.ask()
    assert status == 200 and "the code of generation 0001" in body, body
    # Who is not in its scope does not meet it.
    assert "You said" in guarded.ask("something forbidden", model="labelled/fine")[1]
    assert guarded.ready()[0] == 200
    assert len(guarded.children()) == (1 if host in PROCESSES else 0)
    assert guarded.gateway.stop() == 0


@pytest.mark.parametrize("host", HOSTS)
def test_new_files_are_taken(guarded, host):
    guarded = guarded(host)
    failed = []

    def requests():
        while not done.is_set():
            status, body = guarded.ask()
            if status != 200:
                failed.append((status, body))

    done, clients = threading.Event(), []
    for _ in range(2):
        clients.append(threading.Thread(target=requests))
        clients[-1].start()
    try:
        for number in range(2, 8):
            guarded.artefact.put(guarded.path, number)
            guarded.wait(200, f"the code of generation {number:04}")
    finally:
        done.set()
        for client in clients:
            client.join()
    assert not failed, failed[:3]
    eventually(guarded.children, lambda pids: len(pids) == (1 if host in PROCESSES else 0))
    assert guarded.metric("gatewright_native_libraries{state=\"retired\"}") == (6 if host == "native" else None)


@pytest.mark.parametrize("host", HOSTS)
def test_a_bad_file_leaves_the_one_before(guarded, host):
    guarded = guarded(host)
    good, generation = guarded.path.read_bytes(), guarded.metric("gatewright_plugin_set_generation")
    mark = len(guarded.gateway.log())
    put(guarded.path, good[: len(good) // 2])
    failures = 'gatewright_plugin_load_failures_total{plugin="guard"}'
    eventually(lambda: guarded.metric(failures), lambda failed: failed == 1)
    status, said = guarded.ready()
    assert status == 200 and "its new file was not taken" in said and "the one before goes on" in said, said
    assert guarded.ask()[0] == 200
    assert guarded.ask("something forbidden")[0] == 403
    assert guarded.metric("gatewright_plugin_set_generation") == generation
    assert guarded.metric('gatewright_config_reloads_total{result="partial"}') == 1
    assert guarded.metric('gatewright_plugin_load_failed{plugin="guard"}') == 1
    assert guarded.gateway.wait_log("nothing changed", after=mark)
    assert "the config was taken" not in guarded.gateway.log()[mark:]
    guarded.path.unlink()
    eventually(guarded.ready, lambda ready: "its file is gone" in ready[1])
    assert guarded.gateway.wait_log("a plugin's file is gone", after=mark)
    assert guarded.ask()[0] == 200
    guarded.artefact.put(guarded.path, 2)
    guarded.wait(200, "the code of generation 0002")
    assert json.loads(guarded.ready()[1]).get("pending", []) == []
    assert guarded.metric('gatewright_plugin_load_failed{plugin="guard"}') == 0


@pytest.mark.parametrize("host", HOSTS)
def test_the_same_file_again_changes_nothing(guarded, host):
    guarded = guarded(host)
    generation, mark = guarded.metric("gatewright_plugin_set_generation"), len(guarded.gateway.log())
    os.utime(guarded.path)
    guarded.artefact.put(guarded.path, 1)
    assert guarded.gateway.wait_log("nothing changed", after=mark)
    assert guarded.metric("gatewright_plugin_set_generation") == generation
    assert guarded.metric('gatewright_config_reloads_total{result="success"}') == 0


@pytest.mark.parametrize("host", PROCESSES)
def test_a_killed_process_is_back_soon(guarded, host):
    guarded = guarded(host)
    (before,) = guarded.children()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: guarded.metric('gatewright_plugin_restarts_total{plugin="guard"}'), lambda count: count == 1)
    guarded.wait(200, "the code of generation 0001")
    (after,) = guarded.children()
    assert after != before
    assert guarded.ask("something forbidden")[0] == 403


def test_a_process_that_cannot_come_back_keeps_the_gate_shut(guarded, tmp_path):
    """Its script works once, and then says what it was told in confidence."""
    guarded = guarded("program")
    once = tmp_path / "once"
    script = f"#!/bin/sh\nmkdir {once} || {{ echo no licence for $TOKEN >&2; exit 3; }}\nexec {guarded.path} \"$@\"\n"
    path = tmp_path / "script"
    put(path, script.encode())
    # Hooks of transport and access stand before all requests, whatever their model.
    hooks = ["check_input", "pre_llm"]
    entry = {**guarded.entry, "path": str(path), "environment": {"TOKEN": "env.TEST_HEADER"}, "hooks": hooks}
    guarded.gateway.write_config({**guarded.gateway.config, "plugins": [entry]})
    eventually(lambda: once.exists(), bool)
    guarded.wait(200, "the code of generation 0001")
    assert guarded.gateway.wait_log("the config was taken")
    # The process of the entry before is about to end.
    (pid,) = eventually(guarded.children, lambda pids: len(pids) == 1)
    os.kill(pid, signal.SIGKILL)
    status, body = guarded.wait(503, "plugin_unavailable")
    assert "licence" not in body, "what is wrong inside is not the client's business"
    status, said = eventually(guarded.ready, lambda ready: "no licence" in ready[1])
    assert status == 503 and "a guard is out" in said and "no licence for ***" in said, said
    assert guarded.metric('gatewright_plugin_away{plugin="guard"}') == 1
    # Requests outside of its scope go on.
    assert guarded.ask(model="labelled/fine")[0] == 200
    once.rmdir()
    guarded.wait(200, "the code of generation 0001", seconds=30)


def test_a_script_that_was_refused_is_not_started_in_the_place_of_the_one_before(guarded, tmp_path):
    guarded = guarded("program")
    path = tmp_path / "script"
    put(path, f"#!/bin/sh\nexec {guarded.path}\n".encode())
    guarded.gateway.write_config({**guarded.gateway.config, "plugins": [{**guarded.entry, "path": str(path)}]})
    assert guarded.gateway.wait_log("the config was taken")
    (pid,) = eventually(guarded.children, lambda pids: len(pids) == 1)
    put(path, b"#!/bin/sh\nexit 3\n")
    eventually(guarded.ready, lambda ready: "its new file was not taken" in ready[1])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: guarded.metric('gatewright_plugin_restarts_total{plugin="guard"}'), lambda count: count == 1)
    guarded.wait(200, "the code of generation 0001")
    assert guarded.ask("something forbidden")[0] == 403


def test_a_text_is_no_program(start, upstream, tmp_path):
    path, ran = tmp_path / "guard", tmp_path / "ran"
    put(path, f"touch {ran}\n".encode())
    gateway = start(standard_config(upstream.url, plugins=[{"name": "guard", "path": str(path)}]))
    assert "is a text file and no program" in get(f"{gateway.url}/readyz")[2].decode()
    assert not ran.exists(), "no shell was given it"


@pytest.mark.parametrize("host", PROCESSES)
def test_processes_end_with_the_gateway(guarded, host):
    guarded = guarded(host)
    (pid,) = guarded.children()
    guarded.gateway.kill()
    eventually(lambda: pathlib.Path(f"/proc/{pid}").exists(), lambda there: not there, seconds=5)


def test_the_environment_is_what_the_config_says(guarded, start, upstream, tmp_path):
    guarded = guarded("program")
    seen, path = tmp_path / "seen", tmp_path / "script"
    put(path, f"#!/bin/sh\nenv > {seen}.part; echo \"$@\" >> {seen}.part; mv {seen}.part {seen}\nexec {guarded.path}\n".encode())
    more = {"environment": {"PLAIN": "a b", "TOKEN": "env.TEST_HEADER"}, "arguments": ["--level", "3 4"]}
    gateway = start(standard_config(upstream.url, plugins=[{**guarded.entry, "path": str(path), **more}]))
    lines = seen.read_text().splitlines()
    names = {line.split("=")[0] for line in lines[:-1]}
    shell = {"PWD", "_", "SHLVL", "OLDPWD"}
    assert {name for name in names if not name.startswith("GATEWRIGHT_")} - shell == {"PLAIN", "TOKEN"}
    assert "PLAIN=a b" in lines and f"TOKEN={gateway.secrets['TEST_HEADER']}" in lines
    assert lines[-1] == "--level 3 4"


def test_a_process_elsewhere(start, upstream, examples):
    # The path of a socket has at most 107 bytes.
    path = pathlib.Path(f"/tmp/gatewright-test-{os.getpid()}-{time.monotonic_ns()}.sock")

    def serve():
        process = subprocess.Popen([examples / "generation_program", "--listen", f"unix://{path}"], stderr=subprocess.DEVNULL)
        eventually(lambda: connects(path), bool)
        return process

    served = serve()
    try:
        entry = {"name": "guard", "path": f"grpc+unix://{path}", "models": ["openai/*"]}
        gateway = start(standard_config(upstream.url, plugins=[entry]))

        def ask(text="hello"):
            body = {**chat("openai/fine"), "messages": [{"role": "user", "content": text}]}
            return post(f"{gateway.url}/v1/chat/completions", body)

        assert ask()[0] == 200 and ask("forbidden")[0] == 403
        served.kill()
        served.wait()
        eventually(lambda: ask()[0], lambda status: status == 503)
        eventually(lambda: get(f"{gateway.url}/readyz")[0], lambda status: status == 503)
        path.unlink(missing_ok=True)
        served = serve()
        eventually(lambda: ask()[0], lambda status: status == 200, seconds=30)
    finally:
        served.kill()
        served.wait()
        path.unlink(missing_ok=True)


def connects(path):
    with socket.socket(socket.AF_UNIX) as stream:
        try:
            stream.connect(str(path))
        except OSError:
            return False
        return True


def sleeper(examples, hook, milliseconds, **more):
    """The entry of a library that hangs so long at a hook, in requests of the id `hang`."""
    script = {"hooks": {hook: [{"sleep": milliseconds}]}, "only": "hang"}
    return {
        "name": "sleeper", "path": str(examples / "libevery_hook.so"), "config": script, "hooks": [hook],
        "timeout_seconds": 0.2, "models": ["openai/*"], "permissions": ["records"], **more,
    }  # fmt: skip


@pytest.mark.parametrize("isolation", [{}, {"isolation": "process"}])
def test_a_library_that_hangs_shuts_its_own_gate_alone(start, upstream, examples, isolation):
    entry = sleeper(examples, "check_input", 4000, failure_mode="fail_closed", **isolation)
    gateway = start(standard_config(upstream.url, plugins=[entry]))
    url = f"{gateway.url}/v1/chat/completions"
    status, _, body = post(url, chat("openai/fine"))
    assert status == 200, body
    for _ in range(3):
        status, _, body = post(url, chat("openai/fine"), headers={"x-request-id": "hang"})
        assert status == 503 and error_of("openai", body)["type"] == "plugin_unavailable"
    assert gateway.wait_log("plugin failed, and may not be missed")
    line = next(line for line in gateway.log().splitlines() if "may not be missed" in line)
    assert "timed out: it may take 200ms" in line and "request_id" in line and "hang" in line, line
    # Nobody else waits for it: not those beside it, and not those that it would guard.
    for _ in range(20):
        begun = time.monotonic()
        assert post(url, chat("labelled/fine"))[0] == 200
        assert time.monotonic() - begun < 2
    if not isolation:
        status, _, body = get(f"{gateway.url}/readyz")
        assert status == 503 and b"quarantine" in body, body
        assert post(url, chat("openai/fine"))[0] == 503
        metrics = get(f"{gateway.url}/metrics")[2].decode()
        assert 'gatewright_plugin_calls_given_up_total{plugin="sleeper"} 2' in metrics, metrics
    eventually(lambda: post(url, chat("openai/fine"))[0], lambda status: status == 200, seconds=40)


def test_an_isolated_library_that_never_comes_back_is_ended_and_started_again(start, upstream, examples):
    entry = sleeper(examples, "check_input", 600_000, failure_mode="fail_closed", isolation="process")
    gateway = start(standard_config(upstream.url, plugins=[entry]))
    url = f"{gateway.url}/v1/chat/completions"
    for _ in range(2):
        assert post(url, chat("openai/fine"), headers={"x-request-id": "hang"})[0] == 503
    gateway.wait_log("that took too long have not come back: its process is ended")
    eventually(lambda: post(url, chat("openai/fine"))[0], lambda status: status == 200, seconds=20)
    metrics = get(f"{gateway.url}/metrics")[2].decode()
    restarts = next(line for line in metrics.splitlines() if line.startswith("gatewright_plugin_restarts_total"))
    assert not restarts.endswith(" 0"), restarts


def test_a_call_in_place_that_hangs_holds_no_other_request(start, upstream, examples):
    entry = sleeper(examples, "check_input", 6000, inline=True, failure_mode="fail_closed")
    gateway = start(standard_config(upstream.url, plugins=[entry], server={"workers": 1}))
    path, url = "/v1/chat/completions", f"{gateway.url}/v1/chat/completions"
    with Raw(gateway) as hung, Raw(gateway) as streaming, Raw(gateway) as other:
        assert other.request(path, chat("openai/fine")).answer()[0] == 200
        streaming.request(path, chat("openai/pace-20-100", stream=True))
        hung.request(path, chat("openai/fine"), headers=["x-request-id: hang"])
        begun = time.monotonic()
        # On the connections that the one worker has, and on new ones; those that the plugin guards, and the others.
        for _ in range(10):
            for model in ("labelled/fine", "openai/fine"):
                assert other.request(path, chat(model)).answer()[0] == 200
                assert post(url, chat(model))[0] == 200
        status, _, body = streaming.answer()
        assert status == 200 and body.rstrip().endswith(b"data: [DONE]")
        assert time.monotonic() - begun < 5, "nobody waited for the call that hangs"
        assert hung.answer()[0] == 503
    assert "gatewright_worker_threads_held_total 1" in get(f"{gateway.url}/metrics")[2].decode()
    gateway.wait_log("a hook holds a worker's thread")


def test_a_call_in_place_that_hangs_holds_nothing_of_its_own_connection(start, upstream, examples):
    entry = sleeper(examples, "check_input", 4000, inline=True)
    gateway = start(standard_config(upstream.url, plugins=[entry], server={"workers": 1}))
    script = pathlib.Path(__file__).parents[1] / "support" / "multiplexed.mjs"
    ids = ["first", "hang", *(f"beside-{number}" for number in range(8))]
    asked = subprocess.run(["node", script, gateway.url, "openai/fine", *ids], check=True, text=True, capture_output=True, timeout=60)
    answers = [json.loads(line) for line in asked.stdout.splitlines()]
    assert {answer["status"] for answer in answers} == {200} and len(answers) == len(ids)
    assert answers[-1]["id"] == "hang" and answers[-1]["ms"] >= 4000
    assert all(answer["ms"] < 3500 for answer in answers[:-1]), answers


def test_a_call_in_place_that_hangs_while_the_gateway_drains_holds_no_other_request(start, upstream, examples):
    entry = sleeper(examples, "post_request", 2500, inline=True)
    gateway = start(standard_config(upstream.url, plugins=[entry], server={"workers": 1}))
    path = "/v1/chat/completions"
    with Raw(gateway) as hung, Raw(gateway) as streaming:
        hung.request(path, chat("openai/pace-100-8", stream=True), headers=["x-request-id: hang"])
        streaming.request(path, chat("labelled/pace-50-60", stream=True))
        assert upstream.wait(lambda upstream: len(upstream.chats()) == 2 and all(asked.sent for asked in upstream.chats()))
        gateway.signal(signal.SIGTERM)
        came, gaps = b"", []
        while b"data: [DONE]" not in came:
            begun = time.monotonic()
            more = streaming.sock.recv(65536)
            gaps.append(time.monotonic() - begun)
            assert more, "the stream was cut off"
            came += more
    assert max(gaps) < 1.5, "the stream waited for the call that hangs"
    gateway.wait_log("a hook holds a worker's thread")


def test_a_library_that_comes_to_be_called_in_place_is_so_on_new_connections(start, upstream, examples):
    entry = sleeper(examples, "check_input", 2000)
    gateway = start(standard_config(upstream.url, plugins=[entry], server={"workers": 1}))
    path = "/v1/chat/completions"
    with Raw(gateway) as old:
        assert old.request(path, chat("openai/fine")).answer()[0] == 200
        gateway.write_config({**gateway.config, "plugins": [{**entry, "inline": True}]})
        gateway.wait_log("the config was taken")
        # Its worker has one thread, which a call that hangs would hold: it is given up, as on a lane.
        begun = time.monotonic()
        assert old.request(path, chat("openai/fine"), headers=["x-request-id: hang"]).answer()[0] == 200
        assert time.monotonic() - begun < 1.5
        with Raw(gateway) as new:
            begun = time.monotonic()
            new.request(path, chat("openai/fine"), headers=["x-request-id: hang"])
            assert old.request(path, chat("openai/fine")).answer()[0] == 200
            assert new.answer()[0] == 200 and time.monotonic() - begun > 1.5
            gateway.wait_log("sheltered workers take the new connections")


def running(path, log, *more):
    """`plugin run` of a plugin, and where it listens."""
    port = free_port()
    command = [binary(), "plugin", "run", path, "--port", str(port), *more]
    return subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent), f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("host", ["wasm", "native", "program"])
def test_a_plugin_that_runs_is_taken_anew_when_its_file_is_built(generations, tmp_path, host):
    ending = HOSTS[host][0]
    artefact, path = generations[ending], tmp_path / f"guard{ending}"
    artefact.put(path, 1)

    def asked():
        try:
            return post(f"{url}/v1/chat/completions", chat("demo/echo"))
        except OSError:
            return 0, {}, b""

    with open(tmp_path / "log", "wb") as log:
        process, url = running(path, log)
    try:
        eventually(asked, lambda answer: b"generation 0001" in answer[2], seconds=60)
        put(path, path.read_bytes()[:1000])
        eventually(lambda: get(f"{url}/readyz"), lambda ready: b"its new file was not taken" in ready[2])
        assert b"generation 0001" in asked()[2], "a build that is broken leaves the one before"
        artefact.put(path, 2)
        eventually(asked, lambda answer: b"generation 0002" in answer[2], seconds=60)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("host", ["wasm", "native", "program"])
def test_a_plugin_that_does_not_start_with_its_config_is_not_run(generations, tmp_path, host):
    ending = HOSTS[host][0]
    path = tmp_path / f"guard{ending}"
    generations[ending].put(path, 1)
    with open(tmp_path / "log", "wb") as log:
        process, _ = running(path, log, "--config", '{"fails": true}')
    assert process.wait(60) == 1
    said = (tmp_path / "log").read_text()
    assert "plugin `generation` did not start: " in said and "it was told to fail" in said, said


BAD = {
    "no file": ("none.so", None, "there is no file"),
    "a text": ("text.so", b"hello", "is not a shared library"),
    "a script": ("script.so", b"#!/bin/sh\n", "it is a script"),
    "empty": ("empty.so", b"", "is empty"),
    "no interpreter": ("program", b"#!/no/such/python3\n", "names the interpreter `/no/such/python3` in its first line, which is missing"),
    "no program": ("program", b"#!/bin/sh\n", "is not executable"),
    "no address": ("http://somewhere:80", None, "is no address of a plugin's process"),
    "no component": ("text.wasm", b"hello", "is no WASM component"),
}


def validated(entry, upstream, directory):
    """What `validate` says of a config with this plugin."""
    gateway = Gateway(standard_config(upstream.url, plugins=[entry]), directory=directory)
    gateway.write_config(gateway.config)
    command = [binary(), "validate", "--config", gateway.config_path]
    done = subprocess.run(command, env={**os.environ, **gateway.secrets}, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("what", BAD)
def test_validate_says_what_is_wrong(what, tmp_path, upstream):
    path, content, sentence = BAD[what]
    if content is not None:
        (tmp_path / path).write_bytes(content)
    code, said = validated({"name": "guard", "path": path}, upstream, tmp_path)
    assert code == 1 and sentence in said and "plugins[0].path" in said, said


# Of a component: its name, what its entry says besides, how it ends, and what is said of it.
TRIED = {
    "right": ("cost_alerter", {"config": {"threshold": 0.5}}, 0, ": valid ("),
    "no config": ("cost_alerter", {}, 1, "plugins[0].config: its config: missing field `threshold`"),
    "a wrong config": ("cost_alerter", {"config": {"threshold": -1}}, 1, "plugins[0].config: "),
    "no permission": ("webhook_notifier", {"config": {"url": "https://example.com"}}, 1, "the permission `http`, which is not granted: add {\"http\": [\"HOST\"]} to `permissions`"),
    "no such hook": ("cost_alerter", {"config": {"threshold": 0.5}, "hooks": ["auth"]}, 1, "plugins[0].hooks[0]: the plugin has no `auth`"),
}


def test_a_host_that_is_not_allowed_is_named_with_what_would_allow_it(start, upstream, components):
    entry = {"name": "hook", "path": str(components("webhook_notifier")), "config": {"url": "https://api.example.com/x"}}
    entry["permissions"] = [{"http": ["other.example.com"]}]
    gateway = start(standard_config(upstream.url, plugins=[entry]))
    assert post(f"{gateway.url}/v1/chat/completions", chat("openai/fine"))[0] == 200
    assert gateway.wait_log("api.example.com is not among the hosts that the plugin may reach"), gateway.log()
    assert "is not granted" not in gateway.log()


@pytest.mark.parametrize("host", ["native", "isolated"])
def test_a_permission_that_is_missing_is_named_with_what_would_grant_it(start, upstream, examples, host):
    """As for a component, which does not load without."""
    entry = {"name": "hook", "path": str(examples / "libwebhook_notifier.so"), **HOSTS[host][1]}
    entry["config"] = {"url": "https://api.example.com/x"}
    gateway = start(standard_config(upstream.url, plugins=[entry]))
    assert post(f"{gateway.url}/v1/chat/completions", chat("openai/fine"))[0] == 200
    assert gateway.wait_log("permission `http` is not granted: a POST request; add {"), gateway.log()
    assert "to `permissions` of its entry in the config" in gateway.log()


@pytest.mark.parametrize("what", TRIED)
def test_validate_tries_a_component(what, components, tmp_path, upstream):
    name, more, expected, sentence = TRIED[what]
    code, said = validated({"name": "tried", "path": str(components(name)), **more}, upstream, tmp_path)
    assert code == expected and sentence in said, said
