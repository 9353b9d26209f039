"""The bearer token of a connection: one row, shared by every process, renewed by one of them at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection
from leads.models.encryption import UnreadableSecret, decrypt, encrypt

#: A token this close to its end is not used: it could end on the way.
MARGIN = timedelta(seconds=60)


class AccessToken(models.Model):
    """What was fetched with exactly these credentials (``recipe``), and who is fetching the next one."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="access_token"
    )
    secret = models.TextField(blank=True, default="", editable=False, help_text="Encrypted.")
    recipe = models.CharField(
        max_length=64, blank=True, default="", help_text="Keyed hash of what it was asked with."
    )
    fetched_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    fetched_for = models.CharField(max_length=20, blank=True, default="", help_text="Why: first, 401, scope.")
    version = models.PositiveBigIntegerField(default=0, help_text="Counts the tokens fetched.")
    holder = models.CharField(max_length=32, blank=True, default="", help_text="Who is renewing it.")
    lease_until = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=500, blank=True, default="")

    def __str__(self) -> str:
        return f"token of {self.connection_id}"

    @classmethod
    def of(cls, connection: Connection) -> AccessToken:
        """The connection's row as it is now; made where there is none."""
        return cls.objects.get_or_create(connection=connection)[0]

    def usable(self, recipe: str, now: datetime) -> str:
        """The token, or nothing where it has ended, or was fetched with other credentials."""
        if self.recipe != recipe or self.expires_at is None or now >= self.expires_at - self._margin():
            return ""
        try:
            return decrypt(self.secret)
        except UnreadableSecret:
            # The encryption keys were changed. A token is cheap: the next one is stored under the new key.
            return ""

    def _margin(self) -> timedelta:
        """A short-lived token must still be of some use."""
        if self.expires_at is None or self.fetched_at is None:
            return MARGIN
        return min(MARGIN, (self.expires_at - self.fetched_at) / 10)

    def claim_renewal(self, now: datetime, lease: timedelta) -> bool:
        """Become the one that fetches the next token; False where somebody else is, or has just done so."""
        holder = uuid4().hex
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
        mine = AccessToken.objects.filter(free, pk=self.pk, version=self.version)
        if not mine.update(holder=holder, lease_until=now + lease):
            return False
        self.holder = holder
        return True

    def store(self, token: str, recipe: str, expires_at: datetime, why: str, now: datetime) -> None:
        """Keep the token that was fetched under the claim, and give the claim back."""
        AccessToken.objects.filter(pk=self.pk, holder=self.holder).update(
            secret=encrypt(token),
            recipe=recipe,
            fetched_at=now,
            expires_at=expires_at,
            fetched_for=why,
            version=self.version + 1,
            holder="",
            lease_until=None,
            failed_at=None,
            failure="",
        )

    def give_up(self, sentence: str, now: datetime) -> None:
        """Give the claim back without a token; those who waited for it learn why."""
        AccessToken.objects.filter(pk=self.pk, holder=self.holder).update(
            holder="", lease_until=None, failed_at=now, failure=sentence[:500]
        )
