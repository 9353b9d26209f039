"""Learns what Lead.pro does not publish: the names of stages, from leads that show a status and a stage."""

from __future__ import annotations

from leads.models import Connection, Stage, Status

_known: dict[int, set[tuple[str, str]]] = {}


def learn_stages(connection: Connection, shown: set[tuple[str, str]]) -> None:
    """Give stages the names that leads show. A status name that stands in two stages teaches nothing."""
    fresh = shown - _known.setdefault(connection.pk, set())
    for status, name in sorted(fresh):
        stages = set(
            Status.objects.filter(connection=connection, name=status, stage__isnull=False).values_list(
                "stage", flat=True
            )
        )
        if len(stages) == 1:
            Stage.objects.filter(pk__in=stages).exclude(name=name).update(name=name)
            _known[connection.pk].add((status, name))


def forget(connection: Connection) -> None:
    """After statuses were listed again: what was learnt may stand elsewhere now."""
    _known.pop(connection.pk, None)
