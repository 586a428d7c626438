import { call } from "../ui/api.js";
import { el } from "../ui/dom.js";
import { count } from "../ui/parts.js";
import { toast } from "../ui/toast.js";
import { askAccess, askCollection, batch, confirmDelete, putBack, showFailures } from "./bulk.js";
import { nameOf } from "./describe.js";
import { query } from "./router.js";

const PAGE = 500; // the most that the service lists at once
const wrapped = (name, value) => (value === null ? null : { [name]: value });

/** `more` asks for what an action needs, null when it is not to be done; `undo` is the field that can be put back. */
const ACTS = {
  reprocess: { more: async () => ({}), said: "processed again" },
  delete: { more: async (rows) => ((await confirmDelete(rows)) ? {} : null), said: "deleted; this cannot be undone" },
  move: {
    more: async (rows, collections) => wrapped("collection", await askCollection(rows, collections)),
    said: "moved", undo: "collection",
  },
  access: { more: async (rows) => wrapped("access", await askAccess(rows)), said: "changed", undo: "access" },
};

/**
 * What can be done to the selected documents of a list. `filters()` are the list's, `matching()` how many documents
 * they let through, `collections()` the names to offer; `onDone(action, rows, given)` is told what was done to which,
 * as they were before, and `onUndone()` that all was put back. Returns {node, draw, act(action, rows)}.
 */
export function selectionBar({ list, filters, matching, collections, onDone, onUndone, signal }) {
  const text = el("span", { className: "grow", role: "status" });
  const all = el("button", { type: "button", className: "plain", onclick: selectAll });
  const progress = el("progress", { hidden: true, ariaLabel: "Progress of the change" });
  const button = (label, onclick, className = "") => el("button", { type: "button", onclick, className }, label);
  const doing = (label, action, className) => button(label, () => act(action, [...list.selected.values()]), className);
  const buttons = [doing("Process again", "reprocess"), doing("Move…", "move"), doing("Access…", "access"),
    doing("Delete…", "delete", "bad"), button("Clear selection", () => list.clear())];
  const node = el("section", { className: "bulk", hidden: true, ariaLabel: "Selected documents", testid: "bulk" },
    text, all, progress, ...buttons);

  function draw() {
    const number = list.selected.size;
    node.hidden = number === 0;
    text.textContent = `${number.toLocaleString("en")} selected`;
    all.hidden = number < list.rows.size || matching() <= number;
    all.textContent = `Select all ${matching().toLocaleString("en")}`;
  }

  /** Select every document that the filters let through, shown or not. */
  async function selectAll() {
    all.disabled = true;
    try {
      let cursor = null;
      do {
        const page = await call(`/v1/documents${query({ ...filters(), cursor, limit: PAGE })}`, { signal });
        const { documents, next_cursor: next } = await page.json();
        list.select(documents);
        cursor = next;
      } while (cursor);
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message, { bad: true });
    }
    all.disabled = false;
  }

  async function act(action, rows) {
    const { more, said, undo } = ACTS[action];
    const given = await more(rows, collections());
    if (given === null) return;
    const known = new Map(rows.map((row) => [row.id, row]));
    showProgress(0, rows.length);
    const onPart = (number) => showProgress(number, rows.length);
    const { done, failed } = await batch(action, [...known.keys()], given, onPart);
    showProgress(null);
    const before = done.map((id) => known.get(id));
    list.clear();
    onDone(action, before, given);
    const takeBack = undo ? async () => { await putBack(before, action, undo); onUndone(); } : null;
    const what = before.length === 1 ? nameOf(before[0]) : count(before.length, "document");
    if (before.length) toast(`${what} ${said}`, { undo: takeBack });
    if (failed.length) await showFailures(failed, known);
  }

  function showProgress(number, total) {
    progress.hidden = number === null;
    for (const each of buttons) each.disabled = number !== null;
    if (number !== null) Object.assign(progress, { max: total, value: number });
  }

  return { node, draw, act };
}
