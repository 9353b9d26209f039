"""Changes of a lead, on their way to Lead.pro, or for here alone where Lead.pro has nothing to do with it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.response import Response

from integrations.leadpro.fields import FIELDS, Call
from leads import tasks
from leads.api.base import ApiView
from leads.api.headers import parse_wait, require_match
from leads.api.outcomes import (
    WRITABLE_NAMES,
    answer_lead,
    applied,
    connection_of,
    find_lead,
    is_delivered,
    prefer,
    refuse_foreign_office,
    refuse_own_keys,
    wait_for_push,
)
from leads.api.problems import Problem, invalid_fields, not_found
from leads.models import Cause, Connection, Lead, Push
from leads.sync import pushing
from leads.sync.checking import Checked, check
from leads.sync.writing import warn


def edit_lead(view: ApiView, lead_id: int) -> Response:
    """Save the change, have it delivered, and answer: 200 once Lead.pro has it or nothing differs, else 202."""
    lead = find_lead(lead_id, view.scope)
    tag = str(view.request.META.get("HTTP_IF_MATCH", ""))
    require_match(tag, lead.version)
    body = view.read_body(WRITABLE_NAMES)
    if pushing.is_only_here(lead):
        return _change_here(view, lead_id, body, tag)
    connection = connection_of(lead)
    push = _save(view, lead_id, check_edit(view, body, connection), connection, tag)
    if push is None:
        return answer_lead(lead_id, 200, view.scope)
    asked = parse_wait(prefer(view))
    state, was_waited = wait_for_push(push, asked or 0.0)
    status = 200 if was_waited and is_delivered(state) else 202
    return answer_lead(lead_id, status, view.scope, applied(asked, was_waited))


def check_edit(view: ApiView, body: dict[str, Any], connection: Connection) -> Checked:
    """The values of an edit, cleaned, and warnings; raises a 400 or a 403 that names the fields at fault."""
    refuse_own_keys(body)
    refuse_foreign_office(body.get("office_id"), view.scope)
    return _sound(check(body, Call.UPDATE, connection, partial=True))


def _sound(checked: Checked) -> Checked:
    if checked.problems:
        raise invalid_fields(checked.problems)
    return checked


def _change_here(view: ApiView, lead_id: int, body: dict[str, Any], tag: str) -> Response:
    """All that a new lead may say can be mended here; rules look at the lead again. 200, since nobody else is told."""
    refuse_own_keys(body)
    refuse_foreign_office(body.get("office_id"), view.scope)
    checked = _sound(check(body, Call.CREATE, Connection.objects.default(), partial=True))
    emptied = {
        name: None for name, value in body.items() if value is None and Call.CREATE in FIELDS[name].writes
    }
    with transaction.atomic():
        lead = _lock_version(view, lead_id, tag)
        try:
            pushing.change_here(
                lead, emptied | checked.values, actor=view.actor, cause=Cause.API, now=timezone.now()
            )
        except pushing.CannotPush as reason:
            raise Problem(409, "cannot_push", str(reason)) from None
        for warning in checked.warnings:
            warn(lead_id, warning)
        tasks.ring(tasks.forward_leads)
    return answer_lead(lead_id, 200, view.scope)


def _lock_version(view: ApiView, lead_id: int, tag: str) -> Lead:
    lead = Lead.objects.visible_to(view.scope).select_for_update().filter(pk=lead_id).first()
    if lead is None:
        raise not_found()
    require_match(tag, lead.version)
    return lead


def _save(view: ApiView, lead_id: int, checked: Checked, connection: Connection, tag: str) -> Push | None:
    """The edit in one transaction with the comparison of versions, so that nothing slips in between."""
    with transaction.atomic():
        lead = _lock_version(view, lead_id, tag)
        try:
            push = pushing.request_update(
                lead,
                checked.values,
                actor=view.actor,
                cause=Cause.API,
                now=timezone.now(),
                connection=connection,
            )
        except pushing.CannotPush as reason:
            raise Problem(409, "cannot_push", str(reason)) from None
        if push is not None:
            for warning in checked.warnings:
                warn(lead_id, warning)
            tasks.ring(tasks.deliver_pushes, connection_id=push.connection_id)
    return push
