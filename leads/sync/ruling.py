"""What a forwarding rule means: whether it fits a lead, what it sends, and whether rules go round in a circle. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.mapping import CUT, as_text, fit
from integrations.problems import Problem

#: Condition to what it looks at, in words. A rule's ``when`` holds for each a list, of which one must fit.
CONDITIONS = {
    "origin": "where it first came from",
    "connection": "the connection it came from",
    "type": "type",
    "source": "source",
    "portal": "portal",
    "office_id": "office",
    "postcode": "postcode area",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
    "utm_content": "utm_content",
    "utm_term": "utm_term",
    "consent": "consent",
}
#: Origins of leads that were made here: they came from no connection, so they can go round in no circle.
MADE_HERE = frozenset({"api", "admin"})
_PLACE = re.compile(r"\{([a-z_]+)\}")
_LETTERS = re.compile(r"^[A-Z]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may look at. ``came_from`` is None for a lead made here; ``known_at`` are connections that have it."""

    lead_id: int
    origin: str
    came_from: int | None
    known_at: frozenset[int]
    portal: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a rule would send, and what was done to make it fit."""

    fields: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def misfits(when: Mapping[str, Sequence[Any]], facts: Facts) -> list[str]:
    """Why these conditions do not fit the lead, a sentence for each; empty where they fit."""
    return [
        _contrast(name, wanted, facts)
        for name, wanted in when.items()
        if wanted and not _fits(name, wanted, facts)
    ]


def _contrast(name: str, wanted: Sequence[Any], facts: Facts) -> str:
    if name == "connection":
        return "It came from another connection."
    words = "yes" if name == "consent" else " or ".join(map(str, wanted))
    return f"{CONDITIONS.get(name, name)}: {_said(name, facts)}, and not {words}"


def _fits(name: str, wanted: Sequence[Any], facts: Facts) -> bool:
    if name == "consent":
        # Null is not yes.
        return facts.values.get("gdpr_checkbox") is True
    if name == "postcode":
        return any(in_area(postcode_of(facts), str(area)) for area in wanted)
    value = _value(name, facts)
    return value is not None and _plain(value) in {_plain(one) for one in wanted}


def _value(name: str, facts: Facts) -> Any:
    match name:
        case "origin":
            return facts.origin
        case "connection":
            return facts.came_from
        case "portal":
            return facts.portal or None
        case _:
            return facts.values.get(name) if name in CONDITIONS else None


def _said(name: str, facts: Facts) -> str:
    if name == "consent":
        return {True: "yes", False: "no"}.get(facts.values.get("gdpr_checkbox"), "not said")  # type: ignore[arg-type]
    value = postcode_of(facts) if name == "postcode" else _value(name, facts)
    return "nothing" if value in (None, "") else str(value)[:80]


def _plain(value: Any) -> str:
    return str(value).strip().casefold()


def postcode_of(facts: Facts) -> str:
    """The person's postcode, or else that of the property."""
    return str(facts.values.get("postcode") or facts.values.get("advert_postcode") or "")


def in_area(postcode: str, area: str) -> bool:
    """``NG`` is an area, ``NG1`` a district, ``NG1 1AA`` itself; digits are how a foreign code begins."""
    whole, wanted = ("".join(text.upper().split()) for text in (postcode, area))
    if not whole or not wanted:
        return False
    if wanted.isdigit():
        return whole.startswith(wanted)
    if wanted.isalpha():
        letters = _LETTERS.match(whole)
        return letters is not None and letters.group() == wanted
    return wanted in (whole, whole[:-3])


def may_go(facts: Facts, target: int) -> str:
    """Why the lead must not go there, whatever the rules say; empty where it may."""
    if facts.came_from == target:
        return "It came from there."
    if target in facts.known_at:
        return "It is there already, on its way, or discarded."
    return ""


def shape(
    mapping: Mapping[str, Mapping[str, Any]],
    office: Mapping[str, Any],
    facts: Facts,
    limits: Mapping[str, int] | None = None,
) -> Shape:
    """The target's fields as the rule fills them. A problem means: a person must look before anything is sent."""
    made = Shape({})
    for name, wish in mapping.items():
        template = str(wish.get("text", ""))
        whole = _PLACE.fullmatch(template.strip())
        value = _look_up(whole.group(1), facts) if whole else None
        if value not in (None, "", [], {}) and not isinstance(value, str):
            # Numbers, consent and maps go as they are: the other side's field may be of their kind.
            made.fields[name] = value
            continue
        text = fill(template, facts)
        if not text.strip():
            text = str(wish.get("missing", ""))
        if not text.strip():
            continue
        limit = wish.get("limit") or (limits or {}).get(name)
        fitted = fit(name, text, int(limit) if limit else None, str(wish.get("long", CUT)))
        if fitted.problem is not None:
            made.problems.append(fitted.problem)
            continue
        if fitted.note:
            made.notes.append(fitted.note)
        made.fields[name] = fitted.text
    chosen = choose_office(office, postcode_of(facts))
    if chosen is not None:
        made.fields["office_id"] = chosen
    return made


def fill(template: str, facts: Facts) -> str:
    """The template with ``{field}`` replaced by the lead's values; ``{portal}`` too. Nothing else is special."""
    return _PLACE.sub(lambda match: as_text(_look_up(match.group(1), facts)), template)


def _look_up(name: str, facts: Facts) -> Any:
    return facts.portal if name == "portal" else facts.values.get(name)


def places(template: str) -> list[str]:
    """The field names that a template mentions."""
    return _PLACE.findall(template)


def choose_office(office: Mapping[str, Any], postcode: str) -> int | None:
    """The fixed office, or that of the most exact postcode area that fits, or the one for the rest."""
    if office.get("fixed"):
        return int(office["fixed"])
    areas = office.get("postcodes") or {}
    for area in sorted(areas, key=len, reverse=True):
        if in_area(postcode, area):
            return int(areas[area])
    return int(office["else"]) if office.get("else") else None


@dataclass(frozen=True, slots=True)
class Edge:
    """A rule as an arrow: from these connections to that one."""

    rule: str
    sources: frozenset[int]
    target: int


def sources_of(when: Mapping[str, Sequence[Any]], remotes: Mapping[int, str]) -> frozenset[int]:
    """Connections whose leads the conditions can fit; ``remotes``: connection to its remote, those that can be read."""
    wanted = {int(one) for one in when.get("connection") or remotes}
    origins = {str(one) for one in when.get("origin") or ()}
    if origins:
        # An imported lead was read from Lead.pro.
        named = {"leadpro" if one == "import" else one for one in origins - MADE_HERE}
        wanted = {one for one in wanted if remotes.get(one) in named}
    return frozenset(wanted & remotes.keys())


def find_circle(edges: Iterable[Edge]) -> list[str]:
    """The names of rules that lead from a connection back to itself, in order; empty where none do."""
    arrows = list(edges)
    for first in arrows:
        path = _path_back(first, arrows, {first.target})
        if path is not None:
            return [first.rule, *path]
    return []


def _path_back(first: Edge, arrows: list[Edge], seen: set[int]) -> list[str] | None:
    """A way from the arrow's target to one of its sources, never over a connection twice."""
    queue: list[tuple[int, list[str]]] = [(first.target, [])]
    while queue:
        at, path = queue.pop(0)
        for arrow in arrows:
            if at not in arrow.sources or arrow.target == at:
                continue
            if arrow.target in first.sources - {first.target}:
                return [*path, arrow.rule]
            if arrow.target not in seen:
                seen.add(arrow.target)
                queue.append((arrow.target, [*path, arrow.rule]))
    return None
