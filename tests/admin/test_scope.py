from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.models import Conflict, Lead, Push, Run
from tests.admin.conftest import DERBY, NOTTINGHAM
from tests.admin.pages import MODELS_FOR_ADMINS, MODELS_FOR_ALL, list_of, page_of, text


@pytest.fixture
def here(mirror):
    return mirror(1, office_id=NOTTINGHAM, last_name="Near")


@pytest.fixture
def there(mirror):
    return mirror(2, office_id=DERBY, last_name="Far")


@pytest.fixture
def push_there(there, account):
    now = timezone.now()
    return Push.objects.create(
        lead=there,
        connection=account,
        kind="update",
        state="needs_attention",
        created_at=now,
        due_at=now,
        edits={"status": {"base": "New", "mine": "Contacted"}},
    )


PEOPLE = [("leader", (NOTTINGHAM,)), ("agent", (NOTTINGHAM, DERBY))]


@pytest.mark.parametrize(("role", "offices"), PEOPLE)
def test_a_lead_of_another_office_is_nowhere(visitor, here, there, push_there, role, offices, rung):
    client = visitor(role, *offices)
    Conflict.objects.create(
        lead=there, push=push_there, field="status", mine="Contacted", theirs="Lost", opened_at=timezone.now()
    )
    assert [lead.pk for lead in client.get(list_of("lead")).context["cl"].result_list] == [here.pk]
    assert list(client.get(list_of("push")).context["cl"].result_list) == []
    assert list(client.get(list_of("conflict")).context["cl"].result_list) == []
    assert client.get(page_of(here)).status_code == 200
    for url in (page_of(there), page_of(push_there)):
        assert client.get(url).status_code == 302
        assert "Far" not in text(client.get(url, follow=True))
    assert client.get(reverse("admin:leads_lead_live", args=[there.pk])).status_code == 404
    for name, pk in [
        ("leads_lead_refresh", there.pk),
        ("leads_lead_look_up", there.pk),
        ("leads_push_retry", push_there.pk),
        ("leads_push_discard", push_there.pk),
        ("leads_push_found", push_there.pk),
        ("leads_conflict_resolve", Conflict.objects.get().pk),
    ]:
        assert client.post(reverse(f"admin:{name}", args=[pk])).status_code == 404, name
    assert client.post(page_of(there), {"status": "Contacted", "base": "{}"}).status_code in {302, 404}
    assert "Far" not in text(client.get("/admin/"))
    assert "Far" not in text(client.get("/admin/search/?extended=1&s=example"))
    assert {name for name, _ in rung} == {"leads.refresh_due"}, "only for the lead whose page was opened"
    push_there.refresh_from_db()
    assert push_there.state == Push.NEEDS_ATTENTION


@pytest.mark.parametrize(("role", "offices"), PEOPLE)
def test_a_bulk_action_reaches_no_lead_of_another_office(visitor, here, there, role, offices):
    client = visitor(role, *offices)
    data = {"action": "refresh_selected", "_selected_action": [here.pk, there.pk], "index": "0"}
    client.post(list_of("lead"), data)
    run = Run.objects.get()
    assert [item.key for item in run.items.all()] == [{"lead": here.pk}]


@pytest.mark.parametrize(("role", "offices"), PEOPLE)
def test_leaders_and_agents_open_no_settings(visitor, account, role, offices):
    client = visitor(role, *offices)
    for model in MODELS_FOR_ALL:
        assert client.get(list_of(model)).status_code == 200, model
    for model in MODELS_FOR_ADMINS:
        assert client.get(list_of(model)).status_code == 403, model
    assert client.get(page_of(account)).status_code == 403
    for name in ("auth_user_changelist", "auth_group_changelist"):
        assert client.get(reverse(f"admin:{name}")).status_code == 403
    for act in ("test", "pause", "resume", "rotate"):
        assert client.post(reverse(f"admin:leads_connection_{act}", args=[account.pk])).status_code == 403
    menu = text(client.get("/admin/"))
    assert list_of("connection") not in menu
    assert list_of("lead") in menu


def test_staff_without_a_role_see_nothing(visitor, here, account):
    client = visitor("none")
    home = text(client.get("/admin/"))
    assert "Near" not in home
    assert "no role" in home
    for model in (*MODELS_FOR_ALL, *MODELS_FOR_ADMINS):
        assert client.get(list_of(model)).status_code == 403, model
    assert client.get(page_of(here)).status_code == 403
    assert client.get(reverse("admin:leads_lead_live", args=[here.pk])).status_code == 403
    assert client.post(reverse("admin:leads_lead_refresh", args=[here.pk])).status_code == 403


def test_a_run_that_somebody_else_started_is_not_shown_to_a_leader(visitor, account):
    now = timezone.now()
    run = Run.objects.create(kind="import", connection=account, actor="somebody", created_at=now, due_at=now)
    client = visitor("leader", NOTTINGHAM)
    assert list(client.get(list_of("run")).context["cl"].result_list) == []
    assert client.get(reverse("admin:leads_run_live", args=[run.pk])).status_code == 404
    assert client.post(reverse("admin:leads_run_cancel", args=[run.pk])).status_code == 404


def test_an_agent_cannot_move_a_lead_out_of_sight_nor_make_one_there(visitor, here, account):
    client = visitor("agent", NOTTINGHAM)
    page = client.get(page_of(here))
    choices = dict(page.context["adminform"].form.fields["office_id"].words)
    assert list(choices) == [str(NOTTINGHAM)]
    data = {"base": page.context["adminform"].form.initial["base"], "office_id": str(DERBY)}
    answer = client.post(page_of(here), data)
    assert "Choose one of your offices." in text(answer)
    assert Lead.objects.get(pk=here.pk).office_id == NOTTINGHAM
    answer = client.post(
        reverse("admin:leads_lead_add"),
        {
            "type": "sale",
            "first_name": "A",
            "last_name": "B",
            "email": "a@example.org",
            "phone": "07700 900001",
        },
    )
    assert "Choose one of your offices." in text(answer)
    assert Lead.objects.count() == 1
