"""How fast what was read becomes rows: pages of payloads, and whole refreshes over HTTP.

Beside ``store``: Django's ``update_or_create`` per lead, with a change row where something changed. Beside
``refresh_remote_id``: a bare loop of ``requests`` and ``json`` over the same server.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks._harness import run_on_each_database, set_up

PAGE, PAGES, READS = 500, 8, 400
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def payloads(page: int, **changes: Any) -> list[dict[str, Any]]:
    from tests.sync.payloads import lead_object

    ids = range(1 + page * PAGE, 1 + (page + 1) * PAGE)
    return [lead_object(n, email=f"p{n}@example.org", message="m" * 200, **changes) for n in ids]


def rate(work: Callable[[int], None], pages: int = PAGES) -> float:
    """Rows a second over whole pages."""
    began = time.perf_counter()
    for page in range(pages):
        work(page)
    return pages * PAGE / (time.perf_counter() - began)


def measure_pages(database: str) -> None:
    from leads.models import Cause, Connection
    from leads.sync.storing import Seen, store

    account = Connection.objects.create(remote="leadpro", name="bench", base_url="http://127.0.0.1:9")
    at = iter(START + timedelta(minutes=n) for n in range(10_000))

    def ours(**changes: Any) -> Callable[[int], None]:
        def work(page: int) -> None:
            moment = next(at)
            store(account, [Seen(p, moment) for p in payloads(page, **changes)], Cause.REFRESH, now=moment)

        return work

    def report(what: str, mine: float, plain: float) -> None:
        print(
            f"{database:10} {what:22} {mine:8.0f} rows/s   update_or_create {plain:6.0f}   ratio {mine / plain:5.1f}"
        )

    new = rate(ours())
    plain = Plain(account)
    report("new", new, rate(plain.write(), pages=2))
    report("unchanged", rate(ours()), rate(plain.write(), pages=2))
    report(
        "changed, with history",
        rate(ours(status="Contacted", stage="In progress")),
        rate(plain.write(status="Contacted", stage="In progress"), pages=2),
    )


class Plain:
    """The alternative: parse, ``update_or_create``, and a change row where a column moved."""

    def __init__(self, account: Any) -> None:
        from leads.models import Connection

        self.account = Connection.objects.create(remote="leadpro", name="plain", base_url=account.base_url)

    def write(self, **changes: Any) -> Callable[[int], None]:
        from django.db import transaction

        def work(page: int) -> None:
            with transaction.atomic():
                for payload in payloads(page, **changes):
                    self.write_one(payload)

        return work

    def write_one(self, payload: dict[str, Any]) -> None:
        from integrations.leadpro.payloads import parse_lead
        from leads.models import Change, Copy, Lead
        from leads.models.values import json_value

        parsed = parse_lead(payload)
        copy = Copy.objects.filter(connection=self.account, remote_id=str(parsed.leadpro_id)).first()
        before = Lead.objects.get(pk=copy.lead_id) if copy else None
        times = {"listed_at": START, "first_seen_at": START, "changed_at": START}
        lead, _ = Lead.objects.update_or_create(
            leadpro_id=parsed.leadpro_id,
            origin="import",
            defaults={**parsed.values, **times},
        )
        seen = {"lead": lead, "raw": payload, "as_of": START, "seen_at": START, "changed_at": START}
        Copy.objects.update_or_create(
            connection=self.account, remote_id=str(parsed.leadpro_id), defaults=seen, create_defaults=seen
        )
        diff = {n: [json_value(getattr(before, n, None)), json_value(v)] for n, v in parsed.values.items()}
        diff = {n: pair for n, pair in diff.items() if pair[0] != pair[1]}
        if diff:
            Change.objects.create(at=START, lead=lead, cause="refresh", fields=diff)


def measure_refresh(database: str) -> None:
    """Unchanged leads, one process: from a server that answers at once, and from one that takes 20 ms as remotes do."""
    from integrations.sandbox import SandboxControl
    from leads.models import Cause, Connection, Lane
    from leads.sync.refreshing import refresh_remote_id

    with running_sandbox() as (url, key):
        control = SandboxControl(url)
        account = Connection(
            remote="leadpro", name="http", base_url=f"{url}/api/v103", requests_per_minute=6_000_000
        )
        account.set_secret(key)
        account.save()
        ids = [lead["id"] for lead in control.leads(limit=READS)][:READS]

        def refresh(leadpro_id: int) -> object:
            return refresh_remote_id(account, leadpro_id, Lane.BULK, Cause.REFRESH)

        for leadpro_id in ids:
            refresh(leadpro_id)
        for latency, reads in ((0.0, READS), (0.02, READS // 4)):
            control.set_readings(latency=latency)
            bare, ours = compare(bare_read(url, key), refresh, ids[:reads])
            what = f"refresh, {1000 * latency:.0f} ms away"
            print(
                f"{database:10} {what:22} {ours:8.0f} leads/s  requests + json  {bare:6.0f}   ratio {ours / bare:5.2f}"
            )


def bare_read(url: str, key: str) -> Callable[[int], object]:
    """The alternative: a session of ``requests`` and its JSON, nothing else."""
    import requests

    session = requests.Session()
    return lambda n: session.get(f"{url}/api/v103/leads/{n}", headers={"x-api-key": key}, timeout=10).json()


def compare(
    one: Callable[[int], object], other: Callable[[int], object], ids: list[int]
) -> tuple[float, float]:
    """Leads a second of both, in turn, the pair of median ratio of five."""
    pairs = []
    for _ in range(5):
        rates = []
        for work in (one, other):
            began = time.perf_counter()
            for leadpro_id in ids:
                work(leadpro_id)
            rates.append(len(ids) / (time.perf_counter() - began))
        pairs.append((rates[0], rates[1]))
    return sorted(pairs, key=lambda pair: pair[1] / pair[0])[2]


def running_sandbox() -> Any:
    """The sandbox in a process of its own, with some leads."""
    import subprocess
    from contextlib import contextmanager

    from integrations.sandbox import SandboxControl

    @contextmanager
    def running() -> Any:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "integrations.sandbox", "--port", str(port), "--api-key", "bench"]
        process = subprocess.Popen([*command, "--leads", str(READS)], stdout=subprocess.DEVNULL)
        try:
            SandboxControl(f"http://127.0.0.1:{port}").wait_ready(20)
            yield f"http://127.0.0.1:{port}", "bench"
        finally:
            process.terminate()
            process.wait(10)

    return running()


if __name__ == "__main__":
    if "--database" in sys.argv:
        set_up()
        name = sys.argv[sys.argv.index("--database") + 1]
        measure_pages(name)
        measure_refresh(name)
    else:
        run_on_each_database("benchmarks.storing")
