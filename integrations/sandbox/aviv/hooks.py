"""Webhooks from AVIV to a subscription's URL. Only that they carry its key is known, so how is a reading."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import random
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from integrations.sandbox.clock import Clock, render_instant
from integrations.sandbox.wire import json_bytes

from .readings import Readings
from .shape import Lead, render_lead
from .store import AvivStore
from .subscriptions import EVENTS_KEPT

TIMEOUT_SECONDS = 3.0
#: How often leads are looked for that became visible without anybody's doing.
LOOK_SECONDS = 0.1


@dataclass(order=True, slots=True)
class _Post:
    """One delivery to make; ``at`` is on the monotonic clock."""

    at: float
    subscription_id: str = field(compare=False)
    lead: Lead = field(compare=False)
    attempt: int = field(default=1, compare=False)


class HookSender:
    """Tells every active subscription of each new lead, from a thread of its own."""

    def __init__(self, store: AvivStore, clock: Clock, readings: Readings, seed: int) -> None:
        self.counts: Counter[str] = Counter(sent=0, failed=0, lost=0)
        self._store = store
        self._clock = clock
        self._readings = readings
        self._random = random.Random(seed)
        self._due: list[_Post] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        if self.has_readers():
            self._start()

    def has_readers(self) -> bool:
        """Whether anybody wants to be told."""
        return any(row["status"] == "ACTIVE" for row in self._store.subscriptions())

    def keep(self, row: dict[str, Any]) -> None:
        """Keep a subscription; it is told of leads that can be seen from now on."""
        with self._store.lock:
            if not self.has_readers():
                self._store.take_unannounced(self._clock.now())
            self._store.keep_subscription(row)
        self._start()

    def wake(self) -> None:
        """There may be a lead to tell of."""
        self._wake.set()

    def stop(self) -> None:
        """Give up what is still to be sent."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT_SECONDS + 1)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sandbox-aviv-hooks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            self._collect()
            while self._due and self._due[0].at <= time.monotonic() and not self._stopping.is_set():
                self._deliver(heapq.heappop(self._due))

    def _collect(self) -> None:
        leads = self._store.take_unannounced(self._clock.now())
        at = time.monotonic() + self._readings.hook_delay
        for lead in leads:
            for row in self._store.subscriptions():
                if row["status"] == "ACTIVE":
                    self._queue(_Post(at, row["subscriptionId"], lead))

    def _queue(self, post: _Post) -> None:
        if self._random.random() < self._readings.hook_loss:
            self.counts["lost"] += 1
            return
        for _ in range(2 if self._random.random() < self._readings.hook_twice else 1):
            heapq.heappush(self._due, post)

    def _deliver(self, post: _Post) -> None:
        row = self._find(post.subscription_id)
        if row is None or row["status"] != "ACTIVE":
            return
        status = self._post(row, post.lead)
        succeeded = 200 <= status < 300
        self.counts["sent" if succeeded else "failed"] += 1
        self._note(post, status, succeeded=succeeded)
        if not succeeded and post.attempt <= self._readings.hook_retries:
            at = time.monotonic() + self._readings.hook_retry_seconds
            heapq.heappush(self._due, _Post(at, post.subscription_id, post.lead, post.attempt + 1))

    def _find(self, subscription_id: str) -> dict[str, Any] | None:
        rows = self._store.subscriptions()
        return next((row for row in rows if row["subscriptionId"] == subscription_id), None)

    def _note(self, post: _Post, status: int, *, succeeded: bool) -> None:
        """Write the delivery into the audit, unless the subscription has gone meanwhile."""
        now = render_instant(self._clock.now())
        event = {
            "eventId": str(uuid4()),
            "timestamp": now,
            "status": "SUCCESS" if succeeded else "FAILURE",
            "httpStatus": status or None,
            "attempt": post.attempt,
        }
        with self._store.lock:
            row = self._find(post.subscription_id)
            if row is None:
                return
            row["events"] = [*row["events"], event][-EVENTS_KEPT:]
            row["failures"] = 0 if succeeded else row["failures"] + 1
            if succeeded:
                row["lastSuccessTimestamp"] = now
            elif 0 < self._readings.hook_gives_up <= row["failures"]:
                row |= {"status": "INACTIVE", "updatedAt": now}
            self._store.keep_subscription(row)

    def _post(self, row: dict[str, Any], lead: Lead) -> int:
        """The status answered; 0 where there was no answer."""
        parts = urlsplit(row["url"])
        body = render_body(lead, self._readings)
        headers = {"Content-Type": "application/json", "User-Agent": "aviv-webhook/1.0"}
        headers |= render_key(row["apiKey"], body, self._readings.hook_key)
        query = parts.query
        if self._readings.hook_key == "query":
            query = f"{query}&apiKey={quote(row['apiKey'])}".lstrip("&")
        path = f"{parts.path or '/'}?{query}" if query else parts.path or "/"
        if parts.scheme != "http":
            return 0
        try:
            with closing(HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)) as connection:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                answer.read(1024)
                return answer.status
        except (OSError, HTTPException):
            return 0


def render_body(lead: Lead, readings: Readings) -> bytes:
    """What is posted about a new lead."""
    shown, lead_id = render_lead(lead, readings), lead["metadata"]["leadId"]
    forms: dict[str, Any] = {
        "lead": shown,
        "items": {"items": [shown]},
        "id": {"leadId": lead_id},
        "event": {"event": "LEAD_CREATED", "data": shown},
    }
    return json_bytes(forms[readings.hook_form]) if readings.hook_form in forms else b""


def render_key(key: str, body: bytes, form: str) -> dict[str, str]:
    """The header that proves the sender; none where the key stands in the query or nowhere."""
    forms = {
        "x-api-key": {"X-API-Key": key},
        "apikey": {"apiKey": key},
        "authorization": {"Authorization": key},
        "bearer": {"Authorization": f"Bearer {key}"},
        "apikey_scheme": {"Authorization": f"ApiKey {key}"},
    }
    if form == "signature":
        return {"X-Signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}
    return forms.get(form, {})
