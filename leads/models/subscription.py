"""A webhook that we asked a remote for: its address, our key in it, and what the remote says of its deliveries."""

from __future__ import annotations

from django.db import models

from leads.models.connection import Connection
from leads.models.encryption import decrypt, encrypt


class Subscription(models.Model):
    """One row per subscription made from here. The key goes in encrypted and is never shown."""

    ACTIVE, INACTIVE, GONE = "ACTIVE", "INACTIVE", "GONE"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="subscriptions")
    remote_id = models.CharField(max_length=100)
    url = models.CharField(max_length=500)
    secret = models.TextField(blank=True, default="", editable=False, help_text="Encrypted.")
    status = models.CharField(max_length=20, default=ACTIVE, help_text="As the remote last said.")
    made_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, help_text="When the remote was last asked about it.")
    delivered_at = models.DateTimeField(
        null=True, help_text="The last delivery that the remote counts as good."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="one_row_per_subscription")
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.remote_id

    @property
    def key(self) -> str:
        """The text by which its deliveries prove themselves; raises UnreadableSecret."""
        return decrypt(self.secret)

    def set_key(self, text: str) -> None:
        """Replace the key; call save() after."""
        self.secret = encrypt(text)
