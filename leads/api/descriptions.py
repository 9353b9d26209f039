"""Shapes for OpenAPI, from the table of fields. They describe; nothing is read or written through them."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers

from integrations.leadpro.fields import (
    FIELDS,
    MIRRORED,
    NEXT_ACTION_DATE,
    VALUATION_TYPES,
    Access,
    Call,
    Field,
    Kind,
    writable,
)
from leads.api.asking import LOOK_UP_NAMES
from leads.api.filters import LEAD_FILTERS
from leads.models import Cause, Origin, Push, Remote, SyncState

Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer <key>``."""

    target_class = "leads.api.keys.BearerKey"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The scheme's object."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made with manage.py create_api_key.",
        }


def shape(name: str, fields: Fields) -> type[serializers.Serializer[Any]]:
    """A named shape with these fields."""
    return type(name, (serializers.Serializer,), dict(fields))


@cache
def page_of(row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of every list."""
    return shape(
        f"{row.__name__}Page",
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )


def _field(field: Field, **rules: Any) -> serializers.Field[Any, Any, Any, Any]:
    """One field of Lead.pro's. Lengths and choices hold for what is sent, never for what is shown."""
    rules["help_text"] = " ".join(part for part in (f"{field.label}.", field.help) if part)
    match field.kind:
        case Kind.TEXT:
            return serializers.CharField(**rules)
        case Kind.INTEGER:
            return serializers.IntegerField(**rules)
        case Kind.NUMBER:
            return serializers.FloatField(**rules)
        case Kind.BOOLEAN:
            return serializers.BooleanField(**rules)
        case Kind.INSTANT:
            return serializers.DateTimeField(**rules)
        case Kind.STRING_MAP:
            return serializers.DictField(child=serializers.CharField(), **rules)
        case Kind.PAIRS:
            pair = serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
            return serializers.ListField(child=pair, **rules)
        case Kind.AVAILABILITY:
            return serializers.DictField(**rules)
        case _:
            return serializers.JSONField(help_text=rules["help_text"])


def _sent_field(field: Field, call: Call) -> serializers.Field[Any, Any, Any, Any]:
    rules: dict[str, Any] = {"required": field.required and call is not Call.UPDATE}
    choices = VALUATION_TYPES if field.name == "type" and call is Call.VALUATION else field.choices
    if choices and not field.open_choices:
        return serializers.ChoiceField(choices=choices, help_text=f"{field.label}.", **rules)
    if field.kind is Kind.TEXT:
        rules["max_length"] = field.max_length(call)
    if call is Call.UPDATE and field.kind is Kind.TEXT and not field.required and field.name != "status":
        rules["allow_null"] = True
    return _field(field, **rules)


def _sent(name: str, call: Call, more: Fields | None = None) -> type[serializers.Serializer[Any]]:
    return shape(name, {**{f.name: _sent_field(f, call) for f in writable(call)}, **(more or {})})


Sync = shape(
    "Sync",
    {
        "state": serializers.ChoiceField(choices=SyncState.choices),
        "seen_at": serializers.DateTimeField(
            allow_null=True,
            help_text="When the request that last showed it was sent to Lead.pro. Null: it never was.",
        ),
        "changed_at": serializers.DateTimeField(help_text="When it last changed here."),
        "next_refresh_at": serializers.DateTimeField(
            allow_null=True,
            help_text="About when it will be looked at again; in the past: as soon as its turn comes. "
            "Null: nobody knows, as while the connection is paused.",
        ),
        "pending": serializers.DictField(help_text="Field to what Lead.pro still shows."),
        "problem": serializers.CharField(allow_null=True, help_text="What a person should know or do."),
    },
)
LeadShape = shape(
    "Lead",
    {
        "id": serializers.IntegerField(help_text="The mirror's own id; it never changes."),
        "leadpro_id": serializers.IntegerField(allow_null=True, help_text="Null until Lead.pro has it."),
        "origin": serializers.ChoiceField(choices=Origin.choices),
        **{f.name: _field(f, allow_null=True) for f in MIRRORED},
        "next_action_date": _field(NEXT_ACTION_DATE, allow_null=True),
        "person_id": serializers.IntegerField(allow_null=True),
        "warnings": serializers.ListField(child=serializers.CharField()),
        "sync": Sync(),
    },
)
_connection = serializers.IntegerField(
    required=False, help_text="A Lead.pro connection; left out: the default one."
)
LeadCreate = _sent("LeadCreate", Call.CREATE, {"connection": _connection})
LeadValuation = _sent("LeadValuation", Call.VALUATION, {"connection": _connection})
LeadUpdate = _sent("LeadUpdate", Call.UPDATE)
LookUpShape = shape(
    "LookUp",
    {
        name: serializers.IntegerField(required=False)
        if name == "connection"
        else serializers.CharField(required=False)
        for name in LOOK_UP_NAMES
    },
)
SearchShape = shape(
    "Search",
    {
        **{
            name: serializers.JSONField(required=False, help_text=f.words) for name, f in LEAD_FILTERS.items()
        },
        "fields": serializers.CharField(required=False, help_text="Keys of the lead, with commas."),
        "cursor": serializers.CharField(required=False),
        "page_size": serializers.IntegerField(required=False, min_value=1, max_value=500),
    },
)
ChangeShape = shape(
    "Change",
    {
        "id": serializers.IntegerField(),
        "at": serializers.DateTimeField(),
        "lead": serializers.IntegerField(),
        "cause": serializers.ChoiceField(choices=[*Cause.values, "left"]),
        "actor": serializers.CharField(allow_null=True),
        "fields": serializers.DictField(child=serializers.ListField(), help_text="Field to [old, new]."),
    },
)
PushShape = shape(
    "Push",
    {
        "id": serializers.IntegerField(),
        "lead": serializers.IntegerField(),
        "connection": serializers.IntegerField(),
        "kind": serializers.ChoiceField(choices=Push.KINDS),
        "state": serializers.ChoiceField(choices=Push.STATES),
        "attempts": serializers.IntegerField(),
        "due_at": serializers.DateTimeField(allow_null=True),
        "problem": serializers.CharField(allow_null=True),
        "remote_id": serializers.CharField(allow_null=True),
        "remote_reference": serializers.CharField(allow_null=True),
        "created_at": serializers.DateTimeField(),
    },
)
HandOver = shape(
    "HandOver",
    {
        "connection": serializers.IntegerField(),
        "fields": serializers.DictField(
            required=False,
            help_text="Values for the other side, by its field names (AVIV: ours, and classified_id, gender, language,"
            " submitted_at). They beat those of the lead.",
        ),
    },
)
_CHOICE_HELP = (
    'For each field in conflict: "mine", "theirs" or {"value": …}. With {"choice": "mine", "theirs": …} or'
    ' {"value": …, "theirs": …}, where theirs is what Lead.pro was seen to show, 409 if it shows something else by now.'
)
Choices = shape(
    "Choices",
    {
        name: serializers.JSONField(required=False, help_text=_CHOICE_HELP)
        for name, field in FIELDS.items()
        if field.writes and field.access is not Access.WRITE_ONLY
    }
    | {
        "is_there": serializers.BooleanField(
            required=False,
            help_text="Of a new lead whose sending is in doubt, instead of fields: true, it was seen there; false,"
            " it is not there, send it again.",
        ),
        "remote_id": serializers.IntegerField(
            required=False, help_text="With is_there: Lead.pro's number of it."
        ),
        "remote_reference": serializers.CharField(
            required=False, help_text="With is_there, at a remote that shows us nothing: what names it there."
        ),
    },
)
OfficeShape = shape(
    "Office",
    {
        "id": serializers.IntegerField(),
        "name": serializers.CharField(),
        "connection": serializers.IntegerField(),
    },
)
StatusShape = shape(
    "Status",
    {
        "id": serializers.IntegerField(),
        "name": serializers.CharField(),
        "stage_id": serializers.IntegerField(allow_null=True),
        "stage": serializers.CharField(allow_null=True),
        "is_predefined": serializers.BooleanField(),
        "connection": serializers.IntegerField(),
    },
)
ConnectionShape = shape(
    "Connection",
    {
        "id": serializers.IntegerField(),
        "remote": serializers.ChoiceField(choices=Remote.choices),
        "name": serializers.CharField(),
        "state": serializers.ChoiceField(choices=["ok", "paused", "not_connected"]),
        "reason": serializers.CharField(allow_null=True),
    },
)
_FieldProblem = shape(
    "FieldProblem",
    {"field": serializers.CharField(), "code": serializers.CharField(), "detail": serializers.CharField()},
)
ProblemShape = shape(
    "Problem",
    {
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "code": serializers.CharField(help_text="For programs."),
        "detail": serializers.CharField(help_text="A sentence for people."),
        "errors": _FieldProblem(many=True),
    },
)
