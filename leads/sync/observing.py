"""What each look at a lead teaches, and when to look again: the rows' side of ``freshness``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from leads.models import Cause, Connection, Contact, Copy, Lead, tallying
from leads.sync import correlating, pricing
from leads.sync.freshness import Belief, Model, Observation, Plan, Traits, interval_class

#: A lead that we wrote to, or that a webhook told about, is likely to be written to again soon.
WANTED_AFTER_PUSH, WANTED_AFTER_HINT = timedelta(minutes=30), timedelta(minutes=10)
#: What a copy must be loaded with to be planned and stored again: all but the heavy columns.
NEEDED = (
    "lead_id", "remote_id", "content_hash", "as_of", "seen_at", "changed_at", "missing_since", "awake_since",
    "wanted_until", "gamma_shape", "gamma_rate", "refresh_class", "demand",
)  # fmt: skip


class Facts(NamedTuple):
    """The columns of a lead that its worth depends on, and its office."""

    pk: int
    stage: str | None
    status: str | None
    next_action_date: datetime | None
    listed_at: datetime
    office_id: int | None


def facts_of(lead_ids: list[int]) -> dict[int, Facts]:
    """The facts of many leads, by id."""
    rows = Lead.objects.filter(pk__in=lead_ids).values_list(*Facts._fields)
    return {row[0]: Facts(*row) for row in rows}


def facts_around(lead: Lead, shown: Mapping[str, Any]) -> tuple[Facts, Facts]:
    """The facts before and after a look, from the lead as it was and the values that the remote shows."""
    before = Facts(*(getattr(lead, name) for name in Facts._fields))
    return before, before._replace(stage=shown["stage"], status=shown["status"])


def belief_of(row: Copy | Contact) -> Belief:
    """What is believed of a copy or a contact."""
    return Belief(row.gamma_shape, row.gamma_rate)


def traits_of(copy: Copy, lead: Lead | Facts) -> Traits:
    """What is known of a copy. One that was never planned counts from when its lead was made."""
    return Traits(
        awake_since=copy.awake_since or lead.listed_at,
        stage=lead.stage or "",
        status=lead.status or "",
        next_action_at=lead.next_action_date,
        wanted_until=copy.wanted_until,
    )


def plan_columns(plan: Plan) -> dict[str, Any]:
    """A plan as a copy's columns."""
    return {
        "refresh_interval": plan.interval,
        "refresh_class": plan.interval_class,
        "next_refresh_at": plan.next_refresh_at,
        "demand": plan.demand,
    }


def plan_in(model: Model, wait: timedelta, now: datetime) -> Plan:
    """Look again in about so long by the clock on the wall, whatever the copy is worth."""
    interval = max(model.floor, model.clock.elapsed(now, now + wait))
    return Plan(interval, interval_class(interval), now + wait, model.demand(interval))


class Looks:
    """The looks of one call of ``store``. Nothing is remembered outside of it before ``settle``."""

    def __init__(self, connection: Connection, cause: Cause, now: datetime) -> None:
        self.connection, self.cause, self.now = connection, cause, now
        self.model = pricing.load_model(connection, now)
        self._observations: list[Observation] = []
        self._demand = 0.0
        self._tallies: list[tuple[str, int]] = []
        self._offices: list[tuple[int | None, float, bool, datetime]] = []

    def first(self, lead: Lead, started_at: datetime) -> dict[str, Any]:
        """The columns of a copy that was seen for the first time: planned from its bucket's rates."""
        awake_since = min(lead.listed_at, started_at)
        copy = Copy(awake_since=awake_since, wanted_until=self._wanted(None, started_at, changed=True))
        self._tallies.append(("read:changed", 0))
        return self._columns(copy, Belief(), traits_of(copy, lead), started_at)

    def again(
        self, copy: Copy, before: Facts, after: Facts, started_at: datetime, *, changed: bool
    ) -> dict[str, Any]:
        """The columns of a copy that was seen again, and what that teaches.

        What our own push changed, or what a copy looks like that had vanished, says nothing about how often it changes.
        """
        traits, belief = traits_of(copy, before), belief_of(copy)
        if self.cause != Cause.PUSH and copy.missing_since is None:
            observation = self.model.observe(belief, traits, copy.seen_at, started_at, changed)
            if self.cause == Cause.REFRESH:
                expected = 1 - self.model.believed_unchanged(belief, traits, copy.seen_at, started_at)
                self._offices.append((before.office_id, expected, changed, started_at))
            self._observations.append(observation)
            belief = observation.belief
            self._count(copy, started_at, changed)
        woke = changed and self.model.wakes(traits, started_at)
        copy.awake_since = min(started_at if woke else traits.awake_since, started_at)
        copy.wanted_until = self._wanted(copy.wanted_until, started_at, changed=changed)
        return self._columns(copy, belief, traits_of(copy, after), started_at)

    def _columns(self, copy: Copy, belief: Belief, traits: Traits, started_at: datetime) -> dict[str, Any]:
        plan = self.model.plan(belief, traits, started_at)
        self._demand += plan.demand - copy.demand
        columns = {
            "as_of": started_at,
            "seen_at": started_at,
            "last_attempt_at": started_at,
            "failures": 0,
            "awake_since": copy.awake_since,
            "wanted_until": copy.wanted_until,
            "gamma_shape": belief.shape,
            "gamma_rate": belief.rate,
            **plan_columns(plan),
        }
        if copy.refresh_class is None:
            columns["refresh_class"] = None
        return columns

    def _wanted(self, until: datetime | None, at: datetime, *, changed: bool) -> datetime | None:
        if self.cause == Cause.PUSH:
            span = WANTED_AFTER_PUSH
        elif self.cause == Cause.WEBHOOK and changed:
            span = WANTED_AFTER_HINT
        else:
            return until
        return max(until, at + span) if until else at + span

    def _count(self, copy: Copy, started_at: datetime, changed: bool) -> None:
        if not changed:
            self._tallies.append(("read:unchanged", 0))
            return
        self._tallies.append(("read:changed", 0))
        minutes = max((started_at - copy.seen_at).total_seconds() / 60, 1 / 64)
        self._tallies.append(("delay", math.floor(math.log2(minutes))))

    def settle(self) -> None:
        """The rows are written: remember what was learnt, in memory."""
        for observation in self._observations:
            pricing.note(self.connection.pk, observation)
        if self._demand:
            pricing.note_demand(self.connection.pk, self._demand)
        for look in self._offices:
            correlating.note(self.connection.pk, *look)
        for measure, bucket in self._tallies:
            tallying.count(self.connection.pk, measure, bucket)
