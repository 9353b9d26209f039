"""A lead handed over, under every fault: made once at Lead.pro, and never twice where nothing can be looked up."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leads.models import Attempt, Connection, Lead, Push
from leads.sync import pushing
from leads.sync.crashpoints import NAMES
from tests.faults.story import PERSON, assert_made_once, hand_over, work
from tests.faults.test_crashes import HOW, at, cross
from tests.faults.test_wire import each

__all__ = ["at"]
pytestmark = pytest.mark.django_db

CREATE = [name for name in NAMES if name.startswith("create:")]
SUBMIT = [name for name in NAMES if name.startswith("submit:")]
#: Ways to end that are certain, so that the push goes on by itself.
CLEAR = {
    "429 with seconds",
    "429 with a date",
    "429 without a time",
    "429 with a negative time",
    "503 with a time",
}


@pytest.fixture
def aviv(db, sandbox) -> Connection:
    """A connection to the sandbox's AVIV, with a bearer token that was given."""
    sandbox.set_aviv_bearer("given")
    connection = Connection(remote="aviv", name="AVIV", base_url=sandbox.aviv_url)
    connection.set_secret("given")
    connection.save()
    return connection


@pytest.fixture
def alterestate(db, sandbox) -> Connection:
    """A connection to the sandbox's AlterEstate, which refuses duplicates, as the connection knows."""
    sandbox.alterestate.readings.change(duplicates="refuse")
    connection = Connection(
        remote="alterestate",
        name="AlterEstate",
        base_url=sandbox.alterestate_url,
        requests_per_minute=6000,
        options={"refuses_duplicates": True},
    )
    connection.set_secret(sandbox.alterestate_api_key)
    connection.save()
    return connection


def local_lead() -> Lead:
    now = timezone.now()
    return Lead.objects.create(
        **PERSON, message="May I see it?", origin="api", listed_at=now, first_seen_at=now, changed_at=now
    )


def submit(connection: Connection) -> Push:
    fields = {"classified_id": "26ABCDEFGH12"} if connection.remote == "aviv" else {}
    return pushing.hand_over(local_lead(), connection=connection, fields=fields, now=timezone.now())


def decide(sandbox, push: Push) -> None:
    """What a person does who looks at AVIV."""
    if push.state == Push.NEEDS_ATTENTION:
        assert (push.problem_code, push.was_unclear) == ("unclear", True)
        Push.objects.filter(pk=push.pk).update(safe_at=timezone.now())
        if sandbox.aviv_leads:
            pushing.arrived(push, "seen", "Grace", timezone.now())
        else:
            pushing.send_again(push, "Grace", timezone.now())
            work(push)


def ours(sandbox) -> list:
    return [lead for lead in sandbox.aviv_leads if "26ABCDEFGH12" in str(lead)]


@each("hand-over")
def test_a_lead_handed_over_is_made_once_whatever_happens_to_it(leadpro, sandbox, fault):
    push = hand_over(leadpro)
    sandbox.fault(method="POST", path="/leads", remote="leadpro", **fault)
    work(push)
    assert_made_once(sandbox, push)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", CREATE)
def test_a_lead_handed_over_survives(leadpro, sandbox, at, place, how):
    push = hand_over(leadpro)
    cross(push, at, place, how)
    assert_made_once(sandbox, push)
    assert Lead.objects.get(pk=push.lead_id).origin == "aviv"


@each("submit")
def test_a_submit_is_never_sent_twice_by_itself(aviv, sandbox, fault, request):
    push = submit(aviv)
    sandbox.fault(method="POST", path="/leads", remote="aviv", **fault)
    work(push)
    is_clear = request.node.callspec.id in CLEAR
    assert push.state == (Push.DONE if is_clear else Push.NEEDS_ATTENTION)
    sends = sandbox.requests("POST", "/leads", remote="aviv")
    assert len(sends) == (2 if is_clear else 1)
    assert Attempt.objects.filter(push=push).count() == len(sends)
    decide(sandbox, push)
    push.refresh_from_db()
    assert (push.state, len(ours(sandbox))) == ("done", 1)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", SUBMIT)
def test_a_submit_survives(aviv, sandbox, at, place, how):
    push = submit(aviv)
    cross(push, at, place, how)
    decide(sandbox, push)
    push.refresh_from_db()
    assert (push.state, len(ours(sandbox))) == ("done", 1)


@each("submit where duplicates are refused")
def test_where_duplicates_are_refused_it_goes_out_again_and_is_there_once(alterestate, sandbox, fault):
    push = submit(alterestate)
    sandbox.fault(method="POST", path="/leads/", remote="alterestate", **fault)
    work(push)
    assert push.state in (Push.DONE, Push.DUPLICATE), push.problem
    assert len(sandbox.alterestate_contacts) == 1
    assert len(sandbox.alterestate_deals) == 1


def test_the_portals_lead_is_one_lead_here_all_along(leadpro, sandbox):
    push = hand_over(leadpro)
    work(push)
    assert Lead.objects.count() == 1
    with pytest.raises(pushing.CannotPush):
        pushing.hand_over(push.lead, connection=leadpro, now=timezone.now())
