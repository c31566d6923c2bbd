"""A provider that quotes what it was sent, at any moment: nobody is told of keys, or of headers that are secrets."""

import contextlib
import http.server
import json
import threading

import pytest
from envelope import PATHS, chat
from gateway import KEYS, key, post, provider

CHUNK = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "so far"}}]}


class Quoting(http.server.BaseHTTPRequestHandler):
    """Refuses what it is asked, in the words of the request: at once, or in the middle of a stream."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        sent = f"{self.headers['authorization']} and {self.headers['x-secret']} of team {self.headers['x-team']}"
        error = {"error": {"message": f"refused: {sent}", "type": "server_error", "code": self.headers["x-secret"]}}
        if asked["model"] == "at-once":
            return self.answer(500, "application/json", json.dumps(error))
        events = [CHUNK, CHUNK, error]
        self.answer(200, "text/event-stream", "".join(f"data: {json.dumps(event)}\n\n" for event in events))

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def quoting():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quoting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("model", ["at-once", "in-the-middle"])
def test_nothing_is_told(start, quoting, dialect, model):
    headers = {"x-secret": "env.TEST_HEADER", "x-team": "search-and-rank"}
    up = provider("openai", quoting, [key("TEST_OPENAI_KEY")], extra_headers=headers)
    gateway = start({"providers": {"up": up}, "detect_providers": False, "log_level": "debug"})
    _, _, body = post(gateway.url + PATHS[dialect], chat(f"up/{model}", stream=model != "at-once"))
    told = body.decode()
    assert (model == "at-once") != ("so far" in told), told
    assert "refused: Bearer *** and *** of team search-and-rank" in told, "what is no secret helps"
    assert not [name for name, value in KEYS.items() if value in told], told
