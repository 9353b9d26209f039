"""A client of the control plane, for tests and demos whose sandbox runs in another process.
Standard library only.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from .alterestate.control import AlterEstateControl
from .aviv.control import AvivControl
from .control_face import CONTROL_HEADER

Row = dict[str, Any]


class ControlRefused(Exception):
    """The control plane said no; the text is its reason."""


class SandboxControl(AvivControl, AlterEstateControl):
    """The methods of ``Sandbox`` over HTTP. ``url`` is the sandbox's root, ``http://127.0.0.1:8100``."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self.url = url.rstrip("/")
        self._host = urlsplit(url).netloc
        self._timeout = timeout

    @property
    def leadpro_url(self) -> str:
        """The base URL of the imitated Lead.pro."""
        return f"{self.url}/api/v103"

    def wait_ready(self, seconds: float = 10.0) -> None:
        """Return when the sandbox answers; TimeoutError where it does not in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.stats()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no sandbox answers at {self.url}") from None
                time.sleep(0.05)

    def stats(self) -> Row:
        """Counts of leads, requests, webhooks and life's events."""
        return self._row("GET", "/stats")

    def log(
        self, method: str = "*", path: str = "*", *, remote: str = "*", after: int = 0, limit: int = 1000
    ) -> list[Row]:
        """Requests received, oldest first, the last ``limit`` of them; ``after`` is a request's number."""
        asked = {"method": method, "path": path, "remote": remote, "after": after, "limit": limit}
        query = urlencode(asked)
        return list(self._row("GET", f"/log?{query}")["requests"])

    def count(self, method: str = "*", path: str = "*", *, remote: str = "*") -> int:
        """How many requests were received."""
        query = urlencode({"method": method, "path": path, "remote": remote, "limit": 1})
        return int(self._row("GET", f"/log?{query}")["count"])

    def clear_log(self) -> None:
        """Forget the log."""
        self._call("DELETE", "/log")

    def fault(self, action: str, method: str = "*", path: str = "*", **details: Any) -> Row:
        """Set a fault; returns it with its number."""
        return self._row("POST", "/faults", {"action": action, "method": method, "path": path, **details})

    def faults(self) -> list[Row]:
        """The faults still set."""
        return list(self._call("GET", "/faults"))

    def clear_faults(self) -> None:
        """Forget every fault and every late request."""
        self._call("DELETE", "/faults")

    def leads(self, *, after: int = 0, limit: int = 1000) -> list[Row]:
        """A page of leads in id order."""
        return list(
            self._row("GET", f"/leadpro/leads?{urlencode({'after': after, 'limit': limit})}")["leads"]
        )

    def lead(self, lead_id: int) -> Row | None:
        """One lead, or None."""
        found = self._find(lead_id)
        return dict(found["lead"]) if found else None

    def next_action(self, lead_id: int) -> str | None:
        """The ``next_action_date`` last accepted."""
        found = self._find(lead_id)
        return found["next_action_date"] if found else None

    def add_lead(self, **fields: Any) -> Row:
        """A new lead as a portal delivers it."""
        return self._row("POST", "/leadpro/leads", fields)

    def staff_edit(self, lead_id: int, **fields: Any) -> Row:
        """Change a lead as staff do."""
        return self._row("PATCH", f"/leadpro/leads/{lead_id}", fields)

    def delete_lead(self, lead_id: int) -> None:
        """Delete a lead as staff do."""
        self._call("DELETE", f"/leadpro/leads/{lead_id}")

    def add_status(self, name: str, stage_id: int = 50) -> int:
        """Add a status of the account's own."""
        return int(self._row("POST", "/leadpro/statuses", {"name": name, "stage_id": stage_id})["id"])

    def readings(self) -> Row:
        """How the documents are read now."""
        return self._row("GET", "/leadpro/readings")

    def set_readings(self, **readings: Any) -> None:
        """Read the documents differently."""
        self._call("PATCH", "/leadpro/readings", readings)

    def set_api_key(self, *keys: str) -> None:
        """Accept these keys and no others."""
        self._call("PUT", "/leadpro/api-keys", {"keys": keys})

    def set_webhook(self, url: str) -> None:
        """Send webhooks there; empty for nowhere."""
        self._call("PUT", "/leadpro/webhook", {"url": url})

    def write_export(self, path: str = "") -> int:
        """Write the dashboard's export; returns its number of rows."""
        return int(self._row("POST", "/leadpro/export", {"path": path})["rows"])

    def set_life(self, rate: float) -> None:
        """Events a minute."""
        self._call("PUT", "/life", {"rate": rate})

    def step_life(self) -> Row | None:
        """One event now; the lead it was about."""
        found: Row | None = self._call("POST", "/life/step")
        return found

    def advance_clock(self, seconds: float) -> None:
        """Move the sandbox's clock on."""
        self._call("POST", "/clock", {"advance": seconds})

    def reset(self, leads: int = 0) -> None:
        """Start again with ``leads`` seeded leads."""
        self._call("POST", "/reset", {"leads": leads})

    def elsewhere(self) -> list[Row]:
        """Requests that followed a redirect to the other host, and whether they brought a key."""
        return list(self._call("GET", "/elsewhere"))

    def _find(self, lead_id: int) -> Row | None:
        try:
            return self._row("GET", f"/leadpro/leads/{lead_id}")
        except LookupError:
            return None

    def _row(self, method: str, path: str, body: Row | None = None) -> Row:
        return dict(self._call(method, path, body))

    def _call(self, method: str, path: str, body: Row | None = None) -> Any:
        headers = {"Content-Type": "application/json", CONTROL_HEADER: "1"}
        data = None if body is None else json.dumps(body).encode()
        connection = HTTPConnection(self._host, timeout=self._timeout)
        with closing(connection):
            connection.request(method, f"/_sandbox{path}", data, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        if answer.status == 404:
            raise LookupError(content["error"])
        if answer.status >= 400:
            raise ControlRefused(content["error"])
        return content
