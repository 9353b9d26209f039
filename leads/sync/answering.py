"""What a remote that shows nothing afterwards answered to a submit: onto the push, whatever became of it meanwhile."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from integrations.verdicts import Submitted
from leads.models import Attempt, Push
from leads.models.state import refresh_states
from leads.sync.delivering import words
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import Claimed
from leads.sync.locking import lock, lock_lead
from leads.sync.writing import warn

LONGEST = 100


def take(claim: Claimed, answer: Submitted, now: datetime) -> None:
    """Done, or a duplicate; a push that a person ended stays so and says what came. Repeatable."""
    with transaction.atomic():
        lead = lock_lead(claim.lead_id)
        for push in lock(Push.objects.select_related("connection").filter(pk=claim.push_id)):
            name = push.connection.get_remote_display()
            if push.state in Push.OPEN:
                _settle(push, answer, name, now)
            elif push.state == Push.DISCARDED:
                reference = answer.reference or answer.remote_id or "none"
                warn(lead.pk, words.SENT_ALL_THE_SAME.format(name=name, reference=reference))
            if answer.warning:
                warn(lead.pk, answer.warning)
            push.remote_id = push.remote_id or answer.remote_id[:LONGEST]
            push.remote_reference = push.remote_reference or answer.reference[:LONGEST]
            push.lease_until, push.deaths = None, 0
            push.save()
        refresh_states([lead.pk], now)


def _settle(push: Push, answer: Submitted, name: str, now: datetime) -> None:
    push.settled_at = now
    push.problem = push.problem_code = push.problem_field = ""
    push.state = Push.DUPLICATE if answer.is_duplicate else Push.DONE
    if answer.is_duplicate:
        push.problem_code = "duplicate"
        push.problem = answer.note or words.DUPLICATE.format(name=name)
        push.problem += words.ARRIVED_BEFORE if push.was_unclear else ""


def learnt(claim: Claimed) -> Submitted | None:
    """The answer that an attempt noted before its worker died."""
    known = Attempt.objects.filter(push_id=claim.push_id, outcome__in=(str(Outcome.OK), Push.DUPLICATE))
    row = known.order_by("id").first()
    if row is None:
        return None
    return Submitted(row.remote_reference, row.remote_id, row.outcome == Push.DUPLICATE, row.excerpt)
