"""The rows by which people are looked up now and then: made wherever a lead shows an address or a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from leads.models import Connection, Contact
from leads.models.columns import write_columns
from leads.models.keys import email_key, phone_key
from leads.sync import pricing
from leads.sync.freshness import Belief, Model, Plan, backoff
from leads.sync.observing import belief_of, plan_in

#: An address that more leads share than this belongs to no person: an office, a portal, "none@example.org".
MOST_LEADS = 20
#: Nobody is found by these, however often one asks.
NOBODYS = frozenset({"noreply", "no-reply", "donotreply", "do-not-reply", "none", "test"})


@dataclass(frozen=True, slots=True)
class Person:
    """How one lead can be found again: by e-mail, else by phone."""

    by: str
    key: str
    spelling: str
    awake_since: datetime


def people_of(shown: Mapping[str, Any], awake_since: datetime) -> list[Person]:
    """The contact of a lead as a remote shows it; none where nobody could be found by what it shows."""
    email, phone = shown["email"], shown["phone"]
    if key := email_key(email):
        is_somebodys = "@" in key and key.partition("@")[0] not in NOBODYS
        return [Person(Contact.EMAIL, key, email.strip()[:320], awake_since)] if is_somebodys else []
    if key := phone_key(phone):
        return [Person(Contact.PHONE, key, phone.strip()[:320], awake_since)]
    return []


def note_people(connection: Connection, people: Iterable[Person], model: Model, now: datetime) -> None:
    """See to it that these people are looked up: a row each, and a person with a newer lead is awake again.

    To be called inside the transaction that stores their leads. Repeatable.
    """
    newest: dict[tuple[str, str], Person] = {}
    for person in people:
        known = newest.get((person.by, person.key))
        if known is None or known.awake_since < person.awake_since:
            newest[person.by, person.key] = person
    if not newest:
        return
    rows = Contact.objects.filter(connection=connection, key__in={key for _, key in newest})
    awake = []
    for row in rows:
        if (row.by, row.key) not in newest:
            continue
        person = newest.pop((row.by, row.key))
        if person.awake_since > row.awake_since:
            plan = _plan(row, model, person.awake_since, now)
            awake.append((row.pk, {"awake_since": person.awake_since, **plan}))
    write_columns(Contact, sorted(awake, key=lambda row: row[0]))
    # In one order, so that two transactions that know the same people never wait for each other in a circle.
    fresh = [_new_row(connection, newest[key], model, now) for key in sorted(newest)]
    Contact.objects.bulk_create(fresh, ignore_conflicts=True)
    pricing.note_demand(connection.pk, sum(row.demand for row in fresh))


def _new_row(connection: Connection, person: Person, model: Model, now: datetime) -> Contact:
    """A person who was never looked up is due, but not overdue: a mirror that is new has many of them."""
    plan = model.contact_plan(Belief(), person.awake_since, now)
    return Contact(
        connection=connection,
        by=person.by,
        key=person.key,
        spelling=person.spelling,
        awake_since=person.awake_since,
        last_attempt_at=now - timedelta(seconds=plan.interval),
        next_ask_at=now,
        refresh_interval=plan.interval,
        refresh_class=plan.interval_class,
        demand=plan.demand,
    )


def _plan(row: Contact, model: Model, awake_since: datetime, now: datetime) -> dict[str, Any]:
    return _columns(row, model.contact_plan(belief_of(row), awake_since, now))


def _columns(row: Contact, plan: Plan) -> dict[str, Any]:
    pricing.note_demand(row.connection_id, plan.demand - row.demand)
    return {
        "refresh_interval": plan.interval,
        "refresh_class": plan.interval_class,
        "next_ask_at": plan.next_refresh_at,
        "demand": plan.demand,
    }


def note_look(
    connection: Connection, by: str, key: str, asked_at: datetime, *, leads: int, discovered: int
) -> None:
    """Somebody was looked up by this address or number, by the schedule or by a person, and the answer was good.

    ``leads``: how many were shown; ``discovered``: how many of them were not known here. Nothing happens where there
    is no such contact, or a look that was asked for later is noted already.
    """
    row = Contact.objects.filter(connection=connection, by=by, key=key).first()
    if row is None or (row.asked_at is not None and row.asked_at >= asked_at):
        return
    model = pricing.load_model(connection, asked_at)
    belief = belief_of(row)
    if row.asked_at is not None:
        observation = model.contact_observe(belief, row.awake_since, row.asked_at, asked_at, discovered > 0)
        belief = observation.belief
        # Hours of the week are learnt from leads: when a person writes again says little about staff's hours.
        pricing.note(connection.pk, replace(observation, hours={}))
    if leads > MOST_LEADS:
        plan = plan_in(model, timedelta(seconds=model.coldest), asked_at)
    else:
        plan = model.contact_plan(belief, row.awake_since, asked_at)
    Contact.objects.filter(pk=row.pk).update(
        last_attempt_at=asked_at,
        asked_at=asked_at,
        failures=0,
        gamma_shape=belief.shape,
        gamma_rate=belief.rate,
        **_columns(row, plan),
    )


def note_failure(contact_id: int, connection: Connection, now: datetime) -> None:
    """A look-up that failed: asked again ever later. It says nothing about the person."""
    for row in Contact.objects.filter(pk=contact_id):
        plan = backoff(row.failures + 1, now, pricing.load_model(connection, now).price)
        Contact.objects.filter(pk=row.pk).update(
            last_attempt_at=now, failures=row.failures + 1, **_columns(row, plan)
        )
