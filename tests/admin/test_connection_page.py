"""Saving a connection's page writes what was typed there, and undoes nothing that happened meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from leads.admin.connection_form import ConnectionForm
from leads.models import Connection, Copy, Lead
from tests.admin.pages import form_of, page_of
from tests.admin.test_settings_pages import settings_of

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def meanwhile(monkeypatch):
    """Do this to the connection between the moment its page was loaded and the moment it is saved."""

    def arrange(do):
        clean = ConnectionForm.clean_lead_url

        def clean_later(form):
            do(Connection.objects.get(pk=form.instance.pk))
            return clean(form)

        monkeypatch.setattr(ConnectionForm, "clean_lead_url", clean_later)

    return arrange


def save(manager, account, **changes) -> Connection:
    answer = manager.post(page_of(account), settings_of(account, **changes))
    assert answer.status_code == 302, form_of(answer).errors
    return Connection.objects.get(pk=account.pk)


@pytest.mark.parametrize("key", ["", "another-long-key-9911"])
def test_a_pause_that_came_meanwhile_stays(manager, account, meanwhile, key):
    meanwhile(lambda row: row.pause("person", "Paused by Grace.", timezone.now()))
    saved = save(manager, account, name="Renamed", api_key=key)
    assert (saved.name, saved.state, saved.reason) == ("Renamed", "paused", "Paused by Grace.")


def test_what_the_remote_asked_for_and_a_new_webhook_address_stay(manager, account, meanwhile):
    now, old = timezone.now(), account.webhook_secret

    def happen(row):
        row.slow_down(3600, now)
        row.rotate_webhook_secret(now)
        Connection.objects.filter(pk=row.pk).update(breaker={"level": 1}, lookup_has_found=True)

    meanwhile(happen)
    saved = save(manager, account, requests_per_minute="30")
    assert (saved.requests_per_minute, saved.not_before) == (30, now + timedelta(hours=1))
    assert (saved.breaker, saved.lookup_has_found) == ({"level": 1}, True)
    assert (saved.previous_webhook_secret, saved.webhook_secret != old) == (old, True)


def test_what_somebody_else_typed_meanwhile_stays(manager, account, meanwhile):
    meanwhile(lambda row: Connection.objects.filter(pk=row.pk).update(requests_per_minute=7))
    saved = save(manager, account, name="Renamed")
    assert (saved.name, saved.requests_per_minute) == ("Renamed", 7)


def test_a_new_key_ends_the_pause_over_the_old_one(manager, account):
    account.pause("credentials", "Lead.pro refuses our key since 09:12.", timezone.now())
    saved = save(manager, account, api_key="another-long-key-9911")
    assert (saved.state, saved.reason_code, saved.reason, saved.paused_at) == ("ok", "", "", None)


def test_without_a_new_key_a_pause_over_the_key_stays(manager, account):
    account.pause("credentials", "Lead.pro refuses our key since 09:12.", timezone.now())
    assert save(manager, account, name="Renamed").reason_code == "credentials"


def test_another_address_is_asked_about_where_leads_have_their_numbers_from_the_old_one(manager, account):
    def move(**more):
        values = settings_of(account, base_url="https://api.example.com/v104", **more)
        return manager.post(page_of(account), values)

    lead = Lead.objects.create(origin="leadpro", listed_at=NOW, first_seen_at=NOW, changed_at=NOW)
    stamps = {"as_of": NOW, "seen_at": NOW, "changed_at": NOW}
    Copy.objects.create(lead=lead, connection=account, remote_id="7", **stamps)
    (said,) = form_of(move()).errors["base_url"]
    assert said.startswith("1 of the leads here have their numbers from the account at the old address.")
    assert Connection.objects.get(pk=account.pk).base_url == account.base_url
    assert move(same_account="on").status_code == 302
    assert Connection.objects.get(pk=account.pk).base_url == "https://api.example.com/v104"


def test_an_address_without_leads_is_changed_without_a_question(manager, account):
    assert (
        save(manager, account, base_url="https://api.example.com/v104").base_url
        == "https://api.example.com/v104"
    )
