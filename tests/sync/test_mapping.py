"""What a rule's mapping becomes in the body that a remote gets."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leads.models import Connection, Lead, Office, Push, Rule
from leads.sync import forwarding, rulemaking
from tests.sync.avivs import connection, lead_object, read
from tests.sync.test_forwarding import SOON, make_connection, make_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def aviv() -> Connection:
    return connection()


def send(aviv: Connection, rule: Rule, **contact) -> Push:
    """The push that the rule makes of a portal lead."""
    read(aviv, [lead_object(1, **contact)])
    Lead.objects.update(first_seen_at=timezone.now(), listed_at=timezone.now())
    forwarding.forward_news(timezone.now() + SOON)
    return Push.objects.get(connection=rule.target)


def text(**fields: str) -> dict:
    return {name: {"text": value} for name, value in fields.items()}


@pytest.fixture
def crm() -> Connection:
    return make_connection("CRM", "alterestate")


def test_without_a_mapping_alterestate_gets_what_the_lead_has(aviv, crm):
    push = send(aviv, make_rule(crm), message="Bonjour")
    assert push.payload == {
        "full_name": "Ada Example1",
        "phone": "+33639980123",
        "email": "p1@example.org",
        "notes": "Bonjour",
    }


def test_every_field_of_alterestate_can_be_said(aviv, crm):
    mapping = text(
        full_name="{last_name}, {first_name}",
        notes="{message} ({portal})",
        form_name="portal",
        platform="{portal}",
        related="ada@example.org",
        via="104",
        listing_type="rent",
        property_uid="KNM6135T3B",
        utm_source="{portal}",
        utm_medium="feed",
        adset_name="a",
        campaign_name="c",
    )
    push = send(aviv, make_rule(crm, mapping=mapping), message="Bonjour")
    assert push.payload == {
        "full_name": "Example1, Ada",
        "phone": "+33639980123",
        "email": "p1@example.org",
        "notes": "Bonjour (SLG-FRA)",
        "form_name": "portal",
        "platform": "SLG-FRA",
        "related": "ada@example.org",
        "via": "104",
        "listing_type": "rent",
        "property_uid": "KNM6135T3B",
        "utm_source": "SLG-FRA",
        "utm_medium": "feed",
        "adset_name": "a",
        "campaign_name": "c",
    }


def test_a_round_robin_beats_the_assigned_user_and_says_so(aviv, crm):
    push = send(aviv, make_rule(crm, mapping=text(round_robin="RR1", related="ada@example.org")))
    assert push.payload["round_robin"] == "RR1"
    assert "round_robin decide" in " ".join(push.lead.warnings)


@pytest.mark.parametrize(("lead_type", "listing"), [("sale", "buy"), ("let", "rent"), ("vendor", None)])
def test_the_type_says_what_kind_of_listing_it_is_about(crm, lead_type, listing):
    brand = make_connection("Brand")
    rule = make_rule(crm, {"origin": ["leadpro"]})
    from tests.sync.test_forwarding import arrive

    arrive(brand, 1, type=lead_type)
    forwarding.forward_news(timezone.now() + SOON)
    assert Push.objects.get(connection=rule.target).payload.get("listing_type") == listing


@pytest.mark.parametrize("mapping", [{}, text(notes="{message}")])
def test_a_long_message_is_cut_marked_and_kept_in_full_here(aviv, crm, mapping):
    push = send(aviv, make_rule(crm, mapping=mapping), message="x" * 5000)
    assert len(push.payload["notes"]) <= 4000
    assert push.payload["notes"].endswith("…")
    lead = Lead.objects.get()
    assert lead.message == "x" * 5000
    assert "the full text is kept here" in " ".join(lead.warnings)


def test_a_long_message_is_cut_for_leadpro_too(aviv):
    rule = make_rule(make_connection("Brand"), mapping=text(type="sale"))
    push = send(aviv, rule, message="y" * 300)
    assert push.payload["message"] == "y" * 253 + " …"
    assert "message: cut to 255 of 300 characters; the full text is kept here." in Lead.objects.get().warnings


def test_an_address_is_never_cut(aviv, crm):
    rule = make_rule(crm, mapping={"email": {"text": "{message}", "long": "cut"}})
    push = send(aviv, rule, message="z" * 300)
    assert (push.problem_code, push.problem_field) == ("unfit", "email")


def test_leadpro_gets_numbers_as_numbers_and_consent_as_consent(aviv):
    brand = make_connection("Brand")
    Office.objects.create(connection=brand, office_id=375, name="Nottingham", seen_at=timezone.now())
    Office.objects.create(connection=brand, office_id=42, name="Derby", seen_at=timezone.now())
    mapping = text(
        type="sale",
        source="website",
        gdpr_checkbox="{gdpr_checkbox}",
        utm_campaign="{portal}",
        office_id="42",
    )
    rule = make_rule(brand, mapping=mapping, office={"postcodes": {"99": 1}})
    push = send(aviv, rule, isOwner=None)
    assert push.payload["office_id"] == 42
    assert push.payload["source"] == "website"
    assert push.payload["utm_campaign"] == "SLG-FRA"
    assert "gdpr_checkbox" not in push.payload
    assert push.payload["meta"]["portal"] == "SLG-FRA"


@pytest.mark.parametrize(
    ("remote", "terms", "words"),
    [
        ("alterestate", {"mapping": text(first_name="x")}, "first_name: AlterEstate takes no such field."),
        ("leadpro", {"mapping": text(notes="x")}, "notes: Lead.pro takes no such field."),
        ("alterestate", {"office": {"fixed": 375}}, "AlterEstate knows no offices. Leave the office empty."),
    ],
)
def test_what_the_target_does_not_take_is_refused_when_saved(aviv, remote, terms, words):
    with pytest.raises(rulemaking.RuleRefused) as refused:
        make_rule(make_connection("There", remote), {"origin": ["aviv"]}, **terms)
    assert str(refused.value) == words


def test_a_preview_shows_the_body_as_it_would_be_sent(aviv, crm):
    read(aviv, [lead_object(1, message="Bonjour")])
    rule = Rule(name="try", target=crm, mapping=text(form_name="{portal}"))
    made = rulemaking.preview(rule, Lead.objects.get(), now=timezone.now())
    assert (made.why_not, made.shape.problems) == ([], [])
    assert made.shape.fields == {
        "full_name": "Ada Example1",
        "phone": "+33639980123",
        "email": "p1@example.org",
        "notes": "Bonjour",
        "form_name": "SLG-FRA",
    }
    Lead.objects.update(phone=None, listed_at=timezone.now())
    made = rulemaking.preview(rule, Lead.objects.get(), now=timezone.now())
    assert [problem.field for problem in made.shape.problems] == ["phone"]
    result = rulemaking.dry_run(rule, now=timezone.now())
    assert (result.total, result.stopped) == (1, 1)
    assert Push.objects.count() == 0
