import { call, Problem } from "../ui/api.js";
import { el } from "../ui/dom.js";
import { duration, Pace } from "../ui/pace.js";
import { bytes, count, status } from "../ui/parts.js";
import { moves, watch } from "../ui/watch.js";
import { advice, describe, describePace } from "./describe.js";

const SENT_AT_ONCE = 3;
const ROWS_IN_WORK = 8;
const ROWS_FAILED = 100;
const ROWS_READY = 4;
const MANY = 10;

/** What became of the files added since the page was opened; they go on while other views are shown. */
const items = [];
const waiting = [];
const overall = new Pace();
let sending = 0;
let frame = null;

const summary = el("h2", { id: "uploads-title" });
const rest = el("p", { className: "quiet" });
const bar = el("progress", { ariaLabel: "All uploads" });
const stop = el("button", { type: "button", onclick: stopWaiting }, "Stop sending");
const clear = el("button", { type: "button", onclick: clearEnded }, "Clear the list");
const list = el("ul", { className: "uploads" });
const said = el("p", { className: "unseen", role: "status" });

/** The panel that shows all uploads; there is one, whichever view holds it. */
export const panel = el("section", { className: "card", hidden: true, testid: "uploads" },
  el("div", { className: "bar" }, el("div", { className: "grow" }, summary, rest), stop, clear), bar, list, said);
panel.setAttribute("aria-labelledby", "uploads-title");

/** Called with every document that the service accepted, and again when it is ready or failed. */
export const listeners = new Set();

/** Send files to a collection, for these groups; `maxBytes` is the service's limit. */
export function add(files, { collection, access, maxBytes }) {
  for (const { name, path, file } of files) {
    const item = { name: path ?? name, path, file, collection, access, maxBytes, state: "waiting", pace: new Pace() };
    items.push(item);
    waiting.push(item);
  }
  send();
  drawSoon();
}

function send() {
  while (sending < SENT_AT_ONCE && waiting.length) {
    sending += 1;
    upload(waiting.shift()).finally(() => {
      sending -= 1;
      send();
    });
  }
}

async function upload(item) {
  item.state = "sending";
  drawSoon();
  try {
    const accepted = await (await call("/v1/documents", { method: "POST", body: await form(item) })).json();
    follow(item, accepted);
  } catch (error) {
    end(item, "refused", error);
  }
}

async function form({ file, name, path, collection, access, maxBytes }) {
  const content = await file();
  if (content.size > maxBytes) {
    const detail = `It has ${bytes(content.size)}, the limit is ${bytes(maxBytes)}.`;
    throw new Problem({ title: "The document is too large", detail, type: "document-too-large" });
  }
  const body = new FormData();
  body.append("file", content, name.split("/").at(-1));
  body.append("collection", collection);
  if (path) body.append("source_id", path);
  if (access.length) body.append("access", JSON.stringify(access));
  return body;
}

function follow(item, body) {
  item.id = body.id;
  item.duplicate = body.duplicate;
  show(item, body);
  if (moves(body)) watch(item.id, (now) => show(item, now));
}

function show(item, body) {
  const before = item.body?.status;
  item.body = body;
  if (!body) end(item, "refused", new Problem({ title: "It was deleted" }));
  else if (body.status === "failed") end(item, "failed", body.error);
  else if (body.status === "ready") end(item, "ready");
  else {
    item.state = body.status;
    if (body.progress.total) item.pace.add(body.progress.done);
    drawSoon();
  }
  if (body && body.status !== before) for (const listener of listeners) listener(body);
}

function end(item, state, error = null) {
  Object.assign(item, { state, error });
  drawSoon();
}

async function again(item) {
  item.error = null;
  if (!item.id) {
    item.state = "waiting";
    waiting.push(item);
    return send();
  }
  try {
    const path = `/v1/documents/${encodeURIComponent(item.id)}/reprocess`;
    follow(item, await (await call(path, { method: "POST" })).json());
  } catch (error) {
    end(item, "failed", error);
  }
}

function stopWaiting() {
  for (const item of waiting.splice(0)) items.splice(items.indexOf(item), 1);
  drawSoon();
  clear.focus();
}

function clearEnded() {
  const left = items.filter((item) => !isOver(item));
  items.splice(0, items.length, ...left);
  drawSoon();
}

const isOver = ({ state }) => ["ready", "failed", "refused"].includes(state);
const inWork = ({ state }) => ["sending", "processing"].includes(state);

/** At most one drawing a frame, however many documents change. */
function drawSoon() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    draw();
  });
}

function draw() {
  panel.hidden = items.length === 0;
  const over = items.filter(isOver);
  const bad = over.filter(({ state }) => state !== "ready");
  overall.add(over.length);
  summary.textContent = over.length < items.length
    ? `${over.length.toLocaleString("en")} of ${count(items.length, "document")} done`
    : `${count(over.length - bad.length, "document")} ready`;
  rest.textContent = [
    bad.length ? `${bad.length.toLocaleString("en")} failed` : "",
    waiting.length ? `${waiting.length.toLocaleString("en")} not sent yet: keep this tab open` : "",
    timeLeft(over.length),
  ].filter(Boolean).join(" · ");
  Object.assign(bar, { max: items.length || 1, value: over.length });
  bar.hidden = over.length === items.length || items.length < 2;
  stop.hidden = waiting.length === 0;
  clear.hidden = over.length === 0;
  if (items.length && over.length === items.length) said.textContent = `${summary.textContent}. ${rest.textContent}`;
  drawRows(bad, over);
}

function timeLeft(done) {
  const tells = items.length - done >= MANY; // the last few may be the longest
  const left = tells ? overall.left(items.length) : null;
  return left ? `about ${duration(left)} left` : "";
}

/** Few rows, whatever was added: what failed, what is in work, what comes next, what was ready last. */
function drawRows(bad, over) {
  const working = items.filter(inWork);
  const next = items.filter((item) => !isOver(item) && !inWork(item));
  const ready = over.filter(({ state }) => state === "ready").slice(-ROWS_READY);
  const shown = [...bad.slice(0, ROWS_FAILED), ...[...working, ...next].slice(0, ROWS_IN_WORK), ...ready];
  for (const item of shown) drawRow(item);
  const rows = shown.map(({ row }) => row);
  if (rows.length === list.childElementCount && rows.every((row, place) => list.children[place] === row)) return;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  list.replaceChildren(...rows);
  focused?.focus();
}

function drawRow(item) {
  const drawn = [item.state, item.body?.stage, item.body?.progress.done, item.body?.waiting].join();
  if (item.drawn === drawn) return;
  item.drawn = drawn;
  item.row ??= el("li", { testid: "upload-row" });
  const name = el("span", { className: "name", title: item.name }, item.name);
  item.row.replaceChildren(name, ...rowParts(item));
}

function rowParts(item) {
  if (item.state === "waiting") return [status("queued", "Not sent yet")];
  if (item.state === "sending") {
    return [status("queued", "Sending…"), el("progress", { ariaLabel: `Sending ${item.name}` })];
  }
  if (item.state === "ready") {
    return [status("ready", item.duplicate ? "Already here" : describe(item.body)), open(item)];
  }
  if (isOver(item)) return failure(item);
  const { progress, waiting: reason } = item.body;
  const parts = [status(item.state, describe(item.body))];
  const aside = item.state === "queued" ? reason : describePace(item.pace, item.body);
  if (aside) parts.push(el("span", { className: "quiet" }, aside));
  if (item.state === "processing") {
    const shown = el("progress", { ariaLabel: `Progress of ${item.name}` });
    if (progress.total) Object.assign(shown, { max: progress.total, value: progress.done });
    parts.push(shown);
  }
  return parts;
}

function failure(item) {
  const text = item.error instanceof Error ? item.error.message : describe(item.body);
  const hint = advice(item.error);
  const retry = el("button", { type: "button", className: "plain", onclick: () => again(item) }, "Try again");
  const advised = hint ? [el("span", { className: "quiet" }, hint)] : [];
  return [status("failed", text), ...advised, ...(item.id ? [open(item)] : []), retry];
}

function open(item) {
  return el("a", { href: `/console/documents/${encodeURIComponent(item.id)}` }, "Open");
}

addEventListener("beforeunload", (event) => {
  if (waiting.length || sending) event.preventDefault(); // the browser asks whether to leave
});
