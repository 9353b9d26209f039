"""The engine's store in Django: claims by conditional update with a fence, every method its own short transaction.

Rows are locked lead first, then pushes, as everywhere. No call to a remote happens here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from integrations.leadpro.fields import TOKEN_KEY
from integrations.leadpro.payloads import meta_of, parse_lead
from integrations.verdicts import Submitted
from leads.models import Attempt, Cause, Connection, Copy, Lead, Push, Send
from leads.models.push import PushQuerySet
from leads.models.state import refresh_states
from leads.models.values import json_value
from leads.sync import answering, editing, storing
from leads.sync.delivering import words
from leads.sync.delivering.ports import After, Claimed, Reply, Sent
from leads.sync.locking import lock, lock_lead
from leads.sync.saving import absorb_waiting, apply_after, claimed

#: A worker that dies this often over one push, time after time, is killed by it.
DEATHS = 5


class Outbox:
    """The pushes of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._rows = Push.objects.filter(connection=connection)

    def expire(self, now: datetime) -> int:
        """See `ports.Store`."""
        dead = self._rows.filter(state__in=(Push.SENDING, Push.UNCLEAR), lease_until__lt=now)
        ids = list(dead.values_list("pk", "lead_id"))
        for push_id, lead_id in ids:
            with transaction.atomic():
                lock_lead(lead_id)
                for push in lock(dead.filter(pk=push_id)):
                    _bury(push, now)
                    refresh_states([lead_id], now)
        return len(ids)

    def claim(
        self,
        now: datetime,
        *,
        lease: timedelta,
        safe_after: timedelta,
        creates: bool,
        push_id: int | None = None,
    ) -> Claimed | None:
        """See `ports.Store`."""
        while True:
            candidates = list(self._candidates(now, creates, push_id)[:5])
            for push in candidates:
                if self._take(push, now, lease, safe_after):
                    return claimed(Push.objects.get(pk=push.pk))
            if not candidates or push_id is not None:
                return None

    def _candidates(self, now: datetime, creates: bool, push_id: int | None) -> PushQuerySet:
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        rows = self._rows.filter(free, state__in=(Push.WAITING, Push.UNCLEAR))
        rows = rows.filter(due_at__lte=now) if push_id is None else rows.filter(pk=push_id)
        others = Push.objects.filter(lead=OuterRef("lead"), connection=OuterRef("connection")).exclude(
            pk=OuterRef("pk")
        )
        busy = others.filter(Q(state__in=(Push.SENDING, Push.UNCLEAR)) | Q(lease_until__gt=now))
        rows = rows.exclude(Exists(busy)).free_to_go(now)
        if not creates:
            rows = rows.exclude(state=Push.WAITING, kind__in=Push.MAKES)
        first = Case(When(state=Push.UNCLEAR, then=Value(0)), default=Value(1))
        return rows.order_by(first, "due_at", "pk")

    def _take(self, push: Push, now: datetime, lease: timedelta, safe_after: timedelta) -> bool:
        row: dict[str, Any] = {"fence": push.fence + 1, "lease_until": now + lease}
        if push.state == Push.WAITING:
            row |= {
                "state": Push.SENDING,
                "claimed_at": now,
                "safe_at": now + safe_after,
                "attempts": F("attempts") + 1,
            }
        try:
            with transaction.atomic():
                return bool(self._rows.filter(pk=push.pk, fence=push.fence, state=push.state).update(**row))
        except IntegrityError:
            return False  # another push of this lead was claimed at the same moment

    def renew(self, claim: Claimed, until: datetime) -> bool:
        """See `ports.Store`."""
        mine = self._rows.filter(pk=claim.push_id, fence=claim.fence, state__in=(Push.SENDING, Push.UNCLEAR))
        return bool(mine.update(lease_until=until))

    def record(self, claim: Claimed, sent: Sent) -> None:
        """See `ports.Store`."""
        Attempt.objects.create(
            push_id=claim.push_id,
            number=claim.attempts,
            fence=claim.fence,
            started_at=sent.started_at,
            ended_at=sent.ended_at,
            outcome=sent.outcome,
            http_status=sent.status,
            excerpt=sent.excerpt,
            remote_id="" if sent.remote_id is None else str(sent.remote_id),
            remote_reference=sent.reference,
        )

    def learnt_id(self, claim: Claimed) -> int | None:
        """See `ports.Store`."""
        row = Attempt.objects.filter(push_id=claim.push_id).exclude(remote_id="").order_by("id").first()
        return int(row.remote_id) if row else None

    def save(self, claim: Claimed, after: After, now: datetime) -> Claimed | None:
        """See `ports.Store`."""
        with transaction.atomic():
            lead = lock_lead(claim.lead_id)
            mine = Push.objects.filter(
                pk=claim.push_id, fence=claim.fence, state__in=(Push.SENDING, Push.UNCLEAR)
            )
            for push in lock(mine):
                apply_after(lead, push, after, now)
                return claimed(push)
        self._let_go(claim)
        return None

    def _let_go(self, claim: Claimed) -> None:
        """Somebody else settled it; the lease kept later edits waiting for our own answer, which is here now."""
        self._rows.filter(pk=claim.push_id, fence=claim.fence).update(lease_until=None)

    def adopt(
        self, claim: Claimed, reply: Reply, now: datetime, *, is_own_answer: bool, warnings: list[str]
    ) -> str:
        """See `ports.Store`."""
        remote_id = int(reply.data["id"])
        storing.store(
            self.connection, [storing.Seen(self._marked(claim, reply), reply.started_at)], Cause.PUSH, now=now
        )
        with transaction.atomic():
            lead = lock_lead(claim.lead_id)
            there = Copy.objects.filter(connection=self.connection, remote_id=str(remote_id)).first()
            notes = list(warnings)
            is_anothers = there is not None and there.lead_id != lead.pk
            for push in lock(Push.objects.filter(pk=claim.push_id)):
                if there is not None and is_anothers:
                    _stop_merged(push, remote_id, there.lead_id)
                else:
                    notes += _settle(push, remote_id, now)
            if is_own_answer and not is_anothers:
                shown = {name: json_value(value) for name, value in parse_lead(reply.data).values.items()}
                _rebase_waiting(lead.pk, self.connection.pk, shown)
            _warn(lead, notes)
            refresh_states([lead.pk], now)
        return Push.NEEDS_ATTENTION if is_anothers else Push.DONE

    def _marked(self, claim: Claimed, reply: Reply) -> dict[str, Any]:
        """The lead with our token in it, so that storing attaches it to our lead even where Lead.pro hides ``meta``."""
        payload = dict(reply.data)
        known = Copy.objects.filter(connection=self.connection, remote_id=str(payload["id"]))
        if parse_lead(payload).token != claim.token and not known.exists():
            payload["meta"] = {**(meta_of(payload) or {}), TOKEN_KEY: claim.token}
        return payload

    def take_in(self, claim: Claimed, reply: Reply, now: datetime) -> None:
        """See `ports.Store`."""
        storing.store(
            self.connection, [storing.Seen(dict(reply.data), reply.started_at)], Cause.PUSH, now=now
        )

    def take_answer(self, claim: Claimed, answer: Submitted, now: datetime) -> None:
        """See `ports.Store`."""
        answering.take(claim, answer, now)

    def learnt_answer(self, claim: Claimed) -> Submitted | None:
        """See `ports.Store`."""
        return answering.learnt(claim)

    def count_unclear(self, now: datetime) -> int:
        """See `ports.Store`."""
        flying = Q(state__in=(Push.SENDING, Push.UNCLEAR))
        in_doubt = Q(kind=Push.SUBMIT, state=Push.NEEDS_ATTENTION, problem_code="unclear", safe_at__gt=now)
        rows = self._rows.filter(flying | in_doubt, kind__in=Push.MAKES)
        last = Connection.objects.filter(pk=self.connection.pk).values_list("last_write_at", flat=True).get()
        return (rows.filter(claimed_at__gt=last) if last else rows).count()

    def note_written(self, now: datetime) -> None:
        """See `ports.Store`."""
        self.connection.last_write_at = now
        Connection.objects.filter(pk=self.connection.pk).update(last_write_at=now)

    def change_breaker(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """See `ports.Store`."""
        seen = Connection.objects.filter(pk=self.connection.pk).values_list("breaker", flat=True).get()
        if change(seen) == seen:
            return dict(seen)
        with transaction.atomic():
            row = lock(Connection.objects.filter(pk=self.connection.pk)).get()
            row.breaker = change(row.breaker)
            row.save(update_fields=["breaker"])
            return dict(row.breaker)

    def count_calls(self, since: datetime) -> int:
        """See `ports.Store`."""
        return Send.objects.filter(connection=self.connection, at__gte=since.timestamp()).count()


def _bury(push: Push, now: datetime) -> None:
    """A worker died over it. What it may have sent is unclear; a push that kills worker after worker is put aside."""
    push.fence += 1
    push.deaths += 1
    push.lease_until = None
    push.due_at = now
    if push.kind in Push.MAKES or push.state == Push.UNCLEAR or push.plan:
        push.state, push.was_unclear = Push.UNCLEAR, True
        push.problem_code, push.problem = "unclear", words.UNCLEAR
    else:
        push.state = Push.WAITING
        absorb_waiting(push, now)
    if push.deaths >= DEATHS:
        push.state, push.problem_code = Push.NEEDS_ATTENTION, "bug"
        push.problem = words.BUG.format(push_id=push.pk)
    push.save()


def _stop_merged(push: Push, remote_id: int, lead_id: int) -> None:
    """The remote answered with a lead that is here as another one: only a person can see whether it took this one."""
    if push.state in Push.OPEN:
        push.state, push.was_unclear, push.lease_until = Push.NEEDS_ATTENTION, True, None
        push.problem_code, push.problem_field = "merged", ""
        push.problem = words.MERGED.format(remote_id=remote_id, lead_id=lead_id)
        push.fence += 1
        push.save()


def _settle(push: Push, remote_id: int, now: datetime) -> list[str]:
    """Mark a create done, whoever answered it."""
    if push.state == Push.DONE and push.remote_id != str(remote_id):
        Push.objects.filter(pk=push.pk).update(lease_until=None)
        return [words.twice(sorted({int(push.remote_id), remote_id}))]
    if push.state in Push.OPEN:
        push.state, push.settled_at = Push.DONE, now
        push.problem = push.problem_code = push.problem_field = ""
    push.remote_id, push.lease_until, push.deaths = str(remote_id), None, 0
    push.save()
    return []


def _rebase_waiting(lead_id: int, connection_id: int, shown: dict[str, Any]) -> None:
    for push in lock(Push.objects.filter(lead_id=lead_id, connection_id=connection_id, kind=Push.UPDATE)):
        if push.state == Push.WAITING:
            push.edits = editing.rebase(push.edits, shown)
            push.save(update_fields=["edits"])


def _warn(lead: Lead, notes: list[str]) -> None:
    if notes:
        lead.warnings = list(dict.fromkeys([*lead.warnings, *notes]))
        Lead.objects.filter(pk=lead.pk).update(warnings=lead.warnings, version=F("version") + 1)
