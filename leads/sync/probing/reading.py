"""The questions that reads alone can answer. Nothing is changed, here or at Lead.pro."""

from __future__ import annotations

import secrets
from typing import Any

from integrations.answers import is_json_type
from integrations.errors import RemoteError, TransientError
from integrations.leadpro.probing import (
    NO_JSON,
    STATUSES_PATHS,
    Look,
    find_field,
    name_id_form,
    name_list_form,
    name_nobody_form,
    name_refusal_form,
)
from integrations.leadpro.shapes import ShapeError, StatusRow, parse_office_rows, parse_status_rows
from leads.models import Connection
from leads.sync.probing.asking import LOOKUP, Asker, expect_success, is_taken, name_mislabel
from leads.sync.probing.facts import NotLearnt
from leads.sync.probing.knowing import ask_children, ask_known, list_known

NOT_THERE = (404, 405, 410)
#: Higher than any id in use, and still a number of 32 bits.
UNUSED_ID = 2_000_000_000
NO_SUCH_PATH = "/leadmirror-asks-whether-this-exists"
NOBODY = {
    "array": ("an empty list", "Counts as nobody.", False),
    "data": ("an empty list, wrapped", "Counts as nobody.", False),
    "object": ("an empty object", "Counts as nobody from now on.", False),
    "blank": (
        "an empty body",
        "Cannot be told from a fault: a new lead of unclear fate goes to a person.",
        True,
    ),
    "other": (
        "in no form that is known",
        "Does not count as nobody: a new lead of unclear fate goes to a person.",
        True,
    ),
}


def ask_all(asker: Asker) -> None:
    """Everything. Raises WrongAddress or CredentialsRefused only where the offices already say so."""
    ask_offices(asker)
    ask_statuses(asker)
    ask_lookup_path(asker)
    ask_nobody(asker)
    ask_missing(asker)
    ask_known(asker, list_known(asker.connection))
    ask_children(asker)


def ask_offices(asker: Asker) -> None:
    """The one documented read without arguments: where it is not found, the address is wrong, and all stops."""
    with asker.findings.asking("offices"):
        look = asker.get("/offices")
        if look.status in NOT_THERE:
            asker.remote.get_offices()
        rows = parse_office_rows(expect_success(look).document if look.document is not NO_JSON else None)
        asker.offices = rows
        form = name_list_form(look.document)
        ids = name_id_form(row.get("id") for row in _rows_of(look.document))
        found = f"{len(rows)} offices, {_wrapped(form)}, ids {'as numbers and text' if ids == 'mixed' else 'as ' + ids}"
        mislabel = name_mislabel(look)
        effect = mislabel or "Understood."
        asker.findings.learn("offices", {"form": form, "ids": ids}, found, effect, warns=bool(mislabel))


def _rows_of(document: Any) -> list[dict[str, Any]]:
    rows = document if isinstance(document, list) else document.get(name_list_form(document), [])
    return [row for row in rows if isinstance(row, dict)]


def _wrapped(form: str) -> str:
    return "a bare list" if form == "array" else f"wrapped in {form}"


def ask_statuses(asker: Asker) -> None:
    """The configured address, then likely ones, until one answers with a list of statuses."""
    configured = configured_path(asker.connection)
    paths = list(dict.fromkeys((configured, *STATUSES_PATHS)))
    with asker.findings.asking("statuses_path", "statuses_form"):
        for path in paths:
            look = _try(asker, path)
            if look is not None and (rows := _statuses_in(look)):
                asker.statuses = rows
                _learn_statuses(asker, path, configured, look)
                return
        raise NotLearnt(f"None of these answered with statuses: {', '.join(paths)}.")


def configured_path(connection: Connection) -> str:
    """The address of statuses as it is set."""
    return "/" + str(connection.setting("statuses_path")).strip().lstrip("/")


def _try(asker: Asker, path: str) -> Look | None:
    """A look at a guessed address; None where that one is out of order."""
    try:
        return asker.get(path, is_guess=True)
    except TransientError as error:
        if error.status is None or error.status == 429:
            raise
    except RemoteError:
        return None
    return None


def _statuses_in(look: Look) -> list[StatusRow]:
    if not look.is_success or look.document is NO_JSON:
        return []
    try:
        return parse_status_rows(look.document)
    except ShapeError:
        return []


def _learn_statuses(asker: Asker, path: str, configured: str, look: Look) -> None:
    form, mislabel = name_list_form(look.document), name_mislabel(look)
    found, effect = f"{len(asker.statuses)} statuses at {path}", mislabel or say_path(path, configured)
    asker.findings.learn("statuses_path", path, found, effect, warns=bool(mislabel))
    effect = mislabel or "Understood."
    asker.findings.learn("statuses_form", form, _wrapped(form), effect, warns=bool(mislabel))


def say_path(path: str, configured: str) -> str:
    """Where statuses are asked for, given where they are."""
    if path == configured:
        return "As it is set."
    return f"Used instead of {configured}, until that setting is changed."


def ask_lookup_path(asker: Asker) -> None:
    """Asked for nobody at all, a look-up that exists complains about that."""
    with asker.findings.asking("lookup_path"):
        look = asker.get(LOOKUP)
        if look.status in NOT_THERE:
            other = asker.get(NO_SUCH_PATH, is_guess=True).status
            raise NotLearnt(
                f"It answers {look.status}, and {other} where nothing can be: that proves nothing."
            )
        if look.is_success and look.document is NO_JSON:
            raise NotLearnt("It answers with something that is not data.")
        learn_refusal(asker, look)
        asker.findings.learn(
            "lookup_path", True, f"yes: it asks for more ({look.status})", "A 404 for a person means nobody."
        )


def ask_nobody(asker: Asker) -> None:
    """An invented address that nobody can have."""
    with asker.findings.asking("lookup_nobody"):
        look = asker.get(LOOKUP, {"email": f"leadmirror-nobody-{secrets.token_hex(8)}@example.com"})
        form = name_nobody_form(look)
        if form == "somebody":
            raise NotLearnt("Asked for an address that nobody has, it showed leads.")
        if form == "404":
            asker.findings.learn(
                "lookup_nobody", form, "404", "Counts as nobody where the look-up is known to be there."
            )
            return
        found, effect, warns = NOBODY[form]
        mislabel = name_mislabel(look)
        found, effect = f"{found} ({look.status})", mislabel or effect
        asker.findings.learn("lookup_nobody", form, found, effect, warns=warns or bool(mislabel))


def ask_missing(asker: Asker) -> None:
    """A lead by an id that is not in use."""
    with asker.findings.asking("missing_lead"):
        look = asker.get(f"/leads/{UNUSED_ID + secrets.randbelow(100_000_000)}")
        if is_taken(look):
            raise NotLearnt(f"An id that is not in use was answered with {look.status}.")
        learn_refusal(asker, look)
        form = name_refusal_form(look)
        is_clear = look.status in (404, 410) and isinstance(look.document, (dict, list))
        is_clear = is_clear and is_json_type(look.content_type)
        effect = (
            "Twice, a day apart: the lead is marked as gone."
            if is_clear
            else ("Not clear enough: a deleted lead stays here and is asked for again.")
        )
        value = {"status": look.status, "form": form}
        asker.findings.learn(
            "missing_lead", value, f"{_say_status(look)}, {form}", effect, warns=not is_clear
        )


def learn_refusal(asker: Asker, look: Look) -> None:
    """The form of a refusal; one that names a field, or comes as a success, says most."""
    form, field = name_refusal_form(look), find_field(look)
    if is_taken(look) or (asker.findings.knows("error_body") and not field and not look.is_success):
        return
    named = f", names the field ({field})" if field else ""
    effect = "Its words are shown beside the field." if field else "Its words are shown with the lead."
    if look.is_success:
        effect = "It counts as unclear: Lead.pro is asked before anything is sent again."
    value = {"form": form, "status": look.status, "names_field": bool(field)}
    found = f"{_say_status(look)}, {form}{named}"
    asker.findings.learn("error_body", value, found, effect, warns=look.is_success)


def _say_status(look: Look) -> str:
    """The status of a refusal."""
    return f"{look.status} as if it were a success" if look.is_success else str(look.status)
