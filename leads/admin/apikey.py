"""API keys. A key is shown once, on the page after it was made; then only its keyed hash is left."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from leads.admin.roles import Page, viewer_of
from leads.admin.wording import badge, moment
from leads.models import ApiKey, Office
from leads.models.encryption import decrypt, encrypt
from leads.models.key import SCOPES

ONCE = "leads_new_api_key"
SCOPE_WORDS = {
    "leads:read": "read leads",
    "leads:write": "create and change leads",
    "webhooks:write": "manage webhook endpoints",
}


def office_choices() -> list[tuple[int, str]]:
    """Offices by name, each id once."""
    return list(dict(Office.objects.order_by("name").values_list("office_id", "name")).items())


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the key may do, and where."""

    scopes = forms.MultipleChoiceField(
        choices=[(s, f"{s}: {SCOPE_WORDS[s]}") for s in SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    office_ids = forms.TypedMultipleChoiceField(
        label="Offices",
        required=False,
        coerce=int,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None chosen: all offices.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "office_ids")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "office_ids" in self.fields:
            self.fields["office_ids"].choices = office_choices()  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(Page):
    """For administrators. A key is made and revoked, never changed."""

    admins_only = True
    read_only = False
    form = ApiKeyForm
    list_display = ("name", "prefix", "state", "may", "where", "last_used", "created_by", "made")
    change_form_template = "admin/leads/apikey.html"
    readonly_fields = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key that is in use keeps its meaning."""
        return False

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """The form, or the facts."""
        if obj is None:
            return ["name", "scopes", "office_ids"]
        return ["name", "prefix", "state", "may", "where", "last_used", "created_by", "made"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Everything, once made."""
        return self.get_fields(request, obj) if obj is not None else []

    @display(description="State")  # type: ignore[untyped-decorator]
    def state(self, key: ApiKey) -> SafeString:
        """Live or revoked."""
        return badge("revoked", "grey") if key.revoked_at else badge("live", "green")

    @display(description="May")  # type: ignore[untyped-decorator]
    def may(self, key: ApiKey) -> str:
        """Its scopes."""
        return ", ".join(key.scopes)

    @display(description="Offices")  # type: ignore[untyped-decorator]
    def where(self, key: ApiKey) -> str:
        """All, or which."""
        return ", ".join(str(n) for n in key.office_ids) if key.office_ids else "all"

    @display(description="Last used", ordering="last_used_at")  # type: ignore[untyped-decorator]
    def last_used(self, key: ApiKey) -> SafeString:
        """How long ago."""
        return moment(key.last_used_at, timezone.now())

    @display(description="Made", ordering="created_at")  # type: ignore[untyped-decorator]
    def made(self, key: ApiKey) -> SafeString:
        """How long ago."""
        return moment(key.created_at, timezone.now())

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """The text of the key waits, encrypted, for the next page."""
        row, text = ApiKey.make(
            form.cleaned_data["name"],
            form.cleaned_data["scopes"],
            form.cleaned_data["office_ids"],
            timezone.now(),
            viewer_of(request).name,
        )
        obj.pk = row.pk
        request.session[ONCE] = [row.pk, encrypt(text)]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the page that shows it once."""
        return HttpResponseRedirect(reverse("admin:leads_apikey_change", args=[obj.pk]))

    def get_urls(self) -> list[URLPattern]:
        """Revoking is a POST."""
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<int:pk>/revoke/", revoke, name="leads_apikey_revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The next request with this key is refused."""
        if not viewer_of(request).is_admin:
            raise PermissionDenied
        if not ApiKey.objects.filter(pk=pk).exists():
            raise Http404
        ApiKey.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
        messages.success(request, "Revoked. The next request with this key is refused.")
        return HttpResponseRedirect(reverse("admin:leads_apikey_change", args=[pk]))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: ApiKey | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """The new key, if this is the page after making it."""
        if obj is not None:
            waiting = request.session.get(ONCE)
            if isinstance(waiting, list) and waiting[0] == obj.pk:
                context["new_key"] = decrypt(waiting[1])
                del request.session[ONCE]
            context |= {"api_key": obj, "show_close": True}
        answer = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer
