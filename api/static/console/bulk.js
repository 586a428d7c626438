import { call } from "../ui/api.js";
import { ask, names } from "../ui/dialog.js";
import { el } from "../ui/dom.js";
import { count, field } from "../ui/parts.js";
import { toast } from "../ui/toast.js";
import { nameOf } from "./describe.js";

const PART = 500; // the service takes no more ids at once
const FAILURES_SHOWN = 50;

/** Send a batch in parts; `onPart(done)` after each. Returns {done: [ids], failed: [{id, error}]}. */
export async function batch(action, ids, more = {}, onPart = () => {}) {
  const all = { done: [], failed: [] };
  for (let first = 0; first < ids.length; first += PART) {
    const json = { action, ids: ids.slice(first, first + PART), ...more };
    try {
      const part = await (await call("/v1/documents/batch", { method: "POST", json })).json();
      all.done.push(...part.done);
      all.failed.push(...part.failed);
    } catch (error) { // what was done stays done, and is told
      const left = ids.slice(first);
      all.failed.push(...left.map((id) => ({ id, error: { title: error.message, detail: "" } })));
      break;
    }
    onPart(all.done.length + all.failed.length);
  }
  return all;
}

/** Ask whether to delete the documents, by their names. */
export function confirmDelete(rows) {
  const text = "Answers and search stop using them at once. This cannot be undone.";
  const title = rows.length === 1 ? `Delete “${nameOf(rows[0])}”?` : `Delete ${count(rows.length, "document")}?`;
  const body = rows.length === 1 ? [] : [names(rows.map(nameOf))];
  body.push(el("p", {}, rows.length === 1 ? text.replace("them", "it") : text));
  return ask({ title, body, action: "Delete", danger: true });
}

/** Ask for a collection; null if nothing is to be moved. */
export async function askCollection(rows, collections) {
  const input = collectionInput(collections);
  const body = [names(rows.map(nameOf)), field("Collection", input, COLLECTION_HINT), input.choices];
  const given = await ask({ title: `Move ${count(rows.length, "document")}`, body, action: "Move" });
  return given ? input.value : null;
}

/** Ask who may see the documents; null if nothing is to be changed. */
export async function askAccess(rows) {
  const shared = rows.every(({ access }) => access.join() === rows[0].access.join());
  const input = accessInput(shared ? rows[0].access : []);
  const body = [names(rows.map(nameOf)), field("Groups that may see them", input, ACCESS_HINT)];
  const given = await ask({ title: `Access to ${count(rows.length, "document")}`, body, action: "Change access" });
  return given ? groupsOf(input) : null;
}

export const COLLECTION_HINT = "Small letters, digits, - and _. A new name makes a new collection.";
export const ACCESS_HINT = "Names with commas between them. Empty: everyone whose key may search or ask.";

let lists = 0;

/** An input for a collection's name; its `choices`, to be put beside it, offer those there are. */
export function collectionInput(collections, value = "") {
  const input = el("input", { value, required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,62}", autocomplete: "off" });
  input.choices = el("datalist", { id: `choices-${(lists += 1)}` });
  input.setAttribute("list", input.choices.id);
  offer(input, collections);
  return input;
}

/** Offer these names in an input for a collection. */
export function offer({ choices }, collections) {
  choices.replaceChildren(...collections.map((name) => el("option", { value: name })));
}

export function accessInput(groups = []) {
  return el("input", { value: groups.join(", "), autocomplete: "off", placeholder: "everyone" });
}

export function groupsOf(input) {
  return [...new Set(input.value.split(",").map((group) => group.trim()).filter(Boolean))];
}

/** Set a field of documents to what each had before; `rows` are as they were. */
export async function putBack(rows, action, fieldName) {
  const groups = Map.groupBy(rows, (row) => JSON.stringify(row[fieldName]));
  const failed = [];
  for (const [value, some] of groups) {
    const result = await batch(action, some.map(({ id }) => id), { [fieldName]: JSON.parse(value) });
    failed.push(...result.failed);
  }
  const lost = `${count(failed.length, "document")} could not be put back: ${failed[0]?.error.title}`;
  toast(failed.length ? lost : "Undone", { bad: failed.length > 0 });
}

/** Show which documents an action failed for, and why. */
export function showFailures(failed, byId) {
  const reason = ({ title, detail }) => el("span", { className: "bad" }, [title, detail].filter(Boolean).join(": "));
  const lines = failed.slice(0, FAILURES_SHOWN).map(({ id, error }) =>
    el("li", {}, `${nameOf(byId.get(id))}: `, reason(error)));
  const more = failed.length - lines.length;
  if (more > 0) lines.push(el("li", { className: "quiet" }, `and ${more.toLocaleString("en")} more`));
  const title = `${count(failed.length, "document")} could not be changed`;
  return ask({ title, body: [el("ul", { className: "names" }, ...lines)], action: "Close" });
}
