"""The portals an enquiry may come from, by the codes in AVIV's ``metadata.portal``. The set is open, and where the
documents and the portals themselves give no name (LIN-FRA, LIC-FRA, YSQ-DEU) the code is the name.
"""

from __future__ import annotations

PORTALS: dict[str, str] = {
    "SLG-FRA": "SeLoger",
    "SLN-FRA": "SeLoger Neuf",
    "SLC-FRA": "SeLoger Construire",
    "BCM-FRA": "SeLoger Bureaux et Commerces",
    "LIM-FRA": "Logic-Immo",
    "BDS-FRA": "Belles Demeures",
    "LUX-FRA": "Luxe Résidence",
    "LCI-FRA": "La Côte Immo",
    "MAG-FRA": "Meilleurs Agents",
    "SIG-FRA": "Signify",
    "IMN-DEU": "Immonet",
    "IWT-DEU": "Immowelt",
    "SIG-DEU": "Signify (Germany)",
    "IWT-AUT": "Immowelt Austria",
    "IWB-BEL": "Immoweb",
}

_REGIONS = {"FRA": "FR", "DEU": "DE", "AUT": "AT", "BEL": "BE"}


def name_portal(code: str) -> str:
    """The portal's name, or its code where the table does not know it."""
    return PORTALS.get(code.upper(), code)


def region_of(code: str) -> str:
    """The country whose national telephone numbers the portal's visitors write, as two letters."""
    return _REGIONS.get(code.upper().rpartition("-")[2], "FR")
