import { el } from "./dom.js";
import { notice } from "./parts.js";

const BLOCK_CHARS = 20_000;
const BLOCKS_KEPT = 8;
const NEAR = "800px";

/**
 * A document's text, of any length: blocks are loaded while one scrolls, and far ones are let go.
 *
 * `load(start, length)` -> {text, start, end, total_chars}, in characters (code points), as spans are.
 * `onPick(offset)` tells which character was clicked. `mark(start, end)` marks a span and scrolls to it.
 */
export function textPane({ load, onPick = () => {}, label = "Text" }) {
  const node = el("div", { className: "text", tabIndex: 0, role: "region", ariaLabel: label, testid: "text" });
  const above = el("div", { className: "sentinel" });
  const below = el("div", { className: "sentinel" });
  const words = el("div", { className: "words" });
  const near = new IntersectionObserver(reach, { root: node, rootMargin: NEAR });
  let blocks = [];
  let total = null;
  let span = null;
  let turn = 0;
  let busy = false;

  async function open(number) {
    const mine = (turn += 1);
    near.disconnect();
    blocks = [];
    node.replaceChildren(el("p", { className: "quiet" }, "Loading…"));
    const block = await read(number);
    if (mine !== turn || !block) return;
    blocks = [block];
    words.replaceChildren(block.node);
    node.replaceChildren(above, words, below);
  }

  async function read(number) {
    try {
      const got = await load(number * BLOCK_CHARS, BLOCK_CHARS);
      total = got.total_chars;
      return { number, ...exact(got), node: el("span", { className: "block" }) };
    } catch (error) {
      if (error.name !== "AbortError") node.append(notice(error.message, "bad"));
      return null;
    }
  }

  async function mark(start, end) {
    span = end > start ? { start, end } : null;
    const number = Math.floor(start / BLOCK_CHARS);
    if (!blocks.some((block) => block.number === number)) await open(number);
    const last = Math.floor(Math.max(start, end - 1) / BLOCK_CHARS);
    if (last === number + 1 && blocks.at(-1)?.number === number) await extend(1);
    blocks.forEach(draw);
    const target = node.querySelector("mark");
    if (target) reveal(target);
    watchEnds();
  }

  /** Scroll to a mark, unless its beginning is in view: whoever clicked there keeps their place. */
  function reveal(target) {
    const place = target.getClientRects()[0] ?? target.getBoundingClientRect();
    const frame = node.getBoundingClientRect();
    if (place.top < frame.top || place.bottom > frame.bottom) node.scrollTop += place.top - frame.top - frame.height / 4;
  }

  function draw({ node: block, start, end, slice }) {
    const from = Math.max(span?.start ?? end, start);
    const to = Math.min(span?.end ?? end, end);
    if (from >= to) block.replaceChildren(slice(start, end));
    else block.replaceChildren(slice(start, from), el("mark", {}, slice(from, to)), slice(to, end));
  }

  function watchEnds() {
    near.disconnect();
    near.observe(above);
    near.observe(below);
  }

  async function reach(entries) {
    if (busy) return;
    const seen = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target);
    busy = true;
    const more = (seen.includes(below) && (await extend(1))) || (seen.includes(above) && (await extend(-1)));
    busy = false;
    if (more) watchEnds(); // asks again whether an end is near
  }

  /** Load the block after (1) or before (-1); false where there is none. */
  async function extend(way) {
    const mine = turn;
    const number = (way > 0 ? blocks.at(-1) : blocks[0])?.number + way;
    if (!(number >= 0) || number * BLOCK_CHARS >= total) return false;
    const block = await read(number);
    const last = way > 0 ? blocks.at(-1) : blocks[0];
    if (!block || mine !== turn || last?.number + way !== number) return false; // another call was faster
    draw(block);
    const { scrollHeight, scrollTop } = node;
    if (way > 0) {
      words.append(block.node);
      blocks.push(block);
      if (blocks.length > BLOCKS_KEPT) drop(blocks.shift(), true);
    } else {
      words.prepend(block.node);
      blocks.unshift(block);
      node.scrollTop = scrollTop + node.scrollHeight - scrollHeight;
      if (blocks.length > BLOCKS_KEPT) drop(blocks.pop(), false);
    }
    return true;
  }

  function drop(block, isAbove) {
    const { scrollHeight, scrollTop } = node;
    block.node.remove();
    if (isAbove) node.scrollTop = scrollTop - (scrollHeight - node.scrollHeight);
  }

  node.onclick = (event) => {
    if (!getSelection().isCollapsed) return; // text is being copied
    const caret = caretAt(event);
    const block = blocks.find(({ node: one }) => one.contains(caret?.node));
    if (block) onPick(block.start + block.characters(textBefore(block.node, caret)));
  };
  return { node, mark };
}

/** Spans count code points and strings UTF-16 units, which differ where the text has signs beyond U+FFFF. */
function exact({ text, start, end }) {
  const points = text.length === end - start ? text : [...text];
  const joined = (some) => (points === text ? some : some.join(""));
  const slice = (from, to) => joined(points.slice(from - start, to - start));
  const characters = (before) => (points === text ? before.length : [...before].length);
  return { start, end, slice, characters };
}

function caretAt({ clientX, clientY }) {
  const caret = document.caretPositionFromPoint?.(clientX, clientY);
  if (caret) return { node: caret.offsetNode, offset: caret.offset };
  const range = document.caretRangeFromPoint?.(clientX, clientY);
  return range && { node: range.startContainer, offset: range.startOffset };
}

function textBefore(block, { node, offset }) {
  const range = document.createRange();
  range.setStart(block, 0);
  range.setEnd(node, offset);
  return range.toString();
}
