"""One send of a push. Written even when the sender lost its claim: an id learnt late is never thrown away."""

from __future__ import annotations

from django.db import models

from leads.models.push import Push


class Attempt(models.Model):
    """Append-only."""

    push = models.ForeignKey(Push, on_delete=models.CASCADE, related_name="sends")
    number = models.PositiveIntegerField()
    fence = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=20)
    http_status = models.PositiveIntegerField(null=True)
    excerpt = models.CharField(max_length=500, blank=True, default="")
    remote_id = models.CharField(max_length=100, blank=True, default="")
    remote_reference = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.outcome} ({self.number})"
