"""Webhook deliveries: the raw body, and what became of it. For administrators: a body may be of any office."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from leads.admin.roles import Page
from leads.admin.values import pretty
from leads.admin.wording import badge, cut, moment
from leads.models import Delivery

TONES = {Delivery.WAITING: "blue", Delivery.DONE: "green", Delivery.REPEATED: "grey", Delivery.FAILED: "red"}


@admin.register(Delivery)
class DeliveryAdmin(Page):
    """Read-only."""

    admins_only = True
    list_display = ("state_badge", "event", "remote_id", "connection", "effect", "tries", "why", "received")
    list_filter = (("state", MultipleChoicesDropdownFilter), ("connection", RelatedDropdownFilter))
    list_select_related = ("connection",)
    search_fields = ("=remote_id",)
    readonly_fields = (
        "state_badge",
        "effect",
        "connection",
        "event",
        "remote_id",
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
        if delivery.state == Delivery.REPEATED:
            return "the same as one before it"
        if delivery.state != Delivery.DONE:
            return "—"
        return "the lead changed" if delivery.changed_something else "nothing had changed"

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
