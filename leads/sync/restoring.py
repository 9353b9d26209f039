"""After a backup is restored or a database was copied: look up before anything is sent, then go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from leads.models import Connection, Push, Rule
from leads.models.installation import adopt, keep_marks, mismatch
from leads.models.state import refresh_states
from leads.sync.locking import lock

#: Why a connection is paused.
NOT_OURS = "installation"


@dataclass(frozen=True, slots=True)
class Restored:
    """How many pushes will be looked up first, how many rules were switched off, and the highest ids from here on."""

    looked_up_first: int
    rules_off: int
    highest_ids: dict[str, int]


def after_restore(now: datetime) -> Restored:
    """Adopt this database, move its ids beyond everything handed out, and make every open push look first.

    An open create may have arrived after the backup was taken, so it becomes unclear: only a look-up by its token
    decides, or a person where nothing can be looked up. An open update reads the lead again before it sends anyway.
    What rules sent on since the backup is forgotten, so they are off until a person has looked. Repeatable.
    """
    longest = max((row.settle_seconds() for row in Connection.objects.all()), default=0.0)
    safe_at = now + timedelta(seconds=settings.PUSH_SEND_WINDOW_SECONDS + longest)
    with transaction.atomic():
        creates = Push.objects.filter(kind__in=Push.MAKES, state__in=Push.MOVING)
        leads = list(creates.values_list("lead_id", flat=True))
        looked_up = creates.update(
            state=Push.UNCLEAR, was_unclear=True, rounds=0, lease_until=None, due_at=now, safe_at=safe_at
        )
        stopped = Push.objects.filter(kind__in=Push.MAKES, state=Push.NEEDS_ATTENTION)
        stopped.exclude(Push.PARKED).update(was_unclear=True)
        rules_off = _switch_rules_off(now)
        highest = adopt()
        for connection in Connection.objects.filter(reason_code=NOT_OURS):
            connection.resume(NOT_OURS)
        # Last, because whatever resumes makes its pushes due.
        leads += _settle_updates(now, safe_at)
        refresh_states(leads, now)
    return Restored(looked_up, rules_off, highest)


def _settle_updates(now: datetime, safe_at: datetime) -> list[int]:
    """What an update sent since the backup may still arrive: nothing of it goes out again before that is over.

    What was planned by then is looked for at once. Returns the leads whose updates changed their state.
    """
    updates = Push.objects.filter(kind=Push.UPDATE)
    for push in lock(updates.filter(state__in=Push.OPEN).exclude(plan={})):
        push.plan, push.safe_at = {**push.plan, "safe_at": safe_at.isoformat()}, safe_at
        push.save(update_fields=["plan", "safe_at"])
    updates.filter(state=Push.WAITING).update(due_at=safe_at)
    sending = updates.filter(state=Push.SENDING)
    leads = list(sending.values_list("lead_id", flat=True))
    sending.update(state=Push.UNCLEAR, was_unclear=True, lease_until=None, due_at=now)
    return leads


def _switch_rules_off(now: datetime) -> int:
    rules = list(Rule.objects.on())
    for rule in rules:
        rule.is_on, rule.off_since = False, now
        rule.save_version("after_restore", now)
    return len(rules)


def stop_where_not_ours(now: datetime) -> bool:
    """Whether this database is not ours to send from. Then every connection pauses and says so; else marks are kept.

    Asked before anything is sent, and by every sweep. Repeatable.
    """
    words = mismatch()
    if not words:
        keep_marks()
        return False
    for connection in Connection.objects.filter(state=Connection.OK):
        connection.pause(NOT_OURS, words, now)
    return True
