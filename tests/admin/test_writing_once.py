"""The form of a new lead, sent twice: by a double click, after a lost answer, or from the page one went back to."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from leads.models import Lead, Push, SavedForm
from leads.models.form import KEPT
from tests.admin.pages import filled, form_of, messages_of, page_of, text
from tests.admin.test_writing import NEW
from tests.threads import in_threads

VALUATION = {"type": "vendor", "address": "1 Example Street", "postcode": "DE1 1JX", "property_bedrooms": "3"}


@pytest.mark.parametrize(
    ("name", "values"), [("lead_add", NEW), ("lead_valuation", NEW | VALUATION)], ids=["create", "valuation"]
)
def test_the_same_form_sent_twice_makes_one_lead(manager, account, rung, name, values):
    url = reverse(f"admin:leads_{name}")
    form = filled(manager.get(url), **values)
    first, second = (manager.post(url, form) for _ in range(2))
    lead = Lead.objects.get()
    assert (Push.objects.count(), first.url, second.url) == (1, page_of(lead), page_of(lead))
    assert "This form was already saved: this is its lead." in messages_of(second)
    assert rung == [("leads.deliver_pushes", {"connection_id": account.pk})]


def test_every_form_has_a_key_of_its_own(manager, account):
    url = reverse("admin:leads_lead_add")
    for _ in range(2):
        manager.post(url, filled(manager.get(url), **NEW))
    assert Lead.objects.count() == 2


def test_a_form_that_was_wrong_keeps_its_key(manager, account):
    url = reverse("admin:leads_lead_add")
    wrong = manager.post(url, filled(manager.get(url), **NEW | {"phone": ""}))
    assert not SavedForm.objects.exists()
    form = filled(wrong, phone=NEW["phone"])
    for _ in range(2):
        manager.post(url, form)
    assert Lead.objects.count() == 1


def test_another_lead_typed_into_a_saved_form_is_neither_lost_nor_saved_unasked(manager, account):
    url = reverse("admin:leads_lead_add")
    form = filled(manager.get(url), **NEW)
    manager.post(url, form)
    answer = manager.post(url, form | {"first_name": "Ada"})
    lead = Lead.objects.get()
    assert form_of(answer).non_field_errors() == [
        f"This form was already saved, as lead {lead.pk}. Save again to make another lead."
    ]
    assert "Ada" in text(answer)
    manager.post(url, filled(answer))
    assert set(Lead.objects.values_list("first_name", flat=True)) == {"Ada", "Grace"}


def test_keys_are_forgotten_after_a_week_and_with_their_lead(manager, account):
    url = reverse("admin:leads_lead_add")
    manager.post(url, filled(manager.get(url), **NEW))
    SavedForm.objects.update(created_at=timezone.now() - KEPT)
    manager.post(url, filled(manager.get(url), **NEW))
    (row,) = SavedForm.objects.all()
    row.lead.delete()
    assert not SavedForm.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_double_click_makes_one_lead(account, visitor):
    manager: Client = visitor("admin")
    url = reverse("admin:leads_lead_add")
    form, answers = filled(manager.get(url), **NEW), []

    def click() -> None:
        client = Client()
        client.cookies = manager.cookies
        answers.append(client.post(url, form)["Location"])

    in_threads(4, click)
    assert (Lead.objects.count(), set(answers)) == (1, {page_of(Lead.objects.get())})
