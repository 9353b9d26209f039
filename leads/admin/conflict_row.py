"""One conflict as the page of its lead shows it: before, mine and theirs side by side."""

from __future__ import annotations

import json
from typing import Any

from integrations.leadpro.fields import FIELDS, Call, Kind
from leads.admin.values import label_of, show
from leads.models import Conflict
from leads.sync.resolving import theirs_of


def conflict_row(conflict: Conflict) -> dict[str, Any]:
    """For the card. ``seen`` goes back with the choice: nobody decides over a value that they were not shown."""
    name, theirs = conflict.field, theirs_of(conflict)
    return {
        "conflict": conflict,
        "label": label_of(name),
        "before": show(name, conflict.base),
        "mine": show(name, conflict.mine),
        "theirs": show(name, theirs),
        "seen": json.dumps(theirs),
        "text": conflict.mine if isinstance(conflict.mine, str) else "",
        "takes_text": FIELDS[name].kind is Kind.TEXT if name in FIELDS else False,
        "is_changeable": name in FIELDS and Call.UPDATE in FIELDS[name].writes,
    }
