"""The seven calls of Lead.pro's guide, and nothing that the guide does not offer: no list, no delete."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from integrations.sandbox.wire import Reply, Request, json_bytes, json_reply

from . import rules
from .offices import office_rows
from .refusals import Problem, Refusal
from .shape import Lead, render_lead
from .store import respell_phone
from .valuation import estimate

if TYPE_CHECKING:
    from .remote import LeadPro

Body = dict[str, Any]


def create_lead(remote: LeadPro, request: Request) -> Reply:
    """POST /leads."""
    body = _parse_object(request)
    _check_create(remote, body, rules.CREATE)
    fields = _accepted(body, rules.CREATE)
    return _store_created(remote, fields, default_source="homepage")


def create_valuation(remote: LeadPro, request: Request) -> Reply:
    """POST /leads/valuation: a lead with its estimates in the answer."""
    body = _parse_object(request)
    _check_create(remote, body, rules.VALUATION)
    fields = _accepted(body, rules.VALUATION)
    if remote.readings.valuation_latency:
        time.sleep(remote.readings.valuation_latency)
    return _store_created(remote, fields | estimate(fields), default_source="ivt")


def _store_created(remote: LeadPro, fields: Body, *, default_source: str) -> Reply:
    if "source" not in fields:
        fields["source"] = default_source
    elif fields["source"] not in rules.SOURCES:
        fields["source"] = "homepage"
    fields["phone"] = respell_phone(fields["phone"], remote.readings.phone_form)
    lead = remote.add(fields, origin="api")
    return json_reply(remote.readings.success_status, render_lead(lead, remote.readings), lead_id=lead["id"])


def _check_create(remote: LeadPro, body: Body, table: dict[str, rules.Check]) -> None:
    readings = remote.readings
    problems = rules.find_problems(body, table, rules.CREATE_NEEDS, readings)
    if readings.strict_addresses:
        problems += rules.find_address_problems(body)
    if readings.duplicates == "refuse" and not problems and remote.find_parent(body):
        problems.append(Problem("email", "already belongs to a lead"))
    if problems:
        raise Refusal(readings.refusal_status, *problems)


def _parse_object(request: Request) -> Body:
    try:
        body = request.json()
        json.dumps(body, ensure_ascii=False).encode()
    except ValueError:
        raise Refusal(400, Problem("", "The request body is not valid JSON")) from None
    if not isinstance(body, dict):
        raise Refusal(400, Problem("", "The request body must be a JSON object"))
    return body


def _accepted(body: Body, table: dict[str, rules.Check]) -> Body:
    return {name: value for name, value in body.items() if name in table and value is not None}


def update_lead(remote: LeadPro, request: Request, lead_id: int) -> Reply:
    """PATCH /leads/<id>: the answer repeats the request, as the printed sample does."""
    body = _parse_object(request)
    with remote.store.lock:
        before = remote.store.find(lead_id)
        lead = remote.change(lead_id, _read_changes(remote, body, before)) if before else None
    if lead is None:
        raise Refusal(remote.readings.missing_status, Problem("", "Lead not found"))
    return _answer_update(remote, request, lead)


def _answer_update(remote: LeadPro, request: Request, lead: Lead) -> Reply:
    form = remote.readings.patch_answer
    if form == "empty":
        return Reply(204, b"", "", lead_id=lead["id"])
    if form == "lead":
        return json_reply(200, render_lead(lead, remote.readings), lead_id=lead["id"])
    broken = request.body.rstrip()[:-1] + b",\n}" if form == "echo_broken" else request.body
    return Reply(200, broken, lead_id=lead["id"])


def _read_changes(remote: LeadPro, body: Body, lead: Lead) -> Body:
    readings = remote.readings
    needs = rules.UPDATE_NEEDS if readings.patch_needs_names else ()
    problems = rules.find_problems(body, rules.UPDATE, needs, readings)
    status = remote.statuses.find(body.get("status"), readings.status_by)
    if body.get("status") is not None and status is None:
        problems.append(Problem("status", "is not a status of this account"))
    if readings.strict_progression and status and status.name != "New" and lead["status"] == "New":
        problems.append(Problem("status", "cannot leave New before the lead has been called"))
    if problems:
        raise Refusal(readings.refusal_status, *problems)
    changes = {name: value for name, value in body.items() if name in rules.UPDATE}
    if body.get("status") is None:
        changes.pop("status", None)
    elif status:
        changes |= {"status": status.name, "stage": status.stage}
    return _merge_collections(changes, lead, readings.patch_meta)


def _merge_collections(changes: Body, lead: Lead, patch_meta: str) -> Body:
    """Answers are appended to the stored ones; meta is merged or replaced."""
    if changes.get("questionnaire") is not None:
        changes["questionnaire"] = (lead["questionnaire"] or []) + changes["questionnaire"]
    else:
        changes.pop("questionnaire", None)
    if patch_meta == "merge" and changes.get("meta") is not None:
        changes["meta"] = (lead["meta"] or {}) | changes["meta"]
    return changes


def get_lead(remote: LeadPro, _request: Request, lead_id: int) -> Reply:
    """GET /leads/<id>."""
    lead = remote.store.find(lead_id)
    if lead is None:
        raise Refusal(remote.readings.missing_status, Problem("", "Lead not found"))
    return json_reply(200, render_lead(lead, remote.readings), lead_id=lead_id)


def find_leads(remote: LeadPro, request: Request) -> Reply:
    """GET /person/leads by email or phone, narrowed by firstName and lastName."""
    query = request.query
    if not query.get("email") and not query.get("phone"):
        raise Refusal(remote.readings.refusal_status, Problem("", "Email or Phone must be supplied"))
    found = _match(remote, query.get("email", ""), query.get("phone", ""))
    for parameter, key in (("firstName", "first_name"), ("lastName", "last_name")):
        if wanted := query.get(parameter):
            found = [lead for lead in found if (lead[key] or "").casefold() == wanted.casefold()]
    if not remote.readings.lookup_children:
        found = [lead for lead in found if lead["is_parent"]]
    return _render_found(remote, found, query.get("page", "1"))


def _match(remote: LeadPro, email: str, phone: str) -> list[Lead]:
    readings, visible = remote.readings, remote.clock.now() - remote.readings.lookup_delay
    by_email = remote.store.find_by_email(email, stored_before=visible) if email else []
    if readings.email_match == "exact":
        by_email = [lead for lead in by_email if lead["email"] == email]
    normalised = readings.phone_match == "normalised"
    by_phone = (
        remote.store.find_by_phone(phone, normalised=normalised, stored_before=visible) if phone else []
    )
    if not email or not phone:
        return by_email or by_phone
    either = {lead["id"]: lead for lead in (*by_email, *by_phone)}
    if readings.lookup_combines == "any":
        return [either[lead_id] for lead_id in sorted(either)]
    both = {lead["id"] for lead in by_email} & {lead["id"] for lead in by_phone}
    return [either[lead_id] for lead_id in sorted(both)]


def _render_found(remote: LeadPro, found: list[Lead], page: str) -> Reply:
    readings = remote.readings
    if not found:
        return _render_nobody(readings.lookup_nobody)
    rows = [render_lead(lead, readings) for lead in found]
    if readings.lookup_shape == "object_when_one" and len(rows) == 1:
        return json_reply(200, rows[0], lead_id=found[0]["id"])
    if readings.lookup_shape == "data_when_one" and len(rows) == 1:
        return json_reply(200, {"data": rows[0]}, lead_id=found[0]["id"])
    if readings.lookup_shape == "data":
        return json_reply(200, {"data": rows})
    if readings.lookup_shape == "paginated":
        return json_reply(200, _paginate(rows, int(page) if page.isdigit() else 1, readings.lookup_page))
    return json_reply(200, rows)


def _paginate(rows: list[Lead], page: int, size: int) -> Body:
    first = max(0, page - 1) * size
    pages = -(-len(rows) // size)
    following = page + 1 if page < pages else None
    return {
        "data": rows[first : first + size],
        "meta": {"total": len(rows), "page": page, "next_page": following},
    }


def _render_nobody(form: str) -> Reply:
    if form == "404":
        return json_reply(404, {"message": "No leads found"})
    bodies = {"array": b"[]", "data": json_bytes({"data": []}), "object": b"{}", "blank": b""}
    return Reply(200, bodies[form])


def get_offices(remote: LeadPro, _request: Request) -> Reply:
    """GET /offices."""
    return json_reply(200, {"data": office_rows(remote.readings.office_ids)})


def get_statuses(remote: LeadPro, _request: Request) -> Reply:
    """GET at a path that the guide does not print."""
    rows = [status.as_row() for status in remote.statuses.rows]
    return json_reply(200, {"data": rows} if remote.readings.statuses_wrapped else rows)
