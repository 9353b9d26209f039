"""What every client owes its callers, whatever the remote does: cases for all of them, and what each must
become.

A client's test module parametrises over `CASES` and its own calls; see ``leadpro/test_contract.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from integrations.errors import (
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RemoteError,
    RemoteFailing,
    UnexpectedPayload,
    WrongAddress,
)
from tests.integrations.faultserver import Peer, Script, answering, respond

#: A class of error, or None where the call succeeds.
Outcome = type[RemoteError] | None
HTML = "<html><head><title>Oops</title><style>p{}</style></head><body><h1>Bad gateway</h1></body></html>"
JSON_REASON = '{"message": "phone is not a phone number"}'
UNSURE = "may or may not have taken"


@dataclass(frozen=True)
class Case:
    """One thing a remote does. ``says`` is part of the summary; ``reason`` of the excerpt."""

    name: str
    script: Script
    read: Outcome
    lookup: Outcome
    create: Outcome
    update: Outcome
    says: str
    reason: str = ""
    retry_after: float | None = None
    seconds: float = 0.5

    def __str__(self) -> str:
        return self.name

    def outcome(self, call: str) -> Outcome:
        found: Outcome = getattr(self, call)
        return found


def everywhere(name: str, script: Script, outcome: Outcome, says: str, **rest: Any) -> Case:
    return Case(name, script, outcome, outcome, outcome, outcome, says, **rest)


def failing(name: str, script: Script, says: str, **rest: Any) -> Case:
    """Teaches a reader nothing, and a writer not whether it was applied."""
    return Case(name, script, RemoteFailing, RemoteFailing, OutcomeUnknown, OutcomeUnknown, says, **rest)


def strange(name: str, script: Script, says: str, update: Outcome = OutcomeUnknown, **rest: Any) -> Case:
    return Case(name, script, UnexpectedPayload, UnexpectedPayload, OutcomeUnknown, update, says, **rest)


def silent(peer: Peer) -> None:
    peer.read_request()
    peer.wait_for_close()


def reset_at_once(peer: Peer) -> None:
    peer.reset()


def reset_after_request(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def hang_up(peer: Peer) -> None:
    peer.read_request()


def reset_within_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(respond(200, '{"id": 1', length=100))
    peer.server.stopping.wait(0.05)
    peer.reset()


def drip_headers(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    peer.drip(b"a" * 1000, 0.05)


def drip_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(respond(200, length=1000))
    peer.drip(b" " * 1000, 0.05)


def drip_without_length(peer: Peer) -> None:
    """Cut off, this looks like a complete answer that nobody closed politely."""
    peer.read_request()
    peer.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[{"id": 1}]')
    peer.drip(b" " * 1000, 0.05)


def truncated(peer: Peer) -> None:
    peer.read_request()
    peer.send(respond(200, '{"id": 1', length=50))


def chunks_cut_short(peer: Peer) -> None:
    peer.read_request()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.send(head + b'8\r\n[{"id":1')


def status(
    code: int, body: str = JSON_REASON, kind: str | None = "application/json", *headers: str
) -> Script:
    return answering(respond(code, body, kind, *headers))


def refused(name: str, code: int, body: str | bytes, reason: str, kind: str = "application/json") -> Case:
    return everywhere(
        name, answering(respond(code, body, kind)), Refused, f"refused this ({code})", reason=reason
    )


def limited(name: str, code: int, *headers: str, wait: float | None) -> Case:
    script = status(code, '{"message": "slow down"}', "application/json", *headers)
    return everywhere(name, script, RateLimited, "slow down", retry_after=wait, reason="slow down")


DATE = "Date: Sat, 21 Nov 2026 10:00:00 GMT"
BIG = json.dumps([{"id": 1, "type": "sale", "message": "x" * 2 * 1024 * 1024}])

CASES: tuple[Case, ...] = (
    failing("no answer", silent, "did not answer in time"),
    failing("dripping headers", drip_headers, "did not answer in time", seconds=1.5),
    failing("dripping body", drip_body, "did not answer in time", seconds=1.5),
    failing("dripping body without a length", drip_without_length, "did not answer in time", seconds=1.5),
    failing("reset before the write", reset_at_once, "broke off"),
    failing("reset after the write", reset_after_request, "broke off"),
    failing("hung up after the write", hang_up, "broke off"),
    failing("reset within the body", reset_within_body, "broke off"),
    failing("not HTTP", answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "broke off"),
    everywhere("401", status(401), CredentialsRefused, "refuses the key (401)", reason="phone"),
    everywhere("403 HTML", status(403, HTML, "text/html"), CredentialsRefused, "refuses the key (403)"),
    Case("404 JSON", status(404), NotFound, None, WrongAddress, NotFound, "(404)"),
    Case("404 HTML", status(404, HTML, "text/html"), NotFound, WrongAddress, WrongAddress, NotFound, "(404)"),
    Case("404 empty", status(404, "", None), NotFound, WrongAddress, WrongAddress, NotFound, "(404)"),
    Case("405", status(405), Refused, WrongAddress, WrongAddress, Refused, "(405)"),
    Case("410", status(410), NotFound, WrongAddress, WrongAddress, NotFound, "(410)"),
    refused("400 text", 400, "phone: too short", "phone: too short", "text/plain"),
    refused("400 JSON text", 400, '"phone: too short"', "phone: too short"),
    refused("409", 409, JSON_REASON, "phone is not a phone number"),
    refused("413", 413, HTML, "Bad gateway", "text/html"),
    refused("422 error", 422, '{"error": "type is wrong"}', "type is wrong"),
    refused("422 fields", 422, '{"errors": {"phone": ["is too short"]}}', "phone: is too short"),
    refused("422 rows", 422, '{"errors": [{"field": "phone", "message": "too short"}]}', "phone: too short"),
    refused("422 detail", 422, '{"detail": [{"loc": ["body", "phone"], "msg": "bad"}]}', "phone: bad"),
    refused("422 nested", 422, '{"error": {"code": 7, "message": "no phone"}}', "no phone"),
    refused("400 HTML", 400, HTML, "Bad gateway", "text/html"),
    refused("400 not UTF-8", 400, b"num\xe9ro", "num\ufffdro", "text/plain"),
    refused("422 of 10 kB", 422, json.dumps({"message": "é" * 10_000}), "é" * 500),
    refused("422 cut short", 422, '{"message": "no pho', '{"message": "no pho'),
    limited("429", 429, wait=None),
    limited("429 seconds", 429, "Retry-After: 7", wait=7),
    limited("429 date", 429, "Retry-After: Sat, 21 Nov 2026 10:00:30 GMT", DATE, wait=30),
    limited("429 date long past", 429, "Retry-After: Sat, 21 Nov 2020 10:00:30 GMT", wait=1),
    limited("429 negative", 429, "Retry-After: -5", wait=1),
    limited("429 huge", 429, "Retry-After: 99999999999", wait=3600),
    limited("429 nonsense", 429, "Retry-After: soon", wait=None),
    limited("503 with a time", 503, "Retry-After: 20", wait=20),
    failing("503", status(503), "fault on its side (503)"),
    failing("503 of a proxy", status(503, HTML, "text/html", "Retry-After: 5"), "fault on its side (503)"),
    failing("408", status(408), "fault on its side (408)"),
    failing("425", status(425), "fault on its side (425)"),
    failing("500", status(500), "fault on its side (500)"),
    failing("502 HTML", status(502, HTML, "text/html"), "fault on its side (502)", reason="Bad gateway"),
    failing("504", status(504, "", None), "fault on its side (504)"),
    failing("999", status(999), "fault on its side (999)"),
    strange("HTML 200", status(200, HTML, "text/html; charset=utf-8"), "a page or a file"),
    strange("HTML called JSON", status(200, HTML), "not JSON", update=None),
    strange("empty 200", status(200, "", None), "empty"),
    strange("truncated", truncated, "breaks off"),
    strange("truncated chunks", chunks_cut_short, "breaks off"),
    strange("wrong content type", status(200, '{"id": 1}', "text/plain"), "a page or a file"),
    strange("wrong shape", status(200, '{"ok": true}'), "holds", update=None),
    strange("a number", status(200, "5"), "it ", update=None),
    strange("null", status(200, "null"), "it ", update=None),
    strange("error object in a 200", status(200, '{"error": "x", "data": []}'), "reports an error"),
    strange("NaN", status(200, '{"id": 1, "a": NaN}'), "not JSON", update=None),
    strange("lone surrogate", status(200, '{"id": 1, "a": "\\ud800"}'), "not JSON", update=None),
    strange("too deep", status(200, '{"id":' + "[" * 5000 + "]" * 5000 + "}"), "not JSON", update=None),
    strange("deep", status(200, '{"id":1,"a":' + "[" * 300 + "]" * 300 + "}"), "not JSON", update=None),
    strange("broken gzip", status(200, "no", "application/json", "Content-Encoding: gzip"), "compression"),
    Case("2 MiB", status(200, BIG), UnexpectedPayload, None, OutcomeUnknown, OutcomeUnknown, "too large"),
)
