"""One test per rule of updates, against a scripted remote."""

from __future__ import annotations

import pytest

from integrations.errors import (
    NotFound,
    OutcomeUnknown,
    Refused,
    RemoteFailing,
    TransientError,
)
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
