"""The token endpoint at ``/oauth/token``: client credentials in, a token of a day out, OAuth's errors."""

from __future__ import annotations

import base64
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from integrations.sandbox.wire import Reply, Request, json_bytes, json_reply

from .refusals import firewall_reply

if TYPE_CHECKING:
    from .remote import Aviv

#: Hard to guess is no aim here: what tokens must be is different, also after a restart.
_chance = random.SystemRandom()


class Bearer(NamedTuple):
    """What a token lets its holder do."""

    agency: str
    has_right: bool


class _Denied(Exception):
    """No token."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error


class TokenDesk:
    """Hands out tokens, and knows those it handed out."""

    name = "aviv-auth"
    prefix = "/oauth"

    def __init__(self, remote: Aviv, client_id: str, client_secret: str) -> None:
        self.clients = {client_id: client_secret}
        #: Accepted as bearer without having been asked for.
        self.fixed: set[str] = set()
        self.has_right = True
        self.counts: Counter[str] = Counter(issued=0, refused=0)
        self._remote = remote

    def answer(self, request: Request, path: str) -> Reply:
        """The reply to one request for a token."""
        if self._remote.is_blocked(request):
            return firewall_reply()
        if (request.method, path) != ("POST", "/token"):
            return json_reply(404, {"error": "not_found", "error_description": "Not Found"})
        try:
            return self._issue(self._read(request))
        except _Denied as denied:
            self.counts["refused"] += 1
            return json_reply(denied.status, {"error": denied.error, "error_description": str(denied)})

    def find(self, token: str) -> Bearer | None:
        """What the token allows; None where it was never handed out or has expired."""
        if token in self.fixed:
            return Bearer("", has_right=True)
        row = self._remote.store.find_token(token)
        if row is None or row[0] <= self._remote.clock.now():
            return None
        return Bearer(row[1], row[2])

    def _read(self, request: Request) -> dict[str, Any]:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise _Denied(400, "invalid_request", "Content-Type must be application/json")
        try:
            body = request.json()
        except ValueError:
            raise _Denied(400, "invalid_request", "The body is not JSON") from None
        if not isinstance(body, dict):
            raise _Denied(400, "invalid_request", "The body must be a JSON object")
        return body

    def _issue(self, body: dict[str, Any]) -> Reply:
        readings = self._remote.readings
        self._check(body)
        agency = str(body.get("intermediary_id") or "")
        if readings.intermediary == "required" and not agency:
            raise _Denied(400, "invalid_request", "intermediary_id is required")
        token = _make_token(agency)
        expires_at = self._remote.clock.now() + readings.token_seconds
        self._remote.store.keep_token(token, expires_at, agency, has_right=self.has_right)
        self.counts["issued"] += 1
        told = {"access_token": token, "expires_in": readings.token_seconds, "token_type": "Bearer"}
        return json_reply(200, told)

    def _check(self, body: dict[str, Any]) -> None:
        if body.get("grant_type") != "client_credentials":
            raise _Denied(403, "unsupported_grant_type", "Unsupported grant type")
        client = body.get("client_id")
        if client not in self.clients:
            raise _Denied(403, "access_denied", "Unknown client")
        if body.get("client_secret") != self.clients[client]:
            raise _Denied(self._remote.readings.wrong_secret_status, "access_denied", "Unauthorized")
        audience = body.get("audience")
        path = urlsplit(audience).path.rstrip("/") if isinstance(audience, str) else ""
        if path != self._remote.prefix:
            raise _Denied(403, "access_denied", f"Service not enabled within domain: {audience}")
        if not self._remote.readings.client_grant:
            raise _Denied(403, "access_denied", f"Client is not authorized to access {audience}")


def _make_token(agency: str) -> str:
    """Three parts, as a JWT has them."""
    parts = ({"alg": "RS256", "typ": "JWT"}, {"sub": agency, "jti": f"{_chance.getrandbits(96):x}"})
    texts = [base64.urlsafe_b64encode(json_bytes(part)).rstrip(b"=").decode() for part in parts]
    return f"{texts[0]}.{texts[1]}.{_chance.getrandbits(256):064x}"
