"""What every question of a probe has at hand: the connection's client, and the findings so far."""

from __future__ import annotations

from typing import Any

from integrations.answers import is_json_type
from integrations.leadpro.probing import NO_JSON, Look
from integrations.leadpro.shapes import OfficeRow, ShapeError, StatusRow, refuse_failure
from leads.models import Connection, Lane
from leads.remotes import open_leadpro
from leads.sync.probing.facts import Findings, NotLearnt

#: How long a whole probe may wait for the request budget, seconds.
PATIENCE = 300.0
LOOKUP = "/person/leads"


class Asker:
    """Asks one account, in the lane of people."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.remote = open_leadpro(connection, Lane.PERSON, patience=PATIENCE)
        self.findings = Findings()
        self.offices: list[OfficeRow] = []
        self.statuses: list[StatusRow] = []
        self.successes: set[int] = set()

    def get(self, path: str, params: dict[str, str] | None = None, *, is_guess: bool = False) -> Look:
        """A raw look at a read. Raises RemoteError."""
        look = self.remote.look("GET", path, is_guess=is_guess, params=params)
        if is_taken(look):
            self.successes.add(look.status)
        return look

    def patch(self, lead_id: int, body: dict[str, Any]) -> Look:
        """A raw look at an update. Raises RemoteError; not to be repeated."""
        look = self.remote.look("PATCH", f"/leads/{lead_id:d}", json=body)
        if is_taken(look):
            self.successes.add(look.status)
        return look


def is_taken(look: Look) -> bool:
    """Whether Lead.pro did what was asked. A refusal may come as a 2xx that reports an error."""
    try:
        refuse_failure(look.document)
    except ShapeError:
        return False
    return look.is_success


def name_mislabel(look: Look) -> str:
    """What becomes of data that is not labelled as JSON, as a sentence; nothing where the label is right."""
    if not look.is_success or look.document is NO_JSON or is_json_type(look.content_type):
        return ""
    label = look.content_type.partition(";")[0].strip().lower()[:50]
    return f"It is refused: labelled {label}, not as JSON."


def expect_label(look: Look) -> Look:
    """The look, where the program would take it; else NotLearnt."""
    if mislabel := name_mislabel(look):
        raise NotLearnt(mislabel)
    return look


def expect_success(look: Look) -> Look:
    """The look, where Lead.pro did what was asked; else NotLearnt with its reason."""
    if is_taken(look):
        return look
    raise NotLearnt(f"Lead.pro refused ({look.status}){': ' + look.reason[:120] if look.reason else '.'}")
