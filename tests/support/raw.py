"""HTTP by hand, for what no client library would send."""

import json
import socket
import time


class Raw:
    """A connection."""

    def __init__(self, gateway, timeout=10):
        self.sock = socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)
        return self

    def request(self, path, body=b"", headers=(), method="POST"):
        """Sends a whole request."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "host: gateway", f"content-length: {len(body)}", *headers]
        return self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def _more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def answer(self):
        """Status, headers (lower case) and body of the next answer; `None` if the connection ended before it."""
        try:
            while b"\r\n\r\n" not in self.buffer:
                if not self._more():
                    return None
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            headers = dict(line.split(": ", 1) for line in lines[1:])
            headers = {name.lower(): value for name, value in headers.items()}
            return status, headers, self._body(status, headers)
        except ConnectionError:
            return None

    def _body(self, status, headers):
        if status in (204, 304):
            return b""
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        body = b""
        while size := int(self._line(), 16):
            body += self._take(size)
            self._line()
        self._line()
        return body

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise ConnectionError("cut in a line")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise ConnectionError("cut in a body")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def is_closed(self, within):
        """Whether the other side closes within these seconds, whatever it says before."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                if not self._more():
                    return True
            except TimeoutError:
                return False
            except ConnectionError:
                return True
        return False
