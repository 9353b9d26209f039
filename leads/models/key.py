"""API keys, and the answers kept for Idempotency-Key."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import models

from leads.models.access import EVERYTHING, Scope
from leads.models.encryption import keyed_hashes

SCOPES = ("leads:read", "leads:write", "webhooks:write")


class ApiKey(models.Model):
    """A key is shown once; only its keyed hash is kept."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(
        max_length=12, editable=False, help_text="First characters, to tell keys apart."
    )
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    office_ids = models.JSONField(
        default=list, blank=True, help_text="Lead.pro's office ids; empty: all offices."
    )
    created_at = models.DateTimeField(editable=False)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def make(
        cls, name: str, scopes: list[str], office_ids: list[int], now: datetime, created_by: str = ""
    ) -> tuple[ApiKey, str]:
        """A new key: its row, and the text that is never shown again."""
        text = f"lm_{secrets.token_urlsafe(32)}"
        row = cls.objects.create(
            name=name,
            prefix=text[:9],
            hash=keyed_hashes(text)[0],
            scopes=scopes,
            office_ids=office_ids,
            created_at=now,
            created_by=created_by,
        )
        return row, text

    @classmethod
    def find(cls, text: str) -> ApiKey | None:
        """The live key with this text, under any of the hash keys."""
        return cls.objects.filter(hash__in=keyed_hashes(text), revoked_at__isnull=True).first()

    @property
    def scope(self) -> Scope:
        """The leads this key may see."""
        return Scope(office_ids=frozenset(self.office_ids)) if self.office_ids else EVERYTHING


class StoredAnswer(models.Model):
    """What was answered to one Idempotency-Key of one API key; kept for 24 hours."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    idempotency_key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    status = models.PositiveIntegerField(
        null=True, help_text="Null while the first request is still in flight."
    )
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "idempotency_key"], name="one_answer_per_idempotency_key")
        ]

    def __str__(self) -> str:
        return f"{self.key_id}: {self.status}"
