"""Forwarding rules in the admin: what is typed, tried, refused and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leads.models import Connection, Forward, Lead, Push, Rule
from tests.admin.conftest import HOSTILE

ADD = "admin:leads_rule_add"


@pytest.fixture
def target(db: None) -> Connection:
    return Connection.objects.create(remote="alterestate", name="AlterEstate", base_url="http://127.0.0.1:9")


def typed(target: Connection, **changes: Any) -> dict[str, Any]:
    form = {
        "name": "Vendors on",
        "position": "10",
        "target": str(target.pk),
        "delay_minutes": "0",
        "is_on": "on",
        "origin": ["leadpro"],
        "type": "vendor, landlord",
        "wishes-0": ["notes", ""],
        "wishes-1": ["{message}", ""],
        "wishes-2": ["", ""],
        "wishes-3": ["500", ""],
        "wishes-4": ["stop", ""],
        "areas-0": [""],
        "areas-1": [""],
    }
    return form | changes


def test_a_rule_is_saved_with_its_version(manager: Client, target: Connection) -> None:
    answer = manager.post(reverse(ADD), typed(target))
    assert answer.status_code == 302
    rule = Rule.objects.get()
    assert (rule.when, rule.is_on, rule.version) == (
        {"origin": ["leadpro"], "type": ["vendor", "landlord"]},
        True,
        1,
    )
    assert rule.mapping == {"notes": {"text": "{message}", "missing": "", "long": "stop", "limit": 500}}
    assert rule.versions.get().actor == "admin-"
    page = manager.get(reverse("admin:leads_rule_change", args=[rule.pk])).content.decode()
    assert "type: vendor or landlord" in page
    assert "Version 1" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wishes-0": ["", ""]}, "needs the name of a field on its left"),
        ({"wishes-1": ["{no_such_field}", ""]}, "a lead has no field no_such_field"),
        ({"wishes-3": ["many", ""]}, "the longest must be a whole number"),
        ({"wishes-4": ["perhaps", ""]}, "what is too long is cut or stopped"),
        ({"areas-0": ["NG"], "areas-1": ["Derby"]}, "a postcode area and the number of an office"),
    ],
)
def test_what_a_rule_cannot_say_is_refused_at_its_field(
    manager: Client, target: Connection, changes: dict[str, Any], words: str
) -> None:
    answer = manager.post(reverse(ADD), typed(target, **changes))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Rule.objects.count() == 0


def test_a_rule_back_to_its_origin_is_refused_at_the_target(manager: Client, account: Connection) -> None:
    answer = manager.post(reverse(ADD), typed(account, connection=[str(account.pk)]))
    assert answer.status_code == 200
    assert "They cannot go back" in answer.content.decode().replace("they", "They")
    assert Rule.objects.count() == 0


def test_a_preview_shows_what_would_be_sent_and_sends_nothing(
    manager: Client, target: Connection, mirror: Callable[..., Lead]
) -> None:
    mirror(1, type="vendor", message=HOSTILE)
    answer = manager.post(reverse("admin:leads_rule_preview"), typed(target, lead="1", rule=""))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "would go" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    assert Push.objects.count() == Forward.objects.count() == Rule.objects.count() == 0


def test_a_preview_says_why_a_lead_stays(
    manager: Client, target: Connection, mirror: Callable[..., Lead]
) -> None:
    mirror(1, type="sale")
    page = manager.post(reverse("admin:leads_rule_preview"), typed(target, lead="1")).content.decode()
    assert "stays" in page
    assert "type: sale, and not vendor or landlord" in page


def test_a_dry_run_counts_in_words(
    manager: Client, target: Connection, mirror: Callable[..., Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        mirror(number, type="vendor")
    mirror(4, type="sale")
    monkeypatch.setattr("leads.admin.rule.DAYS", 36500)
    page = manager.post(reverse("admin:leads_rule_dry_run"), typed(target)).content.decode()
    assert "3 leads would have gone to AlterEstate." in page
    assert "<dt>Do not fit</dt><dd>1</dd>" in page


def test_an_example_is_a_lead_that_would_go(
    manager: Client, target: Connection, mirror: Callable[..., Lead]
) -> None:
    mirror(1, type="vendor", full_name="Ada Seller")
    mirror(2, type="sale", full_name="Bo Buyer")
    page = manager.post(reverse("admin:leads_rule_preview"), typed(target, lead="")).content.decode()
    assert "Ada Seller" in page
    assert "would go" in page


def test_a_version_is_told_in_words(manager: Client, target: Connection, account: Connection) -> None:
    changes = {"connection": [str(account.pk)], "consent": "on", "wishes-2": ["nobody", ""]}
    manager.post(reverse(ADD), typed(target, **changes))
    page = manager.get(reverse("admin:leads_rule_change", args=[Rule.objects.get().pk])).content.decode()
    assert "first from Lead.pro; from the connection Lead.pro; type: vendor or landlord; with consent" in page
    assert "{message}; else “nobody”; at most 500, then stop" in page
    assert "adset_name, campaign_name" in page


def test_where_no_lead_comes_from_is_no_condition(manager: Client, target: Connection) -> None:
    answer = manager.post(reverse(ADD), typed(target, connection=[str(target.pk)]))
    assert answer.status_code == 200
    assert Rule.objects.count() == 0


@pytest.mark.parametrize("role", ["leader", "agent", "none"])
def test_rules_are_for_administrators(visitor: Callable[..., Client], target: Connection, role: str) -> None:
    client = visitor(role, 375)
    assert client.get(reverse("admin:leads_rule_changelist")).status_code in {302, 403}
    assert client.post(reverse("admin:leads_rule_preview"), typed(target)).status_code in {302, 403}
    assert client.post(reverse("admin:leads_rule_dry_run"), typed(target)).status_code in {302, 403}
