"""The feed of all changes: in the order of its ids, without gaps, for followers."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from leads.api.base import ApiView
from leads.api.filters import Unfit, read_integer
from leads.api.paging import link, parse_size
from leads.api.problems import invalid
from leads.api.shapes import render_changes
from leads.models import Change

USUAL, MOST = 100, 1000


class Changes(ApiView):
    """What happened to the leads of this key."""

    parameters = frozenset({"after", "page_size"})

    def get(self, request: Request) -> Response:
        """List the changes after an id, oldest first. ``next`` is null at the end of what has happened so far."""
        try:
            after = read_integer(request.query_params.get("after", "0"))
        except Unfit:
            raise invalid([("after", "invalid", "after must be the id of a change, or 0.")]) from None
        size = parse_size(request.query_params.get("page_size", USUAL), MOST)
        rows = Change.objects.visible_to(self.scope).filter(pk__gt=after).order_by("pk")
        ids = list(rows.values_list("pk", flat=True)[: size + 1])
        shown = ids[:size]
        following = link(request, after=shown[-1]) if len(ids) > size else None
        return Response({"next": following, "previous": None, "results": render_changes(shown, self.scope)})
