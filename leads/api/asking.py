"""Asking Lead.pro itself: for one lead again, or for a person by contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from leads import tasks
from leads.api import paging
from leads.api.base import ApiView
from leads.api.headers import parse_wait
from leads.api.keys import READ
from leads.api.outcomes import answer_lead, applied, find_lead, pick_connection, prefer
from leads.api.problems import Problem, invalid
from leads.api.shapes import render_leads
from leads.api.waiting import place, wait_for
from leads.models import Lane, Lead, Run, RunItem
from leads.sync import bulk, refreshing

PATIENCE = 10.0
CONTACT = ("email", "phone")
LOOK_UP_NAMES = (*CONTACT, "first_name", "last_name", "connection")
LONGEST = 320


class Refresh(ApiView):
    """One lead, read from Lead.pro again."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": READ}

    def post(self, request: Request, lead_id: int) -> Response:
        """Have the lead read again: 202, or with ``Prefer: wait`` 200 and the fresh lead."""
        find_lead(lead_id, self.scope)
        self.read_body()
        runs = bulk.start_refresh([lead_id], actor=self.actor, lane=Lane.PERSON, now=timezone.now())
        if not runs:
            raise Problem(
                409,
                "only_here",
                "This lead is only here: Lead.pro has not got it yet, so there is nothing to read.",
            )
        for run in runs:
            tasks.ring(tasks.continue_run, run_id=run.pk)
        asked = parse_wait(prefer(self))
        is_fresh, was_waited = wait_for_runs(runs, asked or 0.0)
        return answer_lead(lead_id, 200 if is_fresh else 202, self.scope, applied(asked, was_waited))


def wait_for_runs(runs: list[Run], seconds: float) -> tuple[bool, bool]:
    """(whether all is read, whether it was waited for). Raises the problem that stopped a run."""
    ids = [run.pk for run in runs]

    def look() -> bool | None:
        rows = list(Run.objects.filter(pk__in=ids))
        for row in rows:
            raise_stopped(row, timezone.now())
        return True if all(row.is_finished for row in rows) else None

    if seconds <= 0:
        return False, False
    with place() as is_free:
        if not is_free:
            return False, False
        is_done = wait_for(look, seconds) is True
    for item in RunItem.objects.filter(run_id__in=ids).exclude(problem=""):
        raise_failed(item)
    return is_done, True


def raise_stopped(run: Run, now: datetime) -> None:
    """Raises a 503 where the run rests because Lead.pro cannot be asked just now. It goes on by itself later."""
    if run.problem and run.lease_until is None and not run.is_finished:
        wait = max(1, round((run.due_at - now).total_seconds()))
        raise Problem(503, "remote_unavailable", run.problem, headers={"Retry-After": str(wait)})


def raise_failed(item: RunItem) -> None:
    """Raises what went wrong with the lead itself: 409 where Lead.pro has it no longer, else 503."""
    if item.problem_code == "not_found":
        raise Problem(409, "gone", "Lead.pro has no such lead any more. What was known of it is kept here.")
    headers = {} if item.state == RunItem.FAILED else {"Retry-After": "5"}
    raise Problem(503, "remote_failing", item.problem, headers=headers)


class LookUp(ApiView):
    """People at Lead.pro, by contact."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": READ}

    def post(self, request: Request) -> Response:
        """Ask Lead.pro for a person's leads, mirror them and answer those that this key may see."""
        body = self.read_body(LOOK_UP_NAMES)
        connection = pick_connection(body.pop("connection", None))
        contact = read_contact(body)
        with place() as is_free:
            if not is_free:
                raise Problem(
                    503,
                    "busy",
                    "Too many requests are waiting for Lead.pro just now.",
                    headers={"Retry-After": "2"},
                )
            found = refreshing.look_up(
                connection,
                Lane.PERSON,
                email=contact.get("email"),
                phone=contact.get("phone"),
                first_name=contact.get("first_name"),
                last_name=contact.get("last_name"),
                patience=PATIENCE,
                actor=self.actor,
            )
        seen = set(Lead.objects.visible_to(self.scope).filter(pk__in=found).values_list("pk", flat=True))
        return Response(paging.whole_list(render_leads([pk for pk in found if pk in seen])))


def read_contact(body: Mapping[str, Any]) -> dict[str, str]:
    """Whom to ask for; raises a 400 that names what is wrong or missing."""
    given = {name: value for name, value in body.items() if value is not None}
    errors = [
        (name, "invalid", f"{name} must be text of 1 to {LONGEST} characters.")
        for name, value in given.items()
        if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST
    ]
    if not errors and not any(name in given for name in CONTACT):
        errors = [
            (name, "required", "An e-mail address or a telephone number is needed.") for name in CONTACT
        ]
    if errors:
        raise invalid(errors)
    return {name: value.strip() for name, value in given.items()}
