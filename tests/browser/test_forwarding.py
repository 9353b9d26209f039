"""A manager makes two rules, tries them first, and sees portal leads go to Lead.pro and to AlterEstate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from integrations.sandbox import Sandbox
from tests.browser.conftest import log_in, open_house
from tests.browser.pages import expect_not_reloaded, field, mark, search, story, tab
from tests.conftest import SANDBOX_KEY
from tests.processes.harness import House, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(300)]
SLOW_MS = 60_000


@pytest.fixture
def portal_house(sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    """Lead.pro, AVIV and AlterEstate from the environment."""
    sandbox.alterestate.readings.change(duplicates="refuse")
    with open_house(
        tmp_path,
        LEADPRO_API_KEY=SANDBOX_KEY,
        AVIV_BASE_URL=sandbox.aviv_url,
        AVIV_AUDIENCE=sandbox.aviv_url,
        AVIV_TOKEN_URL=sandbox.aviv_token_url,
        AVIV_CLIENT_ID=sandbox.aviv_client_id,
        AVIV_CLIENT_SECRET=sandbox.aviv_client_secret,
        ALTERESTATE_BASE_URL=sandbox.alterestate_url,
        ALTERESTATE_API_KEY=sandbox.alterestate_api_key,
    ) as house:
        yield house


@pytest.fixture
def portal_page(portal_house: House, open_browser: Callable[[House], BrowserContext]) -> Page:
    page = open_browser(portal_house).new_page()
    log_in(page)
    return page


def arrive(house: House, sandbox: Sandbox, last_name: str, number: int, **fields: object) -> None:
    """A portal delivers a lead and it is pulled."""
    person = {"firstName": "Ada", "lastName": last_name, "email": f"ada{number}@example.org"}
    phone = {} if "phoneNumbers" in fields else {"phone": f"+447700900{number:03}"}
    sandbox.add_aviv_lead(**{**person, **phone, **fields})
    house.command("pull")


def make_rule(page: Page, name: str, target: str, **mapping: str) -> None:
    page.goto("/admin/leads/rule/add/")
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=origin][value=aviv]").check()
    page.locator("select[name=target]").select_option(label=target)
    for number, (there, text) in enumerate(mapping.items()):
        if number:
            page.get_by_role("button", name="Another").first.click()
        page.locator('input[name="wishes-0"]').nth(number).fill(there)
        page.locator('input[name="wishes-1"]').nth(number).fill(text)
    page.locator("input[name=is_on]").check(force=True)


def take_picture(page: Page, name: str) -> None:
    """Where somebody wants to look at it."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def open_by_name(page: Page, name: str) -> None:
    page.goto("/admin/leads/lead/")
    search(page, name)
    page.get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", name=name, level=2)).to_be_visible()


def test_rules_are_tried_made_and_followed(portal_house: House, portal_page: Page, sandbox: Sandbox) -> None:
    page = portal_page
    arrive(portal_house, sandbox, "Earlier", 1)
    make_rule(page, "Portals to Lead.pro", "Lead.pro", type="sale", source="{portal}")
    preview = page.locator("[data-try-live]")
    expect(preview).to_contain_text("would go")
    expect(preview).to_contain_text("SLG-FRA")
    page.get_by_role("button", name="Run it dry").click()
    expect(page.get_by_text("1 lead would have gone to Lead.pro.")).to_be_visible()
    take_picture(page, "rule-tried")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Portals to Lead.pro").first).to_be_visible()
    make_rule(page, "Portals to the CRM", "AlterEstate", form_name="{portal}")
    expect(preview).to_contain_text("form_name")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Portals to the CRM").first).to_be_visible()
    take_picture(page, "rules")

    sandbox.add_alterestate_contact("Ada Known", "+447700900002", "ada2@example.org")
    arrive(portal_house, sandbox, "Known", 2)
    arrive(portal_house, sandbox, "Fresh", 3)
    wait_until(lambda: portal_house.ask("push_states") == {"done": 3, "duplicate": 1}, "all of it went")
    assert {lead["last_name"] for lead in portal_house.box.leads()} == {"Known", "Fresh"}
    assert [one["full_name"] for one in sandbox.alterestate_contacts] == ["Ada Known", "Ada Fresh"]

    open_by_name(page, "Ada Known")
    expect(story(page)).to_contain_text("already")
    pushes = tab(page, "Pushes")
    expect(pushes).to_contain_text("AlterEstate")
    expect(pushes).to_contain_text("duplicate")
    expect(pushes).to_contain_text("Log LOG")
    expect(pushes).to_contain_text("by rule: Portals to Lead.pro")
    take_picture(page, "lead-duplicate")
    open_by_name(page, "Ada Fresh")
    expect(tab(page, "Copies")).to_contain_text("SLG-FRA")


def test_a_lead_that_would_be_refused_waits_to_be_mended(
    portal_house: House, portal_page: Page, sandbox: Sandbox
) -> None:
    page = portal_page
    make_rule(page, "Portals to the CRM", "AlterEstate")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Portals to the CRM").first).to_be_visible()
    arrive(portal_house, sandbox, "Unheard", 4, phoneNumbers=[])
    wait_until(lambda: portal_house.ask("push_states") == {"needs_attention": 1}, "it is parked")

    open_by_name(page, "Ada Unheard")
    expect(story(page)).to_contain_text("AlterEstate would refuse this lead. phone:")
    take_picture(page, "lead-parked")
    field(page, "phone").get_by_role("textbox").fill("07700 900444")
    page.get_by_role("button", name="Save here").click()
    mark(page)
    expect(story(page)).to_contain_text("In AlterEstate", timeout=SLOW_MS)
    expect_not_reloaded(page)
    take_picture(page, "lead-mended")
    assert [one["phone"] for one in sandbox.alterestate_contacts] == ["+447700900444"]
