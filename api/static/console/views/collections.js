import { call } from "../../ui/api.js";
import { ask } from "../../ui/dialog.js";
import { el } from "../../ui/dom.js";
import { count, field, notice } from "../../ui/parts.js";
import { toast } from "../../ui/toast.js";
import { may } from "../caller.js";

export const title = "Collections";

const NAME = "[a-z0-9][a-z0-9_\\-]{0,62}";
const LOOKED_AT = 500; // documents: the most that one page of the list has
const NAME_HINT = "Small letters, digits, _ and -; it stands in addresses and settings.";
const INTERNAL = "Passages of an internal collection are sent to no language model outside the house.";

/** What there is to search in, and what may leave the house. */
export async function show(main, params, { signal, me }) {
  const list = el("div", {});
  const view = { list, signal, isAdmin: me.is_admin, mayList: may(me, "documents:read") };
  const make = el("button", { type: "button", className: "primary", testid: "new", onclick: () => create(view) }, "New collection");
  if (me.is_admin) main.querySelector(".head").append(make);
  main.append(el("p", { className: "quiet" }, "Each document is in one collection. Who may see it is set at the document."), list);
  await refresh(view);
}

async function refresh(view) {
  const { collections } = await (await call("/v1/collections", { signal: view.signal })).json();
  const none = el("p", { className: "nothing" }, "No collections yet. The first upload makes “default”.");
  view.list.replaceChildren(...(collections.length ? collections.map((one) => card(view, one)) : [none]));
}

function card(view, { name, internal, documents, chunks }) {
  const link = el("a", { href: `/console/documents?collection=${encodeURIComponent(name)}` }, name);
  const holds = `${count(documents, "document")} · ${count(chunks, "passage")}`;
  const text = el("div", { className: "grow" }, el("h2", {}, link), el("p", { className: "quiet below" }, holds));
  const box = el("input", { type: "checkbox", checked: internal, disabled: !view.isAdmin });
  box.onchange = () => change(view, name, box);
  const kept = el("label", { title: INTERNAL }, box, " Internal");
  const row = el("div", { className: "card", testid: "collection-card" }, el("div", { className: "bar" }, text, kept));
  if (internal) row.append(el("p", { className: "quiet below" }, INTERNAL));
  if (view.mayList && documents) row.append(readers(name, view.signal));
  return row;
}

/** Whose documents these are, looked up once it is opened. */
function readers(name, signal) {
  const said = el("p", { className: "quiet below", role: "status" }, "Loading…");
  const node = el("details", { testid: "readers" }, el("summary", {}, "Who may see its documents"), said);
  node.addEventListener("toggle", () => { if (node.open) tell(); }, { once: true });
  return node;

  async function tell() {
    try {
      const path = `/v1/documents?collection=${encodeURIComponent(name)}&limit=${LOOKED_AT}`;
      const { documents, next_cursor: more } = await (await call(path, { signal })).json();
      const part = more ? ` (of the newest ${LOOKED_AT})` : "";
      said.textContent = seen(documents).map(([who, number]) => `${who}: ${count(number, "document")}`).join(" · ") + part;
    } catch (error) {
      if (!signal.aborted) said.replaceWith(notice(error.message, "bad"));
    }
  }
}

/** Groups with the number of documents that they may see, "Everyone" for those without a group; most first. */
function seen(documents) {
  const numbers = new Map();
  for (const who of documents.flatMap(({ access }) => (access.length ? access : ["Everyone"]))) {
    numbers.set(who, (numbers.get(who) ?? 0) + 1);
  }
  return [...numbers].sort(([, one], [, other]) => other - one);
}

async function change(view, name, box) {
  const internal = box.checked;
  try {
    await put(name, internal);
    toast(internal ? `${name} is internal now.` : `${name} is not internal any more.`, {
      undo: async () => { await put(name, !internal); await refresh(view); },
    });
  } catch (error) {
    toast(error.message, { bad: true });
  }
  await refresh(view);
}

const put = (name, internal) => call(`/v1/collections/${encodeURIComponent(name)}`, { method: "PUT", json: { internal } });

async function create(view) {
  const name = el("input", { required: true, pattern: NAME, autofocus: true, testid: "name" });
  const internal = el("input", { type: "checkbox" });
  const body = [field("Name", name, NAME_HINT), el("label", { className: "line" }, internal, ` Internal. ${INTERNAL}`)];
  if (!(await ask({ title: "New collection", body, action: "Make it" }))) return;
  try {
    const { collections } = await (await call("/v1/collections")).json(); // another may have made it meanwhile
    if (collections.some((one) => one.name === name.value)) {
      return view.list.prepend(notice(`There is a collection ${name.value} already.`, "bad"));
    }
    await put(name.value, internal.checked);
    await refresh(view);
    toast(`${name.value} is there. Upload documents into it, or move some.`);
  } catch (error) {
    view.list.prepend(notice(error.message, "bad"));
  }
}
