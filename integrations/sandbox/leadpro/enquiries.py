"""Invented enquiries: what portals, forms and valuation tools deliver, oddities included."""

from __future__ import annotations

import random
from typing import Any

from integrations.sandbox.people import (
    Person,
    invent_address,
    invent_person,
    invent_postcode,
    respell_email,
    respell_phone,
)

from .offices import OFFICES, Office
from .rules import PROPERTY_TYPES
from .shape import Lead
from .valuation import estimate

TYPES = ("sale", "let", "vendor", "landlord", "mortgage_request")
TYPE_WEIGHTS = (42, 27, 18, 9, 4)
APPLICANT_SOURCES = (
    "rightmove",
    "zoopla",
    "onthemarket",
    "homepage",
    "gumtree",
    "s1",
    "propertypal",
    "lettingweb",
)
APPLICANT_WEIGHTS = (44, 24, 10, 14, 3, 2, 2, 1)
OWNER_SOURCES = ("ivt", "rightmove_valuation", "zoopla_valuation", "homepage", "propertynews")
OWNER_WEIGHTS = (45, 20, 12, 21, 2)
OFFICE_WEIGHTS = (26, 8, 18, 14, 17, 9, 8)
MESSAGES = (
    "I would like to arrange a viewing, ideally on a Saturday morning.",
    "Is this property still available? We have a small dog.",
    "Please could you send me the floor plan and the council tax band.",
    "We are first-time buyers with a mortgage agreed in principle.",
    "I would like a valuation please, we hope to move before the new school year.",
    "Can I move in before the end of next month? Both of us work full time.",
    "Looking to let my flat while I work abroad. What are your fees?",
    "Would the seller take an offer below the asking price?",
    "Is there parking? The listing doesn’t say.",
)
QUESTIONS = (
    ("Do you have a property to sell?", ("Yes", "No", "Yes, already on the market")),
    ("When would you like to move?", ("As soon as possible", "1-3 months", "Just looking")),
    ("Do you have pets?", ("Yes", "No")),
    ("How will you fund the purchase?", ("Mortgage", "Cash", "Not sure yet")),
    ("Would you like to speak to a mortgage adviser?", ("Yes please", "No thanks")),
)
HOSTILE: tuple[dict[str, str], ...] = (
    {"message": "<script>alert('lead')</script><img src=x onerror=alert(1)>", "first_name": "<b>Bobby</b>"},
    {"first_name": "=cmd|' /C calc'!A0", "message": "@SUM(1+1)*cmd|' /C calc'!A0"},
    {"last_name": "\u202egnorW\u202c", "message": "Read me \u202ebackwards\u202c, \u0000\u0007 please"},
    {"advert_url": "javascript:alert(document.cookie)", "title": "Mrs'); DROP TABLE lead;--"},
    {"message": "{{ 7*7 }} ${7*7} %s %(x)s", "host": "https://www.example.com/?a=1&b=<i>2</i>"},
)
CAMPAIGNS = (
    ("google", "cpc", "spring_sale"),
    ("facebook", "social", "newsletter_2025"),
    ("bing", "cpc", "valuations"),
)


class Enquirer:
    """A source of enquiries. Some come from people who have asked before, as in life."""

    def __init__(self, chance: random.Random, first_person: int = 0) -> None:
        self.chance = chance
        self.number = first_person
        self._recent: list[Person] = []
        self._person: Person | None = None

    def invent(self, *, same_person: bool = False) -> Lead:
        """One enquiry, without id, time and place in the pipeline; from the last person, if asked."""
        chance = self.chance
        self._person = person = self._person if same_person and self._person else self._pick_person()
        office = chance.choices(OFFICES, OFFICE_WEIGHTS)[0]
        kind = chance.choices(TYPES, TYPE_WEIGHTS)[0]
        lead: Lead = {
            "type": kind,
            "title": person.title,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": respell_email(person.email, chance),
            "phone": respell_phone(person.phone, chance),
        }
        lead |= self._applicant(office) if kind in ("sale", "let") else self._owner(office, kind)
        lead |= self._extras()
        return self._spoil(lead)

    def _pick_person(self) -> Person:
        if self._recent and self.chance.random() < 0.3:
            return self.chance.choice(self._recent)
        self.number += 1
        person = invent_person(self.number, self.chance)
        self._recent = [*self._recent[-199:], person]
        return person

    def _applicant(self, office: Office) -> Lead:
        chance = self.chance
        source = chance.choices(APPLICANT_SOURCES, APPLICANT_WEIGHTS)[0]
        reference = f"{office.name[:3].upper()}{chance.randint(100000, 999999)}"
        lead: Lead = {
            "source": source,
            "office_id": office.id,
            "advert_address": invent_address(office.name, chance),
            "advert_postcode": invent_postcode(chance.choice(office.covers), chance),
            "advert_url": f"https://www.example.com/{source}/properties/{chance.randint(10**7, 10**8)}",
            "message": chance.choice(MESSAGES),
        }
        if source != "homepage":
            lead |= {"property_reference": reference, "raw_property_reference": f"{source}:{reference}"}
            lead |= {"property_bedrooms": chance.randint(1, 5), "property_bathrooms": chance.randint(1, 3)}
            lead |= {"advert_image": f"https://www.example.com/images/{reference}.jpg"}
        return lead

    def _owner(self, office: Office, kind: str) -> Lead:
        chance = self.chance
        lead: Lead = {
            "source": chance.choices(OWNER_SOURCES, OWNER_WEIGHTS)[0],
            "address": invent_address(office.name, chance),
            "postcode": invent_postcode(chance.choice(office.covers), chance),
            "property_type": chance.choice(PROPERTY_TYPES),
            "property_bedrooms": chance.randint(1, 5),
            "property_receptions": chance.choice((None, 1, 2)),
        }
        if chance.random() < 0.12:
            lead["postcode"] = invent_postcode(chance.choice(("DE", "CV", "BS", "YO", "IP", "MK")), chance)
        elif chance.random() < 0.5:
            lead["office_id"] = office.id
        if lead["source"] == "ivt" and kind != "mortgage_request":
            lead |= estimate(lead) | {"host": "https://valuation.example.com/start"}
        return lead

    def _extras(self) -> Lead:
        chance = self.chance
        extras: dict[str, Any] = {}
        if chance.random() < 0.35:
            asked = chance.sample(QUESTIONS, chance.randint(1, 3))
            extras["questionnaire"] = [[question, chance.choice(answers)] for question, answers in asked]
        if chance.random() < 0.25:
            source, medium, campaign = chance.choice(CAMPAIGNS)
            extras |= {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign}
            extras |= {"utm_gclid": f"Cj0{chance.getrandbits(60):x}"} if source == "google" else {}
        if chance.random() < 0.2:
            extras["meta"] = {
                "Property ID": str(chance.randint(1000, 9999)),
                "Virtual Tour": chance.choice(("true", "false")),
            }
        if chance.random() < 0.15:
            extras["appointment_availability"] = {
                "hours": ["2026-01-12T09:00:00.000Z", "2026-01-12T10:00:00.000Z"]
            }
        if chance.random() < 0.5:
            extras["gdpr_checkbox"] = chance.random() < 0.8
        if chance.random() < 0.03:
            extras["international"] = True
        return extras

    def _spoil(self, lead: Lead) -> Lead:
        """The few in a hundred that no rule of the API would let through."""
        luck = self.chance.random()
        if luck < 0.004:
            lead |= self.chance.choice(HOSTILE)
        elif luck < 0.012:
            lead |= {"first_name": None, "last_name": None}
        elif luck < 0.018:
            lead["message"] = " ".join(self.chance.choice(MESSAGES) for _ in range(60))[:8192]
        elif luck < 0.024:
            lead |= {"email": None} if self.chance.random() < 0.5 else {"phone": "withheld"}
        elif luck < 0.028:
            lead |= {"first_name": "Bartholomew-Maximilian " * 3, "advert_address": "Plot 12, " * 20}
        return lead
