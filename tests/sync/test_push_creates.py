"""One test per rule of creates and the breaker, against a scripted remote."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integrations.errors import (
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
    WrongAddress,
)
from leads.sync.delivering.ports import LookUp, NotTried
from tests.simulation.harness import PERSON
from tests.sync.scripted import Stage

LOST = OutcomeUnknown("The connection broke after the request was sent.")
NOT_SENT = TransientError("Lead.pro could not be reached.")


def gone() -> NotFound:
    error = NotFound("Lead.pro has no such lead.", status=404)
    error.json_body = True
    return error


@pytest.fixture
def stage() -> Stage:
    return Stage()


def unclear_create(stage: Stage) -> int:
    push = stage.create()
    assert stage.deliver(LOST) == "unclear"
    return push


def test_a_lost_answer_is_adopted_not_sent_again(stage):
    push = unclear_create(stage)
    assert (stage.due_in(push), stage.see(push).was_unclear) == (5.0, True)
    stage.seconds = 6
    assert stage.deliver(stage.found({**PERSON, "id": 18376, "meta": {"leadmirror": "token-0"}})) == "done"
    assert stage.see(push).remote_id == 18376
    assert stage.kinds() == ["create", "look up"]


def test_the_look_up_asks_for_e_mail_and_phone_exactly_as_they_were_sent(stage):
    stage.create(email="Ada@Example.org", phone="(07700) 900 123")
    stage.deliver(LOST)
    stage.seconds = 6
    assert stage.deliver(stage.found(), stage.found()) == "unclear"
    assert stage.calls[1:] == [LookUp("email", "Ada@Example.org"), LookUp("phone", "(07700) 900 123")]


def test_a_lead_whose_e_mail_staff_changed_is_found_by_phone(stage):
    push = unclear_create(stage)
    stage.seconds = 6
    theirs = {**PERSON, "id": 18376, "email": "new@example.org", "meta": {"leadmirror": "token-0"}}
    assert stage.deliver(stage.found(), stage.found(theirs)) == "done"
    assert stage.see(push).remote_id == 18376


def test_other_peoples_leads_and_other_installations_tokens_are_not_ours(stage):
    push = unclear_create(stage)
    stage.seconds = 6
    others = [{**PERSON, "id": 1, "meta": None}, {**PERSON, "id": 2, "meta": {"leadmirror": "somebody"}}]
    assert stage.deliver(stage.found(*others), stage.found()) == "unclear"
    assert stage.see(push).remote_id is None


def test_absence_is_believed_only_after_the_settle_time(stage):
    push = unclear_create(stage)
    for seconds, due_at in ((6, 35), (36, 155), (156, 620.1)):
        stage.seconds = seconds
        assert stage.deliver(stage.found(), stage.found()) == "unclear"
        assert stage.seconds + stage.due_in(push) == pytest.approx(due_at)
    stage.seconds = 621
    assert stage.deliver(stage.found(), stage.found()) == "waiting"
    assert stage.deliver(stage.made()) == "done"
    first, second = (call for call in stage.calls if not isinstance(call, LookUp))
    assert first.payload == second.payload
    assert second.write_before == stage.monotonic() + 20


def test_a_look_up_that_fails_is_never_absence(stage):
    push = unclear_create(stage)
    for error in (RemoteFailing("No answer."), UnexpectedPayload("Not JSON."), RateLimited("Busy."), gone()):
        stage.seconds += 700
        assert stage.deliver(stage.found(), error) == "unclear"
        assert 15 <= stage.due_in(push) <= 300


def test_a_404_is_absence_only_where_the_look_up_has_found_somebody_before():
    for has_found, expected in ((False, "unclear"), (True, "waiting")):
        stage = Stage(lookup_has_found=lambda known=has_found: known)
        push = unclear_create(stage)
        stage.seconds = 700
        assert stage.deliver(stage.found(status=404), stage.found(status=404)) == expected
        assert stage.see(push).state == expected


def test_a_look_up_that_never_works_ends_with_a_person(stage):
    push = unclear_create(stage)
    stage.seconds = 49 * 3600
    assert stage.deliver(RemoteFailing("No answer.")) == "needs_attention"
    assert stage.problem(push)[0] == "unclear"
    assert "It is there" in stage.problem(push)[2]


def test_absent_three_times_needs_a_person(stage):
    push = stage.create()
    for _ in range(3):
        assert stage.deliver(LOST) == "unclear"
        stage.seconds += 700
        last = stage.deliver(stage.found(), stage.found())
    assert last == "needs_attention"
    assert stage.problem(push)[0] == "absent"
    assert stage.store.retry(stage.store.pushes[push], stage.now())
    assert stage.see(push).state == "unclear"


def test_two_leads_with_one_token_are_told_and_the_first_is_ours(stage):
    push = unclear_create(stage)
    stage.seconds = 6
    twins = [{**PERSON, "id": n, "meta": {"leadmirror": "token-0"}} for n in (18377, 18376)]
    assert stage.deliver(stage.found(*twins)) == "done"
    assert stage.see(push).remote_id == 18376
    assert stage.handle.warnings(stage.handle.lead_of(push)) == [
        "Twice in Lead.pro: #18376, #18377. Merge there."
    ]


def test_an_answer_about_another_lead_is_unclear(stage):
    push = stage.create()
    assert stage.deliver(stage.made(meta={"leadmirror": "another"})) == "unclear"
    assert stage.handle.attempts(push) == ["unclear"]


def test_an_answer_that_came_after_the_claim_was_lost_is_still_used(stage):
    push = stage.create()
    claim = stage.handle.store.claim(
        stage.now(), lease=timedelta(seconds=90), safe_after=timedelta(seconds=620), creates=True
    )
    from leads.sync.delivering.ports import Sent

    stage.seconds = 100
    stage.handle.store.record(claim, Sent(stage.now(), stage.now(), "ok", 200, remote_id=18376))
    assert stage.deliver(stage.shows(meta={"leadmirror": "token-0"})) == "done"
    assert (stage.kinds(), stage.see(push).remote_id) == (["get"], 18376)


def test_what_was_certainly_not_sent_is_sent_later_with_more_patience_each_time(stage):
    push = stage.create()
    for wait in (2, 4, 8, 16):
        assert stage.deliver(NOT_SENT) == "waiting"
        assert stage.due_in(push) == wait
        stage.seconds += wait
    assert stage.deliver(stage.made()) == "done"
    assert stage.handle.attempts(push) == ["not_sent"] * 4 + ["ok"]


def test_retry_after_is_honoured(stage):
    push = stage.create()
    assert stage.deliver(RateLimited("Busy.", status=429, retry_after=120.0)) == "waiting"
    assert stage.due_in(push) == 120
    assert stage.problem(push)[2] == "Saved. Lead.pro is busy; it is tried again by itself."


def test_after_twelve_failures_a_person_is_asked_and_one_click_goes_on(stage):
    push = stage.create()
    for _ in range(12):
        last = stage.deliver(RateLimited("Busy."), push=push)
    assert last == "needs_attention"
    assert stage.problem(push)[0] == "gave_up"
    stage.store.retry(stage.store.pushes[push], stage.now())
    assert (stage.see(push).state, stage.see(push).attempts) == ("waiting", 0)


def test_what_was_ever_unclear_is_looked_for_before_it_is_sent_again(stage):
    push = unclear_create(stage)
    stage.seconds = 700
    stage.deliver(stage.found(), stage.found())
    while stage.see(push).state != "needs_attention":
        stage.deliver(NOT_SENT, push=push)
        stage.seconds += 100
    stage.store.retry(stage.store.pushes[push], stage.now())
    stage.calls.clear()
    stage.deliver(stage.found(), stage.found())
    assert stage.kinds() == ["look up", "look up"]


@pytest.mark.parametrize(
    "error", [CredentialsRefused("Refused.", status=401), WrongAddress("Moved.", status=302)]
)
def test_a_refused_key_or_a_wrong_address_does_not_cost_an_attempt(stage, error):
    push = stage.create()
    for _ in range(20):
        assert stage.deliver(error, push=push) == "waiting"
    assert stage.see(push).attempts == 0


def test_what_was_not_even_tried_leaves_no_attempt_and_ends_the_round(stage):
    push, other = stage.create(), stage.create()
    assert stage.deliver(NotTried("The budget is spent.", 7.5), limit=9) == "not_tried"
    assert (stage.see(push).attempts, stage.handle.attempts(push), stage.due_in(push)) == (0, [], 7.5)
    assert stage.see(other).fence == 0


def test_a_refusal_is_told_in_lead_pros_words_at_the_field_it_names(stage):
    push = stage.create()
    refusal = Refused(
        "Lead.pro refused it.", status=422, excerpt="phone 07700 900123 of Ada is invalid", field="phone"
    )
    assert stage.deliver(refusal) == "needs_attention"
    assert stage.problem(push) == (
        "refused",
        "phone",
        "Lead.pro refused: phone 07700 900123 of Ada is invalid",
    )
    (_, sent), *_ = stage.store.attempts
    assert (sent.outcome, sent.status, sent.excerpt) == ("refused", 422, "phone … of … is invalid")


def test_three_unclear_creates_hold_new_ones_back_but_not_look_ups(stage):
    pushes = [stage.create() for _ in range(5)]
    assert stage.deliver(LOST, LOST, LOST, limit=9) == "unclear unclear unclear"
    assert [stage.see(push).state for push in pushes[3:]] == ["waiting", "waiting"]
    stage.seconds = 6
    ours = stage.found({**PERSON, "id": 18376, "meta": {"leadmirror": "token-0"}})
    assert (
        stage.deliver(
            ours,
            stage.found(),
            stage.found(),
            stage.found(),
            stage.found(),
            stage.made(18377),
            stage.made(18378),
            limit=9,
        )
        == "done done done unclear unclear"
    )


def test_our_own_bug_parks_one_push_after_three_times_and_holds_no_other(stage, caplog):
    push, other = stage.create(), stage.create()
    assert stage.deliver(ZeroDivisionError("secret"), stage.made(), limit=9) == "done unclear"
    for _ in range(2):
        stage.deliver(ZeroDivisionError("secret"), push=push)
    assert (stage.see(push).state, stage.problem(push)[0]) == ("needs_attention", "bug")
    assert f"push {push}" in stage.problem(push)[2]
    assert stage.see(other).state == "done"
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def ill(stage: Stage, times: int) -> None:
    for _ in range(times):
        stage.store.calls.append(stage.now())
        stage.deliver(TransientError("Refused."), push=stage.create())


def test_five_failures_in_a_minute_open_the_breaker_and_one_probe_decides(stage):
    ill(stage, 5)
    stage.calls.clear()
    push = stage.create()
    assert stage.deliver(push=push) == ""
    stage.seconds = 31
    assert stage.deliver(push=push) == ""
    stage.seconds = 37
    assert stage.deliver(TransientError("Refused."), push=push) == ""
    stage.seconds = 37 + 71
    assert stage.deliver(push=push) == ""
    stage.seconds = 37 + 73
    assert stage.deliver(None, stage.made(), push=push) == "done"
    assert stage.kinds() == ["probe", "probe", "create"]
    assert stage.store.breaker.get("openings") is None


def test_failures_that_are_few_among_many_calls_do_not_open_it(stage):
    stage.store.calls += [stage.now()] * 20
    ill(stage, 5)
    assert "open_until" not in stage.store.breaker


def test_failures_spread_over_time_and_strange_answers_do_not_open_it(stage):
    for _ in range(8):
        ill(stage, 1)
        stage.seconds += 20
    stage.update(stage.lead(), status="Contacted")
    for _ in range(8):
        stage.deliver(UnexpectedPayload("Strange.", status=200), push=max(stage.store.pushes))
    assert "open_until" not in stage.store.breaker
