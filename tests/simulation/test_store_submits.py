"""The store's contract, of what is in doubt and of leads given to a remote that shows nothing."""

from __future__ import annotations

import pytest

from integrations.verdicts import Submitted
from leads.models import Connection, Lead, Push, Remote
from leads.models.push import new_token
from leads.sync import pushing
from leads.sync.delivering.ports import After, Sent
from tests.simulation.harness import InDictionaries, InDjango
from tests.simulation.test_store_contract import NOW, after, claim, handle

__all__ = ["handle"]


class Dictionaries(InDictionaries):
    def submit(self, now):
        return self.dict_store.request_submit({"lastName": "Example"}, new_token(), now).push_id

    def said(self, push_id):
        row = self.dict_store.pushes[push_id]
        return row.state, row.reference, row.problem[2]

    def discard(self, push_id, now):
        self.dict_store.pushes[push_id].state = "discarded"


class Rows(InDjango):
    def submit(self, now):
        lead = Lead.objects.create(listed_at=now, first_seen_at=now, changed_at=now, origin="api")
        push = Push.objects.create(
            lead=lead,
            connection=self.connection,
            kind="submit",
            payload={"lastName": "Example"},
            created_at=now,
            due_at=now,
        )
        return push.pk

    def said(self, push_id):
        push = Push.objects.get(pk=push_id)
        return push.state, push.remote_reference, push.problem

    def discard(self, push_id, now):
        pushing.discard(Push.objects.get(pk=push_id), "Grace", now)


@pytest.fixture(params=["dictionaries", "rows"])
def store(request, db):
    if request.param == "dictionaries":
        return Dictionaries()
    # The name as the dictionaries have it; a submit is a submit, whatever the remote.
    return Rows(Connection.objects.create(remote=Remote.LEADPRO, name="AVIV"))


def test_an_answer_ends_a_submit_with_its_reference(store):
    push = store.submit(NOW)
    store.store.take_answer(claim(store), Submitted(reference="req-1"), NOW)
    assert store.said(push) == ("done", "req-1", "")
    assert store.view(push).leased is False


def test_a_duplicate_is_an_end_of_its_own(store):
    push = store.submit(NOW)
    answer = Submitted(reference="LOG1", is_duplicate=True, note="Known.")
    store.store.take_answer(claim(store), answer, NOW)
    assert store.said(push) == ("duplicate", "LOG1", "Known.")


def test_a_duplicate_after_a_send_in_doubt_may_be_our_own(store):
    push = store.submit(NOW)
    store.store.save(claim(store), After("waiting", after(700), was_unclear=True), NOW)
    store.store.take_answer(claim(store, after(700)), Submitted("LOG1", "", True, "Known."), after(701))
    assert store.said(push)[2] == ("Known. An earlier send of ours got no answer; this may be what it made.")


def test_an_answer_counts_though_the_claim_was_lost(store):
    push = store.submit(NOW)
    mine = claim(store)
    assert store.store.expire(after(91)) == 1
    assert store.view(push).state == "unclear"
    store.store.save(claim(store, after(92)), After("needs_attention", was_unclear=True), after(92))
    store.store.take_answer(mine, Submitted(reference="req-1"), after(93))
    assert store.said(push) == ("done", "req-1", "")


def test_an_answer_to_what_was_discarded_is_told_on_the_lead(store):
    push = store.submit(NOW)
    mine = claim(store)
    store.store.expire(after(91))
    store.discard(push, after(92))
    store.store.take_answer(mine, Submitted(reference="req-1"), after(93))
    assert store.said(push)[:2] == ("discarded", "req-1")
    words = "Lead.pro took this lead after it was discarded here: reference req-1."
    assert words in store.warnings(store.lead_of(push))


def test_what_an_attempt_was_answered_is_remembered(store):
    store.submit(NOW)
    mine = claim(store)
    assert store.store.learnt_answer(mine) is None
    store.store.record(mine, Sent(NOW, NOW, "unclear"))
    assert store.store.learnt_answer(mine) is None
    store.store.record(mine, Sent(NOW, NOW, "duplicate", 200, "Known.", None, "LOG1"))
    assert store.store.learnt_answer(mine) == Submitted("LOG1", "", True, "Known.")


def test_a_submit_in_doubt_counts_until_it_has_settled(store):
    store.submit(NOW)
    problem = ("unclear", "", "Sent.")
    store.store.save(claim(store), After("needs_attention", problem=problem, was_unclear=True), NOW)
    assert store.store.count_unclear(after(619)) == 1
    assert store.store.count_unclear(after(620)) == 0
    store.store.note_written(after(1))
    assert store.store.count_unclear(after(2)) == 0


def test_held_back_submits_wait(store):
    push = store.submit(NOW)
    assert claim(store, creates=False) is None
    assert claim(store).push_id == push


def test_only_unclear_creates_newer_than_the_last_good_write_count(handle):
    for _ in range(2):
        handle.create(NOW)
        handle.store.save(claim(handle), After("unclear", after(5)), NOW)
    assert handle.store.count_unclear(after(0)) == 2
    handle.store.note_written(after(1))
    assert handle.store.count_unclear(after(1)) == 0
    handle.create(after(2))
    claim(handle, after(2))
    assert handle.store.count_unclear(after(2)) == 1
