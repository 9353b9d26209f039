"""The admin that managers work in: thin faces that call the journeys of leads.sync."""

from leads.admin import (  # noqa: F401 - importing a module registers its page
    access,
    apikey,
    conflict,
    connection,
    delivery,
    group,
    lead,
    office,
    push,
    run,
    stage,
    status,
    user,
)
