"""One set of cases for both stores: what the simulation proves with dictionaries holds for the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leads.models import Connection, Remote
from leads.sync.delivering.ports import After, Reply, Sent
from leads.sync.merging import Clash
from tests.simulation.harness import PERSON, Handle, InDictionaries, InDjango

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LEASE, SAFE = timedelta(seconds=90), timedelta(seconds=620)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture(params=["dictionaries", "rows"])
def handle(request, db) -> Handle:
    if request.param == "dictionaries":
        return InDictionaries()
    return InDjango(Connection.objects.create(remote=Remote.LEADPRO, name="Lead.pro"))


def claim(handle, now=NOW, *, creates=True, push_id=None):
    return handle.store.claim(now, lease=LEASE, safe_after=SAFE, creates=creates, push_id=push_id)


def test_a_claim_is_counted_and_dated_before_anything_is_sent(handle):
    push = handle.create(NOW)
    claimed = claim(handle)
    assert (claimed.push_id, claimed.state, claimed.attempts, claimed.fence) == (push, "sending", 1, 1)
    assert (claimed.claimed_at, claimed.safe_at) == (NOW, NOW + SAFE)
    assert claimed.payload["meta"] == {"leadmirror": claimed.token}
    assert handle.view(push).attempts == 1


def test_what_is_claimed_cannot_be_claimed_again(handle):
    handle.create(NOW)
    assert claim(handle) is not None
    assert claim(handle) is None
    assert claim(handle, after(100)) is None


def test_what_is_not_due_waits_unless_it_is_named(handle):
    push = handle.create(after(60))
    assert claim(handle) is None
    assert claim(handle, push_id=push).push_id == push


def test_the_oldest_comes_first_and_unclear_ones_before_all(handle):
    first, second, third = handle.create(NOW), handle.create(after(1)), handle.create(after(2))
    taken = claim(handle, after(3), push_id=third)
    handle.store.save(taken, After("unclear", after(4)), after(3))
    assert [claim(handle, after(5)).push_id for _ in range(3)] == [third, first, second]


def test_without_leave_for_creates_only_look_ups_go_on(handle):
    waiting, unclear = handle.create(NOW), handle.create(NOW)
    handle.store.save(claim(handle, push_id=unclear), After("unclear", NOW), NOW)
    assert claim(handle, creates=False).push_id == unclear
    assert claim(handle, creates=False) is None
    assert claim(handle).push_id == waiting


def test_claiming_an_unclear_push_moves_neither_its_safe_time_nor_its_count(handle):
    push = handle.create(NOW)
    handle.store.save(claim(handle), After("unclear", NOW, was_unclear=True), NOW)
    again = claim(handle, after(30))
    assert (again.push_id, again.state, again.attempts, again.safe_at) == (push, "unclear", 1, NOW + SAFE)
    assert again.was_unclear


def test_a_dead_worker_leaves_a_create_unclear(handle):
    push = handle.create(NOW)
    dead = claim(handle)
    assert handle.store.expire(after(80)) == 0
    assert handle.store.expire(after(91)) == 1
    seen = handle.view(push)
    assert (seen.state, seen.fence, seen.was_unclear) == ("unclear", dead.fence + 1, True)
    assert handle.store.renew(dead, after(200)) is False
    assert handle.store.save(dead, After("waiting", after(92)), after(92)) is None
    assert handle.view(push).state == "unclear"


def test_a_dead_worker_leaves_an_update_waiting_until_something_was_planned(handle):
    lead = handle.lead(18376, NOW, status="New")
    push = handle.update(lead, NOW, status="Contacted")
    claim(handle)
    handle.store.expire(after(91))
    assert handle.view(push).state == "waiting"
    planned = claim(handle, after(92))
    handle.store.save(
        planned, After("sending", release=False, plan={"set": {"status": "Contacted"}}), after(92)
    )
    handle.store.expire(after(190))
    assert handle.view(push).state == "unclear"


def test_a_dead_workers_update_takes_later_edits_along(handle):
    lead = handle.lead(18376, NOW, status="New")
    push = handle.update(lead, NOW, status="Contacted")
    claim(handle)
    later = handle.update(lead, after(1), status="Qualified")
    assert handle.store.expire(after(91)) == 1
    assert (handle.view(push).state, handle.view(later).state) == ("waiting", "discarded")
    assert handle.view(push).edits == {"status": {"base": "New", "mine": "Qualified"}}


def test_a_push_that_kills_worker_after_worker_is_put_aside(handle):
    push = handle.create(NOW)
    claim(handle)
    for n in range(1, 6):
        handle.store.expire(after(100 * n))
        claim(handle, after(100 * n))
    seen = handle.view(push)
    assert (seen.state, seen.problem_code) == ("needs_attention", "bug")


def test_a_renewed_claim_does_not_lapse(handle):
    handle.create(NOW)
    mine = claim(handle)
    assert handle.store.renew(mine, after(200)) is True
    assert handle.store.expire(after(100)) == 0


def test_every_attempt_is_kept_even_without_the_claim(handle):
    push = handle.create(NOW)
    dead = claim(handle)
    handle.store.expire(after(91))
    handle.store.record(dead, Sent(NOW, after(95), "ok", 200, remote_id=18376))
    assert handle.attempts(push) == ["ok"]
    assert handle.store.learnt_id(claim(handle, after(96))) == 18376


def test_an_update_waits_for_the_create_of_its_lead(handle):
    create = handle.create(NOW)
    update = handle.update(handle.lead_of(create), after(1), status="Contacted")
    mine = claim(handle, after(2))
    assert (mine.push_id, claim(handle, after(2))) == (create, None)
    answer = {**mine.payload, "id": 18376, "status": "New"}
    handle.store.adopt(mine, Reply(answer, after(2)), after(3), is_own_answer=True, warnings=[])
    seen = handle.view(create)
    assert (seen.state, seen.remote_id, seen.leased) == ("done", 18376, False)
    next_one = claim(handle, after(4))
    assert (next_one.push_id, next_one.remote_id) == (update, 18376)
    assert next_one.edits["status"]["base"] == "New"
    assert handle.column(handle.lead_of(create), "status") == "Contacted"


def test_what_a_late_look_up_shows_is_not_what_edits_are_based_on(handle):
    create = handle.create(NOW)
    update = handle.update(handle.lead_of(create), after(1), postcode="NG1 1AB")
    mine = claim(handle, after(2), push_id=create)
    found = {**mine.payload, "id": 18376, "postcode": "OX1 1AA"}
    handle.store.adopt(mine, Reply(found, after(700)), after(700), is_own_answer=False, warnings=[])
    assert handle.view(update).edits == {"postcode": {"base": None, "mine": "NG1 1AB"}}


def test_a_read_with_our_token_settles_the_push_and_the_lease_waits_for_our_own_answer(handle):
    create = handle.create(NOW)
    update = handle.update(handle.lead_of(create), after(1), status="Contacted")
    mine = claim(handle, after(1), push_id=create)
    seen = {**PERSON, "id": 18376, "status": "New", "meta": {"leadmirror": handle.token(create)}}
    handle.read(seen, after(2))
    assert (handle.view(create).state, handle.view(create).remote_id) == ("done", 18376)
    assert claim(handle, after(3)) is None
    handle.store.adopt(mine, Reply(seen, after(2)), after(4), is_own_answer=True, warnings=[])
    assert handle.view(create).remote_id == 18376
    assert claim(handle, after(5)).push_id == update


def test_a_failed_send_of_a_push_that_a_read_settled_lets_the_lead_go(handle):
    create = handle.create(NOW)
    update = handle.update(handle.lead_of(create), after(1), status="Contacted")
    mine = claim(handle, after(1), push_id=create)
    handle.read({**PERSON, "id": 18376, "meta": {"leadmirror": handle.token(create)}}, after(2))
    assert handle.store.save(mine, After("unclear", after(10)), after(3)) is None
    assert handle.view(create).state == "done"
    assert claim(handle, after(4)).push_id == update


def test_a_second_remote_lead_with_the_token_is_told(handle):
    create = handle.create(NOW)
    mine = claim(handle)
    for remote_id in (18376, 18377):
        reply = Reply({**mine.payload, "id": remote_id}, after(1))
        handle.store.adopt(mine, reply, after(2), is_own_answer=False, warnings=[])
    assert handle.view(create).remote_id == 18376
    assert any("#18376, #18377" in text for text in handle.warnings(handle.lead_of(create)))


def test_what_is_left_of_an_update_says_how_it_ends(handle):
    lead = handle.lead(18376, NOW, status="New", postcode="NG1 1AA")
    push = handle.update(lead, NOW, status="Contacted", postcode="NG1 1AB")
    mine = claim(handle)
    handle.read({**PERSON, "id": 18376, "status": "New", "postcode": "OX1 1AA"}, after(1))
    clash = Clash("postcode", "NG1 1AA", "NG1 1AB", "OX1 1AA")
    kept = handle.store.save(mine, After("sending", release=False, clashes=[clash], plan={"set": {}}), NOW)
    assert kept.in_conflict == {"postcode"}
    done = handle.store.save(kept, After(over=["status"], plan={}), NOW)
    assert (done.state, handle.view(push).problem_code) == ("needs_attention", "conflict")
    assert handle.conflicts(lead) == {"postcode": ("NG1 1AA", "NG1 1AB", "OX1 1AA")}
    assert handle.view(push).edits == {"postcode": {"base": "NG1 1AA", "mine": "NG1 1AB"}}


def test_an_update_with_nothing_left_is_done(handle):
    lead = handle.lead(18376, NOW, status="New")
    push = handle.update(lead, NOW, status="Contacted")
    handle.store.save(claim(handle), After(over=["status"], plan={}), NOW)
    seen = handle.view(push)
    assert (seen.state, seen.remote_id, seen.edits, seen.leased) == ("done", 18376, {}, False)


def test_an_edit_over_an_edit_on_its_way_remembers_what_stood_before(handle):
    lead = handle.lead(18376, NOW, status="New")
    handle.update(lead, NOW, status="Contacted")
    mine = claim(handle)
    later = handle.update(lead, after(1), status="Qualified")
    assert handle.view(later).edits == {"status": {"base": "Contacted", "mine": "Qualified", "was": "New"}}
    handle.store.save(mine, After(over=["status"], rebase={"status": "contacted"}, plan={}), after(2))
    assert handle.view(later).edits == {"status": {"base": "contacted", "mine": "Qualified"}}


def test_an_update_that_goes_back_to_waiting_takes_the_later_edits_along(handle):
    lead = handle.lead(18376, NOW, status="New")
    push = handle.update(lead, NOW, status="Contacted")
    mine = claim(handle)
    later = handle.update(lead, after(1), status="Qualified", address="1 Drama Street")
    handle.store.save(mine, After("waiting", after(5), plan={}), after(2))
    assert handle.view(later).state == "discarded"
    assert handle.view(push).edits == {
        "status": {"base": "New", "mine": "Qualified"},
        "address": {"base": None, "mine": "1 Drama Street"},
    }


def test_a_conflict_shows_the_last_thing_typed(handle):
    lead = handle.lead(18376, NOW, status="New")
    push = handle.update(lead, NOW, status="Contacted")
    mine = claim(handle)
    later = handle.update(lead, after(1), status="Qualified")
    handle.read({**PERSON, "id": 18376, "status": "Lost"}, after(1))
    clash = Clash("status", "New", "Contacted", "Lost")
    handle.store.save(mine, After(clashes=[clash], plan={}), after(2))
    assert handle.conflicts(lead) == {"status": ("New", "Qualified", "Lost")}
    assert handle.view(later).state == "discarded"
    assert handle.update(lead, after(3), status="Viewing booked") is None
    assert handle.conflicts(lead) == {"status": ("New", "Viewing booked", "Lost")}
    assert handle.view(push).edits["status"]["mine"] == "Viewing booked"


def test_what_was_typed_while_a_delivery_ran_is_not_put_back_by_it(handle):
    lead = handle.lead(18376, NOW, status="New", postcode="NG1 1AA")
    push = handle.update(lead, NOW, status="Contacted", postcode="NG1 1AB")
    clash = Clash("status", "New", "Contacted", "Lost")
    mine = claim(handle)
    handle.read({**PERSON, "id": 18376, "status": "Lost", "postcode": "NG1 1AB"}, after(0.5))
    kept = handle.store.save(mine, After("sending", release=False, clashes=[clash], plan={}), after(0.6))
    assert handle.update(lead, after(1), status="Qualified") is None
    handle.store.save(kept, After(clashes=[clash], over=["postcode"], plan={}), after(2))
    assert handle.conflicts(lead) == {"status": ("New", "Qualified", "Lost")}
    assert handle.view(push).edits["status"]["mine"] == "Qualified"


def test_an_overruled_value_is_shown_with_a_warning(handle):
    lead = handle.lead(18376, NOW, status="New")
    handle.update(lead, NOW, status="Contacted")
    mine = claim(handle)
    handle.read({**PERSON, "id": 18376, "status": "Qualified"}, after(1))
    assert handle.column(lead, "status") == "Contacted"
    words = "Lead.pro changed status from “Contacted” to “Qualified”."
    handle.store.save(mine, After(over=["status"], show=["status"], warnings=[words], plan={}), after(2))
    assert (handle.column(lead, "status"), handle.warnings(lead)) == ("Qualified", [words])


def test_the_breaker_is_kept(handle):
    assert handle.store.change_breaker(lambda state: state) == {}
    assert handle.store.change_breaker(lambda state: {**state, "openings": 1}) == {"openings": 1}
    assert handle.store.change_breaker(lambda state: state) == {"openings": 1}


def test_a_claim_that_does_not_count_gives_its_attempt_back(handle):
    push = handle.create(NOW)
    handle.store.save(claim(handle), After("waiting", after(5), ("credentials", "", "…"), counted=False), NOW)
    assert (handle.view(push).attempts, handle.view(push).problem_code) == (0, "credentials")
