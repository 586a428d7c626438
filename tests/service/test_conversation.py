"""A conversation with the chat, shown by the widget: how an answer comes, and what can be done with it."""

import re

import pytest
from playwright.sync_api import expect

from tests.chat_service import source
from tests.service.widget import Site

MARKDOWN = """Hi **a** [1]

- one
- two `x`
  - deep
- three

1. a
2. b

- [x] done

- loose

para
line2

| a | b |
|---|---|
| 1 | [2] |

```js
x
```

> quoted
# H
Setext
---
[1]: no definition, and [a link](https://example.org)"""


def test_a_broken_stream_is_gone_on_with_once(site: Site) -> None:
    site.open()
    site.written.breaks_after = 2

    expect(site.ask()).to_have_text("Everyone has six days of leave 1.")

    resumed = [headers.get("last-event-id") for path, headers, _ in site.written.asked if path == "/v1/ask"]
    assert resumed == [None, "t1-2"]


def test_an_answer_is_stopped_and_asked_for_again(site: Site) -> None:
    site.written.word_s = 0.3
    site.open()
    answer = site.ask()
    expect(answer).to_contain_text("Everyone has")
    site.page.get_by_test_id("stop").click()
    expect(site.page.get_by_test_id("notice")).to_contain_text("Stopped.")

    site.written.word_s = 0
    site.page.get_by_role("button", name="Try again").click()

    expect(answer).to_have_text("Everyone has six days of leave 1.")
    expect(site.page.get_by_test_id("answer")).to_have_count(1)


def test_a_bad_answer_is_said_to_be_bad_and_why(site: Site) -> None:
    site.open()
    site.ask()
    site.page.get_by_role("button", name="Bad answer").click()
    site.page.get_by_role("textbox", name="What is wrong?").fill("It is seven.")
    site.page.get_by_role("button", name="Send").click()

    expect(site.page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    expect(site.page.get_by_role("textbox", name="What is wrong?")).to_have_count(0)
    said = [body for path, _, body in site.written.asked if path == "/v1/feedback"]
    assert said == [
        {"trace_id": "t1", "rating": "down"},
        {"trace_id": "t1", "rating": "down", "comment": "It is seven."},
    ]


def test_an_ended_session_is_begun_again_once(site: Site) -> None:
    site.written.expired = {"Bearer vs_1"}
    site.open()
    expect(site.ask()).to_contain_text("six days")
    assert site.written.paths == ["/v1/sessions", "/v1/ask", "/v1/sessions", "/v1/ask"]

    site.written.expired |= {"Bearer vs_2", "Bearer vs_3"}
    site.ask()
    expect(site.page.get_by_test_id("notice")).to_contain_text("No: As written.")
    assert site.written.paths[4:] == ["/v1/ask", "/v1/sessions", "/v1/ask"]


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ((429, "over-quota"), "No more questions can be asked today. Try again after "),
        ((429, "too-many-questions"), "Try again in 60 seconds."),
        ((503, "generator-unavailable"), "No: As written."),
        ("refused", "Questions cannot be asked from this page."),
        ("offline", "You are offline."),
    ],
)
def test_what_went_wrong_is_said_and_announced(site: Site, problem: tuple[int, str] | str, said: str) -> None:
    site.open()
    site.written.problem = problem if isinstance(problem, tuple) else None
    site.written.refused = 403 if problem == "refused" else None
    site.page.context.set_offline(problem == "offline")

    site.ask()

    expect(site.page.get_by_test_id("notice")).to_contain_text(said)
    expect(site.page.locator("[aria-live]")).to_contain_text(said)


def test_the_conversation_is_there_on_the_next_page_until_a_new_one_begins(site: Site) -> None:
    site.open()
    site.ask()
    expect(site.page.get_by_test_id("source")).to_be_visible()

    site.page.goto(f"{site.url}/next")  # the panel was open, and is again
    expect(site.page.get_by_test_id("answer")).to_have_text("Everyone has six days of leave 1.")
    site.ask("And after that?")
    expect(site.page.get_by_test_id("answer")).to_have_count(2)
    site.page.get_by_role("button", name="New conversation").click()
    expect(site.page.get_by_test_id("answer")).to_have_count(0)
    site.ask("Who are you?")

    expect(site.page.get_by_test_id("source")).to_be_visible()
    sent = [body.get("conversation_id") for path, _, body in site.written.asked if path == "/v1/ask"]
    assert sent == [None, "c1", None]
    assert site.written.paths.count("/v1/sessions") == 1


def test_an_answer_is_copied_with_its_sources(site: Site) -> None:
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.open()
    site.ask()
    site.page.get_by_role("button", name="Copy the answer").click()

    copied = "Everyone has **six days** of leave [1].\n\nSources:\n[1] Leave rules, page 3 · Leave"
    expect(site.page.locator("[aria-live]")).to_have_text("Copied")
    assert site.page.evaluate("navigator.clipboard.readText()") == copied


def test_sections_that_were_not_used_are_offered_as_next_questions(site: Site) -> None:
    more = [source(n, "More.", title="Pay", section=f"Pay > {name}") for n, name in enumerate("ABABCD", 2)]
    site.written.sources += more
    site.open()
    site.ask()

    offered = site.page.get_by_role("button", name="What does")
    expect(offered).to_have_text([f"What does “Pay” say about “{name}”?" for name in "ABC"])
    offered.first.click()
    expect(site.page.get_by_test_id("answer")).to_have_count(2)


def test_the_finished_answer_is_announced_once(site: Site) -> None:
    site.written.word_s = 0.05
    site.open()
    site.page.evaluate(
        """() => {
          const region = document.querySelector("attest-chat").shadowRoot.querySelector("[aria-live]");
          window.said = [];
          new MutationObserver(() => window.said.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    site.ask()
    expect(site.page.get_by_test_id("source")).to_be_visible()
    assert site.page.evaluate("said") == ["Everyone has six days of leave."]


def test_an_answer_that_grew_is_as_one_drawn_at_once(site: Site) -> None:
    site.page.goto(site.origin)
    grown, whole = site.page.evaluate(
        """async (text) => {
          const { Answer } = await import("/static/chat/answer.js");
          const [grown, whole] = [0, 1].map(() => new Answer(document.createElement("div"), String));
          for (let end = 1; end <= text.length; end += 1) grown.draw(text.slice(0, end), true);
          grown.draw(text, false);
          whole.draw(text, false);
          return [grown.node.innerHTML, whole.node.innerHTML];
        }""",
        MARKDOWN,
    )
    assert grown == whole
    assert all(f"<{name}" in whole for name in ("strong", "ul", "ol", "table", "pre", "h3", "blockquote", "br", "a "))


def test_an_answer_that_came_out_different_is_drawn_as_it_is(site: Site) -> None:
    site.page.goto(site.origin)
    drawn = site.page.evaluate(
        """async (texts) => {
          const { Answer } = await import("/static/chat/answer.js");
          const answer = new Answer(document.createElement("div"), String);
          return texts.map((text) => { answer.draw(text, false); return answer.node.textContent; });
        }""",
        ["One.\n\n- two\n- three", "Other.\n\n- two\n- three", "- two\n- four", ""],
    )
    assert drawn == ["One.twothree", "Other.twothree", "twofour", ""]


def test_a_long_answer_keeps_its_blocks_while_it_grows(site: Site) -> None:
    sentences = [
        f"Sentence {n} says that **all** of it is `so` [1].{' ' if n % 4 else chr(10) * 2}" for n in range(200)
    ]
    site.written.words = tuple(word for sentence in sentences for word in re.findall(r"\S+\s*", sentence))
    site.written.word_s = 0.001
    site.open()

    answer = site.ask()
    expect(answer).to_contain_text("Sentence 20")
    first = answer.locator("p").first.element_handle()
    expect(site.page.get_by_role("button", name="Good answer")).to_be_visible(timeout=30_000)

    assert len(site.written.words) == 2000
    assert first.evaluate("(node) => node.isConnected && node.parentElement.firstChild === node")
