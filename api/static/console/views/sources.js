import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { count, notice, status, time } from "../../ui/parts.js";
import { toast } from "../../ui/toast.js";
import { askRemoval } from "../removal.js";
import { askSource, EVERY, KINDS } from "../sources.js";

export const title = "Sources";

const LOOK_EVERY_MS = 3000;

/** Places that are read again and again: what they brought, when they are read next, and what went wrong. */
export async function show(main, params, { signal, me }) {
  const list = el("div", { testid: "sources" });
  const view = { list, signal, isAdmin: me.is_admin, shown: null };
  signal.addEventListener("abort", () => clearTimeout(view.next));
  const add = el("button", { type: "button", className: "primary", testid: "new", onclick: () => create(view) }, "Add a source");
  main.querySelector(".head").append(add);
  main.append(el("p", { className: "quiet" }, "What is gone from its source is deleted after a while, never because of an error."), list);
  await refresh(view);
}

async function refresh(view) {
  clearTimeout(view.next);
  const { sources } = await (await call("/v1/sources", { signal: view.signal })).json();
  if (view.signal.aborted) return;
  const none = el("p", { className: "nothing" }, "No sources yet. Add a web page, a site, a folder or a bucket.");
  const shown = JSON.stringify(sources);
  if (shown !== view.shown) view.list.replaceChildren(...(sources.length ? sources.map((one) => card(view, one)) : [none]));
  view.shown = shown;
  if (sources.some(isMoving)) view.next = setTimeout(() => refresh(view), LOOK_EVERY_MS);
}

/** Whether it is being read, or a worker will begin at any moment. */
function isMoving({ status: state, next_run_at: next }) {
  return state === "running" || (next && new Date(next) <= new Date(Date.now() + LOOK_EVERY_MS));
}

function card(view, source) {
  const act = (label, onclick, className = "") =>
    el("button", { type: "button", className, onclick, ariaLabel: `${label} ${source.location}` }, label);
  const facts = [KINDS[source.kind]?.label ?? source.kind, `into ${source.collection}`, schedule(source)].join(" · ");
  const text = el("div", { className: "grow" }, el("h2", { className: "location" }, source.location), el("p", { className: "quiet below" }, facts));
  const isPushed = !(source.kind in KINDS); // a folder that `rag ingest` reads is not ours to run
  const buttons = [...(isPushed ? [] : [act("Run now", () => run(view, source))]), act("Remove", () => remove(view, source), "plain")];
  const head = el("div", { className: "bar" }, text, ...buttons);
  return el("article", { className: "card", testid: "source" }, head, ...lastRun(source));
}

function schedule({ interval_s: every, next_run_at: next }) {
  const known = Object.entries(EVERY).find(([seconds]) => Number(seconds) === every);
  if (!every) return next ? "is read soon" : "read when asked";
  return `read ${known?.[1] ?? `every ${count(Math.round(every / 60), "minute")}`}`.toLowerCase();
}

function lastRun({ status: state, last_run: last, next_run_at: next }) {
  if (state === "running") return [status("processing", "Being read")];
  if (!last) return [status("queued", "Not read yet")];
  const numbers = ["new", "changed", "unchanged", "missing", "deleted", "failed"].filter((name) => last[name]);
  const said = numbers.map((name) => `${last[name].toLocaleString("en")} ${name}`).join(" · ") || "nothing there";
  const line = status(last.failed || !last.complete ? "failed" : "ready", said);
  line.append(" · ", time(last.ended_at));
  if (next) line.append(" · next ", time(next));
  const partly = last.complete ? [] : [notice("Part of it could not be read, so nothing counts as missing.", "warn")];
  return [line, ...partly, ...problems(last.errors)];
}

function problems(errors) {
  if (!errors.length) return [];
  const items = errors.map(({ key, detail }) => el("li", {}, el("strong", {}, key), ` ${detail}`));
  return [el("details", {}, el("summary", {}, count(errors.length, "problem")), el("ul", { className: "names" }, ...items))];
}

async function create(view) {
  const wanted = await askSource(view.isAdmin);
  if (!wanted) return;
  try {
    await call("/v1/sources", { method: "POST", json: wanted });
    toast(`${wanted.location} is read now.`);
    await refresh(view);
  } catch (error) {
    view.list.prepend(notice(error.message, "bad"));
  }
}

async function run(view, { id, location }) {
  await attempt(view, `/v1/sources/${encodeURIComponent(id)}/run`, "POST", `${location} is read now.`);
}

async function remove(view, source) {
  const path = `/v1/sources/${encodeURIComponent(source.id)}`;
  const held = await call(`${path}/documents`).then((answer) => answer.json()).catch((error) => toast(error.message, { bad: true }));
  const documents = held && (await askRemoval(source, held));
  if (!documents) return;
  const said = `${source.location} is removed; its documents ${documents === "keep" ? "stay" : "are deleted"}.`;
  await attempt(view, `${path}?documents=${documents}`, "DELETE", said);
}

async function attempt(view, path, method, said) {
  try {
    await call(path, { method });
    toast(said);
  } catch (error) {
    toast(error.message, { bad: true });
  }
  await refresh(view);
}
