"""What was erased and stays so, known by a keyed hash only; and what a person still has to decide about it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection
from leads.models.encryption import keyed_hashes
from leads.models.lead import Lead


class ErasureQuerySet(models.QuerySet["Erasure"]):
    """Erasures by state."""

    def to_decide(self) -> ErasureQuerySet:
        """Those whose lead had been handed on: somebody has to say what becomes of it there and here."""
        return self.filter(erased_at__isnull=False, lead__isnull=False, decided_at__isnull=True)

    def among(self, connection: Connection, remote_ids: Iterable[str]) -> dict[str, Erasure]:
        """Remote id to its erasure, suspected or done, for those of these ids that have one."""
        by_hash = {digest: name for name in remote_ids for digest in remote_hashes(connection, name)}
        found = self.filter(connection=connection, remote_hash__in=list(by_hash))
        return {by_hash[row.remote_hash]: row for row in found}


class Erasure(models.Model):
    """One lead of one connection. Until ``erased_at`` it is a suspicion: one read has shown nobody any more."""

    REMOTE, EXPIRED = "remote", "expired"
    CAUSES = [(REMOTE, "erased at the remote"), (EXPIRED, "its time is over")]
    ERASE, KEEP = "erase", "keep"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="erasures")
    remote_hash = models.CharField(max_length=64)
    cause = models.CharField(max_length=10, choices=CAUSES)
    noticed_at = models.DateTimeField(help_text="When the first read that showed nobody was started.")
    erased_at = models.DateTimeField(null=True)
    lead = models.ForeignKey(
        Lead,
        on_delete=models.SET_NULL,
        null=True,
        related_name="erasures",
        help_text="Where it was handed on.",
    )
    places = models.JSONField(default=list, help_text="Names of the connections it was handed on to.")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=10, blank=True, default="")
    decided_by = models.CharField(max_length=200, blank=True, default="")

    objects = ErasureQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_hash"], name="one_erasure_per_remote_lead")
        ]
        indexes = [
            models.Index(
                fields=["lead"],
                condition=Q(lead__isnull=False, decided_at__isnull=True),
                name="erasure_to_decide",
            )
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"


def remote_hashes(connection: Connection, remote_id: str) -> list[str]:
    """The keyed hashes by which a remote lead is known once it is erased; the first one is the one to store."""
    return keyed_hashes(f"{connection.remote}:{connection.pk}:{remote_id}")
