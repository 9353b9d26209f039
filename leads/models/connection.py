"""One set of credentials at one remote: address, encrypted secret, request budget, health."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from leads.models.encryption import UnreadableSecret, decrypt, encrypt, keyed_hashes


class Remote(models.TextChoices):
    """The vendors' systems."""

    LEADPRO = "leadpro", "Lead.pro"
    AVIV = "aviv", "AVIV Seeker Leads"
    ALTERESTATE = "alterestate", "AlterEstate"


#: What each remote takes as credentials.
SECRETS = {
    Remote.LEADPRO: ("api_key",),
    Remote.AVIV: ("client_secret", "bearer_token"),
    Remote.ALTERESTATE: ("api_key",),
}


#: Why a connection is paused until a call past the pause works.
ENDS_BY_ITSELF = ("credentials", "address")


def new_webhook_secret() -> str:
    """An unguessable path part, 43 characters."""
    return secrets.token_urlsafe(32)


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Connections by state."""

    def leadpro(self) -> ConnectionQuerySet:
        """Those at Lead.pro, the environment's first."""
        return self.filter(remote=Remote.LEADPRO).order_by("-from_environment", "id")

    def default(self) -> Connection | None:
        """The Lead.pro connection that new leads go to unless told otherwise."""
        return self.leadpro().first()

    def for_webhook(self, secret: str, now: datetime) -> Connection | None:
        """The connection whose present (or, during a rotation, previous) webhook secret this is; few columns loaded."""
        for row in self.only("remote").filter(
            Q(webhook_secret=secret) | Q(previous_webhook_secret=secret, previous_secret_until__gt=now)
        ):
            return row
        return None


class Connection(models.Model):
    """One row is one account at one remote."""

    OK, PAUSED = "ok", "paused"

    remote = models.CharField(max_length=20, choices=Remote.choices)
    name = models.CharField(max_length=100)
    from_environment = models.BooleanField(default=False, editable=False)
    base_url = models.CharField(max_length=500, blank=True)
    secret = models.TextField(blank=True, default="", editable=False, help_text="Encrypted.")
    statuses_path = models.CharField(max_length=200, default="/statuses")
    status_by = models.CharField(max_length=4, choices=[("name", "name"), ("id", "id")], default="name")
    requests_per_minute = models.PositiveIntegerField(default=60)
    lead_url = models.CharField(
        max_length=500, blank=True, help_text="Link to a lead, with {id}. Empty: no link."
    )
    options = models.JSONField(
        default=dict, blank=True, editable=False, help_text="What only this remote needs; never a secret."
    )
    leaders_see_officeless = models.BooleanField("leaders see leads without an office", default=False)

    webhook_secret = models.CharField(max_length=64, unique=True, default=new_webhook_secret, editable=False)
    previous_webhook_secret = models.CharField(max_length=64, blank=True, default="", editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)

    state = models.CharField(
        max_length=10, choices=[(OK, "ok"), (PAUSED, "paused")], default=OK, editable=False
    )
    reason = models.CharField(max_length=500, blank=True, default="", editable=False)
    reason_code = models.CharField(max_length=30, blank=True, default="", editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    refused_key = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="Keyed hash."
    )
    last_probe_at = models.DateTimeField(null=True, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    slow_until = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    last_write_at = models.DateTimeField(null=True, editable=False)
    last_problem = models.CharField(max_length=500, blank=True, default="", editable=False)
    last_problem_at = models.DateTimeField(null=True, editable=False)
    breaker = models.JSONField(default=dict, editable=False)
    capabilities = models.JSONField(default=dict, editable=False)
    lookup_has_found = models.BooleanField(default=False, editable=False)
    reference_synced_at = models.DateTimeField(null=True, editable=False)
    statuses_problem = models.CharField(max_length=500, blank=True, default="", editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["remote"],
                condition=Q(from_environment=True),
                name="one_environment_connection_per_remote",
            ),
            models.CheckConstraint(
                condition=Q(requests_per_minute__gte=1), name="budget_at_least_one_a_minute"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def setting(self, name: str) -> Any:
        """A setting of this connection; the environment wins for the connection it made."""
        if self.from_environment:
            value = getattr(settings, f"{self.remote}_{name}".upper(), None)
            if value is not None:
                return value
        if name in SECRETS[Remote(self.remote)]:
            return decrypt(self.secret) if name == self._secret_name else ""
        return getattr(self, name) if hasattr(self, name) else self.options.get(name, "")

    @property
    def _secret_name(self) -> str:
        """Which of the remote's credentials the stored secret is."""
        names = SECRETS[Remote(self.remote)]
        return names[-1] if len(names) > 1 and not self.options.get("client_id") else names[0]

    def learnt(self, name: str) -> Any:
        """What a probe learnt about this account, or None. What was learnt at another address does not count."""
        known = self.capabilities or {}
        return known.get(name) if known.get("base_url") == self.setting("base_url") else None

    def setting_in_use(self, name: str) -> Any:
        """The setting, or what a probe found to work where exactly this value does not."""
        configured = self.setting(name)
        swap = (self.learnt("instead") or {}).get(name)
        return swap[1] if swap and swap[0] == configured else configured

    def settle_seconds(self) -> float:
        """PUSH_SETTLE_SECONDS, and never less than twice the delay with which look-ups show a new lead."""
        return max(float(settings.PUSH_SETTLE_SECONDS), 2 * float(self.learnt("lookup_delay") or 0.0))

    @property
    def is_connected(self) -> bool:
        """Whether there are credentials to call with."""
        if self.remote == Remote.AVIV:
            by_client = self.setting("client_id") and self.setting("client_secret")
            return bool(by_client or self.setting("bearer_token"))
        return bool(self.setting("api_key"))

    @property
    def can_call(self) -> bool:
        """Whether there are credentials that can be read. One that cannot stops its own connection and no other."""
        try:
            return self.is_connected
        except UnreadableSecret:
            return False

    @property
    def is_paused(self) -> bool:
        """Whether nothing is sent or read until somebody acts."""
        return self.state == self.PAUSED

    def set_secret(self, text: str) -> None:
        """Replace the key; call save() after. A pause over the old key ends."""
        self.secret = encrypt(text)
        if self.reason_code == "credentials":
            self.state, self.reason, self.reason_code, self.paused_at = self.OK, "", "", None

    def pause(self, code: str, reason: str, now: datetime) -> None:
        """Stop all calls, with a sentence for people. Idempotent; the first reason's time is kept.

        A person's pause takes the place of any other: those end by themselves, or by a command.
        """
        refused = keyed_hashes(self._credentials())[0] if code == "credentials" else ""
        free = ~Q(reason_code="person") if code == "person" else Q(state=self.OK)
        Connection.objects.filter(free, pk=self.pk).update(
            state=self.PAUSED, reason_code=code, reason=reason[:500], paused_at=now, refused_key=refused
        )
        self.refresh_from_db()

    def _credentials(self) -> str:
        return "".join(str(self.setting(name)) for name in SECRETS[Remote(self.remote)])

    @property
    def has_new_key(self) -> bool:
        """Whether the key in use is another one than the one that was refused."""
        return bool(self.refused_key) and self.refused_key not in keyed_hashes(self._credentials())

    def resume(self, *codes: str) -> None:
        """Let calls through again; with codes, only where it is still paused for one of these."""
        rows = Connection.objects.filter(pk=self.pk)
        rows = rows.filter(state=self.PAUSED, reason_code__in=codes) if codes else rows
        is_resumed = rows.update(state=self.OK, reason_code="", reason="", paused_at=None)
        self.refresh_from_db()
        if is_resumed:
            self.hurry_pushes()

    def hurry_pushes(self) -> None:
        """What waited for the connection, and not for its own sake, is due now.

        A hand-over in doubt waits until the last one can no longer take effect: nothing could tell two of them apart.
        """
        waiting = self.pushes.filter(state="waiting", due_at__gt=Now())
        in_doubt = Q(kind="submit", was_unclear=True, safe_at__gt=Now())
        waiting.filter(in_doubt).update(due_at=F("safe_at"))
        waiting.exclude(in_doubt).update(due_at=Now())

    def note_success(self, now: datetime) -> None:
        """Remember that a call was answered well; written at most every few seconds."""
        if self.last_success_at is None or now - self.last_success_at > timedelta(seconds=5):
            self.last_success_at = now
            Connection.objects.filter(pk=self.pk).update(last_success_at=now)

    def note_problem(self, sentence: str, now: datetime) -> None:
        """Remember the last call that failed."""
        self.last_problem, self.last_problem_at = sentence[:500], now
        Connection.objects.filter(pk=self.pk).update(last_problem=self.last_problem, last_problem_at=now)

    def slow_down(self, retry_after: float | None, now: datetime) -> None:
        """After a 429: nothing before Retry-After, and half the budget for ten minutes."""
        self.not_before = now + timedelta(seconds=retry_after) if retry_after else self.not_before
        self.slow_until = now + timedelta(minutes=10)
        Connection.objects.filter(pk=self.pk).update(not_before=self.not_before, slow_until=self.slow_until)

    def rotate_webhook_secret(self, now: datetime, overlap: timedelta = timedelta(days=7)) -> None:
        """New webhook address; the old one works for the overlap."""
        self.previous_webhook_secret, self.previous_secret_until = self.webhook_secret, now + overlap
        self.webhook_secret = new_webhook_secret()
        self.save(update_fields=["webhook_secret", "previous_webhook_secret", "previous_secret_until"])
