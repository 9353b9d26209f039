"""A back-fill of 120 days with faults on every tenth call, killed five times: every lead once, and every rule kept."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.sandbox import Sandbox
from tests.conftest import miss
from tests.processes.harness import Child, House, wait_until
from tests.services import find_postgres

pytestmark = [pytest.mark.serial, pytest.mark.timeout(600)]

DAY = 86_400
DAYS, KILLS, ERASED, LATE, FAULTY = 120, 5, 20, 15, 60
#: The newest six spans hold these days, whatever the weekday.
READ_AGAIN_DAYS = 34
#: SQLite has them all; the second pass is about the other database, and smaller.
LEADS = {"sqlite": 25_000, "postgres": 5_000}
#: One after the other, each on the tenth call after the one before.
FAULTS = (
    {"action": "status", "status": 503},
    {"action": "drop"},
    {"action": "truncated"},
    {"action": "drop_after"},
    {"action": "rate_limit", "retry_after": 1},
    {"action": "bad_json"},
    {"action": "html"},
    {"action": "empty"},
    {"action": "status", "status": 500},
    {"action": "wrong_shape"},
)


@pytest.fixture(params=["sqlite", "postgres"])
def pulling_house(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    process_env: dict[str, str],
    prepared_var: Path,
    tmp_path: Path,
) -> Iterator[House]:
    """An installation that has AVIV from its environment."""
    env = {**process_env, "CELERY_BROKER_URL": "filesystem://"}
    if request.param == "sqlite":
        shutil.copytree(prepared_var, env["VAR_DIR"])
    elif find_postgres() is None:
        miss("no PostgreSQL answers (TEST_POSTGRES_URL)")
    else:
        env |= {"DATABASE_URL": request.getfixturevalue("prepared_database"), "INSTANCE_ID": "tests"}
    house = House(
        {
            **env,
            "AVIV_BASE_URL": sandbox.aviv_url,
            "AVIV_TOKEN_URL": sandbox.aviv_token_url,
            "AVIV_CLIENT_ID": sandbox.aviv_client_id,
            "AVIV_CLIENT_SECRET": sandbox.aviv_client_secret,
        },
        tmp_path,
    )
    try:
        house.command("bootstrap")
        sandbox.seed_aviv(DAYS, LEADS[request.param])
        yield house
    finally:
        house.stop()


def start_pull(house: House, since: str) -> Child:
    return house.start("pull", "django", "pull", "--since", since)


def test_a_back_fill_killed_five_times_under_faults_holds_every_lead_once(
    pulling_house: House, sandbox: Sandbox
) -> None:
    house, chance = pulling_house, random.Random(7)
    leads = len(sandbox.aviv_leads)
    for number in range(FAULTY):
        sandbox.fault(**FAULTS[number % len(FAULTS)], method="GET", path="/leads", skip=9 * (number + 1))
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - (DAYS + 1) * DAY))
    for _ in range(KILLS):
        pull = start_pull(house, since)
        wanted = len(pages(sandbox)) + chance.randint(8, leads // 1000 + 10)
        wait_for_pages(sandbox, pull, wanted)
        pull.kill()
    end(start_pull(house, since))
    found = house.ask("mirrored_from_aviv")
    assert sorted(found["ids"]) == sorted(shown(sandbox))
    assert found["leads"] == found["first_sights"] == leads
    assert [(state, failed) for state, _, failed, _ in found["run"]] == [("done", 0)]
    late_and_erased(house, sandbox, chance, leads)
    keeps_the_rules(sandbox)


def end(pull: Child) -> None:
    wait_until(lambda: not pull.is_alive, "the pull ends", 200)
    assert pull.process.returncode == 0, pull.text[-2000:]


def wait_for_pages(sandbox: Sandbox, pull: Child, wanted: int) -> None:
    wait_until(lambda: len(pages(sandbox)) >= wanted or not pull.is_alive, "some pages are read", 60)
    assert pull.is_alive, pull.text[-2000:]


def late_and_erased(house: House, sandbox: Sandbox, chance: random.Random, leads: int) -> None:
    """Leads that are shown late are caught by the overlap; erased people go after the second read, and stay gone."""
    now = time.time()
    late = [sandbox.add_aviv_lead(ingested_at=now - chance.uniform(0, 47 * 3600)) for _ in range(LATE)]
    had_person = [
        lead["metadata"]["leadId"]
        for lead in sandbox.aviv_leads
        if lead["contactRequest"].get("lastName")
        and lead not in late
        and lead["metadata"]["ingestionDate"] > now - READ_AGAIN_DAYS * DAY
    ]
    erased = set(chance.sample(had_person, ERASED))
    for lead_id in erased:
        sandbox.erase_aviv(lead_id)
    for gone in (0, ERASED, ERASED):
        house.ask("let_an_hour_pass")
        end(house.start("pull", "django", "pull"))
        found = house.ask("mirrored_from_aviv")
        assert found["erased"] == gone
        assert found["leads"] == leads + LATE - gone
    assert set(found["ids"]) == set(shown(sandbox)) - erased


def keeps_the_rules(sandbox: Sandbox) -> None:
    struck = [number for number, entry in enumerate(pages(sandbox), 1) if entry.fault]
    assert struck == list(range(10, len(pages(sandbox)) + 1, 10))[:FAULTY]
    assert len(struck) >= 10
    for entry in pages(sandbox):
        assert 0 < int(entry.query["maxDate"]) - int(entry.query["minDate"]) <= 7 * DAY
        assert int(entry.query["limit"]) <= 100
    stats = sandbox.aviv_stats(sandbox.log)
    assert (stats["tokens_issued"], stats["rate_violations"]) == (1, 0)


def pages(sandbox: Sandbox):
    return sandbox.requests("GET", "/leads", remote="aviv")


def shown(sandbox: Sandbox) -> list[str]:
    return [lead["metadata"]["leadId"] for lead in sandbox.aviv_leads]
