"""A throw-away database of the project for one process. `make bench` runs the files beside this one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


@contextmanager
def postgres_database() -> Iterator[str | None]:
    """URL of an empty PostgreSQL database, or None where no server answers; dropped afterwards."""
    name = f"leadmirror_bench_{uuid4().hex[:8]}"
    try:
        admin = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        yield None
        return
    with admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{SERVER.rpartition('/')[0]}/{name}"
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def environment(var_dir: str, database_url: str | None, **more: str) -> dict[str, str]:
    """The environment of a process of the project that touches nothing of yours."""
    mine = {"LOG_LEVEL": "WARNING"} | {
        k: v for k, v in os.environ.items() if not k.startswith(("LEADPRO_", "DATABASE_", "CELERY_"))
    }
    mine |= {"DEBUG": "0", "SECRET_KEY": "bench", "FIELD_ENCRYPTION_KEYS": "bench", "HASH_KEY": "bench"}
    mine |= {
        "VAR_DIR": var_dir,
        "INSTANCE_ID": "bench",
        "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "DJANGO_SETTINGS_MODULE": "leadmirror.settings",
        **more,
    }
    return mine | ({"DATABASE_URL": database_url} if database_url else {})


def run_on_each_database(module: str, *arguments: str) -> None:
    """Run ``python -m module --database NAME`` in a fresh process for SQLite and, where it answers, PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="leadmirror-bench-") as folder, postgres_database() as url:
        for name, database_url in (("SQLite", None), ("PostgreSQL", url)):
            if name == "PostgreSQL" and url is None:
                print("PostgreSQL: skipped, no server answers (TEST_POSTGRES_URL).")
                continue
            subprocess.run(
                [sys.executable, "-m", module, "--database", name, *arguments],
                env=environment(str(Path(folder) / name), database_url),
                check=True,
            )


def set_up() -> None:
    """Django, ready, with an empty and migrated database."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
