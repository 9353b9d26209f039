"""A lead is given to a remote that shows nothing afterwards: what is in doubt waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integrations.errors import OutcomeUnknown
from integrations.verdicts import Submitted
from leads.models import Connection, Lead, Push
from leads.sync import pushing
from leads.sync.delivering import driver
from leads.sync.restoring import after_restore
from tests.sync.test_handing import AVIV_FIELDS, aviv, deliver, now

__all__ = ["aviv"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def alterestate(db) -> Connection:
    connection = Connection(remote="alterestate", name="AlterEstate", base_url="http://127.0.0.1:9")
    connection.set_secret("invented")
    connection.save()
    return connection


class Remote:
    """A remote that shows nothing, in place of its client."""

    def __init__(self, *answers):
        self.answers, self.taken = list(answers), []

    def create_lead(self, payload, *, write_before=None):
        self.taken.append(payload)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def remote(monkeypatch):
    box = Remote()
    for name in ("open_aviv", "open_alterestate"):
        monkeypatch.setattr(driver, name, lambda *args, **kwargs: box)
    return box


def made_here(leadpro) -> Lead:
    """A lead that is only here."""
    values = {"type": "sale", "first_name": "Ada", "last_name": "Example", "email": "ada@example.org"}
    values |= {"phone": "07700 900123", "message": "May I see it?"}
    push = pushing.request_create(values, connection=leadpro, now=now())
    pushing.discard(push, "Grace", now())
    return Lead.objects.get(pk=push.lead_id)


def test_a_lead_is_submitted_to_aviv_and_its_request_id_is_kept(leadpro, aviv, remote):
    remote.answers = [Submitted(reference="req-1")]
    push = pushing.hand_over(made_here(leadpro), connection=aviv, fields=AVIV_FIELDS, now=now())
    deliver(aviv)
    push.refresh_from_db()
    assert (push.kind, push.state, push.remote_id, push.remote_reference) == ("submit", "done", "", "req-1")
    assert push.lead.sync_state == "local"
    (payload,) = remote.taken
    assert payload["lastName"] == "Example"
    assert payload["classifiedId"] == "26ABCDEFGH12"


def test_what_aviv_would_refuse_is_refused_here_by_field(leadpro, aviv):
    lead = made_here(leadpro)
    with pytest.raises(pushing.Unfit) as unfit:
        pushing.hand_over(lead, connection=aviv, now=now())
    assert [(one.field, one.code) for one in unfit.value.problems] == [("classified_id", "required")]
    with pytest.raises(pushing.Unfit, match="AVIV has no such field"):
        pushing.hand_over(lead, connection=aviv, fields={"office_id": 1, **AVIV_FIELDS}, now=now())


def test_a_duplicate_ends_as_one_with_its_log(leadpro, alterestate, remote):
    remote.answers = [Submitted(reference="LOG1", is_duplicate=True, note="Already a contact there.")]
    push = pushing.hand_over(made_here(leadpro), connection=alterestate, fields={"via": "104"}, now=now())
    deliver(alterestate)
    push.refresh_from_db()
    assert (push.state, push.remote_reference, push.problem) == (
        "duplicate",
        "LOG1",
        "Already a contact there.",
    )
    assert remote.taken[0]["full_name"] == "Ada Example"
    assert remote.taken[0]["via"] == "104"
    with pytest.raises(pushing.CannotPush):
        pushing.hand_over(push.lead, connection=alterestate, now=now())


def test_what_was_done_otherwise_than_asked_is_said_on_the_lead(leadpro, alterestate, remote):
    remote.answers = [Submitted("LOG1", "7", False, "Created.", "It does not know that user.")]
    push = pushing.hand_over(made_here(leadpro), connection=alterestate, now=now())
    deliver(alterestate)
    push.refresh_from_db()
    assert (push.state, push.remote_id) == ("done", "7")
    assert push.lead.warnings == ["It does not know that user."]


def in_doubt(leadpro, aviv, remote) -> Push:
    remote.answers = [OutcomeUnknown("No answer.")]
    push = pushing.hand_over(made_here(leadpro), connection=aviv, fields=AVIV_FIELDS, now=now())
    deliver(aviv)
    push.refresh_from_db()
    assert (push.state, push.was_unclear, push.lead.sync_state) == (
        "needs_attention",
        True,
        "needs_attention",
    )
    return push


def test_what_is_in_doubt_is_listed_and_never_sent_again_by_itself(leadpro, aviv, remote):
    push = in_doubt(leadpro, aviv, remote)
    Push.objects.update(due_at=now() - timedelta(days=1))
    deliver(aviv)
    pushing.deliver_push(push.pk)
    assert len(remote.taken) == 1
    assert "AVIV Seeker Leads shows us nothing" in push.problem


def test_a_person_sends_it_again_once_it_has_settled(leadpro, aviv, remote):
    push = in_doubt(leadpro, aviv, remote)
    for decision in (pushing.send_again, pushing.retry):
        with pytest.raises(pushing.CannotPush, match="may still arrive. Look once more in 11 min."):
            decision(push, "Grace", now())
    Push.objects.update(safe_at=now())
    pushing.send_again(push, "Grace", now())
    remote.answers = [Submitted(reference="req-2")]
    deliver(aviv)
    push.refresh_from_db()
    assert (push.state, push.remote_reference, len(remote.taken)) == ("done", "req-2", 2)
    assert remote.taken[0] == remote.taken[1]


def test_a_person_has_seen_it_there(leadpro, aviv, remote):
    push = in_doubt(leadpro, aviv, remote)
    pushing.arrived(push, " seen 12 ", "Grace", now())
    assert (push.state, push.remote_reference, push.problem) == ("done", "seen 12", "")
    with pytest.raises(pushing.CannotPush):
        pushing.arrived(push, "", "Grace", now())


def test_where_duplicates_are_refused_it_goes_out_again_by_itself_when_it_has_settled(
    leadpro, alterestate, remote
):
    alterestate.options = {"refuses_duplicates": True}
    alterestate.save()
    remote.answers = [OutcomeUnknown("No answer."), Submitted("LOG1", "", True, "Known.")]
    push = pushing.hand_over(made_here(leadpro), connection=alterestate, now=now())
    deliver(alterestate)
    push.refresh_from_db()
    assert (push.state, push.problem_code) == ("waiting", "unclear")
    assert push.due_at > push.safe_at
    Push.objects.update(due_at=now())
    deliver(alterestate)
    push.refresh_from_db()
    assert push.state == "duplicate"
    assert push.problem == "Known. An earlier send of ours got no answer; this may be what it made."


def test_resuming_a_connection_hurries_nothing_that_is_in_doubt(leadpro, alterestate, remote):
    alterestate.options = {"refuses_duplicates": True}
    alterestate.save()
    remote.answers = [OutcomeUnknown("No answer."), Submitted("LOG1")]
    push = pushing.hand_over(made_here(leadpro), connection=alterestate, now=now())
    deliver(alterestate)
    push.refresh_from_db()
    assert (push.state, push.was_unclear, push.due_at > push.safe_at) == ("waiting", True, True)
    alterestate.pause("person", "Paused by hand.", now())
    alterestate.resume()
    deliver(alterestate)
    push.refresh_from_db()
    assert (push.state, push.due_at, len(remote.taken)) == ("waiting", push.safe_at, 1)
    Push.objects.update(safe_at=now() - timedelta(seconds=1), due_at=now() + timedelta(hours=1))
    alterestate.resume()
    deliver(alterestate)
    push.refresh_from_db()
    assert (push.state, len(remote.taken)) == ("done", 2)


def test_discarding_what_is_in_doubt_and_handing_over_again_asks_once_more(leadpro, aviv, remote):
    push = in_doubt(leadpro, aviv, remote)
    pushing.discard(push, "Grace", now())
    assert "AVIV Seeker Leads may have it" in push.problem
    again = pushing.hand_over(push.lead, connection=aviv, fields=AVIV_FIELDS, now=now())
    assert (again.pk, again.state, again.problem_code) == (push.pk, "needs_attention", "unclear")
    deliver(aviv)
    assert len(remote.taken) == 1


def test_after_a_restore_what_waits_to_be_submitted_is_in_doubt(leadpro, aviv, remote):
    push = pushing.hand_over(made_here(leadpro), connection=aviv, fields=AVIV_FIELDS, now=now())
    after_restore(now())
    deliver(aviv)
    push.refresh_from_db()
    assert (push.state, push.problem_code, remote.taken) == ("needs_attention", "unclear", [])
