import { confirmed, el } from "./dom.js";

const NAMES_SHOWN = 8;
let made = 0;

/**
 * Ask in a modal dialog; true when it was left by its main button. `body` are nodes or texts. A dangerous one has its
 * focus on Cancel; the focus goes back to where it was. Without `canLeave` there is no
 * Cancel.
 */
export async function ask({ title, body = [], action, danger = false, canLeave = true }) {
  const before = document.activeElement;
  const heading = el("h2", { id: `dialog-${(made += 1)}` }, title);
  const cancel = el("button", { type: "button", autofocus: danger, hidden: !canLeave }, "Cancel");
  const go = el("button", { className: danger ? "danger" : "primary", value: "ok" }, action);
  const form = el("form", { method: "dialog" }, heading, ...body, el("p", { className: "actions" }, cancel, go));
  const dialog = el("dialog", {}, form);
  dialog.setAttribute("aria-labelledby", heading.id);
  cancel.onclick = () => dialog.close();
  document.body.append(dialog);
  const given = await confirmed(dialog);
  dialog.remove();
  if (before?.isConnected) before.focus();
  return given;
}

/** The names that an action meets, the first few and how many more. */
export function names(list) {
  const items = list.slice(0, NAMES_SHOWN).map((name) => el("li", {}, name));
  const more = list.length - items.length;
  if (more > 0) items.push(el("li", { className: "quiet" }, `and ${more.toLocaleString("en")} more`));
  return el("ul", { className: "names" }, ...items);
}
