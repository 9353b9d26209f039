"""One form input per field of fields.py. They only turn what was typed into values: limits are checked elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.leadpro.fields import TOKEN_KEY, Call, Field, Kind
from leads.models.values import json_value

INPUT = " ".join(INPUT_CLASSES)
LONG_TEXTS = frozenset({"message"})
MINUTES = "%Y-%m-%dT%H:%M"
Choices = Sequence[tuple[str, str]]


class RowsInput(forms.Widget):
    """Rows of inputs. An empty row is always there, so that it works without a script too."""

    template_name = "admin/leads/rows_input.html"

    def __init__(self, captions: Sequence[str], kind: str = "text") -> None:
        super().__init__()
        self.captions, self.kind = captions, kind

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Rows of cells: what is there, and an empty one."""
        context = super().get_context(name, value, attrs)
        filled = [list(row) for row in value or []]
        rows = [*filled, [""] * len(self.captions)]
        context |= {
            "rows": [list(zip(row, self.captions, strict=False)) for row in rows],
            "kind": self.kind,
            "wide": len(self.captions) > 2,
            "name": name,
            "input_class": INPUT,
        }
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """With the project's templates: Django's own renderer knows only those of applications."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[list[str]]:
        """The rows that are not empty."""
        read = data.getlist if hasattr(data, "getlist") else lambda key: data.get(key, [])
        columns = [read(f"{name}-{number}") for number in range(len(self.captions))]
        rows = [[cell.strip() for cell in row] for row in zip(*columns, strict=False)]
        return [row for row in rows if any(row)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Rows are there wherever the form is."""
        return f"{name}-0" not in data


class Text(forms.CharField):
    """Text; nothing typed is None."""

    def to_python(self, value: Any) -> Any:
        """Browsers send line ends as CRLF."""
        return (super().to_python(value) or "").replace("\r\n", "\n") or None


class Map(forms.Field):
    """``meta``: pairs of text. Our own key is never shown."""

    def prepare_value(self, value: Any) -> Any:
        """Rows for the widget."""
        if isinstance(value, Mapping):
            return [[k, v if isinstance(v, str) else str(v)] for k, v in value.items() if k != TOKEN_KEY]
        return value or []

    def clean(self, value: Any) -> dict[str, str] | None:
        """Rows to an object; a key twice is a mistake."""
        rows = value or []
        keys = [row[0] for row in rows]
        if "" in keys:
            raise forms.ValidationError("Every value needs a name on its left.", code="required")
        if len(set(keys)) < len(keys):
            raise forms.ValidationError("The same name stands here twice.", code="unique")
        return dict(rows) or None


class Pairs(forms.Field):
    """``questionnaire``: questions and answers."""

    def prepare_value(self, value: Any) -> Any:
        """Rows for the widget."""
        return value or []

    def clean(self, value: Any) -> list[list[str]] | None:
        """Both halves of every pair."""
        if any(not question for question, _answer in value or []):
            raise forms.ValidationError("Every answer needs its question on the left.", code="required")
        return value or None


class Times(forms.Field):
    """``appointment_availability``: moments, sent as the object of the documents' sample."""

    def prepare_value(self, value: Any) -> Any:
        """Rows of local times."""
        if isinstance(value, Mapping):
            hours = value.get("hours")
            moments = [parse_datetime(str(h)) for h in hours] if isinstance(hours, list) else []
            return [[timezone.localtime(m).strftime(MINUTES)] for m in moments if m and m.tzinfo]
        return value or []

    def clean(self, value: Any) -> dict[str, list[str]] | None:
        """Rows to instants in UTC."""
        hours = []
        for (text,) in value or []:
            try:
                typed = datetime.strptime(text[:16], MINUTES)  # noqa: DTZ007 - made aware below
            except ValueError:
                raise forms.ValidationError(f"“{text}” is not a date and time.", code="invalid") from None
            hours.append(json_value(timezone.make_aware(typed).astimezone(UTC)))
        return {"hours": hours} if hours else None


class Instant(forms.DateTimeField):
    """A moment, typed in local time to the minute."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "class": INPUT}, format=MINUTES)
        super().__init__(widget=widget, input_formats=[MINUTES, f"{MINUTES}:%S", "%Y-%m-%d %H:%M"], **options)


class Truth(forms.TypedChoiceField):
    """Yes, no, or not said."""

    def __init__(self, **options: Any) -> None:
        words = [("", "Not said"), ("true", "Yes"), ("false", "No")]
        super().__init__(
            choices=words,
            coerce=lambda v: v == "true",
            empty_value=None,
            widget=UnfoldAdminSelectWidget(),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """Choice of a value."""
        return (
            {True: "true", False: "false", None: ""}.get(value, value)
            if isinstance(value, bool | None)
            else value
        )


class Choice(forms.CharField):
    """One of a list, or the value it has already: lists change, values stay readable."""

    def __init__(self, words: Choices, is_number: bool = False, **options: Any) -> None:
        self.words, self.is_number = list(words), is_number
        super().__init__(widget=UnfoldAdminSelectWidget(choices=self.words), **options)

    def offer(self, value: Any) -> None:
        """Make sure that this value can be chosen."""
        known = {key for key, _ in self.words}
        if value not in (None, "") and str(value) not in known:
            self.words.append((str(value), str(value)))
        self.widget.choices = [("", "—"), *self.words]

    def to_python(self, value: Any) -> Any:
        """Text, or a whole number."""
        text = super().to_python(value)
        if not text:
            return None
        if self.is_number and not text.lstrip("-").isdigit():
            raise forms.ValidationError("This must be a whole number.", code="invalid")
        return int(text) if self.is_number else text


def build_input(field: Field, call: Call, choices: Mapping[str, Choices]) -> forms.Field:
    """The input for one field. ``choices`` holds what is known for office_id and status."""
    options: dict[str, Any] = {"label": field.label, "required": False, "help_text": field.help}
    if field.kind is Kind.BOOLEAN:
        return Truth(**options)
    if field.kind is Kind.INSTANT:
        return Instant(**options)
    if field.kind is Kind.STRING_MAP:
        return Map(widget=RowsInput(("Name", "Value")), **options)
    if field.kind is Kind.PAIRS:
        return Pairs(widget=RowsInput(("Question", "Answer")), **options)
    if field.kind is Kind.AVAILABILITY:
        return Times(widget=RowsInput(("When",), "datetime-local"), **options | {"help_text": ""})
    words = choices.get(field.name) or [(c, c.replace("_", " ")) for c in field.choices]
    if words:
        return Choice(words, is_number=field.kind is Kind.INTEGER, **options)
    if field.kind is Kind.INTEGER:
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget(), **options)
    return _text_input(field, call, options)


def _text_input(field: Field, call: Call, options: dict[str, Any]) -> forms.Field:
    attrs: dict[str, Any] = {"autocomplete": "off"}
    if limit := field.max_length(call):
        attrs["data-limit"] = limit
    if field.name in LONG_TEXTS:
        return Text(widget=UnfoldAdminTextareaWidget(attrs={**attrs, "rows": 3}), **options)
    return Text(widget=UnfoldAdminTextInputWidget(attrs=attrs), **options)


def same(typed: Any, shown: Any) -> bool:
    """Whether the person left this value as the form showed it. Inputs bend white space and drop seconds."""
    if isinstance(typed, datetime):
        typed = json_value(typed.replace(second=0, microsecond=0))
    if isinstance(typed, str) and isinstance(shown, str):
        return " ".join(typed.split()) == " ".join(shown.split())
    return bool((typed or None) == (shown or None)) if not isinstance(typed, bool) else typed is shown
