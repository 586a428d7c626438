import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { count, facts, notice, status, time } from "../../ui/parts.js";
import { table } from "../../ui/table.js";
import { makeCase } from "../cases.js";
import { attempt, pagesOf } from "../forms.js";
import { query, setTitle } from "../router.js";

export const title = "Question";

const HEADING_CHARS = 140;
const CANDIDATES_SHOWN = 20;
const EARLIER = " (an earlier version)";

export async function show(main, params, { signal, id }) {
  const href = `/console/questions${query({ days: params.get("days") })}`;
  main.prepend(el("p", { className: "back" }, el("a", { href }, "‹ All questions")));
  const trace = await (await call(`/v1/traces/${encodeURIComponent(id)}`, { signal })).json();
  const question = trace.question ?? "A question whose text is not kept";
  const isShort = question.length <= HEADING_CHARS;
  setTitle(isShort ? question : `${question.slice(0, HEADING_CHARS)}…`);
  const onclick = () => attempt(() => makeCase(trace));
  const make = el("button", { type: "button", className: "primary", onclick }, "Make a case");
  main.querySelector(".head").append(el("div", { className: "bar" }, make));
  if (!isShort) main.append(el("p", { className: "said" }, question));
  main.append(outcome(trace), about(trace), ...answer(trace), ...opinions(trace), ...sources(trace), ...timings(trace));
  main.append(await candidates(trace, signal));
}

const section = (heading, ...nodes) => el("section", { className: "part" }, el("h2", {}, heading), ...nodes);
const below = (text) => el("div", { className: "quiet below" }, text);

function outcome({ ended, error, withheld, abstained }) {
  if (ended === "left") return status("queued", "The reader did not wait for the end");
  if (ended === "error") return status("failed", `Failed: ${error?.detail || error?.title}`);
  return abstained ? status("queued", `Not answered: ${withheld}`) : status("ready", "Answered");
}

function about(trace) {
  const { prompt_tokens: prompt, completion_tokens: completion } = trace.usage;
  const collections = trace.search.collections?.join(", ");
  const tokens = `${prompt.toLocaleString("en")} read, ${completion.toLocaleString("en")} written`;
  return facts([["Asked", time(trace.at)], ["By", trace.principal], ["In", collections ?? "all collections"],
    ["Evidence", trace.evidence === null ? "not known" : `${Math.round(trace.evidence * 100)} %`],
    ["Generator", trace.generator ?? "none"], ["Chosen because", trace.routed],
    ["Tokens", prompt + completion ? tokens : ""]]);
}

function answer({ answer: said, written, removed }) {
  const parts = said ? [section("Answer", el("p", { className: "said card", testid: "answer" }, said))] : [];
  if (removed) parts.push(notice("Text is left out: a document was deleted or closed since.", "warn"));
  if (written && written !== said) {
    const text = el("p", { className: "said" }, written);
    parts.push(el("details", { className: "part" }, el("summary", {}, "What the model wrote, before the check"), text));
  }
  return parts;
}

function opinions({ feedback }) {
  if (!feedback.length) return [];
  return [section("Opinions", el("ul", { className: "lines" }, ...feedback.map((one) => {
    const said = [one.rating === "up" ? "Thumbs up" : "Thumbs down", ...one.reasons].join(", ");
    const who = el("div", { className: "quiet below" }, `${one.principal} · `, time(one.at));
    return el("li", {}, said, ...(one.comment ? [el("p", { className: "said" }, one.comment)] : []), who);
  })))];
}

function sources({ citations }) {
  if (!citations.length) return [];
  return [section("Citations", el("ol", { className: "lines" }, ...citations.map((one) => {
    const checked = one.supported ? status("ready", "Supported") : status("failed", "Not supported");
    const head = el("div", { className: "bar" }, `[${one.n}] `, citationLink(one), checked);
    const quote = one.quote ? [el("blockquote", { className: "said" }, one.quote)] : [];
    return el("li", {}, head, ...quote);
  })))];
}

/** A citation leads to its words, a candidate to its passage in the document. */
function citationLink({ document_id: id, title: name, version, start, end, page, state }) {
  if (state === "removed") return gone();
  const href = `/view#${new URLSearchParams({ document: id, version, start, end, ...(page ? { page } : {}) })}`;
  const text = page ? `${name ?? id}, page ${page}` : name ?? id;
  return el("a", { href, target: "_blank" }, text + (state === "replaced" ? EARLIER : ""));
}

function candidateLink({ document_id: id, chunk_id: chunkId, title: name, state }) {
  if (state === "removed") return gone();
  const chunk = Number(chunkId.split(".").at(-1)) + 1; // an id ends with the passage's place, from 0
  const href = `/console/documents/${encodeURIComponent(id)}`;
  if (state === "replaced") return el("a", { href }, (name ?? id) + EARLIER);
  return el("a", { href: href + query({ chunk }) }, `${name ?? id}, passage ${chunk}`);
}

const gone = () => el("span", { className: "quiet" }, "A document that is gone");

const milliseconds = (number) => `${number >= 10 ? Math.round(number).toLocaleString("en") : number.toFixed(1)} ms`;

function timings({ timings: given }) {
  const names = Object.entries(given);
  const list = (prefix) => names.filter(([name]) => name.startsWith("search_") === prefix)
    .map(([name, spent]) => [name.replace(/^search_/, "").replaceAll("_", " "), milliseconds(spent)]);
  const [steps, parts] = [list(false), list(true)];
  const shown = [["Since the question", steps], ["Parts of the search", parts]].filter(([, some]) => some.length);
  if (!shown.length) return [];
  return [section("Times", ...shown.flatMap(([label, some]) => [below(label), facts(some, "times")]))];
}

const documentCell = (row) => el("div", {}, candidateLink(row), ...(row.dropped ? [below(row.dropped)] : []));

async function candidates({ candidates: found }, signal) {
  const score = (value) => (value === null ? "–" : value.toFixed(3));
  const ranked = (name) => (row) => {
    const [value, rank] = [row[name], row[`${name}_rank`]];
    return el("span", { title: rank ? `Rank ${rank}` : "" }, value ? score(value) : "–");
  };
  const columns = [
    { label: "Source", cell: ({ rank }) => (rank ? String(rank) : "–"), className: "rank" },
    { label: "Document", cell: documentCell },
    { label: "Score", cell: (row) => score(row.score), className: "number" },
    { label: "By meaning", cell: ranked("dense"), wide: true, className: "number" },
    { label: "By words", cell: ranked("lexical"), wide: true, className: "number" },
    { label: "Reranked", cell: ranked("rerank"), wide: true, className: "number" },
  ];
  const empty = () => el("p", { className: "nothing" }, "No passage was considered.");
  const label = "Passages that were considered";
  const load = pagesOf(found, CANDIDATES_SHOWN);
  const list = table({ label, columns, signal, empty, key: (row) => row.chunk_id, load });
  await list.reload();
  return section(`Considered: ${count(found.length, "passage")}`, list.node);
}
