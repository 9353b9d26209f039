"""The sandbox as one object: the server, its remotes, and the direct methods that tests use."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from .alterestate.methods import AlterEstateMethods
from .alterestate.readings import Readings as AlterEstateReadings
from .aviv.methods import AvivMethods
from .aviv.readings import Readings as AvivReadings
from .clock import Clock
from .control_face import ControlFace
from .faults import Fault, FaultBook, parse_fault
from .leadpro import LeadPro
from .leadpro.export import write_export
from .leadpro.life import Life
from .leadpro.readings import Readings
from .leadpro.seeding import seed_leads
from .leadpro.shape import Lead
from .log import Entry
from .server import CONTROL_PREFIX, Mounted, SandboxServer

#: What a lead added by a test is, unless it says otherwise.
PLAIN_LEAD: Lead = {
    "type": "sale",
    "title": "Ms",
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "source": "rightmove",
    "advert_address": "1 Test Lane, Nottingham",
    "advert_postcode": "NG1 1AA",
    "message": "Is this still available?",
}


class Sandbox(AvivMethods, AlterEstateMethods):
    """A running sandbox. Use it as a context manager, or call ``start`` and ``stop``.

    ``port`` 0 takes a free one. ``leads`` are seeded only where ``state`` holds none yet. ``life`` is events
    a minute, 0 for none. ``clock_scale`` sandbox seconds pass in a real one. Further keywords are readings of
    Lead.pro's documents; those of the others are given together, as ``aviv={"order": "descending"}``.
    """

    def __init__(
        self,
        port: int = 0,
        api_key: str = "sandbox-key",
        leads: int = 0,
        seed: int = 1,
        *,
        life: float = 0.0,
        clock_scale: float = 1.0,
        webhook_url: str = "",
        export: str = "",
        state: str = "",
        aviv: dict[str, Any] | None = None,
        aviv_leads: int = 0,
        aviv_days: int = 120,
        aviv_life: float = 0.0,
        alterestate: dict[str, Any] | None = None,
        **readings: Any,
    ) -> None:
        self.api_key = api_key
        self.export_path = export
        self.clock = Clock(clock_scale)
        self._seed = seed
        self._faults = FaultBook(seed)
        read = Readings.of(readings)
        aviv_read, alterestate_read = AvivReadings.of(aviv), AlterEstateReadings.of(alterestate)
        self.leadpro = LeadPro(api_key=api_key, clock=self.clock, readings=read, state=state, seed=seed)
        try:
            self.set_webhook(webhook_url)
            self.clock.not_before(float(self.leadpro.store.get_fact("clock") or 0))
            self.build_aviv(self.clock, state=state, seed=seed, life=aviv_life, readings=aviv_read)
            self.build_alterestate(state=state, readings=alterestate_read)
            self._fill(leads)
            self.fill_aviv(aviv_days, aviv_leads, seed)
            self.life = Life(self.leadpro, rate=life, seed=seed)
            self.server = SandboxServer(port, self._list_remotes(), ControlFace(self), self._faults)
        except BaseException:
            self._close()
            raise

    def _fill(self, leads: int) -> None:
        if leads and not self.leadpro.store.count():
            seed_leads(self.leadpro, leads, self._seed)
        if self.export_path:
            self.write_export()

    def _list_remotes(self) -> list[Mounted]:
        return [self.leadpro, self.aviv, self.aviv.desk, self.alterestate]

    def _close(self) -> None:
        for remote in (self.leadpro, getattr(self, "aviv", None), getattr(self, "alterestate", None)):
            if remote is not None:
                remote.close()

    def start(self) -> Self:
        """Serve, and let life begin."""
        self.server.start()
        self.life.start()
        self.aviv_life.start()
        return self

    def stop(self) -> None:
        """Stop everything that was started. The state file, if any, keeps the leads."""
        self.life.stop()
        self.aviv_life.stop()
        self.server.stop()
        self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def leadpro_url(self) -> str:
        """The base URL of the imitated Lead.pro, without a trailing slash."""
        return self.url + self.leadpro.prefix

    @property
    def control_url(self) -> str:
        """The base URL of the control plane."""
        return self.url + CONTROL_PREFIX

    @property
    def leads(self) -> list[Lead]:
        """Every lead as Lead.pro holds it, all 58 keys, oldest first; copies."""
        return list(self.leadpro.store.iter_all())

    def lead(self, lead_id: int) -> Lead | None:
        """One lead as Lead.pro holds it, or None."""
        return self.leadpro.store.find(lead_id)

    def next_action(self, lead_id: int) -> str | None:
        """The ``next_action_date`` last accepted, which no call shows."""
        return self.leadpro.store.find_next_action(lead_id)

    def add_lead(self, *, hook: bool = True, **fields: Any) -> Lead:
        """A new lead as a portal delivers it: no limits hold.
        Fields not named are those of an invented Ada Example.
        """
        return self.leadpro.add({**PLAIN_LEAD, **fields}, origin="portal", hook=hook)

    def staff_edit(self, lead_id: int, **fields: Any) -> Lead:
        """Change any field as staff do in the dashboard, without the API; ``lead.updated`` is sent.
        KeyError if gone.
        """
        lead = self.leadpro.change(lead_id, fields, staff=True)
        if lead is None:
            raise KeyError(lead_id)
        return lead

    def delete_lead(self, lead_id: int) -> bool:
        """Delete a lead in the dashboard: read by id it is 404 from now on. No webhook tells."""
        return self.leadpro.store.delete(lead_id)

    def add_status(self, name: str, stage_id: int = 50) -> int:
        """Add a status to the account; returns its id. A name may exist twice."""
        return self.leadpro.statuses.add(name, stage_id).id

    def set_api_key(self, *keys: str) -> None:
        """From now on these keys are accepted and no others."""
        self.leadpro.api_keys = set(keys)

    def set_readings(self, **readings: Any) -> None:
        """Change how the documents are read; see ``leadpro.readings``."""
        self.leadpro.readings.change(**readings)

    def set_webhook(self, url: str) -> None:
        """Where webhooks go: an http URL, or empty for nowhere."""
        if url and not url.startswith("http://"):
            raise ValueError("the sandbox sends webhooks to http:// only")
        self.leadpro.hooks.url = url

    def fault(self, action: str, method: str = "*", path: str = "*", **details: Any) -> Fault:
        """Set a fault for the next ``times`` requests that match, None for ever; details: ``faults``."""
        fault = parse_fault({"action": action, "method": method, "path": path, **details})
        if fault.action == "redirect" and not fault.location:
            fault.location = f"http://localhost:{self.server.port}{CONTROL_PREFIX}/elsewhere"
        return self._faults.add(fault)

    def clear_faults(self) -> None:
        """Forget every fault, and every request that was still to take effect."""
        self._faults.clear()
        self.server.forget_late()

    def fault_rows(self) -> list[dict[str, Any]]:
        """The faults still set."""
        return self._faults.rows()

    @property
    def log(self) -> list[Entry]:
        """Every request to a remote so far, in order of arrival; the control plane's own are not in it."""
        return self.server.log.find()

    def requests(self, method: str = "*", path: str = "*", *, remote: str = "*") -> list[Entry]:
        """The log's entries for a method, a path (without prefix) and a remote, each with ``*`` as a wild card."""
        return self.server.log.find(method, path, remote=remote)

    def clear_log(self) -> None:
        """Forget the log."""
        self.server.log.clear()

    def write_export(self, path: str = "") -> int:
        """Write the dashboard's export; returns the number of leads in it."""
        return write_export(self.leadpro.store.iter_all(), path or self.export_path)

    def reset(self, leads: int = 0) -> None:
        """As new: ``leads`` seeded leads of Lead.pro, nothing else, no log, no faults, all by default."""
        self.clear_faults()
        self.leadpro.store.clear()
        self.leadpro.readings.change(**Readings().as_dict())
        self.leadpro.api_keys = {self.api_key}
        self.leadpro.statuses.reset()
        self.reset_aviv()
        self.reset_alterestate()
        self.clear_log()
        self._fill(leads)

    def stats(self) -> dict[str, Any]:
        """Counts: leads, requests by status, most in flight at once, webhooks, life's events."""
        statuses: dict[str, int] = {}
        for entry in self.log:
            statuses[str(entry.status)] = statuses.get(str(entry.status), 0) + 1
        return {
            "leads": self.leadpro.store.count(),
            "requests": sum(statuses.values()),
            "statuses": statuses,
            "most_in_flight": self.server.log.most_in_flight,
            "webhooks": dict(self.leadpro.hooks.counts),
            "life": dict(self.life.counts),
            "clock": self.clock.now(),
            "aviv": self.aviv_stats(self.log),
            "alterestate": self.alterestate_stats(),
        }
