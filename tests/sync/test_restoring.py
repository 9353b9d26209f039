"""Copied and restored databases send nothing until somebody says they may."""

from __future__ import annotations

import json
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings as SettingsWrapper

from integrations.sandbox import Sandbox
from leads.models import Attempt, Change, Connection, Lead, Origin, Push, Rule
from leads.models import installation as here
from leads.sync import pushing, rulemaking
from leads.sync.restoring import after_restore, stop_where_not_ours

pytestmark = pytest.mark.django_db(transaction=True)
ADA = {
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "type": "sale",
}


@pytest.fixture(autouse=True)
def own_var_dir(settings: SettingsWrapper, tmp_path: Path) -> Path:
    """A folder for identity and marks that no other test knows."""
    settings.VAR_DIR, settings.INSTANCE_ID = tmp_path, ""
    return tmp_path


def ask(leadpro: Connection) -> Push:
    return pushing.request_create(ADA, connection=leadpro, origin=Origin.API, now=timezone.now())


def test_an_ordinary_installation_adopts_its_empty_database_and_sends(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    push = ask(leadpro)
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    assert (push.state, here.mismatch()) == ("done", "")
    assert len(sandbox.leads) == 1


def test_a_copied_database_sends_nothing_and_says_so(
    sandbox: Sandbox, leadpro: Connection, settings: SettingsWrapper
) -> None:
    push = ask(leadpro)
    assert here.mismatch() == ""
    settings.INSTANCE_ID = "the staging machine"
    assert here.mismatch() == here.COPIED
    pushing.deliver_due(leadpro, until=timezone.now() + timedelta(seconds=5))
    push.refresh_from_db()
    leadpro.refresh_from_db()
    assert (push.state, sandbox.leads) == ("waiting", [])
    assert (leadpro.state, leadpro.reason) == ("paused", here.COPIED)


def test_a_database_behind_the_marks_is_a_restored_one(leadpro: Connection) -> None:
    ask(leadpro)
    assert here.mismatch() == ""
    here.keep_marks()
    marks = here.read_marks()
    assert marks["leads_push"] == here.highest_id(Push) and marks["leads_change"] == here.highest_id(Change)
    here._marks_file().write_text(json.dumps({here.identity(): {"leads_push": marks["leads_push"] + 1}}))
    assert here.mismatch() == here.RESTORED


def test_a_missing_marks_file_is_no_mismatch(leadpro: Connection) -> None:
    ask(leadpro)
    assert here.mismatch() == ""
    here.keep_marks()
    here._marks_file().unlink()
    assert here.mismatch() == ""


def test_marks_that_cannot_be_read_are_not_taken_for_none(
    sandbox: Sandbox, leadpro: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = ask(leadpro)
    assert here.mismatch() == ""
    here.keep_marks()
    ahead = json.dumps({here.identity(): {table: n + 1000 for table, n in here.read_marks().items()}})
    here._marks_file().write_text(ahead)
    read_text = Path.read_text

    def deny(file: Path, *args: str) -> str:
        if file.name == "marks.json":
            raise PermissionError(13, "Permission denied")
        return read_text(file, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", deny)
        pushing.deliver_push(push.pk)
    leadpro.refresh_from_db()
    assert leadpro.reason == (
        f"Nothing is sent: whether a backup was restored cannot be told, because {here._marks_file()} cannot be read"
        " (Permission denied). What was saved here is kept. Make the file readable and resume the connection; if it is"
        " damaged, run: manage.py after_restore"
    )
    assert (sandbox.leads, here._marks_file().read_text()) == ([], ahead)


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"%s": 5}', '{"%s": {"leads_push": "many"}}'])
def test_torn_marks_stop_sending_until_after_restore(
    sandbox: Sandbox, leadpro: Connection, torn: str
) -> None:
    push = ask(leadpro)
    assert here.mismatch() == ""
    torn = torn.replace("%s", here.identity())
    here._marks_file().write_text(torn)
    pushing.deliver_push(push.pk)
    leadpro.refresh_from_db()
    assert (leadpro.is_paused, sandbox.leads, here._marks_file().read_text()) == (True, [], torn)
    assert "(it is damaged)" in leadpro.reason
    after_restore(timezone.now())
    leadpro.refresh_from_db()
    assert (here.mismatch(), leadpro.is_paused) == ("", False)
    assert here.read_marks()["leads_push"] == push.pk + here.WITHOUT_MARKS


def test_after_restore_looks_up_first_and_a_lead_that_arrived_is_adopted(
    sandbox: Sandbox, leadpro: Connection, settings: SettingsWrapper
) -> None:
    push = ask(leadpro)
    pushing.deliver_push(push.pk)
    Push.objects.update(
        state="waiting", remote_id="", settled_at=None, attempts=0, claimed_at=None, safe_at=None
    )
    lead = Lead.objects.get()
    lead.copies.all().delete()
    Lead.objects.update(leadpro_id=None)
    settings.INSTANCE_ID = "restored"
    assert here.mismatch() == here.COPIED
    assert after_restore(timezone.now()).looked_up_first == 1
    sandbox.clear_log()
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    assert push.state == "done" and len(sandbox.leads) == 1
    assert {entry.method for entry in sandbox.log} == {"GET"}
    assert Lead.objects.get().leadpro_id == sandbox.leads[0]["id"]


def test_after_restore_no_id_is_handed_out_twice(leadpro: Connection) -> None:
    ask(leadpro)
    here.mismatch()
    here.keep_marks()
    marks = {table: number + 50 for table, number in here.read_marks().items()}
    here._marks_file().write_text(json.dumps({here.identity(): marks}))
    assert here.mismatch() == here.RESTORED
    after_restore(timezone.now())
    assert here.mismatch() == ""
    lead = Lead.objects.create(
        listed_at=timezone.now(), first_seen_at=timezone.now(), changed_at=timezone.now()
    )
    assert lead.pk == marks["leads_lead"] + 1


@pytest.mark.parametrize(
    "behind", [["leads_attempt"], []], ids=["something was sent since", "nothing was sent since"]
)
def test_before_after_restore_nothing_that_people_save_bears_a_used_id(
    leadpro: Connection, sandbox: Sandbox, behind: list[str]
) -> None:
    ask(leadpro)
    here.keep_marks()
    ahead = ["leads_lead", "leads_push", "leads_change", *behind]
    marks = {table: number + 50 * (table in ahead) for table, number in here.read_marks().items()}
    here._marks_file().write_text(json.dumps({here.identity(): marks}))
    assert stop_where_not_ours(timezone.now())
    push = ask(leadpro)
    assert (push.pk, push.lead_id) == (marks["leads_push"] + 1, marks["leads_lead"] + 1)
    assert Change.objects.latest("pk").pk == marks["leads_change"] + 1
    assert stop_where_not_ours(timezone.now()), "it is still known to be restored"
    pushing.deliver_due(leadpro)
    assert sandbox.leads == []
    after_restore(timezone.now())
    assert not stop_where_not_ours(timezone.now())
    assert here.highest_id(Attempt) >= max(marks["leads_attempt"], 1)


def test_after_restore_without_marks_ids_jump_by_a_million(leadpro: Connection) -> None:
    push = ask(leadpro)
    before = push.pk
    after_restore(timezone.now())
    assert ask(leadpro).pk == before + here.WITHOUT_MARKS + 1


def test_after_restore_rules_are_off_until_a_person_has_looked(leadpro: Connection) -> None:
    crm = Connection.objects.create(remote="alterestate", name="CRM")
    rule = rulemaking.save_rule(
        Rule(name="on", target=crm, is_on=True), actor="Grace", now=timezone.now() - timedelta(days=1)
    )
    assert after_restore(timezone.now()).rules_off == 1
    assert after_restore(timezone.now()).rules_off == 0
    rule.refresh_from_db()
    assert (rule.is_on, [one.actor for one in rule.versions.all()]) == (False, ["after_restore", "Grace"])


def test_the_identity_is_made_once_and_kept(own_var_dir: Path) -> None:
    first = here.identity()
    assert first == here.identity() == (own_var_dir / "instance_id").read_text()
    assert len(first) == 32


@pytest.mark.parametrize("torn", ["", " \n"])
def test_an_identity_that_was_never_written_to_its_end_is_none(own_var_dir: Path, torn: str) -> None:
    (own_var_dir / "instance_id").write_text(torn)
    first = here.identity()
    assert len(first) == 32 and first == here.identity() == (own_var_dir / "instance_id").read_text()
    assert here.mismatch() == ""
    (own_var_dir / "instance_id").write_text(torn)
    assert here.mismatch() == here.COPIED


def test_an_identity_is_there_whole_or_not_at_all(own_var_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        here.identity()
    assert [file.name for file in own_var_dir.iterdir()] == ["instance_id.lock"]


def test_processes_that_start_together_share_one_identity(own_var_dir: Path) -> None:
    together, found = threading.Barrier(4), list[str]()

    def start() -> None:
        together.wait()
        found.append(here.identity())

    for _ in range(20):
        found.clear()
        (own_var_dir / "instance_id").unlink(missing_ok=True)
        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [here.identity()] * 4
