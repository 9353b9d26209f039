"""AlterEstate's call on one sandbox, bare."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection

from tests.sandbox.api import Answer

ADA = {"full_name": "Ada Example", "phone": "+44 7700 900123", "email": "Ada@Example.org"}
KEY = "sandbox-alterestate-key"


def post(box, body=None, *, path="/leads/", key=f"Token {KEY}", method="POST"):
    headers = {"Content-Type": "application/json"} | ({"Authorization": key} if key else {})
    content = body if isinstance(body, bytes) else json.dumps(ADA if body is None else body).encode()
    with closing(HTTPConnection("127.0.0.1", box.server.port, timeout=5)) as connection:
        connection.request(method, f"{box.alterestate.prefix}{path}", content, headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        with closing(answer):
            return Answer(answer.status, told, answer.read())


def send(box, **fields):
    return post(box, ADA | fields)
