"""Life at the agency: portals deliver enquiries, agents work them, also those created by the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from integrations.sandbox.people import invent_address, invent_postcode
from integrations.sandbox.pulse import Pulse

from .enquiries import QUESTIONS, Enquirer
from .offices import OFFICES
from .shape import Lead
from .statuses import suits

if TYPE_CHECKING:
    from .remote import LeadPro

NEXT: dict[str, tuple[str, ...]] = {
    "New": ("Contacted", "Contacted", "Attempted contact", "Call back later"),
    "Call back later": ("Contacted", "Attempted contact"),
    "Attempted contact": ("Contacted", "Contacted", "Lost"),
    "Contacted": ("Qualified", "Viewing booked", "Valuation booked", "Lost"),
    "Qualified": (
        "Viewing booked",
        "Valuation booked",
        "Waiting for documents",
        "Passed to mortgage adviser",
    ),
    "Waiting for documents": ("Qualified", "Offer made", "Lost"),
    "Viewing booked": ("Offer made", "Offer made", "Lost"),
    "Valuation booked": ("Instructed", "Instructed", "Lost"),
    "Offer made": ("Sale agreed", "Let agreed", "Lost"),
    "Instructed": ("Sale agreed", "Let agreed"),
}
#: Sandbox seconds until an agent takes the lead up again.
PAUSE = (30.0, 240.0)
NEW_SHARE = 0.3


class Life(Pulse):
    """A thread that makes ``rate`` events a minute: new enquiries, and agents' work on old and new ones."""

    def __init__(self, remote: LeadPro, *, rate: float, seed: int) -> None:
        super().__init__(rate=rate, seed=seed)
        self.counts = {"enquiries": 0, "edits": 0}
        self._remote = remote
        self._enquirer = Enquirer(self._chance, int(remote.store.get_fact("people") or 0))

    def step(self) -> Lead | None:
        """One event; returns the lead it was about, or None where nothing could be done."""
        if self._chance.random() < NEW_SHARE:
            return self.deliver()
        return self.work()

    def deliver(self) -> Lead:
        """A portal delivers an enquiry."""
        lead = self._remote.add(self._enquirer.invent(), origin="portal", due_in=self._chance.uniform(*PAUSE))
        self.counts["enquiries"] += 1
        self._remote.store.set_fact("people", str(self._enquirer.number))
        return lead

    def work(self) -> Lead | None:
        """An agent works a lead: one that came by the API if any is due, else one that is due, else any."""
        store, now = self._remote.store, self._remote.clock.now()
        with store.lock:
            lead = self._pick_lead(now)
            return self._act(lead, now) if lead else None

    def _pick_lead(self, now: float) -> Lead | None:
        store = self._remote.store
        lead = store.find_due(now, "api")
        if lead is None and self._chance.random() < 0.6:
            lead = store.find_due(now)
        if lead is None:
            lead = store.find_newest(int(self._chance.expovariate(1 / 60))) or store.find_newest(0)
        return lead

    def _act(self, lead: Lead, now: float) -> Lead | None:
        following = NEXT.get(lead["status"])
        act = self._move_on if following and self._chance.random() < 0.6 else self._chance.choice(ACTS)(self)
        changes = act(lead)
        due_at = now + self._chance.uniform(*PAUSE) if following else None
        self._remote.store.set_due(lead["id"], due_at)
        self.counts["edits"] += 1
        return self._remote.change(lead["id"], changes, staff=True)

    def _move_on(self, lead: Lead) -> dict[str, Any]:
        fitting = [status for status in NEXT[lead["status"]] if suits(status, lead["type"])]
        return {"status": self._chance.choice(fitting or ["Lost"])}

    def _ask(self, lead: Lead) -> dict[str, Any]:
        question, answers = self._chance.choice(QUESTIONS)
        return {"questionnaire": [*(lead["questionnaire"] or []), [question, self._chance.choice(answers)]]}

    def _record_consent(self, lead: Lead) -> dict[str, Any]:
        return {"gdpr_checkbox": not lead["gdpr_checkbox"]}

    def _correct_address(self, _lead: Lead) -> dict[str, Any]:
        office = self._chance.choice(OFFICES)
        postcode = invent_postcode(self._chance.choice(office.covers), self._chance)
        return {"address": invent_address(office.name, self._chance), "postcode": postcode}

    def _refer(self, lead: Lead) -> dict[str, Any]:
        office = self._chance.choice(OFFICES)
        return {
            "office_id": office.id,
            "referred_by_office_id": lead["office_id"],
            "referred_by_office_name": lead["office_name"],
        }

    def _note(self, lead: Lead) -> dict[str, Any]:
        budget = self._chance.randrange(150, 900, 25)
        return {"meta": {**(lead["meta"] or {}), "Budget": f"£{budget},000"}}


Act = Callable[[Lead], dict[str, Any]]
ACTS: tuple[Callable[[Life], Act], ...] = (
    lambda life: life._ask,
    lambda life: life._record_consent,
    lambda life: life._correct_address,
    lambda life: life._refer,
    lambda life: life._note,
)
