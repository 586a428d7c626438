import { ask } from "../ui/dialog.js";
import { el } from "../ui/dom.js";
import { notice } from "../ui/parts.js";
import { toast } from "../ui/toast.js";

/** Buttons of which one is chosen; `options` are [value, label], `onChoose(value)` hears of another. */
export function choices(label, options, chosen, onChoose) {
  const node = el("div", { className: "tabs", role: "group", ariaLabel: label });
  const draw = (value) => node.childNodes.forEach((each) => { each.ariaPressed = String(each.value === value); });
  node.append(...options.map(([value, text]) => {
    const onclick = () => { draw(value); onChoose(value); };
    return el("button", { type: "button", value, onclick }, text);
  }));
  draw(chosen);
  return node;
}

/** Ask in a dialog until `save()` succeeds; it opens again with what was given and why it failed. Null if cancelled. */
export async function askToSave({ title, body, action, save }) {
  let failure = [];
  while (await ask({ title, body: [...failure, ...body], action })) {
    try {
      return (await save()) ?? {};
    } catch (error) {
      failure = [Object.assign(notice(error.message, "bad"), { role: "alert" })];
    }
  }
  return null;
}

/** Do it, and tell of its failure. */
export async function attempt(doing) {
  try {
    return await doing();
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message, { bad: true });
    return null;
  }
}

/** Tick boxes or, of `type` "radio", one choice. `options`: [value, label, hint?]. `node.chosen()` -> values. */
export function options(legend, { type = "checkbox", name = "", list, chosen = [] }) {
  const rows = list.map(([value, label, hint]) => {
    const text = el("span", {}, label);
    if (hint) text.append(el("small", { className: "quiet" }, hint));
    return el("label", {}, el("input", { type, name, value, checked: chosen.includes(value) }), text);
  });
  const node = el("fieldset", { className: "options" }, el("legend", {}, legend), ...rows);
  node.chosen = () => [...node.querySelectorAll("input:checked")].map(({ value }) => value);
  return node;
}

/** A text that is there to be copied, with a button that does it. */
export function copyable(label, value) {
  const input = el("input", { value, readOnly: true, ariaLabel: label, onfocus: () => input.select() });
  const said = el("span", { className: "unseen", role: "status" });
  const button = el("button", { type: "button", onclick: copy }, "Copy");
  return el("div", { className: "copyable" }, input, button, said);

  async function copy() {
    const isDone = await navigator.clipboard?.writeText(value).then(() => true, () => false); // none without HTTPS
    if (!isDone) input.select();
    button.textContent = isDone || document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    said.textContent = button.textContent;
  }
}

/** What `load(cursor)` of a table returns for rows that are all here. */
export function pagesOf(rows, size) {
  return async (cursor) => {
    const end = (cursor ?? 0) + size;
    return { rows: rows.slice(cursor ?? 0, end), next: end < rows.length ? end : null };
  };
}
