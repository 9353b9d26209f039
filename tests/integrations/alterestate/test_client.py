"""AlterEstate's answers: what became of the lead, told by the HTTP code first and the body second. The numbers of the
traps are those of the vendor reference.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations.alterestate.client import AlterEstateClient, is_about_related
from integrations.errors import CredentialsRefused, OutcomeUnknown, RateLimited, Refused, RemoteError
from integrations.verdicts import Submitted
from tests.integrations.alterestate.samples import sample
from tests.integrations.faultserver import FaultServer, answering, respond

LEAD = {"full_name": "Ada Example", "email": "ada.example@example.org", "phone": "+18095550123"}


def post(document: Any, status: int, payload: dict[str, Any] = LEAD) -> Submitted:
    body = document if isinstance(document, str) else json.dumps(document)
    with FaultServer(answering(respond(status, body))) as server:
        return AlterEstateClient(base_url=server.url, api_key=" key ", timeout=1).create_lead(payload)


def fail(document: Any, status: int) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        post(document, status)
    return caught.value


def test_the_path_ends_with_a_slash_and_the_scheme_is_token() -> None:
    """Trap 7."""
    for base in ("", "/"):
        with FaultServer(answering(respond(201, json.dumps(sample("created"))))) as server:
            AlterEstateClient(base_url=server.url + base, api_key=" key ").create_lead(LEAD)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /api/v103/leads/ HTTP/1.1")
        assert b"\r\nAuthorization: Token key\r\n" in head
        assert json.loads(body) == LEAD


def test_a_creation_is_told_in_both_forms_and_every_id_is_text() -> None:
    """Traps 1 and 3."""
    assert post(sample("created"), 201) == Submitted(
        "998877", "445566", False, "Created in AlterEstate: deal 445566, contact A1B2C3D4E5, log 998877."
    )
    assert post(sample("created_later"), 201) == Submitted(
        "LOG555",
        "DEAL8X3P1Z",
        False,
        "Created in AlterEstate: deal DEAL8X3P1Z, contact CONT4T6Y2W, log LOG555.",
    )


def test_the_201_may_stand_in_the_body_alone() -> None:
    assert post(sample("created"), 200).remote_id == "445566"


def test_a_created_lead_without_ids_is_created() -> None:
    assert post({"status": 201}, 201) == Submitted("", "", False, "Created in AlterEstate; it gave no id.")
    assert post({"data": {"id": 5}}, 201).remote_id == "5"


@pytest.mark.parametrize("status", [200, 201])
def test_a_duplicate_is_an_outcome_of_its_own_with_its_log_and_no_id(status: int) -> None:
    """Trap 2."""
    taken = post(sample("duplicate"), status)
    assert (taken.is_duplicate, taken.reference, taken.remote_id) == (True, "LOG123456", "")
    assert taken.note == (
        "Already a contact there, so nothing was created; its owner was notified. Log LOG123456."
        " AlterEstate says: Lead already exists, no new deal was created."
    )
    assert post({"log_id": 7}, 200).reference == "7"


def test_html_of_the_server_is_never_in_what_people_see() -> None:
    """Trap 4."""
    created = sample("created")
    created["deal_id"] = "<script>alert(1)</script><b>7</b>"
    taken = post(created, 201)
    assert "<" not in taken.note + taken.remote_id
    said = {"status": 200, "message": "<img src=x onerror=alert(1)>known\x00\u202e", "log_id": "<i>L1</i>"}
    assert post(said, 200) == Submitted(
        "L1",
        "",
        True,
        "Already a contact there, so nothing was created; its owner was notified. Log L1."
        " AlterEstate says: known",
    )


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, 200),
        ({"status": 200, "message": "ok"}, 200),
        ({"status": 200, "data": {"id": 5}, "log_id": 7}, 200),
        ({"status": 200, "data": {"id": 5}, "log_id": 7}, 201),
        ({"status": "error", "message": "Missing required field: phone"}, 200),
        ({"status": "error", "message": "Missing required field: phone"}, 201),
        ({"status": 201}, 200),
        ({"status": 400}, 201),
        ({"status": 201, "data": {"id": 5}}, 202),
        ([], 201),
        ("null", 201),
        ("", 201),
        ("<html>", 201),
    ],
)
def test_where_code_and_body_do_not_agree_nothing_is_known(document: Any, status: int) -> None:
    """Traps 1, 5 and 6: a second send could make a second deal, and nothing can be looked up."""
    error = fail(document, status)
    assert type(error) is OutcomeUnknown
    assert "may or may not have taken" in error.summary


def test_both_bodies_of_a_refusal_are_read() -> None:
    error = fail(sample("refused"), 400)
    assert type(error) is Refused
    assert error.excerpt == "Missing required field: phone"
    error = fail({"phone": ["This field is required."]}, 400)
    assert (error.excerpt, error.field) == ("phone: This field is required.", "phone")
    error = fail({"status": "error", "details": {"email": ["Enter a valid email address."]}}, 400)
    assert (error.excerpt, error.field) == ("email: Enter a valid email address.", "email")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_what_to_do(status: int) -> None:
    error = fail({"detail": "Invalid token."}, status)
    assert type(error) is CredentialsRefused
    assert "Enter the API key of AlterEstate's dashboard again; nothing is lost." in error.summary


def test_a_429_is_patience_and_was_not_applied() -> None:
    """Trap 6."""
    assert type(fail({"detail": "Request was throttled."}, 429)) is RateLimited


@pytest.mark.parametrize(
    ("document", "related", "is_so"),
    [
        ({"related": ["User with email nobody@example.org does not exist."]}, "nobody@example.org", True),
        ({"status": "error", "message": "Related user not found"}, "nobody@example.org", True),
        ({"status": "error", "message": "No user nobody@example.org"}, "nobody@example.org", True),
        ({"phone": ["This field is required."]}, "nobody@example.org", False),
        ({"status": "error", "message": "Missing required field: phone"}, "nobody@example.org", False),
        ({"related": ["User does not exist."]}, "", False),
    ],
)
def test_a_refusal_for_the_user_named_is_told_from_others(document: Any, related: str, is_so: bool) -> None:
    """Trap 8."""
    assert is_about_related(fail(document, 400), {**LEAD, "related": related}) is is_so


def test_only_a_400_is_about_the_user_named() -> None:
    assert not is_about_related(fail({"related": ["x"]}, 422), {**LEAD, "related": "a@example.org"})
    assert not is_about_related(fail({"related": ["x"]}, 500), {**LEAD, "related": "a@example.org"})
