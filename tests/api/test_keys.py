"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from leads.models import ApiKey, Connection, Lead
from tests.api.conftest import NEW_LEAD, Caller

READS = [
    ("GET", "leads/", None),
    ("POST", "leads/search/", {}),
    ("GET", "leads/{lead}/", None),
    ("GET", "leads/{lead}/changes/", None),
    ("POST", "leads/{lead}/refresh/", {}),
    ("POST", "leads/lookup/", {}),
    ("GET", "changes/", None),
    ("GET", "pushes/", None),
    ("GET", "pushes/1/", None),
    ("GET", "offices/", None),
    ("GET", "statuses/", None),
    ("GET", "connections/", None),
]
WRITES = [
    ("POST", "leads/", {}),
    ("POST", "leads/valuation/", {}),
    ("PATCH", "leads/{lead}/", {}),
    ("POST", "pushes/1/retry/", {}),
    ("POST", "pushes/1/discard/", {}),
    ("POST", "pushes/1/resolve/", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), READS + WRITES)
def test_without_a_key_every_address_answers_401(nobody: Caller, method: str, path: str, body: Any) -> None:
    answer = nobody.call(method, path.format(lead=1), body)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="leadmirror"'
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_reading_needs_the_scope_to_read(
    caller: Callable[..., Caller], mirror: Callable[..., Lead], method: str, path: str, body: Any
) -> None:
    path = path.format(lead=mirror(1).pk)
    refused = caller("leads:write").call(method, path, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert caller("leads:read").call(method, path, body).status_code not in {401, 403}


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writing_needs_the_scope_to_write(
    caller: Callable[..., Caller], mirror: Callable[..., Lead], method: str, path: str, body: Any
) -> None:
    path = path.format(lead=mirror(1).pk)
    refused = caller("leads:read").call(method, path, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert "leads:write" in refused.json()["detail"]
    assert caller("leads:write").call(method, path, body).status_code not in {401, 403}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer nonsense",
        "Bearer ",
        "Bearer",
        "Basic YWRhOmFkYQ==",
        "lm_x",
        "Bearer ké",
        "Bearer " + "x" * 5000,
    ],
)
def test_an_unknown_key_is_401_and_says_so(nobody: Caller, header: str) -> None:
    answer = nobody.get("leads/", Authorization=header)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_key_is_refused_at_the_next_request(api: Caller) -> None:
    assert api.get("leads/").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert api.get("leads/").status_code == 401


def test_the_scheme_is_written_in_any_case(api: Caller, nobody: Caller) -> None:
    assert nobody.get("leads/", Authorization=f"bearer {api.text}").status_code == 200


def test_last_use_is_written_at_most_once_a_minute(api: Caller) -> None:
    api.get("leads/")
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    api.get("leads/")
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    api.get("leads/")
    assert ApiKey.objects.get().last_used_at > first


def test_a_limited_key_sees_its_own_offices_and_no_others(
    caller: Callable[..., Caller], mirror: Callable[..., Lead]
) -> None:
    own, foreign, nowhere = mirror(1, office_id=375), mirror(2, office_id=42), mirror(3, office_id=None)
    limited = caller(offices=[375])
    assert [row["id"] for row in limited.get("leads/").json()["results"]] == [own.pk]
    assert [row["id"] for row in limited.post("leads/search/", {}).json()["results"]] == [own.pk]
    assert limited.get("leads/?office_id=42").json()["results"] == []
    assert [row["id"] for row in limited.get("offices/").json()["results"]] == [375]
    for lead in (foreign, nowhere):
        for method, path in (("GET", ""), ("PATCH", ""), ("GET", "changes/"), ("POST", "refresh/")):
            answer = limited.call(method, f"leads/{lead.pk}/{path}", {} if method != "GET" else None)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_limited_key_creates_only_in_its_own_offices(
    caller: Callable[..., Caller], account: Connection
) -> None:
    limited = caller(offices=[375])
    nameless = limited.post("leads/", NEW_LEAD)
    assert nameless.status_code == 400
    assert [(e["field"], e["code"]) for e in nameless.json()["errors"]] == [("office_id", "required")]
    for office in (42, "42", 999):
        foreign = limited.post("leads/", {**NEW_LEAD, "office_id": office})
        assert foreign.status_code == 403
        assert [(e["field"], e["code"]) for e in foreign.json()["errors"]] == [("office_id", "not_allowed")]
    assert Lead.objects.count() == 0
    assert limited.post("leads/", {**NEW_LEAD, "office_id": 375}).status_code == 202


def test_a_limited_key_moves_no_lead_to_a_foreign_office(
    caller: Callable[..., Caller], mirror: Callable[..., Lead]
) -> None:
    lead = mirror(1, office_id=375)
    answer = caller(offices=[375]).patch(f"leads/{lead.pk}/", {"office_id": 42})
    assert answer.status_code == 403
    lead.refresh_from_db()
    assert lead.office_id == 375
