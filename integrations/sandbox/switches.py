"""Switches for what a vendor's documents leave open: how they are set by keyword, as JSON or as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self


@dataclass(slots=True)
class Switches:
    """One legal reading of a vendor's documents; a subclass has a field for each open question."""

    #: What a switch of words may say.
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> Self:
        """The reading that differs from the default by ``values``; ValueError as ``change``."""
        made = cls()
        if not isinstance(values or {}, Mapping):
            raise ValueError(f"readings of a remote are given by name, as aviv.order=by_id; got {values!r}")
        made.change(**(values or {}))
        return made

    def change(self, **values: Any) -> None:
        """Set some of them; text is understood for every type. ValueError on an unknown name or value."""
        known = {f.name: type(getattr(self, f.name)) for f in fields(self)}
        parsed: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown reading {name!r}; there are: {', '.join(known)}")
            parsed[name] = self._parse(name, value, known[name])
        for name, value in parsed.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All of them, as JSON."""
        return asdict(self)

    def _parse(self, name: str, value: Any, kind: type) -> Any:
        if kind is bool:
            return _parse_flag(name, value)
        choices = self.choices.get(name)
        if choices and str(value) not in choices:
            raise ValueError(f"reading {name} is one of {', '.join(choices)}; got {value!r}")
        try:
            return kind(value)
        except (TypeError, ValueError):
            raise ValueError(f"reading {name} is a {kind.__name__}; got {value!r}") from None


def _parse_flag(name: str, value: Any) -> bool:
    flags = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if str(value).lower() not in flags:
        raise ValueError(f"reading {name} is true or false; got {value!r}")
    return flags[str(value).lower()]


def parse_readings(lines: list[str]) -> dict[str, Any]:
    """``name=value`` and ``remote.name=value`` from the command line as keywords of a sandbox."""
    pairs = [line.partition("=") for line in lines]
    wrong = [name for name, sign, _ in pairs if not sign]
    if wrong:
        raise ValueError(f"write a reading as name=value; got {wrong[0]!r}")
    parsed: dict[str, Any] = {}
    for name, _, value in pairs:
        remote, dot, rest = name.strip().partition(".")
        if dot:
            parsed.setdefault(remote, {})[rest] = value.strip()
        else:
            parsed[remote] = value.strip()
    return parsed
