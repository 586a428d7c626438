import { el } from "../ui/dom.js";
import { count } from "../ui/parts.js";

const SHOWN = 100;
const PREVIEW_CHARS = 220;

/**
 * A document's passages as a list, some at a time. `onChoose(chunk)` when one is chosen. Returns {node, choose(chunk)},
 * which marks one as chosen and brings it into view, and at(offset), the passage that holds a character.
 */
export function chunkList(chunks, onChoose) {
  const list = el("ol", { className: "chunks" });
  const earlier = el("button", { type: "button", onclick: () => grow(-SHOWN) }, "Show earlier ones");
  const later = el("button", { type: "button", onclick: () => grow(SHOWN) }, "Show more");
  const scroller = el("div", { className: "scroller-list", tabIndex: 0, role: "region", ariaLabel: "Passages" });
  scroller.append(earlier, list, later);
  const node = el("section", { className: "passages" }, el("h2", {}, count(chunks.length, "passage")), scroller);
  let [first, end] = [0, Math.min(SHOWN, chunks.length)];
  let chosen = null;

  function draw() {
    list.replaceChildren(...chunks.slice(first, end).map((chunk) => entry(chunk, chunk === chosen, onChoose)));
    list.start = first + 1;
    earlier.hidden = first === 0;
    later.hidden = end === chunks.length;
  }

  function grow(by) {
    if (by < 0) first = Math.max(0, first + by);
    else end = Math.min(chunks.length, end + by);
    draw();
    const item = by < 0 ? list.firstChild : list.lastChild;
    item.firstChild.focus({ preventScroll: true });
  }

  function choose(chunk) {
    const place = chunks.indexOf(chunk);
    chosen = chunk;
    if (place < first || place >= end) {
      first = Math.max(0, place - SHOWN / 4);
      end = Math.min(chunks.length, first + SHOWN);
      draw();
    }
    list.querySelector('[aria-current="true"]')?.removeAttribute("aria-current");
    const button = list.children[place - first]?.firstChild;
    if (!button) return;
    button.ariaCurrent = "true";
    const box = scroller.getBoundingClientRect();
    const own = button.getBoundingClientRect();
    if (own.top < box.top || own.bottom > box.bottom) scroller.scrollTop += own.top - box.top - box.height / 4;
  }

  list.onkeydown = (event) => {
    const way = { ArrowDown: "nextSibling", ArrowUp: "previousSibling" }[event.key];
    const next = way && event.target.parentNode[way]?.firstChild;
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  draw();
  return { node, choose, at: (offset) => holding(chunks, offset) };
}

/** Passages may overlap: the last one that has begun and not ended. */
function holding(chunks, offset) {
  return chunks.findLast(({ start, end }) => start <= offset && offset < end)
    ?? chunks.findLast(({ start }) => start <= offset) ?? null;
}

function entry(chunk, isChosen, onChoose) {
  const place = [chunk.page && `page ${chunk.page}`, chunk.section].filter(Boolean).join(" · ");
  const characters = `characters ${chunk.start.toLocaleString("en")}–${chunk.end.toLocaleString("en")}`;
  const text = chunk.text.length > PREVIEW_CHARS ? `${chunk.text.slice(0, PREVIEW_CHARS)}…` : chunk.text;
  const button = el("button", { type: "button", className: "chunk", onclick: () => onChoose(chunk), testid: "chunk" },
    el("span", { className: "number" }, String(chunk.ordinal + 1)), el("span", { className: "quiet" }, place),
    el("span", { className: "words" }, text), el("span", { className: "quiet" }, characters));
  if (isChosen) button.ariaCurrent = "true";
  return el("li", {}, button);
}
