import { el } from "./dom.js";
import { notice } from "./parts.js";

const MARGIN_PX = 16;

/**
 * The pages of a document as images, one at a time, with the places of a span marked.
 *
 * `image(n)` -> Blob of page n, from 1. `places(start, end)` -> [{page, width, height, rectangles}] of a span.
 * `regions(n)` -> [{label, start, end, pick()}]: passages of the page that can be chosen by pointing at them.
 */
export function pagePane({ pages, image, places, regions = () => [], title }) {
  const before = el("button", { type: "button", ariaLabel: "Previous page", onclick: () => show(shown - 1) }, "‹");
  const after = el("button", { type: "button", ariaLabel: "Next page", onclick: () => show(shown + 1) }, "›");
  const number = el("input", { type: "number", min: 1, max: pages, ariaLabel: "Page", testid: "page-number" });
  const sheet = el("div", { className: "sheet" });
  const ariaLabel = `Pages of ${title}`;
  const scroller = el("div", { className: "scroller", tabIndex: 0, role: "region", ariaLabel }, sheet);
  const place = el("span", {}, "Page ", number, ` of ${pages.toLocaleString("en")}`);
  const bar = el("div", { className: "bar pager" }, before, place, after);
  const node = el("div", { className: "pages", testid: "pages" }, bar, scroller);
  let shown = 0;
  let marked = [];
  let turn = 0;
  let markTurn = 0;

  number.onchange = () => show(Number(number.value));

  async function show(wanted) {
    const page = Math.min(Math.max(1, Math.trunc(wanted) || 1), pages);
    if (page !== shown) await drawPage(page);
    drawMarks();
  }

  async function drawPage(page) {
    const mine = (turn += 1);
    shown = page;
    number.value = page;
    before.disabled = page === 1;
    after.disabled = page === pages;
    sheet.ariaBusy = "true";
    try {
      const canvas = await painted(await image(page), `Page ${page} of ${title}`);
      if (mine !== turn) return;
      sheet.replaceChildren(canvas);
      drawRegions(page, mine);
    } catch (error) {
      if (mine === turn && error.name !== "AbortError") sheet.replaceChildren(notice(error.message, "bad"));
    }
    sheet.ariaBusy = "false";
  }

  async function drawRegions(page, mine) {
    for (const { label, start, end, pick } of regions(page)) {
      const found = await places(start, end).catch(() => []);
      if (mine !== turn) return;
      const here = found.find((place) => place.page === page);
      if (!here?.rectangles.length) continue;
      const button = el("button", { type: "button", className: "region", ariaLabel: label, title: label });
      button.onclick = pick;
      sheet.append(at(button, here, around(here.rectangles)));
    }
  }

  /** Mark a span where it stands; `page` is where it begins, for formats that know no more. */
  async function mark(start, end, page) {
    const mine = (markTurn += 1);
    const found = end > start ? await places(start, end).catch(() => []) : [];
    if (mine !== markTurn) return;
    marked = found;
    await show(found[0]?.page ?? page ?? (shown || 1));
    reveal();
  }

  function drawMarks() {
    for (const old of sheet.querySelectorAll(".box")) old.remove();
    const here = marked.find((place) => place.page === shown);
    if (!here || !sheet.querySelector("canvas")) return;
    const box = (rectangle) => at(el("div", { className: "box", testid: "box" }), here, rectangle);
    const boxes = here.rectangles.map(box);
    sheet.querySelector("canvas").after(...boxes);
  }

  /** Scroll to what is marked, unless it is in view. */
  function reveal() {
    const places = [...sheet.querySelectorAll(".box")].map((box) => box.getBoundingClientRect());
    if (!places.length) return;
    const frame = scroller.getBoundingClientRect();
    const [{ top, bottom }] = places;
    const [left, right] = [Math.min(...places.map((one) => one.left)), Math.max(...places.map((one) => one.right))];
    if (top < frame.top || bottom > frame.bottom) scroller.scrollTop += top - frame.top - frame.height / 4;
    if (left < frame.left || right > frame.right) scroller.scrollLeft += left - frame.left - MARGIN_PX;
  }

  return { node, show, mark };
}

/** A canvas, because the page's policy allows images of its own address alone, and a link cannot carry a key. */
async function painted(blob, label) {
  const bitmap = await createImageBitmap(blob);
  const canvas = el("canvas", { width: bitmap.width, height: bitmap.height, role: "img", ariaLabel: label });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

function at(node, { width, height }, [left, top, right, bottom]) {
  const share = (part, whole) => `${(100 * part) / whole}%`;
  Object.assign(node.style, {
    left: share(left, width), top: share(top, height),
    width: share(right - left, width), height: share(bottom - top, height),
  });
  return node;
}

function around(rectangles) {
  const column = (place) => rectangles.map((rectangle) => rectangle[place]);
  return [Math.min(...column(0)), Math.min(...column(1)), Math.max(...column(2)), Math.max(...column(3))];
}
