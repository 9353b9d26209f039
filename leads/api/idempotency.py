"""``Idempotency-Key``: for 24 hours the same request with the same key has the same answer, and one effect.

The record is written in the transaction that makes the lead, so there is never one without the other: whoever comes
again after a crash finds the record, and in it the lead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.request import Request

from leads.api.problems import Problem, invalid
from leads.models import ApiKey, StoredAnswer

KEPT = timedelta(hours=24)
#: No request waits this long: a record without an answer that is older belongs to a process that died.
ABANDONED = timedelta(seconds=60)
LONGEST = 255


class DoubleRequest(Exception):
    """Another request with this key was faster."""


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that its caller may send again: whose it is, its key, and what it asks for."""

    key: ApiKey
    text: str
    digest: str

    @classmethod
    def parse(cls, request: Request, key: ApiKey, body: Mapping[str, Any]) -> Repeatable | None:
        """None where the caller sent no Idempotency-Key; a 400 where it cannot be one."""
        header = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if header is None:
            return None
        text = header.strip()
        if not 0 < len(text) <= LONGEST or not text.isprintable():
            raise invalid(
                [("Idempotency-Key", "invalid", f"Idempotency-Key must be 1 to {LONGEST} characters.")]
            )
        canonical = json.dumps([request.path, body], sort_keys=True, separators=(",", ":"))
        return cls(key, text, hashlib.sha256(canonical.encode()).hexdigest())

    def find(self, now: datetime) -> StoredAnswer | None:
        """The record of an earlier request. Raises 422 for another body, 409 while the first is under way.

        A record that was abandoned by a crash is answered from its lead: ``status`` is None, ``body`` names it.
        """
        row = StoredAnswer.objects.filter(
            key=self.key, idempotency_key=self.text, created_at__gt=now - KEPT
        ).first()
        if row is None:
            return None
        if row.request_hash != self.digest:
            raise Problem(
                422,
                "key_reused",
                "This Idempotency-Key was used for another request. Take a new key for a new one.",
            )
        if row.status is None and now - row.created_at < ABANDONED:
            raise in_flight()
        return row

    def begin(self, now: datetime) -> StoredAnswer:
        """Claim the key. To be called inside the transaction that does the work; raises DoubleRequest."""
        StoredAnswer.objects.filter(created_at__lte=now - KEPT).delete()
        try:
            with transaction.atomic():
                return StoredAnswer.objects.create(
                    key=self.key, idempotency_key=self.text, request_hash=self.digest, created_at=now
                )
        except IntegrityError:
            raise DoubleRequest from None


def in_flight() -> Problem:
    """409: the first one has not been answered yet."""
    return Problem(
        409,
        "in_flight",
        "A request with this Idempotency-Key is still under way. Ask again in a moment.",
        headers={"Retry-After": "2"},
    )


def remember(row: StoredAnswer, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Keep the answer that is about to be given."""
    StoredAnswer.objects.filter(pk=row.pk).update(status=status, body=dict(body), headers=dict(headers))
