import { call } from "../../ui/api.js";
import { ask } from "../../ui/dialog.js";
import { el } from "../../ui/dom.js";
import { facts, field, status } from "../../ui/parts.js";
import { toast } from "../../ui/toast.js";
import { accessInput, groupsOf } from "../bulk.js";
import { askToSave, attempt, copyable, options } from "../forms.js";

export const title = "Sites";

const ORIGINS_HINT = "One a line, such as https://www.example.com, without a path.";
const GROUPS_HINT = "Whose documents visitors see too, with commas. Empty: only what everyone may see.";
const MOST = 1_000_000; // questions a day

export async function show(main, params, { signal }) {
  const list = el("div", { className: "cards", ariaBusy: "true" });
  const add = el("button", { type: "button", className: "primary", onclick: () => attempt(edit) }, "New site");
  const about = "A site lets the visitors of your web pages ask the collections that you choose, without a key.";
  main.querySelector(".head").append(el("div", { className: "bar" }, add));
  main.append(el("p", { className: "quiet summary" }, about), list);
  await draw();

  async function draw() {
    const { sites } = await (await call("/v1/sites", { signal })).json();
    const none = el("p", { className: "nothing" }, "No sites yet.");
    list.replaceChildren(...(sites.length ? sites.map((site) => card(site, { edit, remove })) : [none]));
    list.ariaBusy = "false";
  }

  async function edit(site = null) {
    const { collections } = await (await call("/v1/collections", { signal })).json();
    const saved = await askSite(site, collections.map(({ name }) => name));
    if (!saved) return;
    toast(site ? "Saved; it counts from the next question on" : `${saved.name} is made; put its tag into your pages`);
    await draw();
    (list.querySelector(`[data-site="${saved.id}"] button`) ?? add).focus();
  }

  async function remove(site) {
    const text = "Its script tag stops working and its visitors' sessions end at once. This cannot be undone.";
    const wanted = { title: `Remove the site “${site.name}”?`, body: [el("p", {}, text)], action: "Remove" };
    if (!(await ask({ ...wanted, danger: true }))) return;
    await call(`/v1/sites/${encodeURIComponent(site.id)}`, { method: "DELETE" });
    toast(`${site.name} is removed`);
    await draw();
    add.focus();
  }
}

function card(site, { edit, remove }) {
  const state = status(site.enabled ? "ready" : "none", site.enabled ? "Enabled" : "Disabled");
  const button = (label, doing, className = "") => el("button", {
    type: "button", className, ariaLabel: `${label} ${site.name}`, onclick: () => attempt(() => doing(site)),
  }, `${label}…`);
  const head = el("div", { className: "bar" }, el("h2", { className: "grow" }, site.name), state,
    button("Edit", edit), button("Remove", remove, "bad"));
  const list = [["Origins", site.origins.join(", ")], ["Collections", site.collections.join(", ")],
    ["Groups", site.groups.join(", ")], ["Questions today", today(site)],
    ["Each visitor", `up to ${site.visitor_questions_per_day.toLocaleString("en")} a day`]];
  const node = el("section", { className: "card", ariaLabel: site.name, testid: "site" },
    head, facts(list), copyable(`Script tag of ${site.name}`, tag(site)));
  node.dataset.site = site.id;
  return node;
}

function today({ questions_today: number, questions_per_day: most }) {
  return `${number.toLocaleString("en")} of ${most.toLocaleString("en")}`;
}

const tag = ({ key }) => `<script src="${location.origin}/widget.js" data-site="${key}" async></script>`;

/** Ask what a site, new or known, should be, and save it; null if it was left. */
function askSite(site, collections) {
  const name = el("input", { value: site?.name ?? "", required: true, maxLength: 200, autocomplete: "off" });
  const origins = el("textarea", { value: site?.origins.join("\n") ?? "", required: true, rows: 2, spellcheck: false });
  const known = [...new Set([...collections, ...(site?.collections ?? [])])].sort().map((each) => [each, each]);
  const asked = options("Collections that visitors ask", { list: known, chosen: site?.collections });
  const groups = Object.assign(accessInput(site?.groups), { placeholder: "none" });
  const budget = (value) => el("input", { type: "number", min: 1, max: MOST, required: true, value });
  const [each, all] = [budget(site?.visitor_questions_per_day ?? 50), budget(site?.questions_per_day ?? 2000)];
  const enabled = el("input", { type: "checkbox", checked: site?.enabled ?? true });
  const budgets = el("div", { className: "two" },
    field("Questions a day, each visitor", each), field("Questions a day, all visitors", all));
  const body = [field("Name", name), field("Origins of its pages", origins, ORIGINS_HINT), asked,
    field("Groups", groups, GROUPS_HINT), budgets];
  if (site) body.push(el("label", { className: "tick" }, enabled, "Enabled"));
  const save = async () => {
    const json = {
      name: name.value, origins: origins.value.split(/[\s,]+/).filter(Boolean), collections: asked.chosen(),
      groups: groupsOf(groups), visitor_questions_per_day: Number(each.value), questions_per_day: Number(all.value),
    };
    if (!json.collections.length) throw new Error("Choose the collections that visitors ask.");
    const path = site ? `/v1/sites/${encodeURIComponent(site.id)}` : "/v1/sites";
    if (site) json.enabled = enabled.checked;
    return (await call(path, { method: site ? "PATCH" : "POST", json })).json();
  };
  const heading = site ? `Edit “${site.name}”` : "New site";
  return askToSave({ title: heading, body, action: site ? "Save" : "Create", save });
}
