"""Submits of the dictionary store: leads given to a remote that shows nothing afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from integrations.verdicts import Submitted
from leads.sync.delivering import words
from leads.sync.delivering.ports import (
    DISCARDED,
    DONE,
    DUPLICATE,
    NEEDS_ATTENTION,
    OPEN,
    SUBMIT,
    Claimed,
)
from tests.simulation.rows import Mirrored, Row, Rows


class Submits(Rows):
    """What the engine and a person do with them."""

    def request_submit(self, payload: dict[str, Any], token: str, now: datetime) -> Row:
        self.numbers += 1
        self.leads[self.numbers] = Mirrored(self.numbers, {})
        row = Row(self.numbers * 100, self.numbers, SUBMIT, token, now, now, payload=payload)
        self.pushes[row.push_id] = row
        return row

    def arrived(self, row: Row, reference: str, now: datetime) -> bool:
        """A person has seen it there."""
        if row.state != NEEDS_ATTENTION or not row.was_unclear:
            return False
        row.state, row.reference, row.problem = DONE, reference, ("", "", "")
        return True

    def take_answer(self, claim: Claimed, answer: Submitted, now: datetime) -> None:
        row, lead = self.pushes[claim.push_id], self.leads[claim.lead_id]
        if row.state in OPEN:
            row.state = DUPLICATE if answer.is_duplicate else DONE
            said = answer.note or words.DUPLICATE.format(name="Lead.pro")
            said += words.ARRIVED_BEFORE if row.was_unclear else ""
            row.problem = ("duplicate", "", said) if answer.is_duplicate else ("", "", "")
        elif row.state == DISCARDED:
            reference = answer.reference or answer.remote_id or "none"
            lead.warnings.append(words.SENT_ALL_THE_SAME.format(name="Lead.pro", reference=reference))
        row.reference = row.reference or answer.reference
        row.lease_until, row.deaths = None, 0

    def learnt_answer(self, claim: Claimed) -> Submitted | None:
        for push_id, sent in self.attempts:
            if push_id == claim.push_id and sent.outcome in ("ok", DUPLICATE):
                return Submitted(
                    sent.reference, str(sent.remote_id or ""), sent.outcome == DUPLICATE, sent.excerpt
                )
        return None

    def _in_doubt(self, row: Row, now: datetime) -> bool:
        stopped = row.kind == SUBMIT and row.state == NEEDS_ATTENTION and row.problem[0] == "unclear"
        return stopped and row.safe_at is not None and row.safe_at > now
