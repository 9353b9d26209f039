"""HTTP/1.1 as it stands on the socket: reading requests, sending replies well or badly. No routing here."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_LINE = 65536
MAX_HEADERS = 200


class BadRequest(Exception):
    """What came in is not a request that this server can read."""


@dataclass(slots=True)
class Request:
    """One request; header names are lower case, ``path`` is decoded and without the query.

    ``in_flight`` and ``recent`` are counted by the log for the remote it is meant for.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    keep_alive: bool
    body: bytes = b""
    in_flight: int = 1
    recent: int = 1

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json.loads(self.body.decode("utf-8"))


@dataclass(slots=True)
class Reply:
    """One answer. ``lead_id`` is for the log only."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    lead_id: int | None = None


def json_bytes(data: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def json_reply(status: int, data: Any, *, lead_id: int | None = None) -> Reply:
    """An answer with a JSON body."""
    return Reply(status, json_bytes(data), lead_id=lead_id)


def read_head(stream: BinaryIO) -> Request | None:
    """The request line and headers, or None where the client closed the connection."""
    line = stream.readline(MAX_LINE)
    if not line.strip():
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest("the request line is not HTTP/1")
    headers = _read_headers(stream)
    method, target, version = parts
    url = urlsplit(target)
    connection = headers.get("connection", "").lower()
    keep_alive = connection != "close" if version == "HTTP/1.1" else connection == "keep-alive"
    query = dict(parse_qsl(url.query, keep_blank_values=True)) if url.query else {}
    return Request(method, unquote(url.path), query, headers, keep_alive)


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = stream.readline(MAX_LINE)
        if line in (b"\r\n", b"\n", b""):
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise BadRequest("too many headers")


def read_body(stream: BinaryIO, request: Request) -> None:
    """Fill in the body; BadRequest where its length is not told or it breaks off."""
    if "transfer-encoding" in request.headers:
        raise BadRequest("send a Content-Length")
    length = request.headers.get("content-length", "0")
    if not length.isdigit():
        raise BadRequest("Content-Length is not a number")
    request.body = stream.read(int(length))
    if len(request.body) < int(length):
        raise BadRequest("the body broke off")


def render_head(reply: Reply, *, keep_alive: bool, length: int) -> bytes:
    """The status line and headers, announcing ``length`` bytes of body."""
    lines = [f"HTTP/1.1 {reply.status} {_reason(reply.status)}", f"Content-Length: {length}"]
    if reply.content_type:
        lines.append(f"Content-Type: {reply.content_type}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Wire:
    """The sending side of one connection. ``on_send`` is told each status before its first byte leaves."""

    def __init__(
        self, sock: socket.socket, stopping: threading.Event, on_send: Callable[[int], None]
    ) -> None:
        self.sock = sock
        self.keep_alive = True
        self._stopping = stopping
        self._on_send = on_send

    def send(self, reply: Reply) -> None:
        """The whole answer in one write."""
        self._on_send(reply.status)
        head = render_head(reply, keep_alive=self.keep_alive, length=len(reply.body))
        self.sock.sendall(head + reply.body)

    def send_truncated(self, reply: Reply, sent: int) -> None:
        """Promise the whole body, send ``sent`` bytes of it, close."""
        self.keep_alive = False
        self._on_send(reply.status)
        head = render_head(reply, keep_alive=False, length=max(len(reply.body), sent + 1))
        self.sock.sendall(head + reply.body[:sent])

    def drip(self, first: bytes, slowly: bytes, *, every: float, status: int) -> None:
        """Send ``first`` at once, then ``slowly`` one byte each ``every`` seconds until the client leaves."""
        self.keep_alive = False
        self._on_send(status)
        self.sock.sendall(first)
        for number in range(len(slowly)):
            if not self.hold(every):
                return
            self.sock.sendall(slowly[number : number + 1])

    def hold(self, seconds: float) -> bool:
        """Keep silent that long; False at once where the client left or the server stops."""
        step = 0.1
        while seconds > 0 and not self._stopping.is_set():
            readable, _, _ = select.select([self.sock], [], [], min(step, seconds))
            if readable and not self.sock.recv(1, socket.MSG_PEEK):
                return False
            if readable and self._stopping.wait(min(step, seconds)):
                return False
            seconds -= step
        return not self._stopping.is_set()

    def drop(self, how: str) -> None:
        """End the connection without an answer: ``reset`` sends a reset, ``close`` an orderly end."""
        self.keep_alive = False
        if how == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
