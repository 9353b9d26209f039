"""Connections: health, settings, webhook address. The key is an input that is always empty."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from leads import tasks
from leads.admin.budget_chart import draw_budget
from leads.admin.connection_form import ConnectionForm, describe_secret
from leads.admin.connection_remotes import environment_of, fields_for, secret_variables
from leads.admin.portal import describe_portal, portal_urls
from leads.admin.roles import Page, viewer_of
from leads.admin.wording import NOTHING, badge, cut, moment
from leads.models import Connection, Delivery, Push, Remote
from leads.models.encryption import UnreadableSecret
from leads.models.slot import SLOTS
from leads.sync import bulk
from leads.sync.reporting import find_report

#: Who tells us of leads; AlterEstate tells nothing.
HOOKED = (Remote.LEADPRO, Remote.AVIV)
#: What the page counts of the deliveries.
HOOK_SPAN = timedelta(days=7)


@admin.register(Connection)
class ConnectionAdmin(Page):
    """For administrators."""

    admins_only = True
    read_only = False
    form = ConnectionForm
    list_display = ("label", "state_badge", "budget_words", "last_success", "last_trouble", "waiting")
    change_form_template = "admin/leads/connection/page.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the number of pushes that wait."""
        open_pushes = Count("pushes", filter=Q(pushes__state__in=Push.OPEN))
        return (
            super()
            .get_queryset(request)
            .annotate(open_pushes=open_pushes)
            .order_by("-from_environment", "id")
        )

    @display(description="Connection", ordering="name")  # type: ignore[untyped-decorator]
    def label(self, connection: Connection) -> SafeString:
        """Name and remote."""
        where = connection.get_remote_display() + (
            " · from the environment" if connection.from_environment else ""
        )
        return format_html(
            '<span class="lm-two"><span class="lm-strong">{}</span><span class="lm-sub">{}</span></span>',
            connection.name,
            where,
        )

    @display(description="State")  # type: ignore[untyped-decorator]
    def state_badge(self, connection: Connection) -> SafeString:
        """Works, paused, not connected."""
        return state_of(connection)

    @display(description="Budget")  # type: ignore[untyped-decorator]
    def budget_words(self, connection: Connection) -> str:
        """Requests a minute; AVIV's rule is another one."""
        if connection.remote == Remote.AVIV:
            return f"{SLOTS} at once"
        return f"{connection.setting('requests_per_minute')} a minute"

    @display(description="Last success", ordering="last_success_at")  # type: ignore[untyped-decorator]
    def last_success(self, connection: Connection) -> SafeString:
        """When a call last worked."""
        return moment(connection.last_success_at, timezone.now())

    @display(description="Last problem")  # type: ignore[untyped-decorator]
    def last_trouble(self, connection: Connection) -> SafeString:
        """When and what."""
        if not connection.last_problem:
            return NOTHING
        return format_html(
            '<span title="{}">{} <span class="lm-sub">{}</span></span>',
            connection.last_problem,
            cut(connection.last_problem, 60),
            moment(connection.last_problem_at, timezone.now()),
        )

    @display(description="Waiting")  # type: ignore[untyped-decorator]
    def waiting(self, connection: Connection) -> int:
        """Open pushes."""
        return int(getattr(connection, "open_pushes", 0))

    def get_fields(self, request: HttpRequest, obj: Connection | None = None) -> list[str]:
        """Of the environment's connection only what the environment does not say."""
        return fields_for(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> tuple[str, ...]:
        """A connection stays at its remote."""
        return ("remote",) if obj is not None and not obj.from_environment else ()

    def get_urls(self) -> list[URLPattern]:
        """The buttons; POST only."""
        wrap = self.admin_site.admin_view
        acts = ("test", "pause", "resume", "rotate")
        return [
            *(
                path(
                    f"<int:pk>/{act}/",
                    wrap(require_POST(self.act_view)),
                    {"act": act},
                    name=f"leads_connection_{act}",
                )
                for act in acts
            ),
            *portal_urls(),
            *super().get_urls(),
        ]

    def act_view(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        """Test, pause, resume, or a new webhook address."""
        viewer, now = viewer_of(request), timezone.now()
        if not viewer.is_admin:
            raise PermissionDenied
        connection = Connection.objects.filter(pk=pk).first()
        if connection is None:
            raise Http404
        back = reverse("admin:leads_connection_change", args=[pk])
        if act == "test" and connection.remote != Remote.LEADPRO:
            tasks.ring(tasks.check_connection, connection_id=connection.pk)
            messages.success(request, "Being tested. Reload this page in a moment: Health tells how it went.")
        elif act == "test":
            run = bulk.start_reference(connection, actor=viewer.name, now=now)
            tasks.ring(tasks.check_connection, connection_id=connection.pk)
            tasks.ring(tasks.continue_run, run_id=run.pk)
            return HttpResponseRedirect(reverse("admin:leads_run_change", args=[run.pk]))
        elif act == "pause":
            connection.pause("person", f"{connection.name} was paused by {viewer.name}.", now)
            messages.success(request, "Paused. Nothing is sent or read until it is resumed; nothing is lost.")
        elif act == "resume":
            connection.resume()
            tasks.ring(tasks.deliver_pushes, connection_id=connection.pk)
            messages.success(request, "Resumed. What waited goes out now.")
        else:
            connection.rotate_webhook_secret(now)
            told = " Subscribe again, so that AVIV calls it." if connection.remote == Remote.AVIV else ""
            messages.success(request, f"New webhook address. The old one works for seven more days.{told}")
        return HttpResponseRedirect(back)

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        """With a new key, what waited goes out now."""
        if change:
            form.write()
        else:
            super().save_model(request, obj, form, change)
        if not obj.is_paused:
            obj.hurry_pushes()
        tasks.ring(tasks.deliver_pushes, connection_id=obj.pk)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: Connection | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Health beside the settings."""
        if obj is not None:
            context |= describe(obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


def state_of(connection: Connection) -> SafeString:
    """A badge."""
    if connection.is_paused:
        return badge("paused", "red", connection.reason)
    try:
        is_connected = connection.is_connected
    except UnreadableSecret as problem:
        return badge("key unreadable", "red", str(problem))
    return badge("connected", "green") if is_connected else badge("not connected", "amber")


def describe(connection: Connection) -> dict[str, Any]:
    """What the page of a connection shows."""
    now, report = timezone.now(), find_report(connection)
    old_until, is_leadpro = connection.previous_secret_until, connection.remote == Remote.LEADPRO
    return {
        "connection": connection,
        "state_badge": state_of(connection),
        "secret_words": describe_secret(connection),
        "webhook_url": f"{settings.PUBLIC_BASE_URL}/webhooks/{connection.webhook_secret}/",
        "old_webhook_until": old_until if old_until and old_until > now else None,
        "secret_variables": secret_variables(connection),
        "from_environment": environment_of(connection) if connection.from_environment else [],
        "open_pushes": connection.pushes.open().count(),
        "facts": [
            ("Last success", moment(connection.last_success_at, now)),
            ("Last write", moment(connection.last_write_at, now)),
            ("Last problem", moment(connection.last_problem_at, now)),
            *([("Lists read", moment(connection.reference_synced_at, now))] if is_leadpro else []),
            (
                "Slowed down until",
                moment(connection.slow_until, now) if is_ahead(connection.slow_until, now) else NOTHING,
            ),
        ],
        "hooks": describe_hooks(connection, now) if connection.remote in HOOKED else None,
        "portal": describe_portal(connection, now),
        "budget": draw_budget(report) if report and connection.remote != Remote.AVIV else None,
        "title": "",
    }


def describe_hooks(connection: Connection, now: datetime) -> dict[str, Any]:
    """Whether anything ever arrived at the webhook address, and what it was good for."""
    rows = Delivery.objects.filter(connection=connection)
    last = rows.order_by("-id").values_list("received_at", flat=True).first()
    recent = rows.filter(received_at__gte=now - HOOK_SPAN).order_by()
    counts = recent.aggregate(
        n=Count("pk"),
        failed=Count("pk", filter=Q(state=Delivery.FAILED)),
        waiting=Count("pk", filter=Q(state=Delivery.WAITING)),
        **{name: Count("pk", filter=Q(finding=name)) for name, _ in Delivery.FINDINGS},
    )
    url = f"{reverse('admin:leads_delivery_changelist')}?connection__id__exact={connection.pk}"
    return {"last": moment(last, now) if last else None, "counts": counts, "url": url}


def is_ahead(at: Any, now: Any) -> bool:
    """Whether this moment is still to come."""
    return at is not None and at > now
