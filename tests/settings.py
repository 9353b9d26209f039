"""The project's settings with nothing of the machine's in them: neither its environment nor its .env."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import environ

EXAMPLE = Path(__file__).parent.parent / ".env.example"
for _line in EXAMPLE.read_text().splitlines():
    _name = _line.lstrip("# ").partition("=")[0]
    if _name.isupper() and _name.isidentifier():
        os.environ.pop(_name, None)

_var = tempfile.mkdtemp(prefix="leadmirror-tests-")
_owner = os.getpid()


@atexit.register
def _remove_var() -> None:
    if os.getpid() == _owner:
        shutil.rmtree(_var, ignore_errors=True)


os.environ |= {
    "SECRET_KEY": "tests-only",
    "FIELD_ENCRYPTION_KEYS": "tests-only-encryption",
    "HASH_KEY": "tests-only-hash",
    "VAR_DIR": _var,
    "CELERY_BROKER_URL": "memory://",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
}
if os.environ.get("TEST_DATABASE") == "postgres":
    from tests.services import find_postgres

    os.environ["DATABASE_URL"] = find_postgres() or "postgres://nobody@127.0.0.1:1/none"
    os.environ["INSTANCE_ID"] = "tests"

with mock.patch.object(environ.Env, "read_env"):
    from leadmirror.settings import *  # noqa: F403
    from leadmirror.settings import DATABASES, IS_SQLITE

# What this process was given is not for the processes that tests start: they say themselves what they need.
for _name in (
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "HASH_KEY",
    "VAR_DIR",
    "CELERY_BROKER_URL",
    "DATABASE_URL",
):
    os.environ.pop(_name, None)

# A file, because threads share it; its own for every process, because runs may overlap.
_name = f"{_var}/tests.sqlite3" if IS_SQLITE else f"test_leadmirror_{os.getpid()}"
DATABASES["default"]["TEST"] = {"NAME": _name}
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
