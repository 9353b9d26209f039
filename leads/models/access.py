"""Who may see which leads. Roles follow Lead.pro's: admin everything, leader chosen offices, agent one office."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from leads.models.connection import Connection

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


@dataclass(frozen=True, slots=True)
class Scope:
    """The leads somebody may see: all, or those of some offices (and perhaps those without an office)."""

    everything: bool = False
    office_ids: frozenset[int] = frozenset()
    officeless_connections: frozenset[int] = frozenset()

    def allows_office(self, office_id: int | None) -> bool:
        """Whether a lead may be put into this office."""
        return self.everything or (office_id is not None and office_id in self.office_ids)


EVERYTHING = Scope(everything=True)


class Access(models.Model):
    """One user's role and offices."""

    ADMIN, LEADER, AGENT = "admin", "leader", "agent"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access")
    role = models.CharField(
        max_length=10, choices=[(ADMIN, "admin"), (LEADER, "leader"), (AGENT, "agent")], default=AGENT
    )
    office_ids = models.JSONField(default=list, blank=True, help_text="Lead.pro's office ids.")

    class Meta:
        verbose_name_plural = "access"

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def scope(self) -> Scope:
        """What this user may see."""
        if self.role == self.ADMIN:
            return EVERYTHING
        offices = [int(n) for n in self.office_ids]
        if self.role == self.AGENT:
            return Scope(office_ids=frozenset(offices[:1]))
        officeless = Connection.objects.filter(leaders_see_officeless=True).values_list("pk", flat=True)
        return Scope(office_ids=frozenset(offices), officeless_connections=frozenset(officeless))


def scope_of(user: AbstractBaseUser | AnonymousUser) -> Scope:
    """What a logged-in user may see; nobody in particular sees nothing."""
    if getattr(user, "is_superuser", False):
        return EVERYTHING
    access = Access.objects.filter(user_id=user.pk).first() if user.pk else None
    return access.scope if access else Scope()
