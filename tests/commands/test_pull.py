"""`manage.py pull`: what is new, back-fills, and one clear line where something is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from leads.models import Connection, Copy, Lead, Run, Window
from leads.sync import pulling
from leads.sync.claiming import Claim
from tests.sync.avivs import sandbox_connection

pytestmark = pytest.mark.django_db(transaction=True)
DAY = 86_400


@pytest.fixture
def aviv(sandbox):
    return sandbox_connection(sandbox)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pulling, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr("leads.management.commands.pull.LONGEST_REST", 0.02)


def run_pull(capsys, *arguments):
    call_command("pull", *arguments)
    last = capsys.readouterr().out.splitlines()[-1]
    return {name: int(number) for name, number in (pair.split("=") for pair in last.split())}


def test_without_options_it_reads_what_is_new(sandbox, aviv, capsys):
    sandbox.add_aviv_lead()
    counts = run_pull(capsys)
    assert (counts["created"], counts["unchanged"]) == (1, 0)
    sandbox.add_aviv_lead()
    counts = run_pull(capsys)
    assert (counts["created"], counts["unchanged"], counts["windows"], counts["pages"]) == (1, 1, 1, 1)


def test_with_since_it_reads_everything_from_then_on_once(sandbox, aviv, capsys):
    sandbox.seed_aviv(90, 500)
    since = (timezone.now() - timedelta(days=91)).date().isoformat()
    assert run_pull(capsys, "--since", since)["created"] == 500
    assert Copy.objects.count() == 500
    assert run_pull(capsys, "--since", since)["created"] == 0
    assert Run.objects.filter(state=Run.DONE).count() == 2


def test_until_ends_it(sandbox, aviv, capsys):
    now = timezone.now()
    for days in (80, 70, 60):
        sandbox.add_aviv_lead(ingested_at=now.timestamp() - days * DAY)
    since, until = (now - timedelta(days=75)).isoformat(), (now - timedelta(days=65)).isoformat()
    assert run_pull(capsys, "--since", since, "--until", until)["created"] == 1


def test_faults_that_pass_are_tried_again(sandbox, aviv, capsys):
    sandbox.seed_aviv(20, 300)
    sandbox.fault("status", status=503, times=None, probability=0.3, path="/leads")
    since = (timezone.now() - timedelta(days=21)).isoformat()
    run_pull(capsys, "--since", since)
    assert Copy.objects.count() == 300


def test_a_fault_that_stays_ends_it_with_one_line_and_keeps_what_was_read(sandbox, aviv, capsys):
    sandbox.seed_aviv(2, 250)
    sandbox.fault("status", status=503, times=None, path="/leads", skip=7)
    with pytest.raises(CommandError, match="AVIV"):
        run_pull(capsys)
    assert Copy.objects.count() == 200


def test_it_waits_for_another_pull_and_goes_on_when_that_one_is_dead(sandbox, aviv, capsys, settings):
    settings.PUSH_LEASE_SECONDS = 1.0
    sandbox.add_aviv_lead()
    assert Claim.take(aviv, timezone.now()) is not None
    assert run_pull(capsys)["created"] == 1


def test_every_aviv_connection_is_pulled(sandbox, aviv, capsys):
    sandbox_connection(sandbox, "Second", intermediary_id="second")
    sandbox.add_aviv_lead(agency="second")
    sandbox.add_aviv_lead(agency="")
    assert run_pull(capsys)["created"] == 4
    assert Lead.objects.count() == 4


def test_a_refused_key_is_one_clear_line(sandbox, aviv, capsys):
    sandbox.set_aviv_client("somebody", "else")
    with pytest.raises(CommandError, match="sign-in"):
        run_pull(capsys)
    with pytest.raises(CommandError, match="sign-in"):
        run_pull(capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday"], "no date or time"),
        (["--since", "2026-13-45"], "no date or time"),
        (["--since", "2999-01-01"], "in the past"),
        (["--since", "1999-01-01"], "ten years"),
        (["--until", "2026-01-01"], "--until needs --since"),
        (["--connection", "999"], "no AVIV connection 999"),
    ],
)
def test_wrong_arguments_are_told(aviv, capsys, arguments, words):
    with pytest.raises(CommandError, match=words):
        run_pull(capsys, *arguments)


def test_without_a_connection_it_says_what_to_set(capsys):
    with pytest.raises(CommandError, match="AVIV_CLIENT_ID"):
        run_pull(capsys)


def test_a_paused_run_goes_on_with_the_same_command(sandbox, aviv, capsys):
    sandbox.seed_aviv(20, 100)
    since = (timezone.now() - timedelta(days=21)).isoformat()
    run_pull(capsys)
    run = pulling_run(aviv, since)
    run.pause()
    assert run_pull(capsys, "--since", since)["created"] == 0
    run.refresh_from_db()
    assert run.state == Run.DONE
    assert Window.objects.filter(run=run, read_at__isnull=True).count() == 0


def pulling_run(aviv, since):
    from django.utils.dateparse import parse_datetime

    from leads.sync import backfilling

    account = Connection.objects.get(pk=aviv.pk)
    return backfilling.start(account, parse_datetime(since), None, actor="ada", now=timezone.now())
