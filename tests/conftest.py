"""Fixtures of the whole suite: services of the machine, the sandbox, and the second pass on PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

import psycopg
import pytest
import redis as redis_client
from django.conf import settings
from django.db import connections as database_connections
from hypothesis import settings as hypothesis_settings
from kombu import Connection as BrokerConnection
from kombu import Queue

from leads.models import Connection, Remote, tallying
from leads.sync import correlating, learning, pricing
from tests.services import find_chromium, find_postgres, find_rabbitmq, find_redis

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
ON_POSTGRES = os.environ.get("TEST_DATABASE") == "postgres"
REQUIRE_ALL = os.environ.get("REQUIRE_ALL", "") not in {"", "0"}
SANDBOX_KEY = "sandbox-key"

# How long an example takes says how busy the machine is, and nothing else.
hypothesis_settings.register_profile("busy machine", deadline=None)
hypothesis_settings.load_profile("busy machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only what touches the database; what starts processes names its database itself."""
    if not ON_POSTGRES:
        return
    kept = [item for item in items if _touches_database(item) and not item.get_closest_marker("serial")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _touches_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures or item.get_closest_marker("django_db"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Leave the reasons of skips where `make test` collects them."""
    target = os.environ.get("SKIPS_FILE")
    skipped = terminalreporter.stats.get("skipped", [])
    if target and skipped:
        reasons = sorted({report.longrepr[2].removeprefix("Skipped: ") for report in skipped})
        with Path(target).open("a") as file:
            file.writelines(f"{reason}\n" for reason in reasons)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With REQUIRE_ALL a skip is a failure, however it came about."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if REQUIRE_ALL and reporter is not None and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def miss(what: str) -> NoReturn:
    """Skip for want of a service; a failure where everything is required."""
    if REQUIRE_ALL:
        pytest.fail(f"{what}, and REQUIRE_ALL is set", pytrace=False)
    pytest.skip(what)


@pytest.fixture(autouse=True)
def forget() -> None:
    """A test that is rolled back hands out the same ids again; to marks and caches those are the rows of before."""
    (Path(settings.VAR_DIR) / "marks.json").unlink(missing_ok=True)
    learning._known.clear()
    tallying.forget()
    pricing.forget()
    correlating.forget()


@pytest.fixture
def postgres() -> Iterator[str]:
    """URL of an empty PostgreSQL database, dropped afterwards."""
    server = find_postgres()
    if server is None:
        miss("no PostgreSQL answers (TEST_POSTGRES_URL)")
    name = f"leadmirror_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def redis() -> Iterator[str]:
    """URL of an empty Redis database that no other test uses meanwhile."""
    server = find_redis()
    if server is None:
        miss("no Redis answers (TEST_REDIS_URL)")
    for number in range(15, 0, -1):
        with _Claim(f"redis-{number}", wait=number == 1) as claimed:
            if claimed:
                client = redis_client.Redis.from_url(f"{server}/{number}")
                client.flushdb()
                yield f"{server}/{number}"
                client.flushdb()
                client.close()
                return


@pytest.fixture
def rabbitmq() -> Iterator[str]:
    """URL of a RabbitMQ without our queue, for one test at a time."""
    url = find_rabbitmq()
    if url is None:
        miss("no RabbitMQ answers (TEST_RABBITMQ_URL)")
    with _Claim("rabbitmq", wait=True):
        _delete_queue(url)
        yield url
        _delete_queue(url)


@pytest.fixture(params=["filesystem", "redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """CELERY_BROKER_URL of each of the three brokers in turn."""
    return "filesystem://" if request.param == "filesystem" else str(request.getfixturevalue(request.param))


@pytest.fixture
def chromium() -> str:
    """Path of a browser for Playwright's executable_path."""
    return find_chromium() or miss("no Chromium is installed (CHROMIUM)")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The remotes on a free port of this process, with no lead in them."""
    from integrations.sandbox import Sandbox

    with Sandbox(port=0, api_key=SANDBOX_KEY) as box:
        yield box


@pytest.fixture
def leadpro(db: None, sandbox: Sandbox) -> Connection:
    """A connection to the sandbox's Lead.pro, with a budget that no test spends by accident."""
    connection = Connection(
        remote=Remote.LEADPRO, name="Lead.pro", base_url=sandbox.leadpro_url, requests_per_minute=6000
    )
    connection.set_secret(SANDBOX_KEY)
    connection.save()
    return connection


@pytest.fixture
def process_env(tmp_path: Path) -> dict[str, str]:
    """Environment for processes of the project that a test starts: own VAR_DIR, SQLite, files as broker."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "leadmirror.settings",
        "SECRET_KEY": "tests-only",
        "FIELD_ENCRYPTION_KEYS": "tests-only-encryption",
        "HASH_KEY": "tests-only-hash",
        "VAR_DIR": str(tmp_path / "var"),
        "LEADPRO_API_KEY": "",
    }


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database; connections that threads left open do not keep PostgreSQL from dropping it."""
    yield
    if ON_POSTGRES:
        with psycopg.connect(find_postgres() or "", autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database_connections["default"].settings_dict["NAME"]],
            )


class _Claim:
    """A lock of this machine, held while the block runs; true where it was got."""

    def __init__(self, name: str, *, wait: bool) -> None:
        self._path = Path(tempfile.gettempdir()) / f"leadmirror-tests-{name}.lock"
        self._how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB

    def __enter__(self) -> bool:
        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, self._how)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def _delete_queue(url: str) -> None:
    with BrokerConnection(url, connect_timeout=5) as connection:
        Queue("leadmirror", channel=connection.channel()).delete()
