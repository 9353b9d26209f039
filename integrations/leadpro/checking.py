"""The rules for sending, from the table in `fields`: what Lead.pro would refuse is refused here, in words,
before it is sent. What arrives is never checked by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.leadpro import valuecheck
from integrations.leadpro.fields import FIELDS, VALUATION_TYPES, Access, Call, Field, Kind
from integrations.leadpro.phones import is_uk_number
from integrations.leadpro.valuecheck import Problem, RuleBroken

__all__ = ["Checked", "Problem", "check_values"]

_KIND_CHECKS: dict[Kind, Callable[[Any], Any]] = {
    Kind.INTEGER: valuecheck.check_integer,
    Kind.BOOLEAN: valuecheck.check_boolean,
    Kind.INSTANT: valuecheck.check_instant,
    Kind.STRING_MAP: valuecheck.check_string_map,
    Kind.AVAILABILITY: valuecheck.check_availability,
    Kind.PAIRS: valuecheck.check_pairs,
}


@dataclass(slots=True)
class Checked:
    """The outcome: nothing may be sent while there are problems. ``values`` are cleaned and ready to
    render.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether the values may be sent."""
        return not self.problems


def check_values(
    values: Mapping[str, Any],
    call: Call,
    *,
    offices: Mapping[int, str] | None = None,
    statuses: Iterable[Any] | Mapping[int, str] | None = None,
    partial: bool = False,
) -> Checked:
    """Check what one call would send. ``partial``: required fields may be absent (but not empty).

    ``offices`` maps Lead.pro's office ids to names; None or empty means not known, and then ids are not
    checked. ``statuses`` are rows with ``id`` (or ``status_id``) and ``name``, or a mapping of ids to names.
    In an update, None or empty text clears a text field; on a create, None is the same as absent.
    """
    checked = Checked()
    for name in [*(known for known in FIELDS if known in values), *(n for n in values if n not in FIELDS)]:
        _check_one(checked, name, values[name], call)
    if not partial:
        _require(checked, values, call)
    if "office_id" in checked.values:
        _check_office(checked, offices)
    if "status" in checked.values:
        _check_status(checked, _list_statuses(statuses))
    if call is not Call.UPDATE:
        _warn_about_addresses(checked)
    _warn_about_values(checked)
    return checked


def _check_one(checked: Checked, name: str, value: Any, call: Call) -> None:
    spec = FIELDS.get(name)
    if spec is None:
        checked.problems.append(Problem(name, "invalid", "There is no such field."))
        return
    if value is None and call is not Call.UPDATE and not spec.required:
        return
    try:
        if call not in spec.writes:
            raise RuleBroken("read_only", _why_not_writable(spec, call))
        checked.values[name] = _check_value(spec, value, call)
    except RuleBroken as broken:
        checked.problems.append(Problem(name, broken.code, broken.detail))


def _check_value(spec: Field, value: Any, call: Call) -> Any:
    if value is None:
        if call is Call.UPDATE and spec.kind is Kind.TEXT and not spec.required and spec.name != "status":
            return ""
        raise RuleBroken("required", "This field needs a value.")
    if spec.kind is Kind.TEXT:
        return _check_text(spec, value, call)
    cleaned = _KIND_CHECKS[spec.kind](value)
    if spec.json_bytes is not None:
        valuecheck.check_bytes(cleaned, spec.json_bytes)
    return cleaned


def _check_text(spec: Field, value: Any, call: Call) -> str:
    text = valuecheck.check_text(value, spec, call)
    if spec.required and not text.strip():
        raise RuleBroken("required", "This field needs a value.")
    choices = VALUATION_TYPES if spec.name == "type" and call is Call.VALUATION else spec.choices
    if choices and not spec.open_choices and text not in choices:
        raise RuleBroken("unknown_choice", f"Must be one of: {', '.join(choices)}.")
    return text


def _why_not_writable(spec: Field, call: Call) -> str:
    if spec.access is Access.READ_ONLY:
        return "Lead.pro sets this field itself; it is read only."
    if call is Call.UPDATE:
        return "This field cannot be changed once the lead is created."
    if Call.UPDATE in spec.writes:
        return "This field can be set only once the lead is in Lead.pro."
    return "This field is taken for instant valuations only."


def _require(checked: Checked, values: Mapping[str, Any], call: Call) -> None:
    for spec in FIELDS.values():
        if spec.required and call in spec.writes and spec.name not in values:
            checked.problems.append(Problem(spec.name, "required", "This field is required."))


def _check_office(checked: Checked, offices: Mapping[int, str] | None) -> None:
    if offices and checked.values["office_id"] not in offices:
        checked.problems.append(
            Problem("office_id", "unknown_choice", "Lead.pro has no office with this id in this account.")
        )
        del checked.values["office_id"]


def _list_statuses(statuses: Iterable[Any] | Mapping[int, str] | None) -> list[tuple[int, str]]:
    if statuses is None:
        return []
    if isinstance(statuses, Mapping):
        return list(statuses.items())
    rows: Iterable[Any] = statuses
    return [(getattr(row, "status_id", None) or row.id, row.name) for row in rows]


def _check_status(checked: Checked, statuses: list[tuple[int, str]]) -> None:
    """Find the one status meant, by name or id, and put its name in the values."""
    said = checked.values.pop("status")
    try:
        checked.values["status"] = _resolve_status(said, statuses) if statuses else said
    except RuleBroken as broken:
        checked.problems.append(Problem("status", broken.code, broken.detail))
        return
    if not statuses:
        checked.warnings.append(
            "Status: Lead.pro's list of statuses is not known here, so the name was not checked."
        )


def _resolve_status(said: str, statuses: list[tuple[int, str]]) -> str:
    matches = [row for row in statuses if row[1] == said]
    if not matches and said.strip().isascii() and said.strip().isdigit():
        names = [name for status_id, name in statuses if str(status_id) == said.strip().lstrip("0")]
        matches = [row for row in statuses if row[1] in names]
    if not matches:
        matches = [row for row in statuses if row[1].casefold() == said.strip().casefold()]
    if not matches:
        raise RuleBroken("unknown_choice", "Lead.pro has no status of this name in this account.")
    if len(matches) > 1:
        ids = ", ".join(str(status_id) for status_id, _ in sorted(matches))
        raise RuleBroken("invalid", f"Several statuses have this name: ids {ids}. Rename one in Lead.pro.")
    return matches[0][1]


def _warn_about_addresses(checked: Checked) -> None:
    """The two address pairs. That one is needed is said by the webhook guide alone, so it is a warning."""
    lead_type = checked.values.get("type")
    if lead_type is None:
        return
    given = {name for name, value in checked.values.items() if value}
    advert = {"advert_address", "advert_postcode"}
    if lead_type in ("sale", "let"):
        if "office_id" not in given and not advert <= given:
            checked.warnings.append(
                "Advert address and postcode are missing and no office is named: Lead.pro may not know where"
                " this lead belongs, or refuse it."
            )
        return
    if not {"address", "postcode"} <= given:
        checked.warnings.append("Address or postcode is missing: Lead.pro may ask for both for this type.")
    if lead_type in VALUATION_TYPES and given & advert:
        checked.warnings.append(
            "For vendors and landlords Lead.pro uses the address and postcode only, not those of an advert."
        )


def _warn_about_values(checked: Checked) -> None:
    values = checked.values
    source = FIELDS["source"]
    if values.get("source") and values["source"] not in source.choices:
        checked.warnings.append("Source: this name is not one Lead.pro knows; Lead.pro will store homepage.")
    if values.get("phone") and not is_uk_number(values["phone"]):
        checked.warnings.append("Phone: not a valid UK number, so Lead.pro's autocaller will not call it.")
    if not valuecheck.are_instants(values.get("appointment_availability")):
        checked.warnings.append("Availability: Lead.pro expects times such as 2026-01-01T08:00:00.000Z.")
