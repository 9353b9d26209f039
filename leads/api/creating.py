"""New leads: plain and with an instant valuation. Saved here at once, delivered by a worker."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.response import Response

from integrations.leadpro.fields import Call
from leads import tasks
from leads.api.base import ApiView
from leads.api.headers import USUAL_WAIT, parse_wait
from leads.api.idempotency import DoubleRequest, Repeatable, in_flight, remember
from leads.api.outcomes import (
    WRITABLE_NAMES,
    answer_lead,
    applied,
    is_delivered,
    pick_connection,
    prefer,
    refuse_foreign_office,
    refuse_own_keys,
    wait_for_push,
)
from leads.api.problems import invalid, invalid_fields
from leads.models import Cause, Connection, Lead, Origin, Push, StoredAnswer
from leads.sync import pushing
from leads.sync.checking import Checked, check

BODY_NAMES = WRITABLE_NAMES | {"connection"}


def create_lead(view: ApiView, call: Call, usual_wait: float = 0.0) -> Response:
    """Save the lead, have it delivered, and answer: 201 once Lead.pro has it, else 202."""
    body = view.read_body(BODY_NAMES)
    repeatable = Repeatable.parse(view.request, view.key, body)
    earlier = repeatable.find(timezone.now()) if repeatable else None
    if earlier is not None:
        return _replay(view, earlier)
    connection = pick_connection(body.pop("connection", None))
    checked = _check(view, body, call, connection)
    try:
        push, record = _save(view, call, connection, checked, repeatable)
    except DoubleRequest:
        earlier = repeatable.find(timezone.now()) if repeatable else None
        if earlier is None:
            raise in_flight() from None
        return _replay(view, earlier)
    asked = parse_wait(prefer(view))
    state, was_waited = wait_for_push(push, usual_wait if asked is None else asked)
    answer = _answer(view, push.lead_id, is_delivered(state), applied(asked, was_waited))
    if record is not None:
        remember(record, answer.status_code, answer.data, _kept_headers(answer))
    return answer


def _check(view: ApiView, body: dict[str, Any], call: Call, connection: Connection) -> Checked:
    refuse_own_keys({name: value for name, value in body.items() if value is not None})
    values = {name: value for name, value in body.items() if value is not None}
    refuse_foreign_office(values.get("office_id"), view.scope)
    checked = check(values, call, connection)
    if checked.problems:
        raise invalid_fields(checked.problems)
    if not view.scope.allows_office(checked.values.get("office_id")):
        sentence = "This key is limited to offices, so office_id must name one of them."
        raise invalid([("office_id", "required", sentence)])
    return checked


def _save(
    view: ApiView, call: Call, connection: Connection, checked: Checked, repeatable: Repeatable | None
) -> tuple[Push, StoredAnswer | None]:
    """Lead, change, push and the record of the Idempotency-Key: all of them or none."""
    now = timezone.now()
    with transaction.atomic():
        record = repeatable.begin(now) if repeatable else None
        push = pushing.request_create(
            checked.values,
            connection=connection,
            kind=Push.VALUATION if call is Call.VALUATION else Push.CREATE,
            origin=Origin.API,
            actor=view.actor,
            cause=Cause.API,
            warnings=checked.warnings,
            now=now,
        )
        if record is not None:
            record.body = {"lead": push.lead_id}
            record.save(update_fields=["body"])
        tasks.ring(tasks.deliver_pushes, connection_id=connection.pk)
    return push, record


def _answer(view: ApiView, lead_id: int, delivered: bool, headers: dict[str, str]) -> Response:
    """The maker of a lead sees it, wherever Lead.pro has put it meanwhile."""
    location = view.request.build_absolute_uri(reverse("api:lead", args=[lead_id]))
    answer = answer_lead(lead_id, 202, headers={"Location": location, **headers})
    if delivered and answer.data["leadpro_id"] is not None:
        answer.status_code = 201
    return answer


def _kept_headers(answer: Response) -> dict[str, str]:
    names = ("Location", "ETag", "Preference-Applied")
    return {name: answer.headers[name] for name in names if name in answer.headers}


def _replay(view: ApiView, earlier: StoredAnswer) -> Response:
    """The answer that was given before; after a crash, the answer that would have been."""
    if earlier.status is not None:
        headers = {**earlier.headers, "Idempotency-Replayed": "true"}
        return Response(earlier.body, status=earlier.status, headers=headers)
    lead_id = (earlier.body or {})["lead"]
    is_there = Lead.objects.filter(pk=lead_id, leadpro_id__isnull=False).exists()
    answer = _answer(view, lead_id, is_there, {})
    remember(earlier, answer.status_code, answer.data, _kept_headers(answer))
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


class Valuations(ApiView):
    """A new lead of a vendor or landlord with Lead.pro's instant valuation."""

    def post(self, request: Any) -> Response:
        """Create a lead with an instant valuation; waits ten seconds unless told otherwise."""
        return create_lead(self, Call.VALUATION, USUAL_WAIT)
