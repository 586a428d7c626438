import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { status, time } from "../../ui/parts.js";
import { table } from "../../ui/table.js";
import { moves, watch } from "../../ui/watch.js";
import { adding } from "../adding.js";
import { offer } from "../bulk.js";
import { may } from "../caller.js";
import { advice, describe, nameOf, sizes } from "../describe.js";
import { note, query } from "../router.js";
import { selectionBar } from "../selection.js";
import * as uploads from "../uploads.js";

export const title = "Documents";

const PAGE = 50;
const COUNTS_EVERY_MS = 3000;
const TYPING_MS = 250;
const PREPENDED_MOST = 20;
/** A tab's status in the address, its label, and its field in the service's counts. */
const TABS = [["", "All", "total"], ["ready", "Ready", "ready"], ["queued", "Waiting", "queued"],
  ["processing", "Processing", "processing"], ["failed", "Failed", "failed"]];

export async function show(main, params, { signal, me }) {
  const filters = Object.fromEntries(["q", "collection", "status"].map((name) => [name, params.get(name) ?? ""]));
  const read = { collections: [], counts: {}, prepended: 0, followed: new Set() };
  const view = { main, signal, filters, writes: may(me, "documents:write"), ...read };
  view.list = documentTable(view);
  if (view.writes) {
    view.adding = adding(main, filters.collection, signal);
    view.selection = documentSelection(view);
    main.append(view.adding.node, uploads.panel);
  }
  view.newer = el("button", { type: "button", hidden: true, onclick: () => refresh(view) }, "Show newer documents");
  main.append(filterBar(view), view.newer, view.list.node, ...(view.writes ? [view.selection.node] : []));
  hearUploads(view);
  await Promise.all([view.list.reload(), readCounts(view), readCollections(view)]);
}

async function json(path, options) {
  return (await call(path, options)).json();
}

/* Filters, which live in the URL */

function filterBar(view) {
  const search = el("input", { type: "search", value: view.filters.q, placeholder: "Name or title", testid: "search" });
  search.ariaLabel = "Search by name or title";
  view.tabs = el("div", { className: "tabs", role: "group", ariaLabel: "State" });
  view.select = el("select", { ariaLabel: "Collection", testid: "collection" });
  let typed;
  search.oninput = () => {
    clearTimeout(typed);
    typed = setTimeout(() => change(view, { q: search.value.trim() }), TYPING_MS);
  };
  view.select.onchange = () => {
    change(view, { collection: view.select.value }, { push: true });
    if (view.adding) view.adding.into.value = view.select.value || "default";
  };
  drawTabs(view);
  drawCollections(view);
  return el("div", { className: "bar filters" }, view.tabs, el("div", { className: "bar" }, search, view.select));
}

function change(view, changed, { push = false } = {}) {
  if (view.signal.aborted) return;
  Object.assign(view.filters, changed);
  note(view.filters, { push });
  drawTabs(view);
  refresh(view);
}

function drawTabs(view) {
  const focused = view.tabs.contains(document.activeElement) ? document.activeElement.dataset.state : null;
  view.tabs.replaceChildren(...TABS.map(([state, label, counted]) => {
    const number = view.counts[counted];
    const onclick = () => change(view, { status: state }, { push: true });
    const button = el("button", { type: "button", onclick }, `${label} `);
    if (number !== undefined) button.append(el("span", { className: "quiet" }, number.toLocaleString("en")));
    button.dataset.state = state;
    button.ariaPressed = String(view.filters.status === state);
    return button;
  }));
  if (focused !== null) view.tabs.querySelector(`[data-state="${focused}"]`).focus();
}

/** Read the counts, and again every 3 s while something is on its way. */
async function readCounts(view) {
  clearTimeout(view.nextCounts);
  const mine = (view.countsTurn = (view.countsTurn ?? 0) + 1);
  const { q, collection } = view.filters;
  const path = `/v1/documents/counts${query({ q, collection })}`;
  const counts = await json(path, { signal: view.signal }).catch(() => null);
  if (view.signal.aborted || mine !== view.countsTurn) return;
  if (counts && JSON.stringify(counts) !== JSON.stringify(view.counts)) {
    view.counts = counts;
    drawTabs(view);
    view.selection?.draw();
  }
  if (counts && !counts.queued && !counts.processing) return;
  view.nextCounts = setTimeout(() => view.signal.aborted || readCounts(view), COUNTS_EVERY_MS);
}

async function readCollections(view) {
  const { collections } = await json("/v1/collections", { signal: view.signal });
  view.collections = collections.map(({ name }) => name);
  drawCollections(view);
}

function drawCollections({ select, collections, filters, adding: added }) {
  const known = [...new Set([...collections, filters.collection].filter(Boolean))].sort();
  const options = known.map((name) => el("option", { value: name }, name));
  select.replaceChildren(el("option", { value: "" }, "All collections"), ...options);
  select.value = filters.collection;
  if (added) offer(added.into, collections);
}

/* The list */

function documentTable(view) {
  const columns = [
    { label: "Document", cell: nameCell, className: "document" },
    { label: "State", cell: (row) => stateCell(view, row), className: "state" },
    { label: "Collection", cell: collectionCell, wide: true },
    { label: "Added", cell: (row) => time(row.created_at), wide: true, className: "added" },
  ];
  return table({
    label: "Documents", columns, stacked: true, signal: view.signal, key: ({ id }) => id, name: nameOf,
    load: (cursor, signal) => loadPage(view, cursor, signal),
    empty: () => emptyList(view),
    onSelect: view.writes ? () => view.selection.draw() : null,
  });
}

async function loadPage(view, cursor, signal) {
  const path = `/v1/documents${query({ ...view.filters, cursor, limit: PAGE })}`;
  const { documents, next_cursor: next } = await json(path, { signal });
  documents.filter(moves).forEach((row) => follow(view, row.id));
  return { rows: documents, next };
}

function emptyList({ filters, writes }) {
  const filtered = filters.q || filters.collection || filters.status;
  const none = writes ? "No documents yet. Add files or drop them here." : "No documents yet.";
  return el("p", { className: "nothing" }, filtered ? "No document matches." : none);
}

function nameCell(row) {
  const link = el("a", { href: `/console/documents/${encodeURIComponent(row.id)}` }, nameOf(row));
  const below = row.source_id ?? row.filename;
  return el("div", {}, link, ...(below === nameOf(row) ? [] : [belowLine(below)]));
}

function collectionCell({ collection, access }) {
  return el("div", {}, collection, ...(access.length ? [belowLine(`seen by ${access.join(", ")}`)] : []));
}

function stateCell(view, row) {
  const ready = row.status === "ready";
  const node = el("div", {}, status(row.status, ready ? "Ready" : describe(row)));
  const below = ready ? sizes(row).join(" · ") : row.status === "failed" ? advice(row.error) : row.waiting;
  if (below) node.append(belowLine(below));
  if (row.status === "processing" && row.progress.total) {
    const { total: max, done: value } = row.progress;
    node.append(el("progress", { max, value, ariaLabel: `Progress of ${nameOf(row)}` }));
  }
  if (row.status === "failed" && view.writes) {
    const onclick = () => view.selection.act("reprocess", [row]);
    const ariaLabel = `Try ${nameOf(row)} again`;
    node.append(el("button", { type: "button", className: "plain", onclick, ariaLabel }, "Try again"));
  }
  return node;
}

const belowLine = (text) => el("div", { className: "quiet below" }, text);

function follow(view, id) {
  if (view.followed.has(id)) return;
  view.followed.add(id);
  watch(id, (row) => {
    if (!row || !moves(row)) view.followed.delete(id);
    if (row) view.list.update(row);
    else view.list.remove([id]);
  }, view.signal);
}

/** Documents that are uploaded here come to the top: a few of them, the rest when they are asked for. */
function hearUploads(view) {
  const heard = (row) => {
    if (view.list.rows.has(row.id)) return view.list.update(row);
    readCounts(view);
    if (!matches(row, view.filters)) return;
    if (view.prepended >= PREPENDED_MOST) return view.newer.hidden = false;
    view.prepended += 1;
    view.list.prepend([row]);
    if (moves(row)) follow(view, row.id);
  };
  uploads.listeners.add(heard);
  view.signal.addEventListener("abort", () => uploads.listeners.delete(heard));
}

function matches(row, { q, collection, status: state }) {
  const words = `${row.filename} ${row.title ?? ""}`.toLowerCase();
  return words.includes(q.toLowerCase())
    && (!collection || row.collection === collection) && (!state || row.status === state);
}

/* What was done to the selected ones */

function documentSelection(view) {
  const counted = () => view.counts[TABS.find(([state]) => state === view.filters.status)?.[2]] ?? 0;
  return selectionBar({
    list: view.list, signal: view.signal, filters: () => view.filters, matching: counted,
    collections: () => view.collections,
    onDone: (action, rows, given) => view.signal.aborted || drawDone(view, action, rows, given),
    onUndone: () => { refresh(view); readCollections(view); },
  });
}

/** Make the list show what was done, without reading it again. */
function drawDone(view, action, rows, given) {
  const left = view.filters.collection && given.collection && given.collection !== view.filters.collection;
  if (action === "delete" || left) view.list.remove(rows.map(({ id }) => id));
  else {
    const now = action === "reprocess" ? { status: "queued", error: null, waiting: null } : given;
    for (const row of rows) view.list.update({ ...row, ...now });
  }
  if (action === "reprocess") rows.forEach(({ id }) => follow(view, id));
  readCounts(view);
  if (action === "move") readCollections(view);
  view.main.querySelector("h1").focus({ preventScroll: true });
}

function refresh(view) {
  if (view.signal.aborted) return;
  view.prepended = 0;
  view.newer.hidden = true;
  view.list.reload();
  readCounts(view);
}
