"""One test per rule of the push engine, against a scripted remote."""

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


# --- creates ---------------------------------------------------------------------------------------------------------


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


# --- the breaker -----------------------------------------------------------------------------------------------------


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


# --- updates ---------------------------------------------------------------------------------------------------------


def test_an_update_reads_sends_what_differs_with_the_names_and_reads_again(stage):
    push = stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(stage.shows(), None, stage.shows(status="Contacted")) == "done"
    assert stage.kinds() == ["get", "patch", "get"]
    assert stage.calls[1].payload == {"first_name": "Ada", "last_name": "Example", "status": "Contacted"}
    assert stage.see(push).edits == {}


def test_names_that_lead_pro_lacks_or_that_are_too_long_are_left_out(stage):
    stage.update(stage.lead(), status="Contacted")
    fresh = stage.shows(first_name=None, last_name="x" * 51)
    assert stage.deliver(fresh, None, stage.shows(status="Contacted")) == "done"
    assert stage.calls[1].payload == {"status": "Contacted"}


def test_what_lead_pro_shows_already_is_not_sent(stage):
    stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(stage.shows(status="Contacted")) == "done"


def test_an_unclear_update_is_read_again_and_not_sent_again_while_it_may_still_arrive(stage):
    push = stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(stage.shows(), LOST) == "unclear"
    assert stage.due_in(push) == 5
    for seconds in (6, 36, 156):
        stage.seconds = seconds
        assert stage.deliver(stage.shows()) == "unclear"
    stage.seconds = 619
    assert stage.deliver(stage.shows(), push=push) == "unclear"
    stage.seconds = 621
    assert stage.deliver(stage.shows(), None, stage.shows(status="Contacted")) == "done"
    assert stage.kinds().count("patch") == 2


def test_an_unclear_update_that_shows_is_done(stage):
    push = stage.update(stage.lead(), status="Contacted", questionnaire=[["When?", "Soon"]])
    stage.deliver(stage.shows(), LOST)
    stage.seconds = 6
    assert stage.deliver(stage.shows(status="Contacted", questionnaire=[["When?", "Soon"]])) == "done"
    assert stage.see(push).edits == {}


def test_a_clear_success_with_another_value_is_lead_pros_answer(stage):
    lead = stage.lead()
    push = stage.update(lead, status="contacted")
    assert stage.deliver(stage.shows(), None, stage.shows(status="Contacted")) == "done"
    assert stage.handle.warnings(lead) == ["Lead.pro changed status from “contacted” to “Contacted”."]
    assert (stage.handle.column(lead, "status"), stage.see(push).edits) == ("Contacted", {})


def test_a_conflict_is_kept_for_a_person_and_the_other_fields_go(stage):
    lead = stage.lead(postcode="NG1 1AA")
    push = stage.update(lead, status="Contacted", postcode="NG1 1AB")
    fresh = stage.shows(postcode="OX1 1AA")
    assert (
        stage.deliver(fresh, None, stage.shows(postcode="OX1 1AA", status="Contacted")) == "needs_attention"
    )
    assert "postcode" not in stage.calls[1].payload
    assert stage.handle.conflicts(lead) == {"postcode": ("NG1 1AA", "NG1 1AB", "OX1 1AA")}
    assert stage.problem(push)[0] == "conflict"
    assert (stage.handle.column(lead, "status"), stage.handle.column(lead, "postcode")) == (
        "Contacted",
        "NG1 1AB",
    )


def test_ours_is_sent_after_the_decision_counting_on_what_they_show(stage):
    lead = stage.lead(postcode="NG1 1AA")
    stage.update(lead, postcode="NG1 1AB")
    stage.deliver(stage.shows(postcode="OX1 1AA"))
    (conflict,) = stage.store.conflicts
    assert stage.store.resolve(conflict, "mine", stage.now())
    stage.calls.clear()
    assert stage.deliver(stage.shows(postcode="OX1 1AA"), None, stage.shows(postcode="NG1 1AB")) == "done"
    assert stage.calls[1].payload["postcode"] == "NG1 1AB"


def test_a_newer_remote_value_moves_theirs_of_an_open_conflict(stage):
    lead = stage.lead(postcode="NG1 1AA")
    push = stage.update(lead, postcode="NG1 1AB", status="Contacted")
    stage.deliver(stage.shows(postcode="OX1 1AA"), NOT_SENT)
    stage.deliver(stage.shows(postcode="LS1 1AA"), NOT_SENT, push=push)
    assert stage.handle.conflicts(lead)["postcode"] == ("NG1 1AA", "NG1 1AB", "LS1 1AA")


def test_answers_are_sent_once_and_only_where_they_are_absent(stage):
    push = stage.update(stage.lead(), questionnaire=[["When?", "Soon"], ["Who?", "Ada"]])
    fresh = stage.shows(questionnaire=[["When?", "Soon"]])
    both = stage.shows(questionnaire=[["When?", "Soon"], ["Who?", "Ada"]])
    assert stage.deliver(fresh, None, both) == "done"
    assert stage.calls[1].payload["questionnaire"] == [["Who?", "Ada"]]
    assert stage.see(push).state == "done"


def test_more_answers_than_fit_go_in_several_requests(stage):
    pairs = [[f"question {n}", "x" * 900] for n in range(5)]
    stage.update(stage.lead(), questionnaire=pairs)
    script = [stage.shows()]
    for n in (2, 4, 5):
        script += [None, stage.shows(questionnaire=pairs[:n])]
    assert stage.deliver(*script) == "done"
    sent = [
        call.payload["questionnaire"]
        for call in stage.calls
        if hasattr(call, "lead_id") and hasattr(call, "payload")
    ]
    assert sent == [pairs[:2], pairs[2:4], pairs[4:]]


def test_unclear_answers_that_reads_never_show_are_a_persons_business():
    stage = Stage(shows_answers=lambda: False)
    push = stage.update(stage.lead(), questionnaire=[["When?", "Soon"]])
    stage.deliver(stage.shows(), LOST)
    stage.seconds = 700
    assert stage.deliver(stage.shows()) == "needs_attention"
    assert stage.problem(push)[:2] == ("unclear", "questionnaire")


def test_meta_keeps_the_others_keys_and_the_token(stage):
    stage.update(stage.lead(meta={"a": "1"}), meta={"a": "2"})
    fresh = stage.shows(meta={"a": "1", "foreign": "f", "leadmirror": "token-x"})
    after = stage.shows(meta={"a": "2", "foreign": "f", "leadmirror": "token-x"})
    assert stage.deliver(fresh, None, after) == "done"
    assert stage.calls[1].payload["meta"] == {"a": "2", "foreign": "f", "leadmirror": "token-x"}


def test_meta_without_our_token_gets_none(stage):
    stage.update(stage.lead(), meta={"a": "2"})
    assert stage.deliver(stage.shows(), None, stage.shows(meta={"a": "2"})) == "done"
    assert stage.calls[1].payload["meta"] == {"a": "2"}


def test_meta_that_is_too_large_together_is_told(stage):
    push = stage.update(stage.lead(), meta={"a": "x" * 900})
    assert stage.deliver(stage.shows(meta={"foreign": "y" * 200})) == "needs_attention"
    assert stage.problem(push)[:2] == ("meta", "meta")


def test_the_next_action_date_counts_as_delivered_when_anything_of_that_request_shows(stage):
    push = stage.update(stage.lead(), next_action_date="2026-03-02T09:00:00Z", status="Contacted")
    assert stage.deliver(stage.shows(), LOST) == "unclear"
    stage.seconds = 6
    assert stage.deliver(stage.shows(status="Contacted")) == "done"
    assert stage.see(push).edits == {}


def test_the_next_action_date_alone_is_set_again_once_settled(stage):
    stage.update(stage.lead(), next_action_date="2026-03-02T09:00:00Z")
    stage.deliver(stage.shows(), LOST)
    stage.seconds = 6
    assert stage.deliver(stage.shows()) == "unclear"
    stage.seconds = 700
    assert stage.deliver(stage.shows(), None, stage.shows()) == "done"


@pytest.mark.parametrize("script", [[gone()], [None, gone()]], ids=["on reading", "on writing"])
def test_a_lead_that_lead_pro_no_longer_has_is_told(stage, script):
    push = stage.update(stage.lead(), status="Contacted")
    answers = [stage.shows() if answer is None else answer for answer in script]
    assert stage.deliver(*answers) == "needs_attention"
    assert stage.problem(push)[0] == "gone"
    assert "#18376" in stage.problem(push)[2]


def test_a_404_without_json_is_no_sign_that_the_lead_is_gone(stage):
    stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(NotFound("Not found.", status=404)) == "waiting"


def test_an_update_is_not_written_long_after_its_read(stage):
    push = stage.update(stage.lead(), status="Contacted")

    def slow(call):
        stage.seconds += 6
        return stage.shows()

    assert stage.deliver(slow, stage.shows(), None, stage.shows(status="Contacted"), push=push) == "done"
    assert stage.kinds() == ["get", "get", "patch", "get"]
    assert stage.calls[2].write_before == stage.monotonic() + 5


def test_a_refused_update_keeps_its_edits_for_mending(stage):
    lead = stage.lead()
    push = stage.update(lead, postcode="bad", status="Contacted")
    refusal = Refused("Refused.", status=422, excerpt="postcode is invalid", field="postcode")
    assert stage.deliver(stage.shows(), refusal) == "needs_attention"
    assert stage.problem(push) == ("refused", "postcode", "Lead.pro refused: postcode is invalid")
    assert stage.update(lead, postcode="NG1 1AB") == push
    mended = stage.shows(postcode="NG1 1AB", status="Contacted")
    assert stage.deliver(stage.shows(), None, mended) == "done"


def test_a_status_goes_by_id_where_the_connection_says_so():
    stage = Stage(status_by="id", find_statuses=lambda name: [21])
    stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(stage.shows(), None, stage.shows(status="Contacted")) == "done"
    assert stage.calls[1].payload["status"] == 21


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_status_name_that_means_several_is_an_error_with_their_ids(by):
    stage = Stage(status_by=by, find_statuses=lambda name: [44, 21])
    push = stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(stage.shows()) == "needs_attention"
    assert stage.problem(push)[:2] == ("status", "status")
    assert "21, 44" in stage.problem(push)[2]


def test_a_read_that_fails_keeps_an_update_waiting_or_unclear(stage):
    push = stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(RemoteFailing("No answer.")) == "waiting"
    stage.deliver(stage.shows(), LOST, push=push)
    assert stage.deliver(RemoteFailing("No answer."), push=push) == "unclear"


def test_a_read_back_that_fails_after_a_clear_success_is_made_up_for_later(stage):
    push = stage.update(stage.lead(), status="Contacted")
    assert stage.deliver(stage.shows(), None, RemoteFailing("No answer.")) == "unclear"
    stage.seconds = 60
    assert stage.deliver(stage.shows(status="Contacted")) == "done"
    assert (stage.kinds().count("patch"), stage.see(push).state) == (1, "done")
