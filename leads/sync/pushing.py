"""Outbox to remote, exactly once in effect: asking for a create, a valuation or an update, and the doors to the rest.

How a push is delivered is in ``delivering``, what a person decides about one in ``deciding``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from integrations.leadpro.fields import Call, writable
from integrations.leadpro.payloads import render_create
from leads.models import Cause, Change, Connection, Copy, Lead, Origin, Push, Remote, SyncState
from leads.models.keys import email_key, phone_key
from leads.models.push import new_token
from leads.models.state import refresh_states
from leads.models.values import json_value
from leads.sync import editing
from leads.sync.crashpoints import crashpoint
from leads.sync.deciding import arrived, discard, found, retry, send_again
from leads.sync.delivering import words
from leads.sync.delivering.driver import deliver_due, deliver_push
from leads.sync.delivering.engine import Delivered
from leads.sync.editing import CannotPush
from leads.sync.handing import HANDED_KEYS, Unfit, hand_over, park
from leads.sync.locking import lock, lock_lead
from leads.sync.mending import change_here, columns_of, find_differing, is_only_here
from leads.sync.resolving import resolve
from leads.sync.saving import open_conflicts, set_mine
from leads.sync.writing import write_columns_of

__all__ = [
    "CannotPush",
    "Delivered",
    "Unfit",
    "arrived",
    "change_here",
    "deliver_due",
    "deliver_push",
    "discard",
    "found",
    "hand_over",
    "is_only_here",
    "park",
    "request_create",
    "request_update",
    "resolve",
    "retry",
    "send_again",
]

CREATABLE = tuple(field.name for field in writable(Call.CREATE))


def request_create(
    values: Mapping[str, Any],
    *,
    connection: Connection,
    kind: str = Push.CREATE,
    origin: str = Origin.ADMIN,
    actor: str = "",
    cause: Cause = Cause.USER,
    warnings: Sequence[str] = (),
    now: datetime,
) -> Push:
    """Make a lead here and the intent to make it at Lead.pro, in one transaction. ``values`` are checked and cleaned.

    Not repeatable: each call is another lead.
    """
    token = new_token()
    with transaction.atomic():
        lead = Lead.objects.create(
            **values,
            origin=origin,
            listed_at=now,
            first_seen_at=now,
            changed_at=now,
            sync_state=SyncState.PENDING,
            warnings=list(warnings),
            email_key=email_key(values.get("email")),
            phone_key=phone_key(values.get("phone")),
        )
        push = Push.objects.create(
            lead=lead,
            connection=connection,
            kind=kind,
            token=token,
            payload=render_create(values, token, Call(kind)),
            actor=actor,
            created_at=now,
            due_at=now,
        )
        shown = {name: [None, json_value(value)] for name, value in values.items() if value is not None}
        change = Change(
            at=now,
            lead=lead,
            connection=connection,
            cause=cause,
            actor=actor,
            fields=shown,
            office_after=lead.office_id,
        )
        Change.objects.append([change])
        crashpoint("request:in_transaction")
    transaction.on_commit(lambda: crashpoint("request:committed"))
    return push


def request_update(
    lead: Lead,
    changes: Mapping[str, Any],
    *,
    actor: str = "",
    cause: Cause = Cause.USER,
    now: datetime,
    connection: Connection | None = None,
) -> Push | None:
    """Change a lead here and at Lead.pro. ``changes`` are checked and cleaned; ``questionnaire`` holds pairs to add.

    Joins the update that is waiting already, if there is one. None when nothing differs, or when everything that
    differed is an open conflict's business now. Raises CannotPush for a lead that Lead.pro neither has nor will have.
    """
    with transaction.atomic():
        row = lock_lead(lead.pk)
        at = connection or _connection_of(row)
        pushes = list(lock(Push.objects.filter(lead=row, connection=at, state__in=Push.OPEN).order_by("pk")))
        create = next((p for p in pushes if p.kind in Push.CREATES and not p.is_parked), None)
        if create is None and not Copy.objects.filter(lead=row, connection=at).exists():
            raise CannotPush(
                "This lead is only here: Lead.pro does not have it, so there is nothing to change there."
            )
        differing = find_differing(row, changes)
        if not differing:
            return None
        wanted = {name: json_value(value) for name, value in differing.items()}
        left = _fix_refused_create(row, create, differing, wanted, now)
        left = _into_conflicts(row, left, now)
        push = _into_update(row, at, pushes, left, actor, now) if left else create or None
        write_columns_of(
            row, columns_of(row, differing), cause=cause, actor=actor, now=now, connection_id=at.pk
        )
        crashpoint("request:in_transaction")
    lead.refresh_from_db()
    transaction.on_commit(lambda: crashpoint("request:committed"))
    return push


def _connection_of(lead: Lead) -> Connection:
    """Where the lead is, or is going to be."""
    copy = (
        Copy.objects.filter(lead=lead, connection__remote=Remote.LEADPRO).select_related("connection").first()
    )
    if copy is not None:
        return copy.connection
    push = (
        Push.objects.open()
        .exclude(Push.PARKED)
        .filter(lead=lead, kind__in=Push.CREATES)
        .select_related("connection")
        .first()
    )
    if push is None:
        raise CannotPush(
            "This lead is only here: Lead.pro does not have it, so there is nothing to change there."
        )
    return push.connection


def _fix_refused_create(
    lead: Lead, create: Push | None, differing: Mapping[str, Any], wanted: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """A create that Lead.pro refused, and certainly does not have, goes out again with what was mended."""
    if create is None or create.state != Push.NEEDS_ATTENTION or create.was_unclear:
        return wanted
    mended = [name for name in differing if name in CREATABLE]
    if not mended or create.problem_code != "refused":
        return wanted
    columns = columns_of(lead, differing)
    fresh = render_create({name: columns[name] for name in mended}, create.token, Call(create.kind))
    kept = {name: value for name, value in create.payload.items() if name not in mended}
    if "meta" in mended:
        before = create.payload["meta"]
        fresh["meta"] |= {key: before[key] for key in HANDED_KEYS if key in before}
    create.payload = {**fresh, **kept}
    create.state, create.due_at, create.attempts = Push.WAITING, now, 0
    create.problem = create.problem_code = create.problem_field = ""
    create.save()
    refresh_states([lead.pk], now)
    return {name: value for name, value in wanted.items() if name not in mended}


def _into_conflicts(lead: Lead, wanted: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A field that waits for a decision takes the new value as ours; the decision stays open."""
    left = dict(wanted)
    for name, conflict in open_conflicts(lead.pk).items():
        if name not in left:
            continue
        mine = left.pop(name)
        for owner in lock(Push.objects.filter(pk=conflict.push_id)):
            set_mine(conflict, owner, mine, now.timestamp())
    return left


def _into_update(
    lead: Lead, connection: Connection, pushes: list[Push], wanted: dict[str, Any], actor: str, now: datetime
) -> Push | None:
    """Put the edits into the update that can take them, or a new one. None where they cancel it."""
    updates = [p for p in pushes if p.kind == Push.UPDATE]
    conflicts = open_conflicts(lead.pk)
    joined = next((p for p in updates if p.state == Push.WAITING), None) or next(
        (
            p
            for p in updates
            if p.state == Push.NEEDS_ATTENTION and not p.plan and not conflicts.keys() & p.edits.keys()
        ),
        None,
    )
    flying = {name: edit for p in updates if p is not joined for name, edit in p.edits.items()}
    known = joined.edits if joined else {}
    edits = editing.fold(known, wanted, lambda name: json_value(getattr(lead, name)), flying, now.timestamp())
    if joined is None:
        if not edits:
            return None
        joined = Push(
            lead=lead, connection=connection, kind=Push.UPDATE, actor=actor, created_at=now, due_at=now
        )
    joined.edits, joined.actor = edits, actor or joined.actor
    if not edits:
        joined.state, joined.settled_at, joined.problem = (
            Push.DISCARDED,
            now,
            "Taken back before it was sent.",
        )
    elif joined.state == Push.NEEDS_ATTENTION:
        joined.state, joined.due_at, joined.attempts, joined.bugs = Push.WAITING, now, 0, 0
        joined.problem = joined.problem_code = joined.problem_field = ""
    if joined.state == Push.WAITING:
        _hold_back(joined, now)
    joined.save()
    return joined if edits else None


def _hold_back(push: Push, now: datetime) -> None:
    """Say so where it waits for what was sent before it, and given up, to arrive or to be too late for that."""
    late = Push.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id).may_still_arrive(now)
    until = late.exclude(pk=push.pk).aggregate(last=Max("safe_at"))["last"]
    if until is not None:
        push.due_at = max(push.due_at, until)
        push.problem_code, push.problem, push.problem_field = "settling", words.SETTLING, ""
