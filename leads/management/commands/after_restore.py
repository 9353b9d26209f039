"""Let a restored or copied database send again, without sending anything twice. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from leads.management.plain import PlainCommand
from leads.sync.restoring import after_restore


class Command(PlainCommand):
    """See the module."""

    help = (
        "After a backup is restored: open pushes are looked up before anything is sent, this installation's identity is"
        " adopted, and new ids start beyond everything handed out before. Then sending goes on. Forwarding rules are"
        " switched off: what they sent on since the backup is not known here. Safe to repeat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        restored = after_restore(timezone.now())
        ids = " ".join(f"{table.removeprefix('leads_')}_id={n}" for table, n in restored.highest_ids.items())
        self.stdout.write(f"looked_up_first={restored.looked_up_first} rules_off={restored.rules_off} {ids}")
