"""A bare HTTP client: what is on the wire, without the opinions of the project's own client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlencode

from integrations.sandbox import Sandbox

ADA = {
    "type": "sale",
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "advert_postcode": "NG1 1AA",
}
NAMES = {"first_name": "Ada", "last_name": "Example"}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


class Api:
    """Lead.pro's calls on one sandbox, each on a connection of its own."""

    def __init__(self, box: Sandbox, key: str | None = "sandbox-key") -> None:
        self.box = box
        self.key = key

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 5.0) -> Answer:
        headers = {"Content-Type": "application/json"} | ({"X-API-KEY": self.key} if self.key else {})
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        with closing(HTTPConnection("127.0.0.1", self.box.server.port, timeout=timeout)) as connection:
            connection.request(method, f"/api/v103{path}", content, headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            with closing(answer):
                return Answer(answer.status, told, answer.read())

    def create(self, **fields: Any) -> Answer:
        return self.call("POST", "/leads", {**ADA, **fields})

    def value(self, **fields: Any) -> Answer:
        seller = {**ADA, "type": "vendor", "postcode": "NG1 1AA", **fields}
        return self.call("POST", "/leads/valuation", seller)

    def patch(self, lead_id: int, **fields: Any) -> Answer:
        return self.call("PATCH", f"/leads/{lead_id}", {**NAMES, **fields})

    def get(self, lead_id: int) -> Answer:
        return self.call("GET", f"/leads/{lead_id}")

    def find(self, **query: str) -> Answer:
        return self.call("GET", f"/person/leads?{urlencode(query)}")


def wait_until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Return as soon as it is true; fail where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
