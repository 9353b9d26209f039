"""Hands a lead that is here to another connection: a create at Lead.pro, a submit at a remote that shows nothing.

One lead goes to one connection once: what is there, on its way, or was ever sent in doubt, is not sent a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from integrations.alterestate import payloads as alterestate
from integrations.aviv import submitting as aviv
from integrations.leadpro.fields import FIELDS, TOKEN_KEY, Call, writable
from integrations.leadpro.payloads import render_create
from integrations.mapping import CUT, FieldRule, apply_rules, as_text
from integrations.problems import Problem
from leads.models import Connection, Copy, Forward, Lead, Office, Push, Remote
from leads.models.push import new_token
from leads.models.state import refresh_states
from leads.sync.checking import check
from leads.sync.crashpoints import crashpoint
from leads.sync.delivering import words
from leads.sync.editing import CannotPush
from leads.sync.keeping import keep_typed
from leads.sync.locking import lock, lock_lead
from leads.sync.writing import warn

#: What a portal's lead bears in Lead.pro's ``meta``, beside our token.
HANDED_KEYS = ("aviv_id", "portal")
CREATABLE = tuple(field.name for field in writable(Call.CREATE))
#: What is said only when submitting to AVIV; the rest comes from the lead's columns.
AVIV_FIELDS = frozenset({*aviv.NAMES, "phone", "submitted_at"})
ALREADY_THERE = "It is at {name} already: #{remote_id}."
#: What Lead.pro takes little of and portals deliver much of.
SHORTENED = {"message": FieldRule(("message",), limit=FIELDS["message"].max_length(Call.CREATE))}
NOT_KEPT = (
    "What was sent to {name} before is not kept here any more, so it cannot be looked for."
    " Look there; if it is missing, enter it there."
)
ON_ITS_WAY = "It was handed to {name} already: push {push_id} is {state}."


class Unfit(CannotPush):
    """The other side would refuse it; ``problems`` name the fields."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(f"{one.field}: {one.detail}" for one in problems))
        self.problems = list(problems)


def hand_over(
    lead: Lead,
    *,
    connection: Connection,
    fields: Mapping[str, Any] | None = None,
    actor: str = "",
    notes: Sequence[str] = (),
    now: datetime,
) -> Push:
    """The intent to make this lead at ``connection``, in one transaction. ``fields`` beat the lead's own values.

    Raises `Unfit` where the other side would refuse it, CannotPush where the lead came from there, is there, or is on
    its way: a second request never makes a second lead. A discarded send that may have arrived is taken up again
    where it was left, with what was sent then.
    """
    with transaction.atomic():
        row = lock_lead(lead.pk)
        earlier = _earlier(row, connection)
        if earlier is not None and not earlier.is_parked:
            push = _take_up(row, earlier, connection, now)
        else:
            push, more = _new_push(row, connection, dict(fields or {}), now, earlier)
            notes = [*notes, *more]
        push.actor = actor
        push.save()
        for note in notes:
            warn(row.pk, note)
        refresh_states([row.pk], now)
        crashpoint("request:in_transaction")
    transaction.on_commit(lambda: crashpoint("request:committed"))
    lead.refresh_from_db()
    return push


def park(
    lead: Lead, *, connection: Connection, problems: Sequence[Problem], actor: str = "", now: datetime
) -> Push:
    """Keep a lead that ``connection`` would refuse where people see it: never sent as it is, replaced by the next
    `hand_over`. Repeatable. Raises CannotPush as `hand_over` does.
    """
    with transaction.atomic():
        row = lock_lead(lead.pk)
        push = _earlier(row, connection) or _blank(row, connection, now)
        if push.was_unclear:
            state = push.get_state_display()
            raise CannotPush(ON_ITS_WAY.format(name=connection.name, push_id=push.pk, state=state))
        push.state, push.actor = Push.NEEDS_ATTENTION, actor
        push.problem_code, push.problem_field = Push.UNFIT, problems[0].field[:60]
        push.problem = words.unfit(connection.get_remote_display(), str(Unfit(problems)))
        push.save()
        refresh_states([row.pk], now)
    lead.refresh_from_db()
    return push


def try_out(
    lead: Lead, connection: Connection, fields: Mapping[str, Any], now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """What `hand_over` would send, without our token, and its notes. Raises Unfit. Nothing is written."""
    payload, notes = _RENDERERS[Remote(connection.remote)](lead, connection, dict(fields), new_token(), now)
    meta = {key: value for key, value in payload.get("meta", {}).items() if key != TOKEN_KEY}
    return {**payload, "meta": meta} if meta else {k: v for k, v in payload.items() if k != "meta"}, notes


def render_again(lead: Lead, push: Push, now: datetime) -> dict[str, Any]:
    """The body of a push that has none any more, from the lead as it is now. Raises Unfit."""
    render = _RENDERERS[Remote(push.connection.remote)]
    return render(lead, push.connection, {}, push.token, now)[0]


def find_targets(lead: Lead) -> list[Connection]:
    """Where the lead could go: connected, and it neither came from there nor was ever sent there in earnest."""
    sent = Push.objects.filter(lead=lead, kind__in=Push.MAKES).exclude(Push.PARKED | Q(state=Push.DISCARDED))
    there = Copy.objects.filter(lead=lead)
    rows = Connection.objects.exclude(pk__in=sent.values("connection")).exclude(
        pk__in=there.values("connection")
    )
    return [row for row in rows.order_by("-from_environment", "id") if row.can_call]


def fields_of(connection: Connection) -> frozenset[str]:
    """The names that ``fields`` may hold for this connection."""
    return {
        Remote.LEADPRO: frozenset(CREATABLE),
        Remote.AVIV: AVIV_FIELDS,
        Remote.ALTERESTATE: frozenset(alterestate.FIELDS),
    }[Remote(connection.remote)]


def limits_of(connection: Connection) -> dict[str, int]:
    """Field to the most characters that are sent of it, for those where the beginning is better than nothing."""
    if connection.remote == Remote.LEADPRO:
        return {field.name: field.create_max for field in writable(Call.CREATE) if field.create_max}
    if connection.remote == Remote.ALTERESTATE:
        rules = alterestate.RULES.items()
        return {name: rule.limit for name, rule in rules if rule.limit and rule.too_long == CUT}
    return {}


def _earlier(lead: Lead, connection: Connection) -> Push | None:
    """A parked push, or a discarded send that may have arrived. Raises CannotPush for whatever else went this way,
    or came.
    """
    there = Copy.objects.filter(lead=lead, connection=connection).first()
    if there is not None:
        raise CannotPush(ALREADY_THERE.format(name=connection.name, remote_id=there.remote_id))
    rows = Push.objects.filter(lead=lead, connection=connection, kind__in=Push.MAKES).order_by("-pk")
    for push in lock(rows):
        if push.is_parked:
            return push
        if push.state != Push.DISCARDED:
            state = push.get_state_display()
            raise CannotPush(ON_ITS_WAY.format(name=connection.name, push_id=push.pk, state=state))
        if push.was_unclear:
            return push
    return None


def _take_up(lead: Lead, push: Push, connection: Connection, now: datetime) -> Push:
    """Looked for again; where nothing can be, a person decides again. What was typed since goes along."""
    if not push.payload:
        raise CannotPush(NOT_KEPT.format(name=connection.name))
    if push.kind in Push.CREATES:
        keep_typed(lead, push, now)
    push.due_at, push.claimed_at, push.settled_at = now, now, None
    push.attempts = push.rounds = push.bugs = push.deaths = 0
    push.problem_code = push.problem = push.problem_field = ""
    push.state = Push.UNCLEAR
    if push.kind == Push.SUBMIT:
        push.state, push.problem_code = Push.NEEDS_ATTENTION, "unclear"
        push.problem = words.SUBMIT_UNCLEAR.format(name=connection.get_remote_display())
    return push


def _new_push(
    lead: Lead, connection: Connection, fields: dict[str, Any], now: datetime, parked: Push | None
) -> tuple[Push, list[str]]:
    push = parked or _blank(lead, connection, now)
    render = _RENDERERS[Remote(connection.remote)]
    push.payload, notes = render(lead, connection, fields, push.token, now)
    push.state, push.due_at = Push.WAITING, now
    push.problem = push.problem_code = push.problem_field = ""
    if parked is not None:
        Forward.objects.filter(push=parked).update(state=Forward.HANDED, problem="")
    return push, notes


def _blank(lead: Lead, connection: Connection, now: datetime) -> Push:
    kind = Push.CREATE if connection.remote == Remote.LEADPRO else Push.SUBMIT
    return Push(lead=lead, connection=connection, kind=kind, created_at=now, due_at=now)


def _for_leadpro(
    lead: Lead, connection: Connection, fields: dict[str, Any], token: str, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Everything that Lead.pro takes of a new lead, and where it came from in ``meta``."""
    values = {name: getattr(lead, name) for name in CREATABLE}
    shortened = apply_rules(values, SHORTENED)
    values |= {name: shortened.values[name] for name in shortened.uncut}
    offices = Office.objects.filter(connection=connection, is_gone=False)
    if lead.office_id is None or not offices.filter(office_id=lead.office_id).exists():
        # Offices are an account's own.
        values["office_id"] = None
    meta = {**(lead.meta or {}), **_provenance(lead)}
    values |= {"meta": meta or None, **fields}
    if "meta" in fields:
        values["meta"] = {**(fields["meta"] or {}), **_provenance(lead)}
    checked = check(
        {name: value for name, value in values.items() if value is not None}, Call.CREATE, connection
    )
    if checked.problems:
        raise Unfit(checked.problems)
    notes = [] if "message" in fields else shortened.notes
    return render_create(checked.values, token, Call.CREATE), [*checked.warnings, *notes]


def _provenance(lead: Lead) -> dict[str, str]:
    copies = sorted(lead.copies.all(), key=lambda one: one.pk)
    copy = next((one for one in copies if one.connection.remote == Remote.AVIV), None)
    if copy is None:
        return {}
    metadata = copy.raw.get("metadata")
    portal = metadata.get("portal") if isinstance(metadata, dict) else None
    known = {"aviv_id": copy.remote_id, "portal": portal}
    return {key: value for key, value in known.items() if isinstance(value, str) and value}


def _for_aviv(
    lead: Lead, connection: Connection, fields: dict[str, Any], token: str, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    _refuse_unknown(fields, AVIV_FIELDS, "AVIV")
    values = {name: getattr(lead, name, None) for name in AVIV_FIELDS} | fields
    values["submitted_at"] = _instant(values.get("submitted_at")) or lead.created_at or now
    if problems := aviv.check_submit(values):
        raise Unfit(problems)
    return aviv.render_create(values), []


def _for_alterestate(
    lead: Lead, connection: Connection, fields: dict[str, Any], token: str, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    _refuse_unknown(fields, frozenset(alterestate.FIELDS), "AlterEstate")
    columns = {name for rule in alterestate.RULES.values() for name in rule.columns}
    values = {name: getattr(lead, name, None) for name in columns}
    said = {
        name: replace(alterestate.RULES.get(name, FieldRule()), fixed=as_text(value))
        for name, value in fields.items()
        if value is not None
    }
    mapped = alterestate.render(values, said)
    if mapped.problems:
        raise Unfit(mapped.problems)
    return dict(mapped.values), mapped.notes


def _refuse_unknown(fields: Mapping[str, Any], known: frozenset[str], name: str) -> None:
    unknown = sorted(fields.keys() - known)
    if unknown:
        raise Unfit([Problem(field, "unknown", f"{name} has no such field.") for field in unknown])


def _instant(value: Any) -> Any:
    """A time as people's programs write it; anything else is left to the check."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_RENDERERS = {
    Remote.LEADPRO: _for_leadpro,
    Remote.AVIV: _for_aviv,
    Remote.ALTERESTATE: _for_alterestate,
}
