"""The HTTP server on which every imitated remote is mounted.
It knows prefixes, log and faults, no remote's rules.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
from typing import Protocol

from .faults import FaultBook
from .log import Entry, RequestLog
from .misbehaving import Apply, perform
from .wire import BadRequest, Reply, Request, Wire, json_reply, read_body, read_head

CONTROL_PREFIX = "/_sandbox"


class Mounted(Protocol):
    """What the server needs of a remote: where it hangs, and its answer to a request."""

    name: str
    prefix: str

    def answer(self, request: Request, path: str) -> Reply:
        """The reply to a request; ``path`` is without the prefix. Called from many threads at once."""
        ...


class SandboxServer(socketserver.ThreadingTCPServer):
    """A thread for each connection; keep-alive; loopback only."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, mounted: list[Mounted], control: Mounted, faults: FaultBook) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.mounted = mounted
        self.control = control
        self.faults = faults
        self.log = RequestLog()
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._timers: set[threading.Timer] = set()
        self._lock = threading.Lock()
        self._started = False

    @property
    def port(self) -> int:
        """The port bound, also where 0 was asked for."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._started = True
        threading.Thread(target=self.serve_forever, args=(0.02,), name="sandbox", daemon=True).start()

    def stop(self) -> None:
        """Stop listening, end every connection, forget what was to be applied later."""
        self.stopping.set()
        self.forget_late()
        if self._started:
            self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def apply_later(self, apply: Apply, seconds: float) -> None:
        """Let a request take effect after so many real seconds."""
        timer = threading.Timer(seconds, apply)
        timer.daemon = True
        with self._lock:
            self._timers = {known for known in self._timers if known.is_alive()} | {timer}
            timer.start()

    def forget_late(self) -> None:
        """Drop every request that was still to take effect."""
        with self._lock:
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()

    def find_remote(self, path: str) -> Mounted | None:
        """The remote under whose prefix the path lies."""
        for remote in self.mounted:
            if path == remote.prefix or path.startswith(remote.prefix + "/"):
                return remote
        return None

    def note_open(self, sock: socket.socket) -> None:
        """Remember a connection, so that stopping can end it."""
        with self._lock:
            self._open.add(sock)

    def note_closed(self, sock: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(sock)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Only close: an orderly shutdown first would turn a reset into an end of file."""
        assert isinstance(request, socket.socket)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in mid-answer is everyday life here; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError) and not self.stopping.is_set():
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _note_nothing(_status: int) -> None:
    """The control plane and unreadable requests stand in no log."""


class _Connection(socketserver.BaseRequestHandler):
    """One client connection: request after request until one side ends it."""

    server: SandboxServer
    request: socket.socket

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self.request.makefile("rb")
        self.server.note_open(self.request)

    def finish(self) -> None:
        self.server.note_closed(self.request)
        self._stream.close()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            while not self.server.stopping.is_set() and self._serve_one():
                pass

    def _serve_one(self) -> bool:
        try:
            request = read_head(self._stream)
            return request is not None and self._answer(request)
        except BadRequest as problem:
            reply = json_reply(400, {"message": str(problem)})
            Wire(self.request, self.server.stopping, _note_nothing).send(reply)
            return False

    def _answer(self, request: Request) -> bool:
        if request.path.startswith(CONTROL_PREFIX + "/"):
            return self._answer_control(request)
        remote = self.server.find_remote(request.path)
        path = request.path[len(remote.prefix) :] if remote else request.path
        entry = self.server.log.open(remote.name if remote else "", path, request)
        try:
            return self._answer_remote(remote, request, path, entry)
        finally:
            self.server.log.close(entry)

    def _answer_control(self, request: Request) -> bool:
        read_body(self._stream, request)
        wire = Wire(self.request, self.server.stopping, _note_nothing)
        wire.keep_alive = request.keep_alive
        wire.send(self.server.control.answer(request, request.path[len(CONTROL_PREFIX) :]))
        return wire.keep_alive

    def _answer_remote(self, remote: Mounted | None, request: Request, path: str, entry: Entry) -> bool:
        def note_status(status: int) -> None:
            entry.status = status
            # Once the client has its answer, the next request may come before this thread goes on.
            self.server.log.close(entry)

        def apply() -> Reply:
            reply = remote.answer(request, path) if remote else json_reply(404, {"message": "Not Found"})
            entry.lead_id = reply.lead_id
            reply.headers.setdefault("X-Request-Id", f"sandbox-{entry.number}")
            return reply

        fault = self.server.faults.take(request.method, path, request.path, remote=entry.remote)
        wire = Wire(self.request, self.server.stopping, note_status)
        wire.keep_alive = request.keep_alive
        if fault is None or fault.action != "drop_reading":
            read_body(self._stream, request)
            entry.body = request.body
        if fault is None:
            wire.send(apply())
        else:
            entry.fault = fault.action
            perform(fault, wire, apply, self.server.apply_later)
        return wire.keep_alive
