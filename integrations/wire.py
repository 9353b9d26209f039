"""Connections that know the call they serve: they check the address before they connect and the clock before
the first byte, and they hand their socket to the watchdog. What an answer means is decided in `rest`.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from integrations.addresses import AddressRefused, refuse_metadata
from integrations.deadlines import Deadline, Line
from integrations.uptime import uptime

#: Kept-alive connections that rested longer are replaced: a peer that closes one just as a request is written
#: would be one more failure for nothing.
IDLE_SECONDS = 4.0


class Unsent(StrEnum):
    """Why not one byte was written."""

    NAME = "name"
    REFUSED = "refused"
    SLOW = "slow"
    TLS = "tls"
    LATE = "late"
    ADDRESS = "address"


class NothingSent(Exception):
    """Stops a call before its first byte. Not an OSError: urllib3 passes it on unwrapped."""

    def __init__(self, why: Unsent, detail: str = "") -> None:
        super().__init__(why.value)
        self.why = why
        self.detail = detail


class Exchange:
    """One request and its answer, as its connection sees it."""

    __slots__ = ("began", "deadline", "guard", "started_at", "unused_lines", "why", "write_before")

    def __init__(
        self, deadline: Deadline, write_before: float | None, guard: Callable[[str], None] | None
    ) -> None:
        self.deadline = deadline
        self.write_before = write_before
        self.guard = guard
        self.began = False
        self.started_at: datetime | None = None
        self.why: Unsent | None = None
        self.unused_lines: list[Line] = []

    def begin(self, line: Line | None) -> None:
        """The next thing that happens is the first byte. Raises `NothingSent` when it is too late for it."""
        if line is not None:
            self.deadline.watch(line)
        self.check_time()
        self.started_at = datetime.now(UTC)
        self.began = True

    def check_time(self) -> None:
        """Raise `NothingSent` after the deadline or the send window."""
        too_late = self.write_before is not None and uptime() >= self.write_before
        if too_late or self.deadline.is_over or self.deadline.remaining() <= 0:
            raise NothingSent(Unsent.LATE)

    def end(self) -> None:
        """Take the call off the watchdog and give its handles back."""
        self.deadline.is_done = True
        self.deadline.line = None
        for line in self.unused_lines:
            line.close()


class _Local(threading.local):
    exchange: Exchange | None = None


CURRENT = _Local()


def current() -> Exchange:
    """The call this thread is in."""
    if CURRENT.exchange is None:
        raise RuntimeError("Connections of the one door out are opened by RestClient.call only.")
    return CURRENT.exchange


def open_socket(
    host: str, port: int, timeout: Any, options: list[tuple[int, int, Any]] | None, exchange: Exchange
) -> socket.socket:
    """Connect to the first address that answers; every address is checked before it is tried."""
    refuse_metadata(host)
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in found:
        _check_address(str(address[0]), exchange)
        exchange.check_time()
        connection = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                connection.setsockopt(*option)
            connection.settimeout(min(timeout, exchange.deadline.remaining()))
            connection.connect(address)
            connection.settimeout(timeout)
            return connection
        except OSError as seen:
            failure = seen
            connection.close()
    raise failure


def _check_address(ip: str, exchange: Exchange) -> None:
    refuse_metadata(ip)
    if exchange.guard is not None:
        exchange.guard(ip)


class _Checked(HTTPConnection):
    """What both kinds of connection share."""

    _line: Line | None = None
    _used_at = 0.0

    def _new_conn(self) -> socket.socket:
        exchange = current()
        try:
            connected = open_socket(self._dns_host, self.port, self.timeout, self.socket_options, exchange)
        except AddressRefused as seen:
            raise NothingSent(Unsent.ADDRESS, str(seen)) from None
        except (socket.gaierror, UnicodeError):
            raise NothingSent(Unsent.NAME) from None
        except TimeoutError:
            raise NothingSent(Unsent.SLOW) from None
        except OSError:
            raise NothingSent(Unsent.REFUSED) from None
        sys.audit("http.client.connect", self, self.host, self.port)
        self._line = Line(connected)
        exchange.deadline.watch(self._line)
        return connected

    def connect(self) -> None:
        exchange = current()
        try:
            super().connect()
        except OSError:
            exchange.why = Unsent.TLS
            raise
        exchange.check_time()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        exchange = current()
        if not exchange.began:
            exchange.begin(self._line)
            self._used_at = time.monotonic()
        super().send(data)

    def close(self) -> None:
        line, self._line = self._line, None
        super().close()
        exchange = CURRENT.exchange
        if line is None:
            return
        if exchange is not None and exchange.deadline.line is line:
            # A closed connection may still have an answer to read, and that, too, has a deadline.
            exchange.unused_lines.append(line)
        else:
            line.close()

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used_at < IDLE_SECONDS and super().is_connected


class PlainConnection(_Checked):
    """http."""


class SecureConnection(_Checked, HTTPSConnection):
    """https."""


class PlainPool(HTTPConnectionPool):
    """A pool of checked http connections."""

    ConnectionCls = PlainConnection


class SecurePool(HTTPSConnectionPool):
    """A pool of checked https connections."""

    ConnectionCls = SecureConnection


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": PlainPool, "https": SecurePool}


class _OwnCallsAreSilent(logging.Filter):
    """urllib3 logs whole URLs, e-mail addresses included; for our calls, `rest` logs a line of its own."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return CURRENT.exchange is None


def silence_urllib3() -> None:
    """Keep URLs of our calls out of every log, whatever the logging settings are. May be repeated."""
    names = ("connectionpool", "connection", "response", "poolmanager", "util.retry", "util.ssl_")
    for name in names:
        logger = logging.getLogger(f"urllib3.{name}")
        if not any(isinstance(known, _OwnCallsAreSilent) for known in logger.filters):
            logger.addFilter(_OwnCallsAreSilent())


silence_urllib3()
