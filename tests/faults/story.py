"""What every case of the matrix does: ask for something, let it go wrong, work on it until it is over, count."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Attempt, Cause, Connection, Copy, Lead, Push
from leads.sync import pushing, storing

ANSWER = ["When?", "Soon"]
PERSON = {
    "type": "sale",
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "advert_postcode": "NG1 1AA",
    "questionnaire": [ANSWER],
}


def create(leadpro: Connection) -> Push:
    return pushing.request_create(PERSON, connection=leadpro, now=timezone.now())


def portal_lead(name: str = "AVIV") -> Lead:
    """A lead as a pull of a portal leaves it."""
    at = timezone.now()
    aviv = Connection.objects.create(remote="aviv", name=name)
    moments = {"as_of": at, "seen_at": at, "changed_at": at, "next_refresh_at": at}
    lead = Lead.objects.create(**PERSON, origin="aviv", listed_at=at, first_seen_at=at, changed_at=at)
    Copy.objects.create(lead=lead, connection=aviv, remote_id="aviv-7", raw={}, content_hash="x", **moments)
    return lead


def hand_over(leadpro: Connection) -> Push:
    """A portal's lead on its way to Lead.pro."""
    push = pushing.hand_over(portal_lead(), connection=leadpro, now=timezone.now())
    # Lead.pro takes answers of a new lead as they are, so the story ends as any create's does.
    push.payload["questionnaire"] = [ANSWER]
    push.save()
    return push


def update(leadpro: Connection, sandbox: Sandbox) -> Push:
    """A lead that Lead.pro has, with an edit and an answer on their way."""
    remote = sandbox.add_lead(hook=False, meta={"foreign": "f"})
    # Another lead shows that this account lets us read answers: without that a missing one proves nothing.
    other = sandbox.add_lead(hook=False, questionnaire=[["Where?", "Here"]])
    seen = [storing.Seen(lead, timezone.now()) for lead in (remote, other)]
    storing.store(leadpro, seen, Cause.REFRESH, now=timezone.now())
    lead = Lead.objects.get(leadpro_id=remote["id"])
    changes = {"status": "Contacted", "questionnaire": [ANSWER], "meta": {"foreign": "f", "own": "1"}}
    push = pushing.request_update(lead, changes, now=timezone.now())
    assert push is not None
    sandbox.clear_log()
    return push


def work(push: Push, seconds: float = 12.0) -> Push:
    """Deliver it, due or not, until it is over or a person is needed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pushing.deliver_push(push.pk)
        push.refresh_from_db()
        if push.state in (Push.DONE, Push.DUPLICATE, Push.NEEDS_ATTENTION, Push.DISCARDED):
            return push
        time.sleep(0.05)
    raise AssertionError(f"still {push.state} after {seconds} s: {push.problem_code} {push.problem}")


def bury_dead_workers() -> None:
    """As if every lease had run out."""
    Push.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now() - timedelta(seconds=1))


def assert_made_once(sandbox: Sandbox, push: Push) -> None:
    push.refresh_from_db()
    ours = [lead for lead in sandbox.leads if (lead["meta"] or {}).get("leadmirror") == push.token]
    assert [lead["id"] for lead in ours] == [int(push.remote_id)], "made once, and the push knows it"
    assert push.state == Push.DONE
    lead = Lead.objects.get(pk=push.lead_id)
    assert (lead.leadpro_id, lead.sync_state) == (int(push.remote_id), "in_sync")
    assert Lead.objects.filter(leadpro_id=lead.leadpro_id).count() == 1
    assert ours[0]["questionnaire"] == [ANSWER]


def assert_changed_once(sandbox: Sandbox, push: Push) -> None:
    push.refresh_from_db()
    assert push.state == Push.DONE, (push.state, push.problem)
    remote = sandbox.lead(int(push.remote_id))
    assert remote is not None
    assert (remote["status"], remote["questionnaire"]) == ("Contacted", [ANSWER])
    assert remote["meta"] == {"foreign": "f", "own": "1"}
    lead = Lead.objects.get(pk=push.lead_id)
    assert (lead.status, lead.sync_state, lead.pending) == ("Contacted", "in_sync", {})


def assert_every_send_is_recorded(sandbox: Sandbox, push: Push, method: str) -> None:
    sent = sandbox.requests(method, "/leads*")
    assert Attempt.objects.filter(push=push).count() >= len(sent)
