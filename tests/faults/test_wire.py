"""The fault matrix over real sockets: every way in which a call can end, for the create, the update and the reads."""

from __future__ import annotations

import pytest
from django.conf import settings

from integrations.sandbox import Sandbox
from leads.models import Connection, Push
from leads.sync import pushing
from tests.faults.story import (
    assert_changed_once,
    assert_every_send_is_recorded,
    assert_made_once,
    create,
    update,
    work,
)

pytestmark = pytest.mark.django_db

FAULTS: dict[str, dict] = {
    "reset before it is read": {"action": "drop_reading"},
    "reset, not applied": {"action": "drop", "how": "reset"},
    "closed, not applied": {"action": "drop", "how": "close"},
    "answer lost": {"action": "drop_after"},
    "no answer, not applied": {"action": "hang", "seconds": 3},
    "answered too late": {"action": "delay", "seconds": 1.5, "when": "after"},
    "applied too late to be seen at once": {"action": "apply_late", "seconds": 0.4, "when": "before"},
    "applied while we still waited": {"action": "apply_late", "seconds": 0.9, "when": "hang"},
    "truncated": {"action": "truncated"},
    "a page of HTML": {"action": "html"},
    "a page of HTML, applied": {"action": "html", "applied": True},
    "empty": {"action": "empty"},
    "another shape": {"action": "wrong_shape"},
    "broken JSON": {"action": "bad_json"},
    "broken UTF-8": {"action": "bad_utf8"},
    "HTML by its type": {"action": "wrong_type"},
    "two megabytes": {"action": "huge"},
    "body byte by byte": {"action": "drip_body", "seconds": 0.1},
    "headers byte by byte": {"action": "drip_headers", "seconds": 0.1},
    "500": {"action": "status", "status": 500},
    "500, applied": {"action": "status", "status": 500, "applied": True},
    "502": {"action": "status", "status": 502},
    "503": {"action": "status", "status": 503},
    "504, applied": {"action": "status", "status": 504, "applied": True},
    "408": {"action": "status", "status": 408},
    "429 with seconds": {"action": "rate_limit", "retry_after": 1},
    "429 with a date": {"action": "rate_limit", "retry_after": 1, "as_date": True},
    "429 without a time": {"action": "rate_limit"},
    "429 with a negative time": {"action": "rate_limit", "retry_after": "-5"},
    "503 with a time": {"action": "unavailable", "retry_after": 1, "content_type": "application/json"},
}


def each(name: str):
    return pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@each("create")
def test_a_create_is_made_once_whatever_happens_to_it(leadpro, sandbox, fault):
    push = create(leadpro)
    sandbox.fault(method="POST", path="/leads", **fault)
    work(push)
    assert_made_once(sandbox, push)
    assert_every_send_is_recorded(sandbox, push, "POST")


@each("update")
def test_an_update_is_applied_once_whatever_happens_to_it(leadpro, sandbox, fault):
    push = update(leadpro, sandbox)
    sandbox.fault(method="PATCH", path="/leads/*", **fault)
    work(push)
    assert_changed_once(sandbox, push)
    assert_every_send_is_recorded(sandbox, push, "PATCH")


@each("read")
def test_a_failing_read_holds_an_update_back_and_harms_nothing(leadpro, sandbox, fault):
    push = update(leadpro, sandbox)
    sandbox.fault(method="GET", path="/leads/*", times=2, **fault)
    work(push, 20)
    assert_changed_once(sandbox, push)
    assert len(sandbox.requests("PATCH", "/leads/*")) == 1


@each("read back")
def test_a_failing_read_back_does_not_send_again(leadpro, sandbox, fault):
    push = update(leadpro, sandbox)
    sandbox.fault(method="GET", path="/leads/*", skip=1, **fault)
    work(push)
    assert_changed_once(sandbox, push)
    assert len(sandbox.requests("PATCH", "/leads/*")) == 1


@each("look-up")
def test_a_failing_look_up_is_never_absence(leadpro, sandbox, fault):
    push = create(leadpro)
    sandbox.fault("drop_after", method="POST", path="/leads")
    sandbox.fault(method="GET", path="/person/leads", times=2, **fault)
    work(push, 20)
    assert_made_once(sandbox, push)
    assert len(sandbox.requests("POST", "/leads")) == 1


def test_twice_in_a_row_the_answer_is_lost_and_the_look_up_fails(leadpro, sandbox):
    push = create(leadpro)
    sandbox.fault("drop", method="POST", path="/leads", times=2)
    sandbox.fault("status", status=500, method="GET", path="/person/leads", times=2)
    work(push, 30)
    assert_made_once(sandbox, push)
    assert len(sandbox.requests("POST", "/leads")) == 3


@pytest.mark.parametrize("shape", ["array", "object_when_one", "data"])
@pytest.mark.parametrize("nobody", ["array", "404", "data"])
def test_every_legal_shape_of_a_look_up_is_understood(leadpro, sandbox, shape, nobody):
    Connection.objects.update(lookup_has_found=True)
    sandbox.set_readings(lookup_shape=shape, lookup_nobody=nobody)
    lost, found = create(leadpro), create(leadpro)
    Push.objects.filter(pk=found.pk).update(
        payload={**found.payload, "email": "b@example.org", "phone": "07700 900124"}
    )
    sandbox.fault("drop", method="POST", path="/leads")
    work(lost)
    sandbox.fault("drop_after", method="POST", path="/leads")
    work(found)
    for push in (lost, found):
        assert_made_once(sandbox, push)


@pytest.mark.parametrize(
    "reading",
    [
        {"patch_meta": "replace"},
        {"patch_answer": "echo_broken"},
        {"patch_answer": "empty"},
        {"patch_answer": "lead"},
        {"unknown_fields": "refuse"},
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_an_update_holds_under_every_reading(leadpro, sandbox, reading, lost):
    sandbox.set_readings(**reading)
    push = update(leadpro, sandbox)
    if lost:
        sandbox.fault("drop_after", method="PATCH", path="/leads/*")
    work(push)
    assert_changed_once(sandbox, push)


def test_a_redirect_is_not_followed_and_pauses_the_connection(leadpro, sandbox):
    push = create(leadpro)
    sandbox.fault("redirect", method="POST", path="/leads", times=None)
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    leadpro.refresh_from_db()
    assert (leadpro.state, leadpro.reason_code) == ("paused", "address")
    assert (push.state, push.attempts) == ("waiting", 0)
    sandbox.clear_faults()
    leadpro.resume()
    work(push)
    assert_made_once(sandbox, push)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_costs_no_attempt_and_a_new_one_resumes_everything(leadpro, sandbox, status):
    sandbox.set_readings(auth_status=status)
    pushes = [create(leadpro) for _ in range(3)]
    sandbox.set_api_key("another-key")
    pushing.deliver_due(leadpro)
    leadpro.refresh_from_db()
    assert (leadpro.state, leadpro.reason_code) == ("paused", "credentials")
    assert {(p.state, p.attempts) for p in Push.objects.all()} == {("waiting", 0)}
    leadpro.set_secret("another-key")
    leadpro.save()
    for push in pushes:
        work(push)
        assert_made_once(sandbox, push)


@pytest.mark.parametrize("status", [401, 403])
def test_one_thing_refused_while_the_key_works_is_tried_again_and_given_up_in_words(leadpro, sandbox, status):
    push = create(leadpro)
    sandbox.fault("status", status=status, method="POST", path="/leads", times=None)
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    leadpro.refresh_from_db()
    assert (push.state, push.attempts, leadpro.state) == ("waiting", 1, "ok")
    Push.objects.update(attempts=settings.PUSH_MAX_ATTEMPTS - 1)
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    assert (push.state, push.problem_code) == ("needs_attention", "gave_up")
    assert f"does not allow this ({status}), though the key works" in push.problem


@pytest.mark.parametrize(
    "body",
    [
        "error text",
        {"message": "phone is invalid"},
        {"errors": {"phone": ["is invalid"]}},
        "x" * 10_000,
        "<html><b>No</b></html>",
    ],
    ids=["text", "message", "errors", "long", "html"],
)
@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refusal_waits_for_a_person_in_lead_pros_words(leadpro, sandbox, status, body):
    push = create(leadpro)
    sandbox.fault("status", status=status, body=body, method="POST", path="/leads")
    assert work(push).state == Push.NEEDS_ATTENTION
    assert push.problem.startswith("Lead.pro refused")
    assert len(push.problem) < 600
    assert "<html" not in push.problem
    pushing.retry(push, "Grace", push.created_at)
    work(push)
    assert_made_once(sandbox, push)


@pytest.mark.parametrize("scheme", ["http://127.0.0.1:1", "https"])
def test_what_cannot_be_reached_is_certainly_not_sent(leadpro, sandbox, scheme):
    push = create(leadpro)
    Connection.objects.update(
        base_url=scheme if ":" in scheme else sandbox.leadpro_url.replace("http:", "https:")
    )
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    assert (push.state, push.was_unclear) == ("waiting", False)
    Connection.objects.update(base_url=sandbox.leadpro_url)
    work(push)
    assert_made_once(sandbox, push)
    assert len(sandbox.requests("POST", "/leads")) == 1


def test_two_connections_fail_on_their_own(leadpro, sandbox):
    with Sandbox(port=0, api_key="second-key") as second_box:
        second = Connection(
            remote="leadpro", name="Second", base_url=second_box.leadpro_url, requests_per_minute=6000
        )
        second.set_secret("wrong")
        second.save()
        push, stuck = create(leadpro), create(second)
        pushing.deliver_due(second)
        pushing.deliver_due(leadpro)
        assert_made_once(sandbox, push)
        stuck.refresh_from_db()
        second.refresh_from_db()
        assert (second.state, stuck.state, stuck.attempts) == ("paused", "waiting", 0)
