import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { count, field, notice } from "../../ui/parts.js";
import { note } from "../router.js";

export const title = "Search";

const MODES = { hybrid: "Words and meaning", dense: "Meaning alone", lexical: "Words alone" };
const FIELDS = ["q", "mode", "collection", "language", "from", "to", "metadata", "top_k"];
/** What each score is, and its scale. */
const SCORES = { dense: "meaning", lexical: "words", hop: "by a name", rerank: "reranker" };

/** The search that answers use, to be tried: what is found, how it was scored, and why other passages were not. */
export async function show(main, params, { signal }) {
  const inputs = searchInputs(params);
  const found = el("div", { className: "found", ariaLive: "polite" });
  const form = searchForm(inputs);
  form.onsubmit = (event) => {
    event.preventDefault();
    note(valuesOf(inputs), { push: true });
    search(inputs, found, signal);
  };
  main.append(form, found);
  await offerCollections(inputs.collection, signal);
  if (inputs.q.value) await search(inputs, found, signal);
}

function searchInputs(params) {
  const text = (name, more) => el("input", { name, value: params.get(name) ?? "", ...more });
  const inputs = {
    q: text("q", { type: "search", required: true, maxLength: 4000, ariaLabel: "Question or words", testid: "query" }),
    mode: el("select", { name: "mode" }, ...Object.entries(MODES).map(([value, label]) => el("option", { value }, label))),
    collection: el("select", { name: "collection" }, el("option", { value: "" }, "All collections")),
    language: text("language", { placeholder: "en, de" }),
    from: text("from", { type: "date" }),
    to: text("to", { type: "date" }),
    metadata: text("metadata", { placeholder: "department=HR" }),
    top_k: text("top_k", { type: "number", min: 1, max: 100, placeholder: "10" }),
  };
  inputs.mode.value = params.get("mode") || "hybrid";
  const wanted = params.get("collection");
  if (wanted) inputs.collection.append(el("option", { value: wanted, selected: true }, wanted));
  return inputs;
}

function searchForm(inputs) {
  const { q, mode, collection, language, from, to, metadata, top_k: number } = inputs;
  q.classList.add("grow");
  const narrow = el("details", {}, el("summary", {}, "Narrow it"),
    el("div", { className: "fields" }, field("Language", language), field("Changed from", from), field("to", to),
      field("Metadata", metadata, "field=value, several with commas"), field("Passages", number)));
  narrow.open = [language, from, to, metadata, number].some(({ value }) => value);
  const go = el("button", { className: "primary", testid: "go" }, "Search");
  const where = el("div", { className: "fields" }, field("Compare", mode), field("Collection", collection));
  return el("form", { className: "card search" }, el("div", { className: "bar" }, q, go), where, narrow);
}

const valuesOf = (inputs) => Object.fromEntries(FIELDS.map((name) => [name, inputs[name].value.trim()]));
const listOf = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

async function offerCollections(select, signal) {
  const { collections } = await (await call("/v1/collections", { signal })).json();
  const known = new Set([...select.options].map(({ value }) => value));
  select.append(...collections.filter(({ name }) => !known.has(name)).map(({ name }) => el("option", { value: name }, name)));
}

function requestOf(inputs) {
  const { q, mode, collection, language, from, to, metadata, top_k: number } = valuesOf(inputs);
  return {
    query: q, mode, explain: true, top_k: Number(number) || 10, collections: collection ? [collection] : null,
    filters: {
      languages: listOf(language), dated_from: from || null, dated_to: to || null, metadata: metadataOf(metadata),
    },
  };
}

/** `country=DE, country=AT, draft=false, year="2024"`: numbers and true or false as such, a field's values together. */
function metadataOf(text) {
  const found = {};
  for (const pair of listOf(text)) {
    const [name, ...rest] = pair.split("=");
    (found[name.trim()] ??= []).push(valueOf(rest.join("=").trim()));
  }
  return found;
}

function valueOf(text) {
  try {
    const value = JSON.parse(text);
    return ["string", "number", "boolean"].includes(typeof value) ? value : text;
  } catch {
    return text;
  }
}

let searches = 0;

/** A slow search does not show over a later one. */
async function search(inputs, node, signal) {
  const mine = (searches += 1);
  const isLast = () => mine === searches && !signal.aborted;
  node.ariaBusy = "true";
  try {
    const answer = await (await call("/v1/search", { method: "POST", json: requestOf(inputs), signal })).json();
    if (isLast()) draw(node, answer);
  } catch (error) {
    if (isLast()) node.replaceChildren(notice(error.message, "bad"));
  }
  if (isLast()) node.ariaBusy = "false";
}

function draw(node, { hits, took_ms: took, candidates }) {
  const total = took.total ?? Object.values(took).reduce((sum, each) => sum + each, 0);
  const summary = `${count(hits.length, "passage")} in ${Math.round(total)} ms`;
  node.replaceChildren(el("p", { className: "quiet" }, summary), el("ol", { className: "hits" }, ...hits.map(hitCard)));
  if (candidates?.length) node.append(candidateTable(candidates));
}

const addressOf = (document, chunk) => `/console/documents/${encodeURIComponent(document)}?chunk=${ordinal(chunk) + 1}`;
const ordinal = (chunk) => Number(chunk.split(".").pop());
const rounded = (score) => (score === null || score === undefined ? "–" : score.toFixed(3));

function hitCard(hit) {
  const link = el("a", { href: addressOf(hit.document_id, hit.chunk_id) }, hit.title);
  const place = [hit.page && `page ${hit.page}`, hit.section].filter(Boolean).join(" · ");
  const parts = Object.entries(SCORES).filter(([name]) => hit.scores[name] !== undefined);
  const scores = parts.map(([name, label]) => `${label} ${rounded(hit.scores[name])}`);
  const all = [`score ${rounded(hit.score)}`, ...scores].join(" · ");
  const head = el("div", { className: "bar" }, el("strong", {}, link), el("span", { className: "quiet" }, place));
  return el("li", { className: "card", testid: "hit" }, head, el("blockquote", {}, hit.text), el("small", { className: "quiet" }, all));
}

/** Every passage that was considered, best first, in a table that scrolls by itself where it is too wide. */
function candidateTable(candidates) {
  const columns = ["Place", "Passage", "Score", "Meaning", "Words", "By a name", "Why it is no hit"];
  const head = el("tr", {}, ...columns.map((label) => el("th", { scope: "col" }, label)));
  const table = el("table", {}, el("caption", { className: "unseen" }, "Candidates"), el("thead", {}, head),
    el("tbody", {}, ...candidates.map(candidateRow)));
  const scroller = el("div", { className: "table scroller-x", tabIndex: 0, role: "region", ariaLabel: "Candidates" }, table);
  const summary = el("summary", {}, `How ${count(candidates.length, "passage")} were compared`);
  return el("details", { testid: "candidates" }, summary, scroller);
}

function candidateRow(one) {
  const ranked = (score, rank) => (rank ? `${rounded(score)} (no. ${rank})` : rounded(score));
  const passage = el("a", { href: addressOf(one.document_id, one.chunk_id) }, `${one.title ?? "Removed"}, passage ${ordinal(one.chunk_id) + 1}`);
  const cells = [one.rank ?? "–", passage, rounded(one.score) + (one.rerank_rank ? `, reranker ${ranked(one.rerank, one.rerank_rank)}` : ""), ranked(one.dense, one.dense_rank),
    ranked(one.lexical, one.lexical_rank), one.hop ? rounded(one.hop) : "–", one.dropped ?? ""];
  return el("tr", {}, ...cells.map((cell) => el("td", {}, cell)));
}
