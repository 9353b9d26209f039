"""The filters of the lead list. Choices come from small tables, never from DISTINCT over the leads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import MultipleDropdownFilter, RangeDateFilter

from integrations.leadpro.fields import SOURCES, TYPES
from leads.admin.roles import viewer_of
from leads.models import Lead, Office, Origin, Stage, Status, SyncState

Choices = list[tuple[str, str]]
OTHER = "~other"
DAY_PATTERNS = ("%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y")


class AnyOf(MultipleDropdownFilter):  # type: ignore[misc]
    """Several values of one column; the values are offered by ``options``."""

    column = ""

    def options(self, request: HttpRequest) -> Iterable[tuple[str, str]]:
        """Value and words of each choice."""
        # Each filter has options of its own.
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Django's name for the options."""
        return list(self.options(request))

    def has_output(self) -> bool:
        """An empty filter is left out."""
        return bool(self.lookup_choices)

    def chosen(self) -> list[str]:
        """What was asked for; unknown values match nothing rather than everything."""
        value = self.used_parameters.get(self.parameter_name) or []
        return [v for v in (value if isinstance(value, list) else [value]) if v]

    def value(self) -> Any:
        """What the form shows as chosen."""
        return self.chosen()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        """Leads with any of the chosen values."""
        chosen = self.chosen()
        return queryset.filter(**{f"{self.column}__in": chosen}) if chosen else queryset


class TypeFilter(AnyOf):
    """By what the person wants."""

    title, parameter_name, column = "type", "type", "type"

    def options(self, request: HttpRequest) -> Choices:
        """The five documented types."""
        return [(t, t.replace("_", " ")) for t in TYPES]


class StatusFilter(AnyOf):
    """By Lead.pro's status."""

    title, parameter_name, column = "status", "status", "status"

    def options(self, request: HttpRequest) -> Choices:
        """The statuses of the accounts; names need not be unique."""
        names = Status.objects.order_by("stage__stage_id", "status_id").values_list("name", flat=True)
        return [(n, n) for n in dict.fromkeys(names)]


class StageFilter(AnyOf):
    """By stage of the pipeline."""

    title, parameter_name, column = "stage", "stage", "stage"

    def options(self, request: HttpRequest) -> Choices:
        """Stages whose name is known."""
        names = Stage.objects.exclude(name=None).order_by("stage_id").values_list("name", flat=True)
        return [(n, n) for n in dict.fromkeys(names) if n]


class OfficeFilter(AnyOf):
    """By office; only those the person may see."""

    title, parameter_name, column = "office", "office", "office_id"

    def options(self, request: HttpRequest) -> Choices:
        """Offices by name."""
        scope = viewer_of(request).scope
        offices = (
            Office.objects.all()
            if scope.everything
            else Office.objects.filter(office_id__in=scope.office_ids)
        )
        return [(str(n), name) for n, name in offices.order_by("name").values_list("office_id", "name")]

    def chosen(self) -> list[str]:
        """Numbers only."""
        return [v for v in super().chosen() if v.isdigit()]


class SourceFilter(AnyOf):
    """By where the enquiry came from."""

    title, parameter_name, column = "source", "source", "source"

    def options(self, request: HttpRequest) -> Choices:
        """The documented sources, and a choice for all others."""
        return [*((s, s.replace("_", " ")) for s in SOURCES), (OTHER, "anything else")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        """Any of the chosen sources; "anything else" is what no document lists."""
        chosen = self.chosen()
        if OTHER not in chosen:
            return super().queryset(request, queryset)
        return queryset.exclude(source__in=[s for s in SOURCES if s not in chosen])


class StateFilter(AnyOf):
    """By how the copy here stands to Lead.pro."""

    title, parameter_name, column = "state", "state", "sync_state"

    def options(self, request: HttpRequest) -> Choices:
        """The five states."""
        return [(value, str(words)) for value, words in SyncState.choices]


class OriginFilter(AnyOf):
    """By where the lead first came from."""

    title, parameter_name, column = "origin", "origin", "origin"

    def options(self, request: HttpRequest) -> Choices:
        """The five origins."""
        return [(value, str(words)) for value, words in Origin.choices]


def day_start(text: str | None) -> datetime | None:
    """Local midnight of a day as the date picker writes it."""
    for pattern in DAY_PATTERNS:
        try:
            return timezone.make_aware(datetime.strptime(text or "", pattern))  # noqa: DTZ007 - made aware here
        except ValueError:
            continue
    return None


class EnquiredFilter(RangeDateFilter):  # type: ignore[misc]
    """By the day of the enquiry, both days included. ``listed_at`` is that moment, and indexed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "day of enquiry"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        """Leads of those days."""
        start = day_start(self.used_parameters.get(f"{self.parameter_name}_from"))
        end = day_start(self.used_parameters.get(f"{self.parameter_name}_to"))
        if start:
            queryset = queryset.filter(listed_at__gte=start)
        if end:
            queryset = queryset.filter(listed_at__lt=end + timedelta(days=1))
        return queryset
