"""How many requests each API key has made in a minute, counted for all processes together."""

from __future__ import annotations

from django.db import models

from leads.models.key import ApiKey


class RateWindow(models.Model):
    """One key in one minute (minutes since 1970)."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    minute = models.BigIntegerField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "minute"], name="one_rate_window_per_minute")]

    def __str__(self) -> str:
        return f"{self.key_id}: {self.used} in minute {self.minute}"

    @classmethod
    def take(cls, key_id: int, minute: int, limit: int) -> tuple[int, int]:
        """Take a block of what is left of this minute: (requests granted, requests still left after them).

        A block, so that not every request costs a write; it shrinks towards the end, so that the last requests are
        not locked away in a process that does not need them. Never more than ``limit`` in all; (0, 0) when spent.
        """
        while True:
            row, is_new = cls.objects.get_or_create(key_id=key_id, minute=minute)
            if is_new:
                cls.objects.filter(key_id=key_id, minute__lt=minute - 10).delete()
            left = limit - row.used
            if left <= 0:
                return 0, 0
            block = max(1, left // 20)
            if cls.objects.filter(pk=row.pk, used=row.used).update(used=row.used + block):
                return block, left - block
