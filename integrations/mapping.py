"""Filling another remote's fields from a lead: where each value comes from, what stands in for a missing one, and
what becomes of one that is too long. Pure, and shared by every remote that leads are handed on to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrations.cleaning import clean_text
from integrations.problems import Problem

CUT, STOP = "cut", "stop"
CUT_MARK = " …"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field is filled. ``sources`` are names of the lead's columns, tried in turn; several in one, joined by a
    space, as ``first_name+last_name``. ``fixed`` beats them, ``fallback`` stands in for nothing. ``table`` translates
    (a value that is not in it counts as missing). ``too_long``: cut to ``limit`` characters, or stop.
    """

    sources: tuple[str, ...] = ()
    fixed: str = ""
    fallback: str = ""
    required: bool = False
    limit: int | None = None
    too_long: str = CUT
    table: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """The lead's columns that it looks at."""
        return {part for source in self.sources for part in source.split("+")}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text as a field takes it, what a person should know of that, and why it may not be sent."""

    text: str
    note: str = ""
    problem: Problem | None = None


@dataclass(slots=True)
class Mapped:
    """The outcome: nothing may be sent while there are problems. ``notes`` tell what was cut or stood in."""

    values: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Field to the full text of what was cut.
    uncut: dict[str, str] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether it may be sent."""
        return not self.problems


def apply_rules(values: Mapping[str, Any], rules: Mapping[str, FieldRule]) -> Mapped:
    """A lead's columns through the rules, field by field. Fields without a value are left out."""
    mapped = Mapped()
    for name, rule in rules.items():
        text = _find_value(values, rule)
        if not text and rule.fallback:
            text = rule.fallback
            mapped.notes.append(f"{name}: missing, so “{text}” stands in.")
        if not text:
            if rule.required:
                mapped.problems.append(
                    Problem(name, "required", "This field is required, and the lead has none.")
                )
            continue
        _fit(mapped, name, text, rule)
    return mapped


def _find_value(values: Mapping[str, Any], rule: FieldRule) -> str:
    if rule.fixed:
        return rule.fixed
    for source in rule.sources:
        text = " ".join(filter(None, (as_text(values.get(part)) for part in source.split("+"))))
        if rule.table:
            text = rule.table.get(text, "")
        if text:
            return text
    return ""


def _fit(mapped: Mapped, name: str, text: str, rule: FieldRule) -> None:
    fitted = fit(name, text, rule.limit, rule.too_long)
    if fitted.problem is not None:
        mapped.problems.append(fitted.problem)
        return
    if fitted.note:
        mapped.uncut[name] = text
        mapped.notes.append(fitted.note)
    mapped.values[name] = fitted.text


def fit(name: str, text: str, limit: int | None, too_long: str = CUT) -> Fitted:
    """The text as a field of so many characters takes it: as it is, cut with a note, or with a problem (STOP)."""
    if not limit or len(text) <= limit:
        return Fitted(text)
    if too_long == STOP:
        detail = f"At most {limit} characters are taken here; this has {len(text)}."
        return Fitted(text, problem=Problem(name, "too_long", detail))
    note = f"{name}: cut to {limit} of {len(text)} characters; the full text is kept here."
    return Fitted(_cut(text, limit), note)


def _cut(text: str, limit: int) -> str:
    """The beginning, marked as one where there is room for the mark."""
    return text[: limit - len(CUT_MARK)].rstrip() + CUT_MARK if limit > 2 * len(CUT_MARK) else text[:limit]


def as_text(value: Any) -> str:
    """A column's value as a text field takes it; lists and objects are none."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    return clean_text(str(value)).strip()
