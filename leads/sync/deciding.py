"""What a person decides about a push: try again, discard, say where it is. Between two values: see `resolving`.

Every function raises CannotPush, with a sentence, where the push's state does not allow it. Nothing is sent here.
"""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import F

from integrations.leadpro.fields import FIELDS, Kind
from leads.models import Cause, Conflict, Copy, Lead, Push
from leads.models.state import protected_fields, refresh_states
from leads.sync import handing, missing
from leads.sync.editing import CannotPush
from leads.sync.locking import lock, lock_lead
from leads.sync.merging import UNREADABLE
from leads.sync.saving import absorb_waiting, open_conflicts
from leads.sync.writing import write_columns_of

MAY_EXIST = (
    "Discarded here. It was sent and never confirmed, so {name} may have it all the same:"
    " look there before entering it again."
)
MAY_HAVE_ARRIVED = (
    "Discarded here. It was sent and never confirmed; the next reading shows what Lead.pro has."
)
STILL_UNFIT = "It would be refused as it is. Mend the field; it goes out by itself then."
NOTHING_KEPT = (
    "What was sent is not kept here any more, so it cannot be looked for. Look in {name}: if it is there, say"
    " “It is there”; if not, say “send again”, and the lead goes out as it is now."
)
UNFIT_NOW = "What was sent is not kept here any more, and the lead as it is now would be refused. {problems}"
NOT_SENT = "The lead itself was not sent."
MAY_STILL_ARRIVE = "What was sent may still arrive. Look once more in {minutes} min., then decide."


def retry(push: Push, actor: str, now: datetime) -> None:
    """Let it go on now. Whatever was ever unclear is looked for first, or, where nothing can be looked for, sent again
    because a person says so. Repeatable.
    """
    with transaction.atomic():
        _, row = locked(push)
        refuse_settled(row)
        _refuse_parked(row)
        if row.kind in Push.MAKES and not row.payload and row.state == Push.NEEDS_ATTENTION:
            raise CannotPush(NOTHING_KEPT.format(name=row.connection.get_remote_display()))
        if row.kind == Push.SUBMIT and row.was_unclear:
            _refuse_unsettled(row, now)
        if row.state in (Push.WAITING, Push.UNCLEAR):
            row.due_at = now
        elif row.state == Push.NEEDS_ATTENTION:
            set_going(row, now)
        row.save()
        refresh_states([row.lead_id], now)
    push.refresh_from_db()


def set_going(push: Push, now: datetime) -> None:
    """Out of NEEDS_ATTENTION; looked for first where that is unsure."""
    conflicts = open_conflicts(push.lead_id)
    if push.kind == Push.UPDATE and push.edits and all(name in conflicts for name in push.edits):
        raise CannotPush("Both values are kept; choose between them first.")
    unsure = bool(push.plan) if push.kind == Push.UPDATE else push.was_unclear and push.kind != Push.SUBMIT
    if unsure:
        _refuse_where_another_flies(push)
        push.state, push.claimed_at = Push.UNCLEAR, now
    else:
        push.state = Push.WAITING
        absorb_waiting(push, now)
    push.attempts = push.bugs = push.deaths = push.rounds = 0
    push.due_at = now
    push.problem = push.problem_code = push.problem_field = ""


def _refuse_where_another_flies(push: Push) -> None:
    others = Push.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id).exclude(pk=push.pk)
    if others.filter(state__in=(Push.SENDING, Push.UNCLEAR)).exists():
        raise CannotPush("Another change of this lead is on its way. Try again when it has arrived.")


def discard(push: Push, actor: str, now: datetime, cause: Cause = Cause.USER) -> None:
    """Do not send it. An update puts Lead.pro's values back, as a change; a create leaves the lead only here.

    Where something may have arrived all the same, push and lead say so. A second time changes nothing.
    """
    with transaction.atomic():
        lead, row = locked(push)
        if row.state == Push.DISCARDED:
            return
        refuse_settled(row)
        refuse_while_worked_on(row, now)
        if row.kind == Push.UPDATE:
            _discard_update(lead, row, actor, now, cause)
        else:
            _discard_create(lead, row, now)
        refresh_states([lead.pk], now)
    push.refresh_from_db()


def _discard_update(lead: Lead, push: Push, actor: str, now: datetime, cause: Cause) -> None:
    _end(push, MAY_HAVE_ARRIVED if push.plan else "", now)
    mine = Conflict.objects.filter(push=push, decided_at__isnull=True)
    mine.update(decided_at=now, decision="theirs", decided_by=actor)
    others = Push.objects.filter(lead_id=lead.pk, kind=Push.UPDATE, state__in=Push.OPEN)
    kept = protected_fields(others)
    refresh_states([lead.pk], now)
    missing.show_remote(lead, [name for name in push.edits if name != UNREADABLE], cause, actor, now)
    lead.refresh_from_db()
    # What no read shows, or no copy exists to show, goes back to what stood there before the edit.
    is_made = Copy.objects.filter(lead=lead, connection_id=push.connection_id).exists()
    unshown = [UNREADABLE] if is_made else [name for name in push.edits if "base" in push.edits[name]]
    columns = {n: as_column(n, push.edits[n]["base"]) for n in unshown if n in push.edits and n not in kept}
    if UNREADABLE in push.edits and UNREADABLE in kept:
        columns[UNREADABLE] = as_column(UNREADABLE, kept[UNREADABLE]["mine"])
    write_columns_of(lead, columns, cause=cause, actor=actor, now=now, connection_id=push.connection_id)


def _discard_create(lead: Lead, push: Push, now: datetime) -> None:
    may_exist = MAY_EXIST.format(name=push.connection.get_remote_display())
    _end(push, may_exist if push.was_unclear or push.state == Push.UNCLEAR else "", now)
    if push.problem:
        warnings = list(dict.fromkeys([*lead.warnings, push.problem]))
        Lead.objects.filter(pk=lead.pk).update(warnings=warnings, version=F("version") + 1)
    rows = Push.objects.filter(lead=lead, connection_id=push.connection_id, kind=Push.UPDATE)
    for waiting in lock(rows.filter(state__in=(Push.WAITING, Push.NEEDS_ATTENTION))):
        _end(waiting, NOT_SENT, now)


def _end(push: Push, sentence: str, now: datetime) -> None:
    push.state, push.settled_at, push.lease_until = Push.DISCARDED, now, None
    push.problem, push.problem_code, push.problem_field = sentence, "", ""
    push.fence += 1
    push.save()


def found(push: Push, leadpro_id: int, actor: str, now: datetime) -> None:
    """A person has seen it in Lead.pro: "It is there, #…". It is read and attached at the next delivery."""
    with transaction.atomic():
        _, row = locked(push)
        if row.kind not in Push.CREATES or row.state not in (Push.UNCLEAR, Push.NEEDS_ATTENTION):
            raise CannotPush("Only a new lead whose sending is in doubt can be pointed at one in Lead.pro.")
        _refuse_parked(row)
        refuse_while_worked_on(row, now)
        there = Copy.objects.filter(connection_id=row.connection_id, remote_id=str(leadpro_id)).first()
        if there is not None and there.lead_id != row.lead_id:
            raise CannotPush(
                f"Lead.pro #{leadpro_id} is here already as lead {there.lead_id}; discard this one."
            )
        row.plan = {"found": leadpro_id}
        row.state, row.was_unclear, row.due_at, row.claimed_at = Push.UNCLEAR, True, now, now
        row.problem = row.problem_code = row.problem_field = ""
        row.save()
        refresh_states([row.lead_id], now)
    push.refresh_from_db()


def send_again(push: Push, actor: str, now: datetime) -> None:
    """A person has looked and it is not there: the same body goes out once more. Not before what was sent is settled.

    Where the body was erased, the lead goes out as it is now. A second time is refused, since it is on its way then.
    """
    with transaction.atomic():
        lead, row = locked(push)
        _refuse_clear(row)
        _refuse_unsettled(row, now)
        if not row.payload:
            row.payload = _render_again(lead, row, now)
        row.state, row.due_at = Push.WAITING, now
        row.attempts = row.bugs = row.deaths = row.rounds = 0
        row.problem = row.problem_code = row.problem_field = ""
        row.save()
        refresh_states([row.lead_id], now)
    push.refresh_from_db()


def _render_again(lead: Lead, push: Push, now: datetime) -> dict[str, Any]:
    try:
        return handing.render_again(lead, push, now)
    except handing.Unfit as unfit:
        raise CannotPush(UNFIT_NOW.format(problems=unfit)) from None


def arrived(push: Push, reference: str, actor: str, now: datetime) -> None:
    """A person has seen it at a remote that shows us nothing: "It is there", with its reference if there is one."""
    with transaction.atomic():
        _, row = locked(push)
        if row.kind != Push.SUBMIT:
            raise CannotPush("Its number in Lead.pro is needed: it is read and attached then.")
        _refuse_clear(row)
        row.state, row.settled_at, row.lease_until = Push.DONE, now, None
        row.remote_reference = reference.strip()[:100] or row.remote_reference
        row.problem = row.problem_code = row.problem_field = ""
        row.fence += 1
        row.save()
        refresh_states([row.lead_id], now)
    push.refresh_from_db()


def _refuse_clear(push: Push) -> None:
    if push.kind not in Push.MAKES or push.state != Push.NEEDS_ATTENTION or not push.was_unclear:
        raise CannotPush("Only a new lead whose sending is in doubt, and stopped, can be decided so.")


def _refuse_unsettled(push: Push, now: datetime) -> None:
    if push.safe_at is not None and now < push.safe_at:
        minutes = ceil((push.safe_at - now).total_seconds() / 60)
        raise CannotPush(MAY_STILL_ARRIVE.format(minutes=minutes))


def as_column(field: str, value: Any) -> Any:
    """A JSON value as its column holds it."""
    if FIELDS[field].kind is Kind.INSTANT and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


def locked(push: Push) -> tuple[Lead, Push]:
    """The lead and the push as they are, locked."""
    lead = lock_lead(push.lead_id)
    return lead, lock(Push.objects.filter(pk=push.pk)).get()


def refuse_settled(push: Push) -> None:
    """What is over is not decided any more."""
    if push.state not in Push.OPEN:
        raise CannotPush(f"This push is over: it is {push.get_state_display()}.")


def _refuse_parked(push: Push) -> None:
    if push.is_parked:
        raise CannotPush(STILL_UNFIT)


def refuse_while_worked_on(push: Push, now: datetime) -> None:
    """Nobody decides what a worker holds."""
    leased = push.lease_until is not None and push.lease_until > now
    if push.state == Push.SENDING or leased:
        raise CannotPush("It is being sent or looked for at this moment. Try again in a minute.")
