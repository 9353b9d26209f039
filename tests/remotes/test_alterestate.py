"""AlterEstate's door: budget, health, a pause over its key, and nothing that could be tried without making a lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from integrations.errors import CredentialsRefused, Refused, WrongAddress
from leads.models import Connection, Remote
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected, check_connection, open_alterestate
from leads.remotes import alterestate as door

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox

pytestmark = pytest.mark.django_db
LEAD = {"full_name": "Ada Example", "email": "ada.example@example.org", "phone": "+18095550123"}


@pytest.fixture
def account(db: Any, sandbox: Sandbox) -> Connection:
    door._clients.clear()
    connection = Connection(remote=Remote.ALTERESTATE, name="AlterEstate", base_url=sandbox.alterestate_url)
    connection.set_secret(sandbox.alterestate_api_key)
    connection.save()
    return connection


def test_a_lead_is_handed_over_once_and_the_answer_kept_as_text(
    account: Connection, sandbox: Sandbox
) -> None:
    taken = open_alterestate(account, "push").create_lead(LEAD)
    assert len(sandbox.alterestate_deals) == 1
    assert taken.remote_id == str(sandbox.alterestate_deals[0]["id"])
    assert not taken.is_duplicate


def test_a_known_contact_is_a_duplicate_where_the_company_refuses_them(
    account: Connection, sandbox: Sandbox
) -> None:
    sandbox.set_alterestate_readings(duplicates="refuse")
    open_alterestate(account, "push").create_lead(LEAD)
    taken = open_alterestate(account, "push").create_lead(LEAD)
    assert (taken.is_duplicate, taken.remote_id) == (True, "")
    assert taken.reference.startswith("LOG")
    assert len(sandbox.alterestate_deals) == 1


@pytest.mark.parametrize("form", ["message", "fields"])
def test_an_unknown_user_is_left_out_and_said(account: Connection, sandbox: Sandbox, form: str) -> None:
    sandbox.set_alterestate_readings(error_body=form)
    taken = open_alterestate(account, "push").create_lead({**LEAD, "related": "nobody@example.org"})
    assert len(sandbox.alterestate_deals) == 1
    assert taken.warning == (
        "AlterEstate does not know the user named in related, so it assigned this lead by its own rules."
    )
    assert taken.note.endswith(taken.warning)
    assert len(sandbox.requests("POST", remote="alterestate")) == 2


def test_another_refusal_is_not_sent_again(account: Connection, sandbox: Sandbox) -> None:
    with pytest.raises(Refused):
        open_alterestate(account, "push").create_lead(
            {"email": "ada@example.org", "full_name": "Ada", "related": "nobody@example.org"}
        )
    assert sandbox.alterestate_deals == []
    assert len(sandbox.requests("POST", remote="alterestate")) == 1


def test_a_refused_key_pauses_and_a_new_one_ends_the_pause(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_alterestate_key("new-key")
    with pytest.raises(CredentialsRefused):
        open_alterestate(account, "push").create_lead(LEAD)
    account.refresh_from_db()
    assert "Enter the API key of AlterEstate's dashboard again" in account.reason
    assert check_connection(account, timezone.now()) == (False, account.reason)
    with pytest.raises(ConnectionPaused):
        open_alterestate(account, "push").create_lead(LEAD)
    account.set_secret("new-key")
    account.save()
    assert open_alterestate(account, "push").create_lead(LEAD).remote_id


def test_a_new_key_from_the_environment_ends_the_pause(
    account: Connection, sandbox: Sandbox, settings: Any
) -> None:
    settings.ALTERESTATE_BASE_URL, settings.ALTERESTATE_API_KEY = sandbox.alterestate_url, "wrong"
    Connection.objects.update(from_environment=True)
    account.refresh_from_db()
    with pytest.raises(CredentialsRefused):
        open_alterestate(account, "push").create_lead(LEAD)
    settings.ALTERESTATE_API_KEY = sandbox.alterestate_api_key
    assert check_connection(account, timezone.now())[0] is None
    assert open_alterestate(account, "push").create_lead(LEAD).remote_id


def test_a_wrong_address_pauses(account: Connection, sandbox: Sandbox) -> None:
    Connection.objects.update(base_url=f"{sandbox.url}/nowhere")
    account.refresh_from_db()
    with pytest.raises(WrongAddress):
        open_alterestate(account, "push").create_lead(LEAD)
    assert account.reason_code == "address"


def test_checking_makes_no_lead_and_claims_nothing(account: Connection, sandbox: Sandbox) -> None:
    assert check_connection(account, timezone.now()) == (
        None,
        "Connected, never tried: AlterEstate offers nothing to read. The first lead will show.",
    )
    open_alterestate(account, "push").create_lead(LEAD)
    works, words = check_connection(account, timezone.now())
    assert works is None
    assert words.startswith("Connected; it last took a lead on ")
    assert len(sandbox.requests(remote="alterestate")) == 1


def test_its_budget_is_kept(account: Connection, sandbox: Sandbox) -> None:
    account.requests_per_minute = 1
    account.save()
    open_alterestate(account, "push").create_lead(LEAD)
    with pytest.raises(BudgetSpent):
        open_alterestate(account, "push").create_lead(LEAD)
    assert len(sandbox.alterestate_deals) == 1


def test_without_a_key_nothing_is_sent(account: Connection) -> None:
    Connection.objects.update(secret="")
    with pytest.raises(NotConnected):
        open_alterestate(Connection.objects.get(), "push").create_lead(LEAD)
