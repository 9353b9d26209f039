"""The questions that Lead.pro's documents leave open, and what was found: learnt, or not learnt and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from integrations.errors import RemoteError
from integrations.leadpro.shapes import ShapeError

#: Asked in this order: name → the question, and what is done as long as it is open. The last ones need a test lead.
QUESTIONS: dict[str, tuple[str, str]] = {
    "offices": ("How offices are listed", "Wrapped or not, ids as numbers or as text: all are understood."),
    "statuses_path": ("Where statuses are listed", "Status names are accepted unchecked, with a warning."),
    "statuses_form": ("How statuses are listed", "Wrapped or not: both are understood."),
    "lookup_path": ("Whether the look-up by contact is there", "A 404 there does not count as nobody."),
    "lookup_nobody": ("How it says that there is nobody", "Only a clear empty list counts as nobody."),
    "lookup_form": ("How it shows a known lead", "A list, one lead, wrapped or not: all are understood."),
    "lookup_meta": ("Whether it shows meta", "A lead shown without meta may be ours: nothing is sent again."),
    "phone_match": ("Whether phone numbers match as spelt", "Each spelling is asked for."),
    "email_match": (
        "Whether e-mail addresses match in any case",
        "They are asked for as they were sent, then in lower case.",
    ),
    "lookup_children": ("Whether it shows child leads", "Child leads are read by their own ids."),
    "missing_lead": ("How it says that a lead does not exist", "Gone after two clear 404s, a day apart."),
    "success_status": ("How success is said", "Any 2xx with the right content is success."),
    "error_body": ("How a refusal is written", "Every usual form is read."),
    "lookup_delay": (
        "When a new lead shows in the look-up",
        "PUSH_SETTLE_SECONDS is waited before a second send.",
    ),
    "patch_answer": ("What an update is answered with", "The lead is read again after every update."),
    "patch_needs_names": ("Whether an update needs both names", "They go along, unless the lead has none."),
    "patch_meta": (
        "Whether meta is merged or replaced",
        "All of it is sent, with the token: right both ways.",
    ),
    "status_by": ("Whether a status is set by name or id", "As the connection's setting says."),
    "questionnaire_form": ("How answers are shown", "Pairs, maps and objects are all understood."),
    "shows_next_action": ("Whether next_action_date is shown", "What was last set here stands."),
}
NEEDS_WRITING = "It takes a test lead to see: --write."


class NotLearnt(Exception):
    """Why a question stays open, as a sentence."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One question: ``found`` in words, or why it was not; ``effect``: what leadmirror does because of it. ``kept``:
    what an earlier probe found, in words, where this one is silent; ``value`` and ``effect`` are then by that.
    """

    name: str
    found: str
    effect: str
    value: Any = None
    is_learnt: bool = True
    is_warning: bool = False
    kept: str = ""

    @property
    def question(self) -> str:
        """What was asked."""
        return QUESTIONS[self.name][0]


class Findings:
    """What a probe has found so far."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}

    def learn(self, name: str, value: Any, found: str, effect: str = "", *, warns: bool = False) -> None:
        """An answer. A later one replaces it."""
        self._facts[name] = Fact(name, found, effect or QUESTIONS[name][1], value, is_warning=warns)

    def miss(self, name: str, why: str) -> None:
        """No answer, and why; an answer that is known already stands."""
        if not self.knows(name):
            self._facts[name] = Fact(name, why, QUESTIONS[name][1], is_learnt=False)

    def knows(self, name: str) -> bool:
        """Whether there is an answer."""
        return name in self._facts and self._facts[name].is_learnt

    def value(self, name: str) -> Any:
        """The answer, or None."""
        return self._facts[name].value if self.knows(name) else None

    def values(self) -> dict[str, Any]:
        """All answers."""
        return {fact.name: fact.value for fact in self.rows() if fact.is_learnt}

    def rows(self) -> list[Fact]:
        """Every question in its order; one that was not asked needs writing."""
        for name in QUESTIONS:
            self.miss(name, self._facts[name].found if name in self._facts else NEEDS_WRITING)
        return [self._facts[name] for name in QUESTIONS]

    @contextmanager
    def asking(self, *names: str) -> Iterator[None]:
        """Whatever goes wrong inside leaves these questions open, and never stops the others."""
        try:
            yield
        except NotLearnt as why:
            self._miss_all(names, str(why))
        except RemoteError as error:
            self._miss_all(names, error.summary)
        except ShapeError as strange:
            self._miss_all(names, f"The answer is of no known form: {strange}.")

    def _miss_all(self, names: tuple[str, ...], why: str) -> None:
        for name in names:
            self.miss(name, why)
