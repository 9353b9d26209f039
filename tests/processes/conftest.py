"""Houses to test in: one per broker, each with the database that goes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.conftest import ROOT, SANDBOX_KEY
from tests.processes.harness import House
from tests.services import find_postgres

KEYS = {
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "tests-only",
    "FIELD_ENCRYPTION_KEYS": "tests-only-encryption",
    "HASH_KEY": "tests-only-hash",
    "LEADPRO_API_KEY": SANDBOX_KEY,
}


@pytest.fixture(scope="session")
def prepared_var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAR_DIR as `bootstrap` leaves it with SQLite, to be copied."""
    folder = tmp_path_factory.mktemp("prepared") / "var"
    env = {
        "SECRET_KEY": "tests-only",
        "FIELD_ENCRYPTION_KEYS": "tests-only-encryption",
        "HASH_KEY": "tests-only-hash",
    }
    _bootstrap({**env, "VAR_DIR": str(folder), "LEADPRO_API_KEY": SANDBOX_KEY})
    return folder


@pytest.fixture(scope="session")
def prepared_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a PostgreSQL database as `bootstrap` leaves it, to be copied by the server."""
    name, server = f"leadmirror_prepared_{uuid4().hex[:12]}", find_postgres() or ""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            url = f"{server.rpartition('/')[0]}/{name}"
            folder = tmp_path_factory.mktemp("prepared") / "var"
            _bootstrap({**KEYS, "VAR_DIR": str(folder), "DATABASE_URL": url, "INSTANCE_ID": "tests"})
            yield name
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def prepared_database(prepared_postgres: str) -> Iterator[str]:
    """URL of a copy."""
    name, server = f"leadmirror_{uuid4().hex[:12]}", find_postgres() or ""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{prepared_postgres}"')
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _bootstrap(env: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "bootstrap"], cwd=ROOT, env=env, check=True, capture_output=True
    )


@pytest.fixture
def house(
    process_env: dict[str, str],
    broker_url: str,
    prepared_var: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[House]:
    """The files as broker go with SQLite, the servers with PostgreSQL where one answers, as they are deployed."""
    env = {**process_env, "CELERY_BROKER_URL": broker_url}
    if broker_url.startswith("filesystem") or find_postgres() is None:
        shutil.copytree(prepared_var, env["VAR_DIR"])
    else:
        env |= {"DATABASE_URL": request.getfixturevalue("prepared_database"), "INSTANCE_ID": "tests"}
    yield from _live_in(House(env, tmp_path))


@pytest.fixture
def small_house(process_env: dict[str, str], prepared_var: Path, tmp_path: Path) -> Iterator[House]:
    """SQLite, and a broker that the test names itself."""
    shutil.copytree(prepared_var, process_env["VAR_DIR"])
    yield from _live_in(House({**process_env, "CELERY_BROKER_URL": "filesystem://"}, tmp_path))


def _live_in(house: House) -> Iterator[House]:
    try:
        yield house
    finally:
        house.stop()
