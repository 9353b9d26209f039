"""Invented British people: e-mails at example.org and example.com, phones in Ofcom's ranges for drama.

The drama ranges are small: among more than 13,000 people strangers share a number.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


def split_words(text: str, separator: str | None = None) -> tuple[str, ...]:
    """A long list written as text, between blanks unless another separator is named."""
    return tuple(word.strip() for word in text.split(separator))


FIRST = split_words(
    "Olivia Amelia Isla Ava Ivy Freya Lily Florence Mia Willow Noah Oliver George Arthur Leo Muhammad Theo "
    "Oscar Henry Archie Priya Aisha Fatima Zainab Harpreet Gurpreet Arjun Rohan Imran Yusuf Chidi Ngozi "
    "Kwame Ama Wei Mei Agnieszka Piotr Ewa Tomasz Siobhan Niamh Aoife Ciara Eoin Rhys Cerys Gethin Angharad "
    "Callum Eilidh Hamish Morag Zoë Chloë René Anaïs José Margaret Barbara Keith Trevor Maureen Nigel Sheila "
    "Derek"
)
LAST = split_words(
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker "
    "White Roberts Green Hall Thomas Clarke Jackson Wood Harris Edwards Turner Martin Cooper Hill Ward "
    "Hughes Moore Clark King Singh Khan Hussain Begum Ahmed Ali Kaur Okafor Mensah Adeyemi Nowak Kowalski "
    "O'Brien O'Neill McDonald MacLeod Smith-Jones Featherstonehaugh Campbell Stewart Llewellyn Ap-Rhys Chen "
    "Nguyen Müller Sørensen D'Souza"
)
TITLES = ("Mr", "Mrs", "Ms", "Miss", "Dr", "Mr.", "Mrs.", "Mx", None, None)
STREETS = split_words(
    "High Street, Station Road, Church Lane, Victoria Road, Mill Lane, The Green, Park Avenue, "
    "Queens Road, Kings Road, Manor Close, Orchard Way, Chapel Street, Meadow View, Castle Hill, "
    "Canal Wharf, Beech Grove, School Lane",
    ",",
)
#: Prefixes of the drama ranges; three digits follow.
MOBILE = "07700 900"
LANDLINES = split_words(
    "01632 960, 020 7946 0, 0113 496 0, 0114 496 0, 0115 496 0, 0116 496 0, 0117 496 0, "
    "0118 496 0, 0121 496 0, 0131 496 0, 0151 496 0, 0161 496 0, 0191 498 0",
    ",",
)
#: Shares no factor with the size of the ranges, so that every number is used before one repeats.
STEP = 4_999


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person: how they always spell themselves, and the number their phone has."""

    title: str | None
    first_name: str
    last_name: str
    email: str
    phone: str


def invent_person(number: int, chance: random.Random) -> Person:
    """The ``number``th person; their e-mail address is theirs alone."""
    first, last = chance.choice(FIRST), chance.choice(LAST)
    letters = f"{first}.{last}".lower().encode("ascii", "ignore").decode()
    plain = "".join(mark for mark in letters if mark.isalnum() or mark == ".")
    domain = chance.choice(("example.org", "example.com"))
    email = f"{plain}{number}@{domain}"
    return Person(chance.choice(TITLES), first, last, email, _invent_phone(number))


def _invent_phone(number: int) -> str:
    """Every second of the first 2,000 has a mobile, the rest a landline; none twice before 13,000."""
    if number < 2000 and number % 2:
        return f"{MOBILE}{number // 2:03d}"
    place = number * STEP % (len(LANDLINES) * 1000)
    return f"{LANDLINES[place // 1000]}{place % 1000:03d}"


def respell_phone(phone: str, chance: random.Random) -> str:
    """The same number as another person, portal or form would write it."""
    digits = phone.replace(" ", "")
    rest = phone[1:]
    abroad = (f"+44{digits[1:]}", f"+44 {rest}", f"0044{digits[1:]}", f"+44 (0){rest}")
    spellings = (phone, phone, digits, digits, *abroad)
    return chance.choice(spellings)


def respell_email(email: str, chance: random.Random) -> str:
    """Now and then with capitals, as phones write the first letter."""
    return email[0].upper() + email[1:] if chance.random() < 0.05 else email


def invent_postcode(area: str, chance: random.Random) -> str:
    """A postcode of the area or district, now and then sloppily typed."""
    district = area if area[-1].isdigit() else f"{area}{chance.randint(1, 12)}"
    inward = f"{chance.randint(1, 9)}{chance.choice('ABDEFGHJLN')}{chance.choice('ABDEFGHJLN')}"
    sloppy = chance.random()
    if sloppy < 0.08:
        return f"{district}{inward}".lower()
    return f"{district}{inward}" if sloppy < 0.15 else f"{district} {inward}"


def invent_address(town: str, chance: random.Random) -> str:
    """A house in a street of the town."""
    flat = f"Flat {chance.randint(1, 24)}, " if chance.random() < 0.25 else ""
    return f"{flat}{chance.randint(1, 180)} {chance.choice(STREETS)}, {town}"
