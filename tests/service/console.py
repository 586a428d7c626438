"""What the tests of the console's views share."""

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

HOSTILE = "<img src=//evil.example onerror=alert(1)>"
Visit = Callable[[str], None]  # opens a path of the console


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    violations = [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
    assert not violations, violations
