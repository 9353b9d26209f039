"""A manager asks how far the mirror can be trusted, sets the webhook up, and has a delivery answered again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Mirror
from tests.browser.pages import expect_not_reloaded, mark, open_lead
from tests.processes.harness import House

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _no_webhooks(house: House) -> Iterator[None]:
    yield
    house.box.set_webhook("")


def panel(page: Page) -> Locator:
    """What the dashboard says about freshness."""
    return page.get_by_role("region", name="Freshness of Lead.pro")


def test_the_dashboard_tells_what_is_believed_and_what_was_not_measured(
    house: House, page: Page, mirror: Mirror
) -> None:
    for name in ("Una", "Duo", "Tria"):
        mirror(first_name=name, last_name="Freshman")
    page.goto("/admin/")
    mark(page)
    house.ask("want_report")
    expect(panel(page)).to_contain_text(
        re.compile(r"Believed unchanged since last seen: (over )?\d+(\.\d)? % of \d+ leads?"), timeout=40_000
    )
    expect(panel(page)).to_contain_text(re.compile(r"not measured yet: \d+ of 30 audits"))
    expect(panel(page)).to_contain_text(re.compile(r"Budget used in 24 hours: .*calls"))
    expect(panel(page).get_by_role("img", name="All leads: expected")).to_be_visible()
    expect(panel(page)).to_contain_text("Lead.pro has no list of leads.")
    expect_not_reloaded(page)


def test_a_webhook_is_set_up_arrives_and_is_replayed(house: House, page: Page, mirror: Mirror) -> None:
    lead = mirror(first_name="Wendy", last_name="Hooks", status="New")
    page.goto("/admin/leads/connection/")
    page.get_by_role("link", name="Lead.pro").first.click()
    expect(page.get_by_role("heading", name="Webhook address")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    expect(page.locator(".lm-copy code")).to_have_text(address)

    house.box.set_webhook(f"http://127.0.0.1:{house.port}{urlsplit(address).path}")
    house.box.staff_edit(lead["id"], status="Contacted")
    open_lead(page, lead)
    expect(page.get_by_label("Status")).to_have_value("Contacted")
    expect(
        page.get_by_text(re.compile(r"Seen (just now|\d+ s ago) · will be looked at again"))
    ).to_be_visible()

    page.goto("/admin/leads/connection/")
    page.get_by_role("link", name="Lead.pro").first.click()
    expect(page.get_by_text("Webhooks arrive: the last one")).to_be_visible()
    page.get_by_role("link", name="Show them").click()
    search_deliveries(page, lead["id"])
    page.get_by_role("link", name="done").first.click()
    expect(page.get_by_text("lead.updated").first).to_be_visible()

    house.box.set_webhook("")
    house.box.staff_edit(lead["id"], status="Viewing booked")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("1 delivery waits again.")).to_be_visible()
    open_lead(page, lead)
    expect(page.get_by_label("Status")).to_have_value("Viewing booked")


def search_deliveries(page: Page, remote_id: int) -> None:
    """In the list of deliveries."""
    box = page.get_by_role("textbox", name="Type to search")
    box.fill(str(remote_id))
    box.press("Enter")
    expect(page.get_by_text("done").first).to_be_visible()
