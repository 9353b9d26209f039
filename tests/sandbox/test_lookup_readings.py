"""Every switch for what the documents leave open about looking leads up by contact."""

import pytest

from tests.sandbox.api import ADA


def test_a_single_find_may_be_a_bare_object(box, api):
    box.set_readings(lookup_shape="object_when_one")
    lead = api.create().data
    assert api.find(email=ADA["email"]).data == lead
    api.create()
    assert len(api.find(email=ADA["email"]).data) == 2


def test_finds_may_stand_in_an_envelope(box, api):
    box.set_readings(lookup_shape="data")
    lead = api.create().data
    assert api.find(email=ADA["email"]).data == {"data": [lead]}


def test_finds_may_come_in_pages(box, api):
    box.set_readings(lookup_shape="paginated", lookup_page=2)
    ids = [api.create().data["id"] for _ in range(3)]
    first = api.find(email=ADA["email"]).data
    assert [lead["id"] for lead in first["data"]] == ids[:2]
    assert first["meta"] == {"total": 3, "page": 1, "next_page": 2}
    last = api.find(email=ADA["email"], page="2").data
    assert [lead["id"] for lead in last["data"]] == ids[2:]
    assert last["meta"]["next_page"] is None


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        ("array", 200, b"[]"),
        ("data", 200, b'{"data":[]}'),
        ("object", 200, b"{}"),
        ("blank", 200, b""),
        ("404", 404, b'{"message":"No leads found"}'),
    ],
)
def test_nobody_has_many_forms(box, api, form, status, body):
    box.set_readings(lookup_nobody=form)
    answer = api.find(email="nobody@example.org")
    assert (answer.status, answer.body) == (status, body)


def test_look_ups_may_lag_behind_writes_while_reads_by_id_do_not(box, api):
    box.set_readings(lookup_delay=60)
    lead = api.create().data
    assert api.find(email=ADA["email"]).data == []
    assert api.find(phone=ADA["phone"]).data == []
    assert api.get(lead["id"]).status == 200
    box.clock.advance(61)
    assert [found["id"] for found in api.find(email=ADA["email"]).data] == [lead["id"]]


@pytest.mark.parametrize("spelling", ["07700900123", "+447700900123", "+44 (0)7700 900123", "07700 900123"])
def test_phones_may_be_compared_in_any_spelling(box, api, spelling):
    box.set_readings(phone_match="normalised")
    lead = api.create().data
    assert api.find(phone=spelling).data == [lead]


def test_emails_may_be_compared_exactly(box, api):
    box.set_readings(email_match="exact")
    api.create()
    assert api.find(email="ADA@example.org").data == []


@pytest.mark.parametrize(("form", "count"), [("all", 1), ("any", 3)])
def test_email_and_phone_together_mean_both_or_either(box, api, form, count):
    box.set_readings(lookup_combines=form)
    api.create()
    api.create(email="other@example.org")
    api.create(phone="01632 960001")
    assert len(api.find(email=ADA["email"], phone=ADA["phone"]).data) == count


def test_children_may_be_left_out_of_look_ups(box, api):
    parent = box.add_lead()
    box.add_lead(parent_id=parent["id"])
    assert len(api.find(email=parent["email"]).data) == 2
    box.set_readings(lookup_children=False)
    assert [lead["id"] for lead in api.find(email=parent["email"]).data] == [parent["id"]]
