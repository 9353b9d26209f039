"""Who is calling: ``Authorization: Bearer <key>``, and what the key may do."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from leads.api.problems import Problem
from leads.models import ApiKey

REALM = 'Bearer realm="leadmirror"'
READ, WRITE = "leads:read", "leads:write"
MOST_OFTEN = timedelta(minutes=1)
LONGEST = 200


class BearerKey(BaseAuthentication):
    """The API key of the request, as ``request.auth``; there is no user behind a key."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        """None where there is no Authorization header; raises a 401 where it is not one of ours."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, text = header.partition(" ")
        text = text.strip()
        key = None
        if scheme.lower() == "bearer" and 0 < len(text) <= LONGEST and text.isascii():
            key = ApiKey.find(text)
        if key is None:
            raise unauthorised("This API key is not known, or was revoked.", ', error="invalid_token"')
        note_use(key, timezone.now())
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """What makes a missing key a 401 and not a 403."""
        return REALM


def unauthorised(detail: str, more: str = "") -> Problem:
    """401, saying how to come again."""
    return Problem(401, "not_authenticated", detail, headers={"WWW-Authenticate": REALM + more})


def note_use(key: ApiKey, now: datetime) -> None:
    """Remember that the key was used; written at most once a minute, whatever the traffic."""
    if key.last_used_at is not None and now - key.last_used_at < MOST_OFTEN:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - MOST_OFTEN)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


class HasScope(BasePermission):
    """The key must bear the scope that the view names for this method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises 401 without a key, 403 without the scope."""
        if not isinstance(request.auth, ApiKey):
            raise unauthorised("An API key is needed: send Authorization: Bearer followed by the key.")
        scopes: dict[str, str] = getattr(view, "scopes", {})
        needed = scopes.get(request.method or "")
        if needed is not None and needed not in request.auth.scopes:
            raise Problem(
                403,
                "insufficient_scope",
                f"This key does not have the scope {needed}.",
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{needed}"'},
            )
        return True


class StaffSession(SessionAuthentication):
    """Somebody logged in to the admin: for reading the documentation in a browser, nothing else."""


class HasKeyOrIsStaff(BasePermission):
    """For the documentation: any live key, or a session of the admin."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises 401 for anybody else."""
        if isinstance(request.auth, ApiKey) or request.user.is_staff:
            return True
        raise unauthorised("Log in to the admin first, or send an API key as Authorization: Bearer.")
