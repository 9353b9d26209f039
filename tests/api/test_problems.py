"""Every error has one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leads.api import leads as lead_views
from leads.models import Lead
from tests.api.conftest import NEW_LEAD, Caller

KEYS = {"type", "title", "status", "code", "detail", "errors"}


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert body.keys() == KEYS
    return body


def test_an_unknown_address_is_404_with_and_without_a_key(api: Caller, nobody: Caller) -> None:
    for somebody in (api, nobody):
        for path in ("nothing/", "leads/abc/", "leads/99999999999999999999999999/x/", ""):
            assert_problem(somebody.get(path), 404, "not_found")
    assert_problem(api.post("nothing/", {}), 404, "not_found")


def test_a_missing_slash_is_named(api: Caller) -> None:
    assert "ends with a slash" in assert_problem(api.get("leads"), 404, "not_found")["detail"]


@pytest.mark.parametrize(
    "lead_id", ["0", "4711", "9223372036854775807", "99999999999999999999999999", "9" * 4400]
)
def test_a_lead_that_does_not_exist_is_404(api: Caller, lead_id: str) -> None:
    assert_problem(api.get(f"leads/{lead_id}/"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "leads/"),
        ("PUT", "leads/1/"),
        ("GET", "leads/search/"),
        ("OPTIONS", "leads/"),
        ("TRACE", "leads/"),
    ],
)
def test_a_method_that_is_not_known_is_405_and_the_known_ones_are_named(
    api: Caller, method: str, path: str
) -> None:
    answer = api.call(method, path)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "image/*", "text/html;q=0.9,application/xhtml+xml"]
)
def test_only_json_can_be_asked_for(api: Caller, accept: str) -> None:
    assert_problem(api.get("leads/", Accept=accept), 406, "not_acceptable")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html, */*;q=0.1", "application/problem+json", ""]
)
def test_json_is_found_acceptable(api: Caller, accept: str) -> None:
    assert api.get("leads/", Accept=accept).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xml",
        "x",
    ],
)
def test_only_json_is_taken(api: Caller, kind: str) -> None:
    assert_problem(api.post("leads/", b"type=sale", Content_Type=kind), 415, "unsupported_media_type")


def test_a_fault_of_ours_is_500_and_gives_nothing_away(
    api: Caller, mirror: Callable[..., Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = mirror(1)

    def break_down(*args: Any) -> None:
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr(lead_views, "render_lead", break_down)
    answer = api.get(f"leads/{lead.pk}/")
    assert "ada" not in assert_problem(answer, 500, "server_error")["detail"]


def test_unknown_parameters_are_named(api: Caller) -> None:
    body = assert_problem(api.get("leads/?typ=sale&page=2"), 400, "invalid")
    assert [(e["field"], e["code"]) for e in body["errors"]] == [("typ", "unknown"), ("page", "unknown")]


@pytest.mark.parametrize(
    "path", ["leads/{}/", "leads/{}/changes/", "changes/", "pushes/", "offices/", "statuses/", "connections/"]
)
def test_no_address_ignores_a_parameter_it_does_not_know(
    api: Caller, mirror: Callable[..., Lead], path: str
) -> None:
    body = assert_problem(api.get(f"{path.format(mirror(1).pk)}?nonsense=1"), 400, "invalid")
    assert [e["field"] for e in body["errors"]] == ["nonsense"]


def test_a_parameter_given_twice_is_refused(api: Caller) -> None:
    body = assert_problem(api.get("leads/?type=sale&type=let"), 400, "invalid")
    assert [(e["field"], e["code"]) for e in body["errors"]] == [("type", "repeated")]


@pytest.mark.parametrize(
    "path", ["leads/", "leads/valuation/", "leads/search/", "leads/lookup/", "leads/{}/refresh/"]
)
def test_unknown_body_fields_are_named(api: Caller, mirror: Callable[..., Lead], path: str) -> None:
    body = assert_problem(api.post(path.format(mirror(1).pk), {"nonsense": 1}), 400, "invalid")
    assert [(e["field"], e["code"]) for e in body["errors"]] == [("nonsense", "unknown")]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"type": "sale", "type": "let"}',
        b'{"meta": {"a": "1", "a": "2"}}',
        b'{"property_bedrooms": NaN}',
        b'{"property_bedrooms": -Infinity}',
        b'{"property_bedrooms": 1e999}',
        b'{"property_bedrooms": ' + b"9" * 5000 + b"}",
        b'{"meta": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_not_strict_json_is_400(api: Caller, raw: bytes) -> None:
    assert_problem(api.post("leads/", raw), 400, "malformed")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"message": "a\\u0000b"}',
        b'{"message": "\\ud800"}',
        b'{"message": 99999999999999999999}',
        b'{"message": {"a": ["\\u0000"]}}',
        b'{"message": ' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)
def test_what_no_column_holds_is_400_and_named(api: Caller, raw: bytes) -> None:
    body = assert_problem(api.post("leads/", raw), 400, "invalid")
    assert [e["field"] for e in body["errors"]] == ["message"]


def test_a_hostile_field_name_comes_back_harmless(api: Caller) -> None:
    body = assert_problem(api.post("leads/", b'{"\\ud800\\u0000": 1}'), 400, "invalid")
    assert body["errors"][0]["field"] == "??"


def test_a_body_over_two_mebibytes_is_413(api: Caller) -> None:
    assert_problem(api.post("leads/", {**NEW_LEAD, "message": "x" * (2 * 1024 * 1024)}), 413, "too_large")
