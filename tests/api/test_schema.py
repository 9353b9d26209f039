"""The description of the API, compared with the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from integrations.leadpro.fields import Call, writable
from leads.api import urls
from leads.models import Connection, Lead
from tests.api.conftest import NEW_LEAD, Caller


@pytest.fixture
def schema(api: Caller, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer = api.get("schema/", Accept="application/json")
    assert answer.status_code == 200
    assert "Warning" not in capfd.readouterr().err
    document: dict[str, Any] = answer.json()
    return document


def properties(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["components"]["schemas"][name]["properties"]
    return found


def test_it_is_openapi_31_and_lists_every_address(schema: dict[str, Any]) -> None:
    assert schema["openapi"] == "3.1.0"
    known = {f"/api/v1/{p.pattern}" for p in urls.urlpatterns[:-1]}
    described = {path.replace("{", "<int:").replace("}", ">") for path in schema["paths"]}
    assert described == known - {"/api/v1/docs/"}
    operations = [
        op["operationId"] for path in schema["paths"].values() for op in path.values() if "operationId" in op
    ]
    assert len(operations) == len(set(operations)) == 20
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_answers_are_as_described(
    api: Caller, schema: dict[str, Any], mirror: Callable[..., Lead], account: Connection
) -> None:
    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry: Any = Registry().with_resource("urn:api", resource)

    def check(path: str, name: str) -> None:
        validator = Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)
        assert list(validator.iter_errors(api.get(path).json())) == []

    lead = mirror(1, meta={"a": "b"}, questionnaire=[["q", "a"]], appointment_availability={"hours": ["x"]})
    mirror(2, **dict.fromkeys(("office_id", "created_at", "email", "is_parent")))
    api.post("leads/", NEW_LEAD)
    check(f"leads/{lead.pk}/", "Lead")
    for path, name in (
        ("leads/", "LeadPage"),
        ("changes/", "ChangePage"),
        ("pushes/", "PushPage"),
        ("offices/", "OfficePage"),
        ("statuses/", "StatusPage"),
        ("connections/", "ConnectionPage"),
        ("leads/?x=1", "Problem"),
    ):
        check(path, name)
    assert list(properties(schema, "Lead")) == list(api.get(f"leads/{lead.pk}/").json())


def test_bodies_follow_the_table_of_fields(schema: dict[str, Any]) -> None:
    for name, call, more in (
        ("LeadCreate", Call.CREATE, {"connection"}),
        ("LeadValuation", Call.VALUATION, {"connection"}),
        ("LeadUpdate", Call.UPDATE, set()),
    ):
        assert set(properties(schema, name)) == {f.name for f in writable(call)} | more
    starred = ["email", "first_name", "last_name", "phone", "type"]
    assert schema["components"]["schemas"]["LeadCreate"]["required"] == starred
    assert properties(schema, "LeadCreate")["title"]["maxLength"] == 50
    assert "required" not in schema["components"]["schemas"]["LeadUpdate"]


def test_the_description_is_for_keys_and_for_the_admin(nobody: Caller, caller: Callable[..., Caller]) -> None:
    for path in ("schema/", "docs/"):
        answer = nobody.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
        assert answer.headers["Cache-Control"] == "no-store"
    assert caller("webhooks:write").get("schema/").status_code == 200
    browser = Client()
    browser.force_login(User.objects.create_user("agent", is_staff=False))
    assert browser.get("/api/v1/docs/").status_code == 401
    browser.force_login(User.objects.create_user("manager", is_staff=True))
    page = browser.get("/api/v1/docs/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert b"<script>" not in page.content
    assert b"drf_spectacular_sidecar" in page.content
    assert b"//cdn" not in page.content
    assert browser.get("/api/v1/schema/").status_code == 200
    assert browser.get("/api/v1/leads/").status_code == 401
