"""Who may open which page. Roles come from Access rows; a user without one, staff or not, sees nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import ShowFacets
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from leads.models import Access, Scope
from leads.models.access import EVERYTHING

NOTHING_AT_ALL = Scope()


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who looks: role and the leads they may see."""

    name: str = ""
    role: str = ""
    scope: Scope = NOTHING_AT_ALL

    @property
    def is_admin(self) -> bool:
        """Whether settings, people and keys are theirs to see."""
        return self.role == Access.ADMIN

    @property
    def has_role(self) -> bool:
        """Whether they see leads at all."""
        return bool(self.role)


def viewer_of(request: HttpRequest) -> Viewer:
    """Role and scope of the person behind this request, read once per request."""
    known: Viewer | None = getattr(request, "_leads_viewer", None)
    if known is None:
        known = _read_viewer(request)
        request._leads_viewer = known  # type: ignore[attr-defined]
    return known


def _read_viewer(request: HttpRequest) -> Viewer:
    user = request.user
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return Viewer()
    if user.is_superuser:
        return Viewer(user.get_username(), Access.ADMIN, EVERYTHING)
    access = Access.objects.filter(user_id=user.pk).first()
    return Viewer(user.get_username(), access.role, access.scope) if access else Viewer(user.get_username())


class PageChangeList(ChangeList):  # type: ignore[misc]
    """Counts once: without a filter the result is everything there is."""

    def get_results(self, request: HttpRequest) -> None:
        """Say "show all" only where something is left out."""
        super().get_results(request)
        if not self.params and not self.query:
            self.full_result_count = self.result_count


class Page(ModelAdmin):  # type: ignore[misc]
    """A page that everybody with a role may look at and nobody may change, unless it says otherwise."""

    admins_only = False
    read_only = True
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_fullwidth = True
    list_filter_submit = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Lists that count once."""
        return PageChangeList

    def _may_look(self, request: HttpRequest) -> bool:
        viewer = viewer_of(request)
        return viewer.is_admin if self.admins_only else viewer.has_role

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the page is in the menus."""
        return self._may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the page may be read."""
        return self._may_look(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether something may be made here."""
        return not self.read_only and self._may_look(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether something may be changed here."""
        return not self.read_only and self._may_look(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted in the admin."""
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One button saves."""
        context |= {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Names stay out of Django's log: the history of a lead is its changes, which an erasure reaches."""
        return super().log_addition(request, obj, message) if self.admins_only else None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """See log_addition."""
        return super().log_change(request, obj, message) if self.admins_only else None
