"""Instant valuations: six estimates drawn from the property alone, and a status that ignores them."""

from __future__ import annotations

import random
import zlib
from typing import Any

from .shape import Lead

OUTCOMES = ("Success", "Success", "Success", "Not Enough Comparable Properties")


def estimate(lead: Lead) -> dict[str, Any]:
    """All six estimates in whole pounds, sale and rent whatever the type, as in the printed sample."""
    place = f"{lead.get('postcode')}|{lead.get('address')}|{lead.get('property_bedrooms')}"
    chance = random.Random(zlib.crc32(place.encode("utf-8", "replace")))
    bedrooms = lead.get("property_bedrooms")
    rooms = bedrooms if isinstance(bedrooms, int) and 0 < bedrooms < 20 else chance.randint(1, 5)
    sale = 90_000 + rooms * chance.randrange(45_000, 95_000, 1_000)
    rent = 400 + rooms * chance.randrange(180, 320, 5)
    return {
        "minimum_sale_estimation": int(sale * 0.88) // 1000 * 1000,
        "average_sale_estimation": sale,
        "maximum_sale_estimation": int(sale * 1.13) // 1000 * 1000,
        "minimum_rent_estimation": int(rent * 0.9),
        "average_rent_estimation": rent,
        "maximum_rent_estimation": int(rent * 1.12),
        "valuation_status": chance.choice(OUTCOMES),
    }
