"""One house for all browser tests, a browser, and pages that remember everything a page should never do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.watching import Watch
from tests.conftest import SANDBOX_KEY, miss
from tests.processes.harness import House, wait_until
from tests.services import find_chromium

USERNAME, PASSWORD = "manager", "a-long-invented-password-1"
#: The browser talks to this machine only.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000
Mirror = Callable[..., dict[str, Any]]


@contextmanager
def open_house(folder: Path, **env: str) -> Iterator[House]:
    """Sandbox, web server, and worker with beat, over SQLite and files as broker. Everything ends with the block."""
    house = House(
        {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            "SECRET_KEY": "tests-only",
            "FIELD_ENCRYPTION_KEYS": "tests-only-encryption",
            "HASH_KEY": "tests-only-hash",
            "VAR_DIR": str(folder / "var"),
            "CELERY_BROKER_URL": "filesystem://",
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "ADMIN_USERNAME": USERNAME,
            "ADMIN_PASSWORD": PASSWORD,
            "REQUIRE_SECOND_FACTOR": "none",
        },
        folder,
    )
    house.env |= env
    try:
        house.start_sandbox()
        house.command("bootstrap")
        house.start_worker(ready=False)
        house.start_web()
        yield house
    finally:
        house.stop()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Web server, worker with beat, sandbox; connected by the environment, offices and statuses known."""
    with open_house(tmp_path_factory.mktemp("house"), LEADPRO_API_KEY=SANDBOX_KEY) as house:
        wait_until(lambda: all(house.ask("reference_counts")), "offices and statuses are known")
        yield house


@pytest.fixture
def bare_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that no remote is connected to."""
    with open_house(tmp_path_factory.mktemp("bare"), LEADPRO_API_KEY="") as house:
        yield house


@pytest.fixture(autouse=True)
def _kind_sandbox(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the shared sandbox as it was found."""
    yield
    if "house" in request.fixturenames:
        box = request.getfixturevalue("house").box
        box.clear_faults()
        box.set_readings(latency=0.0)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = find_chromium() or miss("no Chromium is installed (CHROMIUM)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Sees every page of the test, and fails it for what no page should do."""
    watch = Watch()
    yield watch
    watch.check()


@pytest.fixture
def open_browser(
    browser: Browser, watch: Watch, tmp_path: Path
) -> Iterator[Callable[[House], BrowserContext]]:
    """A new, empty browser profile for a house."""
    contexts = []

    def open_for(house: House) -> BrowserContext:
        context = browser.new_context(
            base_url=f"http://127.0.0.1:{house.port}", viewport={"width": 1400, "height": 900}
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", watch.follow)
        contexts.append(context)
        return context

    yield open_for
    for context in contexts:
        context.close()


def log_in(page: Page, username: str = USERNAME, password: str = PASSWORD) -> None:
    """As people do."""
    page.goto("/admin/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url("/admin/")


@pytest.fixture(scope="session")
def cookies(house: House, browser: Browser) -> list[Any]:
    """A session of the manager, so that not every test types the password."""
    with browser.new_context(base_url=f"http://127.0.0.1:{house.port}") as context:
        log_in(context.new_page())
        return list(context.cookies())


@pytest.fixture
def page(house: House, open_browser: Callable[[House], BrowserContext], cookies: list[Any]) -> Page:
    """A page of the manager, logged in."""
    context = open_browser(house)
    context.add_cookies(cookies)
    return context.new_page()


@pytest.fixture
def mirror(house: House) -> Mirror:
    """Make a lead at Lead.pro and have it read into the mirror: Lead.pro's lead, and ours as ``mirror_id``."""

    def make(**fields: Any) -> dict[str, Any]:
        lead = house.box.add_lead(**fields)
        run = house.ask("start_import", leadpro_ids=[lead["id"]])
        wait_until(lambda: house.ask("run_counts", run_id=run)["state"] == "done", "the lead is mirrored")
        return {**lead, "mirror_id": house.ask("find_lead", leadpro_id=lead["id"])["id"]}

    return make
