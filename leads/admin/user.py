"""Users, with their role and offices on the same page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from leads.admin.access import TONES, AccessInline
from leads.admin.roles import Page, viewer_of
from leads.admin.wording import badge, moment

admin.site.unregister(User)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, Page):  # type: ignore[type-arg, misc]
    """For administrators. Who may do what follows from the role, so Django's permissions are not shown."""

    admins_only = True
    read_only = False
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (AccessInline,)
    list_display = ("username", "full_name", "email", "role", "is_staff", "is_active", "seen")
    list_filter = ()
    list_select_related = ("access",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = ((None, {"fields": ("username", "email", "password1", "password2", "is_staff")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes superusers."""
        may_raise = getattr(request.user, "is_superuser", False)
        return self.readonly_fields if may_raise else (*self.readonly_fields, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser's password is not an administrator's to set."""
        protected = obj is not None and getattr(obj, "is_superuser", False) and not request.user.is_superuser
        return viewer_of(request).is_admin and not protected

    @display(description="Name")  # type: ignore[untyped-decorator]
    def full_name(self, user: User) -> str:
        """First and last."""
        return user.get_full_name()

    @display(description="Role")  # type: ignore[untyped-decorator]
    def role(self, user: User) -> SafeString:
        """Or that there is none."""
        if user.is_superuser:
            return badge("superuser", "violet")
        access = getattr(user, "access", None)
        return (
            badge(access.get_role_display(), TONES[access.role]) if access else badge("sees nothing", "grey")
        )

    @display(description="Last log-in", ordering="last_login")  # type: ignore[untyped-decorator]
    def seen(self, user: User) -> SafeString:
        """How long ago."""
        return moment(user.last_login, timezone.now())
