"""One imitated AVIV: who may call, which call is meant, and what portals and seekers do without the API."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from integrations.sandbox.clock import Clock
from integrations.sandbox.wire import Reply, Request

from . import calls, subscriptions
from .hooks import HookSender
from .readings import Readings
from .refusals import Refusal, firewall_reply, make_trace, render_refusal
from .shape import PLAIN_PROPERTY, Lead, build_lead, erase, render_lead
from .store import AvivStore, IdTaken, NewLead
from .tokens import Bearer, TokenDesk

#: The form that the pages ask of a User-Agent.
USER_AGENT = re.compile(r"[^\s/()]+/\d[\w.+-]*( [^\s/()]+/\d[\w.+-]*)*")

Call = Callable[["Aviv", Request, Bearer], Reply]
CallById = Callable[["Aviv", Request, Bearer, str], Reply]
FIXED: dict[str, dict[str, Call]] = {
    "/leads": {"GET": calls.get_leads, "POST": calls.create_lead},
    "/webhook/subscriptions": {
        "GET": subscriptions.list_subscriptions,
        "POST": subscriptions.create_subscription,
    },
}
BY_ID: tuple[tuple[re.Pattern[str], dict[str, CallById]], ...] = (
    (re.compile(r"/leads/([^/]+)"), {"GET": calls.get_lead}),
    (
        re.compile(r"/webhook/subscriptions/([^/]+)"),
        {"PUT": subscriptions.update_subscription, "DELETE": subscriptions.delete_subscription},
    ),
    (re.compile(r"/webhook/subscriptions/([^/]+)/audit"), {"GET": subscriptions.audit_subscription}),
)


class Aviv:
    """Seeker Leads at ``/sandbox/seeker-leads/v1``. Every method may be called from any thread."""

    name = "aviv"
    prefix = "/sandbox/seeker-leads/v1"

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        clock: Clock,
        readings: Readings,
        state: str = "",
        seed: int = 1,
    ) -> None:
        self.clock = clock
        self.readings = readings
        self.store = AvivStore(state, seed)
        self.desk = TokenDesk(self, client_id, client_secret)
        self.hooks = HookSender(self.store, clock, readings, seed)
        self._traces = random.Random(seed)

    def answer(self, request: Request, path: str) -> Reply:
        """The reply to one request, with its trace id."""
        if self.is_blocked(request):
            return firewall_reply()
        if self.readings.latency:
            time.sleep(self.readings.latency)
        trace = make_trace(self._traces)
        try:
            reply = self._route(request, path, self._admit(request))
        except Refusal as refusal:
            reply = render_refusal(refusal, self.readings.error_body, trace)
        reply.headers["traceparent"] = trace
        return reply

    def is_blocked(self, request: Request) -> bool:
        """Whether the firewall lets nothing through: no User-Agent, or none of the form asked for."""
        agent = request.headers.get("user-agent", "")
        return self.readings.needs_user_agent and not USER_AGENT.fullmatch(agent)

    def breaks_rate_rule(self, in_flight: int, recent: int) -> bool:
        """Whether a request that came as the so manieth at once and within 200 ms is one too many."""
        rule, limit = self.readings.rate_rule, self.readings.rate_limit
        too_many = rule in ("both", "in_flight") and in_flight > limit
        return too_many or (rule in ("both", "recent") and recent > limit)

    def _admit(self, request: Request) -> Bearer:
        if self.readings.rate_refuses and self.breaks_rate_rule(request.in_flight, request.recent):
            refusal = Refusal(429, "Too many concurrent requests")
            refusal.retry_after = int(self.readings.limit_says_when)
            raise refusal
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = self.desk.find(token.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            raise Refusal(self.readings.auth_status, "The access token is missing, unknown or expired")
        if not bearer.has_right:
            raise Refusal(403, "The access token lacks the scope for this API", title="Bad Scope")
        return bearer

    def _route(self, request: Request, path: str, bearer: Bearer) -> Reply:
        if path in FIXED:
            call = FIXED[path].get(request.method)
            if call:
                return call(self, request, bearer)
            raise Refusal(405, f"{request.method} is not allowed here")
        for pattern, by_method in BY_ID:
            match = pattern.fullmatch(path)
            by_id = by_method.get(request.method) if match else None
            if match and by_id:
                return by_id(self, request, bearer, match[1])
            if match:
                raise Refusal(405, f"{request.method} is not allowed here")
        raise Refusal(404, "No such resource")

    def find_visible(self, lead_id: str, agency: str = "") -> NewLead | None:
        """The lead, if by now it can be seen with a token of that agency."""
        row, now = self.store.find(lead_id), self.clock.now()
        if row is None or row.visible_at > now or (agency and row.agency not in ("", agency)):
            return None
        ttl, ingested_at = row.lead["metadata"].get("TTL"), row.lead["metadata"]["ingestionDate"]
        has_expired = isinstance(ttl, int) and ingested_at < ttl <= now
        return None if has_expired and self.readings.ttl_expires else row

    def show(self, lead: Lead) -> Lead:
        """The lead as the API shows it."""
        return render_lead(lead, self.readings)

    def add(
        self,
        category: str = "CLASSIFIED",
        *,
        ingested_at: float | None = None,
        appears_in: float = 0.0,
        agency: str = "",
        hook: bool = True,
        **fields: Any,
    ) -> Lead:
        """Keep a new lead as a portal delivers it; nothing is checked. Returns it as kept.

        ``ingested_at`` is its ingestion date, now by default; it can be seen ``appears_in`` seconds from now.
        Webhooks tell of it then. ValueError where the id is taken or a field unknown.
        """
        now = self.clock.now()
        ingested = int(now if ingested_at is None else ingested_at)
        lead = build_lead(category, self.store.next_id(), ingested, fields)
        announced = not hook or not self.hooks.has_readers()
        try:
            self.store.insert_all([NewLead(lead, now + appears_in, agency, announced)])
        except IdTaken:
            raise ValueError(f"there is a lead {lead['metadata']['leadId']} already") from None
        self.hooks.wake()
        return lead

    def erase(self, lead_id: str) -> Lead:
        """The person asked for erasure: their fields are shown as null from now on. KeyError if gone."""
        with self.store.lock:
            row = self.store.find(lead_id)
            if row is None:
                raise KeyError(lead_id)
            lead = erase(row.lead, self.readings)
            self.store.replace(lead)
        return lead

    def take_in(self, body: dict[str, Any], agency: str) -> str:
        """Process an accepted ``createLeadRequest`` a little later; returns the id of the request."""
        fields = {name: body[name] for name in CREATED if body.get(name) is not None}
        if self.readings.create_form == "normalised":
            fields = _normalise(fields)
        delay = self.readings.create_delay
        self.add(
            ingested_at=self.clock.now() + delay,
            appears_in=delay,
            agency=agency,
            without=[name for name in ("firstName", "gender") if name not in fields],
            property=PLAIN_PROPERTY
            | {"classifiedId": body["classifiedId"], "offererEstateId": None, "offererMarketingKey": None},
            **fields,
        )
        return str(uuid4())

    def close(self) -> None:
        """Stop sending webhooks and let go of the state file."""
        self.hooks.stop()
        self.store.set_fact("clock", str(self.clock.now()))
        self.store.close()


CREATED = ("firstName", "lastName", "gender", "email", "language", "phoneNumbers", "message")


def _normalise(fields: dict[str, Any]) -> dict[str, Any]:
    phones = [
        {"type": "MOBILE", **phone, "number": re.sub(r"[^0-9+]", "", phone["number"]), "verified": False}
        for phone in fields["phoneNumbers"]
    ]
    names: dict[str, Any] = {
        name: fields[name].strip() for name in ("firstName", "lastName") if name in fields
    }
    return {**fields, **names, "email": fields["email"].lower(), "phoneNumbers": phones}
