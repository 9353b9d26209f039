"""Forwarding rules: their order, a form with a live preview and a dry run, and what became of the leads they sent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from integrations.mapping import as_text
from leads import tasks
from leads.admin.lead_columns import name_of
from leads.admin.lead_views import lead_url
from leads.admin.roles import Page, viewer_of
from leads.admin.rule_form import RuleForm
from leads.admin.wording import badge, count_of, cut, moment
from leads.models import Connection, Forward, Lead, Origin, Rule
from leads.models.searching import matching
from leads.sync import rulemaking
from leads.sync.comparing import COLUMNS
from leads.sync.handing import fields_of
from leads.sync.ruling import CONDITIONS

DAYS = 30
LAST = 15
TONES = {Forward.WAITING: "blue", Forward.HANDED: "green", Forward.STOPPED: "red"}


@admin.register(Rule)
class RuleAdmin(Page):
    """For administrators. Saving goes through ``rulemaking``, which refuses loops and keeps every version."""

    admins_only = True
    read_only = False
    form = RuleForm
    list_display = ("position", "label", "conditions", "where_to", "state_badge", "sent")
    list_display_links = ("label",)
    list_select_related = ("target",)
    ordering = ("position", "id")
    change_form_template = "admin/leads/rule/page.html"

    @display(description="Rule")  # type: ignore[untyped-decorator]
    def label(self, rule: Rule) -> SafeString:
        """Its name."""
        return format_html('<span class="lm-strong">{}</span>', rule.name)

    @display(description="When")  # type: ignore[untyped-decorator]
    def conditions(self, rule: Rule) -> str:
        """In words."""
        return cut(say_when(rule.when), 120)

    @display(description="Goes to")  # type: ignore[untyped-decorator]
    def where_to(self, rule: Rule) -> str:
        """The connection."""
        name, remote = rule.target.name, rule.target.get_remote_display()
        return name if name == remote else f"{name} ({remote})"

    @display(description="State")  # type: ignore[untyped-decorator]
    def state_badge(self, rule: Rule) -> SafeString:
        """On or off."""
        return badge("on", "green") if rule.is_on else badge("off", "grey")

    @display(description="Sent on")  # type: ignore[untyped-decorator]
    def sent(self, rule: Rule) -> int:
        """Leads it handed over."""
        return rule.forwards.filter(state=Forward.HANDED).count()

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """In the order in which one thinks: what, when, where to, how."""
        utm = [name for name in CONDITIONS if name.startswith("utm_")]
        plain = [name for name in CONDITIONS if name not in utm]
        office = ("fixed_office", "areas", "other_office")
        return (
            (None, {"fields": ("name", "is_on", "position")}),
            ("When all of this is so (empty: never mind)", {"fields": (*plain, *utm)}),
            ("Then it goes to", {"fields": ("target", "delay_minutes", "wishes")}),
            ("With this office (Lead.pro only)", {"fields": office}),
        )

    def get_form(
        self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form brings its own fields; the model's columns behind them are not typed."""
        return RuleForm

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        """The form asked ``rulemaking`` already; here it saves."""
        rulemaking.save_rule(obj, actor=viewer_of(request).name, now=timezone.now())
        tasks.ring(tasks.forward_leads)

    def get_urls(self) -> list[URLPattern]:
        """Trying a rule changes nothing; sending on what was missed is a POST, too."""
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(require_POST(self.preview_view)), name="leads_rule_preview"),
            path("dry-run/", wrap(require_POST(self.dry_run_view)), name="leads_rule_dry_run"),
            path("<int:pk>/missed/", wrap(require_POST(self.missed_view)), name="leads_rule_missed"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the rule as typed would do with one lead: a piece of page."""
        rule, problems = self._typed(request)
        asked = request.POST.get("lead", "").strip()
        lead = find_lead(asked) if asked or problems else rulemaking.find_example(rule)
        context: dict[str, Any] = {"problems": problems, "lead": lead, "asked": asked}
        if lead is not None:
            context |= {"name": cut(name_of(lead), 60), "lead_url": lead_url(lead.pk)}
            if not problems:
                shown = context["preview"] = rulemaking.preview(rule, lead, now=timezone.now())
                context["fields"] = [(name, say_value(value)) for name, value in shown.shape.fields.items()]
        return render(request, "admin/leads/rule/_preview.html", context)

    def dry_run_view(self, request: HttpRequest) -> HttpResponse:
        """What the rule as typed would have done with the last days' leads: a piece of page."""
        rule, problems = self._typed(request)
        context: dict[str, Any] = {"problems": problems, "days": DAYS}
        if not problems:
            result = rulemaking.dry_run(rule, now=timezone.now(), days=DAYS)
            leads = Lead.objects.in_bulk(result.samples)
            context |= {
                "result": result,
                "target": rule.target.name,
                "trouble": result.problems.most_common(5),
                "samples": [
                    (cut(name_of(leads[pk]), 40), lead_url(pk)) for pk in result.samples if pk in leads
                ],
            }
        return render(request, "admin/leads/rule/_dry_run.html", context)

    def _typed(self, request: HttpRequest) -> tuple[Rule, list[str]]:
        """The rule as it stands in the form, and what is wrong with it. Not saved."""
        if not viewer_of(request).is_admin:
            raise PermissionDenied
        pk = request.POST.get("rule", "")
        instance = Rule.objects.filter(pk=int(pk)).first() if pk.isdecimal() else None
        form = RuleForm(request.POST, instance=instance)
        if not form.is_valid():
            return form.instance, [
                f"{form.fields[name].label or name}: {text}" if name in form.fields else str(text)
                for name, texts in form.errors.items()
                for text in texts
            ]
        return form.instance, []

    def missed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send on what came while the rule was off."""
        if not viewer_of(request).is_admin:
            raise PermissionDenied
        rule = Rule.objects.filter(pk=pk).first()
        if rule is None:
            raise Http404
        count = rulemaking.forward_missed(rule, now=timezone.now())
        tasks.ring(tasks.forward_leads)
        messages.success(
            request, f"{count_of(count, 'lead is', 'leads are')} on the way to {rule.target.name}."
        )
        return HttpResponseRedirect(reverse("admin:leads_rule_change", args=[pk]))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: Rule | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """History and outcome beside the terms."""
        context |= describe(obj) if obj is not None else {"rule": None}
        context["names"] = list_names()
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


def say_when(when: dict[str, list[Any]]) -> str:
    """The conditions in one line."""
    said = [_say_condition(name, when[name]) for name in CONDITIONS if when.get(name)]
    return "; ".join(said) or "every lead"


def _say_condition(name: str, wanted: list[Any]) -> str:
    match name:
        case "consent":
            return "with consent"
        case "origin":
            labels = dict(Origin.choices)
            return f"first from {' or '.join(str(labels.get(one, one)) for one in wanted)}"
        case "connection":
            names = Connection.objects.filter(pk__in=wanted).order_by("pk").values_list("name", flat=True)
            return f"from the connection {' or '.join(names) or 'that is gone'}"
        case _:
            return f"{CONDITIONS.get(name, name)}: {' or '.join(map(str, wanted))}"


def say_value(value: Any) -> str:
    """A value as it would be sent, on a few lines."""
    return (
        "\n".join(f"{k}: {v}" for k, v in value.items())
        if isinstance(value, dict)
        else as_text(value) or str(value)
    )


def say_terms(terms: dict[str, Any]) -> list[tuple[str, str]]:
    """One version of a rule, in words."""
    target = Connection.objects.filter(pk=terms.get("target_id") or 0).first()
    office = terms.get("office") or {}
    areas = [f"{area}: {number}" for area, number in (office.get("postcodes") or {}).items()]
    areas += [f"others: {office['else']}"] if office.get("else") else []
    said = [
        ("Name", str(terms.get("name", ""))),
        ("Position", str(terms.get("position", ""))),
        ("When", say_when(terms.get("when") or {})),
        ("Goes to", target.name if target else "a connection that is gone"),
        ("Delay", f"{terms.get('delay_minutes') or 0} min"),
        ("Office", str(office.get("fixed") or ", ".join(areas) or "—")),
    ]
    return said + [(name, _say_wish(wish)) for name, wish in (terms.get("mapping") or {}).items()]


def _say_wish(wish: dict[str, Any]) -> str:
    parts = [str(wish.get("text", ""))]
    parts += [f"else “{wish['missing']}”"] if wish.get("missing") else []
    parts += [f"at most {wish['limit']}, then {wish.get('long', 'cut')}"] if wish.get("limit") else []
    return "; ".join(part for part in parts if part)


def list_names() -> list[tuple[str, str]]:
    """What may stand in a row of "what is sent": the fields of each remote, and of a lead."""
    rows = {row.get_remote_display(): row for row in Connection.objects.order_by("-pk")}
    fields = [(f"Fields of {remote}", ", ".join(sorted(fields_of(row)))) for remote, row in rows.items()]
    return [*sorted(fields), ("Fields of a lead", ", ".join(f"{{{name}}}" for name in ("portal", *COLUMNS)))]


def find_lead(text: str) -> Lead | None:
    """The lead with this number, here or in Lead.pro, or the newest that a search finds."""
    if not text:
        return None
    if text.isdecimal() and int(text) < 2**63:
        return Lead.objects.filter(pk=int(text)).first() or Lead.objects.filter(leadpro_id=int(text)).first()
    return Lead.objects.filter(matching(text)).order_by("-pk").first()


def describe(rule: Rule) -> dict[str, Any]:
    """What stands beside a saved rule."""
    now = timezone.now()
    forwards = rule.forwards.select_related("lead", "push").order_by("-pk")[:LAST]
    return {
        "rule": rule,
        "state_badge": badge("on", "green") if rule.is_on else badge("off", "grey"),
        "when_words": say_when(rule.when),
        "missed": rulemaking.count_missed(rule) if rule.is_on else 0,
        "held": rule.forwards.filter(state=Forward.WAITING).count(),
        "versions": [
            (
                one.version,
                moment(one.at, now),
                one.actor,
                "on" if one.terms.get("is_on") else "off",
                say_terms(one.terms),
            )
            for one in rule.versions.all()[:LAST]
        ],
        "forwards": [
            {
                "name": cut(name_of(one.lead), 50),
                "url": lead_url(one.lead_id),
                "when": moment(one.created_at, now),
                "badge": badge(one.get_state_display(), TONES[one.state]),
                "problem": one.problem,
                "push": one.push,
            }
            for one in forwards
        ],
        "title": "",
    }
