"""The one door out: a small JSON client over `requests` with real deadlines. No redirects, no retries, no
proxies or credentials from the environment. Which call to make, and when, is decided by the clients above.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, IncompleteRead
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from integrations.addresses import split_base
from integrations.deadlines import WATCHDOG
from integrations.errors import CredentialsRefused, RemoteError, WrongAddress
from integrations.verdicts import Asked, End, Seen, judge, judge_strange
from integrations.wire import CURRENT, POOLS, Exchange, NothingSent, Unsent

log = logging.getLogger(__name__)

MIB = 1024 * 1024
#: An error body is read for its reason only.
ERROR_BODY = 64 * 1024
_WIRE_FAULTS = (requests.RequestException, HTTPError, HTTPException, OSError, UnicodeError)
_SENDABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")


@dataclass(slots=True)
class Answer:
    """A 2xx answer (or an accepted status) with its JSON. ``started_at`` is UTC, just before the first
    byte.
    """

    status: int
    data: Any
    headers: Mapping[str, str]
    started_at: datetime


class _Adapter(HTTPAdapter):
    """Pools of checked connections that share one TLS context: building one costs more than a call."""

    _context: Any = None
    _context_lock = threading.Lock()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self.tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    @classmethod
    def tls_context(cls) -> Any:
        with cls._context_lock:
            if _Adapter._context is None:
                context = create_urllib3_context()
                context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
                _Adapter._context = context
            return _Adapter._context

    def cert_verify(self, *args: Any) -> None:
        """The shared context has the authorities already; it verifies by default."""

    def build_response(self, _request: Any, resp: Any) -> requests.Response:
        """Only what is read: no cookies, no encodings."""
        response = requests.Response()
        response.raw = resp
        return response


class RestClient:
    """A JSON API under one base URL with one set of headers. May be shared by threads.

    ``timeout`` (seconds) holds for connecting and for each read, ``total`` for the whole call; only looking a
    name up is left to the system's own time limit. ``name`` is what summaries call the remote.
    ``address_guard`` is asked about the IP address before it is connected to, and raises `AddressRefused`
    (see `addresses.guard_for`).
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: float = 10.0,
        total: float = 30.0,
        name: str = "The remote",
        address_guard: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._total = total
        self._guard = address_guard
        self._headers = {
            "User-Agent": "leadmirror",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **headers,
        }
        self._origin, self._base_path, self._base_query = split_base(base_url)
        self._host = self._origin.partition("://")[2]
        self._fault = self._find_fault()
        self._pid = 0

    def _find_fault(self) -> tuple[type[RemoteError], str] | None:
        """What is wrong with the address or the key, found before anything is sent."""
        if not self._origin:
            return WrongAddress, f"The address of {self.name} is not a web address. Check the base URL."
        if not all(_SENDABLE.fullmatch(value) for value in self._headers.values()):
            return (
                CredentialsRefused,
                f"The key for {self.name} holds characters that no key has. Enter it again.",
            )
        return None

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        write_before: float | None = None,
        max_body: int = MIB,
        names_one: bool = False,
        accept: tuple[int, ...] = (),
        parse: bool = True,
        is_write: bool | None = None,
    ) -> Answer:
        """Make one call and answer its JSON, or raise the `RemoteError` that applies.

        ``write_before`` is an instant of `uptime()`, checked when the connection stands and no byte
        is written yet. ``names_one``: the path names one record, so a 404 is `NotFound`. ``accept`` names
        statuses that, with JSON, are answers too. ``parse=False``: a 2xx of a JSON type (or 204) is enough;
        data is None where the body is no JSON. ``is_write`` says what a failure means; by default every
        method but GET and HEAD writes. A read may be repeated; a write only as its error's class says.
        """
        writes = method not in ("GET", "HEAD") if is_write is None else is_write
        asked = Asked(self.name, writes, names_one, accept, parse)
        seen, verdict, started_at = self.observe(
            asked, method, path, params=params, json=json, write_before=write_before, max_body=max_body
        )
        if isinstance(verdict, RemoteError):
            raise verdict
        assert seen.status is not None
        assert started_at is not None
        return Answer(seen.status, verdict, seen.headers, started_at)

    def observe(
        self,
        asked: Asked,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        write_before: float | None = None,
        max_body: int = MIB,
    ) -> tuple[Seen, Any, datetime | None]:
        """Make one call as `call` does: what was seen, the document or `RemoteError` it means, when it began."""
        if self._fault is not None:
            raise self._fault[0](self._fault[1])
        request = self._prepare(method, path, params, json, asked.is_write)
        began = time.monotonic()
        exchange = Exchange(WATCHDOG.start(self._total), write_before, self._guard)
        seen = self._exchange(request, exchange, asked.is_write, max_body, asked.accept)
        verdict = judge(asked, seen)
        self._log(method, path, seen, verdict, began)
        return seen, verdict, exchange.started_at

    def refuse_answer(self, answer: Answer, *, is_write: bool, detail: str) -> NoReturn:
        """Raise the error for JSON of the wrong shape. ``detail`` ends a sentence: "it has no id"."""
        log.info("%s answered with a strange shape: %s", self.name, detail)
        seen = Seen(status=answer.status, headers=answer.headers, body=_dump(answer.data))
        raise judge_strange(Asked(self.name, is_write), seen, detail)

    def _prepare(
        self, method: str, path: str, params: Mapping[str, str] | None, json: Any, writes: bool
    ) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.method = method
        request.url = self._build_url(path, params)
        headers = self._headers.copy()
        if json is not None:
            request.body = orjson.dumps(json)
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(len(request.body))
        if writes:
            headers["Connection"] = "close"
        request.headers = headers  # type: ignore[assignment]  # a plain dict is what the connection wants
        return request

    def _build_url(self, path: str, params: Mapping[str, str] | None) -> str:
        if not _PLAIN_PATH.fullmatch(path):
            path = quote(path, safe="/%:@!$&'()*+,;=-._~?")
        queries = [self._base_query, urlencode(params, quote_via=quote) if params else ""]
        query = "&".join(filter(None, queries))
        separator = "&" if "?" in path else "?"
        return f"{self._origin}{self._base_path}{path}{separator + query if query else ''}"

    def _adapter_for(self, writes: bool) -> HTTPAdapter:
        """Reads share kept-alive connections, never across a fork; a write gets a connection of its own."""
        if writes:
            return _Adapter(pool_connections=1, pool_maxsize=1)
        if self._pid != os.getpid():
            self._reads = _Adapter(pool_connections=1, pool_maxsize=32)
            self._pid = os.getpid()
        return self._reads

    def _exchange(
        self,
        request: requests.PreparedRequest,
        exchange: Exchange,
        writes: bool,
        max_body: int,
        accept: tuple[int, ...],
    ) -> Seen:
        """Send and read. Every fault of the wire ends up in what was seen, never in a chained exception."""
        seen = Seen()
        adapter = self._adapter_for(writes)
        raw: BaseHTTPResponse | None = None
        CURRENT.exchange = exchange
        try:
            timeout = min(self._timeout, self._total)
            raw = adapter.send(request, stream=True, timeout=(timeout, timeout)).raw
            _read(raw, seen, max_body, accept)
        except NothingSent as nothing:
            seen.unsent, seen.detail = nothing.why, nothing.detail
        except _WIRE_FAULTS as fault:
            _note_fault(seen, exchange, fault)
        finally:
            with suppress(*_WIRE_FAULTS):
                if raw is not None:
                    raw.close()
                if writes:
                    adapter.close()
            exchange.end()
            CURRENT.exchange = None
        if exchange.deadline.is_over and exchange.began:
            seen.end = End.SLOW
        return seen

    def _log(self, method: str, path: str, seen: Seen, verdict: Any, began: float) -> None:
        if log.isEnabledFor(logging.INFO):
            outcome = type(verdict).__name__ if isinstance(verdict, RemoteError) else "ok"
            milliseconds = (time.monotonic() - began) * 1000
            place = self._host + path.partition("?")[0]
            log.info("%s %s %s %s %d ms", method, place, seen.status or "-", outcome, milliseconds)


def _read(raw: BaseHTTPResponse, seen: Seen, max_body: int, accept: tuple[int, ...]) -> None:
    seen.status = raw.status
    seen.headers = raw.headers
    is_answer = 200 <= raw.status < 300 or raw.status in accept
    limit = max_body if is_answer else min(ERROR_BODY, max_body)
    seen.body = raw.read(limit + 1, decode_content=True)
    if len(seen.body) > limit:
        seen.body = seen.body[:limit]
        seen.end = End.TOO_LARGE


def _note_fault(seen: Seen, exchange: Exchange, fault: BaseException) -> None:
    if not exchange.began:
        late = exchange.deadline.is_over
        seen.unsent = Unsent.LATE if late else exchange.why or Unsent.REFUSED
        return
    if isinstance(fault, (ReadTimeoutError, requests.Timeout, TimeoutError)):
        seen.end = End.SLOW
    elif isinstance(fault, DecodeError):
        seen.end = End.UNREADABLE
    elif any(isinstance(cause, IncompleteRead) for cause in (fault, *fault.args)):
        seen.end = End.CUT_SHORT
    else:
        seen.end = End.BROKEN


def _dump(data: Any) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:
        return b""
