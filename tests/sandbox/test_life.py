"""Invented people and enquiries, two years of them at once, and life at the agency."""

import re
from collections import Counter
from datetime import datetime
from random import Random

import pytest

from integrations.sandbox import Sandbox
from integrations.sandbox.leadpro.shape import KEYS
from integrations.sandbox.leadpro.store import fold_phone
from integrations.sandbox.people import invent_person, respell_phone
from tests.sandbox.api import wait_until
from tests.sandbox.listener import Listener

DRAMA = re.compile(r"^(7700900\d{3}|1632960\d{3}|2079460\d{3}|1(1[3-8]|[2356]1)4960\d{3}|1914980\d{3})$")
PEOPLE = 1500


@pytest.fixture(scope="module")
def seeded() -> list[dict]:
    with Sandbox(leads=PEOPLE) as box:
        return box.leads


def test_everybody_is_invented(seeded):
    for lead in seeded:
        assert lead["email"] is None or lead["email"].endswith(("@example.org", "@example.com"))
        if lead["phone"] != "withheld":
            assert DRAMA.match((fold_phone(lead["phone"]) or "").lstrip("0")), lead["phone"]


def test_a_number_is_spelt_in_many_ways_and_stays_the_same():
    chance = Random(1)
    spellings = {respell_phone("07700 900123", chance) for _ in range(200)}
    assert len(spellings) >= 5
    assert {fold_phone(spelling) for spelling in spellings} == {"7700900123"}


def test_strangers_share_no_number_and_no_address():
    chance = Random(1)
    people = [invent_person(number, chance) for number in range(10_000)]
    assert len({person.phone for person in people}) == 10_000
    assert len({person.email for person in people}) == 10_000


def test_seeded_leads_are_complete_and_in_order(seeded):
    assert len(seeded) == PEOPLE
    assert all(tuple(lead) == KEYS for lead in seeded)
    instants = [lead["created_at"] for lead in seeded]
    assert instants == sorted(instants)
    span = datetime.fromisoformat(instants[-1]) - datetime.fromisoformat(instants[0])
    assert 600 < span.days <= 730


def test_seeded_leads_are_varied(seeded):
    for key, least in {
        "type": 5,
        "status": 10,
        "stage": 3,
        "office_id": 7,
        "source": 8,
        "utm_source": 3,
    }.items():
        assert len({lead[key] for lead in seeded} - {None}) >= least, key
    for key in ("message", "questionnaire", "meta", "appointment_availability", "average_sale_estimation"):
        assert 10 < sum(lead[key] is not None for lead in seeded) < PEOPLE, key


def test_a_few_seeded_leads_are_odd(seeded):
    assert any(
        "<script>" in (lead["message"] or "") or lead["first_name"] == "=cmd|' /C calc'!A0" for lead in seeded
    )
    assert any(lead["first_name"] is None and lead["full_name"] is None for lead in seeded)
    assert any(len(lead["message"] or "") > 255 for lead in seeded)
    assert any(lead["out_of_area_distance"] for lead in seeded)
    assert {lead["gdpr_checkbox"] for lead in seeded} == {True, False, None}


def test_children_have_the_contact_of_their_parents(seeded):
    by_id = {lead["id"]: lead for lead in seeded}
    children = [lead for lead in seeded if lead["parent_id"]]
    assert children
    for child in children:
        assert child["is_parent"] is False
        assert by_id[child["parent_id"]]["is_parent"] is True
    same = sum(child["last_name"] == by_id[child["parent_id"]]["last_name"] for child in children)
    assert same > len(children) / 2


def test_old_leads_are_decided_and_new_ones_are_not(seeded):
    old, new = (
        Counter(lead["stage"] for lead in seeded[:500]),
        Counter(lead["stage"] for lead in seeded[-15:]),
    )
    assert old["Business"] > 300
    assert new["Business"] < 10


def test_people_enquire_more_than_once(seeded):
    asked = Counter(lead["email"].lower() for lead in seeded if lead["email"])
    assert max(asked.values()) >= 2


def test_the_same_seed_gives_the_same_people(seeded):
    with Sandbox(leads=50, seed=7) as one, Sandbox(leads=50, seed=7) as two:
        assert [lead["email"] for lead in one.leads] == [lead["email"] for lead in two.leads]


def test_life_delivers_and_works_leads():
    with Sandbox(leads=50, seed=3) as box:
        before = {lead["id"]: lead for lead in box.leads}
        for _ in range(60):
            box.life.step()
        after = {lead["id"]: lead for lead in box.leads}
        counts = box.stats()["life"]
    assert len(after) == 50 + counts["enquiries"]
    assert counts["enquiries"] + counts["edits"] == 60
    assert sum(after[lead_id] != before[lead_id] for lead_id in before) > 5
    new = [lead for lead_id, lead in after.items() if lead_id not in before]
    assert not {lead["email"] for lead in new} & {lead["email"] for lead in before.values()} - {None}


def test_agents_take_up_what_came_by_the_api_first(box, api):
    lead = api.create().data
    for _ in range(20):
        box.add_lead()
    box.clock.advance(120)
    worked = box.life.work()
    assert worked is not None
    assert worked["id"] == lead["id"]
    for _ in range(40):
        box.clock.advance(300)
        box.life.work()
    assert api.get(lead["id"]).data["status"] != "New"


def test_life_runs_by_itself_and_sends_webhooks():
    with Listener() as listener, Sandbox(leads=20, life=1200, webhook_url=listener.url) as box:
        wait_until(lambda: len(listener.received) >= 10)
        box.life.set_rate(0)
        assert {event for event, _ in listener.events} == {"lead.created", "lead.updated"}


def test_an_empty_agency_has_no_lead_to_work(box):
    assert box.life.work() is None


def test_the_clock_may_run_fast_and_never_backwards():
    with Sandbox(clock_scale=1000) as box:
        now = box.clock.now()
        wait_until(lambda: box.clock.now() > now + 5)
        with pytest.raises(ValueError, match="backwards"):
            box.clock.advance(-1)
