"""What a look-up for an unclear create may conclude where it shows leads without ``meta``."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integrations.errors import NotFound, OutcomeUnknown, RemoteFailing
from leads.models import Push
from leads.sync import pushing
from leads.sync.delivering.ports import Get, Reply
from tests.simulation.harness import PERSON
from tests.sync.scripted import Stage
from tests.sync.test_pushing import create

BARE = {key: value for key, value in PERSON.items() if key != "meta"}


def unclear_create(stage: Stage) -> int:
    push = stage.create()
    assert stage.deliver(OutcomeUnknown("The connection broke after the request was sent.")) == "unclear"
    return push


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_lead_shown_without_meta_is_read_by_its_number_and_adopted_where_it_is_ours(stage):
    push = unclear_create(stage)
    stage.seconds = 6
    listed = stage.found({**BARE, "id": 18375}, {**BARE, "id": 18376})
    ours, other = stage.shows(meta={"leadmirror": "token-0"}), stage.shows(id=18375, meta={"own": "1"})
    assert stage.deliver(listed, ours, other) == "done"
    assert stage.calls[2:] == [Get(18376), Get(18375)]
    assert stage.see(push).remote_id == 18376


def test_a_lead_shown_without_meta_that_is_somebody_elses_does_not_stop_a_second_send(stage):
    unclear_create(stage)
    stage.seconds = 621
    listed, other = stage.found({**BARE, "id": 18375}), stage.shows(id=18375, meta=None)
    assert stage.deliver(listed, other, listed) == "waiting"
    assert stage.kinds() == ["create", "look up", "get", "look up"]


@pytest.mark.parametrize("shown", [None, [], {}, "", "null", "{}"], ids=repr)
def test_a_row_with_an_empty_meta_is_read_by_its_number_too(stage, shown):
    unclear_create(stage)
    stage.seconds = 621
    listed = stage.found({**BARE, "id": 18375, "meta": shown})
    assert stage.deliver(listed, stage.shows(id=18375, meta={"leadmirror": "token-0"})) == "done"


@pytest.mark.parametrize(
    "shown", ['{"leadmirror": "token-0"}', {"leadmirror": "TOKEN-0"}], ids=["text", "capitals"]
)
def test_our_token_is_found_in_whatever_form_meta_comes(stage, shown):
    unclear_create(stage)
    stage.seconds = 621
    assert stage.deliver(stage.found({**BARE, "id": 18375, "meta": shown})) == "done"


def test_a_meta_that_cannot_be_read_is_never_absence(stage):
    unclear_create(stage)
    stage.seconds = 621
    listed = stage.found({**BARE, "id": 18375})
    unreadable = stage.shows(id=18375, meta="leadmirror: something")
    assert stage.deliver(listed, unreadable, listed, unreadable) == "unclear"


@pytest.mark.parametrize("answer", ["no meta there either", "gone", "failing"])
def test_a_lead_that_cannot_be_told_from_ours_is_never_absence(stage, answer):
    unclear_create(stage)
    stage.seconds = 621
    listed = stage.found({**BARE, "id": 18375})
    script = {
        "no meta there either": [listed, Reply({**BARE, "id": 18375}, stage.now())] * 2,
        "gone": [listed, NotFound("Lead.pro has no such lead.", status=404)] * 2,
        "failing": [listed, RemoteFailing("No answer.")],
    }[answer]
    assert stage.deliver(*script) == "unclear"


def test_more_leads_without_meta_than_are_worth_reading_are_never_absence(stage):
    unclear_create(stage)
    stage.seconds = 621
    listed = stage.found(*({**BARE, "id": number} for number in range(1, 13)))
    reads = [stage.shows(id=number, meta=None) for number in range(12, 2, -1)]
    assert stage.deliver(listed, *reads, stage.found()) == "unclear"


def test_where_look_ups_are_known_to_show_meta_nothing_is_read_besides():
    stage = Stage(lookup_shows_meta=lambda: True)
    unclear_create(stage)
    stage.seconds = 621
    assert stage.deliver(stage.found({**BARE, "id": 18375}), stage.found()) == "waiting"


def lost(leadpro, sandbox) -> Push:
    push = create(leadpro)
    sandbox.fault("drop", method="POST", path="/leads")
    pushing.deliver_due(leadpro)
    return push


@pytest.mark.django_db
def test_a_person_who_looked_has_it_sent_again_once_it_has_settled(leadpro, sandbox):
    push = lost(leadpro, sandbox)
    Push.objects.update(state="needs_attention", problem_code="unclear")
    with pytest.raises(pushing.CannotPush, match="may still arrive"):
        pushing.send_again(push, "Grace", timezone.now())
    Push.objects.update(safe_at=timezone.now())
    pushing.send_again(push, "Grace", timezone.now())
    pushing.deliver_due(leadpro)
    push.refresh_from_db()
    assert (push.state, len(sandbox.leads), push.was_unclear) == ("done", 1, True)


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["waiting", "unclear", "done"])
def test_only_what_is_in_doubt_and_stopped_is_sent_again_by_hand(leadpro, sandbox, state):
    push = lost(leadpro, sandbox)
    Push.objects.update(state=state, remote_id="7", safe_at=timezone.now())
    with pytest.raises(pushing.CannotPush):
        pushing.send_again(push, "Grace", timezone.now())


@pytest.mark.django_db
def test_a_create_is_told_to_be_there_by_its_number_only(leadpro, sandbox):
    push = lost(leadpro, sandbox)
    Push.objects.update(state="needs_attention")
    with pytest.raises(pushing.CannotPush, match="number in Lead.pro"):
        pushing.arrived(push, "seen", "Grace", timezone.now())
