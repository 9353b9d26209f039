"""Hand-made pages of AVIV leads, and a connection for them, without a remote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leads.models import Connection, Copy, Remote, Window
from leads.sync.taking import Page, take

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def connection(name: str = "AVIV") -> Connection:
    return Connection.objects.create(
        remote=Remote.AVIV, name=name, base_url="https://aviv.example.org", options={"client_id": "c"}
    )


def lead_object(number: int, *, ingested_at: datetime = NOON - HOUR, **contact: Any) -> dict[str, Any]:
    """One CLASSIFIED lead as the schemas have it; ``contact`` replaces parts of the contact request."""
    ttl = contact.pop("TTL", int((ingested_at + timedelta(days=1096)).timestamp()))
    category = contact.pop("category", "CLASSIFIED")
    return {
        "metadata": {
            "leadId": f"lead-{number}",
            "ingestionDate": int(ingested_at.timestamp()),
            "portal": "SLG-FRA",
            "TTL": ttl,
            "leadCategory": category,
        },
        "contactRequest": {
            "firstName": "Ada",
            "lastName": f"Example{number}",
            "email": f"p{number}@example.org",
            "language": "FR",
            "phoneNumbers": [{"type": "MOBILE", "number": "+33639980123", "verified": False}],
            "message": "Bonjour",
            "isOwner": None,
            **contact,
        },
        "property": {"classifiedId": "26A1B2C3D4E5", "offererMarketingKey": f"VT-{number}"},
    }


def erased(lead: dict[str, Any]) -> dict[str, Any]:
    """The lead as it is shown after an erasure; the address stays, as the pages have it."""
    nobody = {"firstName": None, "lastName": None, "message": None, "language": None, "phoneNumbers": []}
    return {**lead, "contactRequest": {**lead["contactRequest"], **nobody}}


def read(
    account: Connection,
    items: Sequence[dict[str, Any]],
    at: datetime = NOON,
    *,
    kind: str = Window.RUN,
    now: datetime | None = None,
) -> Counter[str]:
    """Store these leads as one whole reading that was begun ``at``, and is stored ``now`` or at once."""
    window = Window.objects.create(
        connection=account, kind=kind, since=at - timedelta(days=2), until=at + timedelta(seconds=1)
    )
    window.begin(at)
    window.refresh_from_db()
    return +take(window, Page(items, at, None), now or at)


def sandbox_connection(sandbox: Any, name: str = "AVIV", **options: str) -> Connection:
    """A connection to the sandbox's AVIV."""
    account = Connection(
        remote=Remote.AVIV,
        name=name,
        base_url=sandbox.aviv_url,
        options={
            "client_id": sandbox.aviv_client_id,
            "token_url": sandbox.aviv_token_url,
            "audience": sandbox.aviv_url,
            **options,
        },
    )
    account.set_secret(sandbox.aviv_client_secret)
    account.save()
    return account


def mirrored_ids() -> list[str]:
    return sorted(Copy.objects.values_list("remote_id", flat=True))


def shown_ids(sandbox: Any) -> list[str]:
    return sorted(lead["metadata"]["leadId"] for lead in sandbox.aviv_leads)


def pages(sandbox: Any) -> Any:
    """The calls for a page that were made."""
    return sandbox.requests("GET", "/leads", remote="aviv")


def assert_kept_to_the_rules(sandbox: Any) -> None:
    """No window over 7 days, no page over 100, and the rate kept."""
    for entry in pages(sandbox):
        assert 0 < int(entry.query["maxDate"]) - int(entry.query["minDate"]) <= 7 * 86_400
        assert int(entry.query["limit"]) <= 100
    assert sandbox.aviv_stats(sandbox.log)["rate_violations"] == 0
