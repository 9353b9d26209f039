"""Checks what a person or an app wants to send, against the rules of the remote and the offices and statuses that
its connection lists. Nothing is sent or saved here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.leadpro.checking import Checked, check_values
from integrations.leadpro.fields import Call
from leads.models import Connection, Office, Status

__all__ = ["Checked", "check"]


def check(
    values: Mapping[str, Any], call: Call | str, connection: Connection | None, *, partial: bool = False
) -> Checked:
    """Problems, warnings and the values cleaned as `pushing` takes them. With problems nothing may be pushed.

    ``partial``: required fields may be left out, as in an update. In an update ``questionnaire`` holds the pairs to
    add. Two queries at most; repeatable.
    """
    offices: dict[int, str] = {}
    if "office_id" in values:
        rows = Office.objects.filter(connection=connection, is_gone=False)
        offices = dict(rows.values_list("office_id", "name"))
    statuses: dict[int, str] = {}
    if "status" in values:
        listed = Status.objects.filter(connection=connection, is_gone=False)
        statuses = dict(listed.values_list("status_id", "name"))
    return check_values(values, Call(call), offices=offices, statuses=statuses, partial=partial)
