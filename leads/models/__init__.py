"""One file per word of the design; QuerySets and named mutators inside. No model talks to a remote."""

from leads.models.access import Access, Scope
from leads.models.attempt import Attempt
from leads.models.budget import Budget, Lane, Send
from leads.models.change import Cause, Change
from leads.models.conflict import Conflict
from leads.models.connection import Connection, Remote
from leads.models.contact import Contact
from leads.models.copy import Copy
from leads.models.delivery import Delivery
from leads.models.erasure import Erasure
from leads.models.form import SavedBefore, SavedForm
from leads.models.heartbeat import Heartbeat
from leads.models.installation import Installation
from leads.models.key import ApiKey, StoredAnswer
from leads.models.lead import Lead, Origin, SyncState
from leads.models.push import Push
from leads.models.rate import RateWindow
from leads.models.reference import Office, Stage, Status
from leads.models.rule import Bookmark, Forward, Rule, RuleVersion
from leads.models.run import Run, RunItem
from leads.models.schedule import Audit, Schedule, Tally
from leads.models.slot import Slot
from leads.models.subscription import Subscription
from leads.models.token import AccessToken
from leads.models.window import Window

__all__ = [
    "Access",
    "AccessToken",
    "ApiKey",
    "Attempt",
    "Audit",
    "Bookmark",
    "Budget",
    "Cause",
    "Change",
    "Conflict",
    "Connection",
    "Contact",
    "Copy",
    "Delivery",
    "Erasure",
    "Forward",
    "Heartbeat",
    "Installation",
    "Lane",
    "Lead",
    "Office",
    "Origin",
    "Push",
    "RateWindow",
    "Remote",
    "Rule",
    "RuleVersion",
    "Run",
    "RunItem",
    "SavedBefore",
    "SavedForm",
    "Schedule",
    "Scope",
    "Send",
    "Slot",
    "Stage",
    "Status",
    "StoredAnswer",
    "Subscription",
    "SyncState",
    "Tally",
    "Window",
]
