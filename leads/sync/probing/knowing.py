"""What a look-up shows of people whose leads Lead.pro certainly has. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from integrations.leadpro.payloads import meta_of
from integrations.leadpro.phones import spellings
from integrations.leadpro.probing import Look, find_shown, name_list_form, name_lookup_form
from leads.models import Connection, Copy, Lead
from leads.sync.probing.asking import LOOKUP, Asker, expect_label, expect_success, name_mislabel
from leads.sync.probing.facts import NotLearnt

#: Known leads that are asked for until one is shown, and how many of the newest are considered.
TRIES, RECENT = 3, 200
FORMS = {
    "array": ("a list", "Understood."),
    "object": ("the lead itself, where there is one", "Understood."),
    "data": ("a list, wrapped", "Understood."),
    "wrapped_object": ("an object, wrapped, where there is one", "Understood."),
    "paginated": (
        "a list, in pages",
        "One page is taken; where there are more, the look-up fails and says so.",
    ),
    "other": ("in no form that is known", "Look-ups fail, and unclear new leads go to a person."),
}


@dataclass(frozen=True, slots=True)
class Known:
    """A lead that Lead.pro certainly has. ``phone`` as it is shown, where that is known, ``sent_phone`` as it was sent;
    ``is_only``: the person is not known to have others.
    """

    leadpro_id: int
    email: str
    phone: str = ""
    has_meta: bool = False
    is_only: bool = False
    sent_phone: str = ""


def list_known(connection: Connection) -> list[Known]:
    """Recent leads of the mirror that a look-up should show, the most telling first."""
    recent = Copy.objects.filter(connection=connection, missing_since=None).select_related("lead")
    rows = [copy for copy in recent.order_by("-as_of")[:RECENT] if _has_email(copy)]
    keys = Lead.objects.filter(email_key__in={copy.lead.email_key for copy in rows})
    counts = Counter(keys.values_list("email_key", flat=True))
    known = [
        Known(
            int(copy.remote_id),
            copy.raw["email"],
            copy.raw["phone"] if isinstance(copy.raw.get("phone"), str) else "",
            bool(meta_of(copy.raw)),
            counts[copy.lead.email_key] == 1,
        )
        for copy in rows
    ]
    return sorted(known, key=lambda one: (not one.is_only, not one.has_meta, len(spellings(one.phone)) < 2))


def _has_email(copy: Copy) -> bool:
    email = copy.raw.get("email")
    return isinstance(email, str) and bool(email.strip())


def ask_known(asker: Asker, known: list[Known]) -> None:
    """What a look-up shows of a lead that it must have."""
    names = ("lookup_form", "lookup_meta", "phone_match", "email_match")
    with asker.findings.asking(*names):
        if not known:
            raise NotLearnt("The mirror has no lead of this account to ask for yet.")
        for one in known[:TRIES]:
            look = asker.get(LOOKUP, {"email": one.email})
            if (row := shown_in(look, one)) is not None:
                _learn_form(asker, look)
                expect_label(look)
                note_look_up_found(asker.connection)
                learn_meta(asker, one, row)
                ask_matching(asker, replace(one, phone=shown_phone(row) or one.phone))
                return
        raise NotLearnt(
            f"Asked for {min(len(known), TRIES)} leads that are known here, it showed none of them."
        )


def shown_in(look: Look, one: Known) -> dict[str, Any] | None:
    """That lead, where the look shows it."""
    rows = find_shown(look.document) if look.is_success else []
    return next((row for row in rows if str(row["id"]) == str(one.leadpro_id)), None)


def shown_phone(row: dict[str, Any]) -> str:
    """The number that a lead shows, or nothing: Lead.pro may keep it otherwise than it was sent."""
    phone = row.get("phone")
    return phone if isinstance(phone, str) else ""


def note_look_up_found(connection: Connection) -> None:
    """The look-up has shown a lead of this account."""
    if not connection.lookup_has_found:
        connection.lookup_has_found = True
        Connection.objects.filter(pk=connection.pk).update(lookup_has_found=True)


def _learn_form(asker: Asker, look: Look) -> None:
    form = name_lookup_form(look.document)
    if form == "data" and name_list_form(look.document) == "other":
        form = "wrapped_object"
    found, effect = FORMS[form]
    mislabel = name_mislabel(look)
    warns = bool(mislabel) or form in ("paginated", "other")
    asker.findings.learn("lookup_form", form, found, mislabel or effect, warns=warns)


def learn_meta(asker: Asker, one: Known, row: dict[str, Any]) -> None:
    """Whether a lead that has meta is shown with it, in a form that can be read."""
    meta, is_filled = meta_of(row), bool(row.get("meta"))
    if meta or ("meta" in row and not one.has_meta and (meta is not None or not is_filled)):
        asker.findings.learn(
            "lookup_meta", True, "yes", "A new lead of unclear fate is recognised by its token."
        )
    elif one.has_meta or (is_filled and meta is None):
        effect = (
            "Leads of unclear fate cannot be recognised there: they are not sent again, a person decides."
        )
        found = "in no form that is known" if is_filled and meta is None else "no"
        asker.findings.learn("lookup_meta", False, found, effect, warns=True)
    else:
        asker.findings.miss("lookup_meta", "The lead that was asked for has none.")


def ask_matching(asker: Asker, one: Known) -> None:
    """The same person, spelt otherwise."""
    with asker.findings.asking("phone_match"):
        _match_phone(asker, one)
    with asker.findings.asking("email_match"):
        other = one.email.swapcase()
        if other == one.email:
            raise NotLearnt("The address that was asked for has no letters.")
        is_found = _is_shown(asker, one, email=other)
        found = "in any case" if is_found else "exactly as spelt"
        asker.findings.learn("email_match", "ignore_case" if is_found else "exact", found)


def _match_phone(asker: Asker, one: Known) -> None:
    others = [spelling for spelling in spellings(one.phone) if spelling != one.phone]
    if not others:
        raise NotLearnt("The lead that was asked for has no number with two spellings.")
    if not _is_shown(asker, one, phone=one.phone):
        raise NotLearnt("Asked for a number exactly as it is shown, it did not show the lead.")
    matching = [other for other in others if _is_shown(asker, one, phone=other)]
    if matching == others:
        effect = "The first spelling that is asked for is enough."
        asker.findings.learn("phone_match", "normalised", "in any spelling", effect)
        return
    found, effect = "exactly as spelt", "As spelt, then national, then +44 are asked for."
    is_lost = False
    if one.sent_phone not in ("", one.phone) and not _is_shown(asker, one, phone=one.sent_phone):
        found = "exactly as shown, which is not as sent"
        is_lost = not matching and one.phone not in spellings(one.sent_phone)
    if is_lost:
        effect = "No spelling that is asked for matches: new leads are found by e-mail only."
    asker.findings.learn("phone_match", "exact", found, effect, warns=is_lost)


def look_up(asker: Asker, one: Known, **contact: str) -> dict[str, Any] | None:
    """That lead, where a look-up for this shows it. Raises NotLearnt where the answer says neither."""
    look = expect_label(asker.get(LOOKUP, contact))
    if not look.is_success and look.status != 404:
        expect_success(look)
    return shown_in(look, one)


def _is_shown(asker: Asker, one: Known, **contact: str) -> bool:
    return look_up(asker, one, **contact) is not None


def ask_children(asker: Asker) -> None:
    """A lead that is somebody's second enquiry."""
    with asker.findings.asking("lookup_children"):
        children = Copy.objects.filter(connection=asker.connection, missing_since=None, lead__is_parent=False)
        copy = next((row for row in children.order_by("-as_of")[:RECENT] if _has_email(row)), None)
        if copy is None:
            raise NotLearnt("The mirror knows no child lead of this account yet.")
        one = Known(int(copy.remote_id), copy.raw["email"])
        is_shown = _is_shown(asker, one, email=one.email)
        effect = (
            "A person's enquiries are found together."
            if is_shown
            else ("A new lead of unclear fate may be a child: it is not sent again, a person decides.")
        )
        asker.findings.learn(
            "lookup_children", is_shown, "yes" if is_shown else "no", effect, warns=not is_shown
        )
