"""AVIV's bearer token: fetched once for all processes, used for its whole life, renewed by one process at a time."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import orjson
from django.conf import settings
from django.utils import timezone

from integrations.aviv import auth
from integrations.errors import RemoteError, TransientError
from leads.models import AccessToken, Connection
from leads.models.encryption import keyed_hashes
from leads.remotes.doors import guard_of

#: A token fetched for this very reason so recently is not replaced again: the next would fare no better, and AVIV
#: wants tokens used for their day.
POINTLESS = {"401": timedelta(minutes=1), "scope": timedelta(minutes=10)}
_POLL_SECONDS = 0.05


def bearer_of(connection: Connection) -> str:
    """The token to sign with: the fixed one, the one in the database, or a new one. Raises what the sign-in raises."""
    if not uses_client(connection):
        return str(connection.setting("bearer_token")).strip()
    request = _request_of(connection)
    token = AccessToken.of(connection).usable(_hash(request), timezone.now())
    return token or _obtain(connection, request, "", "first")


def renew_bearer(connection: Connection, refused: str, why: str) -> str:
    """Another token than the refused one, or nothing where there is none to be had. ``why``: 401 or scope."""
    if not uses_client(connection):
        return ""
    return _obtain(connection, _request_of(connection), refused, why)


def uses_client(connection: Connection) -> bool:
    """Whether tokens are fetched with client credentials; otherwise one was given."""
    return bool(connection.setting("client_id") and connection.setting("client_secret"))


def _request_of(connection: Connection) -> dict[str, str]:
    base_url = str(connection.setting("base_url"))
    return {
        "token_url": connection.setting("token_url") or auth.TOKEN_URL,
        "client_id": connection.setting("client_id"),
        "client_secret": connection.setting("client_secret"),
        "audience": connection.setting("audience") or base_url,
        "intermediary_id": connection.setting("intermediary_id") or "",
    }


def _hash(request: dict[str, str]) -> str:
    """Changes with anything a token depends on: a token of other credentials is none of ours."""
    return keyed_hashes(orjson.dumps(request, option=orjson.OPT_SORT_KEYS).decode())[0]


def _obtain(connection: Connection, request: dict[str, str], refused: str, why: str) -> str:
    """Wait for the process that is fetching, or be it."""
    asked_at, recipe = timezone.now(), _hash(request)
    lease = timedelta(seconds=settings.HTTP_TOTAL_SECONDS + 10)
    while True:
        now = timezone.now()
        row = AccessToken.of(connection)
        token = row.usable(recipe, now)
        if token and token != refused:
            return token
        if token and _is_pointless(row, why, now):
            return ""
        if row.failed_at is not None and row.failed_at >= asked_at:
            raise TransientError(f"{row.failure} Nothing was sent.")
        if row.claim_renewal(now, lease):
            return _fetch(connection, row, request, why)
        time.sleep(_POLL_SECONDS)


def _is_pointless(row: AccessToken, why: str, now: datetime) -> bool:
    limit = POINTLESS.get(why)
    recent = limit is not None and row.fetched_at is not None and now - row.fetched_at < limit
    return recent and row.fetched_for == why


def _fetch(connection: Connection, row: AccessToken, request: dict[str, str], why: str) -> str:
    failure = "Signing in to AVIV was broken off."
    began = timezone.now()
    try:
        token = auth.fetch_token(
            **request,
            timeout=settings.HTTP_TIMEOUT_SECONDS,
            total=settings.HTTP_TOTAL_SECONDS,
            address_guard=guard_of(connection, request["token_url"]),
        )
        row.store(
            token.access_token,
            _hash(request),
            began + timedelta(seconds=token.expires_in),
            why,
            timezone.now(),
        )
    except RemoteError as error:
        failure = error.summary
        raise
    else:
        failure = ""
        return token.access_token
    finally:
        if failure:
            row.give_up(failure, timezone.now())
