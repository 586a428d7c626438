import { el } from "../ui/el.js";

const NEAREST_SHOWN = 3;

/** Draw a turn's sources and return its cards by number. Once it is over, cited ones, or the nearest, are open. */
export function drawSources(list, { sources, citations, abstained, ended }, chat) {
  const { texts } = chat;
  const cards = new Map(sources.map((source) => [source.n, sourceCard(source, citations, chat)]));
  const cited = new Set(citations.map(({ n }) => n));
  const matters = ({ n }, rank) => ended && (abstained ? rank < NEAREST_SHOWN : cited.has(n));
  const shown = sources.filter(matters).map(({ n }) => cards.get(n));
  const rest = [...cards.values()].filter((card) => !shown.includes(card));
  const heading = shown.length ? [el("h3", {}, abstained ? texts.nearest : texts.sources)] : [];
  const label = `${shown.length ? texts.more : texts.sources} (${rest.length})`;
  const folded = rest.length ? [el("details", {}, el("summary", {}, label), ...rest)] : [];
  list.replaceChildren(...heading, ...shown, ...folded);
  return cards;
}

export function openSource(card) {
  const more = card.closest("details");
  if (more) more.open = true;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

/** Where a passage stands, for people. */
export function placeOf({ page, section }, { texts, fill }) {
  return [page && fill(texts.page, { n: page }), section].filter(Boolean).join(" · ");
}

function sourceCard(source, citations, chat) {
  const { n, title, text } = source;
  const place = placeOf(source, chat);
  const quotes = citations.filter((citation) => citation.n === n && citation.supported !== false);
  const number = el("span", { className: "number" }, String(n));
  const heading = el("h4", { dir: "auto" }, number, `${title} `, el("span", { className: "quiet" }, place));
  const parts = [heading, ...passage(text ?? "", quotes, chat), originalLink(source, quotes[0], chat)];
  const card = el("article", { className: "source", tabIndex: -1, testid: "source" }, ...parts);
  card.dataset.title = [title, place].filter(Boolean).join(", ");
  return card;
}

function originalLink(source, { start, end } = source, { texts, view }) {
  const place = { document: source.document_id, version: source.version, start, end, page: source.page ?? "" };
  return el("a", { ...view(new URLSearchParams(place)), target: "_blank" }, texts.original);
}

function passage(text, quotes, { texts }) {
  const quote = el("blockquote", { dir: "auto" }, ...highlighted(text, quotes));
  const expand = el("button", { type: "button", className: "plain", hidden: true }, texts.all);
  expand.ariaExpanded = "false";
  expand.onclick = () => {
    const open = quote.classList.toggle("open");
    expand.ariaExpanded = String(open);
    expand.textContent = open ? texts.less : texts.all;
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
