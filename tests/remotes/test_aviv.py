"""AVIV's door: one token for everybody, renewed when it must be, and a pause where there is no way in."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.utils import timezone

from integrations.errors import (
    CredentialsRefused,
    RateLimited,
    Refused,
    RemoteError,
    TransientError,
    WrongAddress,
)
from leads.models import AccessToken, Connection, Slot
from leads.remotes import (
    BudgetSpent,
    ConnectionPaused,
    InsideTransaction,
    NotConnected,
    StartLost,
    check_connection,
    open_aviv,
)
from leads.remotes.aviv import Aviv

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def aviv(account: Connection) -> Aviv:
    return open_aviv(Connection.objects.get(pk=account.pk), "schedule", patience=5)


def window() -> tuple[int, int]:
    now = int(time.time())
    return now - 3600, now + 60


def issued(sandbox: Sandbox) -> int:
    return int(sandbox.aviv.desk.counts["issued"])


def test_one_token_serves_every_call_and_is_kept_encrypted(account: Connection, sandbox: Sandbox) -> None:
    lead = sandbox.add_aviv_lead()
    for _ in range(3):
        found = aviv(account).get_leads(*window()).data.items
        assert [item["metadata"]["leadId"] for item in found] == [lead["metadata"]["leadId"]]
    assert aviv(account).get_lead(found[0]["metadata"]["leadId"]).data == found[0]
    assert issued(sandbox) == 1
    row = AccessToken.objects.get()
    token = row.usable(row.recipe, timezone.now())
    assert token.count(".") == 2
    assert token not in row.secret
    assert row.expires_at - row.fetched_at > timedelta(hours=23)


def test_a_token_that_expired_at_avivs_is_replaced_and_the_call_sent_again(
    account: Connection, sandbox: Sandbox
) -> None:
    aviv(account).get_leads(*window())
    sandbox.expire_aviv_tokens()
    assert aviv(account).get_leads(*window()).status == 200
    assert issued(sandbox) == 2
    assert not Connection.objects.get().is_paused


def test_a_token_from_before_the_grant_is_replaced_once(account: Connection, sandbox: Sandbox) -> None:
    aviv(account).get_leads(*window())
    sandbox.unscope_aviv_tokens()
    assert aviv(account).get_leads(*window()).status == 200
    assert issued(sandbox) == 2


def test_where_the_right_is_missing_it_pauses_after_one_more_token(
    account: Connection, sandbox: Sandbox
) -> None:
    sandbox.set_aviv_right(granted=False)
    with pytest.raises(CredentialsRefused, match="Ask AVIV"):
        aviv(account).get_leads(*window())
    assert issued(sandbox) == 2
    paused = Connection.objects.get()
    assert (paused.is_paused, paused.reason_code) == (True, "credentials")
    assert "The token lacks the right to this. Ask AVIV (leads-api@aviv-group.com)" in paused.reason
    with pytest.raises(ConnectionPaused):
        aviv(account).get_leads(*window())
    assert check_connection(paused, timezone.now())[0] is False
    assert issued(sandbox) == 2


def test_it_goes_on_when_the_right_was_granted(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_right(granted=False)
    with pytest.raises(CredentialsRefused):
        aviv(account).get_leads(*window())
    sandbox.set_aviv_right(granted=True)
    AccessToken.objects.update(fetched_at=timezone.now() - timedelta(minutes=11))
    assert check_connection(Connection.objects.get(), timezone.now()) == (
        True,
        "Works: signed in, and leads can be read.",
    )
    assert not Connection.objects.get().is_paused


def test_a_refused_secret_pauses_and_says_what_to_do(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_client(sandbox.aviv_client_id, "another-secret")
    with pytest.raises(CredentialsRefused, match="client id or client secret is wrong"):
        aviv(account).get_leads(*window())
    paused = Connection.objects.get()
    assert (paused.reason_code, paused.is_paused) == ("credentials", True)
    assert "Enter them again" in paused.reason
    assert not paused.has_new_key
    paused.set_secret("another-secret")
    paused.save()
    assert aviv(account).get_leads(*window()).status == 200


def test_a_missing_grant_pauses_with_words_of_its_own(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_readings(client_grant=False)
    with pytest.raises(CredentialsRefused, match="client grant of this audience"):
        aviv(account).get_leads(*window())
    assert "Ask AVIV" in Connection.objects.get().reason


def test_other_credentials_mean_another_token(account: Connection, sandbox: Sandbox) -> None:
    aviv(account).get_leads(*window())
    account.options["intermediary_id"] = "agency-2"
    account.save()
    aviv(account).get_leads(*window())
    assert issued(sandbox) == 2
    assert AccessToken.objects.get().version == 2


def test_a_fixed_token_is_used_as_it_is(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_bearer("fixed-token")
    account.options = {}
    account.set_secret("fixed-token")
    account.save()
    assert aviv(account).get_leads(*window()).status == 200
    assert issued(sandbox) == 0
    sandbox.set_aviv_bearer()
    with pytest.raises(CredentialsRefused, match=r"refuses the key \(401\)"):
        aviv(account).get_leads(*window())
    assert Connection.objects.get().reason_code == "credentials"


def test_what_only_one_call_is_refused_pauses_nothing(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_readings(who_may_post="nobody")
    with pytest.raises(RemoteError) as caught:
        aviv(account).create_lead({"lastName": "Example"})
    assert not Connection.objects.get().is_paused
    if isinstance(caught.value, CredentialsRefused):
        assert "Reading leads works" in caught.value.summary


def test_a_lead_is_submitted_and_answered_with_a_request(account: Connection, sandbox: Sandbox) -> None:
    body = {
        "lastName": "Example",
        "email": "ada@example.org",
        "phoneNumbers": [{"number": "+33639980012"}],
        "message": "Bonjour",
        "classifiedId": "26ABCDEFGH12",
        "submittedDate": "2026-03-02T08:25:47Z",
    }
    taken = aviv(account).create_lead(body)
    assert taken.reference
    assert (taken.remote_id, taken.is_duplicate) == ("", False)
    with pytest.raises(Refused):
        aviv(account).create_lead({**body, "classifiedId": "classifiedId"})


def test_subscriptions_are_made_watched_and_ended(account: Connection, sandbox: Sandbox) -> None:
    made = aviv(account).create_subscription(f"{sandbox.url}/none", "key")
    assert [row.id for row in aviv(account).list_subscriptions()] == [made.id]
    assert not aviv(account).update_subscription(made.id, status="INACTIVE").is_active
    assert aviv(account).audit_subscription(made.id).last_success_at is None
    aviv(account).delete_subscription(made.id)
    assert aviv(account).list_subscriptions() == []


@pytest.mark.parametrize("form", ["refuse", "empty"])
def test_a_page_cannot_end_where_its_start_is_gone(account: Connection, sandbox: Sandbox, form: str) -> None:
    sandbox.set_aviv_readings(unknown_start=form)
    first, second = (sandbox.add_aviv_lead()["metadata"]["leadId"] for _ in range(2))
    door = aviv(account)
    assert len(door.get_leads(*window(), start=first).data.items) + 1 >= 1
    sandbox.delete_aviv(first)
    with pytest.raises(StartLost, match="read again from its beginning"):
        door.get_leads(*window(), start=first)
    assert door.get_leads(*window(), start=second).status in (200, 404)


@pytest.mark.parametrize("form", ["items", "404", "204"])
def test_an_empty_period_is_an_empty_page_in_every_reading(
    account: Connection, sandbox: Sandbox, form: str
) -> None:
    sandbox.set_aviv_readings(empty=form)
    page = aviv(account).get_leads(*window()).data
    assert (page.items, page.complete) == ([], True)


def test_a_429_holds_everybody_for_as_long_as_it_says(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_readings(rate_limit=0, limit_says_when=True)
    with pytest.raises(RateLimited):
        aviv(account).get_leads(*window())
    with pytest.raises(BudgetSpent):
        open_aviv(Connection.objects.get(), "person").get_leads(*window())


def test_a_sign_in_that_is_down_sends_nothing_and_pauses_nothing(
    account: Connection, sandbox: Sandbox
) -> None:
    account.options["token_url"] = f"{sandbox.aviv_token_url}/nowhere"
    account.save()
    with pytest.raises(WrongAddress):
        aviv(account).get_leads(*window())
    assert Connection.objects.get().reason_code == "address"
    Connection.objects.get().resume()
    account.options["token_url"] = "http://127.0.0.1:9/token"
    account.save()
    with pytest.raises(TransientError, match="sign-in could not be reached: connection refused. Nothing"):
        aviv(account).get_leads(*window())
    assert not Connection.objects.get().is_paused
    row = AccessToken.objects.get()
    assert (row.holder, row.lease_until) == ("", None)


@pytest.mark.parametrize("status", [500, 503])
def test_a_sign_in_that_fails_is_tried_again_by_the_next_call(
    account: Connection, sandbox: Sandbox, status: int
) -> None:
    sandbox.fault("status", "POST", "/oauth/token", remote="aviv-auth", status=status, times=1)
    with pytest.raises(TransientError, match="Nothing was sent") as caught:
        aviv(account).create_lead({})
    assert type(caught.value) is TransientError
    assert sandbox.requests("POST", "/leads", remote="aviv") == []
    assert aviv(account).get_leads(*window()).status == 200


def test_a_sign_in_that_asks_for_patience_gets_it(account: Connection, sandbox: Sandbox) -> None:
    sandbox.fault("status", "POST", "/oauth/token", remote="aviv-auth", status=429, retry_after=30, times=1)
    with pytest.raises(RateLimited):
        aviv(account).get_leads(*window())
    assert Connection.objects.get().not_before > timezone.now() + timedelta(seconds=20)


def test_without_credentials_nothing_is_sent(account: Connection) -> None:
    Connection.objects.update(secret="")
    with pytest.raises(NotConnected):
        aviv(account).get_leads(*window())
    assert check_connection(Connection.objects.get(), timezone.now()) == (
        False,
        "Not connected: no key is set.",
    )


@pytest.mark.django_db(transaction=True)
def test_no_call_is_made_inside_a_transaction(account: Connection) -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        aviv(account).get_leads(*window())


def test_slots_are_given_back_also_after_a_failure(account: Connection, sandbox: Sandbox) -> None:
    aviv(account).get_leads(*window())
    with pytest.raises(RemoteError):
        aviv(account).get_lead("unknown")
    assert set(Slot.objects.values_list("holder", flat=True)) == {""}
    assert max(Slot.objects.values_list("free_at", flat=True)) <= time.time() + 0.3


def test_health_is_noted(account: Connection, sandbox: Sandbox) -> None:
    aviv(account).get_leads(*window())
    assert Connection.objects.get().last_success_at is not None
    with pytest.raises(RemoteError):
        aviv(account).get_lead("unknown")
    assert "AVIV does not know this record (404). Trace: 00-" in Connection.objects.get().last_problem


def test_the_audience_is_the_base_url_unless_it_is_said(account: Connection, sandbox: Sandbox) -> None:
    del account.options["audience"]
    account.save()
    assert aviv(account).get_leads(*window()).status == 200


def test_the_environments_connection_is_all_from_the_environment(
    db: Any, sandbox: Sandbox, settings: Any
) -> None:
    settings.AVIV_BASE_URL = settings.AVIV_AUDIENCE = sandbox.aviv_url
    settings.AVIV_TOKEN_URL = sandbox.aviv_token_url
    settings.AVIV_CLIENT_ID, settings.AVIV_CLIENT_SECRET = sandbox.aviv_client_id, sandbox.aviv_client_secret
    connection = Connection.objects.create(remote="aviv", name="AVIV", from_environment=True)
    assert check_connection(connection, timezone.now())[0] is True
