"""What a read does to the mirror."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.errors import UnexpectedPayload
from leads.models import Cause, Change, Connection, Copy, Lead, Push, Stage, Status, SyncState
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def account() -> Connection:
    """A connection that nothing calls."""
    return Connection.objects.create(remote="leadpro", name="Lead.pro", base_url="http://127.0.0.1:9")


def show(
    account: Connection, *payloads: dict[str, object], at: datetime = T0, cause: Cause = Cause.REFRESH
) -> list[str]:
    seen = [Seen(payload, at) for payload in payloads]
    return [row.outcome for row in store(account, seen, cause, now=at + timedelta(seconds=1))]


def test_a_new_lead_fills_every_column_and_appears_once_in_the_history(account: Connection) -> None:
    assert show(account, lead_object(18376)) == ["created"]
    lead = Lead.objects.get()
    assert (lead.leadpro_id, lead.email, lead.phone, lead.office_id) == (
        18376,
        "ada@example.org",
        "07700 900123",
        375,
    )
    assert lead.created_at == datetime(2026, 2, 25, 8, 25, 47, 38000, tzinfo=UTC) == lead.listed_at
    assert (lead.sync_state, lead.origin, lead.phone_key) == ("in_sync", "leadpro", "+447700900123")
    change = Change.objects.get()
    assert change.fields["status"] == [None, "New"]
    assert change.fields["created_at"] == [None, "2026-02-25T08:25:47.038Z"]
    assert (change.cause, change.office_before, change.office_after) == ("refresh", None, 375)


def test_the_same_news_twice_moves_nothing_but_seen_at(account: Connection) -> None:
    show(account, lead_object(1))
    before = Lead.objects.values().get()
    later = T0 + timedelta(hours=1)
    assert show(account, lead_object(1), at=later) == ["unchanged"]
    assert Lead.objects.values().get() == before
    copy = Copy.objects.get()
    assert (copy.seen_at, copy.changed_at) == (later, T0 + timedelta(seconds=1))
    assert Change.objects.count() == 1


def test_key_order_is_no_change(account: Connection) -> None:
    show(account, lead_object(1))
    assert show(account, dict(reversed(lead_object(1).items())), at=T0 + timedelta(minutes=1)) == [
        "unchanged"
    ]


def test_a_changed_field_is_recorded_with_its_old_value_and_cause(account: Connection) -> None:
    show(account, lead_object(1))
    assert show(
        account,
        lead_object(1, status="Contacted", office_id=42),
        at=T0 + timedelta(minutes=5),
        cause=Cause.WEBHOOK,
    ) == ["changed"]
    change = Change.objects.first()
    assert change is not None
    assert change.fields == {"status": ["New", "Contacted"], "office_id": [375, 42]}
    assert (change.cause, change.office_before, change.office_after) == ("webhook", 375, 42)
    lead = Lead.objects.get()
    assert (lead.status, lead.version, lead.changed_at) == (
        "Contacted",
        2,
        T0 + timedelta(minutes=5, seconds=1),
    )


def test_older_news_never_beats_newer_news(account: Connection) -> None:
    show(account, lead_object(1, status="Contacted"), at=T0)
    assert show(account, lead_object(1, status="New"), at=T0 - timedelta(seconds=1)) == ["older"]
    assert Lead.objects.get().status == "Contacted"
    assert Copy.objects.get().seen_at == T0


def test_a_read_by_a_host_whose_clock_was_ahead_hides_no_news(account: Connection) -> None:
    show(account, lead_object(1, status="New"), at=T0 + timedelta(hours=1))
    assert show(account, lead_object(1, status="Contacted"), at=T0) == ["changed"]
    assert Lead.objects.get().status == "Contacted"
    assert Copy.objects.get().as_of == T0


def test_unknown_fields_survive_in_the_copy_and_in_the_history(account: Connection) -> None:
    show(account, lead_object(1, lead_score=7))
    show(account, lead_object(1, lead_score=9), at=T0 + timedelta(minutes=1))
    assert Copy.objects.get().raw["lead_score"] == 9
    change = Change.objects.first()
    assert change is not None and change.fields == {"lead_score": [7, 9]}


def test_missing_keys_and_nulls_are_null_columns(account: Connection) -> None:
    assert show(account, {"id": "77"}) == ["created"]
    lead = Lead.objects.get()
    assert (lead.leadpro_id, lead.email, lead.is_parent, lead.meta) == (77, None, None, None)
    assert lead.listed_at == T0 + timedelta(seconds=1)


def test_trap_09_office_ids_as_text_and_number_are_the_same(account: Connection) -> None:
    show(account, lead_object(1, office_id="1213"))
    assert Lead.objects.get().office_id == 1213
    show(account, lead_object(1, office_id=1213), at=T0 + timedelta(minutes=1))
    assert Change.objects.count() == 1


def test_trap_12_values_over_every_documented_limit_are_kept(account: Connection) -> None:
    show(account, lead_object(1, message="m" * 9000, title="t" * 80, address="a" * 400, first_name="f" * 90))
    lead = Lead.objects.get()
    assert [len(str(v)) for v in (lead.message, lead.title, lead.address, lead.first_name)] == [
        9000,
        80,
        400,
        90,
    ]


def test_trap_13_nothing_is_normalised_but_the_keys_find_any_spelling(account: Connection) -> None:
    show(account, lead_object(1, postcode="De1 1JX", phone="(07700) 900-123", email="Ada@Example.ORG"))
    lead = Lead.objects.get()
    assert (lead.postcode, lead.phone, lead.email) == ("De1 1JX", "(07700) 900-123", "Ada@Example.ORG")
    assert (lead.phone_key, lead.email_key) == ("+447700900123", "ada@example.org")


def test_a_value_of_the_wrong_type_is_kept_raw_and_said(account: Connection) -> None:
    show(account, lead_object(1, property_bedrooms="four"))
    lead = Lead.objects.get()
    assert lead.property_bedrooms is None
    assert len(lead.warnings) == 1 and "property_bedrooms" in lead.warnings[0]
    show(account, lead_object(1, property_bedrooms=4), at=T0 + timedelta(minutes=1))
    assert Lead.objects.get().warnings == []


def test_a_nul_character_is_dropped_and_the_rest_kept(account: Connection) -> None:
    show(account, lead_object(1, message="a\x00b", extra={"k\x00": ["\x00x"]}))
    assert Lead.objects.get().message == "ab"
    assert Copy.objects.get().raw["extra"] == {"k": ["x"]}


def test_a_page_with_the_same_lead_twice_keeps_the_newest(account: Connection) -> None:
    newest = Seen(lead_object(1, status="Contacted"), T0 + timedelta(seconds=5))
    rows = store(account, [newest, Seen(lead_object(1), T0)], Cause.LOOKUP, now=T0)
    assert [row.outcome for row in rows] == ["created"]
    assert Lead.objects.get().status == "Contacted"


def test_an_object_without_an_id_stores_nothing(account: Connection) -> None:
    with pytest.raises(UnexpectedPayload):
        store(account, [Seen(lead_object(1), T0), Seen({"error": "x"}, T0)], Cause.LOOKUP, now=T0)
    assert not Lead.objects.exists()


def test_a_stage_name_is_learnt_from_a_lead_that_shows_it(account: Connection) -> None:
    stage = Stage.objects.create(connection=account, stage_id=50)
    Status.objects.create(connection=account, status_id=20, name="New", stage=stage, seen_at=T0)
    show(account, lead_object(1))
    stage.refresh_from_db()
    assert stage.name == "Unread"


def test_a_status_name_in_two_stages_teaches_nothing(account: Connection) -> None:
    for number in (50, 100):
        stage = Stage.objects.create(connection=account, stage_id=number)
        Status.objects.create(connection=account, status_id=number, name="New", stage=stage, seen_at=T0)
    show(account, lead_object(1))
    assert set(Stage.objects.values_list("name", flat=True)) == {None}


def make_local(account: Connection, **values: object) -> Push:
    lead = Lead.objects.create(
        listed_at=T0, first_seen_at=T0, changed_at=T0, origin="api", sync_state="pending", **values
    )
    return Push.objects.create(
        lead=lead,
        connection=account,
        kind="create",
        state="sending",
        created_at=T0,
        due_at=T0,
        payload=values,
    )


def test_a_read_that_shows_our_token_is_the_answer_to_our_push(account: Connection) -> None:
    push = make_local(account, first_name="Ada", source="carrier pigeon")
    shown = lead_object(9, source="homepage", meta={"leadmirror": push.token, "k": "v"})
    assert show(account, shown, cause=Cause.WEBHOOK) == ["changed"]
    lead = Lead.objects.get()
    assert (lead.leadpro_id, lead.sync_state, lead.meta) == (9, "in_sync", {"k": "v"})
    assert "Lead.pro changed source from “carrier pigeon” to “homepage”." in lead.warnings
    push.refresh_from_db()
    assert (push.state, push.remote_id) == ("done", "9")
    assert show(account, shown, at=T0 + timedelta(minutes=1)) == ["unchanged"]
    assert Lead.objects.count() == 1


def test_two_remote_leads_with_one_token_make_a_second_row_and_a_warning(account: Connection) -> None:
    push = make_local(account, first_name="Ada")
    both = [lead_object(n, meta={"leadmirror": push.token}) for n in (12, 11)]
    show(account, *both)
    assert list(Lead.objects.order_by("id").values_list("leadpro_id", flat=True)) == [11, 12]
    assert Push.objects.get().remote_id == "11"
    for lead in Lead.objects.all():
        assert "Twice in Lead.pro: #11, #12. Merge them there." in lead.warnings


def test_a_token_of_another_installation_is_an_ordinary_lead(account: Connection) -> None:
    assert show(account, lead_object(3, meta={"leadmirror": "somebody-elses"})) == ["created"]
    assert Lead.objects.get().meta is None


def test_an_edit_on_its_way_stays_on_top_of_what_the_remote_shows(account: Connection) -> None:
    show(account, lead_object(1))
    lead = Lead.objects.get()
    edits = {"status": {"base": "New", "mine": "Contacted"}, "questionnaire": {"pairs": [["Pets?", "No"]]}}
    Push.objects.create(lead=lead, connection=account, kind="update", created_at=T0, due_at=T0, edits=edits)
    Lead.objects.update(status="Contacted", questionnaire=[["Pets?", "No"]], pending={"status": "New"})
    shown = lead_object(1, status="Call back later", postcode="NG1 1AA", questionnaire=[["Cash?", "Yes"]])
    show(account, shown, at=T0 + timedelta(minutes=1))
    lead.refresh_from_db()
    assert (lead.status, lead.postcode) == ("Contacted", "NG1 1AA")
    assert lead.questionnaire == [["Cash?", "Yes"], ["Pets?", "No"]]
    assert lead.pending == {"status": "Call back later", "questionnaire": [["Cash?", "Yes"]]}
    assert lead.sync_state == SyncState.PENDING
