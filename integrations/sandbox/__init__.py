"""The remotes as one local HTTP server: stateful, faithful to the vendors' pages, with faults on demand.

Written from the documents alone: nothing here imports a client, the mirror or Django. Standard library only.
It listens on the loopback interface; Lead.pro hangs at ``/api/v103``, AVIV at ``/sandbox/seeker-leads/v1`` with
its tokens at ``/oauth/token``, AlterEstate at ``/alterestate/api/v1``, the control plane at ``/_sandbox``.

In the same process::

    with Sandbox(lookup_delay=5, patch_meta="replace") as box:  # readings: leadpro/readings.py
        box.leadpro_url, box.api_key                            # for the client under test
        lead = box.add_lead(email="ada@example.org")            # as a portal delivers it
        box.staff_edit(lead["id"], status="Contacted")          # as staff do, without the API
        box.fault("drop_after", "POST", "/leads")               # the next POST is applied, its answer lost
        box.fault("status", path="/leads/*", status=500, times=3)  # all actions and details: faults.py
        box.leads, box.lead(lead["id"]), box.log, box.requests("POST", "/leads"), box.stats()

The other remotes: methods in aviv/methods.py and alterestate/methods.py, readings in their readings.py::

    with Sandbox(aviv={"order": "descending"}, alterestate={"duplicates": "refuse"}) as box:
        box.aviv_url, box.aviv_token_url, box.aviv_client_id, box.aviv_client_secret
        lead = box.add_aviv_lead("AGENCY", seekerIntention="SELL")  # nested, as AVIV shows it
        box.erase_aviv(lead["metadata"]["leadId"]); box.seed_aviv(days=120, leads=25_000)
        box.fault("status", "GET", "/leads", remote="aviv", status=500)
        box.requests("GET", "/leads", remote="aviv"), box.stats()["aviv"]["rate_violations"]
        box.alterestate_url, box.alterestate_api_key, box.alterestate_deals, box.alterestate_notices

In a process of its own: ``python -m integrations.sandbox --port 8100 --leads 2000 --life 12``, and from
elsewhere ``SandboxControl("http://127.0.0.1:8100")`` with methods of the same names.

Rooms: ``server`` and ``wire`` (HTTP), ``faults`` and ``misbehaving`` (what goes wrong), ``log``, ``clock``,
``people``, ``switches`` (readings), ``state`` (what is kept), ``pulse`` (life), ``control_face`` and ``control``
(the control plane and its client), ``box`` (all of it together), and a folder for each remote with its state,
rules, calls and life.
"""

from .box import Sandbox
from .control import SandboxControl
from .state import StateInUse

__all__ = ["Sandbox", "SandboxControl", "StateInUse"]
