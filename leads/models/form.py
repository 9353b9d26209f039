"""Forms that made a lead: sent a second time, they make no second one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction

from leads.models.lead import Lead

KEPT = timedelta(days=7)


class SavedForm(models.Model):
    """One form by its one-time key, and what became of it. Written in the transaction that makes the lead."""

    key = models.CharField(max_length=40, unique=True)
    digest = models.CharField(max_length=64, help_text="Hash of what was sent.")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"form of lead {self.lead_id}"

    @classmethod
    def claim(cls, key: str, digest: str, now: datetime) -> SavedForm:
        """To be called inside the transaction that does the work. Raises SavedBefore, once the first one is through."""
        cls.objects.filter(created_at__lte=now - KEPT).delete()
        try:
            with transaction.atomic():
                return cls.objects.create(key=key, digest=digest, created_at=now)
        except IntegrityError:
            raise SavedBefore(cls.objects.get(key=key)) from None


class SavedBefore(Exception):
    """This form made a lead already: that of ``row``."""

    def __init__(self, row: SavedForm) -> None:
        super().__init__()
        self.row = row
