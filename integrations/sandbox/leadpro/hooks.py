"""Webhooks from Lead.pro to its customer: unsigned, sent once, never repeated, in no sure order."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from integrations.sandbox.wire import json_bytes

from .readings import Readings
from .shape import Lead, render_hook

TIMEOUT_SECONDS = 3.0


class HookSender:
    """Sends to ``url`` from its own thread; with no URL nothing is sent. Counts say what became of each."""

    def __init__(self, readings: Readings, seed: int) -> None:
        self.url = ""
        self.counts = {"sent": 0, "failed": 0, "lost": 0}
        self._readings = readings
        self._random = random.Random(seed)
        self._queue: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, event: str, lead: Lead) -> None:
        """Queue one webhook, unless this reading loses it; returns at once."""
        url = self.url
        if not url:
            return
        if self._random.random() < self._readings.hook_loss:
            self.counts["lost"] += 1
            return
        body = json_bytes(render_hook(event, lead, self._readings))
        for _ in range(2 if self._random.random() < self._readings.hook_twice else 1):
            self._queue.put((url, body))
        self._start()

    def stop(self) -> None:
        """Give up what is still queued."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sandbox-hooks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                item = self._queue.get(timeout=60)
            except Empty:
                continue
            if item is not None and not self._stopping.wait(self._readings.hook_delay):
                self._post(*item)

    def _post(self, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        headers = {"Content-Type": "application/json", "User-Agent": "LeadPro-Webhook"}
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            with closing(HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)) as connection:
                connection.request("POST", path, body, headers)
                connection.getresponse().read(1024)
            self.counts["sent"] += 1
        except (OSError, HTTPException):
            self.counts["failed"] += 1
