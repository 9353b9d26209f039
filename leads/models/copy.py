"""A lead as one connection last showed it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection
from leads.models.lead import Lead

#: Clocks of two machines may be that far apart.
SKEW = timedelta(minutes=5)


class CopyQuerySet(models.QuerySet["Copy"]):
    """Copies by what should happen to them."""

    def due(self, connection: Connection, now: datetime) -> CopyQuerySet:
        """Those to look at again by now, oldest look first."""
        return self.filter(connection=connection, next_refresh_at__lte=now).order_by("last_attempt_at", "id")


class Copy(models.Model):
    """The raw payload is the truth about the remote; the lead's columns are a view of it."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="copies")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="copies")
    remote_id = models.CharField(max_length=100)
    raw = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64, default="")
    as_of = models.DateTimeField(help_text="When the request of the newest answer applied was started.")
    seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    next_refresh_at = models.DateTimeField(null=True)
    #: When to look again (``sync.freshness``): what is believed about it, and what follows from that.
    awake_since = models.DateTimeField(
        null=True, help_text="When it was made, or last woke from a long sleep."
    )
    wanted_until = models.DateTimeField(null=True, help_text="Somebody has it before them until then.")
    gamma_shape = models.FloatField(default=1.0)
    gamma_rate = models.FloatField(default=1.0)
    refresh_interval = models.FloatField(default=86400.0, help_text="Business seconds between looks.")
    refresh_class = models.SmallIntegerField(
        null=True, default=10, help_text="floor(log2(interval in minutes)); null: not on the schedule."
    )
    demand = models.FloatField(default=0.0, help_text="Its part in the connection's demand.")
    failures = models.PositiveIntegerField(default=0)
    missing_since = models.DateTimeField(null=True, help_text="When the remote first said: no such lead.")
    gone_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="When the remote wants it deleted everywhere.")

    objects = CopyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "copies"
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="one_copy_per_remote_lead"),
            models.UniqueConstraint(fields=["lead", "connection"], name="one_copy_per_lead_and_connection"),
        ]
        indexes = [
            models.Index(
                fields=["connection", "refresh_class", "last_attempt_at"],
                condition=Q(refresh_class__isnull=False),
                name="copy_class_head",
            ),
            models.Index(
                fields=["connection", "expires_at"],
                condition=Q(expires_at__isnull=False),
                name="copy_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.remote_id}"

    def knows_newer(self, started_at: datetime, now: datetime) -> bool:
        """Whether what a request shows that was started then is older than what is here.

        A stamp far ahead of now comes from a clock that was wrong. It proves nothing, or it would hide all news until
        then.
        """
        return started_at < self.as_of <= now + SKEW
