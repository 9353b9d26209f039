"""Invented seekers: French people at example.org with numbers of the range kept for fiction, and what they ask."""

from __future__ import annotations

import random
from typing import Any

from integrations.sandbox.people import split_words

Fields = dict[str, Any]

FIRST = split_words(
    "Adèle Alice Amélie Anaïs Camille Chloé Élise Emma Inès Jade Jeanne Léa Lina Louise Manon Margaux Romane Sarah "
    "Zoé Adam Arthur Gabriel Hugo Jules Léo Louis Lucas Maël Mohamed Nathan Noé Paul Raphaël Sacha Théo Yanis Loïc "
    "Gaëlle François Françoise Jean-Pierre Marie-Thérèse Nguyễn Ousmane Fatou Agnieszka Björn"
)
LAST = split_words(
    "Exemple Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel García "
    "Roux Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Müller Faure Mercier Guérin Boyer Garnier "
    "Chevalier François Legrand Gauthier D'Hérouville Le-Goff N'Diaye Diallo Traoré Benali Haddad Nguyen Kaya Schmitt"
)
#: Prefixes that the French authority keeps for works of fiction; four digits follow.
MOBILE = "063998"
LANDLINES = ("019900", "026191", "035301", "046571", "053649")
CITIES = tuple(
    (pair[:-5].strip(), pair[-5:])
    for pair in split_words(
        "Paris 75011, Lyon 69003, Lille 59000, Nantes 44000, Bordeaux 33000, Strasbourg 67000, Ajaccio 20000",
        ",",
    )
)
PORTALS = split_words(
    "SLG-FRA SLN-FRA SLC-FRA BCM-FRA LIM-FRA LIN-FRA LIC-FRA BDS-FRA LUX-FRA LCI-FRA MAG-FRA SIG-FRA IWT-DEU XYZ-FRA"
)
PORTAL_WEIGHTS = (42, 6, 2, 2, 20, 4, 1, 5, 3, 1, 8, 2, 1, 1)
MESSAGES = (
    "Bonjour, je souhaite visiter ce bien, de préférence samedi matin.",
    "Ce logement est-il toujours disponible ? Nous avons un petit chien.",
    "Pourriez-vous m’envoyer le montant des charges et de la taxe foncière ?",
    "Nous sommes primo-accédants et notre prêt est accordé.",
    "Je voudrais faire estimer mon appartement avant la rentrée.",
    "Is the flat close to the tram? We arrive in March.",
    "Le prix est-il négociable ?",
)
HOSTILE: tuple[Fields, ...] = (
    {"message": "<script>alert('lead')</script><img src=x onerror=alert(1)>", "firstName": "<b>Zoé</b>"},
    {"firstName": "=cmd|' /C calc'!A0", "message": "@SUM(1+1)*cmd|' /C calc'!A0"},
    {"lastName": "\u202eelpmexE\u202c", "message": "Lisez \u202ececi\u202c, \u0000\u0007 merci"},
    {"message": "{{ 7*7 }} ${7*7} %s '); DROP TABLE lead;--"},
)
CLASSIFIED_MARKS = "123456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
CATEGORY_WEIGHTS = {
    "CLASSIFIED": 66.0,
    "AGENCY": 12.0,
    "PROPERTY_SEARCH": 9.0,
    "CALL_TRACKING": 12.0,
    "VIDEO_VISIT": 1.0,
}
ESTATES = ("HOUSE", "APARTMENT", "PLOT", "PARKING", "OFFICE")


class Seekers:
    """A source of contact requests; some come from people who have asked before."""

    def __init__(self, chance: random.Random, first_person: int = 0) -> None:
        self.number = first_person
        self._chance = chance
        self._recent: list[Fields] = []

    def invent(self) -> tuple[str, Fields]:
        """A category, and fields as ``build_lead`` takes them."""
        chance = self._chance
        category = chance.choices(list(CATEGORY_WEIGHTS), list(CATEGORY_WEIGHTS.values()))[0]
        fields: Fields = {"portal": chance.choices(PORTALS, PORTAL_WEIGHTS)[0]}
        if category == "CALL_TRACKING":
            fields |= {"property": self._classified(), "callDetails": self._call()}
            return category, fields | {"email": None}
        fields |= self._pick_person() | {"message": chance.choice(MESSAGES)}
        if (said := chance.random()) < 0.6:
            fields["isOwner"] = said < 0.2
        if category == "AGENCY":
            fields["seekerIntention"] = chance.choice(("SELL", "BUY", "RENT", "MANAGE", "ASK_A_QUESTION"))
        else:
            fields["property"] = self._search() if category == "PROPERTY_SEARCH" else self._classified()
        if category == "PROPERTY_SEARCH":
            fields["distributionType"] = [chance.choice(("BUYER", "SELLER", "LANDLORD", "TENANT"))]
        return category, self._spoil(fields)

    def _pick_person(self) -> Fields:
        chance = self._chance
        if self._recent and chance.random() < 0.25:
            return chance.choice(self._recent)
        self.number += 1
        first, last = chance.choice(FIRST), chance.choice(LAST)
        person: Fields = {
            "firstName": first,
            "lastName": last,
            "gender": chance.choice(("MALE", "FEMALE", "FEMALE", "PREFER_NOT_TO_DISCLOSE", None)),
            "email": f"{_plain(first)}.{_plain(last)}{self.number}@example.org",
            "language": chance.choice(("FR", "FR", "FR", "FR", "EN", "DE", "IT")),
            "phoneNumbers": self._phones(),
        }
        self._recent = [*self._recent[-199:], person]
        return person

    def _phones(self) -> list[Fields]:
        chance = self._chance
        phones = [
            {
                "type": "MOBILE",
                "number": _spell(MOBILE, self.number, chance),
                "verified": chance.random() < 0.5,
            }
        ]
        if chance.random() < 0.15:
            landline = _spell(chance.choice(LANDLINES), self.number, chance)
            phones.append({"type": "LANDLINE", "number": landline, "verified": False})
        if chance.random() < 0.04:
            phones = [
                {"type": "MOBILE", "number": f"+44 7700 900{self.number % 1000:03d}", "verified": False}
            ]
        return phones if chance.random() < 0.95 else []

    def _classified(self) -> Fields:
        chance = self._chance
        reference = f"{chance.randint(1000, 9999)}"
        marks = "".join(chance.choices(CLASSIFIED_MARKS, k=10))
        return {
            "classifiedId": f"{chance.randint(23, 26)}{marks}",
            "offererEstateId": f"EX-{reference}" if chance.random() < 0.9 else None,
            "offererMarketingKey": f"VT{reference}" if chance.random() < 0.7 else None,
            "projectId": None,
            "projectOffererEstateId": None,
            "projectOffererMarketingKey": None,
        }

    def _search(self) -> Fields:
        chance = self._chance
        city, code = chance.choice(CITIES)
        rooms = chance.randint(1, 4)
        return {
            "estateType": [chance.choice(ESTATES)],
            "rooms": {"numberOfRoomsMin": rooms} | ({"numberOfRoomsMax": rooms + 1} if rooms > 1 else {}),
            "spaces": {"spaceMin": rooms * 20},
            "budget": {"amountMax": chance.randrange(90, 900, 10) * 1000},
            "geo": {"city": city, "postalCodes": [code], "departments": [code[:2]]},
        }

    def _call(self) -> Fields:
        self.number += 1
        length = self._chance.randint(0, 400)
        return {
            "seekerPhoneNumber": f"+33{MOBILE[1:]}{self.number % 10_000:04d}",
            "isVoiceMail": length % 7 == 0,
            "duration": length,
            "status": "ANSWERED" if length else "MISSED",
        }

    def _spoil(self, fields: Fields) -> Fields:
        """The few in a hundred that are odd."""
        luck = self._chance.random()
        if luck < 0.004:
            return fields | self._chance.choice(HOSTILE)
        if luck < 0.008:
            return fields | {"phoneNumbers": [{"type": "MOBILE", "number": "masqué", "verified": False}]}
        if luck < 0.012:
            return fields | {"firstName": None, "gender": None}
        if luck < 0.014:
            return fields | {"message": " ".join(self._chance.choice(MESSAGES) for _ in range(150))}
        return fields


def _plain(name: str) -> str:
    return "".join(mark for mark in name.lower() if mark.isascii() and mark.isalnum()) or "x"


def _spell(prefix: str, number: int, chance: random.Random) -> str:
    digits = f"{prefix}{number % 10_000:04d}"
    pairs = " ".join(digits[place : place + 2] for place in range(0, 10, 2))
    return chance.choice((digits, pairs, pairs.replace(" ", "."), f"+33{digits[1:]}", f"+33 {pairs[1:]}"))
