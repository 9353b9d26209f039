from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from leads.models import Access, ApiKey, Connection, Delivery, Office, Run, RunItem
from tests.admin.conftest import DERBY, HOSTILE, NOTTINGHAM, SECRET
from tests.admin.pages import form_of, list_of, messages_of, page_of, text


def settings_of(account, **changes):
    return {
        "remote": "leadpro",
        "name": account.name,
        "base_url": "https://api.example.org/v1",
        "api_key": "",
        "requests_per_minute": "60",
        "statuses_path": "/statuses",
        "status_by": "name",
        "lead_url": "",
        **changes,
    }


def test_a_secret_goes_in_and_never_comes_out(manager, account):
    pages = [page_of(account), list_of("connection"), "/admin/"]
    for url in pages:
        assert SECRET not in text(manager.get(url))
    assert "Set, ends in …7788" in text(manager.get(page_of(account)))
    manager.post(page_of(account), settings_of(account, api_key="another-long-key-9911"))
    account.refresh_from_db()
    assert account.setting("api_key") == "another-long-key-9911"
    assert "another-long-key" not in account.secret
    for url in pages:
        assert "another-long-key" not in text(manager.get(url))
    assert not any(
        "another-long-key" in entry.change_message + entry.object_repr for entry in LogEntry.objects.all()
    )


def test_an_empty_key_keeps_the_one_that_is_set(manager, account):
    answer = manager.post(page_of(account), settings_of(account, name="Renamed"))
    assert answer.status_code == 302, form_of(answer).errors
    account.refresh_from_db()
    assert (account.name, account.setting("api_key")) == ("Renamed", SECRET)


def test_a_refused_key_is_not_repeated_in_the_answer(manager, account):
    answer = manager.post(page_of(account), settings_of(account, api_key="a key with spaces"))
    assert "api_key" in form_of(answer).errors
    assert "a key with spaces" not in text(answer)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.org",
        "https://10.0.0.1",
        "https://[::1]/",
        "https://169.254.169.254/",
        "http://localhost.",
        "https://metadata.google.internal/",
        "https://user:pw@api.example.org",
        "javascript:alert(1)",
        "https://intranet",
        "https://api.example.org/?x=1",
        "",
        "https://[bad",
    ],
)
def test_an_address_that_must_not_be_called_is_refused(manager, account, url):
    answer = manager.post(page_of(account), settings_of(account, base_url=url))
    assert "base_url" in form_of(answer).errors
    account.refresh_from_db()
    assert account.base_url == "http://127.0.0.1:9"


def test_a_network_that_the_operator_allows_is_taken(manager, account):
    answer = manager.post(page_of(account), settings_of(account, base_url="http://127.0.0.1:8100/api"))
    assert answer.status_code == 302


def test_the_buttons_of_a_connection(manager, account, rung):
    def press(act):
        manager.post(reverse(f"admin:leads_connection_{act}", args=[account.pk]))
        account.refresh_from_db()

    old = account.webhook_secret
    press("pause")
    assert account.is_paused
    press("resume")
    assert not account.is_paused
    press("rotate")
    assert (account.previous_webhook_secret, account.webhook_secret != old) == (old, True)
    assert f"/webhooks/{account.webhook_secret}/" in text(manager.get(page_of(account)))
    press("test")
    run = Run.objects.get()
    assert (run.kind, run.connection) == ("reference", account)
    assert ("leads.check_connection", {"connection_id": account.pk}) in rung


def test_the_environments_connection_shows_its_settings_and_takes_none_of_them(manager, settings, db):
    settings.LEADPRO_API_KEY = "from-the-environment-4321"
    connection = Connection.objects.create(remote="leadpro", name="Lead.pro", from_environment=True)
    page = text(manager.get(page_of(connection)))
    assert "ends in …4321" in page
    assert "from-the-environment" not in page
    assert settings.LEADPRO_BASE_URL in page
    assert 'name="base_url"' not in page
    manager.post(
        page_of(connection), {"name": "Brand", "base_url": "https://evil.example.org", "api_key": "x"}
    )
    connection.refresh_from_db()
    assert (connection.name, connection.base_url, connection.secret) == ("Brand", "", "")


def test_a_second_intermediary_of_aviv_is_a_connection_of_its_own(manager, account, rung):
    said = {"client_id": "us", "intermediary_id": "agency-2", "audience": "", "token_url": ""}
    data = settings_of(account, remote="aviv", name="Lyon", api_key="the-long-secret-5566", **said)
    answer = manager.post(reverse("admin:leads_connection_add"), data)
    assert answer.status_code == 302, form_of(answer).errors
    made = Connection.objects.get(remote="aviv")
    assert (made.setting("client_id"), made.setting("intermediary_id")) == ("us", "agency-2")
    assert made.setting("client_secret") == "the-long-secret-5566"
    assert "the-long-secret" not in str(made.options)
    page = text(manager.get(page_of(made)))
    assert "Set, ends in …5566" in page
    assert 'name="client_id"' in page
    assert 'name="statuses_path"' not in page
    manager.post(
        page_of(made), {"name": "Lyon", "base_url": "https://api.example.org/v1", "client_id": "them"}
    )
    made.refresh_from_db()
    assert (made.setting("client_id"), made.setting("intermediary_id")) == ("them", "")
    answer = manager.post(page_of(made), data | {"token_url": "http://169.254.169.254/token"})
    assert "token_url" in form_of(answer).errors
    manager.post(reverse("admin:leads_connection_test", args=[made.pk]))
    assert ("leads.check_connection", {"connection_id": made.pk}) in rung


def test_whether_alterestate_refuses_duplicates_is_said_also_of_the_environments(manager, settings, db):
    settings.ALTERESTATE_API_KEY = "from-the-environment-4321"
    made = Connection.objects.create(remote="alterestate", name="AlterEstate", from_environment=True)
    page = text(manager.get(page_of(made)))
    assert "ALTERESTATE_API_KEY" in page
    assert "ends in …4321" in page
    assert made.setting("refuses_duplicates") == ""
    manager.post(page_of(made), {"name": "AlterEstate", "refuses_duplicates": "on"})
    made.refresh_from_db()
    assert made.setting("refuses_duplicates") is True


def test_a_key_is_shown_once(manager, account):
    data = {"name": "Website", "scopes": ["leads:read"], "office_ids": [str(DERBY)]}
    first = manager.post(reverse("admin:leads_apikey_add"), data, follow=True)
    key = ApiKey.objects.get()
    shown = first.context["new_key"]
    assert ApiKey.find(shown) == key
    assert shown in text(first)
    assert "no-store" in first.headers["Cache-Control"]
    assert (key.scopes, key.office_ids) == (["leads:read"], [DERBY])
    assert shown not in text(manager.get(page_of(key)))
    assert shown not in text(manager.get(list_of("apikey")))


def test_a_key_is_not_kept_in_the_session_in_clear(manager, account):
    manager.post(reverse("admin:leads_apikey_add"), {"name": "W", "scopes": ["leads:read"]})
    assert "lm_" not in str(dict(manager.session))


def test_a_key_is_revoked(manager, account):
    key, shown = ApiKey.make("Website", ["leads:read"], [], timezone.now())
    manager.post(reverse("admin:leads_apikey_revoke", args=[key.pk]))
    assert ApiKey.find(shown) is None


def test_a_role_needs_its_offices(manager, account):
    user = User.objects.create_user("new")
    url = reverse("admin:leads_access_add")
    wrong = manager.post(url, {"user": user.pk, "role": "agent", "office_ids": [str(DERBY), str(NOTTINGHAM)]})
    assert "office_ids" in form_of(wrong).errors
    manager.post(url, {"user": user.pk, "role": "leader", "office_ids": [str(DERBY), str(NOTTINGHAM)]})
    assert Access.objects.get(user=user).office_ids == [DERBY, NOTTINGHAM]


def test_an_administrator_cannot_make_or_take_over_a_superuser(manager, visitor, account):
    User.objects.create_superuser("root", password="irrelevant")
    me = User.objects.get(username="admin-")
    root = User.objects.get(username="root")
    data = {
        "username": "admin-",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "access-TOTAL_FORMS": "0",
        "access-INITIAL_FORMS": "0",
    }
    manager.post(page_of_user(me), data)
    me.refresh_from_db()
    assert not me.is_superuser
    assert manager.post(page_of_user(root), {**data, "username": "mine"}).status_code == 403
    assert manager.get(reverse("admin:auth_user_password_change", args=[root.pk])).status_code == 403


def page_of_user(user):
    return reverse("admin:auth_user_change", args=[user.pk])


def test_users_and_groups_open(manager, visitor, account):
    visitor("leader", DERBY)
    for name in ("auth_user_changelist", "auth_user_add", "auth_group_changelist", "auth_group_add"):
        assert manager.get(reverse(f"admin:{name}")).status_code == 200
    assert manager.get(page_of_user(User.objects.get(username=f"leader-{DERBY}"))).status_code == 200


def test_a_run_shows_its_progress_and_what_failed(manager, account, rung):
    now = timezone.now()
    run = Run.objects.create(
        kind="import",
        name=HOSTILE,
        connection=account,
        total=4,
        done=1,
        failed=2,
        created_at=now,
        due_at=now,
        state="running",
    )
    RunItem.objects.create(run=run, number=7, key={"email": HOSTILE}, state="failed", problem=HOSTILE)
    page = text(manager.get(page_of(run)))
    assert "75 %" in page
    assert "<script>alert(1)" not in page
    live = reverse("admin:leads_run_live", args=[run.pk])
    first = manager.get(live).json()
    assert first["busy"]
    assert manager.get(f"{live}?stamp={first['stamp']}").json() == {"stamp": first["stamp"], "busy": True}
    for verb, state in (("pause", "paused"), ("resume", "waiting"), ("cancel", "cancelled")):
        manager.post(reverse(f"admin:leads_run_{verb}", args=[run.pk]))
        run.refresh_from_db()
        assert run.state == state
    assert rung == [("leads.continue_run", {"run_id": run.pk})]
    answer = manager.post(reverse("admin:leads_run_pause", args=[run.pk]), follow=True)
    assert messages_of(answer) == ["The run had moved on meanwhile."]


def test_a_look_up_by_contact_is_a_run_of_what_was_typed(manager, account, mirror):
    url = reverse("admin:leads_lead_look_up_contact")
    wrong = manager.post(url, {"_form_submitted": "True", "first_name": "Ada"})
    assert "Enter an e-mail address or a phone number." in text(wrong)
    answer = manager.post(
        url, {"_form_submitted": "True", "phone": "+44 7700 900123", "last_name": "Example"}
    )
    run = Run.objects.get()
    assert answer.headers["HX-Redirect"] == page_of(run)
    assert run.items.get().key == {"phone": "+44 7700 900123", "last_name": "Example"}
    mirror()
    assert "Ada Example" in text(manager.get(page_of(run)))


def test_a_delivery_shows_its_body_as_text(manager, account):
    now = timezone.now()
    row = Delivery.objects.create(
        connection=account,
        received_at=now,
        due_at=now,
        body={"event": HOSTILE},
        digest="x",
        event=HOSTILE[:60],
        state="failed",
        problem=HOSTILE,
    )
    for url in (page_of(row), list_of("delivery")):
        page = text(manager.get(url))
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_reference_data_is_read_only(manager, account):
    office = Office.objects.first()
    assert manager.post(page_of(office), {"name": "Mine"}).status_code == 403
    for model in ("office", "status", "stage", "push", "run"):
        assert manager.get(reverse(f"admin:leads_{model}_add")).status_code == 403
