"""Whatever a model, a document or a file name says is shown as text: no script runs, nothing is fetched elsewhere."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.chat_service import citation, source
from tests.service.widget import Site

HOSTILE = json.loads((Path(__file__).parents[1] / "sets" / "hostile-texts.json").read_text(encoding="utf-8"))
ELEMENTS = "a blockquote br button code del div em h3 hr li ol p pre span strong table tbody td th thead tr ul"
ATTRIBUTES = "aria-label class data-testid dir href rel start tabindex target title type"
# Every text as it grows, by one character at a time, and whole.
DRAW_ALL = """async (texts) => {
  const { Answer } = await import("/static/chat/answer.js");
  const { el } = await import("/static/ui/el.js");
  const parts = new Set(), links = new Set();
  for (const text of texts) {
    const node = document.body.appendChild(document.createElement("div"));
    const answer = new Answer(node, (n) => el("button", { type: "button", className: "chip" }, String(n)));
    for (let end = 1; end <= text.length; end += 1) answer.draw(text.slice(0, end), true);
    answer.draw(text, false);
    for (const one of node.querySelectorAll("*")) {
      parts.add(one.localName);
      for (const { name } of one.attributes) parts.add(`@${name}`);
      if (one.href) links.add(new URL(one.href).protocol);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { parts: [...parts], links: [...links], ran: window.ran ?? null };
}"""


def test_an_answer_is_made_of_few_elements_and_attributes_whatever_it_says(site: Site) -> None:
    site.page.goto(site.origin)

    found = site.page.evaluate(DRAW_ALL, HOSTILE)

    assert found["ran"] is None
    assert set(found["parts"]) <= {*ELEMENTS.split(), *(f"@{name}" for name in ATTRIBUTES.split())}
    assert set(found["links"]) <= {"http:", "https:", "mailto:"}


@pytest.mark.parametrize("where", ["page", "widget"])
def test_no_script_runs_from_answers_titles_sections_quotes_or_file_names(site: Site, where: str) -> None:
    site.written.words = tuple(f"{text}\n\n" for text in HOSTILE if "```" not in text)
    site.written.sources = [
        source(n, f"{text} {text}", title=text, section=f"Part > {text}") for n, text in enumerate(HOSTILE, 1)
    ]
    site.written.citations = [citation(n, text, supported=n % 2 == 0) for n, text in enumerate(HOSTILE, 1)]
    fields = {"status": "ready", "stage": None, "progress": None, "pages": 1, "chunks": 1, "error": None}
    site.written.documents = [{"id": text, "filename": text, **fields} for text in HOSTILE]
    if where == "widget":
        site.open('data-title="<img src=x onerror=ran=1>" data-greeting="<script>ran=1</script>"')
    else:
        site.page.goto(site.origin)

    for question in HOSTILE[:2]:
        answer = site.ask(question)
        expect(site.page.get_by_role("button", name="Good answer").last).to_be_visible()
        expect(answer).to_contain_text("<script>ran = 1</script>")
        answer.get_by_test_id("citation").first.click()
    site.page.reload()
    if where == "widget":
        expect(site.page.get_by_test_id("answer").last).to_be_visible()
    site.page.wait_for_timeout(300)

    assert site.page.evaluate("window.ran ?? null") is None
    assert (
        site.page.evaluate("document.querySelector('attest-chat').shadowRoot.querySelectorAll('img,script').length")
        == 0
    )


def test_what_a_refusal_says_is_text(site: Site) -> None:
    site.written.problem, site.written.detail = (503, "generator-unavailable"), "".join(HOSTILE)
    site.page.goto(site.origin)
    site.ask(HOSTILE[0])
    expect(site.page.get_by_test_id("notice")).to_contain_text("No: <script>ran = 1</script>")
    assert site.page.evaluate("window.ran ?? null") is None
