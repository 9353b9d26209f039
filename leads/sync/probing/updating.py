"""What updates of the test lead show: each is one PATCH, judged by reading the lead again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.answers import is_json_type
from integrations.leadpro.fields import TOKEN_KEY
from integrations.leadpro.payloads import meta_of, render_instant, same_token, token_of
from integrations.leadpro.probing import Look, find_shown, name_pairs_form, name_update_form
from integrations.leadpro.shapes import StatusRow
from leads.models import Connection, Status
from leads.sync.probing.asking import Asker, expect_label, expect_success, is_taken
from leads.sync.probing.facts import NotLearnt
from leads.sync.probing.reading import learn_refusal

FIRST, LAST = "leadmirror", "Test, please delete"
NAMES = {"first_name": FIRST, "last_name": LAST}
#: Between looks at an update that should show, seconds.
PAUSES = (0.0, 0.5, 1.5)
_NAMES_NEEDED = "They go along with every update. One of a lead without names needs a person."


@dataclass(slots=True)
class TestLead:
    """The lead that may be changed at will. ``made_after``: monotonic seconds, before it was sent."""

    leadpro_id: int
    email: str
    phone: str
    token: str
    made_after: float
    shown: dict[str, Any] = field(default_factory=dict)


def ask_all(asker: Asker, lead: TestLead) -> None:
    """Every question that an update answers. The names stay, so that people see what to delete."""
    ask_questionnaire(asker, lead)
    ask_update(asker, lead)
    ask_names(asker, lead)
    ask_meta(asker, lead)
    ask_next_action(asker, lead)
    ask_refusal(asker, lead)
    ask_status(asker, lead)


def read_until(asker: Asker, lead: TestLead, shows: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether the lead comes to show it, within a moment. ``lead.shown`` is the last read."""
    for pause in PAUSES:
        time.sleep(pause)
        look = expect_label(expect_success(asker.get(f"/leads/{lead.leadpro_id:d}")))
        lead.shown = next(iter(find_shown(look.document)), {})
        if shows(lead.shown):
            return True
    return False


def update(asker: Asker, lead: TestLead, **changes: Any) -> Look:
    """One update with both names."""
    return asker.patch(lead.leadpro_id, {**NAMES, **changes})


def ask_questionnaire(asker: Asker, lead: TestLead) -> None:
    """The answer that was sent with the lead, as a read shows it."""
    with asker.findings.asking("questionnaire_form"):
        read_until(asker, lead, lambda shown: bool(shown.get("questionnaire")))
        form = name_pairs_form(lead.shown.get("questionnaire"))
        effect = {
            "absent": "An answer of unclear fate is not sent again: a person decides.",
            "other": "Kept raw.",
        }
        asker.findings.learn(
            "questionnaire_form",
            form,
            form,
            effect.get(form, "Understood."),
            warns=form in ("absent", "other"),
        )


def ask_update(asker: Asker, lead: TestLead) -> None:
    """What a plain update is answered with."""
    with asker.findings.asking("patch_answer"):
        sent = {**NAMES, "utm_content": "leadmirror-1"}
        look = expect_success(asker.patch(lead.leadpro_id, sent))
        form = name_update_form(look, sent)
        if not read_until(asker, lead, lambda shown: shown.get("utm_content") == "leadmirror-1"):
            raise NotLearnt(f"An update was answered with {look.status} and did not show afterwards.")
        effect = "" if _is_clear(look) else "Every update counts as unclear until the lead is read again."
        asker.findings.learn("patch_answer", form, f"{look.status}, {form}", effect, warns=bool(effect))


def _is_clear(look: Look) -> bool:
    """Whether such an answer to an update counts as a success, as in `LeadProClient.update_lead`."""
    is_labelled = bool(look.content_type) and is_json_type(look.content_type)
    return look.status == 204 or (look.status != 202 and is_labelled)


def ask_names(asker: Asker, lead: TestLead) -> None:
    """The same update without names."""
    with asker.findings.asking("patch_needs_names"):
        if not asker.findings.knows("patch_answer"):
            raise NotLearnt("An update with both names did not work either.")
        before = lead.shown
        look = asker.patch(lead.leadpro_id, {"utm_content": "leadmirror-2"})
        if not is_taken(look):
            learn_refusal(asker, look)
            asker.findings.learn("patch_needs_names", True, f"yes ({look.status} without)", _NAMES_NEEDED)
            return
        is_shown = read_until(asker, lead, lambda shown: shown.get("utm_content") == "leadmirror-2")
        # Against the read before: Lead.pro may spell names otherwise than they were sent.
        lost = [name for name in NAMES if lead.shown.get(name) != before.get(name)]
        if lost:
            update(asker, lead)
            verb = "changed" if all(lead.shown.get(name) for name in lost) else "emptied"
            asker.findings.learn("patch_needs_names", True, f"yes: left out, they are {verb}", _NAMES_NEEDED)
        elif is_shown:
            asker.findings.learn(
                "patch_needs_names", False, "no", "They go along all the same; a lead may have none."
            )
        else:
            asker.findings.learn("patch_needs_names", True, "yes: without, it is ignored", _NAMES_NEEDED)


def ask_meta(asker: Asker, lead: TestLead) -> None:
    """One new key on its own: does the token stay?"""
    with asker.findings.asking("patch_meta"):
        expect_success(update(asker, lead, meta={"probe": "1"}))
        is_shown = read_until(asker, lead, lambda shown: (meta_of(shown) or {}).get("probe") == "1")
        if lead.shown.get("meta") and meta_of(lead.shown) is None:
            raise NotLearnt("Meta is shown in no form that is known.")
        if not is_shown:
            raise NotLearnt("A new key in meta was accepted and is not shown.")
        is_merged = same_token(token_of(lead.shown), lead.token)
        if not is_merged:
            update(asker, lead, meta={"probe": "1", TOKEN_KEY: lead.token})
        form = "merge" if is_merged else "replace"
        asker.findings.learn("patch_meta", form, f"{form}d" if form == "replace" else "merged")


def ask_next_action(asker: Asker, lead: TestLead) -> None:
    """A date that the documents let one set and never show."""
    with asker.findings.asking("shows_next_action"):
        at = render_instant((timezone.now() + timedelta(days=1)).replace(microsecond=0))
        expect_success(update(asker, lead, next_action_date=at))
        names = ("next_action_date", "nextActionDate", "next_action")
        is_shown = read_until(asker, lead, lambda shown: any(shown.get(name) for name in names))
        asker.findings.learn("shows_next_action", is_shown, "yes" if is_shown else "no")


def ask_refusal(asker: Asker, lead: TestLead) -> None:
    """A value that breaks a documented limit."""
    with asker.findings.asking("error_body"):
        look = update(asker, lead, advert_address=f"{LAST}. {'x' * 300}")
        if is_taken(look):
            update(asker, lead, advert_address=LAST)
            raise NotLearnt(f"A value beyond its limit was accepted ({look.status}).")
        learn_refusal(asker, look)


def ask_status(asker: Asker, lead: TestLead) -> None:
    """Another status by its name, then a third by its id; where neither is let through, the present one, both ways."""
    with asker.findings.asking("status_by"):
        rows = asker.statuses or _known_statuses(asker.connection)
        names = [row.name for row in rows]
        free = [row for row in rows if names.count(row.name) == 1]
        now = next((row for row in free if row.name == lead.shown.get("status")), None)
        others = sorted((row for row in free if row is not now), key=lambda row: _distance(row, now))
        if len(others) < 2:
            raise NotLearnt("Too few statuses are known to tell.")
        by_name, by_id = (
            _takes(asker, lead, others[0].name, others[0]),
            _takes(asker, lead, others[1].id, others[1]),
        )
        if not by_name and not by_id and now is not None:
            _learn_status_by(
                asker, _accepts(asker, lead, now.name), _accepts(asker, lead, now.id), " (the present one)"
            )
        else:
            _learn_status_by(asker, by_name, by_id, "")


def _known_statuses(connection: Connection) -> list[StatusRow]:
    rows = Status.objects.filter(connection=connection, is_gone=False).select_related("stage")
    return [
        StatusRow(r.status_id, r.name, r.stage.stage_id if r.stage else None, r.is_predefined) for r in rows
    ]


def _distance(row: StatusRow, now: StatusRow | None) -> bool:
    """Statuses of the present stage come first: to leave it may be forbidden."""
    return now is None or row.stage_id != now.stage_id


def _takes(asker: Asker, lead: TestLead, value: str | int, target: StatusRow) -> bool:
    look = update(asker, lead, status=value)
    return is_taken(look) and read_until(asker, lead, lambda shown: shown.get("status") == target.name)


def _accepts(asker: Asker, lead: TestLead, value: str | int) -> bool:
    return is_taken(update(asker, lead, status=value))


def _learn_status_by(asker: Asker, by_name: bool, by_id: bool, note: str) -> None:
    if not by_name and not by_id:
        raise NotLearnt("No status was taken, neither by name nor by id.")
    form = "both" if by_name and by_id else "name" if by_name else "id"
    effect = say_status_by(form, asker.connection.setting("status_by"))
    asker.findings.learn("status_by", form, f"by {'name and id' if form == 'both' else form}{note}", effect)


def say_status_by(form: str, configured: str) -> str:
    """How a status is sent, given how it can be."""
    if form in ("both", configured):
        return f"Sent by {configured}, as set."
    return f"Sent by {form} instead of by {configured}, until that setting is changed."
