"""kill -9 around a push, at the worst moments: the sandbox has each lead and each answer once, and all is done.

With CAMPAIGN set a worker dies at every crash point of `leads.sync.crashpoints`, on every broker.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from leads.sync.crashpoints import NAMES
from tests.processes.harness import House, person, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(400)]

IS_CAMPAIGN = bool(os.environ.get("CAMPAIGN"))
#: Where a worker dies. ``held``: the request is applied and its answer on the way; nobody reads it.
MOMENTS: tuple[str, ...] = (
    "deliver:before_claim",
    "create:claimed",
    "create:before_send",
    "held",
    "create:after_send",
    "create:recorded",
)
UPDATE_MOMENTS: tuple[str, ...] = (
    "update:planned",
    "update:before_send",
    "update:after_send",
    "update:recorded",
)
if IS_CAMPAIGN:
    MOMENTS = (*MOMENTS, "create:settled", *(name for name in NAMES if name.startswith("lookup:")))
    UPDATE_MOMENTS = tuple(name for name in NAMES if name.startswith("update:"))
BROKERS_OF_UPDATES = ["filesystem", "redis", "rabbitmq"] if IS_CAMPAIGN else ["filesystem"]


def die_at(house: House, moment: str, number: int) -> None:
    """Save a lead beside a worker that dies over it."""
    if moment == "held":
        die_while_the_answer_is_on_its_way(house, number)
    elif moment.startswith("lookup:"):
        # A push that was in the hands of five dead workers, one after the other, is put aside: that is not asked here.
        healthy = house.start_worker(ready=False)
        house.wait_for_pushes(number)
        healthy.kill()
        die_at(house, "held" if moment == "lookup:after_email" else "create:before_send", number)
        house.start_worker(ready=False, LEADMIRROR_CRASHPOINT=f"{moment}:1").wait_for_its_death()
    else:
        worker = house.start_worker(ready=False, LEADMIRROR_CRASHPOINT=f"{moment}:1")
        house.ask("save_lead", values=person(number))
        worker.wait_for_its_death()


def die_while_the_answer_is_on_its_way(house: House, number: int) -> None:
    house.box.fault("delay", "POST", "/leads", seconds=1.5, when="after")
    before = len(house.box.leads())
    worker = house.start_worker(ready=False)
    house.ask("save_lead", values=person(number))
    wait_until(lambda: len(house.box.leads()) > before, "a create is applied")
    worker.kill()
    house.box.clear_faults()


def assert_exactly_once(house: House, people: int) -> None:
    """Here and at Lead.pro, each of the first so many people is one lead, by one request."""
    house.wait_for_pushes(people)
    remote = house.box.leads()
    assert sorted(lead["email"] for lead in remote) == sorted(person(n)["email"] for n in range(people))
    pushes = house.ask("push_rows")
    assert {p["token"]: p["remote_id"] for p in pushes} == {
        lead["meta"]["leadmirror"]: str(lead["id"]) for lead in remote
    }
    tables = house.ask("table_counts")
    assert (tables["leads"], tables["copies"], tables["remote_ids"]) == (people, people, people)
    assert house.box.count("POST", "/leads") == people


def test_a_worker_killed_at_any_moment_of_a_create_neither_loses_nor_doubles_it(house: House) -> None:
    house.start_sandbox()
    for number, moment in enumerate(MOMENTS):
        die_at(house, moment, number)
    house.start_worker("survivor", ready=False)
    assert_exactly_once(house, len(MOMENTS))


#: An account whose leads show no answers at all would have a person decide about each unclear one.
ASKED = [["Is it sold?", "Not yet"]]


def edit_of(number: int) -> dict[str, Any]:
    return {
        "status": "Qualified",
        "questionnaire": [["When do you want to move?", f"In {number + 2} months"]],
    }


@pytest.mark.parametrize("broker_url", BROKERS_OF_UPDATES, indirect=True)
def test_a_worker_killed_at_any_moment_of_an_update_neither_loses_nor_doubles_an_answer(house: House) -> None:
    house.start_sandbox()
    people = [person(number) for number in range(len(UPDATE_MOMENTS))]
    ids = [house.box.add_lead(hook=False, **each, questionnaire=ASKED)["id"] for each in people]
    run = house.ask("start_import", leadpro_ids=ids)
    for number, moment in enumerate(UPDATE_MOMENTS):
        worker = house.start_worker(ready=False, LEADMIRROR_CRASHPOINT=f"{moment}:1")
        house.wait_for_run(run)
        house.ask("edit_lead", leadpro_id=ids[number], changes=edit_of(number))
        worker.wait_for_its_death()
    house.start_worker("survivor", ready=False)
    house.wait_for_pushes(len(ids))
    for number, leadpro_id in enumerate(ids):
        lead, edit = house.box.lead(leadpro_id), edit_of(number)
        assert (lead["status"], lead["questionnaire"]) == (edit["status"], [*ASKED, *edit["questionnaire"]])
    assert house.box.count("PATCH", "/leads/*") == len(ids)


def test_a_web_server_killed_around_a_save_and_a_broker_that_forgets_lose_nothing(house: House) -> None:
    house.start_sandbox()
    web = house.start_web(LEADMIRROR_CRASHPOINT="request:in_transaction:1")
    # The process dies before the save is committed: the caller got no answer, and nothing is here.
    assert house.call("POST", "/api/v1/leads/", person(999))[0] == 0
    web.kill()
    assert house.ask("push_states") == {}
    web = house.start_web(LEADMIRROR_CRASHPOINT="request:committed:1")
    # It dies after the commit and before the doorbell: the row is here.
    assert house.call("POST", "/api/v1/leads/", person(0))[0] == 0
    web.kill()
    assert house.ask("push_states") == {"waiting": 1}
    house.start_web()
    for number in range(1, 5):
        # No worker is running: the save is answered all the same, and its doorbell waits in the broker.
        status, lead = house.call("POST", "/api/v1/leads/", person(number))
        assert (status, lead["sync"]["state"], lead["leadpro_id"]) == (202, "pending", None)
    assert house.ask("push_states") == {"waiting": 5}
    assert house.broker.count() == 4
    house.broker.lose_everything()
    assert house.broker.count() == 0
    worker = house.start_worker()
    house.wait_for_pushes(5)
    # Once more, under a worker that listens.
    house.broker.lose_everything()
    status, _ = house.call("POST", "/api/v1/leads/", person(5), Prefer="wait=20")
    assert (status, worker.is_alive) == (201, True)
    assert_exactly_once(house, 6)
