import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { chosenFiles, droppedFiles } from "../../ui/files.js";
import { bytes, count, field, notice, status, time } from "../../ui/parts.js";
import { table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { moves, watch } from "../../ui/watch.js";
import * as bulk from "../bulk.js";
import { may } from "../caller.js";
import { advice, describe, nameOf, sizes } from "../describe.js";
import { note, query } from "../router.js";
import * as uploads from "../uploads.js";

export const title = "Documents";

const PAGE = 50;
const COUNTS_EVERY_MS = 3000;
const TYPING_MS = 250;
const PREPENDED_MOST = 20;
const TABS = [["", "All", "total"], ["ready", "Ready", "ready"], ["queued", "Waiting", "queued"],
  ["processing", "Processing", "processing"], ["failed", "Failed", "failed"]];

export async function show(main, params, { signal, me }) {
  const view = { main, signal, writes: may(me, "documents:write"), collections: [], counts: {} };
  view.filters = { q: params.get("q") ?? "", collection: params.get("collection") ?? "", status: params.get("status") ?? "" };
  if (view.writes) main.append(adding(view), uploads.panel);
  main.append(filterBar(view));
  view.list = documentTable(view);
  main.append(view.list.node);
  if (view.writes) main.append(bulkBar(view));
  listenToUploads(view);
  await Promise.all([view.list.reload(), readCounts(view), readCollections(view)]);
}

async function json(path, options) {
  return (await call(path, options)).json();
}

/* Adding */

function adding(view) {
  const files = el("input", { type: "file", multiple: true, hidden: true, testid: "upload-input", ariaLabel: "Files to add" });
  const folder = el("input", { type: "file", hidden: true, webkitdirectory: true, testid: "folder-input", ariaLabel: "Folder to add" });
  const into = bulk.collectionInput([], view.filters.collection || "default");
  const access = bulk.accessInput();
  const limits = el("p", { className: "quiet", testid: "limits" });
  view.addTo = into;
  let maxBytes = Infinity;

  const add = (chosen) => {
    if (!into.reportValidity()) return;
    uploads.add(chosen, { collection: into.value, access: bulk.groupsOf(access), maxBytes });
  };
  files.onchange = folder.onchange = ({ target }) => { add(chosenFiles(target.files)); target.value = ""; };
  view.main.querySelector(".head").append(
    el("button", { type: "button", className: "primary", onclick: () => files.click() }, "Add files"),
    el("button", { type: "button", onclick: () => folder.click() }, "Add a folder"),
  );
  json("/v1/limits", { signal: view.signal }).then((told) => {
    maxBytes = told.max_upload_bytes;
    limits.replaceChildren(...limitsText(told));
  }).catch(() => {}); // the service says what it refuses anyway
  takeDrops(view, add);
  const where = el("div", { className: "bar where" }, field("Add to collection", into), field("Seen by groups", access));
  return el("section", { className: "card adding", ariaLabel: "Add documents" },
    el("div", { className: "grow" }, el("p", {}, "Drop files or folders anywhere on this page."), limits), where, into.choices, files, folder);
}

function limitsText({ max_upload_bytes: most, extensions, missing }) {
  const formats = el("details", {}, el("summary", {}, count(extensions.length, "file type")), extensions.join(" "));
  const lacking = missing.map(({ extensions: some, needs }) => notice(`Not read on this machine: ${some.join(" ")} (needs ${needs})`, "warn"));
  const folders = "A file of a folder that is added again under the same path becomes a new version.";
  return [`Up to ${bytes(most)} each. ${folders}`, formats, ...lacking];
}

function takeDrops({ main, signal }, add) {
  const cover = el("div", { className: "drop", hidden: true }, el("p", {}, "Drop to add to your documents"));
  main.append(cover);
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const listen = (type, handle) => addEventListener(type, (event) => hasFiles(event) && handle(event), { signal });
  listen("dragover", (event) => { event.preventDefault(); cover.hidden = false; });
  listen("dragleave", (event) => { if (event.relatedTarget === null) cover.hidden = true; });
  listen("drop", async (event) => {
    event.preventDefault();
    cover.hidden = true;
    add(await droppedFiles(event.dataTransfer));
  });
}

/* Filters, which live in the URL */

function filterBar(view) {
  const tabs = el("div", { className: "tabs", role: "group", ariaLabel: "State" });
  const search = el("input", { type: "search", value: view.filters.q, placeholder: "Name or title", ariaLabel: "Search by name or title", testid: "search" });
  const collection = el("select", { ariaLabel: "Collection", testid: "collection" });
  Object.assign(view, { tabs, collectionSelect: collection });
  let typed;
  search.oninput = () => {
    clearTimeout(typed);
    typed = setTimeout(() => change(view, { q: search.value.trim() }), TYPING_MS);
  };
  collection.onchange = () => {
    change(view, { collection: collection.value }, { push: true });
    if (view.addTo) view.addTo.value = collection.value || "default";
  };
  drawTabs(view);
  drawCollections(view);
  return el("div", { className: "bar filters" }, tabs, el("div", { className: "bar" }, search, collection));
}

function change(view, changed, { push = false } = {}) {
  if (view.signal.aborted) return;
  Object.assign(view.filters, changed);
  note(view.filters, { push });
  drawTabs(view);
  view.fresh = 0;
  view.list.reload();
  readCounts(view);
}

function drawTabs(view) {
  const focused = view.tabs.contains(document.activeElement) ? document.activeElement.dataset.state : null;
  view.tabs.replaceChildren(...TABS.map(([state, label, counted]) => {
    const number = view.counts[counted];
    const button = el("button", { type: "button", onclick: () => change(view, { status: state }, { push: true }) }, `${label} `);
    if (number !== undefined) button.append(el("span", { className: "quiet" }, number.toLocaleString("en")));
    button.dataset.state = state;
    button.ariaPressed = String(view.filters.status === state);
    return button;
  }));
  if (focused !== null) view.tabs.querySelector(`[data-state="${focused}"]`).focus();
}

async function readCounts(view) {
  clearTimeout(view.nextCounts);
  const { q, collection } = view.filters;
  const mine = (view.countsTurn = (view.countsTurn ?? 0) + 1);
  const counts = await json(`/v1/documents/counts${query({ q, collection })}`, { signal: view.signal }).catch(() => null);
  if (view.signal.aborted || mine !== view.countsTurn) return;
  if (counts && JSON.stringify(counts) !== JSON.stringify(view.counts)) {
    view.counts = counts;
    drawTabs(view);
    drawBulk(view);
  }
  if (!counts || counts.queued || counts.processing) view.nextCounts = setTimeout(() => readCounts(view), COUNTS_EVERY_MS);
  view.signal.addEventListener("abort", () => clearTimeout(view.nextCounts), { once: true });
}

async function readCollections(view) {
  const { collections } = await json("/v1/collections", { signal: view.signal });
  view.collections = collections.map(({ name }) => name);
  drawCollections(view);
}

function drawCollections({ collectionSelect: select, collections, filters, addTo }) {
  const known = [...new Set([...collections, filters.collection].filter(Boolean))].sort();
  select.replaceChildren(el("option", { value: "" }, "All collections"), ...known.map((name) => el("option", { value: name }, name)));
  select.value = filters.collection;
  if (addTo && collections.length) bulk.offer(addTo, collections);
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
    label: "Documents", columns, stacked: true, key: ({ id }) => id, name: nameOf, signal: view.signal,
    load: (cursor, signal) => loadPage(view, cursor, PAGE, signal),
    empty: () => emptyList(view),
    onSelect: view.writes ? () => drawBulk(view) : null,
  });
}

async function loadPage(view, cursor, limit, signal) {
  const { documents, next_cursor: next } = await json(`/v1/documents${query({ ...view.filters, cursor, limit })}`, { signal });
  documents.filter(moves).forEach((row) => follow(view, row.id));
  return { rows: documents, next };
}

function emptyList({ filters, writes }) {
  const filtered = filters.q || filters.collection || filters.status;
  if (filtered) return el("p", { className: "nothing" }, "No document matches.");
  return el("p", { className: "nothing" }, writes ? "No documents yet. Add files or drop them here." : "No documents yet.");
}

function nameCell(row) {
  const link = el("a", { href: `/console/documents/${encodeURIComponent(row.id)}` }, nameOf(row));
  const below = row.source_id ?? (row.title ? row.filename : "");
  return el("div", {}, link, ...(below && below !== nameOf(row) ? [el("div", { className: "quiet below" }, below)] : []));
}

function collectionCell({ collection, access }) {
  const seen = access.length ? [el("div", { className: "quiet below" }, `seen by ${access.join(", ")}`)] : [];
  return el("div", {}, collection, ...seen);
}

function stateCell(view, row) {
  const node = el("div", {}, status(row.status, row.status === "ready" ? "Ready" : describe(row)));
  const below = row.status === "ready" ? sizes(row).join(" · ") : row.status === "failed" ? advice(row.error) : row.waiting;
  if (below) node.append(el("div", { className: "quiet below" }, below));
  if (row.status === "processing" && row.progress.total) {
    node.append(el("progress", { max: row.progress.total, value: row.progress.done, ariaLabel: `Progress of ${nameOf(row)}` }));
  }
  if (row.status === "failed" && view.writes) {
    const onclick = () => act(view, "reprocess", [row]);
    node.append(el("button", { type: "button", className: "plain", onclick, ariaLabel: `Try ${nameOf(row)} again` }, "Try again"));
  }
  return node;
}

function follow(view, id) {
  watch(id, (row) => {
    if (row) view.list.update(row);
    else view.list.remove([id]);
  }, view.signal);
}

/** Documents that are uploaded here come to the top, a few; many only tell that they are there. */
function listenToUploads(view) {
  view.fresh = 0;
  const heard = (row) => {
    if (view.list.rows.has(row.id)) return view.list.update(row);
    readCounts(view);
    if (!matches(row, view.filters)) return;
    view.fresh += 1;
    if (view.fresh <= PREPENDED_MOST) {
      view.list.prepend([row]);
      if (moves(row)) follow(view, row.id);
    }
  };
  uploads.listeners.add(heard);
  view.signal.addEventListener("abort", () => uploads.listeners.delete(heard));
}

function matches(row, { q, collection, status: state }) {
  const words = `${row.filename} ${row.title ?? ""}`.toLowerCase();
  return (!q || words.includes(q.toLowerCase())) && (!collection || row.collection === collection) && (!state || row.status === state);
}

/* What is done to the selected ones */

function bulkBar(view) {
  const button = (label, action, className = "") =>
    el("button", { type: "button", className, onclick: () => act(view, action, [...view.list.selected.values()]) }, label);
  view.bulkText = el("span", { className: "grow", role: "status" });
  view.bulkAll = el("button", { type: "button", className: "plain", onclick: () => selectAll(view) });
  view.bulkProgress = el("progress", { hidden: true, ariaLabel: "Progress of the change" });
  view.bulkButtons = [button("Process again", "reprocess"), button("Move…", "move"), button("Access…", "access"),
    button("Delete…", "delete", "bad"), el("button", { type: "button", onclick: () => view.list.clear() }, "Clear selection")];
  view.bulk = el("section", { className: "bulk", hidden: true, ariaLabel: "Selected documents", testid: "bulk" },
    view.bulkText, view.bulkAll, view.bulkProgress, ...view.bulkButtons);
  return view.bulk;
}

function drawBulk(view) {
  if (!view.bulk) return;
  const number = view.list.selected.size;
  const matching = view.counts[TABS.find(([state]) => state === view.filters.status)?.[2]] ?? 0;
  view.bulk.hidden = number === 0;
  view.bulkText.textContent = `${number.toLocaleString("en")} selected`;
  view.bulkAll.hidden = number < view.list.rows.size || matching <= number;
  view.bulkAll.textContent = `Select all ${matching.toLocaleString("en")}`;
}

/** Select every document that the filters let through, shown or not. */
async function selectAll(view) {
  view.bulkAll.disabled = true;
  try {
    for (let cursor = null; ;) {
      const { documents, next_cursor: next } = await json(`/v1/documents${query({ ...view.filters, cursor, limit: 500 })}`, { signal: view.signal });
      view.list.select(documents);
      if (!next) break;
      cursor = next;
    }
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message, { bad: true });
  }
  view.bulkAll.disabled = false;
}

const ACTS = {
  reprocess: { more: async () => ({}), said: "processed again" },
  delete: { more: async (rows) => ((await bulk.confirmDelete(rows)) ? {} : null), said: "deleted; this cannot be undone" },
  move: { more: async (rows, { collections }) => wrapped("collection", await bulk.askCollection(rows, collections)), said: "moved", undo: "collection" },
  access: { more: async (rows) => wrapped("access", await bulk.askAccess(rows)), said: "changed", undo: "access" },
};

const wrapped = (name, value) => (value === null ? null : { [name]: value });

async function act(view, action, rows) {
  const { more, said, undo } = ACTS[action];
  const given = await more(rows, view);
  if (given === null) return;
  const known = new Map(rows.map((row) => [row.id, row]));
  showProgress(view, 0, rows.length);
  const { done, failed } = await bulk.batch(action, [...known.keys()], given, (number) => showProgress(view, number, rows.length));
  showProgress(view, null);
  const before = done.map((id) => known.get(id));
  afterwards(view, action, before, given);
  const takeBack = undo && (async () => { await bulk.putBack(before, action, undo); refresh(view); });
  if (done.length) toast(`${done.length === 1 ? nameOf(before[0]) : count(done.length, "document")} ${said}`, { undo: takeBack });
  if (failed.length) await bulk.showFailures(failed, known);
}

function showProgress(view, number, total) {
  view.bulkProgress.hidden = number === null;
  for (const button of view.bulkButtons) button.disabled = number !== null;
  if (number !== null) Object.assign(view.bulkProgress, { value: number, max: total });
}

/** Make the list show what was done, without reading it again. */
function afterwards(view, action, rows, given) {
  if (view.signal.aborted) return;
  view.list.clear();
  if (action === "delete") view.list.remove(rows.map(({ id }) => id));
  else if (action === "move" && view.filters.collection && given.collection !== view.filters.collection) view.list.remove(rows.map(({ id }) => id));
  else for (const row of rows) view.list.update({ ...row, ...given, ...(action === "reprocess" ? { status: "queued", error: null } : {}) });
  if (action === "reprocess") rows.forEach(({ id }) => follow(view, id));
  readCounts(view);
  if (action === "move") readCollections(view);
  view.main.querySelector("h1").focus({ preventScroll: true });
}

function refresh(view) {
  if (view.signal.aborted) return;
  view.list.reload();
  readCounts(view);
  readCollections(view);
}
