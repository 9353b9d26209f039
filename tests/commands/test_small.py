"""create_api_key, webhook_urls, make_leads and sandbox."""

import signal
import subprocess
import sys
import urllib.request

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from leads.management.progress import Progress
from leads.models import ApiKey, Change, Connection, Copy, Lead
from tests.conftest import ROOT


def test_create_api_key_prints_the_key_and_nothing_else(db, capsys):
    call_command("create_api_key", "crm", "--scopes", "leads:read, leads:write", "--offices", "375,42")
    out = capsys.readouterr()
    assert (len(out.out.split()), out.err) == (1, "")
    key = ApiKey.find(out.out.strip())
    assert key is not None
    assert (key.name, key.scopes, key.office_ids) == ("crm", ["leads:read", "leads:write"], [375, 42])
    assert out.out.strip() not in key.hash


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scopes", "leads:delete"], "Unknown scope leads:delete"),
        (["--scopes", ""], "Unknown scope"),
        (["--scopes", "leads:read", "--offices", "Leeds"], "'Leeds' is no office id"),
        (["--scopes", "leads:read", "--offices", ","], "--offices is empty"),
    ],
)
def test_create_api_key_refuses_what_it_does_not_know(db, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("create_api_key", "crm", *options)
    assert not ApiKey.objects.exists()


def test_webhook_urls_prints_a_line_per_connection(db, capsys):
    row = Connection.objects.create(remote="leadpro", name="Lead.pro")
    portal = Connection.objects.create(remote="aviv", name="Lyon")
    Connection.objects.create(remote="alterestate", name="AlterEstate")
    call_command("webhook_urls")
    assert capsys.readouterr().out.splitlines() == [
        f"leadpro Lead.pro /webhooks/{row.webhook_secret}/",
        f"aviv Lyon /webhooks/{portal.webhook_secret}/",
    ]


def test_make_leads_stores_leads_that_look_real(db, capsys):
    call_command("make_leads", "60")
    call_command("make_leads", "40")
    assert capsys.readouterr().out == "leads=60\nleads=40\n"
    assert (Lead.objects.count(), Copy.objects.count(), Change.objects.count()) == (100, 100, 100)
    assert Lead.objects.exclude(email=None).exclude(email__regex="@example.(org|com)$").count() == 0
    assert Lead.objects.values("office_id").distinct().count() >= 5
    assert not Connection.objects.get().is_connected


def test_make_leads_wants_a_number_above_zero(db):
    with pytest.raises(CommandError, match="N must be 1 or more"):
        call_command("make_leads", "0")


class Terminal:
    """A stream that claims to be a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


def test_a_progress_bar_is_for_terminals_alone(capsys):
    terminal = Terminal()
    Progress(4, terminal).show(2, last=True)
    assert terminal.text == "\r[###############...............] 2/4\n"
    Progress(4, sys.stderr).show(2, last=True)
    assert capsys.readouterr().err == ""


@pytest.mark.serial
def test_the_sandbox_command_serves_until_it_is_told_to_stop(process_env):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sandbox", "--port", "0", "--api-key", "k", "--leads", "3"],
        cwd=ROOT,
        env=process_env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        url = line.split()[4].rstrip(",")
        request = urllib.request.Request(f"{url}/offices", headers={"x-api-key": "k"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stdout.close()
