"""One raw inbound webhook and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection


class Delivery(models.Model):
    """Stored before anything else can fail; a hint to look, never the truth."""

    WAITING, DONE, REPEATED, FAILED = "waiting", "done", "repeated", "failed"
    STATES = [(WAITING, "waiting"), (DONE, "done"), (REPEATED, "repeated"), (FAILED, "failed")]

    #: What its read told: it was the first to know, others had found the change before, nothing had changed at all,
    #: or the remote has no lead of that id.
    EARLY, LATE, EMPTY, NOT_FOUND = "early", "late", "empty", "not_found"
    FINDINGS = [(EARLY, "early"), (LATE, "late"), (EMPTY, "empty"), (NOT_FOUND, "not found")]

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="deliveries")
    received_at = models.DateTimeField()
    waiting_since = models.DateTimeField(
        null=True, help_text="Only a read that began later answers it: received, repeated or replayed then."
    )
    read_started_at = models.DateTimeField(null=True, help_text="A read that may answer it has begun.")
    body = models.JSONField()
    digest = models.CharField(max_length=64, db_index=True)
    event = models.CharField(max_length=60, blank=True, default="")
    remote_id = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=10, choices=STATES, default=WAITING)
    due_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    processed_at = models.DateTimeField(null=True)
    changed_something = models.BooleanField(null=True)
    finding = models.CharField(max_length=10, choices=FINDINGS, blank=True, default="")
    problem = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["connection", "due_at"], condition=Q(state="waiting"), name="delivery_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event or 'delivery'} {self.remote_id}"
