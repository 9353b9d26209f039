"""Why a value may not be sent, said before it is sent: what the checks of all remotes share."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: As strict as the strictest server in use: what this takes, everybody takes.
_EMAIL = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a field may not be sent. ``code`` is one of required, invalid, too_long, too_short, too_large,
    unknown_choice, read_only, reserved; ``detail`` is a sentence for a person.
    """

    field: str
    code: str
    detail: str


class RuleBroken(ValueError):
    """The value breaks a rule; see `Problem` for the two parts."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def refuse_unsendable(text: str) -> None:
    """NUL and lone surrogates: no JSON, no database."""
    if "\x00" in text:
        raise RuleBroken("invalid", "Holds a character that cannot be stored (NUL).")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RuleBroken("invalid", "Holds half of a character (a lone surrogate).") from None


def check_email(value: str) -> str:
    """The address, where it is one or empty; raises `RuleBroken`."""
    if value and not _EMAIL.fullmatch(value):
        raise RuleBroken("invalid", "This is not a valid e-mail address.")
    return value
