"""What a sandbox offers tests and demos about AVIV: leads without the API, tokens gone bad, readings, counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from integrations.sandbox.clock import Clock
from integrations.sandbox.log import Entry

from .life import AvivLife
from .readings import Readings
from .remote import Aviv
from .seeding import seed_aviv
from .shape import Lead

if TYPE_CHECKING:
    from integrations.sandbox.box import Sandbox


class AvivMethods:
    """The part of a sandbox that is about AVIV. Leads are as the API shows them by default: nested, not flat."""

    aviv: Aviv
    aviv_life: AvivLife
    aviv_client_id = "sandbox-client"
    aviv_client_secret = "sandbox-secret"  # noqa: S105 - of an invented client

    @property
    def url(self) -> str:
        """The root of the sandbox's server."""
        # Sandbox, which this is mixed into, has the server.
        raise NotImplementedError

    def build_aviv(self, clock: Clock, *, state: str, seed: int, life: float, readings: Readings) -> None:
        """Set it up; the state file of AVIV lies beside that of Lead.pro."""
        self.aviv = Aviv(
            client_id=self.aviv_client_id,
            client_secret=self.aviv_client_secret,
            clock=clock,
            readings=readings,
            state=f"{state}.aviv" if state else "",
            seed=seed,
        )
        clock.not_before(float(self.aviv.store.get_fact("clock") or 0))
        self.aviv_life = AvivLife(self.aviv, rate=life, seed=seed)

    def fill_aviv(self, days: int, leads: int, seed: int) -> None:
        """Seed leads where there are none yet."""
        if leads and not self.aviv.store.count():
            self.seed_aviv(days, leads, seed)

    @property
    def aviv_url(self) -> str:
        """The base URL of the imitated AVIV, which is also the audience of its tokens."""
        return self.url + self.aviv.prefix

    @property
    def aviv_token_url(self) -> str:
        """Where tokens are handed out."""
        return f"{self.url}{self.aviv.desk.prefix}/token"

    @property
    def aviv_leads(self) -> list[Lead]:
        """Every lead as AVIV holds it, in order of arrival, also those not to be seen yet."""
        return list(self.aviv.store.iter_all())

    def aviv_lead(self, lead_id: str) -> Lead | None:
        """One lead as AVIV holds it, or None."""
        row = self.aviv.store.find(lead_id)
        return row.lead if row else None

    def add_aviv_lead(self, category: str = "CLASSIFIED", **fields: Any) -> Lead:
        """A new lead as a portal delivers it; by default that of an invented Ada Example.

        Fields are named as in the schemas, wherever they stand there; ``phone``, ``without`` and ``raw`` as in
        ``shape.build_lead``; ``ingested_at``, ``appears_in``, ``agency`` and ``hook`` as in ``Aviv.add``.
        """
        return self.aviv.add(category, **fields)

    def erase_aviv(self, lead_id: str) -> Lead:
        """Null the person's fields, as an erasure does. KeyError if gone."""
        return self.aviv.erase(lead_id)

    def delete_aviv(self, lead_id: str) -> bool:
        """Let a lead be gone, as after its TTL."""
        return self.aviv.store.delete(lead_id)

    def seed_aviv(self, days: int = 120, leads: int = 25_000, seed: int = 1, *, late: int = 0) -> int:
        """Add that many leads of the last ``days``, quickly; ``late`` of them are seen within the next minute."""
        return seed_aviv(self.aviv, days=days, leads=leads, seed=seed, late=late)

    def set_aviv_readings(self, **readings: Any) -> None:
        """Change how AVIV's pages are read; see ``aviv.readings``."""
        self.aviv.readings.change(**readings)

    def expire_aviv_tokens(self) -> None:
        """Every token handed out so far answers 401 from now on."""
        self.aviv.store.spoil_tokens("expires_at")

    def unscope_aviv_tokens(self) -> None:
        """Every token handed out so far lacks the right: 403 "Bad Scope" until a new one is fetched."""
        self.aviv.store.spoil_tokens("has_right")

    def set_aviv_right(self, *, granted: bool) -> None:
        """Whether tokens handed out from now on have the right."""
        self.aviv.desk.has_right = granted

    def set_aviv_client(self, client_id: str, client_secret: str) -> None:
        """From now on this client gets tokens and no other."""
        self.aviv.desk.clients = {client_id: client_secret}

    def set_aviv_bearer(self, *tokens: str) -> None:
        """Accept these as bearer without anybody having fetched them."""
        self.aviv.desk.fixed = set(tokens)

    def aviv_violations(self, entries: list[Entry]) -> int:
        """How many requests broke the rule of 10 at once and 10 in 200 ms, whether refused or not."""
        return sum(
            entry.remote == self.aviv.name and self.aviv.breaks_rate_rule(entry.in_flight, entry.recent)
            for entry in entries
        )

    def reset_aviv(self) -> None:
        """As new: no leads, tokens and subscriptions, client and readings by default."""
        self.aviv.store.clear()
        self.aviv.readings.change(**Readings().as_dict())
        self.set_aviv_client(self.aviv_client_id, self.aviv_client_secret)
        self.set_aviv_bearer()
        self.set_aviv_right(granted=True)
        self.aviv.desk.counts.clear()

    def aviv_stats(self, entries: list[Entry]) -> dict[str, Any]:
        """Counts of leads, tokens, broken rate rules, webhooks and life's events."""
        ours = [entry for entry in entries if entry.remote == self.aviv.name]
        return {
            "leads": self.aviv.store.count(),
            "tokens_issued": self.aviv.desk.counts["issued"],
            "tokens_refused": self.aviv.desk.counts["refused"],
            "requests": len(ours),
            "most_in_flight": max((entry.in_flight for entry in ours), default=0),
            "rate_violations": self.aviv_violations(entries),
            "webhooks": dict(self.aviv.hooks.counts),
            "life": dict(self.aviv_life.counts),
        }


def build_aviv_routes(box: Sandbox) -> dict[str, Callable[[Any], Any]]:
    """The control plane's routes about AVIV."""

    def show_leads(ask: Any) -> Any:
        rows = box.aviv.store.find_some(
            after=int(ask.query.get("after", "0")), limit=int(ask.query.get("limit", "1000"))
        )
        return {"leads": [lead for _, lead in rows], "after": rows[-1][0] if rows else None}

    def show_lead(ask: Any) -> Any:
        lead = box.aviv_lead(ask.query["id"])
        if lead is None:
            raise LookupError(ask.query["id"])
        return lead

    return {
        "GET /aviv/leads": show_leads,
        "POST /aviv/leads": lambda ask: box.add_aviv_lead(**ask.body),
        "GET /aviv/lead": show_lead,
        "DELETE /aviv/lead": lambda ask: {"deleted": box.delete_aviv(ask.query["id"])},
        "POST /aviv/erasures": lambda ask: box.erase_aviv(ask.body["lead_id"]),
        "POST /aviv/seed": lambda ask: {"leads": box.seed_aviv(**ask.body)},
        "GET /aviv/readings": lambda _: box.aviv.readings.as_dict(),
        "PATCH /aviv/readings": lambda ask: box.set_aviv_readings(**ask.body),
        "POST /aviv/tokens/expire": lambda _: box.expire_aviv_tokens(),
        "POST /aviv/tokens/unscope": lambda _: box.unscope_aviv_tokens(),
        "PUT /aviv/right": lambda ask: box.set_aviv_right(**ask.body),
        "PUT /aviv/client": lambda ask: box.set_aviv_client(**ask.body),
        "PUT /aviv/bearer": lambda ask: box.set_aviv_bearer(*ask.body["tokens"]),
        "PUT /aviv/life": lambda ask: box.aviv_life.set_rate(float(ask.body["rate"])),
        "POST /aviv/life/step": lambda _: box.aviv_life.step(),
    }
