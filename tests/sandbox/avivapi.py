"""AVIV's calls on one sandbox, bare: a token of the real desk, and what is on the wire."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from integrations.sandbox import Sandbox
from tests.sandbox.api import Answer

AGENT = "MirrorTest/1.0"
DAY = 86_400
SUBMITTED = {
    "lastName": "Example",
    "email": "ada@example.org",
    "phoneNumbers": [{"number": "+33639980123"}],
    "message": "Bonjour",
    "classifiedId": "26A1B2C3D4E5",
    "submittedDate": "2026-01-02T10:00:00Z",
}


class AvivApi:
    """Each call on a connection of its own; the token is fetched with the first."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self._token = ""

    def send(self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        parts = urlsplit(url)
        sent = {"User-Agent": AGENT, "Content-Type": "application/json"} | (headers or {})
        sent = {name: value for name, value in sent.items() if value}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        with closing(HTTPConnection("127.0.0.1", self.box.server.port, timeout=5)) as connection:
            connection.putrequest(method, f"{parts.path}?{parts.query}" if parts.query else parts.path)
            for name, value in (sent | {"Content-Length": str(len(content or b""))}).items():
                connection.putheader(name, value)
            connection.endheaders(content)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            with closing(answer):
                return Answer(answer.status, told, answer.read())

    def ask_token(self, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        body = {
            "client_id": self.box.aviv_client_id,
            "client_secret": self.box.aviv_client_secret,
            "grant_type": "client_credentials",
            "audience": self.box.aviv_url,
        }
        return self.send("POST", self.box.aviv_token_url, body | fields, headers)

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        if not self._token:
            self._token = self.ask_token().data["access_token"]
        sent = {"Authorization": f"Bearer {self._token}"} | (headers or {})
        return self.send(method, f"{self.box.aviv_url}{path}", body, sent)

    def use_token(self, token: str) -> None:
        self._token = token

    def page(self, min_date: float, max_date: float, **query: Any) -> Answer:
        asked = {"minDate": int(min_date), "maxDate": int(max_date), **query}
        return self.call("GET", f"/leads?{urlencode(asked)}")

    def recent(self, **query: Any) -> Answer:
        now = self.box.clock.now()
        return self.page(now - DAY, now + DAY, **query)

    def ids(self, min_date: float, max_date: float, **query: Any) -> list[str]:
        """Ids of every page, following the links."""
        found: list[str] = []
        answer = self.page(min_date, max_date, **query)
        while True:
            assert answer.status in (200, 206), answer
            found += ids_of(answer)
            following = (answer.data.get("links") or {}).get("next")
            if not following:
                return found
            url = urlsplit(following)
            assert url.path.startswith(self.box.aviv.prefix)
            answer = self.call("GET", f"{url.path.removeprefix(self.box.aviv.prefix)}?{url.query}")

    def submit(self, **fields: Any) -> Answer:
        return self.call("POST", "/leads", SUBMITTED | fields)

    def subscribe(self, url: str, key: str = "hook-key", **fields: Any) -> Answer:
        return self.call("POST", "/webhook/subscriptions", {"url": url, "apiKey": key, **fields})


def ids_of(answer: Answer) -> list[str]:
    return [item["metadata"]["leadId"] for item in answer.data["items"]]


def id_of(lead: dict[str, Any]) -> str:
    return lead["metadata"]["leadId"]
