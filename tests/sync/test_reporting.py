"""The freshness report: exact figures from rows made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import exp
from typing import Any

import pytest

from leads.models import Audit, Cause, Connection, Contact, Copy, Delivery, Lead, Schedule, Tally
from leads.sync import believing, pricing, reporting
from leads.sync.freshness import Belief, BusinessClock, Model, Rates, Traits
from leads.sync.measuring import wilson
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp() // 3600)
CHANCE = random.Random(1)
Mirror = Callable[..., Copy]


@pytest.fixture
def mirror(leadpro: Connection) -> Mirror:
    """A mirrored lead, and its copy's columns as given."""

    def make(number: int, payload: dict[str, Any] | None = None, **columns: Any) -> Copy:
        store(leadpro, [Seen(lead_object(number, **(payload or {})), NOW)], Cause.REFRESH, now=NOW)
        Copy.objects.filter(remote_id=str(number)).update(**{"seen_at": NOW, "awake_since": NOW, **columns})
        return Copy.objects.get(remote_id=str(number))

    return make


def report(
    connection: Connection, now: datetime = NOW, coverage: dict[str, Any] | None = None
) -> dict[str, Any]:
    return reporting.make_report(connection, now, coverage, CHANCE)


def tally(connection: Connection, measure: str, count: int, hours_ago: int = 0, bucket: int = 0) -> None:
    Tally.objects.create(
        connection=connection, hour=HOUR - hours_ago, measure=measure, bucket=bucket, count=count
    )


def audits(connection: Connection, band: str, n: int, stale: int, believed: float = 0.9, **age: int) -> None:
    at = NOW - timedelta(**age)
    Audit.objects.bulk_create(
        Audit(connection=connection, at=at, band=band, believed=believed, was_stale=k < stale)
        for k in range(n)
    )


def test_a_mirror_without_leads_has_a_report_that_claims_nothing(leadpro: Connection) -> None:
    made = report(leadpro)
    assert (made["copies"], made["expected"], made["measured"]) == (0, {}, {})
    assert made["delay"] == {"n": 0, "half": None, "most": None}
    assert made["reads"] == {"unchanged": 0, "changed": 0, "failed": 0, "discovered": 0}
    assert made["webhooks"]["last_at"] is None
    assert made["coverage"]["oldest_seen_at"] is None


def test_what_is_believed_is_the_mean_over_the_scheduled_copies_of_each_band(
    leadpro: Connection, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With a belief that is nearly a point at 1, the probability is exp(-changes expected): one a day here.
    monkeypatch.setattr(
        Model, "believed_unchanged", lambda self, belief, traits, seen_at, now: exp(-(now - seen_at).days)
    )
    old = NOW - timedelta(days=400)
    mirror(1)
    mirror(2, seen_at=NOW - timedelta(days=1))
    mirror(3, awake_since=old, seen_at=NOW - timedelta(days=2))
    mirror(4, awake_since=old, gone_at=NOW)
    mirror(5, awake_since=old, refresh_class=None)
    made = report(leadpro)
    assert made["copies"] == 3
    assert made["expected"]["hot"] == {
        "share": pytest.approx((1 + exp(-1)) / 2),
        "low": pytest.approx((1 + exp(-1)) / 2),
        "high": pytest.approx((1 + exp(-1)) / 2),
        "looked": 2,
        "is_whole": True,
    }
    assert made["expected"]["cold"]["share"] == pytest.approx(exp(-2))
    assert made["expected"]["all"]["share"] == pytest.approx((1 + exp(-1) + exp(-2)) / 3)
    assert made["expected"].keys() == {"hot", "cold", "all"}


def test_the_belief_is_the_schedules_own(leadpro: Connection, mirror: Mirror) -> None:
    copy = mirror(1, seen_at=NOW - timedelta(hours=3), awake_since=NOW - timedelta(hours=5))
    model = pricing.load_model(leadpro, NOW)
    traits = Traits(awake_since=copy.awake_since, stage="Unread", status="New")
    expected = model.believed_unchanged(Belief(1.0, 1.0), traits, copy.seen_at, NOW)
    Copy.objects.update(gamma_shape=1.0, gamma_rate=1.0, wanted_until=None)
    assert report(leadpro)["expected"]["all"]["share"] == pytest.approx(expected)
    assert 0 < expected < 1


def test_of_many_copies_a_uniform_sample_is_taken_and_its_error_said(
    leadpro: Connection, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 61):
        mirror(number, seen_at=NOW - timedelta(days=number % 3))
    Copy.objects.filter(remote_id__in=[str(n) for n in range(1, 61) if n % 5 == 0]).delete()
    monkeypatch.setattr(
        Model, "believed_unchanged", lambda self, belief, traits, seen_at, now: 1 - (now - seen_at).days / 2
    )
    monkeypatch.setattr(believing, "DRAW", 7)
    model = Model(Rates(), BusinessClock(UTC))
    found = believing.expect_freshness(leadpro, model, 48, NOW, random.Random(7), sample=20)["all"]
    assert 20 <= found["looked"] < 20 + 7
    assert not found["is_whole"]
    assert found["low"] < 0.5 < found["high"]
    assert found["low"] < found["share"] < found["high"]


def test_every_copy_is_as_likely_as_any_other_in_the_sample(leadpro: Connection, mirror: Mirror) -> None:
    for number in range(1, 31):
        mirror(number)
    # A gap in the ids must not make its neighbour likelier.
    Copy.objects.filter(remote_id__in=[str(n) for n in range(2, 20)]).delete()
    chance, counts = random.Random(5), dict.fromkeys(Copy.objects.values_list("pk", flat=True), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(believing, "DRAW", 1)
        for _ in range(600):
            (row,) = believing._draw(Copy.objects.all(), 1, chance)
            counts[row["pk"]] += 1
    assert len(counts) == 12
    # 600 draws over 12 copies: 50 each, and four standard deviations are 27.
    assert all(23 <= n <= 77 for n in counts.values()), counts


def test_what_audits_found_is_told_by_band_with_wilsons_interval(leadpro: Connection) -> None:
    audits(leadpro, "hot", 40, 4, believed=0.8)
    audits(leadpro, "cold", 60, 1, believed=1.0, days=6)
    audits(leadpro, "cold", 50, 50, days=8)
    made = report(leadpro)["measured"]
    low, high = wilson(36, 40)
    assert made["hot"] == {
        "n": 40,
        "stale": 4,
        "share": 0.9,
        "low": low,
        "high": high,
        "believed": pytest.approx(0.8),
    }
    assert (made["cold"]["n"], made["cold"]["stale"]) == (60, 1)
    assert (made["all"]["n"], made["all"]["stale"], made["all"]["share"]) == (100, 5, 0.95)
    assert made["all"]["believed"] == pytest.approx(0.92)
    assert (round(made["all"]["low"], 4), round(made["all"]["high"], 4)) == (0.8882, 0.9785)


def test_delays_reads_and_hints_are_summed_over_their_hours(leadpro: Connection) -> None:
    for bucket, count in ((0, 50), (4, 30), (5, 10), (9, 10)):
        tally(leadpro, "delay", count, hours_ago=100, bucket=bucket)
    tally(leadpro, "delay", 1000, hours_ago=7 * 24, bucket=12)
    for hours_ago, count in ((0, 5), (23, 7), (24, 1000)):
        tally(leadpro, "read:unchanged", count, hours_ago)
    tally(leadpro, "read:changed", 3)
    tally(leadpro, "read:failed", 2)
    tally(leadpro, "discovered", 4)
    for kind, count in (("early", 6), ("late", 7), ("empty", 8)):
        tally(leadpro, f"hint:{kind}", count, hours_ago=30)
    made = report(leadpro)
    assert made["delay"] == {"n": 100, "half": 2.0, "most": 64.0}
    assert made["reads"] == {"unchanged": 12, "changed": 3, "failed": 2, "discovered": 4}
    assert [made["webhooks"][kind] for kind in ("early", "late", "empty")] == [6, 7, 8]


def test_the_budget_is_told_by_lane_and_hour(leadpro: Connection) -> None:
    tally(leadpro, "sent:person", 2)
    tally(leadpro, "sent:schedule", 30, hours_ago=1)
    tally(leadpro, "sent:schedule", 40, hours_ago=23)
    tally(leadpro, "sent:schedule", 99, hours_ago=24)
    made = report(leadpro)["budget"]
    assert (made["per_minute"], made["first_hour"]) == (6000, HOUR - 23)
    assert made["lanes"]["person"] == [0] * 23 + [2]
    assert made["lanes"]["schedule"] == [40] + [0] * 21 + [30, 0]
    assert made["lanes"].keys() == {"person", "push", "hint", "schedule", "bulk"}


def test_webhooks_are_counted_by_what_became_of_them(leadpro: Connection) -> None:
    def deliver(state: str, remote_id: str = "7", finding: str = "", **age: int) -> None:
        at = NOW - timedelta(**age)
        Delivery.objects.create(
            connection=leadpro,
            received_at=at,
            due_at=at,
            body={},
            digest="x",
            state=state,
            remote_id=remote_id,
            finding=finding,
        )

    deliver("done", days=8)
    deliver("failed", "90", "not_found", hours=3)
    deliver("failed", "90", "not_found", hours=2)
    deliver("waiting", minutes=20)
    deliver("done", minutes=1)
    made = report(leadpro)
    assert {name: made["webhooks"][name] for name in ("arrived", "failed", "waiting")} == {
        "arrived": 4,
        "failed": 2,
        "waiting": 1,
    }
    assert made["webhooks"]["last_at"] == "2026-03-04T12:29:00.000Z"
    assert made["webhooks"]["waiting_since"] == "2026-03-04T12:10:00.000Z"
    assert made["coverage"]["hinted_unseen"] == 1


def test_coverage_counts_what_is_mentioned_and_not_here(leadpro: Connection, mirror: Mirror) -> None:
    mirror(1, {"email": "a@example.org", "phone": None}, seen_at=NOW - timedelta(days=9))
    mirror(2, {"parent_id": 1, "email": "b@example.org", "phone": "07700 900002"})
    mirror(3, {"parent_id": 77, "email": "c@example.org"})
    mirror(4, {"parent_id": 77, "email": None, "phone": None})
    mirror(5, {"parent_id": 78, "email": "d@example.org"}, gone_at=NOW, seen_at=NOW - timedelta(days=99))
    Contact.objects.update(asked_at=None)
    Contact.objects.filter(key="b@example.org").update(asked_at=NOW)
    found = report(leadpro)["coverage"]
    assert found == {
        "at": "2026-03-04T12:30:00.000Z",
        "leads": 4,
        "parents_unseen": 1,
        "hinted_unseen": 0,
        "never_looked_up": 2,
        "no_contact": 1,
        "oldest_seen_at": "2026-02-23T12:30:00.000Z",
    }


def test_counting_a_large_mirror_is_not_done_again_within_the_hour(
    leadpro: Connection, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror(1)
    monkeypatch.setattr(reporting, "COUNT_AT_ONCE", 0)
    first = report(leadpro)["coverage"]
    mirror(2)
    assert report(leadpro, NOW + timedelta(minutes=59), first)["coverage"] == first
    assert report(leadpro, NOW + timedelta(minutes=60), first)["coverage"]["leads"] == 2


def test_the_limit_for_the_coldest_is_priced(leadpro: Connection, mirror: Mirror, settings: Any) -> None:
    settings.REFRESH_COLDEST_DAYS = 2
    Connection.objects.update(requests_per_minute=1)
    for number in range(1, 5):
        mirror(number, {"email": "a@example.org"})
    assert Contact.objects.count() == 1
    leadpro.refresh_from_db()
    assert report(leadpro)["coldest"] == {
        "days": 2.0,
        "needed_a_day": 2.5,
        "possible_a_day": 1440,
        "days_at_best": pytest.approx(5 / 1440),
    }


def test_a_report_is_kept_and_due_again_after_two_minutes(leadpro: Connection) -> None:
    assert reporting.is_due(leadpro, NOW)
    assert reporting.find_report(leadpro) is None
    made = reporting.keep_report(leadpro, NOW)
    assert reporting.find_report(leadpro) == made
    assert not reporting.is_due(leadpro, NOW + timedelta(seconds=119))
    assert reporting.is_due(leadpro, NOW + timedelta(seconds=120))
    Schedule.objects.update(report={"shape": 0})
    assert reporting.find_report(leadpro) is None


def test_one_connections_figures_are_not_anothers(leadpro: Connection, mirror: Mirror) -> None:
    mirror(1)
    other = Connection.objects.create(remote="leadpro", name="Other", base_url="http://127.0.0.1:9")
    audits(leadpro, "hot", 3, 1)
    tally(leadpro, "read:changed", 3)
    made = report(other)
    assert (made["copies"], made["measured"], made["reads"]["changed"]) == (0, {}, 0)
    assert Lead.objects.count() == 1
