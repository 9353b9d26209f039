"""What AlterEstate refuses, loses and keeps; and its switches."""

import pytest

from integrations.sandbox import Sandbox, SandboxControl
from integrations.sandbox.alterestate.readings import CHOICES, Readings
from tests.sandbox.alterestateapi import ADA, KEY, post, send
from tests.sandbox.api import Api


@pytest.mark.parametrize(
    ("fields", "message", "field", "detail"),
    [
        ({"phone": None}, "Missing required field: phone", "phone", "This field is required."),
        ({"email": ""}, "Missing required field: email", "email", "This field is required."),
        ({"full_name": 7}, "Invalid value for field: full_name", "full_name", "Not a valid string."),
        ({"email": "ada"}, "Invalid value for field: email", "email", "Enter a valid email address."),
        ({"via": True}, "Invalid value for field: via", "via", "Not a valid string."),
        ({"budget": "much"}, "Invalid value for field: budget", "budget", "A valid number is required."),
        (
            {"metadata": []},
            "Invalid value for field: metadata",
            "metadata",
            "Expected a dictionary of items.",
        ),
        (
            {"related": "nobody@example.org"},
            "User not found: nobody@example.org",
            "related",
            "User not found.",
        ),
    ],
)
def test_a_wrong_request_is_400_in_one_of_two_bodies_and_nothing_is_kept(box, fields, message, field, detail):
    answer = send(box, **fields)
    assert (answer.status, answer.data) == (400, {"status": "error", "message": message})
    box.set_alterestate_readings(error_body="fields")
    answer = send(box, **fields)
    assert (answer.status, answer.data) == (400, {field: [detail]})
    assert box.alterestate_stats() == {"contacts": 0, "deals": 0, "notices": 0, "entries": 0}


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_400(box, body):
    assert post(box, body).status == 400


def test_channels_and_kinds_of_listing_may_be_numbers(box):
    assert send(box, via=104, listing_type=1, budget=250_000.5, metadata={"a": 1}, colour="red").status == 201


def test_a_limit_of_length_may_hold(box):
    assert send(box, notes="x" * 5000).status == 201
    box.set_alterestate_readings(max_length=255)
    assert send(box, notes="x" * 256).status == 400


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "Authentication credentials were not provided."),
        (f"Bearer {KEY}", "Authentication credentials were not provided."),
        (KEY, "Authentication credentials were not provided."),
        ("Token wrong", "Invalid token."),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_401_or_403(box, key, words, status):
    box.set_alterestate_readings(auth_status=status)
    answer = post(box, key=key)
    assert (answer.status, answer.data) == (status, {"detail": words})
    assert box.alterestate_stats()["entries"] == 0


def test_another_key_may_be_the_known_one(box):
    box.set_alterestate_key("second")
    assert post(box).status == 401
    assert post(box, key="Token second").status == 201


@pytest.mark.parametrize(("reading", "status"), [("redirect", 301), ("error", 500), ("missing", 404)])
def test_without_the_slash_at_the_end_nothing_is_taken(box, reading, status):
    box.set_alterestate_readings(without_slash=reading)
    answer = post(box, path="/leads")
    assert answer.status == status
    location = "/alterestate/api/v1/leads/" if reading == "redirect" else None
    assert answer.headers.get("location") == location
    assert box.alterestate_contacts == []


def test_nothing_can_be_read_changed_or_deleted(box):
    assert [post(box, method=method).status for method in ("GET", "PATCH", "DELETE")] == [405] * 3
    assert post(box, path="/leads/1/").status == 404


def test_too_many_requests_are_429(box):
    box.set_alterestate_readings(requests_per_minute=2)
    assert [send(box).status for _ in range(3)] == [201, 201, 429]


def test_a_lost_answer_leaves_contact_and_deal(box):
    box.fault("drop_after", "POST", "/leads/", remote="alterestate")
    with pytest.raises(ConnectionError):
        send(box)
    assert box.alterestate_stats()["deals"] == 1
    assert [entry.fault for entry in box.requests("POST", remote="alterestate")] == ["drop_after"]
    assert Api(box).create().status == 200


def test_the_log_knows_that_a_key_came_and_not_which(box):
    send(box)
    (entry,) = box.requests(remote="alterestate")
    assert (entry.path, entry.status, entry.key_sent) == ("/leads/", 201, True)
    assert KEY not in str(entry.headers)
    assert entry.json() == ADA


def test_contacts_outlive_the_sandbox_where_a_state_file_is_kept(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state, alterestate={"duplicates": "refuse"}) as box:
        send(box)
        before = box.alterestate_contacts
    with Sandbox(state=state, alterestate={"duplicates": "refuse"}) as box:
        assert box.alterestate_contacts == before
        assert send(box).status == 200


def test_the_control_plane_does_what_the_sandbox_does(box):
    control = SandboxControl(box.url)
    assert control.alterestate_url == box.alterestate_url
    control.set_alterestate_readings(duplicates="refuse")
    assert control.alterestate_readings()["duplicates"] == "refuse"
    control.add_alterestate_contact(**ADA, owner="luis@example.org")
    assert send(box).status == 200
    assert send(box, email="bo@example.org", phone="8095550100").status == 201
    assert control.alterestate_contacts == box.alterestate_contacts
    assert control.alterestate_deals == box.alterestate_deals
    assert control.alterestate_notices == box.alterestate_notices
    assert control.stats()["alterestate"] == {"contacts": 2, "deals": 1, "notices": 1, "entries": 2}
    control.set_alterestate_key("second")
    assert send(box).status == 401
    control.reset()
    assert box.alterestate.readings == Readings()
    assert box.alterestate_stats() == {"contacts": 0, "deals": 0, "notices": 0, "entries": 0}
    assert send(box).status == 201


@pytest.mark.parametrize("name", list(CHOICES))
def test_every_choice_may_be_set_and_no_other(box, name):
    for value in CHOICES[name]:
        box.set_alterestate_readings(**{name: value})
        assert box.alterestate.readings.as_dict()[name] == value
    with pytest.raises(ValueError, match=f"reading {name} is one of"):
        box.set_alterestate_readings(**{name: "colour"})
