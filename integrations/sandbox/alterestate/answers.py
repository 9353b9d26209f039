"""The bodies of AlterEstate's answers, in the forms that its pages print."""

from __future__ import annotations

from typing import Any

from integrations.sandbox.wire import Reply, json_reply

from .readings import Readings
from .rules import Body, Invalid
from .store import Row

SERVER_ERROR = b"<!doctype html><html><head><title>Server Error (500)</title></head><body></body></html>"
NOT_FOUND = b"<!doctype html><html><head><title>Not Found</title></head><body></body></html>"
PAGE = "text/html; charset=utf-8"


def render_created(contact: Row, deal: Row, entry: Row, form: str) -> Reply:
    """201, in the form of the page or in that of its later state."""
    if form == "later":
        body: dict[str, Any] = {
            "status": 201,
            "data": {"uid": contact["uid"]},
            "log_id": entry["log_id"],
            "deal_uid": deal["uid"],
            "contact_uid": contact["uid"],
        }
        return json_reply(201, body)
    shown = {
        "id": contact["id"],
        "company": 42,
        "uid": contact["uid"],
        "full_name": contact["full_name"],
        "email": contact["email"],
        "description": contact["description"],
        "via": contact["via"],
        "phone": contact["phone"],
        "distinct_id": None,
        "ctype": 1,
        "related_contacts": [],
    }
    return json_reply(201, {"status": 201, "data": shown, "log_id": entry["id"], "deal_id": deal["id"]})


def render_duplicate(entry: Row, status: str) -> Reply:
    """No contact and no deal, and yet a success."""
    message = "Lead already exists. No new deal was created due to duplicate contact."
    return json_reply(int(status), {"status": 200, "message": message, "log_id": entry["log_id"]})


def render_invalid(problem: Invalid, form: str) -> Reply:
    """400 in one of the two documented bodies."""
    if form == "fields":
        return json_reply(400, {problem.field or "non_field_errors": [problem.detail]})
    return json_reply(400, {"status": "error", "message": str(problem)})


def render_stranger(readings: Readings, *, key_sent: bool) -> Reply:
    """A wrong key or none; which code is not documented."""
    words = "Invalid token." if key_sent else "Authentication credentials were not provided."
    reply = json_reply(readings.auth_status, {"detail": words})
    reply.headers["WWW-Authenticate"] = "Token"
    return reply


def render_without_slash(reading: str, path: str) -> Reply:
    """What a Django server does where the slash at the end is missing."""
    if reading == "redirect":
        return Reply(301, b"", PAGE, {"Location": f"{path}/"})
    return Reply(500, SERVER_ERROR, PAGE) if reading == "error" else Reply(404, NOT_FOUND, PAGE)


def describe(body: Body) -> str:
    """The description that the server writes: Spanish, HTML, and of what was sent nothing is escaped."""
    rows = (
        ("Nombre", "full_name"),
        ("Teléfono", "phone"),
        ("Correo electrónico", "email"),
        ("Propiedad", "property_uid"),
        ("Campaña", "campaign_name"),
        ("Formulario", "form_name"),
        ("Notas", "notes"),
    )
    lines = [f"<p><strong>{title}:</strong> {body[name]}</p>" for title, name in rows if body.get(name)]
    return "".join(["<h3>Nuevo prospecto recibido</h3>", *lines])
