"""Handing one lead to another connection by hand: the places left for it, what each wants to know, and the button."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.aviv.submitting import GENDERS, LANGUAGES
from integrations.leadpro.fields import TYPES
from leads import tasks
from leads.admin.lead_columns import name_of
from leads.admin.lead_form import list_choices
from leads.admin.lead_views import find_lead, lead_url
from leads.admin.roles import Viewer, viewer_of
from leads.admin.values import label_of
from leads.models import Connection, Lead, Remote
from leads.sync import handing, pushing

#: What a person is asked for; everything else goes as the lead has it.
ASKED: dict[str, tuple[str, ...]] = {
    Remote.LEADPRO: (
        *("type", "office_id", "source"),
        *("first_name", "last_name", "email", "phone", "message"),
    ),
    Remote.AVIV: (
        *("classified_id", "language", "gender"),
        *("first_name", "last_name", "email", "phone", "message"),
    ),
    Remote.ALTERESTATE: ("full_name", "email", "phone", "property_uid", "related", "round_robin", "notes"),
}
LONG = frozenset({"message", "notes"})
#: Where the other side's name for it is another one.
OURS = {"notes": "message"}
HELP = {
    "classified_id": "The advert's public code: two digits, then ten digits or capitals without 0 and O.",
    "language": "Empty: French.",
    "related": "The e-mail address of the user there who is to get it. A round robin beats it.",
    "round_robin": "The UID of a rule there.",
}


class HandOverForm(forms.Form):
    """What this connection wants to know, filled in from the lead. Only what was changed is said otherwise."""

    def __init__(self, lead: Lead, connection: Connection, viewer: Viewer, data: Any = None) -> None:
        asked = ASKED[connection.remote]
        known = {name: getattr(lead, OURS.get(name, name), None) for name in asked}
        super().__init__(data, initial={name: value for name, value in known.items() if value is not None})
        choices = {
            "type": [(word, word.replace("_", " ")) for word in TYPES],
            "gender": [(word, word.replace("_", " ").lower()) for word in GENDERS],
            "language": [(word, word) for word in LANGUAGES],
            **(list_choices(connection, viewer) if connection.remote == Remote.LEADPRO else {}),
        }
        for name in asked:
            self.fields[name] = _build_field(name, choices.get(name))
        self.needs_office = connection.remote == Remote.LEADPRO and not viewer.scope.everything

    def clean(self) -> dict[str, Any]:
        """Whoever sees some offices only hands on to these only."""
        cleaned = super().clean() or self.cleaned_data
        if self.needs_office and not cleaned.get("office_id"):
            self.add_error("office_id", "Choose one of your offices.")
        return cleaned

    @property
    def said(self) -> dict[str, Any]:
        """What is to be sent otherwise than the lead has it."""
        changed = {*self.changed_data, *(["office_id"] if self.needs_office else [])}
        said: dict[str, Any] = {name: self.cleaned_data[name] or None for name in changed}
        return said | ({"office_id": int(said["office_id"])} if said.get("office_id") else {})


def _build_field(name: str, choices: list[tuple[str, str]] | None) -> forms.Field:
    words: dict[str, Any] = {"label": label_of(name), "help_text": HELP.get(name, ""), "required": False}
    if choices is not None:
        return forms.ChoiceField(choices=[("", "—"), *choices], widget=UnfoldAdminSelectWidget(), **words)
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 5}) if name in LONG else UnfoldAdminTextInputWidget()
    return forms.CharField(widget=widget, **words)


class LeadHanding:
    """Mixed into the lead page."""

    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        """One page; what it does is a POST."""
        view = self.admin_site.admin_view(self.hand_over_view)
        return [path("<int:lead_id>/hand-over/", view, name="leads_lead_hand_over"), *super().get_urls()]  # type: ignore[misc]

    def hand_over_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        """Choose where to, see what goes, have it checked, and save the push."""
        lead, viewer = find_lead(request, lead_id), viewer_of(request)
        targets = handing.find_targets(lead)
        if not targets:
            messages.info(request, "This lead is, or is on its way, everywhere it could go.")
            return HttpResponseRedirect(lead_url(lead.pk))
        chosen = request.GET.get("to", "")
        target = next((one for one in targets if str(one.pk) == chosen), targets[0])
        form = HandOverForm(lead, target, viewer, request.POST if request.method == "POST" else None)
        if form.is_valid() and _hand_over(request, lead, target, form):
            return HttpResponseRedirect(lead_url(lead.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Hand over {name_of(lead)}",
            "lead": lead,
            "name": name_of(lead),
            "targets": targets,
            "target": target,
            "form": form,
        }
        return TemplateResponse(request, "admin/leads/lead/hand_over.html", context)


def _hand_over(request: HttpRequest, lead: Lead, target: Connection, form: HandOverForm) -> bool:
    """Whether the push was saved; otherwise the form says why not, field by field."""
    try:
        with transaction.atomic():
            pushing.hand_over(
                lead,
                connection=target,
                fields=form.said,
                actor=viewer_of(request).name,
                now=timezone.now(),
            )
            tasks.ring(tasks.deliver_pushes, connection_id=target.pk)
    except pushing.Unfit as unfit:
        for problem in unfit.problems:
            is_asked = problem.field in form.fields
            words = problem.detail if is_asked else f"{label_of(problem.field)}: {problem.detail}"
            form.add_error(problem.field if is_asked else None, words)
        return False
    except pushing.CannotPush as reason:
        form.add_error(None, str(reason))
        return False
    messages.success(request, f"Saved. Sending to {target.name}…")
    return True
