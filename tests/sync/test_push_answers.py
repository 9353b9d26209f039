"""What the answer to a create, and a look-up for an unclear one, may be taken for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.errors import NotFound, OutcomeUnknown, RemoteFailing
from leads.models import Cause, Lead, Push
from leads.sync import pushing, storing
from leads.sync.delivering.ports import Get, LookUp, Reply
from leads.sync.outbox import Outbox
from tests.simulation.harness import PERSON
from tests.sync.scripted import Stage
from tests.sync.test_pushing import create, mirrored, update

OURS = {"leadmirror": "token-0"}
OTHER = {**PERSON, "id": 18370, "meta": {"own": "1"}}


def unclear(stage: Stage, **values) -> int:
    push = stage.create(**values)
    assert stage.deliver(OutcomeUnknown("The connection broke after the request was sent.")) == "unclear"
    return push


@pytest.mark.parametrize(
    "answer", [{"id": 18376}, {**PERSON, "id": 18376, "meta": None}], ids=["id alone", "no meta"]
)
def test_an_answer_without_our_token_is_read_by_its_number_before_it_counts(answer):
    stage = Stage()
    push = stage.create()
    assert stage.deliver(Reply(answer, stage.now(), 201), stage.shows(meta=OURS, stage="Unread")) == "done"
    assert stage.calls[1:] == [Get(18376)]
    assert stage.see(push).remote_id == 18376
    assert stage.handle.column(stage.handle.lead_of(push), "stage") == "Unread"


def test_an_answer_that_names_a_lead_we_sent_before_is_nobodys_yet():
    stage = Stage()
    push = stage.create()
    theirs = stage.shows(meta={"leadmirror": "another"})
    assert stage.deliver(Reply({"id": 18376}, stage.now(), 201), theirs) == "needs_attention"
    assert stage.see(push).remote_id is None


def test_where_it_cannot_be_read_it_is_looked_for_by_that_number():
    stage = Stage()
    push = stage.create()
    answers = Reply({"id": 18376}, stage.now(), 201), RemoteFailing("No answer.", status=503)
    assert stage.deliver(*answers) == "unclear"
    stage.seconds = 300
    assert stage.deliver(stage.shows(meta=OURS)) == "done"
    assert stage.kinds() == ["create", "get", "get"]
    assert stage.see(push).remote_id == 18376


def test_a_read_that_does_not_know_it_yet_is_made_again_until_it_has_settled():
    stage = Stage()
    push = stage.create()
    absent = NotFound("Lead.pro does not know this record (404).", status=404)
    assert stage.deliver(Reply({"id": 18376}, stage.now(), 201), absent) == "unclear"
    stage.seconds = 6
    assert stage.deliver(absent) == "unclear"
    stage.seconds = 621
    assert stage.deliver(absent) == "needs_attention"
    assert stage.problem(push)[0] == "gone"


def test_other_leads_of_the_person_may_hide_ours_where_nobody_knows_that_look_ups_show_all():
    stage = Stage(lookup_shows_children=lambda: False)
    push = unclear(stage)
    stage.seconds = 300
    assert stage.deliver(stage.found(OTHER), stage.found()) == "unclear"
    stage.seconds = 621
    assert stage.deliver(stage.found(), stage.found(OTHER)) == "needs_attention"
    code, _, sentence = stage.problem(push)
    assert (code, "may hide this one behind them" in sentence) == ("unclear", True)


def test_where_nobody_is_shown_nothing_is_hidden():
    stage = Stage(lookup_shows_children=lambda: False)
    unclear(stage)
    stage.seconds = 621
    assert stage.deliver(stage.found(), stage.found()) == "waiting"


def test_before_absence_is_believed_other_spellings_are_asked_for():
    stage = Stage()
    unclear(stage, email="Ada.Example@Example.org", phone="07700 900123")
    stage.hears_spellings, stage.seconds = True, 300
    assert stage.deliver(stage.found(), stage.found()) == "unclear"
    stage.seconds = 621
    assert stage.deliver(*[stage.found()] * 4, stage.found({**PERSON, "id": 18376, "meta": OURS})) == "done"
    assert stage.calls[3:] == [
        LookUp("email", "Ada.Example@Example.org"),
        LookUp("phone", "07700 900123"),
        LookUp("email", "ada.example@example.org"),
        LookUp("phone", "07700900123"),
        LookUp("phone", "+447700900123"),
    ]


@pytest.mark.django_db
def test_an_answer_that_is_a_lead_we_have_already_is_a_persons_to_judge(leadpro, sandbox):
    known = mirrored(leadpro, sandbox, last_name="Known")
    push, now = create(leadpro), timezone.now()
    outbox = Outbox(leadpro)
    claim = outbox.claim(
        now, lease=timedelta(seconds=90), safe_after=timedelta(seconds=620), creates=True, push_id=push.pk
    )
    reply = Reply(dict(known.copies.get().raw), now)
    assert outbox.adopt(claim, reply, now, is_own_answer=False, warnings=[]) == "needs_attention"
    push.refresh_from_db()
    assert (push.state, push.problem_code, push.remote_id, push.was_unclear) == (
        "needs_attention",
        "merged",
        "",
        True,
    )
    assert push.problem.startswith(
        f"Lead.pro answered with #{known.leadpro_id}, which is lead {known.pk} here"
    )
    assert Lead.objects.get(pk=push.lead_id).sync_state == "needs_attention"
    assert Lead.objects.get(pk=known.pk).last_name == "Known"
    Push.objects.update(safe_at=now)
    pushing.send_again(push, "Grace", timezone.now())
    pushing.deliver_due(leadpro)
    push.refresh_from_db()
    assert (push.state, len(sandbox.leads)) == ("done", 2)


@pytest.mark.django_db
def test_answers_that_lead_pro_takes_and_never_shows_stay_here_and_are_not_sent_twice(leadpro, sandbox):
    sandbox.set_readings(questionnaire_form="hidden")
    push = create(leadpro, questionnaire=[["Budget?", "300k"]])
    pushing.deliver_due(leadpro)
    lead, now = Lead.objects.get(pk=push.lead_id), timezone.now()
    silent = {**sandbox.leads[0], "questionnaire": None, "stage": "Seen again"}
    storing.store(leadpro, [storing.Seen(silent, now)], Cause.REFRESH, now=now)
    lead.refresh_from_db()
    assert (lead.stage, lead.questionnaire) == ("Seen again", [["Budget?", "300k"]])
    assert update(lead, questionnaire=[["Budget?", "300k"]]) is None
