import { call } from "../../ui/api.js";
import { ask } from "../../ui/dialog.js";
import { el } from "../../ui/dom.js";
import { day, field, notice, status, time } from "../../ui/parts.js";
import { table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { accessInput, groupsOf } from "../bulk.js";
import { askToSave, attempt, choices, copyable, options, pagesOf } from "../forms.js";
import { note } from "../router.js";

export const title = "Members";

const PAGE = 100;
const SHOWN = [["", "Active"], ["revoked", "Revoked"]];
const GROUPS_HINT = "With commas. It sees what is for everyone, and what is for one of these.";
/** What people may be, and the scopes that make it. */
const PRESETS = [
  { name: "Asks", scopes: ["ask", "search"], hint: "Asks questions, searches, opens what is cited." },
  { name: "Manages documents", scopes: ["ask", "search", "documents:read", "documents:write"],
    hint: "Asks, and adds, changes and deletes documents and sources." },
  { name: "Administrator", scopes: ["admin"], hint: "Everything, all documents, keys and sites too." },
];

export async function show(main, params, { signal }) {
  const state = { show: params.get("show") === "revoked" ? "revoked" : "" };
  const add = el("button", { type: "button", className: "primary", onclick: () => attempt(create) }, "New key");
  const about = "Each person or program calls with a key of its own, so that each can be revoked alone.";
  const tabs = choices("Keys", SHOWN, state.show, (shown) => {
    state.show = shown;
    note(state, { push: true });
    list.reload();
  });
  const columns = [
    { label: "Name", cell: nameCell, className: "document" },
    { label: "May", cell: mayCell, className: "state" },
    { label: "Last used", cell: ({ last_used_at: at }) => (at ? time(at) : "never"), wide: true, className: "added" },
    { label: "Created", cell: ({ created_at: at }) => day(at), wide: true, className: "added" },
    { label: el("span", { className: "unseen" }, "Actions"), cell: endCell, className: "end" },
  ];
  const list = table({ label: "Keys", columns, stacked: true, signal, key: ({ id }) => id, load, empty });
  main.querySelector(".head").append(el("div", { className: "bar" }, add));
  main.append(el("p", { className: "quiet summary" }, about), el("div", { className: "bar filters" }, tabs), list.node);
  await list.reload();

  async function load(cursor) {
    const { keys } = await (await call("/v1/keys", { signal })).json();
    const shown = keys.filter(({ revoked }) => revoked === (state.show === "revoked")).reverse();
    return pagesOf(shown, PAGE)(cursor);
  }

  function empty() {
    const none = "No keys. At the machine itself none is needed; people elsewhere need one.";
    return el("p", { className: "nothing" }, state.show ? "No key was revoked." : none);
  }

  function endCell(row) {
    return row.revoked ? status("failed", "Revoked") : revocation(row);
  }

  async function create() {
    const made = await askKey();
    if (!made) return;
    await showOnce(made);
    if (!state.show) list.prepend([made]);
  }

  function revocation(row) {
    const onclick = () => attempt(async () => {
      const text = `Whoever calls with ${row.id} is refused from now on. This cannot be undone.`;
      const wanted = { title: `Revoke the key “${row.name}”?`, body: [el("p", {}, text)], action: "Revoke" };
      if (!(await ask({ ...wanted, danger: true }))) return;
      await call(`/v1/keys/${encodeURIComponent(row.id)}`, { method: "DELETE" });
      list.remove([row.id]);
      toast(`The key ${row.name} is revoked`);
      main.querySelector("h1").focus({ preventScroll: true });
    });
    return el("button", { type: "button", className: "bad", onclick, ariaLabel: `Revoke ${row.name}` }, "Revoke…");
  }
}

function nameCell({ id, name }) {
  return el("div", {}, el("strong", {}, name), el("div", { className: "quiet below" }, id));
}

function mayCell({ scopes, groups }) {
  const held = [...scopes].sort().join();
  const preset = PRESETS.find((each) => [...each.scopes].sort().join() === held);
  const node = el("div", {}, preset?.name ?? scopes.join(", "));
  if (groups.length) node.append(el("div", { className: "quiet below" }, `in ${groups.join(", ")}`));
  return node;
}

/** Ask for whom a key is and what it may, and make it; null if it was left. */
function askKey() {
  const name = el("input", { required: true, maxLength: 200, autocomplete: "off" });
  const list = PRESETS.map((each) => [each.name, each.name, each.hint]);
  const preset = options("What it may", { type: "radio", name: "preset", list, chosen: [PRESETS[0].name] });
  const groups = Object.assign(accessInput(), { placeholder: "none" });
  const body = [field("Name of the person or program", name), preset, field("Groups", groups, GROUPS_HINT)];
  const save = async () => {
    const { scopes } = PRESETS.find((each) => each.name === preset.chosen()[0]);
    const json = { name: name.value, scopes, groups: groupsOf(groups) };
    return (await call("/v1/keys", { method: "POST", json })).json();
  };
  return askToSave({ title: "New key", body, action: "Create", save });
}

function showOnce({ name, key }) {
  const text = "Copy it now and hand it over safely: it is not shown again.";
  const body = [notice(text, "warn"), copyable("The key", key)];
  return ask({ title: `The key of “${name}”`, body, action: "Done", canLeave: false });
}
