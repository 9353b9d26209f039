"""The admin that managers work in: thin faces that call the journeys of leads.sync."""

from leads.admin import (  # noqa: F401 - importing a module registers its page
    access,
    apikey,
    conflict,
    connection,
    delivery,
    erasure,
    group,
    lead,
    office,
    push,
    rule,
    run,
    stage,
    status,
    user,
)
