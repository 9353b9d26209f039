"""The one place where settings and connections meet clients: budget, pause, health, then the call."""

from leads.remotes.alterestate import AlterEstate, open_alterestate
from leads.remotes.aviv import Aviv, StartLost, open_aviv
from leads.remotes.checks import check_connection
from leads.remotes.doors import BudgetSpent, ConnectionPaused, InsideTransaction, NotConnected
from leads.remotes.leadpro import LeadPro, open_leadpro

__all__ = [
    "AlterEstate",
    "Aviv",
    "BudgetSpent",
    "ConnectionPaused",
    "InsideTransaction",
    "LeadPro",
    "NotConnected",
    "StartLost",
    "check_connection",
    "open_alterestate",
    "open_aviv",
    "open_leadpro",
]
