"""sync_reference, refresh, import_leads and check_connections, against the sandbox."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from leads.models import Connection, Copy, Lead, Office, Run, Status

pytestmark = pytest.mark.django_db(transaction=True)


def last_line(capsys):
    return capsys.readouterr().out.strip().splitlines()[-1]


def test_sync_reference_counts_what_it_read(leadpro, sandbox, capsys):
    call_command("sync_reference")
    assert last_line(capsys) == "connections=1 offices=7 statuses=14 failed=0"
    assert (Office.objects.count(), Status.objects.count()) == (7, 14)


def test_sync_reference_without_a_key_says_so():
    with pytest.raises(CommandError, match="No Lead.pro connection has a key"):
        call_command("sync_reference")


def test_sync_reference_of_a_failing_remote_fails_and_keeps_the_lists(leadpro, sandbox, capsys):
    call_command("sync_reference")
    sandbox.fault("status", path="/offices", status=500, times=None)
    with pytest.raises(CommandError, match="1 of 1 connections could not be read"):
        call_command("sync_reference")
    assert Office.objects.filter(is_gone=False).count() == 7


def test_refresh_by_id_reads_what_is_there_and_names_what_is_not(leadpro, sandbox, capsys):
    one, two = sandbox.add_lead()["id"], sandbox.add_lead(email="grace@example.org")["id"]
    with pytest.raises(CommandError, match="1 of 3 leads could not be read"):
        call_command("refresh", "--id", str(one), "999", str(two))
    out = capsys.readouterr()
    assert out.out.strip() == "created=2 changed=0 unchanged=0 missing=1 failed=0"
    assert out.err.strip() == "Lead 999: Lead.pro has no lead with this id. What is here is kept."
    assert set(Lead.objects.values_list("leadpro_id", flat=True)) == {one, two}


def test_refresh_goes_on_after_a_lead_that_fails(leadpro, sandbox, capsys):
    one, two = sandbox.add_lead()["id"], sandbox.add_lead(email="grace@example.org")["id"]
    sandbox.fault("status", path=f"/leads/{one}", status=500, times=None)
    with pytest.raises(CommandError, match="1 of 2 leads could not be read"):
        call_command("refresh", "--id", str(one), str(two))
    assert last_line(capsys) == "created=1 changed=0 unchanged=0 missing=0 failed=1"


def test_refresh_by_contact_takes_any_spelling(leadpro, sandbox, capsys):
    sandbox.add_lead(phone="07700 900123")
    call_command("refresh", "--phone", "07700 900123", "--last-name", "Example")
    assert last_line(capsys) == "found=1"
    call_command("refresh", "--email", "nobody@example.org")
    assert last_line(capsys) == "found=0"


def test_refresh_all_reads_every_lead_again(leadpro, sandbox, capsys):
    ids = [sandbox.add_lead(email=f"p{n}@example.org")["id"] for n in range(5)]
    call_command("refresh", "--id", *map(str, ids))
    sandbox.staff_edit(ids[0], status="Contacted")
    call_command("refresh", "--all")
    assert last_line(capsys) == "total=5 done=5 failed=0"
    assert Lead.objects.get(leadpro_id=ids[0]).status == "Contacted"


def test_refresh_due_reads_what_is_due(leadpro, sandbox, capsys):
    lead_id = sandbox.add_lead()["id"]
    call_command("refresh", "--id", str(lead_id))
    # The lead's person was never looked up, so that is due at once.
    call_command("refresh", "--due")
    assert last_line(capsys) == "created=0 changed=0 unchanged=1 missing=0 failed=0"
    sandbox.staff_edit(lead_id, status="Contacted")
    call_command("refresh", "--due")
    assert last_line(capsys) == "created=0 changed=0 unchanged=0 missing=0 failed=0"
    Copy.objects.update(last_attempt_at=Copy.objects.get().seen_at - timedelta(days=200))
    call_command("refresh", "--due")
    assert last_line(capsys) == "created=0 changed=1 unchanged=0 missing=0 failed=0"


@pytest.mark.parametrize("ways", [[], ["--due", "--all"], ["--id", "1", "--email", "a@example.org"]])
def test_refresh_wants_exactly_one_way(leadpro, ways):
    with pytest.raises(CommandError, match="Say what to read"):
        call_command("refresh", *ways)


def test_refresh_of_a_paused_connection_gives_its_reason(leadpro, sandbox, capsys):
    Connection.objects.update(state="paused", reason="Lead.pro refuses our key since 09:10.")
    with pytest.raises(CommandError, match="refuses our key since 09:10"):
        call_command("refresh", "--id", "1")


def test_import_fetches_each_row_and_lists_the_bad_ones(leadpro, sandbox, tmp_path, capsys):
    first, second = sandbox.add_lead(), sandbox.add_lead(email="grace@example.org", phone="01632 960777")
    file = tmp_path / "leads.csv"
    file.write_text(f"Lead ID;Email;Phone\n{first['id']};;\n;grace@example.org;\n;nonsense;\nx;;\n999;;\n")
    call_command("import_leads", str(file))
    out = capsys.readouterr()
    assert out.out.strip() == "total=5 done=2 failed=3 bad_rows=2"
    assert set(Lead.objects.values_list("leadpro_id", flat=True)) == {first["id"], second["id"]}
    lines = (tmp_path / "leads.errors.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["line", "4", "5", "6"]


def test_import_with_a_column_named(leadpro, sandbox, tmp_path, capsys):
    lead = sandbox.add_lead()
    file = tmp_path / "leads.csv"
    file.write_text(f"Ref,Other\n{lead['id']},x\n")
    call_command("import_leads", str(file), "--map", "leadpro_id=Ref")
    assert last_line(capsys) == "total=1 done=1 failed=0 bad_rows=0"


def test_import_in_the_background_only_lays_out_the_run(leadpro, sandbox, tmp_path, capsys):
    file = tmp_path / "leads.csv"
    file.write_text(f"id\n{sandbox.add_lead()['id']}\n")
    call_command("import_leads", str(file), "--background")
    assert Run.objects.get().state == Run.WAITING
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", [], "The file is empty"),
        ("a,b\n1,2\n", [], "No column holds"),
        ("id\n", [], "has a header but no rows"),
        ("id\n1\n", ["--map", "leadpro_id"], "is not FIELD=COLUMN"),
        ("id\n1\n", ["--map", "colour=id"], "it can name"),
    ],
)
def test_an_unusable_file_is_one_sentence(leadpro, tmp_path, text, options, words):
    file = tmp_path / "leads.csv"
    file.write_text(text)
    with pytest.raises(CommandError, match=words):
        call_command("import_leads", str(file), *options)
    assert not Run.objects.exists()


def test_import_into_a_paused_connection_keeps_the_run(leadpro, tmp_path):
    Connection.objects.update(state="paused", reason="The address is wrong.")
    file = tmp_path / "leads.csv"
    file.write_text("id\n1\n")
    with pytest.raises(CommandError, match=r"The address is wrong. Run \d+ is kept and goes on"):
        call_command("import_leads", str(file))


def test_check_connections_shows_what_works(leadpro, sandbox, capsys):
    Connection.objects.create(remote="leadpro", name="Second brand")
    call_command("check_connections")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["leadpro", "Lead.pro", "works", "Works:", "7", "offices."]
    assert lines[2][:5] == ["leadpro", "Second", "brand", "-", "Not"]


def test_check_connections_lists_every_remote_and_calls_nothing_tried_that_was_not(leadpro, sandbox, capsys):
    for remote, secret, base_url in (
        ("aviv", "fixed-token", sandbox.aviv_url),
        ("alterestate", "a-key", sandbox.alterestate_url),
    ):
        connection = Connection(remote=remote, name=remote.upper(), base_url=base_url)
        connection.set_secret(secret)
        connection.save()
    sandbox.set_aviv_bearer("fixed-token")
    call_command("check_connections")
    lines = capsys.readouterr().out.splitlines()
    assert "works" in lines[2]
    assert lines[2].endswith("Works: signed in, and leads can be read.")
    assert lines[3].split()[:3] == ["alterestate", "ALTERESTATE", "untried"]


def test_check_connections_fails_with_a_refused_key_and_resumes_with_a_good_one(leadpro, sandbox, capsys):
    sandbox.set_api_key("another-key")
    Connection.objects.update(state="paused", reason="Refused.", reason_code="credentials")
    with pytest.raises(CommandError, match="1 of 1 connections do not work"):
        call_command("check_connections")
    sandbox.set_api_key("sandbox-key")
    call_command("check_connections")
    leadpro.refresh_from_db()
    assert leadpro.state == Connection.OK
