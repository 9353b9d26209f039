"""An e-mail address or phone number by which a connection is asked, now and then, for leads we do not know."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection


class Contact(models.Model):
    """One identifier of one person. ``key`` is the normalised form, ``spelling`` the remote's own."""

    EMAIL, PHONE = "email", "phone"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    by = models.CharField(max_length=5, choices=[(EMAIL, "e-mail"), (PHONE, "phone")])
    key = models.CharField(max_length=320)
    spelling = models.CharField(max_length=320)
    awake_since = models.DateTimeField(help_text="When its newest lead was made.")
    last_attempt_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    next_ask_at = models.DateTimeField(null=True)
    gamma_shape = models.FloatField(default=1.0)
    gamma_rate = models.FloatField(default=1.0)
    refresh_interval = models.FloatField(default=86400.0)
    refresh_class = models.SmallIntegerField(null=True, default=10)
    demand = models.FloatField(default=0.0)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "by", "key"], name="one_contact_per_key")
        ]
        indexes = [
            models.Index(
                fields=["connection", "refresh_class", "last_attempt_at"],
                condition=Q(refresh_class__isnull=False),
                name="contact_class_head",
            )
        ]

    def __str__(self) -> str:
        return f"{self.by} of connection {self.connection_id}"
