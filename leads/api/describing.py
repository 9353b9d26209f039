"""Says what each address takes and answers, for OpenAPI; applied to the views where the addresses are listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view

from leads.api import asking, creating, documentation, feed, handing, leads, pushes, reference
from leads.api import descriptions as d
from leads.api.filters import CONNECTION_FILTER, LEAD_FILTERS, PUSH_FILTERS, Filter
from leads.api.problems import MEDIA_TYPE

QUERY: Final = "query"
HEADER: Final = "header"
CREATING = (409, 413, 415, 422, 503)
USUAL_PROBLEMS = (400, 401, 403, 406, 429, 500)
IF_MATCH = OpenApiParameter("If-Match", str, HEADER, description="The ETag that the change is based on.")
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, HEADER, description="The ETag that is known already.")
PREFER = OpenApiParameter(
    "Prefer", str, HEADER, description="wait=N: wait for the outcome, at most 30 seconds."
)
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    HEADER,
    description="The same key and body within 24 hours: the same answer, one lead.",
)
FIELDS = OpenApiParameter("fields", str, QUERY, description="Only these keys of each lead, with commas.")


def _paging(most: int = 500) -> list[OpenApiParameter]:
    return [
        OpenApiParameter("cursor", str, QUERY, description="From next or previous."),
        OpenApiParameter("page_size", int, QUERY, description=f"1 to {most}."),
    ]


def _filters(filters: Mapping[str, Filter]) -> list[OpenApiParameter]:
    more = {True: " Comma means any of.", False: ""}
    return [
        OpenApiParameter(name, str, QUERY, description=f.words + more[f.is_list])
        for name, f in filters.items()
    ]


def _operation(
    name: str,
    answers: Mapping[int, Any],
    *,
    takes: Any = None,
    parameters: Iterable[OpenApiParameter] = (),
    problems: Iterable[int] = (),
    auth: Any = None,
) -> Any:
    responses: dict[Any, Any] = dict(answers)
    for status in sorted({*USUAL_PROBLEMS, *problems}):
        responses[status, MEDIA_TYPE] = d.ProblemShape
    return extend_schema(
        operation_id=name,
        request=takes if takes is None else {"application/json": takes},
        responses=responses,
        parameters=list(parameters),
        auth=auth,
    )


def _describe_leads() -> None:
    lead, page = d.LeadShape, d.page_of(d.LeadShape)
    extend_schema_view(
        get=_operation("list_leads", {200: page}, parameters=[*_filters(LEAD_FILTERS), *_paging(), FIELDS]),
        post=_operation(
            "create_lead",
            {201: lead, 202: lead},
            takes=d.LeadCreate,
            parameters=[PREFER, IDEMPOTENCY],
            problems=CREATING,
        ),
    )(leads.Leads)
    extend_schema_view(
        post=_operation(
            "search_leads",
            {200: page},
            takes=d.SearchShape,
            parameters=[*_paging(), FIELDS],
            problems=(413, 415),
        )
    )(leads.LeadSearch)
    extend_schema_view(
        get=_operation("get_lead", {200: lead, 304: None}, parameters=[IF_NONE_MATCH], problems=(404,)),
        patch=_operation(
            "update_lead",
            {200: lead, 202: lead},
            takes=d.LeadUpdate,
            parameters=[PREFER, IF_MATCH],
            problems=(404, 409, 412, 413, 415, 503),
        ),
    )(leads.OneLead)
    extend_schema_view(
        get=_operation(
            "list_lead_changes", {200: d.page_of(d.ChangeShape)}, parameters=_paging(), problems=(404,)
        )
    )(leads.LeadChanges)


def _describe_valuations() -> None:
    lead = d.LeadShape
    extend_schema_view(
        post=_operation(
            "create_valuation",
            {201: lead, 202: lead},
            takes=d.LeadValuation,
            parameters=[PREFER, IDEMPOTENCY],
            problems=CREATING,
        )
    )(creating.Valuations)


def _describe_asking() -> None:
    extend_schema_view(
        post=_operation(
            "refresh_lead",
            {200: d.LeadShape, 202: d.LeadShape},
            parameters=[PREFER],
            problems=(404, 409, 503),
        )
    )(asking.Refresh)
    extend_schema_view(
        post=_operation(
            "look_up_leads", {200: d.page_of(d.LeadShape)}, takes=d.LookUpShape, problems=(413, 415, 502, 503)
        )
    )(asking.LookUp)
    after = OpenApiParameter("after", int, QUERY, description="The id of the last change that is known.")
    extend_schema_view(
        get=_operation("list_changes", {200: d.page_of(d.ChangeShape)}, parameters=[after, _paging(1000)[1]])
    )(feed.Changes)


def _describe_pushes() -> None:
    extend_schema_view(
        get=_operation(
            "list_pushes", {200: d.page_of(d.PushShape)}, parameters=[*_filters(PUSH_FILTERS), *_paging()]
        )
    )(pushes.Pushes)
    extend_schema_view(get=_operation("get_push", {200: d.PushShape}, problems=(404,)))(pushes.OnePush)
    extend_schema_view(
        post=_operation("hand_over_lead", {202: d.PushShape}, takes=d.HandOver, problems=(404, 409, 413, 415))
    )(handing.LeadPushes)
    for view, name, status, takes in (
        (pushes.RetryPush, "retry_push", 202, None),
        (pushes.DiscardPush, "discard_push", 200, None),
        (pushes.ResolvePush, "resolve_push", 202, d.Choices),
    ):
        extend_schema_view(post=_operation(name, {status: d.PushShape}, takes=takes, problems=(404, 409)))(
            view
        )


def _describe_reference() -> None:
    for view, name, row, filters in (
        (reference.Offices, "list_offices", d.OfficeShape, CONNECTION_FILTER),
        (reference.Statuses, "list_statuses", d.StatusShape, CONNECTION_FILTER),
        (reference.Connections, "list_connections", d.ConnectionShape, {}),
    ):
        parameters = [*_filters(filters), *_paging()]
        extend_schema_view(get=_operation(name, {200: d.page_of(row)}, parameters=parameters))(view)
    extend_schema_view(get=_operation("get_schema", {200: OpenApiTypes.OBJECT}, auth=[{"key": []}]))(
        documentation.Schema
    )


def describe() -> None:
    """Put the descriptions on the views; once, when the addresses are loaded."""
    _describe_leads()
    _describe_valuations()
    _describe_asking()
    _describe_pushes()
    _describe_reference()
