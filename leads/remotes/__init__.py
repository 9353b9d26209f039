"""The one place where settings and connections meet clients: budget, pause, health, then the call."""

from leads.remotes.doors import BudgetSpent, ConnectionPaused, InsideTransaction, NotConnected
from leads.remotes.leadpro import LeadPro, check_connection, open_leadpro

__all__ = [
    "BudgetSpent",
    "ConnectionPaused",
    "InsideTransaction",
    "LeadPro",
    "NotConnected",
    "check_connection",
    "open_leadpro",
]
