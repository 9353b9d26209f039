"""Hypothesis drives the real models: people on both sides, faults, deaths and time, in any order."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from integrations.errors import NotFound, OutcomeUnknown, RateLimited, RemoteFailing, TransientError
from leads.models import Conflict, Connection, Lead, Push, Remote
from leads.sync import pushing
from leads.sync.delivering import engine
from leads.sync.delivering.ports import Create, Desk, Get, LookUp, NotTried, Patch, Reply, Rules
from leads.sync.outbox import Outbox
from leads.sync.pushing import CannotPush
from tests.simulation.harness import PERSON
from tests.simulation.remote import Remote as LeadPro
from tests.sync.scripted import RULES, START

FAULTS = [
    "ok",
    "ok",
    "ok",
    "not sent",
    "busy",
    "lost",
    "answer lost",
    "late",
    "dies before",
    "dies after",
    "not tried",
]
TEXTS = st.sampled_from(["one", "two", "three"])
FIELDS = st.sampled_from(["status", "address", "postcode", "utm_source"])


class Death(BaseException):
    """The worker is gone."""


class Deliveries(RuleBasedStateMachine):
    """One connection of the database and a Lead.pro in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = Connection.objects.create(remote=Remote.LEADPRO, name="Lead.pro")
        self.remote = LeadPro(replaces_meta=True, says_404=False, hides_lookup=False)
        self.seconds = 0.0
        self.late: list[tuple[float, Any]] = []
        self.read_at = 0.0
        self.pairs: dict[int, list[list[str]]] = {}

    def now(self):
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    @rule(seconds=st.sampled_from([1, 10, 40, 100, 700]))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds
        due = [call for at, call in self.late if at <= self.seconds]
        self.late = [(at, call) for at, call in self.late if at > self.seconds]
        for call in due:
            self.take_effect(call)

    @rule()
    def somebody_enters_a_lead(self) -> None:
        pushing.request_create(PERSON, connection=self.connection, now=self.now())

    def leads(self) -> list[Lead]:
        return list(Lead.objects.filter(pushes__connection=self.connection).distinct().order_by("id"))

    @precondition(lambda self: self.leads())
    @rule(data=st.data(), name=FIELDS, text=TEXTS)
    def somebody_edits_a_lead(self, data: Any, name: str, text: str) -> None:
        self.edit(data.draw(st.sampled_from(self.leads())), {name: text})

    @precondition(lambda self: self.leads())
    @rule(data=st.data(), text=TEXTS)
    def somebody_adds_an_answer(self, data: Any, text: str) -> None:
        lead = data.draw(st.sampled_from(self.leads()))
        if self.edit(lead, {"questionnaire": [["Which?", text]]}):
            self.pairs.setdefault(lead.pk, []).append(["Which?", text])

    def edit(self, lead: Lead, changes: dict[str, Any]) -> bool:
        try:
            pushing.request_update(lead, changes, now=self.now(), connection=self.connection)
        except CannotPush:
            return False
        return True

    @precondition(lambda self: self.remote.leads)
    @rule(data=st.data(), name=FIELDS, text=TEXTS)
    def staff_edits_a_lead(self, data: Any, name: str, text: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.remote.leads)))
        self.remote.staff_edit(number, name, f"staff {text}", self.seconds)

    @rule(choice=st.sampled_from(["mine", "theirs"]))
    def somebody_decides(self, choice: str) -> None:
        for conflict in Conflict.objects.filter(push__connection=self.connection, decided_at__isnull=True)[
            :1
        ]:
            with suppress(CannotPush):
                pushing.resolve(conflict.push, {conflict.field: choice}, "Grace", self.now())

    @rule()
    def somebody_tries_again(self) -> None:
        for push in Push.objects.filter(connection=self.connection, state=Push.NEEDS_ATTENTION):
            with suppress(CannotPush):
                pushing.retry(push, "Grace", self.now())

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=6))
    def a_worker_delivers(self, faults: list[str]) -> None:
        desk = Desk(Outbox(self.connection), self, Rules(**RULES), random.Random(1))
        steps = engine.deliver_many(desk, limit=4)
        waiting = list(faults)
        try:
            call = next(steps)
            while True:
                answer = self.answer(call, waiting.pop(0) if waiting else "ok")
                call = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
        except (StopIteration, Death):
            return

    def answer(self, call: Any, fault: str) -> Any:
        self.seconds += 0.1
        if fault == "dies before":
            raise Death
        if not isinstance(call, (Create, Patch)):
            return self.read(call, fault)
        assert self.seconds < call.write_before
        refused = {
            "not sent": TransientError("Not sent."),
            "busy": RateLimited("Busy.", status=429),
            "lost": OutcomeUnknown("Lost."),
            "not tried": NotTried("Spent.", 1.0),
        }
        if fault in refused:
            return refused[fault]
        if fault == "late":
            self.late.append((self.seconds + 300, call))
            return OutcomeUnknown("No answer.")
        data = self.take_effect(call)
        if fault == "dies after":
            raise Death
        return OutcomeUnknown("Lost.") if fault == "answer lost" else Reply(data, self.now())

    def read(self, call: Any, fault: str) -> Any:
        if fault not in ("ok", "late"):
            return NotTried("Spent.", 1.0) if fault == "not tried" else RemoteFailing("Failing.", status=503)
        self.read_at = self.seconds
        if isinstance(call, Get):
            data = self.remote.get(call.lead_id)
            return Reply(data, self.now()) if data else NotFound("None.")
        if isinstance(call, LookUp):
            rows, status = self.remote.find(call.by, call.value)
            return Reply(rows, self.now(), status)
        return None

    def take_effect(self, call: Any) -> Any:
        if isinstance(call, Patch):
            return self.remote.patch(call.lead_id, dict(call.payload), {}, self.read_at)
        return self.remote.create(dict(call.payload))

    @invariant()
    def nothing_is_doubled(self) -> None:
        tokens = Counter(lead.values["meta"]["leadmirror"] for lead in self.remote.leads.values())
        assert not [token for token, times in tokens.items() if times > 1]
        for lead in self.remote.leads.values():
            counts = Counter(tuple(pair) for pair in lead.values.get("questionnaire") or [])
            assert all(times == 1 for times in counts.values()), counts

    @invariant()
    def what_waits_for_a_person_says_why(self) -> None:
        stuck = Push.objects.filter(connection=self.connection, state=Push.NEEDS_ATTENTION)
        assert not stuck.filter(problem="").exists()

    def teardown(self) -> None:
        for _ in range(60):
            self.time_passes(700)
            self.somebody_decides("mine")
            self.somebody_tries_again()
            self.a_worker_delivers([])
            if not Push.objects.filter(connection=self.connection, state__in=Push.OPEN).exists():
                break
        self.nothing_is_doubled()
        left = Push.objects.filter(connection=self.connection, state__in=Push.OPEN)
        assert not left.exists(), list(left.values("kind", "state", "problem", "edits", "plan"))
        assert (
            len(self.remote.leads) == Push.objects.filter(connection=self.connection, kind="create").count()
        )
        for lead_id, pairs in self.pairs.items():
            remote = self.remote.leads[Lead.objects.get(pk=lead_id).leadpro_id or 0]
            assert all(pair in (remote.values.get("questionnaire") or []) for pair in pairs)


@pytest.mark.django_db
@pytest.mark.timeout(300)
def test_no_order_of_events_loses_or_doubles_anything():
    run_state_machine_as_test(
        Deliveries,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
