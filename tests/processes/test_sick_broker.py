"""A broker that refuses or hangs: a save is answered all the same, and what was saved is sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.processes.harness import House, free_port, person

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]

#: A form may take so long with a sick broker; measured it is about six seconds.
MOST_SECONDS = 15.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accepts and never answers."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                try:
                    kept.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield int(server.getsockname()[1])
        is_over.set()
        thread.join(5)
        for connection in kept:
            connection.close()


@pytest.mark.parametrize("scheme", ["redis://127.0.0.1:{}/0", "amqp://guest:guest@127.0.0.1:{}//"])
@pytest.mark.parametrize("illness", ["refuses", "hangs"])
def test_a_save_outlives_a_broker_that(
    illness: str, scheme: str, small_house: House, silent_port: int
) -> None:
    house = small_house
    house.start_sandbox()
    house.start_web(CELERY_BROKER_URL=scheme.format(silent_port if illness == "hangs" else free_port()))
    for number in range(2):
        began = time.monotonic()
        status, lead = house.call("POST", "/api/v1/leads/", person(number))
        assert time.monotonic() - began < MOST_SECONDS
        assert (status, lead["sync"]["state"]) == (202, "pending")
    assert house.ask("push_states") == {"waiting": 2}
    assert house.command("deliver").splitlines()[-1] == "done=2 waiting=0 unclear=0 needs_attention=0 left=0"
    assert sorted(lead["email"] for lead in house.box.leads()) == [person(n)["email"] for n in range(2)]
    assert house.box.count("POST", "/leads") == 2
