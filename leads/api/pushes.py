"""What is on its way to a remote, why it stopped, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.leadpro.fields import FIELDS
from leads import tasks
from leads.api import paging
from leads.api.base import ApiView
from leads.api.editing import check_edit
from leads.api.filters import PAGING, PUSH_FILTERS, parse_wanted
from leads.api.outcomes import refuse_foreign_office
from leads.api.problems import Problem, invalid, not_found
from leads.api.shapes import render_push, render_pushes
from leads.models import Cause, Conflict, Lead, Push, Scope
from leads.sync import pushing

SIDES = ("mine", "theirs")
#: What is decided about a new lead whose sending is in doubt.
DOUBT = ("is_there", "remote_id", "remote_reference")


def visible_pushes(scope: Scope) -> QuerySet[Push]:
    """Pushes of the leads that the scope sees."""
    if scope.everything:
        return Push.objects.all()
    return Push.objects.filter(lead__in=Lead.objects.visible_to(scope))


class Pushes(ApiView):
    """Pushes of the leads of this key."""

    parameters = frozenset({*PUSH_FILTERS, *PAGING})

    def get(self, request: Request) -> Response:
        """List pushes, newest first."""
        wanted = parse_wanted(request.query_params.dict(), PUSH_FILTERS)
        page = paging.take_page(
            visible_pushes(self.scope).filter(wanted.condition), paging.NEWEST, wanted.asked
        )
        return Response(paging.answer_page(request, page, render_pushes(page.ids)))


class PushView(ApiView):
    """One push."""

    def find_push(self, push_id: int) -> Push:
        """The push, or a 404 where it does not exist or may not be seen."""
        push = visible_pushes(self.scope).select_related("connection").filter(pk=push_id).first()
        if push is None:
            raise not_found("push")
        return push

    def decide(self, push: Push, status: int, decision: Callable[..., Any], *more: Any) -> Response:
        """Carry out a decision, wake the worker and answer the push as it stands; 409 where it comes too late."""
        try:
            decision(push, *more, actor=self.actor, now=timezone.now())
        except pushing.CannotPush as reason:
            raise Problem(409, "cannot_push", str(reason)) from None
        tasks.ring(tasks.deliver_pushes, connection_id=push.connection_id)
        push.refresh_from_db()
        return Response(render_push(push), status=status)


class OnePush(PushView):
    """One push."""

    def get(self, request: Request, push_id: int) -> Response:
        """Read one push."""
        return Response(render_push(self.find_push(push_id)))


class RetryPush(PushView):
    """Try again."""

    def post(self, request: Request, push_id: int) -> Response:
        """Have a push tried again now."""
        push = self.find_push(push_id)
        self.read_body()
        return self.decide(push, 202, pushing.retry)


class DiscardPush(PushView):
    """Give up."""

    def post(self, request: Request, push_id: int) -> Response:
        """Do not send it. An update's fields show Lead.pro's values again; a create's lead stays here only."""
        push = self.find_push(push_id)
        self.read_body()
        return self.decide(push, 200, partial(pushing.discard, cause=Cause.API))


class ResolvePush(PushView):
    """Decide conflicts."""

    def post(self, request: Request, push_id: int) -> Response:
        """Decide each field that both sides changed: ``"mine"``, ``"theirs"`` or ``{"value": …}``; or
        ``{"choice": "mine", "theirs": …}`` and ``{"value": …, "theirs": …}``, which are refused (409) where Lead.pro
        shows another value by now than the one named. Of a new lead whose sending is in doubt: whether ``is_there``.
        """
        push = self.find_push(push_id)
        if push.kind in Push.MAKES:
            return self.decide_doubt(push, self.read_body(DOUBT))
        body = self.read_body(FIELDS)
        choices = self.read_choices(push, body)
        seen = {name: choice["theirs"] for name, choice in body.items() if _names_theirs(choice)}
        return self.decide(push, 202, partial(pushing.resolve, cause=Cause.API, seen=seen), choices)

    def decide_doubt(self, push: Push, body: Mapping[str, Any]) -> Response:
        """A person has looked at the remote."""
        is_there, number, reference = (body.get(name) for name in DOUBT)
        if not isinstance(is_there, bool):
            raise invalid([("is_there", "required", "Say whether the lead is there: true or false.")])
        if not is_there:
            return self.decide(push, 202, pushing.send_again)
        if push.kind == Push.SUBMIT:
            return self.decide(push, 200, pushing.arrived, reference if isinstance(reference, str) else "")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise invalid([("remote_id", "required", "Give Lead.pro's number of the lead.")])
        return self.decide(push, 202, pushing.found, number)

    def read_choices(self, push: Push, body: Mapping[str, Any]) -> dict[str, Any]:
        """The choices, checked as an edit is; raises a 400 that names the fields at fault."""
        errors = [
            (name, "invalid", f"{name} must be mine, theirs or a value.")
            for name in body
            if not _is_choice(body[name])
        ]
        if not body:
            errors = [("choices", "required", "Name each field in conflict and what to take for it.")]
        if errors:
            raise invalid(errors)
        sides = {name: _side_of(choice) for name, choice in body.items()}
        self.refuse_foreign_choice(push, sides.get("office_id"))
        typed = {name: body[name]["value"] for name, side in sides.items() if side is None}
        checked = check_edit(self, typed, push.connection).values
        return {name: {"value": checked[name]} if name in typed else side for name, side in sides.items()}

    def refuse_foreign_choice(self, push: Push, choice: Any) -> None:
        """A limited key moves no lead to a foreign office, whoever proposed it."""
        conflict = Conflict.objects.filter(push=push, field="office_id", decided_at__isnull=True).first()
        if choice == "mine" and conflict is not None:
            refuse_foreign_office(conflict.mine, self.scope)


def _is_choice(choice: Any) -> bool:
    if not isinstance(choice, dict):
        return _side_of(choice) in SIDES
    named = choice.keys() - {"theirs"}
    return named == {"value"} or (named == {"choice"} and choice["choice"] in SIDES)


def _side_of(choice: Any) -> Any:
    """Mine or theirs; None where a value is given."""
    return choice.get("choice") if isinstance(choice, dict) else choice


def _names_theirs(choice: Any) -> bool:
    return isinstance(choice, dict) and "theirs" in choice
