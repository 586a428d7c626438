"""The widget on a page of someone else: what it loads, what it leaves alone, and how it is used."""

import gzip
import hashlib
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response, expect

from api.pages import STATIC
from bench.service import Service
from tests.chat_service import citation, source
from tests.service.widget import Site

MOST_BYTES = 35_000
HOSTILE = """<style>
  * { all: unset !important; display: block !important; color: red !important }
  * { --ink: red !important; --s4: 9em !important }
  html { font-size: 62.5% !important; letter-spacing: 3px !important; font-style: italic !important }
  attest-chat { display: none !important; opacity: 0.5 !important }
  attest-chat { transform: scale(2) !important; left: 9px !important }
</style>
<script>
  Array.prototype.toJSON = function () { return JSON.stringify("no"); };
  Array.prototype.remove = Array.prototype.each = Object.prototype.extend = Object.prototype.each = function () {};
</script>"""
LOOKS = """() => {
  const root = document.querySelector("attest-chat").shadowRoot;
  return ["button.launcher", ".chat", "header h2", ".answer p", ".chip", "textarea"].map((name) => {
    const node = root.querySelector(name), style = getComputedStyle(node), box = node.getBoundingClientRect();
    return [name, style.color, style.backgroundColor, style.font, style.padding, box.width, box.height];
  });
}"""
ELSEWHERE = """() => [...document.querySelectorAll("html, body, main, h1, p")].map((node) => {
  const style = getComputedStyle(node);
  return [...style].filter((name) => !/-(origin|size)$/.test(name)).map((name) => style.getPropertyValue(name)).join();
})"""

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


def test_what_a_visitor_loads_is_at_most_35_kilobytes(site: Site) -> None:
    loaded: list[Response] = []
    site.page.on("response", lambda response: loaded.append(response))  # noqa: PLW0108  # a builtin is refused

    site.open(language="ar")
    site.ask()
    expect(site.page.get_by_test_id("source")).to_be_visible()

    files = [one for one in loaded if one.url.startswith(site.origin) and "/v1/" not in one.url]
    sizes = {one.url.removeprefix(site.origin): len(gzip.compress(one.body(), 9)) for one in files}
    assert {"/widget.js", "/static/vendor/marked.esm.js", "/static/chat/locales/ar.js"} <= set(sizes)
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_files_come_gzipped_and_for_any_page(site: Site) -> None:
    for path in ("/widget.js", "/static/chat/attest-chat.js", "/static/chat/chat.css"):
        headers = site.page.request.get(site.origin + path).headers
        assert headers["content-encoding"] == "gzip", path
        assert headers["access-control-allow-origin"] == "*", path
    assert site.page.request.get(f"{site.origin}/widget.js").headers["cache-control"] == "public, max-age=300"


def test_vendored_files_are_as_they_were_published() -> None:
    for one in json.loads((STATIC / "vendor" / "vendor.json").read_text(encoding="utf-8")):
        content = (STATIC / "vendor" / one["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one["sha256"], one["name"]
        assert one["version"] in content[:100].decode()
        assert (STATIC / "vendor" / one["licence_file"]).is_file()


def test_every_language_has_every_text() -> None:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (STATIC / "chat" / "locales").glob("*.js")}
    keys = {language: re.findall(r"^  (\w+):", text, re.M) for language, text in texts.items()}
    slots = {language: sorted(re.findall(r"\{\w+\}", text)) for language, text in texts.items()}

    assert set(keys) == {"en", "de", "es", "zh", "ar"}
    assert all(keys[language] == keys["en"] and slots[language] == slots["en"] for language in keys)


def test_on_a_page_with_a_strict_policy_an_answer_leads_to_its_source(site: Site) -> None:
    site.open()

    answer = site.ask()
    expect(answer).to_have_text("Everyone has six days of leave 1.")
    answer.get_by_test_id("citation").click()

    card = site.page.get_by_test_id("source")
    expect(card).to_be_focused()
    expect(card.locator("mark")).to_have_text("six days of leave")
    expect(card).to_contain_text("Leave rules page 3 · Leave")
    with site.page.expect_popup() as opened:
        card.get_by_role("link", name="Open original").click()
    opened.value.wait_for_url(re.compile("/view"))
    assert opened.value.url == f"{site.origin}/view#document=d1&version=1&start=12&end=20&page=3"  # no token is left


def test_a_visitor_of_a_listed_site_is_answered_by_the_service(site: Site, service: Service) -> None:
    service.ingest("tents.md", b"# Tents\n\nA tent may be borrowed for nine nights.", collection="tents")
    listed = {"name": "Shop", "origins": [site.url], "collections": ["tents"]}
    made = service.http.post("/v1/sites", json=listed).raise_for_status().json()
    site.origin, site.key = service.url, made["key"]
    site.open('data-collection="tents"')

    expect(site.ask("For how many nights may a tent be borrowed?")).to_contain_text("nine nights", timeout=30_000)
    site.page.get_by_role("button", name="Good answer").click()
    expect(site.page.locator("[aria-live]")).to_have_text("Thank you")
    expect(site.ask("And for how many nights a tent that was borrowed before?")).not_to_be_empty(timeout=30_000)
    expect(site.page.get_by_role("button", name="Good answer")).to_have_count(2)
    service.http.patch(f"/v1/sites/{made['id']}", json={"enabled": False}).raise_for_status()
    site.ask("And now?")

    expect(site.page.get_by_test_id("notice").last).to_contain_text("cannot be asked from this page")


def test_a_hostile_page_changes_nothing_in_the_widget(site: Site) -> None:
    looks = []
    for head in ("", HOSTILE):
        site.open('data-collection="manuals, faq"', head=head)
        expect(site.ask()).to_contain_text("six days")
        site.page.wait_for_function("!document.querySelector('attest-chat').running")
        site.page.mouse.move(5, 5)
        looks.append(site.page.evaluate(LOOKS))
        site.page.evaluate("sessionStorage.clear()")

    assert looks[0] == looks[1]
    bodies = [body for path, _, body in site.written.asked if path == "/v1/ask"]
    assert [body["collections"] for body in bodies] == [["manuals", "faq"]] * 2


def test_the_widget_changes_nothing_on_the_page(site: Site) -> None:
    site.pages["/plain"] = (re.sub("<script.*</script>", "", "<!doctype html><h1>Shop</h1><p>Spades.</p>"), {})
    site.page.goto(f"{site.url}/plain")
    before = site.page.evaluate(ELSEWHERE), set(site.page.evaluate("Object.getOwnPropertyNames(window)"))

    site.page.evaluate(
        """(url) => new Promise((onload) => document.body.append(
             Object.assign(document.createElement("script"), { src: url, onload })))""",
        f"{site.origin}/widget.js",
    )
    site.page.locator("attest-chat button.launcher").click()
    site.page.get_by_test_id("question").wait_for()

    after = site.page.evaluate(ELSEWHERE), set(site.page.evaluate("Object.getOwnPropertyNames(window)"))
    assert after == before


def test_it_is_used_by_keyboard_alone_and_the_page_sees_none_of_it(site: Site) -> None:
    button = site.embed()
    site.page.evaluate("document.addEventListener('keydown', ({ key }) => { document.title += ` ${key}`; })")
    button.focus()
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_test_id("question")).to_be_focused()

    site.page.keyboard.type("s?")
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_test_id("answer")).to_contain_text("six days")
    site.page.keyboard.press("Escape")

    expect(site.page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    assert site.page.title() == "Garden shop"


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


@pytest.mark.parametrize(
    ("language", "attributes", "name", "direction"),
    [
        ("de-AT", "", "Fragen", "ltr"),
        ("es", "", "Preguntar", "ltr"),
        ("de", 'data-language="zh-Hans"', "提问", "ltr"),
        ("ar", "", "اسأل", "rtl"),
        ("fi", "", "Ask", "ltr"),
    ],
)
def test_it_speaks_the_language_of_the_page(
    site: Site, language: str, attributes: str, name: str, direction: str
) -> None:
    site.open(attributes, language=language)
    expect(site.page.get_by_test_id("send")).to_have_text(name)
    expect(site.page.get_by_role("dialog")).to_have_attribute("dir", direction)


def test_what_is_on_the_script_tag_is_shown(site: Site) -> None:
    attributes = 'data-title="Ask Gerda" data-greeting="Hello" data-suggestions="Which spade?|Which seed?"'
    site.open(f'{attributes} data-accent="#7a1fa2" data-position="left"')

    panel = site.page.get_by_role("dialog", name="Ask Gerda")
    expect(panel).to_contain_text("Hello")
    box = panel.bounding_box()
    assert box and box["x"] == 16
    panel.get_by_role("button", name="Which seed?").click()
    expect(panel.get_by_test_id("answer")).to_contain_text("six days")
    assert site.written.asked[-1][2]["question"] == "Which seed?"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_in_all_its_states(site: Site, scheme: str) -> None:
    site.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    site.open('data-suggestions="Which spade?" data-accent="#ffcc00"')
    assert violations(site.page) == []
    site.written.citations = [citation(1, "six days of leave", supported=False)]
    site.written.words += ("\n\n- a [link](https://example.org)\n\n| a | b |\n|---|---|\n| `c` | d |\n\n## End",)
    site.ask()
    site.page.get_by_role("button", name="Bad answer").click()
    assert violations(site.page) == []
    site.written.done = {"abstained": True, "citations": [], "answer": "It is not said."}
    site.ask()
    expect(site.page.get_by_text("Nearest passages")).to_be_visible()
    site.written.problem = (429, "over-quota")
    site.ask()
    expect(site.page.get_by_test_id("notice").last).to_contain_text("No more questions")
    assert violations(site.page) == []


@pytest.mark.parametrize(("width", "height"), [(320, 568), (640, 360)])
def test_it_fits_small_screens_and_large_print(site: Site, width: int, height: int) -> None:
    site.page.set_viewport_size({"width": width, "height": height})
    site.open(language="ar")
    site.written.words = (
        "A very long word: " + "x" * 300 + " [1]\n\n| a | b | c | d | e | f |\n|-|-|-|-|-|-|\n|1|2|3|4|5|6|",
    )
    site.ask()

    expect(site.page.get_by_test_id("citation")).to_be_visible()
    inner = "document.querySelector('attest-chat').scroller"
    assert site.page.evaluate(f"{inner}.scrollWidth <= {inner}.clientWidth")
    box = site.page.get_by_test_id("question").bounding_box()
    assert box and box["y"] + box["height"] <= height


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

    expect(site.page.get_by_test_id("source")).to_be_visible(timeout=30_000)

    assert len(site.written.words) >= 1600
    assert first.evaluate("(node) => node.isConnected && node.parentElement.firstChild === node")


def test_it_prints_the_conversation_without_its_buttons_on_white(site: Site) -> None:
    site.page.emulate_media(color_scheme="dark")
    site.open()
    expect(site.ask()).to_contain_text("six days")
    expect(site.page.get_by_test_id("source")).to_be_visible()
    site.page.emulate_media(media="print")

    expect(site.page.get_by_test_id("answer")).to_be_visible()
    expect(site.page.get_by_test_id("source")).to_be_visible()
    for hidden in ("button.launcher", ".ask", ".actions"):
        expect(site.page.locator(f"attest-chat {hidden}")).to_be_hidden()
    assert (
        site.page.locator("attest-chat .chat").evaluate("(node) => getComputedStyle(node).color") == "rgb(28, 35, 34)"
    )


def violations(page: Page) -> list[str]:
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in Axe().run(page).response["violations"]]
