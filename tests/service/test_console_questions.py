"""Bad answers in the console, in a real Chromium: by topic, how each came about, and the eval case it becomes."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from bench.service import ROOT, Service

HOSTILE = "<img src=//evil.example onerror=alert(1)> <script src=//evil.example></script>"


@pytest.fixture(scope="module")
def handbook(service: Service) -> dict[str, Any]:
    text = (ROOT / "samples" / "travel-and-expenses.md").read_bytes()
    return service.ingest("travel-and-expenses.md", text, collection="console-asked")


def asked(service: Service, question: str) -> str:
    """Return the id of the trace."""
    body = {"question": question, "collections": ["console-asked"], "stream": False}
    answer = service.http.post("/v1/ask", json=body).raise_for_status().json()
    return str(answer["trace_id"])


def dislike(service: Service, trace_id: str, comment: str) -> None:
    opinion = {"trace_id": trace_id, "rating": "down", "reasons": ["incomplete"], "comment": comment}
    service.http.post("/v1/feedback", json=opinion).raise_for_status()


def cases(service: Service, trace_id: str) -> list[dict[str, Any]]:
    listed = service.http.get("/v1/cases").raise_for_status().json()["cases"]
    return [case for case in listed if case["trace_id"] == trace_id]


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []


def test_a_disliked_answer_is_looked_into_and_becomes_a_case(
    page: Page, service: Service, handbook: dict[str, Any]
) -> None:
    question = "When may one fly in business class at all?"
    trace_id = asked(service, question)
    dislike(service, trace_id, "And by train?")
    page.goto(f"{service.url}/console/questions?days=30")
    line = page.get_by_test_id("question").filter(has_text=question)
    expect(line).to_contain_text("1 thumbs-down, incomplete")
    assert_accessible(page)

    line.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/console/questions/{trace_id}.days=30"))
    expect(page.get_by_role("heading", level=1)).to_have_text(question)
    expect(page.get_by_test_id("answer")).to_contain_text("7 hours")
    expect(page.get_by_text("And by train?")).to_be_visible()
    expect(page.get_by_test_id("row").first).to_contain_text("Travel and Expenses Policy, passage")
    assert_accessible(page)

    page.get_by_role("button", name="Make a case").click()
    dialog = page.get_by_role("dialog", name="Make an eval case")
    dialog.get_by_label("What should be said").fill("After 7 hours.")
    dialog.get_by_label("Travel and Expenses Policy").check()
    assert_accessible(page)
    dialog.get_by_role("button", name="Save the case").click()

    expect(page.get_by_test_id("toasts")).to_contain_text("The case is saved")
    [case] = cases(service, trace_id)
    assert (case["answer"], case["documents"], case["answerable"]) == ("After 7 hours.", [handbook["id"]], True)


def test_a_question_without_an_answer_becomes_a_case_without_documents(
    page: Page, service: Service, handbook: dict[str, Any]
) -> None:
    question = "Who was the first person on the south pole?"
    trace_id = asked(service, question)
    page.goto(f"{service.url}/console/questions")
    line = page.get_by_test_id("question").filter(has_text=question)
    expect(line).to_contain_text("Not answered: ")

    line.get_by_role("button", name=f"Make a case of {question}").click()
    dialog = page.get_by_role("dialog", name="Make an eval case")
    expect(dialog.get_by_label("The documents answer it")).not_to_be_checked()
    dialog.get_by_role("button", name="Save the case").click()

    expect(line.get_by_role("button")).to_have_text("Case saved")
    [case] = cases(service, trace_id)
    assert (case["question"], case["documents"], case["answerable"]) == (question, [], False)


def test_a_case_is_removed_after_a_confirmation(page: Page, service: Service, handbook: dict[str, Any]) -> None:
    trace_id = asked(service, "Which hotels are booked?")
    made = service.http.post("/v1/cases", json={"trace_id": trace_id, "answerable": False})
    assert made.status_code == 201
    page.goto(f"{service.url}/console/questions")
    page.get_by_role("button", name="Eval cases").click()
    expect(page).to_have_url(re.compile("show=cases"))
    row = page.get_by_test_id("row").filter(has_text="Which hotels are booked?")
    expect(row).to_contain_text("Nothing answers it")
    assert_accessible(page)

    row.get_by_role("button", name="Remove the case").click()
    page.get_by_role("dialog", name="Remove this case?").get_by_role("button", name="Remove").click()

    expect(row).to_have_count(0)
    assert cases(service, trace_id) == []


def test_what_people_asked_and_said_runs_no_script(page: Page, service: Service, handbook: dict[str, Any]) -> None:
    trace_id = asked(service, HOSTILE)
    dislike(service, trace_id, HOSTILE)
    page.goto(f"{service.url}/console/questions")
    page.get_by_test_id("question").get_by_role("link", name=HOSTILE).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator("main .lines").first).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Make a case").click()
    expect(page.get_by_role("dialog").get_by_label("Question")).to_have_value(HOSTILE)
    assert page.locator("main img, main script, dialog img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_usage_is_told_by_day_caller_and_generator(
    page: Page, service: Service, handbook: dict[str, Any], scheme: str
) -> None:
    asked(service, "How are flights booked?")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 375, "height": 812})
    page.goto(f"{service.url}/console/usage")
    page.get_by_role("button", name="7 days").click()

    expect(page).to_have_url(re.compile("days=7"))
    total = service.http.get("/v1/usage?days=7").json()["total"]
    expect(page.get_by_test_id("totals")).to_contain_text(f"Questions{total['questions']:,}")
    expect(page.locator(".bar-of-day")).to_have_count(7)
    page.locator("summary").click()
    expect(page.get_by_role("table", name="By day").get_by_test_id("row")).to_have_count(7)
    expect(page.get_by_role("table", name="By caller")).to_contain_text("local")
    expect(page.get_by_role("table", name="By generator")).to_contain_text("extractive")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert_accessible(page)
