"""The same request twice is one lead and one answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from leads.api import creating
from leads.models import ApiKey, Connection, Lead, Push, StoredAnswer
from leads.sync import pushing
from tests.api.conftest import NEW_LEAD, Caller

VALUATION = {**NEW_LEAD, "type": "vendor", "address": "1 Example Street", "postcode": "DE1 1JX"}


def test_the_same_key_and_body_has_the_same_answer_and_makes_one_lead(
    api: Caller, account: Connection
) -> None:
    first = api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    Lead.objects.update(first_name="Changed")
    again = api.post("leads/", dict(reversed(NEW_LEAD.items())), Idempotency_Key="order-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (Lead.objects.count(), Push.objects.count()) == (1, 1)


def test_another_body_or_address_under_the_same_key_is_422(api: Caller, account: Connection) -> None:
    api.post("leads/", VALUATION, Idempotency_Key="order-1")
    for path, body in (("leads/", {**VALUATION, "first_name": "Other"}), ("leads/valuation/", VALUATION)):
        answer = api.post(path, body, Idempotency_Key="order-1")
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert Lead.objects.count() == 1


def test_keys_belong_to_their_caller(api: Caller, caller: Callable[..., Caller], account: Connection) -> None:
    api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    assert caller().post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code == 202
    assert Lead.objects.count() == 2


def test_a_refused_request_does_not_use_its_key_up(api: Caller, account: Connection) -> None:
    assert api.post("leads/", {**NEW_LEAD, "email": "x"}, Idempotency_Key="order-1").status_code == 400
    assert api.post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code == 202


def test_after_a_day_a_key_is_new_again_and_old_answers_are_removed(api: Caller, account: Connection) -> None:
    api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    assert Lead.objects.count() == 1
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24))
    api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    assert (Lead.objects.count(), StoredAnswer.objects.count()) == (2, 1)


@pytest.mark.parametrize("key", ["", "   ", "x" * 256, "a\tb", "a\x7fb"])
def test_a_key_that_cannot_be_one_is_named(api: Caller, account: Connection, key: str) -> None:
    answer = api.post("leads/", NEW_LEAD, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


def test_in_flight_is_409_and_makes_no_second_lead(api: Caller, account: Connection) -> None:
    api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    StoredAnswer.objects.update(status=None, body={"lead": Lead.objects.get().pk})
    answer = api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
        409,
        "in_flight",
        "2",
    )
    assert Lead.objects.count() == 1


def test_a_request_that_died_after_saving_is_answered_from_its_lead(
    api: Caller, account: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any) -> None:
        raise SystemError

    with monkeypatch.context() as patched:
        patched.setattr(creating, "wait_for_push", die)
        assert api.post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code == 500
    assert api.post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code == 409
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    answer = api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    assert (answer.status_code, answer.json()["id"]) == (202, Lead.objects.get().pk)
    Lead.objects.update(leadpro_id=7)
    assert api.post("leads/", NEW_LEAD, Idempotency_Key="order-1").json() == answer.json()


def test_a_request_that_died_and_was_delivered_is_answered_201(api: Caller, account: Connection) -> None:
    api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    lead = Lead.objects.get()
    Lead.objects.update(leadpro_id=7)
    StoredAnswer.objects.update(
        status=None, body={"lead": lead.pk}, created_at=timezone.now() - timedelta(seconds=61)
    )
    answer = api.post("leads/", NEW_LEAD, Idempotency_Key="order-1")
    assert (answer.status_code, answer.json()["leadpro_id"]) == (201, 7)


def test_a_request_that_died_before_saving_left_nothing(
    api: Caller, account: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **more: Any) -> None:
        raise SystemError

    with monkeypatch.context() as patched:
        patched.setattr(pushing, "request_create", die)
        assert api.post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code == 500
    assert (Lead.objects.count(), StoredAnswer.objects.count()) == (0, 0)
    assert api.post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code == 202


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_make_one_lead(api: Caller, account: Connection) -> None:
    barrier = threading.Barrier(8)
    statuses: list[int] = []

    def send() -> None:
        caller = Caller(ApiKey.objects.get(), api.text, type(api.client)(raise_request_exception=False))
        barrier.wait(timeout=20)
        try:
            statuses.append(caller.post("leads/", NEW_LEAD, Idempotency_Key="order-1").status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(statuses) == 8
    assert set(statuses) <= {202, 409}
    assert 202 in statuses
    assert (Lead.objects.count(), Push.objects.count()) == (1, 1)
