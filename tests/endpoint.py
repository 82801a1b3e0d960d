"""A local mock of a judge model's endpoint, whose replies a test defines."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUBRIC = {
    "helpful": {"ask": "Does it help?", "choices": {"no": 0.0, "partly": 0.5, "yes": 2.0}},
    "honest": {"ask": "Is it honest?", "choices": {"no": -1.0, "yes": 0.0}},
}
BEST = '{"helpful": "yes", "honest": "yes"}'
MARKED = re.compile(
    r"\[(\w+) (prompt|right answer|completion(?: \d+)?) begins\]\n(.*?)\n\[\1 \2 ends\]", re.DOTALL
)


class Server(ThreadingHTTPServer):
    """A chat completions server; `answer(text, request)` gives the reply, or a status and body."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer, path="/v1/chat/completions"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.path = path
        self.requests = []
        self.headers = []
        self.lock = threading.Lock()
        self.running = self.most = 0

    def handle_error(self, request, client_address):
        """Ignore clients that closed the connection."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def shown(self):
        return [shown(request) for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        assert server.path in (None, self.path)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append(request)
            server.headers.append(self.headers)
            server.running += 1
            server.most = max(server.most, server.running)
        answer = server.answer(shown(request).get("completion", ""), request)
        with server.lock:
            server.running -= 1
        status, body, extra = answer if isinstance(answer, tuple) else (200, said(answer), {})
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **extra}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def said(content):
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


def error(status, message="no", **headers):
    return status, {"error": {"message": message}}, headers


def shown(request):
    """Return the marked texts of a request by name, and the marker."""
    if "messages" not in request:
        return {}
    user = request["messages"][-1]["content"]
    return {name: text for _, name, text in MARKED.findall(user)}


@contextmanager
def serving(answer=lambda text, request: BEST, path="/v1/chat/completions"):
    server = Server(answer, path)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
