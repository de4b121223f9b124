"""A receiver of notifications: writes each request down as a JSON line, and answers as the path asks.

    sink.py PORT FILE

/status/503 answers 503; /slack answers as Slack's API does, with a new `ts` each time; /chat as a language model
that says what stands in FILE.answer; all else 200.
While FILE.fail exists, everything is answered with 503.
"""

import itertools
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, FILE = int(sys.argv[1]), sys.argv[2]
TURNS = itertools.count(1)


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        turn = next(TURNS)
        failing = os.path.exists(FILE + ".fail")
        with open(FILE, "a") as out:
            out.write(json.dumps({
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body,
                "failed": failing,
            }) + "\n")

        status, answer = 200, "ok"
        if failing:
            status, answer = 503, "no"
        elif self.path.startswith("/status/"):
            status = int(self.path.split("/")[2])
        elif self.path.startswith("/slack"):
            answer = json.dumps({"ok": True, "channel": "C1", "ts": "1700000000.%06d" % turn})
        elif self.path.startswith("/chat"):
            with open(FILE + ".answer") as said:
                answer = json.dumps({
                    "id": "chat-%d" % turn, "object": "chat.completion", "created": 1700000000, "model": "small-model",
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": said.read()}}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                })
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if answer[:1] == "{" else "text/plain")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Sink).serve_forever()
