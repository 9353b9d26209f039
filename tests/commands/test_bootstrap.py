"""bootstrap makes an installation ready, and may be repeated."""

import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from leads.models import Access, Budget, Connection
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _unconnected(settings):
    settings.LEADPRO_API_KEY = settings.AVIV_CLIENT_ID = settings.AVIV_BEARER_TOKEN = ""
    settings.ALTERESTATE_API_KEY = ""
    settings.ADMIN_USERNAME = settings.ADMIN_PASSWORD = settings.ADMIN_EMAIL = ""


def test_it_makes_the_environments_connection_once(db, settings, capsys):
    call_command("bootstrap")
    settings.LEADPRO_BASE_URL = "https://elsewhere.example/api"
    call_command("bootstrap")
    connection = Connection.objects.get()
    assert (connection.name, connection.from_environment) == ("Lead.pro", True)
    assert connection.base_url == "https://elsewhere.example/api"
    assert Budget.objects.get().connection == connection
    assert "not connected (LEADPRO_API_KEY is not set)" in capsys.readouterr().out


def test_a_renamed_connection_and_its_webhook_address_stay(db):
    call_command("bootstrap")
    Connection.objects.update(name="Our account")
    secret = Connection.objects.get().webhook_secret
    call_command("bootstrap")
    assert (Connection.objects.get().name, Connection.objects.get().webhook_secret) == ("Our account", secret)


def test_other_remotes_get_a_connection_once_there_are_credentials_and_keep_it(db, settings, capsys):
    settings.AVIV_BEARER_TOKEN, settings.ALTERESTATE_API_KEY = "fixed", "key"
    call_command("bootstrap")
    settings.AVIV_BASE_URL = "https://aviv.example.org/v1"
    settings.ALTERESTATE_API_KEY = ""
    call_command("bootstrap")
    rows = Connection.objects.exclude(remote="leadpro").order_by("remote")
    assert [(row.remote, row.name, row.from_environment, row.is_connected) for row in rows] == [
        ("alterestate", "AlterEstate", True, False),
        ("aviv", "AVIV Seeker Leads", True, True),
    ]
    assert rows[1].base_url == "https://aviv.example.org/v1"
    assert "AlterEstate: not connected (its credentials are not set)." in capsys.readouterr().out


def test_it_makes_the_first_superuser_and_never_changes_a_password(db, settings):
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "chief", "first-password"
    call_command("bootstrap")
    settings.ADMIN_PASSWORD = "second-password"
    call_command("bootstrap")
    user = get_user_model().objects.get()
    assert user.is_superuser
    assert user.check_password("first-password")
    assert Access.objects.get().role == Access.ADMIN


def test_a_superuser_without_a_password_is_not_made(db, settings):
    settings.ADMIN_USERNAME = "chief"
    with pytest.raises(CommandError, match="ADMIN_PASSWORD is not set, so chief was not made"):
        call_command("bootstrap")
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SECRET_KEY": ""}, "Not started: SECRET_KEY is not set."),
        (
            {"HTTP_TIMEOUT_SECONDS": "soon"},
            "Not started: HTTP_TIMEOUT_SECONDS is 'soon', which cannot be read.",
        ),
        (
            {"HTTP_TIMEOUT_SECONDS": "0"},
            "Not started: HTTP_TIMEOUT_SECONDS and HTTP_TOTAL_SECONDS must be more",
        ),
        ({"TIME_ZONE": "Mars/Base"}, "Not started: TIME_ZONE is 'Mars/Base', which is no time zone"),
        (
            {"LEADPRO_STATUS_BY": "colour"},
            "Not started: LEADPRO_STATUS_BY is 'colour'; it must be name or id.",
        ),
        (
            {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "INSTANCE_ID": "x"},
            "CommandError: The database",
        ),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}, "Not started: INSTANCE_ID is not set."),
    ],
)
def test_what_cannot_work_is_one_line_on_stderr(process_env, change, words):
    process_env |= change
    done = subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        check=False,
        cwd=ROOT,
        env=process_env,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.startswith(words)
    assert len(done.stderr.splitlines()) == 1


def test_a_command_before_bootstrap_says_what_to_do(process_env):
    done = subprocess.run(
        [sys.executable, "manage.py", "webhook_urls"],
        check=False,
        cwd=ROOT,
        env=process_env,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "CommandError: The database is not ready for this version. Run: manage.py bootstrap\n"
    )
