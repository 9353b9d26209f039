"""AVIV's sign-in: client credentials for a bearer token that is good for a day. Where the token is kept, and when a
new one is asked for, is decided by the caller.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from integrations.errors import CredentialsRefused, Refused, RemoteError, UnexpectedPayload
from integrations.rest import RestClient

TOKEN_URL = "https://auth.api.aviv-group.com/oauth/token"  # noqa: S105  # an address
#: AVIV's firewall turns away calls without one, and wants this form.
USER_AGENT = f"leadmirror/1.0 Python/{platform.python_version()}"
#: What the documents say; used where an answer does not say it itself.
DAY = 86400.0
CONTACT = "leads-api@aviv-group.com"
_TOKEN = re.compile(r"[\x21-\x7e]+")
_GRANT = (
    "AVIV's sign-in does not open Seeker Leads to this client ({status}, access denied). Ask AVIV ({contact}) for the"
    " client grant of this audience; check client id, audience and intermediary, then test the connection."
)
_WRONG = (
    "AVIV's sign-in refuses the key ({status}): client id or client secret is wrong. Enter them again, then test the"
    " connection."
)
_REQUEST = (
    "AVIV's sign-in does not take what it was asked with ({status}). Check client id, client secret, audience and"
    " intermediary, then test the connection."
)


@dataclass(frozen=True, slots=True)
class Token:
    """What calls are signed with. ``expires_in`` is seconds from the answer on."""

    access_token: str = field(repr=False)
    expires_in: float


def fetch_token(
    *,
    token_url: str,
    client_id: str,
    client_secret: str,
    audience: str,
    intermediary_id: str = "",
    user_agent: str = USER_AGENT,
    timeout: float = 10.0,
    total: float = 30.0,
    address_guard: Callable[[str], None] | None = None,
) -> Token:
    """Ask for a token; may be repeated, but AVIV wants each one used for its whole life.

    Raises `CredentialsRefused` with what to do about it, or another `RemoteError`. Docs: "M2M authentication".
    """
    name = "AVIV's sign-in"
    rest = RestClient(
        token_url,
        {"User-Agent": user_agent},
        timeout=timeout,
        total=total,
        name=name,
        address_guard=address_guard,
    )
    body = {
        "client_id": client_id.strip(),
        "client_secret": client_secret.strip(),
        "grant_type": "client_credentials",
        "audience": audience.strip(),
    }
    if intermediary_id.strip():
        body["intermediary_id"] = intermediary_id.strip()
    try:
        answer = rest.call("POST", "", json=body, is_write=False)
    except RemoteError as error:
        error.excerpt = error.excerpt.replace(body["client_secret"] or "\x00", "…")
        raise _explain(error) from None
    return _parse_token(answer.data)


def _parse_token(document: Any) -> Token:
    """The token in an answer; whatever else it is must never be sent as one."""
    token = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise UnexpectedPayload("AVIV's sign-in gave an unusable answer: it holds no token.")
    kind = document.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UnexpectedPayload("AVIV's sign-in gave an unusable answer: its token is of an unknown kind.")
    return Token(token, _parse_lifetime(document.get("expires_in")))


def _parse_lifetime(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return DAY
    # A life of nothing would mean a sign-in before every call, which AVIV forbids; a 401 corrects this guess.
    return min(seconds, 365 * DAY) if seconds >= 60 else 60.0


def _explain(error: RemoteError) -> RemoteError:
    """The same error in words that say what to do: a wrong secret and a missing grant are different errands."""
    if isinstance(error, (CredentialsRefused, Refused)):
        words = _GRANT if error.status == 403 else _WRONG if error.status == 401 else _REQUEST
        error = CredentialsRefused(
            words.format(status=error.status, contact=CONTACT),
            status=error.status,
            excerpt=error.excerpt,
            trace_id=error.trace_id,
            field=error.field,
        )
    if error.trace_id:
        error.add(f"Trace: {error.trace_id}.")
    return error
