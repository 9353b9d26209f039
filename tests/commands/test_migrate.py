"""A migration hands out no id twice."""

import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from leads.models import Lead
from leads.models import installation as here
from leads.models.installation import highest_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh_connection(transactional_db):
    """A table cannot be made anew while a cursor is open on it, as one that a test left behind may be."""
    connection.close()


def add_lead() -> Lead:
    now = timezone.now()
    return Lead.objects.create(listed_at=now, first_seen_at=now, changed_at=now)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("erased", [1, 2])
@pytest.mark.parametrize("command", ["migrate", "bootstrap"])
def test_a_table_that_is_rebuilt_goes_on_where_its_ids_were(monkeypatch, command, erased, fails):
    ids = [add_lead().pk for _ in range(2)]
    Lead.objects.filter(pk__in=ids[-erased:]).delete()
    migrate = MigrationExecutor.migrate

    def rebuild(self, *args, **kwargs):
        state = migrate(self, *args, **kwargs)
        with connection.schema_editor() as editor:
            # What most changes of a table are on SQLite. PostgreSQL knows no such thing.
            getattr(editor, "_remake_table", lambda model: None)(Lead)
        if fails:
            raise RuntimeError("the next migration failed")
        return state

    monkeypatch.setattr(MigrationExecutor, "migrate", rebuild)
    try:
        call_command(command, verbosity=0)
    except RuntimeError:
        assert fails
    assert highest_id(Lead) == ids[-1]
    assert add_lead().pk == ids[-1] + 1


def test_a_restored_database_is_told_also_after_it_was_migrated(settings, tmp_path):
    settings.VAR_DIR, settings.INSTANCE_ID = tmp_path, ""
    add_lead()
    assert here.mismatch() == ""
    ahead = {here.identity(): {"leads_lead": highest_id(Lead) + 1}}
    (tmp_path / "marks.json").write_text(json.dumps(ahead))
    call_command("migrate", verbosity=0)
    assert here.mismatch() == here.RESTORED
