"""Lead.pro's reference data, and the connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from leads.api import paging
from leads.api.base import ApiView
from leads.api.filters import CONNECTION_FILTER, PAGING, parse_wanted
from leads.api.shapes import render_connections, render_offices, render_statuses
from leads.models import Connection, Office, Status

FILTERED = frozenset({*CONNECTION_FILTER, *PAGING})


def answer_rows(
    request: Request,
    rows: QuerySet[Any],
    render: Callable[[Sequence[int]], list[dict[str, Any]]],
    filters: Any,
) -> Response:
    """One page of rows in the order of our ids."""
    wanted = parse_wanted(request.query_params.dict(), filters)
    page = paging.take_page(rows.filter(wanted.condition), paging.OLDEST, wanted.asked)
    return Response(paging.answer_page(request, page, render(page.ids)))


class Offices(ApiView):
    """Lead.pro's offices; a limited key sees its own."""

    parameters = FILTERED

    def get(self, request: Request) -> Response:
        """List the offices that Lead.pro lists."""
        rows = Office.objects.filter(is_gone=False)
        if not self.scope.everything:
            rows = rows.filter(office_id__in=self.scope.office_ids)
        return answer_rows(request, rows, render_offices, CONNECTION_FILTER)


class Statuses(ApiView):
    """Lead.pro's statuses, which are the account's own."""

    parameters = FILTERED

    def get(self, request: Request) -> Response:
        """List the statuses that Lead.pro lists."""
        return answer_rows(request, Status.objects.filter(is_gone=False), render_statuses, CONNECTION_FILTER)


class Connections(ApiView):
    """The accounts at remotes."""

    parameters = frozenset(PAGING)

    def get(self, request: Request) -> Response:
        """List the connections and whether they work. Never a secret."""
        return answer_rows(request, Connection.objects.all(), render_connections, {})
