"""The account's offices, the postcodes they cover, and the office a postcode is routed to."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Any

ACCOUNT_ID = 2389
ACCOUNT_NAME = "Harbour & Vale Estates"


@dataclass(frozen=True, slots=True)
class Office:
    """One office: ``covers`` are postcode areas (NG) or districts (OX16); dialling code for its leads'
    landlines.
    """

    id: int
    name: str
    covers: tuple[str, ...]
    latitude: float
    longitude: float


OFFICES: tuple[Office, ...] = (
    Office(375, "Nottingham", ("NG",), 52.954, -1.158),
    Office(42, "Banbury", ("OX15", "OX16", "OX17"), 52.063, -1.340),
    Office(5271, "Oxford", ("OX",), 51.752, -1.258),
    Office(1213, "Leicester", ("LE",), 52.637, -1.140),
    Office(1214, "Leeds", ("LS", "BD"), 53.801, -1.549),
    Office(1311, "Bath", ("BA",), 51.381, -2.359),
    Office(1312, "Norwich", ("NR",), 52.630, 1.297),
)

#: Roughly the middle of some postcode areas; an area that is missing counts as the middle of England.
AREAS: dict[str, tuple[float, float]] = {
    "NG": (52.95, -1.15), "OX": (51.76, -1.27), "LE": (52.63, -1.13), "LS": (53.80, -1.55),
    "BD": (53.79, -1.76), "BA": (51.30, -2.45), "NR": (52.65, 1.30), "DE": (52.92, -1.48),
    "S": (53.38, -1.47), "CV": (52.41, -1.51), "B": (52.48, -1.90), "NN": (52.24, -0.90),
    "MK": (52.04, -0.76), "PE": (52.57, -0.24), "IP": (52.06, 1.16), "CB": (52.20, 0.13),
    "BS": (51.45, -2.59), "SN": (51.56, -1.78), "RG": (51.45, -0.97), "GL": (51.86, -2.24),
    "WR": (52.19, -2.22), "HX": (53.72, -1.86), "HD": (53.65, -1.78), "WF": (53.68, -1.50),
    "YO": (53.96, -1.08), "HG": (53.99, -1.54), "M": (53.48, -2.24), "LN": (53.23, -0.54),
    "SW": (51.46, -0.16), "E": (51.54, -0.03), "EH": (55.95, -3.19), "CF": (51.48, -3.18),
}  # fmt: skip
MIDDLE = (52.5, -1.5)
OUTWARD = re.compile(r"^\s*([A-Za-z]{1,2})(\d[A-Za-z0-9]?)?")


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a lead lands. ``distance`` is in metres, null where the office covers the postcode."""

    office: Office
    distance: float | None


def find_office(office_id: object) -> Office | None:
    """By id, as a number or as its digits."""
    return next((office for office in OFFICES if str(office.id) == str(office_id)), None)


def split_outward(postcode: str) -> tuple[str, str]:
    """Area and district of a postcode, as far as they can be told: ``De1 1JX`` is ``DE``, ``DE1``."""
    compact = (
        postcode.strip().upper().split(" ")[0] if " " in postcode.strip() else postcode.strip().upper()[:-3]
    )
    found = OUTWARD.match(compact or postcode)
    if found is None:
        return "", ""
    return found[1].upper(), (found[1] + (found[2] or "")).upper()


def route_postcode(postcode: str) -> Routed:
    """The office that covers the postcode, else the nearest one."""
    area, district = split_outward(postcode)
    for wanted in (district, area):
        for office in OFFICES:
            if wanted and wanted in office.covers:
                return Routed(office, None)
    place = _locate(area, district)
    nearest = min(OFFICES, key=lambda office: _metres(place, (office.latitude, office.longitude)))
    return Routed(nearest, round(_metres(place, (nearest.latitude, nearest.longitude)), 2))


def _locate(area: str, district: str) -> tuple[float, float]:
    latitude, longitude = AREAS.get(area, MIDDLE)
    spread = zlib.crc32(district.encode()) % 1000 / 1000 - 0.5
    return latitude + spread / 5, longitude - spread / 4


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    lat1, lon1, lat2, lon2 = (radians(value) for value in (*one, *other))
    chord = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_000 * asin(sqrt(chord))


def office_rows(form: str) -> list[dict[str, Any]]:
    """As Get Offices prints them: in the printed sample the first id is text and the rest are numbers."""
    return [
        {
            "id": str(office.id) if form == "strings" or (form == "mixed" and not number) else office.id,
            "name": office.name,
        }
        for number, office in enumerate(OFFICES)
    ]
