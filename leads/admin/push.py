"""Pushes: what is on its way to a remote, and why it stopped."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from integrations.leadpro.fields import TOKEN_KEY
from leads import tasks
from leads.admin.lead_columns import name_of
from leads.admin.lead_views import lead_url
from leads.admin.push_words import remote_link, tell_push
from leads.admin.roles import Page, viewer_of
from leads.admin.values import label_of, pretty, show
from leads.admin.wording import NOTHING, PUSH_TONES, badge, clock, count_of, cut, moment
from leads.models import Lead, Push
from leads.sync import pushing


@admin.register(Push)
class PushAdmin(Page):
    """Pushes of leads in the viewer's offices."""

    list_display = ("state_badge", "lead_name", "what", "connection", "attempts", "next_step", "why", "made")
    list_display_links = ("state_badge",)
    list_filter = (
        ("state", MultipleChoicesDropdownFilter),
        ("kind", MultipleChoicesDropdownFilter),
        ("connection", RelatedDropdownFilter),
    )
    actions = ("retry_selected", "discard_selected")
    list_select_related = ("lead", "connection")
    change_form_template = "admin/leads/push/page.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Push]:
        """The viewer's scope."""
        viewer = viewer_of(request)
        pushes: QuerySet[Push] = super().get_queryset(request)
        if viewer.scope.everything:
            return pushes
        return pushes.filter(lead__in=Lead.objects.visible_to(viewer.scope))

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the viewer may retry and discard."""
        return viewer_of(request).has_role

    @display(description="State", ordering="state")  # type: ignore[untyped-decorator]
    def state_badge(self, push: Push) -> SafeString:
        """Coloured by urgency."""
        return badge(push.get_state_display(), PUSH_TONES[push.state])

    @display(description="Lead")  # type: ignore[untyped-decorator]
    def lead_name(self, push: Push) -> SafeString:
        """Leads to the lead."""
        return format_html(
            '<a class="lm-strong" href="{}">{}</a>', lead_url(push.lead_id), cut(name_of(push.lead), 60)
        )

    @display(description="What")  # type: ignore[untyped-decorator]
    def what(self, push: Push) -> SafeString:
        """The kind; of an update, the fields."""
        fields = ", ".join(label_of(name) for name in push.edits)
        return format_html(
            '<span class="lm-two"><span>{}</span><span class="lm-sub">{}</span></span>',
            push.get_kind_display(),
            cut(fields, 60),
        )

    @display(description="Next step", ordering="due_at")  # type: ignore[untyped-decorator]
    def next_step(self, push: Push) -> SafeString:
        """When a worker takes it up."""
        return moment(push.due_at, timezone.now()) if push.state in Push.MOVING else NOTHING

    @display(description="Problem")  # type: ignore[untyped-decorator]
    def why(self, push: Push) -> SafeString:
        """The remote's words."""
        return format_html('<span title="{}">{}</span>', cut(push.problem, 500), cut(push.problem, 90) or "")

    @display(description="Made", ordering="created_at")  # type: ignore[untyped-decorator]
    def made(self, push: Push) -> SafeString:
        """How long ago."""
        return moment(push.created_at, timezone.now())

    @admin.action(description="Try again", permissions=["act"])
    def retry_selected(self, request: HttpRequest, pushes: QuerySet[Push]) -> None:
        """Resume those that stopped, look now for those that wait."""
        act_on_many(request, pushes, pushing.retry, "to be tried again")

    @admin.action(description="Discard", permissions=["act"])
    def discard_selected(self, request: HttpRequest, pushes: QuerySet[Push]) -> None:
        """Give up what was not sent."""
        act_on_many(request, pushes, pushing.discard, "discarded")

    def get_urls(self) -> list[URLPattern]:
        """The buttons; POST only."""
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/retry/", wrap(require_POST(self.retry_view)), name="leads_push_retry"),
            path("<int:pk>/discard/", wrap(require_POST(self.discard_view)), name="leads_push_discard"),
            path("<int:pk>/again/", wrap(require_POST(self.again_view)), name="leads_push_again"),
            path("<int:pk>/arrived/", wrap(require_POST(self.arrived_view)), name="leads_push_arrived"),
            path("<int:pk>/found/", wrap(require_POST(self.found_view)), name="leads_push_found"),
            *super().get_urls(),
        ]

    def _find(self, request: HttpRequest, pk: int) -> Push:
        if not viewer_of(request).has_role:
            raise PermissionDenied
        push = self.get_queryset(request).select_related("connection", "lead").filter(pk=pk).first()
        if push is None:
            raise Http404
        return push

    def _go_back(self, request: HttpRequest, push: Push) -> HttpResponse:
        if request.POST.get("back") == "lead":
            return HttpResponseRedirect(lead_url(push.lead_id))
        return HttpResponseRedirect(reverse("admin:leads_push_change", args=[push.pk]))

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try now, check now, try again: which one follows from the state."""
        push = self._find(request, pk)
        act(request, push, pushing.retry, "A worker takes it up now.")
        return self._go_back(request, push)

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give up what was not sent."""
        push = self._find(request, pk)
        act(request, push, pushing.discard, "Discarded. Nothing of it will be sent.")
        return self._go_back(request, push)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A person looked and it is not there."""
        push = self._find(request, pk)
        act(request, push, pushing.send_again, "It is sent once more.")
        return self._go_back(request, push)

    def arrived_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A person saw it at a remote that shows us nothing."""
        push = self._find(request, pk)
        reference = request.POST.get("reference", "").replace("\x00", "")
        act(request, push, partial(pushing.arrived, reference=reference), "Noted: it is there.")
        return self._go_back(request, push)

    def found_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A person saw the lead in Lead.pro and tells us its id."""
        push = self._find(request, pk)
        text = request.POST.get("leadpro_id", "").strip().lstrip("#")
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            messages.error(request, "A Lead.pro id is a number.")
            return self._go_back(request, push)
        number = int(text)

        def found(push: Push, actor: str, now: Any) -> Any:
            return pushing.found(push, number, actor=actor, now=now)

        act(request, push, found, f"Noted: it is #{number}. The next look confirms it.")
        return self._go_back(request, push)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: Push | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """One push with its attempts."""
        if obj is not None:
            context |= describe(obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


def act(request: HttpRequest, push: Push, journey: Any, words: str) -> bool:
    """Call a journey for one push, and say what came of it."""
    try:
        with transaction.atomic():
            journey(push, actor=viewer_of(request).name, now=timezone.now())
            tasks.ring(tasks.deliver_pushes, connection_id=push.connection_id)
    except pushing.CannotPush as reason:
        messages.error(request, str(reason))
        return False
    if words:
        messages.success(request, words)
    return True


def act_on_many(request: HttpRequest, pushes: QuerySet[Push], journey: Any, words: str) -> None:
    """Call a journey for each of these pushes."""
    done = sum(act(request, push, journey, "") for push in pushes.select_related("connection", "lead"))
    if done:
        messages.success(request, f"{count_of(done, 'push', 'pushes')} {words}.")


def hide_token(payload: Any) -> Any:
    """A payload for reading; the token is ours alone."""
    if isinstance(payload, dict) and isinstance(payload.get("meta"), dict):
        return {**payload, "meta": {k: v for k, v in payload["meta"].items() if k != TOKEN_KEY}}
    return payload


def describe(push: Push) -> dict[str, Any]:
    """What the page of a push shows."""
    now = timezone.now()
    edits = [
        (label_of(name), show(name, edit.get("base")), show(name, edit.get("mine", edit.get("pairs"))))
        for name, edit in push.edits.items()
        if isinstance(edit, dict)
    ]
    return {
        "push": push,
        "story": tell_push(push, now),
        "state_badge": badge(push.get_state_display(), PUSH_TONES[push.state]),
        "lead_name": cut(name_of(push.lead), 80),
        "lead_url": lead_url(push.lead_id),
        "edits": edits,
        "payload": pretty(hide_token(push.payload)) if push.payload else "",
        "sends": [(send, clock(send.started_at)) for send in push.sends.order_by("number")],
        "facts": [
            ("Connection", push.connection.name),
            ("By", push.actor or "—"),
            ("Made", moment(push.created_at, now)),
            ("Next step", moment(push.due_at, now) if push.state in Push.MOVING else NOTHING),
            ("Sends", push.attempts),
            ("Settled", moment(push.settled_at, now)),
            *([("Reference", push.remote_reference)] if push.remote_reference else []),
            ("In the remote", remote_link(push.connection, push.remote_id) if push.remote_id else NOTHING),
        ],
        "title": "",
    }
