"""The last sign of life of a recurring job, and the claim of the one worker that runs it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models


class Heartbeat(models.Model):
    """One row per job name."""

    name = models.CharField(max_length=50, primary_key=True)
    at = models.DateTimeField()
    until = models.DateTimeField(null=True, help_text="Claimed by a worker until then.")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def beat(cls, name: str, now: datetime) -> None:
        """Say that the job ran. Repeatable."""
        cls.objects.update_or_create(name=name, defaults={"at": now})

    @classmethod
    def claim(cls, name: str, now: datetime, span: timedelta) -> bool:
        """Become the only one who runs this job until ``now + span``, or until ``release``."""
        cls.objects.get_or_create(name=name, defaults={"at": now})
        free = models.Q(until__isnull=True) | models.Q(until__lt=now)
        return bool(cls.objects.filter(free, name=name).update(until=now + span, at=now))

    @classmethod
    def keep(cls, name: str, held_until: datetime, until: datetime, now: datetime) -> bool:
        """A sign of life of the one who holds the claim until ``held_until``; False where it is no longer theirs."""
        return bool(cls.objects.filter(name=name, until=held_until).update(until=until, at=now))

    @classmethod
    def was_left(cls, name: str, now: datetime) -> bool:
        """Whether the last one who claimed it let the claim run out: it died over it."""
        return cls.objects.filter(name=name, until__lt=now).exists()

    @classmethod
    def release(cls, name: str) -> None:
        """Let the next worker in."""
        cls.objects.filter(name=name).update(until=None)
