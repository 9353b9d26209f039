"""The rate rule and the token, kept by many threads and processes that know nothing of each other."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations.aviv import auth
from leads.models import AccessToken, Connection, Slot
from leads.models.slot import SLOTS, release_slot, take_slot
from leads.remotes import open_aviv, tokens
from tests.conftest import ROOT

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True)]


def in_threads(count: int, do: Any) -> list[Any]:
    """Do it in as many threads, each with a database connection of its own."""

    def run(number: int) -> Any:
        try:
            return do(number)
        finally:
            database.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def window() -> tuple[int, int]:
    now = int(time.time())
    return now - 3600, now + 60


def test_the_rule_is_kept_by_sixteen_threads(account: Connection, sandbox: Sandbox) -> None:
    sandbox.set_aviv_readings(latency=0.03)

    def read(_number: int) -> int:
        door = open_aviv(Connection.objects.get(pk=account.pk), "bulk", patience=60)
        return sum(door.get_leads(*window()).status == 200 for _ in range(6))

    assert sum(in_threads(16, read)) == 96
    stats = sandbox.aviv_stats(list(sandbox.log))
    assert (stats["rate_violations"], stats["tokens_issued"]) == (0, 1)
    assert stats["most_in_flight"] <= SLOTS


def test_one_of_many_renews_a_token_that_all_were_refused_with(account: Connection, sandbox: Sandbox) -> None:
    open_aviv(account, "bulk").get_leads(*window())
    sandbox.expire_aviv_tokens()
    doors = [open_aviv(Connection.objects.get(pk=account.pk), "bulk", patience=60) for _ in range(8)]
    assert in_threads(8, lambda n: doors[n].get_leads(*window()).status) == [200] * 8
    assert sandbox.aviv_stats(list(sandbox.log))["tokens_issued"] == 2


@pytest.fixture
def sign_in_when_seven_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sign-in begins when seven other threads wait for it, however busy the machine is."""
    waiting: set[int] = set()
    fetch_token = auth.fetch_token

    def nap(seconds: float) -> None:
        waiting.add(threading.get_ident())
        time.sleep(seconds)

    def fetch_then(**request: Any) -> Any:
        deadline = time.monotonic() + 60
        while len(waiting) < 7:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return fetch_token(**request)

    monkeypatch.setattr(tokens, "time", SimpleNamespace(sleep=nap))
    monkeypatch.setattr(auth, "fetch_token", fetch_then)


@pytest.mark.usefixtures("sign_in_when_seven_wait")
def test_those_who_waited_for_a_sign_in_that_failed_do_not_try_it_again(
    account: Connection, sandbox: Sandbox
) -> None:
    sandbox.set_aviv_client(sandbox.aviv_client_id, "another")

    def read(_number: int) -> str:
        try:
            open_aviv(Connection.objects.get(pk=account.pk), "bulk", patience=60).get_leads(*window())
        except Exception as refused:
            return str(refused)
        return "read"

    told = in_threads(8, read)
    assert all("client id or client secret is wrong" in text for text in told), told
    assert sandbox.aviv_stats(list(sandbox.log))["tokens_refused"] == 1
    assert AccessToken.objects.get().holder == ""


def test_the_claim_of_a_process_that_was_killed_lapses(account: Connection, sandbox: Sandbox) -> None:
    now = timezone.now()
    row = AccessToken.of(account)
    assert row.claim_renewal(now, timedelta(seconds=0.4))
    assert not AccessToken.of(account).claim_renewal(now, timedelta(seconds=40))
    assert open_aviv(account, "bulk", patience=5).get_leads(*window()).status == 200
    row.store("late", "recipe", now + timedelta(days=1), "first", now)
    assert AccessToken.objects.get().recipe != "recipe"


def test_ten_are_let_through_and_the_eleventh_waits(account: Connection) -> None:
    now = timezone.now()
    taken = [take_slot(account, 40, now) for _ in range(SLOTS)]
    assert all(holder for holder, _ in taken)
    assert len({holder for holder, _ in taken}) == SLOTS
    assert take_slot(account, 40, now) == ("", 0.05)


def test_agencies_of_one_client_share_the_ten(account: Connection) -> None:
    now = timezone.now()
    south = Connection.objects.create(remote="aviv", name="South", base_url=account.base_url)
    taken = [take_slot(one, 40, now)[0] for one in (account, south) * (SLOTS // 2)]
    assert all(taken)
    assert take_slot(south, 40, now)[0] == ""
    release_slot(taken[0], now)
    assert take_slot(south, 40, now + timedelta(seconds=0.22))[0] != ""
    assert set(Slot.objects.values_list("connection", flat=True)) == {account.pk}


def test_a_slot_rests_after_its_answer_and_not_only_after_its_call(account: Connection) -> None:
    now = timezone.now()
    holders = [take_slot(account, 40, now)[0] for _ in range(SLOTS)]
    later = now + timedelta(seconds=3)
    release_slot(holders[0], later)
    assert take_slot(account, 40, later + timedelta(seconds=0.2))[0] == ""
    assert take_slot(account, 40, later + timedelta(seconds=0.22))[0] != ""


def test_the_slot_of_a_process_that_was_killed_frees_itself(account: Connection) -> None:
    now = timezone.now()
    first = take_slot(account, 2, now)[0]
    for _ in range(SLOTS - 1):
        take_slot(account, 40, now)
    assert take_slot(account, 40, now + timedelta(seconds=1.9))[0] == ""
    second = take_slot(account, 40, now + timedelta(seconds=2.1))[0]
    assert second
    release_slot(first, now + timedelta(seconds=2.2))
    assert Slot.objects.get(holder=second).free_at > (now + timedelta(seconds=30)).timestamp()


def test_half_of_the_slots_stay_empty_for_a_while_after_a_429(account: Connection) -> None:
    now = timezone.now()
    account.slow_down(None, now)
    assert sum(bool(take_slot(account, 40, now)[0]) for _ in range(SLOTS)) == SLOTS // 2
    later = now + timedelta(minutes=11)
    assert sum(bool(take_slot(account, 40, later)[0]) for _ in range(2 * SLOTS)) == SLOTS


@pytest.fixture
def workers(
    tmp_path: Path, process_env: dict[str, str], sandbox: Sandbox
) -> Iterator[list[subprocess.Popen[str]]]:
    """Three processes that read as fast as they may, on a database of their own."""
    environment = process_env | {
        "AVIV_BASE_URL": sandbox.aviv_url,
        "AVIV_AUDIENCE": sandbox.aviv_url,
        "AVIV_TOKEN_URL": sandbox.aviv_token_url,
        "AVIV_CLIENT_ID": sandbox.aviv_client_id,
        "AVIV_CLIENT_SECRET": sandbox.aviv_client_secret,
    }
    subprocess.run([sys.executable, "manage.py", "bootstrap"], cwd=ROOT, env=environment, check=True)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", READER], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    yield started
    for process in started:
        process.kill()
        process.communicate()


READER = """
import time, django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from leads.models import Connection
from leads.remotes import open_aviv
connection = Connection.objects.get(remote="aviv")
def read(_):
    now = int(time.time())
    for _ in range(12):
        open_aviv(connection, "bulk", patience=60).get_leads(now - 3600, now)
    return 12
with ThreadPoolExecutor(5) as pool:
    print(sum(pool.map(read, range(5))))
"""


@pytest.mark.serial
def test_processes_keep_the_rule_together_and_one_that_is_killed_blocks_nobody(
    workers: list[subprocess.Popen[str]], sandbox: Sandbox
) -> None:
    sandbox.set_aviv_readings(latency=0.03)
    deadline = time.monotonic() + 40
    while not sum(entry.remote == "aviv" for entry in sandbox.log) > 20:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    workers[0].kill()
    assert [process.communicate(timeout=60)[0].strip() for process in workers[1:]] == ["60", "60"]
    stats = sandbox.aviv_stats(list(sandbox.log))
    assert (stats["rate_violations"], stats["tokens_issued"]) == (0, 1)
    assert stats["most_in_flight"] <= SLOTS
