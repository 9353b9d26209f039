"""The forms of a lead: create, instant valuation, update. They collect values; journeys in leads.sync act on them."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from integrations.leadpro.fields import FIELDS, VALUATION_TYPES, Call, Kind, writable
from leads.admin.lead_inputs import MINUTES, Choice, build_input, same
from leads.admin.roles import Viewer
from leads.models import Connection, Lead, Office, SavedForm, Status
from leads.models.values import json_value
from leads.sync.checking import check

#: Shown read-only beside the inputs and added to, never replaced.
ADDED_TO = frozenset({"questionnaire"})


def list_choices(connection: Connection | None, viewer: Viewer) -> dict[str, list[tuple[str, str]]]:
    """Offices and statuses of the connection, as far as this person may use them."""
    if connection is None:
        return {}
    offices = Office.objects.filter(connection=connection, is_gone=False)
    if not viewer.scope.everything:
        offices = offices.filter(office_id__in=viewer.scope.office_ids)
    statuses = Status.objects.filter(connection=connection, is_gone=False)
    by_id = connection.setting_in_use("status_by") == "id"
    return {
        "office_id": [(str(n), name) for n, name in offices.values_list("office_id", "name")],
        "status": _status_choices(list(statuses.values_list("status_id", "name")), by_id),
    }


def _status_choices(rows: list[tuple[int, str]], by_id: bool) -> list[tuple[str, str]]:
    names = [name for _, name in rows]
    return [
        (name, f"{name} ({number})" if by_id and names.count(name) > 1 else name)
        for number, name in rows
        if by_id or names.count(name) == 1 or names.index(name) == rows.index((number, name))
    ]


def make_key() -> str:
    """Names one form that is filled in, however often it is sent."""
    return secrets.token_urlsafe(18)


class LeadForm(forms.ModelForm):  # type: ignore[type-arg]
    """Inputs built from fields.py for one call. ``base`` is what the form showed: only what differs was changed."""

    call: Call = Call.UPDATE
    viewer: Viewer = Viewer()
    fixed_connection: Connection | None = None
    #: Lead.pro refused to make this lead: what was wrong may be any field of the create.
    is_mending = False
    #: Lead.pro has nothing to do with this lead: what is changed, is changed here alone.
    is_local = False

    base = forms.CharField(required=False, widget=forms.HiddenInput())

    class Meta:
        model = Lead
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.values: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.target = self._find_connection()
        choices = list_choices(self.target, self.viewer)
        for field in writable(self.sent_call):
            self.fields[field.name] = build_input(field, self.sent_call, choices)
        if self.call is Call.VALUATION:
            self.fields["type"] = Choice([(t, t) for t in VALUATION_TYPES], label="Type", required=False)
        if self.call is not Call.UPDATE:
            self.fields["once"] = forms.CharField(
                required=False, max_length=40, widget=forms.HiddenInput(), initial=make_key
            )
        self._fill()

    @property
    def sent_call(self) -> Call:
        """The call whose rules hold."""
        return Call.CREATE if self.is_mending or self.is_local else self.call

    def _find_connection(self) -> Connection | None:
        if self.call is not Call.UPDATE:
            connections = list(Connection.objects.leadpro())
            if len(connections) > 1:
                self.fields["connection"] = forms.ModelChoiceField(
                    Connection.objects.leadpro(),
                    label="Connection",
                    initial=connections[0],
                    empty_label=None,
                    widget=UnfoldAdminSelectWidget(),
                )
            chosen = self.data.get("connection") if self.is_bound else None
            return next(
                (c for c in connections if str(c.pk) == chosen), connections[0] if connections else None
            )
        return self.fixed_connection

    def _fill(self) -> None:
        if self.call is Call.UPDATE:
            self.initial = {n: getattr(self.instance, n) for n in self._names() if n not in ADDED_TO}
            self.initial["base"] = json.dumps(self.shown())
        elif len(self.viewer.scope.office_ids) == 1:
            self.initial.setdefault("office_id", next(iter(self.viewer.scope.office_ids)))
        for name, field in self.fields.items():
            if isinstance(field, Choice):
                field.offer(self.initial.get(name))

    def _names(self) -> list[str]:
        return [f.name for f in writable(self.sent_call)]

    def shown(self) -> dict[str, Any]:
        """What an update form shows now, as JSON values. Inputs show no seconds."""
        names = (n for n in self._names() if n not in ADDED_TO)
        values = ((n, getattr(self.instance, n)) for n in names)
        return {
            n: json_value(v.replace(second=0, microsecond=0) if isinstance(v, datetime) else v)
            for n, v in values
        }

    def clean(self) -> dict[str, Any]:
        """Find what to send, and have it checked."""
        cleaned = super().clean() or self.cleaned_data
        now = timezone.now()
        if self.call is Call.UPDATE:
            self.values = self._find_changes(cleaned, now)
        else:
            self.values = {n: cleaned[n] for n in self._names() if cleaned.get(n) not in (None, "", [], {})}
        self._check_office()
        self._check_values()
        if cleaned.get("once"):
            self._refuse_key_of_another(cleaned["once"])
        return cleaned

    def _find_changes(self, cleaned: dict[str, Any], now: datetime) -> dict[str, Any]:
        try:
            base = json.loads(cleaned.get("base") or "{}")
        except ValueError:
            base = {}
        base = base if isinstance(base, dict) else {}
        current = self.shown()
        changes: dict[str, Any] = {}
        for name in self._names():
            if name not in cleaned:
                continue
            typed = cleaned[name]
            if name in ADDED_TO:
                changes |= {name: typed} if typed else {}
            elif name in base and not same(typed, base[name]):
                if not same(current[name], base[name]) and not same(typed, current[name]):
                    self._say_moved(name, base, current)
                elif not same(typed, current[name]):
                    changes[name] = typed
        return changes

    def _say_moved(self, name: str, base: dict[str, Any], current: dict[str, Any]) -> None:
        words = current[name] if current[name] not in (None, "") else "empty"
        was = base[name] if base[name] not in (None, "") else "empty"
        self.add_error(
            name,
            f"This changed while you were typing: it was “{was}” and is now “{words}”."
            " Nothing was saved. Save again to put yours in its place.",
        )
        self._put("base", json.dumps({**base, name: current[name]}))

    @property
    def digest(self) -> str:
        """What is to be sent, as a hash."""
        text = json.dumps(self.values, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _refuse_key_of_another(self, key: str) -> None:
        """Somebody went back and typed another lead: nothing is lost, and they say once more that they mean it."""
        row = SavedForm.objects.filter(key=key).first()
        if row is not None and row.digest != self.digest and not self.errors:
            self.add_error(
                None, f"This form was already saved, as lead {row.lead_id}. Save again to make another lead."
            )
            self._put("once", make_key())

    def _put(self, name: str, value: str) -> None:
        """Another value in a hidden input, for when the form is shown again."""
        data = self.data.copy() if isinstance(self.data, QueryDict) else dict(self.data)
        data[name] = value
        self.data = data

    def _check_office(self) -> None:
        scope = self.viewer.scope
        if scope.everything:
            return
        is_new = self.call is not Call.UPDATE
        if (is_new or "office_id" in self.values) and not scope.allows_office(self.values.get("office_id")):
            self.add_error("office_id", "Choose one of your offices.")

    def _check_values(self) -> None:
        if self.target is None and not self.is_local:
            self.add_error(None, "There is no Lead.pro connection yet. An administrator can add one.")
            return
        if not self.values and self.call is Call.UPDATE:
            return
        checked = check(self.values, self.sent_call, self.target, partial=self.call is Call.UPDATE)
        for problem in checked.problems:
            self.add_error(problem.field if problem.field in self.fields else None, problem.detail)
        self.warnings = list(checked.warnings)
        self.values = dict(checked.values)

    def _post_clean(self) -> None:
        """The lead's row is not the form's to change."""


def prefill(lead: Lead, call: Call) -> dict[str, Any]:
    """What a new lead can take over from this one."""
    # A valuation is of the person's own address; the advert they asked about is another property.
    left = {"source", "meta"} | ({"advert_address", "advert_postcode"} if call is Call.VALUATION else set())
    taken = {}
    for field in writable(call):
        value = getattr(lead, field.name, None)
        if field.name not in left and field.kind is not Kind.INSTANT and value not in (None, "", [], {}):
            taken[field.name] = value
    if call is Call.VALUATION and taken.get("type") not in VALUATION_TYPES:
        taken.pop("type", None)
    return taken


def input_values(form: LeadForm) -> dict[str, Any]:
    """Name to what each simple input of an update form would show, for pages that refresh themselves."""
    values = {}
    for name in form.fields:
        field = FIELDS.get(name)
        if field and field.kind not in {Kind.PAIRS, Kind.STRING_MAP, Kind.AVAILABILITY}:
            bound = form[name]
            value = bound.field.prepare_value(form.initial.get(name))
            if isinstance(value, datetime):
                value = value.strftime(MINUTES)
            values[name] = "" if value is None else str(value)
    return values
