import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { describeOriginal, originalLink, readOriginal } from "../../ui/original.js";
import { Pace } from "../../ui/pace.js";
import { bytes, day, notice, status, time } from "../../ui/parts.js";
import { toast } from "../../ui/toast.js";
import { moves, watch } from "../../ui/watch.js";
import { confirmDelete } from "../bulk.js";
import { may } from "../caller.js";
import { chunkList } from "../chunks.js";
import { askDetails, textOf } from "../details.js";
import { advice, describe, describePace, nameOf, sizes } from "../describe.js";
import { go, note, setTitle } from "../router.js";

export const title = "Document";

export async function show(main, params, { signal, id, me }) {
  const view = { main, signal, id, writes: may(me, "documents:write"), pace: new Pace(), chunk: params.get("chunk") };
  view.state = el("div", { className: "state-line", testid: "state" });
  view.facts = el("dl", { className: "facts" });
  view.versions = el("details", { className: "versions", testid: "versions" });
  view.reading = el("div");
  view.actions = el("div", { className: "bar" });
  main.classList.add("full");
  main.prepend(el("p", { className: "back" }, el("a", { href: "/console/documents" }, "‹ All documents")));
  main.querySelector(".head").append(view.actions);
  main.append(view.state, view.facts, view.versions, view.reading);
  take(view, await json(address(id), { signal }));
  await drawReading(view);
}

const address = (id, rest = "") => `/v1/documents/${encodeURIComponent(id)}${rest}`;

async function json(path, options) {
  return (await call(path, options)).json();
}

/** Show what is known of the document now, and follow it while it is on its way. */
function take(view, row) {
  view.row = row;
  setTitle(nameOf(row));
  drawState(view);
  drawActions(view);
  drawFacts(view);
  drawVersions(view);
  if (moves(row) && !view.watched) {
    view.watched = true;
    watch(row.id, (now) => moved(view, now), view.signal);
  }
}

function moved(view, row) {
  if (!row) return gone(view);
  const before = view.row.serving_version;
  if (row.progress.total) view.pace.add(row.progress.done);
  view.watched = moves(row);
  take(view, row);
  if (row.serving_version !== before) drawReading(view);
}

function gone({ main }) {
  main.append(notice("This document was deleted.", "bad"));
}

function drawState({ state, row, pace }) {
  const parts = [status(row.status, describe(row))];
  const aside = row.status === "queued" ? row.waiting : describePace(pace, row);
  if (aside) parts.push(el("span", { className: "quiet" }, aside));
  if (row.status === "processing" && row.progress.total) {
    const { total: max, done: value } = row.progress;
    parts.push(el("progress", { max, value, ariaLabel: "Progress" }));
  }
  if (row.status === "failed") parts.push(el("span", { className: "quiet" }, advice(row.error)));
  if (row.serving_version && row.serving_version !== row.version) {
    const text = `Answers use version ${row.serving_version} until version ${row.version} is ready.`;
    parts.push(el("span", { className: "quiet" }, text));
  }
  state.replaceChildren(...parts, ...row.warnings.map((warning) => notice(warning, "warn")));
}

function drawActions(view) {
  const { row, writes, actions } = view;
  const button = (label, onclick, className = "") => el("button", { type: "button", onclick, className }, label);
  const link = originalLink({ id: row.id, version: row.version, filename: row.filename });
  const focused = [...actions.children].indexOf(document.activeElement);
  actions.replaceChildren(link, ...(writes ? [
    button("Edit details", () => edit(view)),
    button(row.status === "failed" ? "Try again" : "Process again", () => attempt(() => reprocess(view))),
    button("Delete…", () => attempt(() => remove(view)), "bad"),
  ] : []));
  actions.children[focused]?.focus({ preventScroll: true });
}

async function attempt(doing) {
  try {
    await doing();
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message, { bad: true });
  }
}

async function reprocess(view) {
  take(view, await json(address(view.id, "/reprocess"), { method: "POST" }));
}

async function remove({ row }) {
  if (!(await confirmDelete([row]))) return;
  await call(address(row.id), { method: "DELETE" });
  toast(`${nameOf(row)} deleted; this cannot be undone`);
  go("/console/documents");
}

async function edit(view) {
  await attempt(async () => {
    const { collections } = await json("/v1/collections", { signal: view.signal });
    const before = view.row;
    const changed = await askDetails(before, collections.map(({ name }) => name));
    if (!changed) return;
    await patch(view, changed);
    const back = Object.fromEntries(Object.keys(changed).map((name) => [name, before[name]]));
    toast("Details saved", { undo: () => attempt(async () => { await patch(view, back); toast("Undone"); }) });
  });
}

async function patch(view, changed) {
  const row = await json(address(view.id), { method: "PATCH", json: changed });
  if (!view.signal.aborted) take(view, row);
}

function drawFacts({ facts, row }) {
  const written = row.written_at ?? row.modified_at;
  const known = [
    ["Collection", row.collection],
    ["Seen by", row.access.length ? row.access.join(", ") : "everyone"],
    ["File", row.filename],
    ["Size", [bytes(row.bytes), ...sizes(row)].join(" · ")],
    ["Name in its source", row.source_ids.join(", ")],
    ["Author", row.author],
    ["Written", written && day(written)],
    ["Language", row.language],
    ...Object.entries(row.metadata).map(([name, value]) => [name, textOf(value)]),
  ];
  facts.replaceChildren(...known.filter(([, value]) => value).map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function drawVersions(view) {
  const { versions, row } = view;
  const newestFirst = [...row.versions].sort((a, b) => b.version - a.version);
  const heading = row.versions.length === 1 ? "1 version" : `${row.versions.length} versions`;
  const lines = newestFirst.map((version) => versionLine(view, version));
  versions.replaceChildren(el("summary", {}, heading), el("ul", {}, ...lines));
}

function versionLine(view, version) {
  const { row, writes } = view;
  const number = version.version;
  const serves = number === row.serving_version ? [el("strong", {}, "answers use this one")] : [];
  const link = originalLink({ id: row.id, version: number, filename: version.filename });
  link.ariaLabel = `Open the original of version ${number}`;
  const onclick = () => attempt(() => restoreVersion(view, number));
  const restore = el("button", { type: "button", ariaLabel: `Restore version ${number}`, onclick }, "Restore");
  const file = [version.filename, " · ", bytes(version.bytes), " · ", time(version.created_at)];
  return el("li", { testid: "version" }, el("span", {}, `Version ${number}`), ...serves,
    status(version.status, describe(version)), el("span", { className: "quiet" }, ...file), link,
    ...(writes && number !== row.version ? [restore] : []));
}

async function restoreVersion(view, number) {
  take(view, await json(address(view.id, `/versions/${number}/restore`), { method: "POST" }));
  toast(`Version ${number} becomes the newest one again, once it is ready.`);
}

/** The text or the pages beside the passages that were made of them. */
async function drawReading(view) {
  const { row, signal, reading } = view;
  if (!row.serving_version) {
    const none = "Its text and passages are shown here once it has been read.";
    reading.replaceChildren(el("p", { className: "nothing" }, none));
    return;
  }
  try {
    const [about, chunks] = await Promise.all([
      describeOriginal(row.id, row.serving_version, signal),
      json(address(row.id, "/chunks"), { signal }),
    ]);
    if (!signal.aborted) drawPair(view, about, chunks);
  } catch (error) {
    if (signal.aborted) return;
    const again = el("button", { type: "button", onclick: () => drawReading(view) }, "Try again");
    reading.replaceChildren(notice(error.message, "bad", again));
  }
}

function drawPair(view, about, chunks) {
  const choose = (chunk) => {
    if (!chunk) return;
    const isAbove = original.node.getBoundingClientRect().bottom < innerHeight / 3; // on a phone
    if (isAbove) original.node.scrollIntoView();
    list.choose(chunk);
    note({ chunk: chunk.ordinal + 1 });
    original.mark(chunk.start, chunk.end, chunk.page);
  };
  const regions = (page) => chunks.filter((chunk) => chunk.page === page).map((chunk) => ({
    label: `Passage ${chunk.ordinal + 1}`, start: chunk.start, end: chunk.end, pick: () => choose(chunk),
  }));
  const onPick = (offset) => choose(list.at(offset));
  const original = readOriginal({ id: view.id, about, signal: view.signal, onPick, regions });
  const list = chunkList(chunks, choose);
  view.reading.className = "reading";
  view.reading.replaceChildren(original.node, list.node);
  const wanted = chunks[Number(view.chunk) - 1];
  if (wanted) choose(wanted);
  else original.mark(0, 0, 1);
}
