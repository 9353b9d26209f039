"""How edits of one lead come together, fall away and are decided. Pure, so that every store does the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from leads.sync.delivering.ports import DONE, NEEDS_ATTENTION, WAITING
from leads.sync.merging import META, QUESTIONNAIRE, UNREADABLE, Pair, missing_pairs, same

Edits = dict[str, dict[str, Any]]
#: Seconds; the least by which one edit is later than another, and what a float of today's seconds still tells apart.
TICK = 1e-6


def fold(
    edits: Mapping[str, Mapping[str, Any]],
    changes: Mapping[str, Any],
    shown: Callable[[str], Any],
    in_flight: Mapping[str, Mapping[str, Any]],
    at: float,
) -> Edits:
    """The edits of a waiting update with these changes (JSON values) put in. A change back to the start falls away.

    ``shown(field)``: what Lead.pro is known to show. ``in_flight``: edits that another push is sending now; a change
    of the same field counts on them, and remembers what was there before in case they do not arrive. ``at`` (seconds
    since 1970) is kept with each edit: where two pushes hold one field, the later edit is what the person meant. An
    edit typed over another one is later than that, even where the clock was set back in between.
    """
    folded: Edits = {name: dict(edit) for name, edit in edits.items()}
    for name, mine in changes.items():
        if name == QUESTIONNAIRE:
            _fold_pairs(folded, mine, shown(name), in_flight.get(name, {}))
        else:
            _fold_value(folded, name, mine, shown, in_flight.get(name), at)
    return folded


def _fold_pairs(edits: Edits, pairs: list[Pair], shown: Any, flying: Mapping[str, Any]) -> None:
    known: list[Pair] = list(edits.get(QUESTIONNAIRE, {}).get("pairs", []))
    added = missing_pairs(pairs, [*known, *(shown or []), *flying.get("pairs", [])])
    if known or added:
        edits[QUESTIONNAIRE] = {"pairs": [*known, *added]}


def _fold_value(
    edits: Edits,
    name: str,
    mine: Any,
    shown: Callable[[str], Any],
    flying: Mapping[str, Any] | None,
    at: float,
) -> None:
    edit: dict[str, Any]
    at = typed_at(at, edits.get(name), flying)
    if name in edits:
        edit = {**edits[name], "mine": mine, "at": at}
    elif flying is not None:
        edit = {"base": flying["mine"], "mine": mine, "was": flying.get("base"), "at": at}
        if "was" in flying:
            # That one was typed over another in its turn, which may have been given up without arriving.
            edit["first"] = flying.get("first", flying["was"])
    else:
        edit = {"base": shown(name), "mine": mine, "at": at}
    if same(name, mine, edit.get("base")) and (name not in edits or "was" not in edit):
        edits.pop(name, None)
    else:
        edits[name] = edit


def absorb(edits: Mapping[str, Any], others: Mapping[str, Any]) -> Edits:
    """The edits of two updates of one lead in one: of each field the later one, of the answers all.

    The first update is certainly not applied, so what its edits were based on still counts.
    """
    joined: Edits = {name: dict(edit) for name, edit in edits.items()}
    for name, edit in others.items():
        if name == QUESTIONNAIRE:
            _fold_pairs(joined, edit["pairs"], None, {})
        elif name not in joined:
            joined[name] = dict(edit)
        elif is_later(edit, joined[name]):
            joined[name] |= {"mine": edit["mine"], "at": edit.get("at", 0.0)}
    return joined


def typed_at(now: float, *before: Mapping[str, Any] | None) -> float:
    """The ``at`` of an edit that is typed now, over these."""
    return max([now, *(float(edit.get("at", 0.0)) + TICK for edit in before if edit is not None)])


def is_later(edit: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether this edit was typed after the other one."""
    return other is None or float(edit.get("at", 0.0)) >= float(other.get("at", 0.0))


def drop(edits: Mapping[str, Any], over: Collection[str], over_pairs: list[Pair]) -> Edits:
    """What is left of the edits when these are over."""
    left: Edits = {name: dict(edit) for name, edit in edits.items() if name not in over}
    if over_pairs and QUESTIONNAIRE in left:
        pairs = missing_pairs(left[QUESTIONNAIRE]["pairs"], over_pairs)
        if pairs:
            left[QUESTIONNAIRE] = {"pairs": pairs}
        else:
            del left[QUESTIONNAIRE]
    return left


def rebase(edits: Mapping[str, Any], shown: Mapping[str, Any]) -> Edits:
    """Later edits of fields that Lead.pro now shows for certain are based on what it shows."""
    moved: Edits = {}
    for name, edit in edits.items():
        moved[name] = dict(edit)
        if name in shown and name not in (QUESTIONNAIRE, UNREADABLE):
            moved[name]["base"] = _rebase_meta(edit, shown[name]) if name == META else shown[name]
            moved[name].pop("was", None)
            moved[name].pop("first", None)
    return moved


def _rebase_meta(edit: Mapping[str, Any], shown: Any) -> dict[str, Any]:
    """Only the keys that were changed here. A key that the person has never seen must not stand in the base: the map
    they type next does not hold it either, and would look as if they had deleted it.
    """
    base, mine, theirs = (dict(map_ or {}) for map_ in (edit.get("base"), edit["mine"], shown))
    ours = {key for key in base.keys() | mine.keys() if base.get(key) != mine.get(key)}
    kept = {key: value for key, value in base.items() if key not in ours}
    return kept | {key: theirs[key] for key in ours if key in theirs}


def state_left(edits: Mapping[str, Any], in_conflict: Collection[str]) -> str:
    """How an update stands when a delivery is through with it: done, for a person, or with more to send."""
    if not edits:
        return DONE
    return NEEDS_ATTENTION if all(name in in_conflict for name in edits) else WAITING


class CannotPush(Exception):
    """The state of a lead or push does not allow it; the text is a sentence for people."""
