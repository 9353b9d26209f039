"""One imitated Lead.pro account: who may call, which call is meant, and what staff do without the API."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from integrations.sandbox.clock import Clock, render_instant
from integrations.sandbox.wire import Reply, Request

from . import calls
from .hooks import HookSender
from .offices import ACCOUNT_ID, ACCOUNT_NAME, OFFICES, Routed, find_office, route_postcode
from .readings import Readings
from .refusals import Problem, Refusal, render_refusal
from .shape import KEYS, Lead, complete, join_name
from .statuses import StatusList
from .store import LeadStore

APPLICANTS = ("sale", "let")


class LeadPro:
    """Lead.pro at ``/api/v103``. Every method may be called from any thread."""

    name = "leadpro"
    prefix = "/api/v103"

    def __init__(
        self, *, api_key: str, clock: Clock, readings: Readings, state: str = "", seed: int = 1
    ) -> None:
        self.api_keys = {api_key}
        self.clock = clock
        self.readings = readings
        self.store = LeadStore(state, seed)
        self.statuses = StatusList()
        self.hooks = HookSender(self.readings, seed)
        self._calls_at: deque[float] = deque()

    def answer(self, request: Request, path: str) -> Reply:
        """The reply to one request."""
        if self.readings.latency:
            time.sleep(self.readings.latency)
        try:
            self._admit(request)
            return self._route(request, path)
        except Refusal as refusal:
            return render_refusal(refusal, self.readings.error_body)

    def _admit(self, request: Request) -> None:
        if request.headers.get("x-api-key") not in self.api_keys:
            raise Refusal(self.readings.auth_status, Problem("", "Unauthorized"))
        if self.readings.requests_per_minute:
            self._count_call(self.readings.requests_per_minute, time.monotonic())

    def _count_call(self, limit: int, now: float) -> None:
        """Refuse what goes beyond ``limit`` in any 60 seconds; a refused call does not count."""
        with self.store.lock:
            while self._calls_at and self._calls_at[0] <= now - 60:
                self._calls_at.popleft()
            if len(self._calls_at) >= limit:
                refusal = Refusal(429, Problem("", "Too Many Requests"))
                if self.readings.limit_says_when:
                    refusal.retry_after = math.ceil(self._calls_at[0] + 60 - now)
                raise refusal
            self._calls_at.append(now)

    def _route(self, request: Request, path: str) -> Reply:
        fixed: dict[str, dict[str, Callable[[LeadPro, Request], Reply]]] = {
            "/leads": {"POST": calls.create_lead},
            "/leads/valuation": {"POST": calls.create_valuation},
            "/person/leads": {"GET": calls.find_leads},
            "/offices": {"GET": calls.get_offices},
            self.readings.statuses_path: {"GET": calls.get_statuses},
        }
        lead_id = path.removeprefix("/leads/")
        if path in fixed:
            call = fixed[path].get(request.method)
            if call:
                return call(self, request)
        elif path.startswith("/leads/") and lead_id.isdecimal() and len(lead_id) < 19:
            by_id = {"GET": calls.get_lead, "PATCH": calls.update_lead}.get(request.method)
            if by_id:
                return by_id(self, request, int(lead_id))
        else:
            raise Refusal(404, Problem("", "Not Found"))
        raise Refusal(405, Problem("", "Method Not Allowed"))

    def add(
        self,
        fields: Lead,
        *,
        origin: str,
        hook: bool = True,
        due_in: float | None = None,
    ) -> Lead:
        """Keep a new lead, filled up as Lead.pro fills it; nothing is checked. Returns all 58 keys."""
        now = self.clock.now()
        with self.store.lock:
            lead = self.compose(fields, now)
            due_at = None if due_in is None else now + due_in
            if origin == "api":
                due_at = now + 20 + lead["id"] % 40
            self.store.insert(lead, origin=origin, stored_at=now, due_at=due_at)
        if hook and (origin != "api" or self.readings.hook_echo):
            self.hooks.send("lead.created", lead)
        return lead

    def compose(self, fields: Lead, now: float) -> Lead:
        """A whole lead from some of its fields: id, office, status, account, times."""
        unknown = set(fields) - set(KEYS)
        if unknown:
            raise ValueError(f"a lead has no {', '.join(sorted(unknown))}")
        lead = complete(fields)
        lead["id"] = fields.get("id") or self.store.next_id()
        self.store.note_id(lead["id"])
        lead["created_at"] = fields.get("created_at") or render_instant(now)
        lead["full_name"] = fields.get("full_name") or join_name(fields)
        self._place(lead)
        status = self.statuses.find_by_name(fields.get("status") or "New")
        lead |= {
            "status": fields.get("status") or "New",
            "stage": status.stage if status else fields.get("stage"),
        }
        lead |= {"account_id": ACCOUNT_ID, "account_name": ACCOUNT_NAME}
        lead["international"] = bool(fields.get("international"))
        parent = self.find_parent(fields) if self.readings.duplicates == "child" else None
        lead["parent_id"] = fields.get("parent_id") or parent
        lead["is_parent"] = fields.get("is_parent", lead["parent_id"] is None)
        return lead

    def _place(self, lead: Lead) -> None:
        """Put the lead into the office it names, or into the one that its postcode leads to."""
        if (office := find_office(lead["office_id"])) is not None:
            lead |= {"office_id": office.id, "office_name": office.name}
            return
        first, second = "advert_postcode", "postcode"
        if lead["type"] not in APPLICANTS:
            first, second = second, first
        postcode = lead[first] or lead[second]
        routed = route_postcode(postcode) if postcode else self._place_nowhere()
        if routed:
            lead |= {"office_id": routed.office.id, "office_name": routed.office.name}
            lead["out_of_area_distance"] = routed.distance

    def _place_nowhere(self) -> Routed | None:
        if self.readings.no_office == "refuse":
            raise Refusal(self.readings.refusal_status, Problem("office_id", "or a postcode is required"))
        return Routed(OFFICES[0], None) if self.readings.no_office == "head_office" else None

    def find_parent(self, fields: Lead) -> int | None:
        """The first lead of the same e-mail address."""
        email = fields.get("email")
        known = (
            self.store.find_by_email(email, stored_before=self.clock.now()) if isinstance(email, str) else []
        )
        return next((lead["id"] for lead in known if lead["is_parent"]), None)

    def change(self, lead_id: int, changes: dict[str, Any], *, staff: bool = False) -> Lead | None:
        """Apply changes and say so by webhook; None where there is no such lead.
        Nothing is checked or appended.
        """
        changes = dict(changes)
        with self.store.lock:
            lead = self.store.find(lead_id)
            if lead is None:
                return None
            if "next_action_date" in changes:
                self.store.set_next_action(lead_id, changes.pop("next_action_date"))
            self._fill_in(lead, changes)
            self.store.update(lead)
        if staff or self.readings.hook_echo:
            self.hooks.send("lead.updated", lead)
        return lead

    def _fill_in(self, lead: Lead, changes: dict[str, Any]) -> None:
        """What follows from a change: full name from names, stage from status, office name from office."""
        unknown = set(changes) - set(KEYS)
        if unknown:
            raise ValueError(f"a lead has no {', '.join(sorted(unknown))}")
        if "status" in changes and "stage" not in changes:
            status = self.statuses.find_by_name(changes["status"])
            changes["stage"] = status.stage if status else lead["stage"]
        office = find_office(changes["office_id"]) if changes.get("office_id") is not None else None
        if office:
            changes |= {"office_id": office.id, "office_name": office.name}
        elif "office_id" in changes and changes["office_id"] is None:
            changes.pop("office_id")
        lead.update(changes)
        if ("first_name" in changes or "last_name" in changes) and "full_name" not in changes:
            lead["full_name"] = join_name(lead)

    def close(self) -> None:
        """Stop sending webhooks and let go of the state file."""
        self.hooks.stop()
        self.store.set_fact("clock", str(self.clock.now()))
        self.store.close()
