"""AlterEstate's one call: created, a duplicate, whose it becomes; and what nobody can read back."""

import pytest

from integrations.sandbox.alterestate.store import fold_phone
from tests.sandbox.alterestateapi import ADA, send


def test_a_lead_is_created_in_the_form_of_the_page(box):
    answer = send(box, notes="Me interesa", property_uid="KNM6135T3B", via="7")
    (contact,) = box.alterestate_contacts
    (deal,) = box.alterestate_deals
    assert answer.status == 201
    assert answer.data == {
        "status": 201,
        "data": {
            "id": contact["id"],
            "company": 42,
            "uid": contact["uid"],
            "full_name": "Ada Example",
            "email": "ada@example.org",
            "description": (
                "<h3>Nuevo prospecto recibido</h3><p><strong>Nombre:</strong> Ada Example</p>"
                "<p><strong>Teléfono:</strong> +447700900123</p>"
                "<p><strong>Correo electrónico:</strong> ada@example.org</p>"
                "<p><strong>Propiedad:</strong> KNM6135T3B</p><p><strong>Notas:</strong> Me interesa</p>"
            ),
            "via": 7,
            "phone": "+447700900123",
            "distinct_id": None,
            "ctype": 1,
            "related_contacts": [],
        },
        "log_id": 1,
        "deal_id": deal["id"],
    }
    assert deal["contact_id"] == contact["id"]
    assert deal["request"]["notes"] == "Me interesa"
    assert deal["owner"] == contact["owner"] == "rosa@example.org"


def test_a_lead_may_be_created_in_the_later_form(box):
    box.set_alterestate_readings(answer_form="later")
    answer = send(box)
    uid, deal = box.alterestate_contacts[0]["uid"], box.alterestate_deals[0]["uid"]
    assert (answer.status, len(uid)) == (201, 10)
    assert answer.data == {
        "status": 201,
        "data": {"uid": uid},
        "log_id": "LOG123456",
        "deal_uid": deal,
        "contact_uid": uid,
    }


def test_nothing_that_was_sent_is_escaped_in_the_description(box):
    answer = send(box, notes="<script>alert(1)</script>")
    assert "<script>alert(1)</script>" in answer.data["data"]["description"]


def test_where_duplicates_are_allowed_each_request_is_a_new_deal(box):
    assert [send(box).status for _ in range(3)] == [201] * 3
    assert box.alterestate_stats() == {"contacts": 3, "deals": 3, "notices": 0, "entries": 3}


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": "+1 809 555 0100", "email": "ADA@example.org "},
        {"phone": "0044 7700 900123", "email": "bo@example.org"},
        {"phone": "+44 (7700) 900-123", "email": "bo@example.org"},
    ],
)
def test_where_they_are_not_the_same_phone_or_address_in_any_spelling_is_a_duplicate(box, fields):
    box.set_alterestate_readings(duplicates="refuse")
    known = box.add_alterestate_contact(**ADA, owner="ines@example.org")
    answer = send(box, **fields)
    assert answer.status == 200
    assert answer.data == {
        "status": 200,
        "message": "Lead already exists. No new deal was created due to duplicate contact.",
        "log_id": "LOG123456",
    }
    assert box.alterestate_stats() == {"contacts": 1, "deals": 0, "notices": 1, "entries": 1}
    (notice,) = box.alterestate_notices
    assert (notice["owner"], notice["contact_id"], notice["log_id"]) == (
        "ines@example.org",
        known["id"],
        "LOG123456",
    )


def test_another_person_is_no_duplicate(box):
    box.set_alterestate_readings(duplicates="refuse")
    assert send(box).status == 201
    assert send(box, phone="withheld", email="bo@example.org").status == 201
    assert send(box, phone="unknown", email="cy@example.org").status == 201
    assert send(box).status == 200
    assert box.alterestate_stats() == {"contacts": 3, "deals": 3, "notices": 1, "entries": 4}


def test_a_duplicate_updates_the_fields_of_the_contacts_own(box):
    box.set_alterestate_readings(duplicates="refuse")
    send(box, custom_fields={"a": "1", "b": "1"})
    send(box, full_name="Somebody Else", custom_fields={"b": "2"})
    (contact,) = box.alterestate_contacts
    assert (contact["full_name"], contact["custom_fields"]) == ("Ada Example", {"a": "1", "b": "2"})


def test_a_round_robin_rule_beats_a_named_user_who_beats_the_default(box):
    for fields in (
        {},
        {"related": "Luis@example.org"},
        {"round_robin": "RRALQUILER", "related": "luis@example.org"},
        {"round_robin": "RRALQUILER", "related": "nobody@example.org"},
        {"round_robin": "UNKNOWN"},
    ):
        assert send(box, **fields).status == 201
    names = [deal["owner"].split("@")[0] for deal in box.alterestate_deals]
    assert names == ["rosa", "luis", "ines", "ines", "rosa"]


def test_a_rule_gives_each_of_its_people_a_turn(box):
    for _ in range(3):
        send(box, round_robin="RRVENTAS01")
    owners = [deal["owner"] for deal in box.alterestate_deals]
    assert owners[0] == owners[2] != owners[1]


def test_owners_and_rules_may_be_read_otherwise(box):
    assert send(box, related="USRINES003").status == 400
    box.set_alterestate_readings(related_by="both", default_owner="key_owner", unknown_rule="refuse")
    assert send(box, related="USRINES003").status == 201
    assert send(box).status == 201
    assert send(box, round_robin="UNKNOWN").status == 400
    assert [deal["owner"] for deal in box.alterestate_deals] == ["ines@example.org", "luis@example.org"]


def test_names_and_numbers_may_be_kept_as_sent(box):
    box.set_alterestate_readings(normalises=False)
    shown = send(box).data["data"]
    assert (shown["email"], shown["phone"]) == (ADA["email"], ADA["phone"])


@pytest.mark.parametrize(
    ("spelt", "folded"),
    [
        ("+44 7700 900123", "+447700900123"),
        ("0044 7700 900123", "+447700900123"),
        ("(809) 555-0100", "+18095550100"),
        ("07700 900123", "07700900123"),
        ("withheld", ""),
    ],
)
def test_numbers_are_compared_in_one_spelling(spelt, folded):
    assert fold_phone(spelt) == folded
