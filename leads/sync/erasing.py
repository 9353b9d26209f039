"""Erasure: what came from a remote lead goes, stays gone, and leads handed on are listed for a person to decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from integrations.leadpro.payloads import parse_lead
from leads.models import (
    Attempt,
    Cause,
    Change,
    Connection,
    Copy,
    Delivery,
    Erasure,
    Lead,
    Origin,
    Push,
    Remote,
)
from leads.models.erasure import remote_hashes
from leads.models.keys import email_key, phone_key
from leads.models.state import refresh_states
from leads.sync.comparing import COLUMNS
from leads.sync.locking import lock
from leads.sync.writing import warn

#: Two reads that show nobody must lie at least so far apart before anything is erased.
SURE_AFTER = timedelta(hours=1)
BATCH = 100
HERE = "here, where it was first entered"
WORDS = "{remote} has erased the person of this lead. It was handed on before, so please decide what becomes of it."
_SENT = (
    Q(state__in=(Push.SENDING, Push.UNCLEAR, Push.DONE, Push.DUPLICATE))
    | Q(was_unclear=True)
    | ~Q(remote_id="")
)


class AlreadyDecided(Exception):
    """Somebody else was faster, or nothing is to be decided."""


def weigh(connection: Connection, blank: Mapping[str, datetime], known: Mapping[str, Erasure]) -> set[str]:
    """Which of these remote leads, shown without the person they once had, are to be erased now.

    ``blank``: remote id to when the read that showed nobody was started. A first such read is only remembered; a
    second one, an hour or more later, is proof. To be called inside the transaction that stores the read. Repeatable.
    """
    fresh = [
        Erasure(
            connection=connection,
            remote_hash=remote_hashes(connection, remote_id)[0],
            cause=Erasure.REMOTE,
            noticed_at=read_at,
        )
        for remote_id, read_at in blank.items()
        if remote_id not in known
    ]
    Erasure.objects.bulk_create(fresh, ignore_conflicts=True)
    return {
        remote_id
        for remote_id, read_at in blank.items()
        if remote_id in known and read_at - known[remote_id].noticed_at >= SURE_AFTER
    }


def clear_suspicions(rows: Iterable[Erasure]) -> None:
    """The person is shown again: the read before was a mistake of the remote's. What is erased stays erased."""
    ids = [row.pk for row in rows if row.erased_at is None]
    if ids:
        Erasure.objects.filter(pk__in=ids, erased_at__isnull=True).delete()


def has_expired(connection: Connection, now: datetime) -> bool:
    """Whether the remote wants something deleted by now."""
    return Copy.objects.filter(connection=connection, expires_at__lte=now).exists()


def expire_due(connection: Connection, now: datetime) -> int:
    """Erase what the remote wanted deleted by now; how many there were, at most BATCH. Repeatable."""
    with transaction.atomic():
        due = Copy.objects.filter(connection=connection, expires_at__lte=now).order_by("expires_at", "id")
        ids = list(lock(due).values_list("pk", flat=True)[:BATCH])
        if ids:
            erase_copies(connection, ids, Erasure.EXPIRED, now)
    return len(ids)


def expire_all(connection: Connection, until: datetime) -> int:
    """Batch after batch, as long as there is time; how many there were. Repeatable."""
    count = total = expire_due(connection, timezone.now())
    while count and timezone.now() < until:
        count = expire_due(connection, timezone.now())
        total += count
    return total


def erase_copies(connection: Connection, copy_ids: Collection[int], cause: str, now: datetime) -> None:
    """Erase everything that came from these copies, for good. Last in a transaction: it appends to the feed.

    A lead that was nowhere else is deleted. One that was handed on keeps what the other remote shows, and waits for a
    person's decision. Webhook bodies that name the remote lead are emptied.
    """
    copies = list(Copy.objects.filter(pk__in=copy_ids).order_by("id"))
    leads = _locked([copy.lead_id for copy in copies])
    places = _find_places(connection, leads.values())
    whole = [leads[copy.lead_id] for copy in copies if not places[copy.lead_id]]
    for copy in copies:
        Erasure.objects.update_or_create(
            connection=connection,
            remote_hash=remote_hashes(connection, copy.remote_id)[0],
            defaults={
                "cause": cause,
                "erased_at": now,
                "lead_id": copy.lead_id if places[copy.lead_id] else None,
                "places": places[copy.lead_id],
            },
            create_defaults={
                "cause": cause,
                "noticed_at": now,
                "erased_at": now,
                "lead_id": copy.lead_id if places[copy.lead_id] else None,
                "places": places[copy.lead_id],
            },
        )
    empty_deliveries(connection, [copy.remote_id for copy in copies])
    changes = [_strip(leads[copy.lead_id], copy, connection, now) for copy in copies if places[copy.lead_id]]
    Change.objects.append([*changes, *_delete(whole, connection, now)])


def _locked(lead_ids: Collection[int]) -> dict[int, Lead]:
    """The leads, locked, and their pushes with them: nobody saves or starts to send one while it is being erased."""
    leads = {lead.pk: lead for lead in lock(Lead.objects.filter(pk__in=lead_ids).order_by("id"))}
    list(lock(Push.objects.filter(lead_id__in=lead_ids).order_by("id")).values_list("pk"))
    return leads


def _find_places(connection: Connection, leads: Iterable[Lead]) -> dict[int, list[str]]:
    """Lead to where else it is, or may be, by now."""
    by_id = {lead.pk: lead for lead in leads}
    places: dict[int, list[str]] = defaultdict(list)
    for lead in by_id.values():
        if lead.origin != Origin.AVIV:
            places[lead.pk].append(HERE)
    copies = Copy.objects.filter(lead_id__in=by_id).exclude(connection=connection)
    pushes = Push.objects.filter(_SENT, lead_id__in=by_id).exclude(connection=connection)
    for rows in (copies, pushes):
        for lead_id, name in rows.values_list("lead_id", "connection__name").order_by("id"):
            if name not in places[lead_id]:
                places[lead_id].append(name)
    return places


def _delete(leads: Collection[Lead], connection: Connection | None, now: datetime) -> list[Change]:
    """Delete locked leads with all that hangs on them; their history stays, without a value in it."""
    ids = [lead.pk for lead in leads]
    if not ids:
        return []
    Lead.objects.filter(pk__in=ids).delete()
    Change.objects.filter(lead_id__in=ids).update(fields={}, actor="")
    return [
        Change(
            at=now, lead_id=lead.pk, connection=connection, cause=Cause.ERASED, office_before=lead.office_id
        )
        for lead in leads
    ]


def _strip(lead: Lead, copy: Copy, connection: Connection, now: datetime) -> Change:
    """Take from a lead that lives on elsewhere what it has from this copy alone."""
    values = dict.fromkeys(_only_from(lead, copy))
    row: dict[str, Any] = {**values, "changed_at": now}
    if "email" in values:
        row["email_key"] = email_key(None)
    if "phone" in values:
        row["phone_key"] = phone_key(None)
    Lead.objects.filter(pk=lead.pk).update(**row, version=F("version") + 1)
    copy.delete()
    Change.objects.filter(lead=lead, connection=connection).update(fields={})
    _empty_pushes(lead)
    Push.objects.filter(
        ~_SENT, lead=lead, state__in=(Push.WAITING, Push.NEEDS_ATTENTION), kind__in=Push.MAKES
    ).update(
        state=Push.DISCARDED, settled_at=now, payload={}, problem="The person was erased before it was sent."
    )
    warn(lead.pk, WORDS.format(remote=connection.get_remote_display()))
    refresh_states([lead.pk], now)
    return Change(
        at=now,
        lead=lead,
        connection=connection,
        cause=Cause.PULL,
        fields={name: [None, None] for name in values},
        office_before=lead.office_id,
        office_after=lead.office_id,
    )


def _empty_pushes(lead: Lead) -> None:
    """What was sent of the person, where nothing can become of it any more."""
    settled = Push.objects.filter(lead=lead, kind__in=Push.MAKES).exclude(state__in=Push.OPEN)
    Attempt.objects.filter(push__in=settled).update(excerpt="")
    settled.update(payload={})


def _only_from(lead: Lead, copy: Copy) -> list[str]:
    """Columns that no other remote shows. Of a lead that was first entered here, none."""
    if lead.origin != Origin.AVIV:
        return []
    other = Copy.objects.filter(lead=lead, connection__remote=Remote.LEADPRO).first()
    theirs = parse_lead(other.raw).values if other is not None else {}
    return [n for n in COLUMNS if getattr(lead, n) is not None and theirs.get(n) is None]


def empty_deliveries(connection: Connection, remote_ids: Collection[str]) -> None:
    """Take the bodies from webhook deliveries that name these leads, in the place for it or anywhere. Repeatable."""
    named = Q(remote_id__in=list(remote_ids))
    for remote_id in remote_ids:
        named |= Q(text__contains=remote_id)
    rows = Delivery.objects.annotate(text=Cast("body", TextField())).filter(named, connection=connection)
    Delivery.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(
        body={}, digest="", remote_id=""
    )


def decide(erasure_id: int, decision: str, actor: str, now: datetime) -> None:
    """What a person wants for a lead that was handed on: Erasure.ERASE deletes it here, Erasure.KEEP leaves it.

    Other remotes are not asked to delete anything: none of them offers it. Raises AlreadyDecided.
    """
    with transaction.atomic():
        lead_id = Erasure.objects.values_list("lead_id", flat=True).get(pk=erasure_id)
        if lead_id is not None:
            _locked([lead_id])
        row = (
            Erasure.objects.select_for_update(of=("self",))
            .select_related("lead", "connection")
            .get(pk=erasure_id)
        )
        if row.lead is None or row.decided_at is not None:
            raise AlreadyDecided
        lead = row.lead
        row.decision, row.decided_by, row.decided_at = decision, actor, now
        row.save(update_fields=["decision", "decided_by", "decided_at"])
        words = WORDS.format(remote=row.connection.get_remote_display())
        if decision == Erasure.KEEP:
            kept = [text for text in lead.warnings if text != words]
            Lead.objects.filter(pk=lead.pk).update(warnings=kept, version=F("version") + 1)
        else:
            Change.objects.append(_delete([lead], row.connection, now))
