"""Django's groups, for installations that use them with other applications."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group

from leads.admin.roles import Page, viewer_of

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, Page):  # type: ignore[misc]
    """For administrators."""

    admins_only = True
    read_only = False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        """Groups carry nothing of ours."""
        return viewer_of(request).is_admin  # type: ignore[arg-type]
