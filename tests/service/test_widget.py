"""The widget on a page of someone else: what it loads, what it leaves alone, how it looks and is operated."""

import gzip
import hashlib
import json
import re

import pytest
from playwright.sync_api import Response, expect

from api.pages import STATIC
from bench.service import Service, wait_until
from tests.chat_service import citation
from tests.service.widget import Site, violations

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
    asks_first = {"Origin": site.url, "Access-Control-Request-Method": "POST"}  # known to be allowed within seconds
    wait_until(lambda: service.http.options("/v1/ask", headers=asks_first).is_success)
    site.open('data-collection="tents"')

    expect(site.ask("For how many nights may a tent be borrowed?")).to_contain_text("nine nights", timeout=30_000)
    site.page.get_by_role("button", name="Good answer").click()
    expect(site.page.locator("[aria-live]")).to_have_text("Thank you")
    expect(site.ask("And for how many nights a tent that was borrowed before?")).not_to_be_empty(timeout=30_000)
    expect(site.page.get_by_role("button", name="Good answer")).to_have_count(2)
    service.http.patch(f"/v1/sites/{made['id']}", json={"enabled": False}).raise_for_status()
    site.ask("And now?")

    # Once its origin is not allowed any more, a browser tells the page no reason.
    expect(site.page.get_by_test_id("notice").last).to_contain_text(
        re.compile("cannot be (asked from this page|reached)")
    )


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
