"""What a connection's refresh schedule has learnt, what it did hour by hour, and what its random audits found."""

from __future__ import annotations

from django.db import models

from leads.models.connection import Connection
from leads.models.copy import Copy


class Schedule(models.Model):
    """One row per connection: the price of a read, pooled change rates, and the last report."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True)
    demand = models.FloatField(default=0.0, help_text="Sum of the copies' demands.")
    scale = models.FloatField(
        default=0.0, help_text="Root of the price when all intervals were last put on it."
    )
    recounted_at = models.DateTimeField(null=True, help_text="When demand was last summed from scratch.")
    #: Cell to [changes, exposure], as ``sync.freshness`` keeps them.
    rates = models.JSONField(default=dict)
    #: 168 hours of the week to [changes, exposure].
    profile = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="What the dashboard shows; computed every few minutes.")
    reported_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"schedule of {self.connection_id}"


class Tally(models.Model):
    """How often something happened in one hour (hours since 1970). ``bucket`` splits a measure, else it is 0."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    hour = models.BigIntegerField()
    measure = models.CharField(max_length=30)
    bucket = models.SmallIntegerField(default=0)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "hour", "measure", "bucket"], name="one_tally_per_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.measure}[{self.bucket}]: {self.count}"


class Audit(models.Model):
    """One copy chosen uniformly at random and read: was what the mirror showed still true?"""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    copy = models.ForeignKey(Copy, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(db_index=True)
    band = models.CharField(max_length=20)
    believed = models.FloatField(help_text="Probability, before the read, that nothing had changed.")
    was_stale = models.BooleanField()

    def __str__(self) -> str:
        return f"audit of {self.copy_id}"
