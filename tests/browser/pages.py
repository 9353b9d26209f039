"""Where things stand on the admin's pages, in the words that people read."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

CONFIRMED = "Confirmed at"


def open_lead(page: Page, lead: dict) -> None:
    """The page of a mirrored lead."""
    page.goto(f"/admin/leads/lead/{lead['mirror_id']}/change/")
    expect(page.get_by_role("heading", name=lead["full_name"], level=2)).to_be_visible()


def story(page: Page) -> Locator:
    """The sentence in the head of a lead: how far it got."""
    return page.locator("[data-story]")


def field(page: Page, name: str) -> Locator:
    """The cell of a field: label, input or value, note, errors."""
    return page.locator(f"[data-field={name}]")


def save(page: Page) -> None:
    """Press the button that saves and sends."""
    page.get_by_role("button", name="and send").click()


def tab(page: Page, name: str) -> Locator:
    """Open a tab of a lead; its panel."""
    page.get_by_role("tablist").get_by_role("link", name=name).click()
    panel = page.locator(f"#panel-{name.lower()}")
    expect(panel).to_be_visible()
    return panel


def mark(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    page.evaluate("window.notReloaded = true")


def expect_not_reloaded(page: Page) -> None:
    """What changed on the page, changed by itself."""
    assert page.evaluate("window.notReloaded === true")


def search(page: Page, text: str) -> None:
    """In the list of leads."""
    box = page.get_by_role("textbox", name="Name, e-mail, phone in any spelling")
    box.fill(text)
    box.press("Enter")
