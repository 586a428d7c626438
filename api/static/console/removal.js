import { ask } from "../ui/dialog.js";
import { el } from "../ui/dom.js";
import { count } from "../ui/parts.js";

const NAMES_SHOWN = 8;

/**
 * Ask whether to remove a source, and what becomes of the documents that it alone holds, by their names. "keep" or
 * "delete" for these; null if nothing is to be removed.
 */
export async function askRemoval({ location }, { total, source_ids: ids }) {
  const counted = total === 1 ? "document" : count(total, "document");
  const box = el("input", { type: "checkbox" });
  const told = el("div", { role: "status" });
  const draw = () => told.replaceChildren(...(box.checked ? goes(ids, total) : [stays(total)]));
  box.onchange = draw;
  draw();
  const choice = total ? [el("p", {}, el("label", {}, box, ` Delete its ${counted} as well`))] : [];
  const body = [el("p", {}, el("strong", {}, location)), ...choice, told];
  if (!(await ask({ title: "Remove this source?", body, action: "Remove", danger: true }))) return null;
  return box.checked ? "delete" : "keep";
}

function stays(total) {
  const kept = total === 1 ? "Its document stays" : `Its ${count(total, "document")} stay`;
  return el("p", {}, total ? `${kept}, and no run changes or deletes ${total === 1 ? "it" : "them"} any more.`
    : "No document is its own alone.");
}

function goes(ids, total) {
  const items = ids.slice(0, NAMES_SHOWN).map((id) => el("li", {}, id));
  const more = total - items.length;
  if (more > 0) items.push(el("li", { className: "quiet" }, `and ${more.toLocaleString("en")} more`));
  return [el("p", {}, "These go at once, and cannot be brought back:"), el("ul", { className: "names" }, ...items)];
}
