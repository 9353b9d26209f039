"""Roles and offices of users. The same form stands on the page of a user."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from leads.admin.apikey import office_choices
from leads.admin.roles import Page, viewer_of
from leads.admin.wording import badge
from leads.models import Access, Office

TONES = {Access.ADMIN: "violet", Access.LEADER: "teal", Access.AGENT: "blue"}


class AccessForm(forms.ModelForm):  # type: ignore[type-arg]
    """A role, and offices where it needs some."""

    office_ids = forms.TypedMultipleChoiceField(
        label="Offices",
        required=False,
        coerce=int,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="A leader sees the leads of these, an agent those of one. An administrator sees all.",
    )

    class Meta:
        model = Access
        fields = ("user", "role", "office_ids")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = [(n, f"office {n}") for n in (self.instance.office_ids or [])]
        known = dict(office_choices())
        self.fields["office_ids"].choices = [*known.items(), *(k for k in kept if k[0] not in known)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """An agent works in one office."""
        cleaned = super().clean() or self.cleaned_data
        offices = cleaned.get("office_ids") or []
        if cleaned.get("role") == Access.AGENT and len(offices) != 1:
            self.add_error("office_ids", "Choose the one office of this agent.")
        if cleaned.get("role") == Access.LEADER and not offices:
            self.add_error("office_ids", "Choose the offices of this leader.")
        return dict(cleaned)


@admin.register(Access)
class AccessAdmin(Page):
    """For administrators."""

    admins_only = True
    read_only = False
    form = AccessForm
    list_display = ("user", "role_badge", "offices")
    list_select_related = ("user",)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        """Taking a role away is a deletion."""
        return viewer_of(request).is_admin

    @display(description="Role", ordering="role")  # type: ignore[untyped-decorator]
    def role_badge(self, access: Access) -> SafeString:
        """Coloured."""
        return badge(access.get_role_display(), TONES[access.role])

    @display(description="Offices")  # type: ignore[untyped-decorator]
    def offices(self, access: Access) -> str:
        """Their names."""
        if access.role == Access.ADMIN:
            return "all"
        names = dict(Office.objects.filter(office_id__in=access.office_ids).values_list("office_id", "name"))
        return ", ".join(names.get(n, f"office {n}") for n in access.office_ids) or "none"


class AccessInline(StackedInline):  # type: ignore[misc]
    """On the page of a user."""

    model = Access
    form = AccessForm
    fields = ("role", "office_ids")
    extra = 0
    max_num = 1
    verbose_name = "role and offices"
    verbose_name_plural = "Role and offices"

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        """As the page."""
        return viewer_of(request).is_admin

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission
