"""Three-way merge of an update: what was agreed, what was typed here, what Lead.pro shows now. Pure: no database, no
clock, no remote. Values are JSON values; an edit is ``{"base", "mine"}`` (and ``"was"``, ``"first"`` where earlier
edits of the same field were still on their way), or ``{"pairs"}`` for the questionnaire, which Lead.pro only ever
appends to.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import orjson

from integrations.leadpro.fields import FIELDS, Kind

Edit = Mapping[str, Any]
Pair = list[str]

QUESTIONNAIRE = "questionnaire"
META = "meta"
#: Accepted by an update and shown by no read, so it can be neither merged nor verified.
UNREADABLE = "next_action_date"
#: Compact UTF-8 JSON of the pairs in one request.
ANSWERS_BYTES = FIELDS[QUESTIONNAIRE].json_bytes or 2048


class Verdict(Enum):
    """What is to be done about one field."""

    SEND = "send"
    AGREED = "agreed"  # Lead.pro shows what was typed
    TAKE = "take"  # nothing was changed here after all
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Clash:
    """One field that both sides changed."""

    field: str
    base: Any
    mine: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Overruled:
    """Lead.pro took the request and shows another value: that is its answer."""

    field: str
    sent: Any
    shown: Any


@dataclass(slots=True)
class Merge:
    """The next request (``send``, ``answers``), and what needs none."""

    send: dict[str, Any] = field(default_factory=dict)
    answers: list[Pair] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    over_pairs: list[Pair] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be sent."""
        return not self.send and not self.answers


@dataclass(slots=True)
class Settlement:
    """What a later read says about the last request. ``is_open``: it may still take effect, so nothing may be sent."""

    over: list[str] = field(default_factory=list)
    over_pairs: list[Pair] = field(default_factory=list)
    overruled: list[Overruled] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    is_open: bool = False
    pairs_unseen: bool = False


def normal(name: str, value: Any) -> Any:
    """A form of a field's value in which equal facts are equal: composed letters, no trailing space, one "nothing"."""
    kind = FIELDS[name].kind
    if value is None or value in ("", {}):
        return None
    if kind is Kind.TEXT:
        return _normal_text(str(value))
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return _normal_number(value)
    if kind is Kind.INSTANT:
        return _normal_instant(value)
    if kind is Kind.STRING_MAP and isinstance(value, Mapping):
        return {_normal_text(str(k)): _normal_text(str(v)) for k, v in value.items()}
    return value


def _normal_text(text: str) -> str | None:
    return unicodedata.normalize("NFC", text).rstrip() or None


def _normal_number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value if isinstance(value, bool) else float(value)


def _normal_instant(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


def same(name: str, one: Any, other: Any) -> bool:
    """Whether two values of a field say the same. False and nothing are different facts."""
    a, b = normal(name, one), normal(name, other)
    return type(a) is type(b) and bool(a == b)


def merge_value(name: str, edit: Edit, theirs: Any) -> Verdict:
    """The truth table of one field."""
    if name == META:
        return _merge_meta(edit, theirs)[0]
    if same(name, edit["mine"], theirs):
        return Verdict.AGREED
    if "was" not in edit and same(name, edit["mine"], edit.get("base")):
        return Verdict.TAKE
    if any(same(name, theirs, start) for start in _starts(edit)):
        return Verdict.SEND
    return Verdict.CONFLICT


def _starts(edit: Edit) -> list[Any]:
    """What the edit may have started from: where earlier ones were still on their way, what stood before each."""
    return [edit.get("base"), *(edit[name] for name in ("was", "first") if name in edit)]


def meta_to_send(edit: Edit, theirs: Any) -> dict[str, str]:
    """Lead.pro's own map with our changes in it: keys of others stay, whether an update merges or replaces."""
    return _merge_meta(edit, theirs)[1]


def meta_of_mine(edit: Edit, theirs: Any) -> dict[str, str]:
    """Our changes put into Lead.pro's map even where they clash, for a person who chose ours."""
    base, mine = dict(edit.get("base") or {}), dict(edit["mine"] or {})
    changed = {key: value for key, value in mine.items() if base.get(key) != value}
    kept = {key: value for key, value in dict(theirs or {}).items() if key in mine or key not in base}
    return {**kept, **changed}


def _merge_meta(edit: Edit, theirs: Any) -> tuple[Verdict, dict[str, str]]:
    """Key by key, since several parties keep keys in ``meta``."""
    mine, shown = dict(edit["mine"] or {}), dict(theirs or {})
    starts = [dict(start or {}) for start in _starts(edit)]
    united, clash, differs = dict(shown), False, False
    for key in mine.keys() | {key for start in starts for key in start}:
        wanted, agreed, now = mine.get(key), {start.get(key) for start in starts}, shown.get(key)
        if agreed == {wanted} or wanted == now:
            continue
        differs = True
        clash |= now not in agreed
        if wanted is None:
            united.pop(key, None)
        else:
            united[key] = wanted
    if clash:
        return Verdict.CONFLICT, shown
    return (Verdict.SEND if differs else Verdict.AGREED), united


def missing_pairs(pairs: Iterable[Pair], questionnaire: Any) -> list[Pair]:
    """The pairs that are not in the questionnaire, each once. A pair that is there already is the same fact."""
    known = _keys(questionnaire)
    return [list(key) for key in dict.fromkeys(_key(p) for p in pairs) if key not in known]


def present_pairs(pairs: Iterable[Pair], questionnaire: Any) -> list[Pair]:
    """The pairs that Lead.pro shows."""
    known = _keys(questionnaire)
    return [pair for pair in pairs if _key(pair) in known]


def fit_pairs(pairs: Sequence[Pair], limit: int = ANSWERS_BYTES) -> list[Pair]:
    """As many from the front as one request takes; at least one, so that a too long one is refused in words."""
    taken: list[Pair] = []
    for pair in pairs:
        if taken and len(orjson.dumps([*taken, pair])) > limit:
            break
        taken.append(pair)
    return taken


def _keys(questionnaire: Any) -> set[tuple[str, ...]]:
    return {_key(pair) for pair in questionnaire or [] if isinstance(pair, (list, tuple))}


def _key(pair: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_normal_text(str(part)) or "" for part in pair)


def plan(
    edits: Mapping[str, Edit], theirs: Mapping[str, Any], decided_elsewhere: Collection[str] = ()
) -> Merge:
    """Merge every edit with a fresh read. Fields with an open conflict (``decided_elsewhere``) wait for a person."""
    merge = Merge()
    for name, edit in edits.items():
        if name in decided_elsewhere:
            continue
        if name == QUESTIONNAIRE:
            merge.over_pairs = present_pairs(edit["pairs"], theirs.get(name))
            merge.answers = fit_pairs(missing_pairs(edit["pairs"], theirs.get(name)))
        elif name == UNREADABLE:
            merge.send[name] = edit["mine"]
        else:
            _merge_field(merge, name, edit, theirs.get(name))
    return merge


def _merge_field(merge: Merge, name: str, edit: Edit, theirs: Any) -> None:
    verdict = merge_value(name, edit, theirs)
    if verdict is Verdict.CONFLICT:
        # Of a map, what a person takes of ours is told key by key from what stood there before all of ours.
        base = _starts(edit)[-1] if name == META else edit.get("base")
        merge.clashes.append(Clash(name, base, edit["mine"], theirs))
    elif verdict is Verdict.SEND:
        merge.send[name] = meta_to_send(edit, theirs) if name == META else edit["mine"]
    else:
        merge.over.append(name)


def settle(
    sent: Mapping[str, Any], edits: Mapping[str, Edit], theirs: Mapping[str, Any], *, is_safe: bool
) -> Settlement:
    """What became of the last request (``sent``: ``set``, ``answers``, ``clear``) by a read that started after it.

    ``is_safe``: the read started so late that a request not visible in it will not take effect any more.
    """
    result = Settlement()
    clear = bool(sent.get("clear"))
    names = [name for name in sent.get("set", {}) if name in edits and name != UNREADABLE]
    shown = [name for name in names if merge_value(name, edits[name], theirs.get(name)) is Verdict.AGREED]
    pairs: list[Pair] = sent.get("answers", [])
    result.over_pairs = list(pairs) if clear else present_pairs(pairs, theirs.get(QUESTIONNAIRE))
    result.over = shown
    applied = clear or bool(shown or result.over_pairs)
    for name in names:
        if name not in shown:
            _settle_hidden(result, name, edits[name], theirs.get(name), clear, applied, is_safe)
    if UNREADABLE in sent.get("set", {}) and applied:
        result.over.append(UNREADABLE)
    hidden = missing_pairs(pairs, theirs.get(QUESTIONNAIRE))
    undated = UNREADABLE in sent.get("set", {}) and not applied
    result.is_open |= not clear and not is_safe and bool(hidden or undated)
    result.pairs_unseen = bool(hidden)
    return result


def _settle_hidden(
    result: Settlement, name: str, edit: Edit, theirs: Any, clear: bool, applied: bool, is_safe: bool
) -> None:
    """A field of the last request whose value does not show."""
    if clear:
        result.over.append(name)
        result.overruled.append(Overruled(name, edit["mine"], theirs))
    elif not is_safe:
        result.is_open = True
    elif applied:
        # The request arrived, since other parts of it show; somebody changed this one after. Nobody guesses.
        base = _starts(edit)[-1] if name == META else edit["mine"]
        result.clashes.append(Clash(name, base, edit["mine"], theirs))
