"""The gateway's binary as a child process, with a config of its own."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary():
    """The binary under test: `GATEWRIGHT_BIN`, or the newest that was built here."""
    if named := os.environ.get("GATEWRIGHT_BIN"):
        return pathlib.Path(named).resolve()
    built = [path for path in ROOT.glob("target/*/gatewright") if path.is_file()]
    if not built:
        raise FileNotFoundError("no gateway: build it (cargo build -p gatewright-cli) or set GATEWRIGHT_BIN")
    return max(built, key=lambda path: path.stat().st_mtime)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def secret(name):
    """A credential that can be told from everything else in a log."""
    return f"sk-{name}-{secrets.token_hex(12)}"


KEYS = {
    "TEST_OPENAI_KEY": secret("openai"),
    "TEST_ANTHROPIC_KEY": secret("anthropic"),
    "TEST_EXHAUSTED_KEY": secret("exhausted"),
    "TEST_REVOKED_KEY": secret("revoked"),
    "TEST_SPARE_KEY": secret("spare"),
    "TEST_HEADER": secret("header"),
}


def provider(kind, url, keys, **network):
    """A provider's entry; tries once unless `network` says otherwise."""
    return {
        "type": kind,
        "base_url": f"{url}/v1" if kind == "openai" else url,
        "keys": keys,
        "network": {"max_retries": 0, "retry_backoff_initial_ms": 20, "retry_backoff_max_ms": 100, **network},
    }


def key(variable, **more):
    name = variable.removeprefix("TEST_").removesuffix("_KEY").lower()
    return {"name": name, "value": f"env.{variable}", **more}


def standard_config(upstream, **more):
    """A config with providers of both dialects at the scripted upstream, in several tempers."""
    exhausted_first = [key("TEST_EXHAUSTED_KEY", weight=1000), key("TEST_SPARE_KEY", weight=0.001)]
    impatient = {"first_byte_timeout_ms": 700, "stream_idle_timeout_seconds": 0.7}
    openai, anthropic = [key("TEST_OPENAI_KEY")], [key("TEST_ANTHROPIC_KEY")]
    providers = {
        "openai": {**provider("openai", upstream, openai), "models": ["gpt-test", "gpt-mini"]},
        "anthropic": {**provider("anthropic", upstream, anthropic), "models": ["claude-test"]},
        "retrying": provider("openai", upstream, openai, max_retries=3),
        "retrying-anthropic": provider("anthropic", upstream, anthropic, max_retries=3),
        "rotating": provider("openai", upstream, exhausted_first, max_retries=3),
        "rotating-anthropic": provider("anthropic", upstream, exhausted_first, max_retries=3),
        "revoked": provider("openai", upstream, [key("TEST_REVOKED_KEY")]),
        "impatient": provider("openai", upstream, openai, **impatient),
        "impatient-anthropic": provider("anthropic", upstream, anthropic, **impatient),
        "dead": provider("openai", f"http://127.0.0.1:{free_port()}", openai, connect_timeout_ms=500),
        "dead-anthropic": provider("anthropic", f"http://127.0.0.1:{free_port()}", anthropic, connect_timeout_ms=500),
        "labelled": provider("openai", upstream, openai, extra_headers={"x-label": "one", "x-secret": "env.TEST_HEADER"}),
    }
    return {
        "providers": providers,
        "default_provider": "openai",
        "detect_providers": False,
        "fallbacks": {
            "dead/rescued": ["openai/gpt-test"],
            "dead/rescued-across": ["anthropic/claude-test"],
            "dead/lost": ["dead/also-lost"],
        },
        "log_level": "debug",
        **more,
    }


def die_with_parent():
    """Has the kernel end this process when the tests end without having done so."""
    with contextlib.suppress(OSError, AttributeError):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Gateway:
    """A running gateway. Use it as a context manager, or `start` and `stop` it."""

    def __init__(self, config, env=None, arguments=(), directory=None):
        self.config, self.arguments = config, list(arguments)
        self.own_directory = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="gatewright-test-"))
        self.config_path = self.directory / "config.json"
        self.log_path = self.directory / "output.log"
        self.secrets = {**KEYS, **(env or {})}
        self.port = None
        self.process = None

    # --- its life ---

    def start(self, ready="/livez", seconds=20):
        self.write_config(self.config)
        for _ in range(3):
            self.port = free_port()
            if self._start_once(ready, seconds):
                return self
        raise RuntimeError(f"the gateway did not start:\n{self.log()[-4000:]}")

    def _start_once(self, ready, seconds):
        command = [str(binary()), "serve", "--config", str(self.config_path), "--port", str(self.port)]
        command += ["--app-dir", str(self.directory / "app"), *self.arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "RUST_BACKTRACE": "1", **self.secrets}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.directory,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if get(self.url + ready, timeout=2)[0] == 200:
                    return True
            except OSError:
                time.sleep(0.01)
        self.kill()
        return False

    def stop(self, seconds=10):
        """Ends it as an operator would; answers its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                # A stream of a test may still be open: ask again, then insist.
                self.signal(signal.SIGTERM)
                try:
                    self.process.wait(2)
                except subprocess.TimeoutExpired:
                    self.kill()
        return self.process.returncode

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def close(self):
        """Stops it, looks for secrets and panics in what it wrote, and removes its directory."""
        self.stop()
        log = self.log()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        told = [name for name, value in self.secrets.items() if value in log]
        assert not told, f"the log holds secrets: {told}"
        assert "panicked at" not in log, log[max(0, log.find("panicked at") - 500) :][:3000]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def signal(self, number):
        self.process.send_signal(number)

    # --- what it is told and tells ---

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def write_config(self, config):
        """Replaces the config in one step, as a careful operator does; a text is written as it is."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        partial = self.directory / "config.json.new"
        partial.write_text(text)
        partial.replace(self.config_path)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text, seconds=5.0, after=0):
        """Waits until `text` stands in its output beyond the first `after` characters."""
        deadline = time.monotonic() + seconds
        while not (found := text in self.log()[after:]) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def peak(self):
        """The most memory it had since its start or the last `forget_peak`, in bytes, as the kernel counts it."""
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return int(fields["VmHWM"].split()[0]) * 1024

    def forget_peak(self):
        """Makes `peak` begin anew, and answers the memory that it has now."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.peak()


def get(url, headers=None, timeout=10):
    """Status, headers (lower case) and body of a GET."""
    return ask("GET", url, b"", headers or {}, timeout)


def post(url, body, headers=None, timeout=30):
    """Status, headers (lower case) and body of a POST of JSON or of bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask("POST", url, data, {"content-type": "application/json", **(headers or {})}, timeout)


def ask(method, url, body, headers, timeout):
    """Sends a request on a connection of its own; reads the answer also where it came before all was sent."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    with contextlib.closing(connection):
        connection.putrequest(method, parts.path + (f"?{parts.query}" if parts.query else ""))
        for name, value in {"content-length": str(len(body)), "connection": "close", **headers}.items():
            connection.putheader(name, value)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(body)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
