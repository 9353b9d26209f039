"""Webhook deliveries: the raw body, and what became of it. For administrators: a body may be of any office."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from leads import tasks
from leads.admin.lead_views import lead_url
from leads.admin.roles import Page, viewer_of
from leads.admin.values import pretty
from leads.admin.wording import NOTHING, badge, count_of, cut, moment
from leads.models import Copy, Delivery
from leads.sync import receiving

#: More at once would fill the budget for hints for a long time.
MOST_REPLAYED = 1_000
EFFECTS = {
    Delivery.EARLY: "told us first: the lead changed",
    Delivery.LATE: "came late: the change was known",
    Delivery.EMPTY: "nothing had changed",
    Delivery.NOT_FOUND: "no lead has this id",
}
TONES = {Delivery.WAITING: "blue", Delivery.DONE: "green", Delivery.REPEATED: "grey", Delivery.FAILED: "red"}


@admin.register(Delivery)
class DeliveryAdmin(Page):
    """Read-only but for one thing: a delivery may be answered by a new read."""

    admins_only = True
    list_display = ("state_badge", "event", "remote_id", "connection", "effect", "tries", "why", "received")
    list_filter = (
        ("state", MultipleChoicesDropdownFilter),
        ("finding", MultipleChoicesDropdownFilter),
        ("connection", RelatedDropdownFilter),
    )
    actions = ("replay_selected",)
    change_form_template = "admin/leads/delivery/page.html"
    list_select_related = ("connection",)
    search_fields = ("=remote_id",)
    readonly_fields = (
        "state_badge",
        "effect",
        "connection",
        "event",
        "remote_id",
        "lead",
        "received",
        "processed",
        "tries",
        "problem",
        "raw_body",
    )
    fields = readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """The bodies are read on the page of one only."""
        deliveries: QuerySet[Delivery] = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("changelist")
        return deliveries.defer("body") if is_list else deliveries

    @display(description="State", ordering="state")  # type: ignore[untyped-decorator]
    def state_badge(self, delivery: Delivery) -> SafeString:
        """Coloured."""
        return badge(delivery.get_state_display(), TONES[delivery.state])

    @display(description="What became of it")  # type: ignore[untyped-decorator]
    def effect(self, delivery: Delivery) -> str:
        """In words."""
        if delivery.finding:
            return EFFECTS[delivery.finding]
        if delivery.state == Delivery.REPEATED:
            return "the same read answered it and one before it"
        return "—"

    @display(description="Lead here")  # type: ignore[untyped-decorator]
    def lead(self, delivery: Delivery) -> SafeString:
        """A link to the lead that it names."""
        copies = Copy.objects.filter(connection=delivery.connection_id, remote_id=delivery.remote_id)
        lead_id = copies.values_list("lead_id", flat=True).first() if delivery.remote_id else None
        if lead_id is None:
            return NOTHING
        return format_html('<a class="lm-link" href="{}">lead {}</a>', lead_url(lead_id), lead_id)

    @display(description="Problem")  # type: ignore[untyped-decorator]
    def why(self, delivery: Delivery) -> str:
        """Cut for the list."""
        return cut(delivery.problem, 90)

    @display(description="Received", ordering="received_at")  # type: ignore[untyped-decorator]
    def received(self, delivery: Delivery) -> SafeString:
        """How long ago."""
        return moment(delivery.received_at, timezone.now())

    @display(description="Processed")  # type: ignore[untyped-decorator]
    def processed(self, delivery: Delivery) -> SafeString:
        """How long ago."""
        return moment(delivery.processed_at, timezone.now())

    @display(description="Body")  # type: ignore[untyped-decorator]
    def raw_body(self, delivery: Delivery) -> SafeString:
        """As it came."""
        return format_html('<pre class="lm-json">{}</pre>', pretty(delivery.body))

    @action(description="Replay: read these leads again", permissions=["view"])  # type: ignore[untyped-decorator]
    def replay_selected(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        """The chosen deliveries wait again, and a worker reads what they name."""
        ids = list(deliveries.order_by("-id").values_list("pk", flat=True)[: MOST_REPLAYED + 1])
        if len(ids) > MOST_REPLAYED:
            messages.warning(
                request, f"Choose at most {MOST_REPLAYED:,} at a time. None of these was replayed."
            )
            return
        replay(request, ids)

    def get_urls(self) -> list[URLPattern]:
        """The button; POST only."""
        view = self.admin_site.admin_view(require_POST(self.replay_view))
        return [path("<int:pk>/replay/", view, name="leads_delivery_replay"), *super().get_urls()]

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Replay one."""
        if not viewer_of(request).is_admin:
            raise PermissionDenied
        if not Delivery.objects.filter(pk=pk).exists():
            raise Http404
        replay(request, [pk])
        return HttpResponseRedirect(reverse("admin:leads_delivery_change", args=[pk]))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: Delivery | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """With the button."""
        return super().render_change_form(request, context | {"delivery": obj}, *args, obj=obj, **kwargs)


def replay(request: HttpRequest, ids: list[int]) -> None:
    """Have deliveries answered by a new read, and say so."""
    number = receiving.replay(ids, timezone.now())
    for pk in Delivery.objects.filter(pk__in=ids).order_by().values_list("connection", flat=True).distinct():
        tasks.ring(tasks.process_deliveries, connection_id=pk)
    words = count_of(number, "delivery waits", "deliveries wait")
    messages.success(request, f"{words} again. Leads are read anew; nothing is taken from a body.")
