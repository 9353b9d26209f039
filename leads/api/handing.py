"""Handing a lead that is here to another connection."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from leads import tasks
from leads.api.base import ApiView
from leads.api.outcomes import find_lead, refuse_foreign_office
from leads.api.problems import Problem, invalid, invalid_fields
from leads.api.shapes import render_push
from leads.models import Connection, Push, Remote
from leads.sync import pushing


class LeadPushes(ApiView):
    """A lead's way to other connections."""

    def post(self, request: Request, lead_id: int) -> Response:
        """Hand the lead to another connection, once. ``fields`` beat the lead's own values there."""
        lead = find_lead(lead_id, self.scope)
        body = self.read_body({"connection", "fields"})
        connection = _pick(body.get("connection"))
        fields = self.read_fields(body.get("fields"), connection)
        try:
            with transaction.atomic():
                push = pushing.hand_over(
                    lead,
                    connection=connection,
                    fields=fields,
                    actor=self.actor,
                    now=timezone.now(),
                )
                tasks.ring(tasks.deliver_pushes, connection_id=connection.pk)
        except pushing.Unfit as unfit:
            raise invalid_fields(unfit.problems) from None
        except pushing.CannotPush as reason:
            raise Problem(409, "cannot_push", str(reason)) from None
        return Response(render_push(Push.objects.get(pk=push.pk)), status=202)

    def read_fields(self, given: Any, connection: Connection) -> dict[str, Any]:
        """The values given for this connection; what the mirror sets itself, and foreign offices, are refused."""
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise invalid(
                [("fields", "invalid", "fields must be an object: the other side's field to its value.")]
            )
        if connection.remote == Remote.LEADPRO:
            refuse_foreign_office(given.get("office_id"), self.scope)
            if not self.scope.everything and not given.get("office_id"):
                sentence = "This key is limited to offices, so office_id must name one of them."
                raise invalid([("office_id", "required", sentence)])
        return dict(given)


def _pick(chosen: Any) -> Connection:
    if chosen is None:
        raise invalid([("connection", "required", "Name the connection to hand the lead to.")])
    is_id = isinstance(chosen, int) and not isinstance(chosen, bool)
    row = Connection.objects.filter(pk=chosen).first() if is_id else None
    if row is None:
        raise invalid([("connection", "unknown_choice", "There is no connection with this id.")])
    return row
