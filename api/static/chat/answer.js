import { openWithKey } from "../ui/api.js";
import { el } from "../ui/dom.js";

const NEAREST_SHOWN = 3;
const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\[(\d+)\]/g;

/** An empty question-and-answer pair; the stream fills `text`, `sources` and `citations`. */
export function createTurn(question) {
  const answer = el("div", { className: "answer streaming", testid: "answer" });
  const notices = el("div", { className: "notices" });
  const sources = el("section", { className: "sources", ariaLabel: "Sources" });
  const node = el("article", { className: "turn" }, el("h2", {}, question), answer, notices, sources);
  const parts = { node, answer, notices, sourceList: sources };
  return { question, text: "", sources: [], citations: [], cards: new Map(), ...parts };
}

export function notice(text, className = "", ...more) {
  return el("p", { className: `notice ${className}`, testid: "notice" }, text, ...more);
}

/** Draw the answer so far: paragraphs, "- " lists, `code`, **bold**, and [n] as a chip to its source. */
export function drawAnswer(turn, { streaming = false } = {}) {
  const text = streaming ? turn.text.replace(/\[\d*$/, "") : turn.text;
  turn.answer.classList.toggle("streaming", streaming);
  turn.answer.replaceChildren(...(streaming && !text ? [waitingLine(turn)] : blocks(text, chipMaker(turn))));
}

function waitingLine({ sources }) {
  const text = sources.length ? `Reading ${count(sources.length, "passage")}…` : "Searching the documents…";
  return el("p", { className: "quiet" }, text);
}

function blocks(text, chip) {
  const made = [];
  let open = null;
  for (const line of text.split("\n")) {
    const item = line.match(/^\s*- (.*)/);
    const tag = item ? "UL" : "P";
    if (!line.trim()) open = null;
    else {
      if (open?.tagName !== tag) made.push((open = el(tag)));
      else if (!item) open.append(el("br"));
      open.append(...(item ? [el("li", {}, ...inline(item[1], chip))] : inline(line, chip)));
    }
  }
  return made;
}

function inline(text, chip) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, bold, mark] = match;
    nodes.push(text.slice(end, match.index));
    if (code) nodes.push(el("code", {}, code));
    else if (bold) nodes.push(el("strong", {}, ...inline(bold, chip)));
    else nodes.push(chip(Number(mark)) ?? whole);
    end = match.index + whole.length;
  }
  return [...nodes, text.slice(end)];
}

/** The i-th mark [n] takes the verdict of the i-th citation of n, or of the last one. */
function chipMaker(turn) {
  const seen = new Map();
  return (n) => {
    const card = turn.cards.get(n);
    if (!card) return null;
    const verdicts = turn.citations.filter((citation) => citation.n === n);
    const verdict = verdicts[seen.get(n) ?? 0] ?? verdicts.at(-1);
    seen.set(n, (seen.get(n) ?? 0) + 1);
    return chip(n, card, verdict?.supported !== false);
  };
}

function chip(n, card, supported) {
  const title = (supported ? "" : "Not verified: the passage may not say this. ") + card.dataset.title;
  const className = supported ? "chip" : "chip unverified";
  const ariaLabel = `Source ${n}: ${title}`;
  const onclick = () => openSource(card);
  return el("button", { type: "button", className, title, ariaLabel, onclick, testid: "citation" }, String(n));
}

function openSource(card) {
  const more = card.closest("details");
  if (more) more.open = true;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

/** Fold every source away; `sortSources` brings out those that matter once the answer is known. */
export function drawSources(turn) {
  turn.cards = new Map(turn.sources.map((source) => [source.n, sourceCard(source, turn.citations)]));
  turn.sourceList.replaceChildren(...foldedSources([...turn.cards.values()], "source"));
}

/** Cited sources come first and open; after an abstention, the nearest ones. */
export function sortSources(turn, abstained) {
  drawSources(turn);
  const cited = new Set(turn.citations.map((citation) => citation.n));
  const matters = ({ n }, rank) => (abstained ? rank < NEAREST_SHOWN : cited.has(n));
  const shown = turn.sources.filter(matters).map(({ n }) => turn.cards.get(n));
  const rest = [...turn.cards.values()].filter((card) => !shown.includes(card));
  const heading = shown.length ? [el("h3", {}, abstained ? "Nearest passages" : "Sources")] : [];
  const folded = foldedSources(rest, shown.length ? "more source" : "source");
  turn.sourceList.replaceChildren(...heading, ...shown, ...folded);
}

function foldedSources(cards, noun) {
  return cards.length ? [el("details", {}, el("summary", {}, count(cards.length, noun)), ...cards)] : [];
}

function sourceCard(source, citations) {
  const { n, document_id: id, title, page, section, text } = source;
  const place = [page && `page ${page}`, section].filter(Boolean).join(" · ");
  const quotes = citations.filter((citation) => citation.n === n && citation.supported !== false);
  const fragment = page ? `#page=${page}` : "";
  const href = `/v1/documents/${encodeURIComponent(id)}/content${fragment}`;
  const original = el("a", { href, target: "_blank", rel: "noopener", onclick: openWithKey }, "Open original");
  original.dataset.name = title;
  const number = el("span", { className: "number" }, String(n));
  const heading = el("h4", {}, number, `${title} `, el("span", { className: "quiet" }, place));
  const parts = [heading, ...passage(text ?? "", quotes), original];
  const card = el("article", { className: "source", tabIndex: -1, testid: "source" }, ...parts);
  card.dataset.title = [title, place].filter(Boolean).join(", ");
  return card;
}

function passage(text, quotes) {
  const quote = el("blockquote", {}, ...highlighted(text, quotes));
  const expand = el("button", { type: "button", className: "plain", hidden: true }, "Show all");
  expand.ariaExpanded = "false";
  expand.onclick = () => {
    const open = quote.classList.toggle("open");
    expand.ariaExpanded = String(open);
    expand.textContent = open ? "Show less" : "Show all";
  };
  foldedSizes.observe(quote);
  return [quote, expand];
}

/** A folded passage shows its marked words, and offers more only when some is hidden. */
const foldedSizes = new ResizeObserver((entries) => {
  for (const { target: quote } of entries) {
    if (quote.classList.contains("open")) continue;
    const clipped = quote.scrollHeight > quote.clientHeight + 1;
    quote.classList.toggle("clipped", clipped);
    quote.nextSibling.hidden = !clipped;
    const mark = quote.querySelector("mark");
    quote.scrollTop = mark ? mark.offsetTop - parseFloat(getComputedStyle(quote).lineHeight) : 0;
  }
});

function highlighted(text, quotes) {
  const nodes = [];
  let end = 0;
  const spans = quotes.map(({ quote }) => find(text, quote)).filter(Boolean);
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    const start = Math.max(from, end);
    if (to <= start) continue;
    nodes.push(text.slice(end, start), el("mark", {}, text.slice(start, to)));
    end = to;
  }
  return [...nodes, text.slice(end)];
}

/** Where the quote stands in the text, as [from, to]; white space may differ. */
function find(text, quote) {
  const words = (quote ?? "").trim().split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const match = words[0] && text.match(new RegExp(words.join("\\s+")));
  return match && [match.index, match.index + match[0].length];
}

export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
