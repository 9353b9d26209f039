"""Lead.pro's lead as our values (`parse_`) and our values as its request bodies (`render_`). Receiving checks
nothing but what a column can hold; the rules for sending are in `checking`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.errors import UnexpectedPayload
from integrations.leadpro.checking import Checked, Problem, check_values
from integrations.leadpro.coercion import (
    BIGGEST,
    DEEPEST,
    PARSERS,
    SMALLEST,
    DoesNotFit,
    clean_text,
    parse_object,
)
from integrations.leadpro.fields import MIRRORED, TOKEN_KEY, Call, writable
from integrations.leadpro.shapes import parse_id

__all__ = [
    "Checked",
    "ParsedLead",
    "Problem",
    "canonical_hash",
    "check_values",
    "parse_lead",
    "render_create",
    "render_instant",
    "render_update",
]

_READERS = tuple((spec.name, spec.label, PARSERS[spec.kind]) for spec in MIRRORED)
_WRITABLE = {call: tuple(spec.name for spec in writable(call)) for call in Call}


@dataclass(slots=True)
class ParsedLead:
    """A lead as Lead.pro showed it. ``values`` has all 57 mirrored names; ``token`` is that of our own
    push.
    """

    leadpro_id: int
    values: dict[str, Any]
    token: str | None = None
    warnings: list[str] = field(default_factory=list)


def parse_lead(payload: Mapping[str, Any]) -> ParsedLead:
    """Theirs → ours. Absent and unusable values are None; each unusable one leaves a sentence in
    ``warnings``.

    Raises `UnexpectedPayload` only where there is no usable id. Never raises for anything else that is JSON.
    """
    leadpro_id = parse_id(payload.get("id"))
    if leadpro_id is None:
        raise UnexpectedPayload("Lead.pro showed a lead without an id.")
    lead = ParsedLead(leadpro_id, {})
    for name, label, parse in _READERS:
        value = payload.get(name)
        if value is not None:
            try:
                value = parse(value)
            except DoesNotFit as unfit:
                value = unfit.kept
                state = "empty" if value is None else "incomplete"
                lead.warnings.append(f"{label} ({name}) is {state} here: Lead.pro does not show {unfit}.")
        lead.values[name] = value
    lead.token = _take_token(lead.values)
    return lead


def _take_token(values: dict[str, Any]) -> str | None:
    """Take our own key out of ``meta``. A ``meta`` that held nothing else was none."""
    meta = values["meta"]
    if not meta or TOKEN_KEY not in meta:
        return None
    token = meta.pop(TOKEN_KEY)
    if not meta:
        values["meta"] = None
    return token if isinstance(token, str) and token else None


def meta_of(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ``meta`` that a lead shows, in whatever form a map may come; None where it shows none that can be read."""
    try:
        return parse_object(payload["meta"]) if payload.get("meta") is not None else None
    except DoesNotFit:
        return None


def token_of(payload: Mapping[str, Any]) -> str | None:
    """The token that a lead shows, as it stands there."""
    token = (meta_of(payload) or {}).get(TOKEN_KEY)
    return token if isinstance(token, str) and token else None


def same_token(one: str | None, other: str | None) -> bool:
    """Whether both are there and the same, however a remote spells what it keeps."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def render_create(values: Mapping[str, Any], token: str, call: Call) -> dict[str, Any]:
    """Ours → theirs, for `Call.CREATE` and `Call.VALUATION`: what is set and may be sent, and the token in
    ``meta``.
    """
    payload = _render(values, call)
    payload["meta"] = {**(values.get("meta") or {}), TOKEN_KEY: token}
    return payload


def render_update(
    changes: Mapping[str, Any], names: Mapping[str, str | None] | tuple[str | None, str | None]
) -> dict[str, Any]:
    """The body of an update: the given changes, and both names, which the documents star.

    ``names`` are those of the fresh read, as (first, last) or by field name; one that is None, empty or
    longer than Lead.pro takes is left out. Names among the changes win. ``meta`` is replaced as a whole by
    what is given here, so the caller unites it with the fresh one, token included; ``questionnaire`` holds
    only pairs to add.
    """
    if not isinstance(names, Mapping):
        names = {"first_name": names[0], "last_name": names[1]}
    payload: dict[str, Any] = {}
    for name in ("first_name", "last_name"):
        text = names.get(name)
        if text and len(text) <= 50:
            payload[name] = clean_text(text)
    return payload | _render(changes, Call.UPDATE, keep_none=True)


def _render(values: Mapping[str, Any], call: Call, *, keep_none: bool = False) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for name in _WRITABLE[call]:
        value = values.get(name)
        if value is not None or (keep_none and name in values):
            payload[name] = render_instant(value) if isinstance(value, datetime) else value
    return payload


def render_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with a Z, as Lead.pro's samples write it. The datetime must be aware."""
    timespec = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def canonical_hash(payload: Any) -> str:
    """64 hex digits that depend on the JSON, not on the order of its keys."""
    try:
        canonical = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        canonical = orjson.dumps(_bounded(payload), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _bounded(value: Any, depth: int = 0) -> Any:
    """The document with what JSON writers refuse replaced by text: deep nesting, big integers, surrogates."""
    if depth > DEEPEST:
        return "deeper"
    if isinstance(value, dict):
        return {clean_text(str(key)): _bounded(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bounded(item, depth + 1) for item in value]
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and not SMALLEST <= value <= BIGGEST:
        return hex(value)
    return value
