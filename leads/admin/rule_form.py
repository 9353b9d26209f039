"""The form of a forwarding rule: conditions as lists, the mapping as rows. What a rule may say is decided in sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from leads.admin.lead_inputs import RowsInput
from leads.models import Connection, Lead, Origin, Remote, Rule
from leads.sync import rulemaking
from leads.sync.ruling import CONDITIONS, places

#: Conditions that are typed as a list with commas; the others are chosen.
TYPED = tuple(name for name in CONDITIONS if name not in {"origin", "connection", "consent"})
HINTS = {
    "type": "vendor, landlord …",
    "source": "rightmove, website …",
    "portal": "SLG-FRA, LIM-FRA …",
    "office_id": "375, 42 …",
    "postcode": "NG, DE1, 75 …",
}
MAPPING = ("Field there", "Text, such as {first_name}", "If that is empty", "Longest", "cut or stop")
OFFICES = ("Postcode area", "Office id")


class Listed(forms.CharField):
    """Values with commas between them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=True, **options)

    def prepare_value(self, value: Any) -> Any:
        """One line."""
        return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    def clean(self, value: Any) -> list[str]:
        """The parts that are not empty."""
        return [part.strip() for part in str(super().clean(value) or "").split(",") if part.strip()]


class Wishes(forms.Field):
    """Rows to the mapping: field, text, fallback, longest, what to do with more."""

    def prepare_value(self, value: Any) -> Any:
        """Rows for the widget."""
        if isinstance(value, Mapping):
            keys = ("text", "missing", "limit", "long")
            return [[name, *(str(wish.get(key) or "") for key in keys)] for name, wish in value.items()]
        return value or []

    def clean(self, value: Any) -> dict[str, dict[str, Any]]:
        """Rows to an object; every mistake names its row."""
        mapping: dict[str, dict[str, Any]] = {}
        for name, text, missing, limit, long in value or []:
            if not name:
                raise forms.ValidationError(f"“{text[:40]}” needs the name of a field on its left.")
            if name in mapping:
                raise forms.ValidationError(f"{name} stands here twice.")
            if limit and not (limit.isdecimal() and int(limit) > 0):
                raise forms.ValidationError(f"{name}: the longest must be a whole number.")
            if long not in {"", "cut", "stop"}:
                raise forms.ValidationError(f"{name}: what is too long is cut or stopped: write cut or stop.")
            unknown = set(places(text)) - {field.name for field in Lead._meta.get_fields()} - {"portal"}
            if unknown:
                raise forms.ValidationError(f"{name}: a lead has no field {min(unknown)}.")
            wish: dict[str, Any] = {"text": text, "missing": missing, "long": long or "cut"}
            mapping[name] = wish | ({"limit": int(limit)} if limit else {})
        return mapping


class Areas(forms.Field):
    """Rows to postcode area and office."""

    def prepare_value(self, value: Any) -> Any:
        """Rows for the widget."""
        return [[k, str(v)] for k, v in value.items()] if isinstance(value, Mapping) else value or []

    def clean(self, value: Any) -> dict[str, int]:
        """Rows to an object."""
        areas: dict[str, int] = {}
        for area, office in value or []:
            if not area or not office.isdecimal():
                raise forms.ValidationError(
                    f"“{area} {office}”: a postcode area and the number of an office."
                )
            areas[area.upper()] = int(office)
        return areas


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Terms of one rule."""

    origin = forms.MultipleChoiceField(
        label="Where it first came from",
        choices=Origin.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    connection = forms.MultipleChoiceField(
        label="The connection it came from", required=False, widget=forms.CheckboxSelectMultiple
    )
    consent = forms.BooleanField(
        label="Only with consent (gdpr_checkbox is yes)", required=False, widget=UnfoldBooleanSwitchWidget
    )
    wishes = Wishes(
        label="What is sent",
        required=False,
        widget=RowsInput(MAPPING),
        help_text="A row for what is not simply the lead's own. Text in braces is a field of the lead, {portal} the"
        " portal's code; all names stand on the right. What is longer than the longest is cut, or stops the lead until"
        " a person has looked.",
    )
    fixed_office = forms.IntegerField(
        label="Office",
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="This one for every lead. Empty: by postcode, below.",
    )
    areas = Areas(label="Office by postcode", required=False, widget=RowsInput(OFFICES))
    other_office = forms.IntegerField(
        label="Office for other postcodes", required=False, min_value=1, widget=UnfoldAdminIntegerFieldWidget
    )

    class Meta:
        model = Rule
        fields = ("name", "position", "target", "delay_minutes", "is_on")
        labels = {"target": "Connection", "delay_minutes": "Delay in minutes"}
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "position": UnfoldAdminIntegerFieldWidget,
            "target": UnfoldAdminSelectWidget,
            "delay_minutes": UnfoldAdminIntegerFieldWidget,
            "is_on": UnfoldBooleanSwitchWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        when, office = self.instance.when or {}, self.instance.office or {}
        for name in TYPED:
            self.fields[name] = Listed(
                label=name if name.startswith("utm_") else CONDITIONS[name].capitalize(),
                widget=UnfoldAdminTextInputWidget(attrs={"placeholder": HINTS.get(name, "")}),
            )
            self.initial.setdefault(name, when.get(name, []))
        rows = Connection.objects.exclude(remote=Remote.ALTERESTATE).order_by("pk")
        self.fields["connection"].choices = [(str(row.pk), row.name) for row in rows]  # type: ignore[attr-defined]
        self.initial.update(
            {
                "origin": when.get("origin", []),
                "connection": [str(one) for one in when.get("connection", [])],
                "consent": bool(when.get("consent")),
                "wishes": self.instance.mapping,
                "fixed_office": office.get("fixed"),
                "areas": office.get("postcodes", {}),
                "other_office": office.get("else"),
            }
        )

    def clean(self) -> dict[str, Any]:
        """The terms as the model keeps them."""
        data = super().clean() or {}
        chosen = {
            "origin": data.get("origin"),
            "connection": [int(one) for one in data.get("connection") or []],
        }
        when = {name: list(data.get(name) or []) for name in TYPED} | chosen
        when["consent"] = [True] if data.get("consent") else []
        self.instance.when = {name: wanted for name, wanted in when.items() if wanted}
        self.instance.mapping = data.get("wishes") or {}
        self.instance.office = self._office(data)
        if not self.errors:
            self._check(data)
        return data

    def _check(self, data: dict[str, Any]) -> None:
        for name in ("name", "position", "target", "delay_minutes", "is_on"):
            setattr(self.instance, name, data[name])
        try:
            rulemaking.check_rule(self.instance)
        except rulemaking.RuleRefused as reason:
            place = {"mapping": "wishes", "target": "target"}.get(reason.field)
            self.add_error(place, str(reason))

    def _office(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("fixed_office"):
            return {"fixed": data["fixed_office"]}
        office: dict[str, Any] = {"postcodes": data["areas"]} if data.get("areas") else {}
        return office | ({"else": data["other_office"]} if data.get("other_office") else {})
