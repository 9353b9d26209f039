"""Leads: list, search, one lead and its history; creating and editing are next door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.leadpro.fields import Call
from leads.api import paging
from leads.api.base import ApiView
from leads.api.creating import create_lead
from leads.api.editing import edit_lead
from leads.api.filters import LEAD_FILTERS, PAGING, parse_wanted
from leads.api.headers import matches_any, render_tag
from leads.api.keys import READ, WRITE
from leads.api.outcomes import find_lead
from leads.api.problems import invalid, not_found
from leads.api.shapes import render_changes, render_lead, render_leads
from leads.models import Change, Lead
from leads.sync import wanting

LIST_PARAMETERS = frozenset({*LEAD_FILTERS, *PAGING, "fields"})


def answer_leads(view: ApiView, given: Mapping[str, Any]) -> Response:
    """One page of the leads that the parameters ask for."""
    wanted = parse_wanted(given, LEAD_FILTERS)
    rows = Lead.objects.visible_to(view.scope).filter(wanted.condition)
    page = paging.take_page(rows, paging.NEWEST_LEADS, wanted.asked)
    return Response(paging.answer_page(view.request, page, render_leads(page.ids, wanted.keys)))


class Leads(ApiView):
    """All leads of this key."""

    @property
    def parameters(self) -> frozenset[str]:  # type: ignore[override]
        """A list has filters; a create has none."""
        return LIST_PARAMETERS if self.request.method in {"GET", "HEAD"} else frozenset()

    def get(self, request: Request) -> Response:
        """List leads, newest first."""
        return answer_leads(self, request.query_params.dict())

    def post(self, request: Request) -> Response:
        """Create a lead here and at Lead.pro."""
        return create_lead(self, Call.CREATE)


class LeadSearch(ApiView):
    """The same filters in a body, so that no contact detail stands in a URL."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": READ}
    parameters = frozenset({*PAGING, "fields"})

    def post(self, request: Request) -> Response:
        """List the leads that the body asks for. ``next`` is an address to send the same body to."""
        body = self.read_body(LIST_PARAMETERS)
        twice = [name for name in request.query_params if name in body and name != "cursor"]
        if twice:
            raise invalid(
                (name, "repeated", f"{name} stands in the address and in the body.") for name in twice
            )
        return answer_leads(self, {**body, **request.query_params.dict()})


class OneLead(ApiView):
    """One lead."""

    scopes: ClassVar[Mapping[str, str]] = {"GET": READ, "HEAD": READ, "PATCH": WRITE}

    def get(self, request: Request, lead_id: int) -> Response:
        """Read one lead; it is then looked at sooner. With If-None-Match: 304 where the version has not moved."""
        found = render_lead(lead_id, self.scope)
        if found is not None and wanting.want([lead_id], timezone.now(), wanting.APP_SECONDS, by_app=True):
            found = render_lead(lead_id, self.scope)
        if found is None:
            raise not_found()
        shape, version = found
        headers = {"ETag": render_tag(version)}
        if matches_any(request.META.get("HTTP_IF_NONE_MATCH", ""), version):
            return Response(status=304, headers=headers)
        return Response(shape, headers=headers)

    def patch(self, request: Request, lead_id: int) -> Response:
        """Change what Lead.pro lets us change, here and there."""
        return edit_lead(self, lead_id)


class LeadChanges(ApiView):
    """The history of one lead."""

    parameters = frozenset(PAGING)

    def get(self, request: Request, lead_id: int) -> Response:
        """List the changes of one lead, newest first."""
        find_lead(lead_id, self.scope)
        wanted = parse_wanted(request.query_params.dict(), {})
        rows = Change.objects.visible_to(self.scope).filter(lead_id=lead_id)
        page = paging.take_page(rows, paging.NEWEST, wanted.asked)
        return Response(paging.answer_page(request, page, render_changes(page.ids, self.scope)))
