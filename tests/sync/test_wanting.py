"""A lead that somebody has before them comes first, at the price of one write a minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from leads.models import Cause, Connection, Copy
from leads.sync import choosing, pricing, wanting
from leads.sync.freshness import lateness
from leads.sync.storing import Seen, store
from leads.sync.wanting import want
from tests.sync.payloads import lead_object

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SEEN = NOW - timedelta(hours=1)


@pytest.fixture
def copy_of(leadpro: Connection) -> Callable[[int], Copy]:
    """A mirrored lead that was seen an hour ago, and is not due for a month."""

    def make(number: int) -> Copy:
        store(leadpro, [Seen(lead_object(number), SEEN)], Cause.REFRESH, now=SEEN)
        rows = Copy.objects.filter(remote_id=str(number))
        rows.update(refresh_class=15, refresh_interval=60.0 * 2**15, next_refresh_at=NOW + timedelta(days=30))
        return rows.get()

    return make


def columns(copy: Copy) -> tuple[Any, ...]:
    copy.refresh_from_db()
    return copy.refresh_class, copy.refresh_interval, copy.wanted_until, copy.next_refresh_at


def test_a_wanted_lead_is_the_next_that_the_schedule_reads(
    leadpro: Connection, copy_of: Callable[[int], Copy]
) -> None:
    others, wanted = [copy_of(1), copy_of(2)], copy_of(3)
    Copy.objects.filter(pk__in=[c.pk for c in others]).update(last_attempt_at=NOW - timedelta(days=20))
    assert want([wanted.lead_id], NOW, 120) == {leadpro.pk}
    assert columns(wanted) == (0, 60.0, NOW + timedelta(seconds=120), NOW)
    clock = pricing.load_model(leadpro, NOW).clock
    heads = choosing.find_heads(leadpro, 1, NOW, lambda interval, at: lateness(clock, interval, at, NOW))
    assert next(head.pk for head in heads if head.model is Copy) == wanted.pk


def test_asking_all_the_time_writes_once_a_minute(
    copy_of: Callable[[int], Copy], django_assert_num_queries: Any
) -> None:
    copy = copy_of(1)
    assert want([copy.lead_id], NOW, 120)
    for seconds in (1, 8, 59):
        with django_assert_num_queries(1):
            assert want([copy.lead_id], NOW + timedelta(seconds=seconds), 120) == set()
    assert columns(copy)[2] == NOW + timedelta(seconds=120)
    assert want([copy.lead_id], NOW + timedelta(seconds=60), 120)
    assert columns(copy)[2] == NOW + timedelta(seconds=180)


def test_what_was_just_read_is_not_promised_before_the_floor(copy_of: Callable[[int], Copy]) -> None:
    copy = copy_of(1)
    Copy.objects.update(last_attempt_at=NOW - timedelta(seconds=10))
    want([copy.lead_id], NOW, 120)
    assert columns(copy)[3] == NOW + timedelta(seconds=50)


@pytest.mark.parametrize("case", ["paused", "gone", "not on the schedule"])
def test_what_nothing_reads_is_left_alone(
    leadpro: Connection, copy_of: Callable[[int], Copy], case: str
) -> None:
    copy = copy_of(1)
    if case == "paused":
        leadpro.pause("person", "Paused by hand.", NOW)
    elif case == "gone":
        Copy.objects.update(gone_at=NOW)
    else:
        Copy.objects.update(refresh_class=None)
    before = columns(copy)
    assert want([copy.lead_id], NOW, 120) == set()
    assert columns(copy) == before


def test_an_app_that_reads_all_leads_does_not_push_people_aside(
    leadpro: Connection, copy_of: Callable[[int], Copy]
) -> None:
    Connection.objects.update(requests_per_minute=6)
    copies = [copy_of(number) for number in range(1, 7)]
    for copy in copies[:5]:
        want([copy.lead_id], NOW, 60, by_app=True)
    assert Copy.objects.filter(refresh_class=0).count() == 3
    assert want([copies[5].lead_id], NOW, 120) == {leadpro.pk}
    later = NOW + timedelta(seconds=61)
    assert want([copies[4].lead_id], later, 60, by_app=True) == {leadpro.pk}


def test_a_database_that_will_not_write_costs_the_hint_and_nothing_else(
    copy_of: Callable[[int], Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of(1)

    def refuse(*args: Any) -> None:
        raise DatabaseError("database is locked")

    monkeypatch.setattr(wanting, "_come_first", refuse)
    assert want([copy.lead_id], NOW, 120) == set()


def test_a_lead_that_is_only_here_is_no_ones_to_read(db: None) -> None:
    assert want([4711], NOW, 120) == set()
