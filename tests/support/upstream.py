#!/usr/bin/env python3
"""A scripted upstream: a provider that speaks OpenAI chat completions and Anthropic messages, and misbehaves on demand.

It answers what the request asks for (tools, images, JSON, reasoning; see `dialects.py`), refuses what the real provider
would refuse, and keeps each request with its raw bytes and what it was sent. The model's name chooses anything else:

    pace-MS-COUNT              streams COUNT pieces, MS milliseconds apart
    split                      streams in TCP pieces of 7 bytes, whatever the events
    comments                   streams with comments and CRLF line ends among the events
    unended                    streams without the line ends behind the last event
    totals                     streams the usage so far with every chunk, if it is asked for
    large                      answers with 1 MiB of text
    flood                      streams 256 MiB, as fast as it can, in events of 64 KiB
    fault-status-N[-once]      answers status N with an error envelope; `once`: the first time only
    fault-429                  fault-status-429-once with `retry-after: 0`
    fault-500                  fault-status-500
    fault-html                 200 and an HTML page; fault-html-502: the same with 502
    fault-empty, fault-json    200 and nothing; 200 and the beginning of a JSON object
    fault-garbage              bytes that are not HTTP
    fault-hang                 never answers; fault-hang-stream: falls silent after some events
    fault-reset                resets the connection at once; fault-reset-stream: after some events
    fault-cut                  ends the connection in the middle of a chunk; fault-cut-clean: between two, without `[DONE]`
    fault-first-chunk-error    200, and an error as the first event; -once: the first time only
    fault-mid-error            an error behind some events
    fault-long-line            one line of 10 MiB
    fault-endless-line         a line that does not end, up to 200 MiB
    fault-echo-key             401, repeating the credential in the message

A credential that contains `exhausted` gets 429 always, one that contains `revoked` 401.

`GET /_requests` shows what came, `POST /_clear` forgets it. As a program it prints its address as one line of JSON and
runs until its standard input ends. Standard library only.
"""

import base64
import json
import re
import select
import socket
import struct
import sys
import threading
import time

import dialects
from dialects import Refused

# Enough for text in either dialect, and not all of it.
SOME = 6
LONG_LINE = 10 << 20
FLOOD_EVENTS = 4096
ENDLESS_LINE = 200 << 20


class ClientGone(Exception):
    """The client closed its connection before the answer was through."""


class Record:
    """A request, and what became of it."""

    def __init__(self, connection, method, path, headers, body):
        self.connection, self.method, self.path, self.headers, self.body = connection, method, path, headers, body
        self.at = time.monotonic()
        self.status = None
        self.sent = b""
        self.done = threading.Event()
        self.closed_early = False
        self.ended_at = None

    def header(self, name):
        """The value of a header; `None` if it is not there."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def key(self):
        """The credential that came along."""
        bearer = self.header("authorization") or ""
        return bearer[len("Bearer ") :] if bearer.startswith("Bearer ") else self.header("x-api-key")

    def to_json(self):
        return {
            "connection": self.connection,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body_base64": base64.b64encode(self.body).decode(),
            "status": self.status,
            "sent_base64": base64.b64encode(self.sent[: 1 << 20]).decode(),
            "done": self.done.is_set(),
            "closed_early": self.closed_early,
        }


class Upstream:
    """The server; `start` it, read `requests`, `stop` it."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests = []
        self.lock = threading.Lock()
        self.counts = {}
        self.connections = 0
        self.idle = set()
        self.stopped = False

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        self.stopped = True
        self.listener.close()

    def clear(self):
        """Forgets all requests and what was done once."""
        with self.lock:
            self.requests, self.counts = [], {}

    def chats(self):
        """The requests to the two chat endpoints."""
        return [record for record in list(self.requests) if record.method == "POST"]

    def last(self):
        return self.chats()[-1]

    def finished(self, seconds=5.0):
        """The last request, once all of its answer is in the record: a client may hold the end of it a moment before."""
        record = self.last()
        assert record.done.wait(seconds), "the upstream is still writing"
        return record

    def wait(self, condition, seconds=5.0):
        """Waits until `condition(self)` holds; answers what it answered."""
        deadline = time.monotonic() + seconds
        while not (found := condition(self)) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def close_idle(self):
        """Closes the connections that wait for a next request, as a provider does that restarts."""
        for connection in list(self.idle):
            connection.shutdown(socket.SHUT_RDWR)

    def first_time(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            return self.counts[what] == 1

    def _accept(self):
        while not self.stopped:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=Connection(self, connection, self.connections).run, daemon=True).start()


class Connection:
    """One connection of a client, kept alive between requests."""

    def __init__(self, upstream, sock, number):
        self.upstream, self.sock, self.number = upstream, sock, number
        self.file = sock.makefile("rb")
        self.record = None

    def run(self):
        try:
            while self._one_request():
                pass
        except (ClientGone, OSError, ValueError):
            pass
        finally:
            self.file.close()
            self.sock.close()

    # --- in ---

    def _one_request(self):
        self.upstream.idle.add(self.sock)
        try:
            line = self.file.readline(65536)
        finally:
            self.upstream.idle.discard(self.sock)
        if not line:
            return False
        method, path, _ = line.decode("latin-1").split()
        headers = []
        while (line := self.file.readline(65536)) not in (b"\r\n", b""):
            name, value = line.decode("latin-1").split(":", 1)
            headers.append([name, value.strip()])
        record = Record(self.number, method, path, headers, b"")
        record.body = self._read_body(record)
        if path.startswith("/_"):
            return self._control(record)
        with self.upstream.lock:
            self.upstream.requests.append(record)
        self.record = record
        try:
            self._answer(record)
            return True
        except ClientGone:
            record.closed_early = True
            return False
        except (BrokenPipeError, ConnectionResetError):
            record.closed_early = True
            return False
        finally:
            record.ended_at = time.monotonic()
            record.done.set()

    def _read_body(self, record):
        if (record.header("transfer-encoding") or "").lower() == "chunked":
            body = b""
            while size := int(self.file.readline().split(b";")[0], 16):
                body += self.file.read(size)
                self.file.readline()
            while self.file.readline() not in (b"\r\n", b""):
                pass
            return body
        return self.file.read(int(record.header("content-length") or 0))

    # --- out ---

    def send(self, data):
        self.sock.sendall(data)

    def whole(self, status, body, kind="application/json", extra=()):
        self.record.status, self.record.sent = status, body
        lines = [f"HTTP/1.1 {status} Scripted", f"content-type: {kind}", f"content-length: {len(body)}"]
        lines += ["x-request-id: req_upstream", "request-id: req_upstream", *extra]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def begin_stream(self, kind="text/event-stream; charset=utf-8"):
        self.record.status = 200
        lines = ["HTTP/1.1 200 OK", f"content-type: {kind}", "cache-control: no-cache", "transfer-encoding: chunked"]
        lines += ["x-request-id: req_upstream", "request-id: req_upstream"]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def chunk(self, data):
        self.send(b"%x\r\n%b\r\n" % (len(data), data))
        self.record.sent += data

    def end_stream(self):
        self.send(b"0\r\n\r\n")

    def pause(self, seconds):
        """Waits, and notices if the client goes away meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([self.sock], [], [], min(left, 1.0))
            if readable:
                if not self.sock.recv(1, socket.MSG_PEEK):
                    raise ClientGone
                time.sleep(min(left, 0.01))

    def reset(self):
        """Closes with a reset in place of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.file.close()
        self.sock.close()
        raise OSError("reset")

    def hang_up(self):
        """Closes in good order, in the middle of whatever it was."""
        self.sock.shutdown(socket.SHUT_RDWR)
        raise OSError("hung up")

    # --- what is answered ---

    def _control(self, record):
        self.record = record
        if record.path == "/_clear":
            self.upstream.clear()
            self.whole(200, b"{}")
        elif record.path == "/_requests":
            shown = [request.to_json() for request in self.upstream.chats()]
            self.whole(200, json.dumps(shown).encode())
        else:
            self.whole(404, b"{}")
        return True

    def _answer(self, record):
        path = record.path.split("?")[0]
        if path.endswith("/chat/completions"):
            Chat(self, record, OpenAi).run()
        elif path.endswith("/v1/messages"):
            Chat(self, record, Anthropic).run()
        else:
            self.whole(404, dialects.openai_error(404, "invalid_request_error", f"no such path: {path}"))


class OpenAi:
    asks = staticmethod(dialects.openai_asks)
    whole = staticmethod(dialects.openai_whole)
    events = staticmethod(dialects.openai_events)
    KINDS = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}

    @staticmethod
    def error(status, kind, message, param=None):
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        return dialects.openai_error(status, kind, message, param, code)

    @staticmethod
    def error_event(message):
        body = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
        return f"data: {json.dumps(body)}\n\n".encode()

    @staticmethod
    def check_head(record):
        if not record.key:
            raise Refused(401, "invalid_request_error", "You didn't provide an API key.")


class Anthropic:
    asks = staticmethod(dialects.anthropic_asks)
    whole = staticmethod(dialects.anthropic_whole)
    events = staticmethod(dialects.anthropic_events)
    KINDS = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        529: "overloaded_error",
    }

    @staticmethod
    def error(status, kind, message, param=None):
        return dialects.anthropic_error(status, kind, message)

    @staticmethod
    def error_event(message):
        body = {"type": "error", "error": {"type": "overloaded_error", "message": message}}
        return f"event: error\ndata: {json.dumps(body)}\n\n".encode()

    @staticmethod
    def check_head(record):
        if not record.key:
            raise Refused(401, "authentication_error", "Authorization or x-api-key header is required")
        if not record.header("anthropic-version"):
            raise Refused(400, "invalid_request_error", "anthropic-version: header is required")


class Chat:
    """One request to a chat endpoint."""

    def __init__(self, connection, record, dialect):
        self.connection, self.record, self.dialect = connection, record, dialect

    def run(self):
        try:
            self.dialect.check_head(self.record)
            try:
                body = json.loads(self.record.body)
            except ValueError:
                raise Refused(400, "invalid_request_error", "We could not parse the JSON body of your request.")
            asked = self.dialect.asks(body)
            model = body.get("model")
            if not isinstance(model, str):
                raise Refused(400, "invalid_request_error", "model: Field required", "model")
        except Refused as refused:
            return self.refuse(refused)
        self.model, self.body, self.asked = model, body, asked
        self.stream = body.get("stream") is True
        self.key_trouble() or self.fault() or self.good()

    def refuse(self, refused, extra=()):
        body = self.dialect.error(refused.status, refused.kind, refused.message, refused.param)
        self.connection.whole(refused.status, body, extra=extra)
        return True

    def status(self, status, message, extra=()):
        kind = self.dialect.KINDS.get(status, "invalid_request_error")
        return self.refuse(Refused(status, kind, message), extra)

    def key_trouble(self):
        if "exhausted" in self.record.key:
            return self.status(429, "Rate limit reached for this key.", ["retry-after: 0"])
        if "revoked" in self.record.key:
            return self.status(401, "Incorrect API key provided.")
        return False

    # --- good answers ---

    def events(self):
        options = self.body.get("stream_options") or {}
        answer = dialects.answer_to(self.asked, self.model)
        if paced := re.fullmatch(r"pace-(\d+)-(\d+)", self.model):
            answer.text = "".join(f"{number:04} " for number in range(int(paced[2])))
        if self.model == "large":
            answer.text = "0123456789abcdef" * (1 << 16)
        return list(self.dialect.events(self.model, answer, bool(options.get("include_usage"))))

    def good(self):
        connection = self.connection
        if not self.stream:
            answer = dialects.answer_to(self.asked, self.model)
            if self.model == "large":
                answer.text = "0123456789abcdef" * (1 << 16)
            connection.whole(200, self.dialect.whole(self.model, answer))
            return
        events = self.events()
        paced = re.fullmatch(r"pace-(\d+)-(\d+)", self.model)
        pace = int(paced[1]) / 1000 if paced else 0
        if self.model == "comments":
            mixed = [b": a comment\n\n", b":\r\n\r\n"]
            events = [mixed[index % 2] + event.replace(b"\n", b"\r\n") if index % 3 else event
                      for index, event in enumerate(events)]
        connection.begin_stream()
        if self.model == "flood":
            whole = events[SOME] + events[SOME].replace(b"data:", b"data: " + b" " * 65536)
            for _ in range(FLOOD_EVENTS):
                connection.send(b"%x\r\n%b\r\n" % (len(whole), whole))
        if self.model == "unended":
            events[-1] = events[-1].rstrip()
        if self.model == "totals":
            usage = b'"usage": {"prompt_tokens": 1, "completion_tokens": 1}'
            events = [event.replace(b'"usage": null', usage) for event in events]
        if self.model == "split":
            whole = b"".join(events)
            events = [whole[at : at + 7] for at in range(0, len(whole), 7)]
        for event in events:
            if pace:
                connection.pause(pace)
            connection.chunk(event)
        connection.end_stream()

    # --- bad ones ---

    def fault(self):
        """Whether the model's name asks for one, which then has been done."""
        model, connection, first = self.model, self.connection, self.connection.upstream.first_time
        model = {"fault-500": "fault-status-500"}.get(model, model)
        if model == "fault-429":
            return first(model) and self.status(429, "Rate limit reached, slow down.", ["retry-after: 0"])
        if told := re.fullmatch(r"fault-status-(\d+)(-once)?", model):
            if told[2] and not first(model):
                return False
            return self.status(int(told[1]), f"the upstream says {told[1]}")
        if model == "fault-first-chunk-error-once" and not first(model):
            return False
        name = model.removesuffix("-once").replace("-", "_")
        action = getattr(self, name, None) if model.startswith("fault-") else None
        if action is None:
            return False
        action()
        return True

    def fault_html(self, status=200):
        page = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
        self.connection.whole(status, page, kind="text/html")

    def fault_html_502(self):
        self.fault_html(502)

    def fault_empty(self):
        self.connection.whole(200, b"", kind="text/event-stream" if self.stream else "application/json")

    def fault_json(self):
        if not self.stream:
            return self.connection.whole(200, b'{"id": "x", "choices": [{"mess')
        self.connection.begin_stream()
        self.connection.chunk(b'data: {"id": "x", "choices": [{"mess\n\n')
        self.connection.end_stream()

    def fault_garbage(self):
        self.connection.send(b"\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n")
        self.connection.hang_up()

    def fault_hang(self):
        self.connection.pause(120)

    def fault_hang_stream(self):
        self.some_events()
        self.connection.pause(120)

    def fault_reset(self):
        self.connection.reset()

    def fault_reset_stream(self):
        self.some_events()
        self.connection.pause(0.2)
        self.connection.reset()

    def fault_cut(self):
        connection = self.connection
        if not self.stream:
            body = self.dialect.whole(self.model, dialects.answer_to(self.asked, self.model))
            lines = ["HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(body)}"]
            connection.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body[: len(body) // 2])
            connection.hang_up()
        events = self.some_events()
        # A chunk that announces the whole event and brings half of it.
        connection.send(b"%x\r\n%b" % (len(events[SOME]), events[SOME][: len(events[SOME]) // 2]))
        connection.hang_up()

    def fault_cut_clean(self):
        self.some_events()
        self.connection.end_stream()

    def fault_first_chunk_error(self):
        if not self.stream:
            return self.status(500, "the upstream is out of order")
        self.connection.begin_stream()
        self.connection.chunk(self.dialect.error_event("the upstream is out of order"))
        self.connection.end_stream()

    def fault_mid_error(self):
        self.some_events()
        self.connection.chunk(self.dialect.error_event("the upstream broke in the middle"))
        self.connection.end_stream()

    def fault_long_line(self):
        answer = dialects.Answer()
        answer.text = "x"
        if not self.stream:
            self.connection.whole(200, self.dialect.whole(self.model, answer).replace(b'"x"', b'"%b"' % (b"x" * LONG_LINE)))
            return
        self.connection.begin_stream()
        for event in self.dialect.events(self.model, answer, False):
            event = event.replace(b'"x"', b'"%b"' % (b"x" * LONG_LINE))
            for at in range(0, len(event), 1 << 16):
                self.connection.chunk(event[at : at + (1 << 16)])
        self.connection.end_stream()

    def fault_endless_line(self):
        self.connection.begin_stream()
        self.connection.chunk(b"data: ")
        piece = b"x" * (1 << 20)
        for _ in range(ENDLESS_LINE >> 20):
            self.connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.connection.end_stream()

    def fault_echo_key(self):
        self.status(401, f"Incorrect API key provided: {self.record.key}.")

    def some_events(self):
        """Begins a stream and sends its first events; answers all of them."""
        events = self.events()
        self.connection.begin_stream()
        for event in events[:SOME]:
            self.connection.chunk(event)
        return events


def main():
    upstream = Upstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0).start()
    print(json.dumps({"url": upstream.url}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
