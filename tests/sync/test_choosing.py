"""Which reads the schedule makes next, held against a ranking by brute force."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.test import override_settings

from leads.models import Connection, Contact, Copy, Lead
from leads.sync import choosing
from leads.sync.choosing import AUDIT, SWEEP, VALUE, Choice
from leads.sync.freshness import interval_class

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class NoLots(random.Random):
    """Dice that never fall on a sweep or an audit."""

    def random(self) -> float:
        return 0.999


@pytest.fixture
def account(db: None) -> Connection:
    return Connection.objects.create(remote="leadpro", name="one", base_url="http://127.0.0.1:9")


def fill(account: Connection, looks: list[tuple[float, float]], start: int = 1) -> list[Copy]:
    """Copies with (interval in minutes, minutes since the last attempt)."""
    common = {"listed_at": NOW, "first_seen_at": NOW, "changed_at": NOW}
    leads = Lead.objects.bulk_create([Lead(leadpro_id=start + n, **common) for n in range(len(looks))])
    return Copy.objects.bulk_create(
        [
            Copy(
                lead=lead,
                connection=account,
                remote_id=str(lead.leadpro_id),
                as_of=NOW,
                seen_at=NOW,
                changed_at=NOW,
                last_attempt_at=NOW - timedelta(minutes=since),
                refresh_interval=60 * interval,
                refresh_class=interval_class(60 * interval),
            )
            for lead, (interval, since) in zip(leads, looks, strict=True)
        ]
    )


def late(interval: float, at: datetime, now: datetime = NOW) -> float:
    return (now - at).total_seconds() / interval


def choose(account: Connection, k: int, dice: random.Random | None = None, **more: float) -> list[Choice]:
    return choosing.choose(account, k, NOW, late, dice=dice or NoLots(), **more)


def test_of_equal_intervals_the_choice_is_the_exact_ranking_by_lateness(account: Connection) -> None:
    dice = random.Random(1)
    looks = [(2.0 ** dice.randrange(16), 2 + dice.random() * 5000) for _ in range(400)]
    copies = fill(account, looks)
    exact = sorted(copies, key=lambda c: (-late(c.refresh_interval, c.last_attempt_at), c.pk))
    assert [choice.pk for choice in choose(account, 25)] == [copy.pk for copy in exact[:25]]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_left_out_is_more_than_twice_as_late_as_what_is_chosen(
    account: Connection, seed: int
) -> None:
    dice = random.Random(seed)
    looks = [(2 ** dice.uniform(0, 17), 2 + dice.random() * 9000) for _ in range(300)]
    copies = fill(account, looks)
    chosen = choose(account, 10)
    left_out = {copy.pk for copy in copies} - {choice.pk for choice in chosen}
    latest = max(late(c.refresh_interval, c.last_attempt_at) for c in copies if c.pk in left_out)
    assert len(chosen) == 10
    assert min(choice.lateness for choice in chosen) > latest / 2
    assert [c.lateness for c in chosen] == sorted((c.lateness for c in chosen), reverse=True)


def test_people_and_copies_stand_in_one_ranking(account: Connection) -> None:
    copies = fill(account, [(10, 20), (10, 60)])
    person = Contact.objects.create(
        connection=account,
        by="email",
        key="ada@example.org",
        spelling="ada@example.org",
        awake_since=NOW,
        last_attempt_at=NOW - timedelta(minutes=40),
        refresh_interval=600.0,
        refresh_class=3,
    )
    chosen = choose(account, 5)
    assert [(c.model, c.pk, c.lateness) for c in chosen] == [
        (Copy, copies[1].pk, 6.0),
        (Contact, person.pk, 4.0),
        (Copy, copies[0].pk, 2.0),
    ]


def test_pitfall_under_use_nothing_is_chosen_within_the_floor_however_late(account: Connection) -> None:
    copies = fill(account, [(1, 0.5), (1, 0.99), (1, 1.0), (100_000, 1.5)])
    assert {choice.pk for choice in choose(account, 9)} == {copies[2].pk, copies[3].pk}
    with override_settings(REFRESH_FLOOR_SECONDS=30):
        assert {choice.pk for choice in choose(account, 9)} == {copies[0].pk, copies[1].pk}


def test_pitfall_under_use_spare_budget_goes_to_looks_that_are_not_due(account: Connection) -> None:
    (copy,) = fill(account, [(10_000, 5)])
    assert choose(account, 3, least=1.0) == []
    assert [choice.pk for choice in choose(account, 3)] == [copy.pk]


def test_other_connections_and_copies_on_no_schedule_are_left_alone(account: Connection) -> None:
    other = Connection.objects.create(remote="aviv", name="two")
    fill(other, [(10, 100)])
    (mine,) = fill(account, [(10, 100)], start=10)
    Copy.objects.filter(pk=mine.pk).update(refresh_class=None)
    assert choose(account, 3) == []
    assert not choosing.has_work(account, NOW) and choosing.has_work(other, NOW)


def test_a_claim_is_written_and_given_back_as_it_was(account: Connection) -> None:
    (copy,) = fill(account, [(10, 100)])
    chosen = choose(account, 1)
    assert Copy.objects.get().last_attempt_at == NOW
    choosing.give_back(chosen, NOW)
    assert Copy.objects.get().last_attempt_at == copy.last_attempt_at
    choose(account, 1)
    Copy.objects.update(last_attempt_at=NOW + timedelta(seconds=3))
    choosing.give_back(chosen, NOW)
    assert Copy.objects.get().last_attempt_at == NOW + timedelta(seconds=3), "it was read meanwhile"


def test_what_a_dead_worker_had_claimed_is_as_late_as_before(account: Connection) -> None:
    fill(account, [(10, 100), (10, 90), (10, 80), (1, 0.1)])
    seen_at = NOW - timedelta(minutes=100)
    Copy.objects.update(seen_at=seen_at)
    read, failed, lost = choose(account, 3)
    Copy.objects.filter(pk=read.pk).update(seen_at=NOW, last_attempt_at=NOW)
    Copy.objects.filter(pk=failed.pk).update(failures=1)
    Copy.objects.filter(refresh_interval=60).update(seen_at=NOW)
    assert choosing.take_back(account, NOW + timedelta(minutes=1)) == 1
    assert Copy.objects.get(pk=lost.pk).last_attempt_at == seen_at
    assert Copy.objects.get(pk=failed.pk).last_attempt_at == NOW


class Sweeps(random.Random):
    """Dice that always fall on the sweep."""

    def random(self) -> float:
        return 0.02


def test_pitfall_starvation_a_sweep_takes_the_oldest_look_whatever_it_is_worth(account: Connection) -> None:
    copies = fill(account, [(1, 10), (100_000, 9000), (100_000, 9001), (1, 20)])
    chosen = choose(account, 2, dice=Sweeps())
    assert [(choice.pk, choice.why) for choice in chosen] == [(copies[2].pk, SWEEP), (copies[1].pk, SWEEP)]


def test_two_in_a_hundred_reads_are_sweeps_and_one_is_an_audit(account: Connection) -> None:
    fill(account, [(1, 10 + n / 100) for n in range(60)])
    attempts = dict(Copy.objects.values_list("pk", "last_attempt_at"))
    dice, whys = random.Random(5), Counter()
    for _ in range(80):
        chosen = choose(account, 20, dice=dice)
        whys.update(choice.why for choice in chosen)
        choosing.give_back(chosen, NOW)
    n = whys.total()
    # Binomial: within four deviations of 2 % and 1 %.
    assert n > 1500 and dict(Copy.objects.values_list("pk", "last_attempt_at")) == attempts
    assert abs(whys[SWEEP] - 0.02 * n) < 4 * (0.02 * 0.98 * n) ** 0.5
    assert abs(whys[AUDIT] - 0.01 * n) < 4 * (0.01 * 0.99 * n) ** 0.5
    assert whys[VALUE] > 0.9 * n


def test_an_audit_finds_every_copy_with_the_same_chance_whatever_was_deleted(account: Connection) -> None:
    """Chi-squared over 40 copies around gaps of very different size; 39 degrees of freedom, p = 0.001 at 72.1."""
    other = Connection.objects.create(remote="aviv", name="two")
    kept = []
    for size in (1, 5, 40, 2, 90, 10, 3, 30):
        fill(other, [(10, 10)] * size, start=1000 * size)
        kept += [copy.pk for copy in fill(account, [(2.0**size, 10)] * 5, start=1000 * size + 500)]
    Copy.objects.filter(connection=other, pk__gt=min(kept) + 30).delete()
    dice, draws = random.Random(7), 1000
    found = Counter(
        choice.pk for _ in range(draws) if (choice := choosing.draw_audit(account, NOW, dice)) is not None
    )
    n = sum(found.values())
    assert set(found) == set(kept) and n > 0.95 * draws
    chi_squared = sum((found[pk] - n / 40) ** 2 / (n / 40) for pk in kept)
    assert chi_squared < 72.1


def test_an_audit_leaves_out_what_is_gone_or_was_just_tried(account: Connection) -> None:
    gone, fresh = fill(account, [(10, 100), (10, 0.2)])
    Copy.objects.filter(pk=gone.pk).update(gone_at=NOW)
    assert choosing.draw_audit(account, NOW, random.Random(1)) is None
    assert fresh.pk


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_take_the_same_copy(account: Connection) -> None:
    copies = fill(account, [(2.0 ** (n % 12), 60 + n) for n in range(240)])
    barrier = Barrier(4)

    def worker(seed: int) -> list[int]:
        barrier.wait(10)
        mine: list[int] = []
        for _ in range(200):
            chosen = choose(account, 5)
            mine += [choice.pk for choice in chosen]
            if not chosen and not choosing.has_work(account, NOW):
                break
        connections.close_all()
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [pk for mine in pool.map(worker, range(4)) for pk in mine]
    assert Counter(taken) == Counter(copy.pk for copy in copies)


def test_a_tick_is_one_look_and_one_claim(account: Connection, django_assert_max_num_queries) -> None:
    fill(account, [(10, 100)] * 5)
    # Savepoint and its end, the statement that allows to lose this, heads, locked rows, claim.
    with django_assert_max_num_queries(6):
        assert len(choose(account, 5)) == 5
    with django_assert_max_num_queries(1):
        assert choose(account, 5) == []
