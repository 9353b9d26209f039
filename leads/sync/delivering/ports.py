"""What the engine needs from the world: calls it yields, a store, a clock, and the facts of one connection."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from integrations.errors import TransientError
from integrations.verdicts import Submitted
from leads.sync.merging import Clash, Pair

CREATE, VALUATION, UPDATE, SUBMIT = "create", "valuation", "update", "submit"
WAITING, SENDING, UNCLEAR, DONE = "waiting", "sending", "unclear", "done"
DUPLICATE, NEEDS_ATTENTION, DISCARDED = "duplicate", "needs_attention", "discarded"
OPEN = (WAITING, SENDING, UNCLEAR, NEEDS_ATTENTION)


@dataclass(frozen=True, slots=True)
class Create:
    """POST a lead or an instant valuation. No byte may be written after ``write_before`` (seconds of `uptime`)."""

    payload: Mapping[str, Any]
    write_before: float
    is_valuation: bool = False


@dataclass(frozen=True, slots=True)
class Submit:
    """Give a lead to a remote that shows nothing afterwards. The answer is a `Submitted`."""

    payload: Mapping[str, Any]
    write_before: float


@dataclass(frozen=True, slots=True)
class Patch:
    """PATCH a lead; the answer teaches nothing."""

    lead_id: int
    payload: Mapping[str, Any]
    write_before: float


@dataclass(frozen=True, slots=True)
class Get:
    """Read a lead by id."""

    lead_id: int


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask for a person's leads by the exact spelling that was sent."""

    by: str
    value: str


@dataclass(frozen=True, slots=True)
class Probe:
    """The cheapest harmless call, to see whether the remote lives."""


Call = Create | Submit | Patch | Get | LookUp | Probe


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the lead, the list of them, or what became of a lead submitted."""

    data: Any
    started_at: datetime
    status: int = 200


class NotTried(TransientError):
    """No call was made: the connection is paused, not connected, or out of budget for ``wait`` seconds."""

    def __init__(self, summary: str, wait: float = 0.0) -> None:
        super().__init__(summary)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Claimed:
    """A push that this worker may work on as long as its fence stands."""

    push_id: int
    lead_id: int
    kind: str
    state: str  # sending or unclear
    token: str
    fence: int
    payload: Mapping[str, Any]
    edits: Mapping[str, Mapping[str, Any]]
    plan: Mapping[str, Any]
    remote_id: int | None
    attempts: int
    rounds: int
    bugs: int
    was_unclear: bool
    created_at: datetime
    claimed_at: datetime | None
    safe_at: datetime | None
    #: Fields that wait for a person's decision.
    in_conflict: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sent:
    """One send, for the record. ``excerpt`` is redacted."""

    started_at: datetime
    ended_at: datetime
    outcome: str
    status: int | None = None
    excerpt: str = ""
    remote_id: int | str | None = None
    reference: str = ""


@dataclass(slots=True)
class After:
    """How a push stands after a step. None leaves a thing as it is; ``state`` None on an update: what is left says."""

    state: str | None = None
    due_at: datetime | None = None
    problem: tuple[str, str, str] | None = None  # code, field, sentence
    release: bool = True
    counted: bool | None = None  # True: one more attempt; False: the claim's attempt does not count
    was_unclear: bool | None = None
    rounds: int | None = None
    bugs: int | None = None
    safe_at: datetime | None = None
    plan: Mapping[str, Any] | None = None
    over: list[str] = field(default_factory=list)
    over_pairs: list[Pair] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    #: What Lead.pro shows for fields that are over: later edits of them are based on it.
    rebase: dict[str, Any] = field(default_factory=dict)
    #: Fields whose columns show Lead.pro's value from now on.
    show: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    missing_at: datetime | None = None


class Store(Protocol):
    """The outbox. Every method is one transaction, committed when it returns."""

    def expire(self, now: datetime) -> int:
        """Take the claims of workers that died: a create, or an update that had a plan, becomes unclear."""

    def claim(
        self,
        now: datetime,
        *,
        lease: timedelta,
        safe_after: timedelta,
        creates: bool,
        push_id: int | None = None,
    ) -> Claimed | None:
        """Take the next due push (or this one, due or not) whose lead nobody works on: unclear ones first, then
        the oldest. ``creates`` False leaves new leads waiting. A waiting push becomes sending, with one more attempt
        and a new ``safe_at``; an unclear one keeps its state and its ``safe_at``.
        """

    def renew(self, claim: Claimed, until: datetime) -> bool:
        """Hold on to the claim; False when it was lost."""

    def record(self, claim: Claimed, sent: Sent) -> None:
        """Append an attempt, whether or not the claim still stands."""

    def learnt_id(self, claim: Claimed) -> int | None:
        """The remote id that any attempt of this push ever brought back."""

    def save(self, claim: Claimed, after: After, now: datetime) -> Claimed | None:
        """Move the push on, if the fence still stands; the claim as it is now, or None where it was lost."""

    def adopt(
        self, claim: Claimed, reply: Reply, now: datetime, *, is_own_answer: bool, warnings: list[str]
    ) -> str:
        """The remote lead in ``reply`` is this push's, whoever saw it first and whatever the fence says.

        ``is_own_answer``: it came as the answer to the create itself, so what it shows is what edits made since
        are based on. Returns DONE, or NEEDS_ATTENTION where the remote lead is here already as another lead.
        Repeatable.
        """

    def take_answer(self, claim: Claimed, answer: Submitted, now: datetime) -> None:
        """The remote answered a submit: done, or a duplicate, whatever the fence says. What a person decided stays,
        and is told. Repeatable.
        """

    def learnt_answer(self, claim: Claimed) -> Submitted | None:
        """What any attempt of this submit was ever answered."""

    def take_in(self, claim: Claimed, reply: Reply, now: datetime) -> None:
        """Mirror what a read showed. Older news is ignored; edits on their way stay on top."""

    def count_unclear(self, now: datetime) -> int:
        """Creates that are being sent or unclear, newer than the last write that succeeded; of submits, which a
        person decides about, those that may still arrive.
        """

    def note_written(self, now: datetime) -> None:
        """A write was answered well."""

    def change_breaker(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Read the breaker, change it, keep it; all at once. Nothing is written where nothing changed."""

    def count_calls(self, since: datetime) -> int:
        """Calls of any kind that this connection made since then."""


class Clock(Protocol):
    """Wall time, which all workers share, and this process's own, which never jumps."""

    def now(self) -> datetime:
        """Aware."""

    def monotonic(self) -> float:
        """Seconds."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings, and what is known about one connection. What is not known is answered the safe way."""

    send_window: timedelta
    settle: timedelta
    lease: timedelta
    max_attempts: int
    give_up: timedelta
    #: No PATCH later than this after the read it is based on started.
    gap: timedelta = timedelta(seconds=5)
    #: The remote, as people call it.
    name: str = "Lead.pro"
    #: Whether a second send of the same lead makes no second one there.
    refuses_duplicates: bool = False
    status_by: str = "name"
    needs_names: bool = True
    find_statuses: Callable[[str], list[int]] = lambda name: []
    #: Whether this connection's look-up path has ever shown a lead; without that a 404 there proves nothing.
    lookup_has_found: Callable[[], bool] = lambda: False
    #: Whether a lead that no look-up shows is not there; not so where look-ups leave child leads out.
    absence_counts: Callable[[], bool] = lambda: True
    #: Whether look-ups are known to show every lead of a person; without that, one shown may hide another.
    lookup_shows_children: Callable[[], bool] = lambda: False
    #: Whether look-ups are known to show ``meta``; without that, a lead shown without the key is read by its number.
    lookup_shows_meta: Callable[[], bool] = lambda: False
    #: Whether reads of this connection have ever shown an answer; without that a missing one proves nothing.
    shows_answers: Callable[[], bool] = lambda: False

    @property
    def safe_after(self) -> timedelta:
        """From the claim until a look-up that starts then settles whether a send arrived."""
        return self.send_window + self.settle


@dataclass(slots=True)
class Desk:
    """All that one delivery works with."""

    store: Store
    clock: Clock
    rules: Rules
    chance: random.Random
    #: Exceptions that mean our own database is out: nothing is held against the push then.
    outages: tuple[type[Exception], ...] = ()
