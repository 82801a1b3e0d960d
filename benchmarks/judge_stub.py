"""A server for the benchmarks of rewards that ask a model: it answers at once, by the texts alone.

It prints its port, and replies to any request for a chat completion: `{"clear": "yes"}`, or, where
the request shows numbered completions, an integer for each by its length.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NUMBERED = re.compile(r"completion (\d+) begins\]\n(.*?)\n\[\S* ?completion \1 ends\]", re.DOTALL)


class Handler(BaseHTTPRequestHandler):
    """Replies to requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Reply to a request for a chat completion."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rated: dict[str, Any] = {
            number: len(text) % 11
            for number, text in NUMBERED.findall(request["messages"][-1]["content"])
        }
        message = {"role": "assistant", "content": json.dumps(rated or {"clear": "yes"})}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "stub"}
        body = json.dumps({**reply, "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def main() -> int:
    """Serve until the standard input ends, as it does when the benchmark does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
