#!/usr/bin/env python3
"""Konnect's control plane configuration API as its published OpenAPI document has it, for what the agent uses.

    konnect.py PORT CONTROL_PLANE_ID TOKEN

Paths and methods are those of the document: no PATCH; acls are written below their consumer; lists are cut into
pages of two, whatever is asked for, and go on by `offset`. PUT replaces an entity: what is left out is its default.
Unknown fields are refused. Every request is written to the standard output as a line "METHOD path".
"""

import json
import re
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, CONTROL_PLANE, TOKEN = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PREFIX = "/v2/control-planes/" + CONTROL_PLANE + "/core-entities/"
PAGE = 2

DEFAULTS = {
    "services": {"name": None, "protocol": "http", "host": None, "port": 80, "path": None, "retries": 5, "enabled": True,
                 "connect_timeout": 60000, "read_timeout": 60000, "write_timeout": 60000, "tags": None},
    "routes": {"name": None, "methods": None, "hosts": None, "paths": None, "headers": None, "protocols": ["http", "https"],
               "strip_path": True, "preserve_host": False, "regex_priority": 0, "service": None, "tags": None},
    "plugins": {"name": None, "enabled": True, "config": None, "route": None, "service": None, "consumer": None,
                "protocols": ["grpc", "grpcs", "http", "https"], "tags": None},
    "upstreams": {"name": None, "slots": 10000, "tags": None},
    "targets": {"target": None, "weight": 100, "upstream": None, "tags": None},
    "consumers": {"username": None, "custom_id": None, "tags": None},
    "acls": {"group": None, "consumer": None, "tags": None},
}
COMMON = {"id", "created_at", "updated_at"}
PARENTS = {"routes": "route", "services": "service", "consumers": "consumer", "upstreams": "upstream"}

# Path → kind, and which methods it has.
PATHS = [
    (r"(services|routes|plugins|upstreams)/([^/]+)", {"GET", "PUT", "DELETE"}),
    (r"(consumers)/([^/]+)", {"GET", "PUT", "DELETE"}),
    (r"(acls)/([^/]+)", {"GET"}),
    (r"(services|routes|plugins|upstreams|consumers|acls|targets)", {"GET"}),
    (r"(services|routes|consumers)/([^/]+)/(plugins)", {"GET"}),
    (r"(consumers)/([^/]+)/(acls)", {"GET"}),
    (r"(upstreams)/([^/]+)/(targets)", {"GET"}),
    (r"(consumers)/([^/]+)/(acls)/([^/]+)", {"GET", "PUT", "DELETE"}),
    (r"(upstreams)/([^/]+)/(targets)/([^/]+)", {"GET", "PUT", "DELETE"}),
]

entities = {kind: {} for kind in DEFAULTS}


def parent_of(kind, name):
    for entity in entities[kind].values():
        if name in (entity["id"], entity.get("name"), entity.get("username")):
            return entity["id"]
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            # Else the client keeps the connection for its next request, which finds it closed.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    def list(self, kind, field, parent, query):
        tags = [tag for tag in query.get("tags", [""])[0].split(",") if tag]
        found = [e for e in entities[kind].values()
                 if (field is None or (e[field] or {}).get("id") == parent) and all(t in (e["tags"] or []) for t in tags)]
        found.sort(key=lambda e: e["id"])
        start = int(query.get("offset", ["0"])[0])
        body = {"data": found[start:start + PAGE]}
        if start + PAGE < len(found):
            body["offset"] = str(start + PAGE)
            body["next"] = "/next?offset=" + body["offset"]
        self.answer(200, body)

    def put(self, kind, key, field, parent):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        unknown = set(body) - set(DEFAULTS[kind]) - COMMON
        if unknown:
            return self.answer(400, {"code": 3, "message": "unknown fields: " + ", ".join(sorted(unknown)), "details": []})
        if kind == "acls" and any(e["group"] == body.get("group") and e["consumer"] == {"id": parent} and e["id"] != key
                                  for e in entities[kind].values()):
            return self.answer(409, {"code": 6, "message": "unique constraint failed", "details": []})
        now = int(time.time())
        entity = {**DEFAULTS[kind], **body, "id": key, "updated_at": now}
        entity["created_at"] = entities[kind].get(key, {}).get("created_at", now)
        if field:
            entity[field] = {"id": parent}
        entities[kind][key] = entity
        self.answer(200, entity)

    def handle_one(self, method):
        path, _, query = self.path.partition("?")
        print(method, path, flush=True)
        if self.headers.get("Authorization") != "Bearer " + TOKEN or self.headers.get("Kong-Admin-Token"):
            return self.answer(401, {"status": 401, "message": "Unauthorized"})
        if not path.startswith(PREFIX):
            return self.answer(404, {"message": "no such control plane"})
        for pattern, methods in PATHS:
            match = re.fullmatch(pattern, path[len(PREFIX):])
            if match and method in methods:
                return self.route([urllib.parse.unquote(part) for part in match.groups()], method, urllib.parse.parse_qs(query))
            if match:
                return self.answer(405, {"message": "Method not allowed"})
        return self.answer(404, {"message": "Not found"})

    def route(self, parts, method, query):
        field = parent = None
        if len(parts) >= 3:
            field, parent = PARENTS[parts[0]], parent_of(parts[0], parts[1])
            if parent is None:
                return self.answer(404, {"message": "Not found"})
            parts = parts[2:]
        kind, key = parts[0], parts[1] if len(parts) > 1 else None
        if key is None:
            return self.list(kind, field, parent, query)
        found = entities[kind].get(key)
        if method == "PUT":
            return self.put(kind, key, field, parent)
        if method == "DELETE":
            entities[kind].pop(key, None)
            return self.answer(204)
        return self.answer(200, found) if found else self.answer(404, {"message": "Not found"})

    def do_GET(self):
        self.handle_one("GET")

    def do_PUT(self):
        self.handle_one("PUT")

    def do_DELETE(self):
        self.handle_one("DELETE")

    def do_PATCH(self):
        self.handle_one("PATCH")

    def do_POST(self):
        self.handle_one("POST")


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
