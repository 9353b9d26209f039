"""Handing a lead to another connection from its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leads.models import Connection, Lead, Push
from tests.admin.conftest import DERBY, HOSTILE, NOTTINGHAM
from tests.admin.pages import messages_of, page_of, text
from tests.sync import avivs

Mirror = Callable[..., Lead]


@pytest.fixture
def aviv(db: None) -> Connection:
    """A second place to send to; nothing listens there."""
    account = avivs.connection("AVIV Lyon")
    account.set_secret("the-long-secret-5566")
    account.save()
    return account


def address(lead: Lead, to: Connection | None = None) -> str:
    where = reverse("admin:leads_lead_hand_over", args=[lead.pk])
    return f"{where}?to={to.pk}" if to else where


def typed(lead: Lead, **changes: Any) -> dict[str, Any]:
    """What a browser posts of the form for AVIV."""
    names = ("first_name", "last_name", "email", "phone", "message")
    return {name: getattr(lead, name) or "" for name in names} | changes


def test_a_lead_is_submitted_to_aviv(
    manager: Client, mirror: Mirror, aviv: Connection, rung: list[Any]
) -> None:
    lead = mirror(message="Bonjour")
    assert address(lead) in text(manager.get(page_of(lead)))
    page = text(manager.get(address(lead)))
    assert "AVIV Lyon" in page
    assert 'value="Ada"' in page or str(lead.first_name) in page
    answer = manager.post(address(lead, aviv), typed(lead, classified_id="26ABCDEFGH12", language="EN"))
    assert answer.status_code == 302
    push = Push.objects.get()
    assert (push.kind, push.state, push.connection, push.actor) == ("submit", "waiting", aviv, "admin-")
    assert push.payload["classifiedId"] == "26ABCDEFGH12"
    assert push.payload["language"] == "EN"
    assert push.payload["message"] == "Bonjour"
    assert ("leads.deliver_pushes", {"connection_id": aviv.pk}) in rung
    assert address(lead) not in text(manager.get(page_of(lead)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "AVIV needs this."),
        ({"classified_id": "26ABCDEFGH0O"}, "two digits, then ten digits or capitals without 0 and O"),
        ({"classified_id": "26ABCDEFGH12", "phone": "call me"}, "AVIV takes numbers such as"),
        ({"classified_id": "26ABCDEFGH12", "language": "XX"}, "XX is not one of the available choices"),
        ({"classified_id": "26ABCDEFGH12", "last_name": "x" * 101}, "AVIV takes at most 100 characters"),
        ({"classified_id": "26ABCDEFGH12", "message": ""}, "AVIV needs this."),
    ],
)
def test_the_rules_are_checked_before_anything_is_sent(
    manager: Client, mirror: Mirror, aviv: Connection, changes: dict[str, str], words: str
) -> None:
    lead = mirror(message="Bonjour")
    answer = manager.post(address(lead, aviv), typed(lead, **changes))
    assert answer.status_code == 200
    assert words in text(answer)
    assert Push.objects.count() == 0


def test_a_portals_lead_goes_to_leadpro(manager: Client, account: Connection, aviv: Connection) -> None:
    avivs.read(aviv, [avivs.lead_object(1)])
    lead = Lead.objects.get()
    page = text(manager.get(address(lead)))
    assert "Nottingham" in page
    assert "AVIV Lyon" not in page
    data = typed(lead, type="sale", office_id=str(NOTTINGHAM), source="", message="Wants to see it")
    assert manager.post(address(lead, account), data).status_code == 302
    push = Push.objects.get()
    assert (push.kind, push.payload["type"], push.payload["office_id"]) == ("create", "sale", NOTTINGHAM)
    assert push.payload["message"] == "Wants to see it"
    assert (push.payload["meta"]["aviv_id"], push.payload["meta"]["portal"]) == ("lead-1", "SLG-FRA")
    lead.refresh_from_db()
    assert lead.message == "Bonjour"


def test_what_leadpro_would_refuse_is_told_also_where_it_was_not_asked_for(
    manager: Client, account: Connection, aviv: Connection
) -> None:
    avivs.read(aviv, [avivs.lead_object(1)])
    lead = Lead.objects.get()
    Lead.objects.update(advert_url="x" * 3000)
    answer = manager.post(address(lead, account), typed(lead, type="", email="nobody"))
    assert answer.status_code == 200
    assert Push.objects.count() == 0


def test_whoever_sees_some_offices_hands_on_to_these_only(
    visitor: Callable[..., Client], mirror: Mirror, account: Connection
) -> None:
    lead = mirror(office_id=NOTTINGHAM)
    brand = Connection(remote="leadpro", name="Brand B", base_url="http://127.0.0.1:9")
    brand.set_secret("another")
    brand.save()
    agent = visitor("agent", DERBY)
    assert agent.get(address(lead)).status_code == 404
    agent = visitor("agent", NOTTINGHAM)
    answer = agent.post(address(lead, brand), typed(lead))
    assert "Choose one of your offices." in text(answer)
    assert visitor("none").get(address(lead)).status_code in {302, 403}
    assert Push.objects.count() == 0


def test_where_it_is_everywhere_the_page_says_so(manager: Client, mirror: Mirror) -> None:
    answer = manager.get(address(mirror()), follow=True)
    assert messages_of(answer) == ["This lead is, or is on its way, everywhere it could go."]


def test_what_people_typed_is_shown_as_text(manager: Client, mirror: Mirror, aviv: Connection) -> None:
    Connection.objects.filter(pk=aviv.pk).update(name=HOSTILE)
    lead = mirror(last_name=HOSTILE[:50], message=HOSTILE)
    assert "<script>alert(1)" not in text(manager.get(address(lead)))
