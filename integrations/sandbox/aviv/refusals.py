"""The two bodies in which AVIV's pages print an error, and the firewall's page."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from integrations.sandbox.wire import Reply, json_reply

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
}
FIREWALL = b"<!DOCTYPE html><html><head><title>403</title></head><body><h1>Request blocked</h1></body></html>"


class Problem(NamedTuple):
    """What is wrong with one field; ``name`` is a JSON pointer or a parameter."""

    name: str
    reason: str


class Refusal(Exception):
    """A call refused. ``title`` is that of the status where empty."""

    def __init__(
        self, status: int, detail: str, *problems: Problem, title: str = "", source: str = ""
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = problems
        self.title = title or TITLES.get(status, "Error")
        self.source = source
        self.retry_after = 0


def make_trace(chance: random.Random) -> str:
    """A trace id in the form of the ``traceparent`` header."""
    return f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-01"


def render_refusal(refusal: Refusal, form: str, trace: str) -> Reply:
    """The answer to a refused call in the form that the reading says."""
    body = _envelope(refusal) if form == "envelope" else _problem(refusal, trace)
    reply = json_reply(refusal.status, body)
    if refusal.retry_after:
        reply.headers["Retry-After"] = str(refusal.retry_after)
    return reply


def _problem(refusal: Refusal, trace: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"https://developers.aviv-group.com/errors/{refusal.status}",
        "title": refusal.title,
        "detail": refusal.detail,
        "instance": trace,
        "status": refusal.status,
    }
    if refusal.problems:
        body["errors"] = [{"name": name, "reason": reason} for name, reason in refusal.problems]
    return body | ({"errorSource": refusal.source} if refusal.source else {})


def _envelope(refusal: Refusal) -> dict[str, Any]:
    details = [{"field": name.strip("/"), "message": reason} for name, reason in refusal.problems]
    code = refusal.title.upper().replace(" ", "_")
    return {"error": {"code": code, "message": refusal.detail, "details": details}}


def firewall_reply() -> Reply:
    """What a call without a User-Agent meets before it reaches the API."""
    return Reply(403, FIREWALL, "text/html; charset=utf-8")
