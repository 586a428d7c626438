import { call, Problem } from "../ui/api.js";
import { byId, confirmed, el } from "../ui/dom.js";
import { readEvents } from "../ui/sse.js";

const UPLOADS_AT_ONCE = 3;
const RECONNECTS = 5;
const STAGES = { parse: "Reading", chunk: "Splitting", embed: "Indexing", index: "Indexing" };
const STATUSES = { queued: "Waiting", processing: "Processing", deleting: "Deleting" };
const panel = byId("documents");
const wide = matchMedia("(min-width: 900px)");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function describe({ status, stage, progress, pages, chunks, error }) {
  if (status === "failed") return new Problem(error ?? { title: "Failed" }).message;
  if (status === "ready") {
    const sizes = [pages && count(pages, "page"), chunks && count(chunks, "passage")];
    return ["Ready", ...sizes].filter(Boolean).join(" · ");
  }
  const doing = STAGES[stage] ?? STATUSES[status] ?? stage ?? status;
  if (!progress?.total) return `${doing}…`;
  return `${doing} · ${progress.done} of ${progress.total} ${progress.unit ?? ""}`;
}

let nextRefresh;

/** Draw the list, and draw it again every 3 s while a document is on its way. */
export async function refreshDocuments() {
  clearTimeout(nextRefresh);
  try {
    const { documents, next_cursor: more } = await (await call("/v1/documents?limit=100")).json();
    byId("documents-notice").replaceChildren();
    drawDocuments(documents, more);
    if (documents.some(({ status }) => status in STATUSES)) nextRefresh = setTimeout(refreshDocuments, 3000);
  } catch (error) {
    showListProblem(error);
  }
}

function drawDocuments(documents, more) {
  const focused = document.activeElement.dataset.deletes;
  byId("document-count").textContent = documents.length ? `${documents.length}${more ? "+" : ""}` : "";
  const none = el("li", { className: "quiet" }, "None yet. Add files here, or drop them anywhere on the page.");
  byId("document-list").replaceChildren(...(documents.length ? documents.map(documentRow) : [none]));
  if (focused) document.querySelector(`[data-deletes="${CSS.escape(focused)}"]`)?.focus();
}

function documentRow(item) {
  const ariaLabel = `Delete ${item.filename}`;
  const remove = el("button", { type: "button", className: "plain", ariaLabel }, "Delete");
  remove.dataset.deletes = item.id;
  remove.onclick = () => deleteDocument(item);
  const status = el("span", { className: `status ${item.status}` }, describe(item));
  return el("li", { testid: "document-row" }, fileName(item.filename), remove, status);
}

function fileName(name) {
  return el("span", { className: "name", title: name }, name);
}

async function deleteDocument({ id, filename }) {
  byId("delete-name").textContent = filename;
  if (!(await confirmed(byId("delete-dialog")))) return;
  try {
    await call(`/v1/documents/${encodeURIComponent(id)}`, { method: "DELETE" });
    byId("add").focus();
    await refreshDocuments();
  } catch (error) {
    showListProblem(error);
  }
}

function showListProblem(error) {
  const again = el("button", { type: "button", className: "plain", onclick: refreshDocuments }, "Try again");
  byId("documents-notice").replaceChildren(el("p", { className: "notice bad", testid: "notice" }, error.message, again));
}

const waiting = [];
let running = 0;

function addFiles(files) {
  for (const file of files) waiting.push([file, uploadRow(file.name)]);
  if (!wide.matches && !panel.matches(":popover-open")) panel.showPopover();
  startUploads();
}

/** A slot is held until its document is ready: browsers open only six connections to one HTTP/1.1 host. */
function startUploads() {
  while (running < UPLOADS_AT_ONCE && waiting.length) {
    running += 1;
    upload(...waiting.shift()).finally(() => { running -= 1; startUploads(); });
  }
}

async function upload(file, row) {
  try {
    showUpload(row, "Sending…");
    const body = new FormData();
    body.append("file", file);
    const accepted = await (await call("/v1/documents", { method: "POST", body })).json();
    if (accepted.duplicate) endUpload(row, "Already here", "ready");
    else await follow(accepted.id, row);
  } catch (error) {
    endUpload(row, error.message, "failed");
  }
  await refreshDocuments();
}

async function follow(id, row) {
  for (let attempt = 0; attempt < RECONNECTS; attempt += 1, await pause(2000)) {
    const { body } = await call(`/v1/documents/${encodeURIComponent(id)}/events`);
    try {
      for await (const { event, data } of readEvents(body)) {
        if (event === "document" && showDocument(row, JSON.parse(data))) return;
      }
    } catch { /* the connection broke: connect again, the work goes on without us */ }
  }
  endUpload(row, "Lost contact: see the list for its state", "failed");
}

/** True once the document needs no more watching. */
function showDocument(row, item) {
  const over = item.status === "ready" || item.status === "failed";
  if (over) endUpload(row, describe(item), item.status);
  else showUpload(row, describe(item), item.progress);
  return over;
}

function uploadRow(name) {
  const bar = el("progress", { ariaLabel: `Progress of ${name}` });
  const status = el("span", { className: "status queued" }, "Waiting…");
  const row = el("li", { testid: "upload-row" }, fileName(name), bar, status);
  byId("uploads").append(row);
  return row;
}

function showUpload(row, text, progress) {
  const bar = row.querySelector("progress");
  row.querySelector(".status").textContent = text;
  if (progress?.total) Object.assign(bar, { max: progress.total, value: progress.done });
  else bar.removeAttribute("value");
}

function endUpload(row, text, status) {
  const onclick = () => row.remove();
  const close = el("button", { type: "button", className: "plain", ariaLabel: "Dismiss", onclick }, "✕");
  row.querySelector("progress").replaceWith(close);
  Object.assign(row.querySelector(".status"), { textContent: text, className: `status ${status}` });
  byId("announcer").textContent = `${row.firstChild.textContent}: ${text}`;
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const showDrop = (shown) => { byId("drop").hidden = !shown; };

byId("add").onclick = () => byId("files").click();
byId("files").onchange = ({ target }) => { addFiles(target.files); target.value = ""; };
wide.onchange = () => panel.matches(":popover-open") && panel.hidePopover();
addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  showDrop(true);
});
addEventListener("dragleave", (event) => event.relatedTarget === null && showDrop(false));
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  showDrop(false);
  addFiles(event.dataTransfer.files);
});
