"""The questions that take a test lead: one is made, through the outbox like any other, and updated a few times. What
is left at Lead.pro is for a person to delete: its API cannot.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.errors import RemoteError
from leads.models import Attempt, Cause, Lane, Lead, Origin, Push
from leads.sync import pushing
from leads.sync.probing import updating
from leads.sync.probing.asking import Asker
from leads.sync.probing.knowing import Known, ask_known, look_up, shown_phone
from leads.sync.probing.updating import FIRST, LAST, NAMES, TestLead
from leads.sync.refreshing import refresh_remote_id
from leads.sync.restoring import stop_where_not_ours

ACTOR = "probe_leadpro"
UNCLEAR = (
    "It is not clear whether Lead.pro took the test lead (push {id}). It was not sent again, and is looked for like any"
    " other. Wait until that push is settled before you use --write again."
)
NOT_TAKEN = "Lead.pro did not take the test lead, and it will not be sent again: {why}"
EARLIER = "The test lead of an earlier probe is not settled yet (push {id}). Nothing was sent."


class NoTestLead(Exception):
    """There is no test lead to go on with: the sentence says what was kept and what to do."""


def make_lead(asker: Asker, now: datetime) -> TestLead:
    """Make the one test lead. Raises NoTestLead where it was not, or not certainly, made; never sends it twice."""
    connection = asker.connection
    if stop_where_not_ours(now):
        connection.refresh_from_db()
        raise NoTestLead(connection.reason)
    mine = Lead.objects.filter(first_name=FIRST, last_name=LAST)
    earlier = Push.objects.open().filter(connection=connection, lead__in=mine, actor=ACTOR).first()
    if earlier is not None:
        raise NoTestLead(EARLIER.format(id=earlier.pk))
    push = pushing.request_create(
        _values(asker), connection=connection, origin=Origin.ADMIN, actor=ACTOR, cause=Cause.USER, now=now
    )
    began = time.monotonic()
    _deliver(push, began)
    if push.state != Push.DONE:
        raise NoTestLead(_give_up(push))
    attempt = Attempt.objects.filter(push=push).first()
    if attempt is not None and attempt.http_status:
        asker.successes.add(attempt.http_status)
    return TestLead(int(push.remote_id), push.payload["email"], push.payload["phone"], push.token, began)


def _values(asker: Asker) -> dict[str, Any]:
    values: dict[str, Any] = {
        **NAMES,
        "email": f"leadmirror-test-{secrets.token_hex(6)}@example.com",
        "phone": f"07700 900{secrets.randbelow(1000):03d}",
        "type": "sale",
        "message": "A test by leadmirror (probe_leadpro). Nobody enquired. Please delete.",
        "advert_address": LAST,
        "questionnaire": [["Is this an enquiry?", "No, a test"]],
    }
    if asker.offices:
        values["office_id"] = asker.offices[0].id
    return values


def _deliver(push: Push, began: float) -> None:
    """Send it now; where a worker was faster, wait for that one."""
    while time.monotonic() - began < settings.HTTP_TOTAL_SECONDS + settings.PUSH_SEND_WINDOW_SECONDS:
        pushing.deliver_push(push.pk)
        push.refresh_from_db()
        if push.state != Push.SENDING:
            return
        time.sleep(0.2)


def _give_up(push: Push) -> str:
    """What to say; what certainly did not arrive is discarded, so that no worker sends it later."""
    if push.state in (Push.WAITING, Push.NEEDS_ATTENTION) and not push.was_unclear:
        why = push.problem or "it could not be sent just now."
        with suppress(pushing.CannotPush):
            pushing.discard(push, ACTOR, timezone.now())
            return NOT_TAKEN.format(why=why)
    return UNCLEAR.format(id=push.pk)


def ask_all(asker: Asker, lead: TestLead, longest: float) -> None:
    """Everything there is to learn from the test lead. ``longest``: seconds to wait for it to show in look-ups.

    Its person has no other lead, so it also tells best what a look-up shows.
    """
    one = Known(lead.leadpro_id, lead.email, lead.phone, has_meta=True, is_only=True, sent_phone=lead.phone)
    ask_delay(asker, lead, one, longest)
    ask_known(asker, [one])
    updating.ask_all(asker, lead)
    with suppress(RemoteError):
        refresh_remote_id(asker.connection, lead.leadpro_id, Lane.PERSON, Cause.REFRESH, patience=30.0)


def ask_delay(asker: Asker, lead: TestLead, one: Known, longest: float) -> None:
    """How long after it was sent both look-ups show it. Counted from before the send, so never too short.

    The number counts as it was sent and as it is shown: Lead.pro may keep it otherwise, and compare that.
    """
    with asker.findings.asking("lookup_delay"):
        asks, missing = [("email", one.email), ("phone", one.phone)], ["email", "phone"]
        pause, waited = 0.25, 0.0
        while True:
            for by, value in asks:
                if by not in missing:
                    continue
                waited = time.monotonic() - lead.made_after
                row = look_up(asker, one, **{by: value})
                if row is not None:
                    missing.remove(by)
                    if shown_phone(row) not in ("", one.phone):
                        asks.append(("phone", shown_phone(row)))
            if not missing or waited >= longest:
                break
            time.sleep(min(pause, max(0.05, longest - waited)))
            pause = min(pause * 2, 8.0)
        _learn_delay(asker, waited, missing)


def _learn_delay(asker: Asker, waited: float, missing: list[str]) -> None:
    waited = round(waited + 0.05, 1)
    found = f"within {waited:g} s"
    if missing:
        by = " and ".join({"email": "e-mail", "phone": "phone"}[one] for one in missing)
        found = f"longer than {waited:g} s, by {by}"
    effect = say_settle(waited, is_late=bool(missing))
    asker.findings.learn("lookup_delay", waited, found, effect, warns=bool(missing))


def say_settle(waited: float, *, is_late: bool) -> str:
    """What is waited, given how long look-ups took. ``is_late``: they did not show it even then."""
    settle = max(float(settings.PUSH_SETTLE_SECONDS), 2 * waited)
    effect = f"{settle:g} s and the send window are waited before a second send."
    return effect + (" Set PUSH_SETTLE_SECONDS to twice what Lead.pro says it takes." if is_late else "")
