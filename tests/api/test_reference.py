"""Offices, statuses, connections."""

from __future__ import annotations

from leads.models import Connection, Office, Stage, Status
from tests.api.conftest import T0, Caller


def test_offices_bear_lead_pros_ids(api: Caller, account: Connection) -> None:
    Office.objects.create(connection=account, office_id=7, name="Closed", is_gone=True, seen_at=T0)
    assert api.get("offices/").json() == {
        "next": None,
        "previous": None,
        "results": [
            {"id": 375, "name": "Nottingham", "connection": account.pk},
            {"id": 42, "name": "Derby", "connection": account.pk},
        ],
    }


def test_statuses_bear_the_stage_where_its_name_is_known(api: Caller, account: Connection) -> None:
    stage = Stage.objects.create(connection=account, stage_id=50, name="Unread")
    Status.objects.filter(status_id=20).update(stage=stage, is_predefined=True)
    assert api.get("statuses/").json()["results"] == [
        {
            "id": 20,
            "name": "New",
            "stage_id": 50,
            "stage": "Unread",
            "is_predefined": True,
            "connection": account.pk,
        },
        {
            "id": 21,
            "name": "Contacted",
            "stage_id": None,
            "stage": None,
            "is_predefined": False,
            "connection": account.pk,
        },
    ]


def test_reference_lists_page_and_filter_by_connection(api: Caller, account: Connection) -> None:
    for path in ("offices/", "statuses/"):
        first = api.get(f"{path}?page_size=1").json()
        second = api.get(first["next"]).json()
        assert (len(first["results"]), len(second["results"]), second["next"]) == (1, 1, None)
        assert api.get(f"{path}?connection={account.pk + 1}").json()["results"] == []
        assert len(api.get(f"{path}?connection={account.pk}").json()["results"]) == 2


def test_connections_say_whether_they_work_and_never_a_secret(api: Caller, account: Connection) -> None:
    aviv = Connection.objects.create(remote="aviv", name="Portals")
    answer = api.get("connections/")
    assert answer.json()["results"] == [
        {"id": account.pk, "remote": "leadpro", "name": "Lead.pro", "state": "ok", "reason": None},
        {
            "id": aviv.pk,
            "remote": "aviv",
            "name": "Portals",
            "state": "not_connected",
            "reason": "Portals is not connected: no key is set.",
        },
    ]
    for secret in ("nothing-listens", account.secret, account.webhook_secret):
        assert secret not in answer.content.decode()
    Connection.objects.filter(pk=account.pk).update(state="paused", reason="Lead.pro refuses our key.")
    assert api.get("connections/").json()["results"][0]["state"] == "paused"


def test_a_secret_under_a_lost_encryption_key_is_no_500(api: Caller, account: Connection) -> None:
    Connection.objects.update(secret="gAAAAAnonsense")
    row = api.get("connections/").json()["results"][0]
    assert row["state"] == "not_connected"
    assert "FIELD_ENCRYPTION_KEYS" in row["reason"]
