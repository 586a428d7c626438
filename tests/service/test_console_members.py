"""Keys and sites in the console, in a real Chromium: made, shown, changed and ended, by keyboard too."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from bench.service import Service
from tests.service.console import HOSTILE, Visit, assert_accessible


def caller(service: Service, key: str) -> httpx.Response:
    return httpx.get(f"{service.url}/v1/me", headers={"Authorization": f"Bearer {key}"})


def sites(service: Service, name: str) -> list[dict[str, Any]]:
    listed = service.http.get("/v1/sites").raise_for_status().json()["sites"]
    return [site for site in listed if site["name"] == name]


def test_a_key_is_made_shown_once_and_revoked(page: Page, visit: Visit, service: Service) -> None:
    visit("members")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog", name="New key")
    dialog.get_by_label("Name").fill("Intranet")
    dialog.get_by_label("Manages documents").check()
    dialog.get_by_label("Groups").fill("hr, board")
    assert_accessible(page)
    dialog.get_by_role("button", name="Create").click()

    shown = page.get_by_role("dialog", name="The key of “Intranet”")
    key = shown.get_by_label("The key").input_value()
    assert_accessible(page)
    shown.get_by_role("button", name="Done").click()
    body = caller(service, key).json()
    assert body["scopes"] == ["ask", "documents:read", "documents:write", "search"]
    assert body["groups"] == ["board", "hr"]
    row = page.get_by_test_id("row").filter(has_text="Intranet")
    expect(row).to_contain_text("Manages documents")
    assert key not in page.content()
    assert_accessible(page)

    row.get_by_role("button", name="Revoke Intranet").click()
    confirmation = page.get_by_role("dialog", name="Revoke the key “Intranet”?")
    expect(confirmation.get_by_role("button", name="Cancel")).to_be_focused()
    confirmation.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert caller(service, key).status_code == 401
    page.get_by_role("button", name="Revoked").click()
    expect(page).to_have_url(re.compile("show=revoked"))
    expect(row).to_contain_text("Revoked")


def test_a_site_is_made_changed_and_removed(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("open.md", b"For everyone.", collection="console-site")
    visit("sites")
    page.get_by_role("button", name="New site").click()
    dialog = page.get_by_role("dialog", name="New site")
    dialog.get_by_label("Name").fill("Help pages")
    dialog.get_by_label("Origins").fill("https://help.example.com/path")
    dialog.get_by_label("console-site").check()
    assert_accessible(page)
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is no origin")
    expect(dialog.get_by_label("Name")).to_have_value("Help pages")
    dialog.get_by_label("Origins").fill("https://help.example.com\nhttps://www.example.com")
    dialog.get_by_role("button", name="Create").click()

    card = page.get_by_test_id("site").filter(has_text="Help pages")
    expect(card).to_contain_text("0 of 2,000")
    [made] = sites(service, "Help pages")
    tag = f'<script src="{service.url}/widget.js" data-site="{made["key"]}" async></script>'
    expect(card.get_by_label("Script tag of Help pages")).to_have_value(tag)
    assert made["origins"] == ["https://help.example.com", "https://www.example.com"]
    assert_accessible(page)

    card.get_by_role("button", name="Edit Help pages").click()
    editor = page.get_by_role("dialog", name="Edit “Help pages”")
    editor.get_by_label("Questions a day, each visitor").fill("5")
    editor.get_by_label("Enabled").uncheck()
    editor.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Disabled")
    [changed] = sites(service, "Help pages")
    assert (changed["visitor_questions_per_day"], changed["enabled"]) == (5, False)

    card.get_by_role("button", name="Remove Help pages").click()
    page.get_by_role("dialog", name="Remove the site “Help pages”?").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    assert sites(service, "Help pages") == []


def test_names_of_keys_and_sites_run_no_script(page: Page, visit: Visit, service: Service) -> None:
    service.ingest("open.md", b"For everyone.", collection="console-site")
    key = {"name": HOSTILE, "scopes": ["ask"], "groups": [HOSTILE]}
    key_id = service.http.post("/v1/keys", json=key).raise_for_status().json()["id"]
    site = {"name": HOSTILE, "origins": ["https://example.com"], "collections": ["console-site"], "groups": [HOSTILE]}
    site_id = service.http.post("/v1/sites", json=site).raise_for_status().json()["id"]

    visit("members")
    row = page.get_by_test_id("row").filter(has_text=HOSTILE)
    row.get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Revoke the key “{HOSTILE}”?")
    assert page.locator("main img, dialog img").count() == 0
    visit("sites")
    expect(page.get_by_test_id("site").filter(has_text=HOSTILE)).to_be_visible()
    assert page.locator("main img, main script").count() == 0

    service.http.delete(f"/v1/keys/{key_id}").raise_for_status()
    service.http.delete(f"/v1/sites/{site_id}").raise_for_status()


@pytest.mark.parametrize("view", ["members", "sites", "questions"])
def test_the_views_fit_a_phone_and_a_dialog_is_worked_by_keyboard(
    page: Page, visit: Visit, service: Service, view: str
) -> None:
    service.ingest("open.md", b"For everyone.", collection="console-site")
    site = {"name": "A site", "origins": ["https://example.com"], "collections": ["console-site"]}
    service.http.post("/v1/sites", json=site).raise_for_status()
    page.set_viewport_size({"width": 375, "height": 812})
    page.emulate_media(color_scheme="dark")
    visit(view)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert_accessible(page)
    if view == "questions":
        return
    opener = page.get_by_role("button", name="New")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
