import { ask } from "../ui/dialog.js";
import { el } from "../ui/dom.js";
import { field } from "../ui/parts.js";
import { ACCESS_HINT, accessInput, COLLECTION_HINT, collectionInput, groupsOf } from "./bulk.js";
import { nameOf } from "./describe.js";

/** Ask for a document's collection, groups and metadata; what was changed as a body for PATCH, or null. */
export async function askDetails(row, collections) {
  const collection = collectionInput(collections, row.collection);
  const access = accessInput(row.access);
  const metadata = metadataEditor(row.metadata);
  const body = [field("Collection", collection, COLLECTION_HINT), collection.choices,
    field("Groups that may see it", access, ACCESS_HINT), metadata.node];
  if (!(await ask({ title: `Details of “${nameOf(row)}”`, body, action: "Save" }))) return null;
  const wanted = { collection: collection.value, access: groupsOf(access), metadata: metadata.value() };
  const changed = Object.entries(wanted).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(row[name]));
  return changed.length ? Object.fromEntries(changed) : null;
}

function metadataEditor(metadata) {
  const rows = el("div", { className: "pairs" });
  const add = (name = "", value = "") => {
    const onclick = () => pair.remove();
    const ariaLabel = `Remove the field ${name}`;
    const pair = el("div", { className: "pair" },
      el("input", { value: name, ariaLabel: "Field", placeholder: "field" }),
      el("input", { value, ariaLabel: "Value", placeholder: "value" }),
      el("button", { type: "button", className: "plain", ariaLabel, onclick }, "✕"));
    rows.append(pair);
    return pair;
  };
  for (const [name, value] of Object.entries(metadata)) add(name, textOf(value));
  const more = el("button", { type: "button", onclick: () => add().firstChild.focus() }, "Add a field");
  const node = el("fieldset", {}, el("legend", {}, "Metadata"), rows, more);
  return { node, value: () => Object.fromEntries([...rows.children].map(pairOf).filter(([name]) => name)) };

  function pairOf(pair) {
    const [name, value] = [...pair.querySelectorAll("input")].map((input) => input.value.trim());
    return [name, valueOf(value, metadata[name])];
  }
}

/** A value of metadata as people read it. */
export const textOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Text stays text, unless the field held something else before, or it is plainly a number or true or false. */
function valueOf(text, before) {
  if (typeof before === "string") return text;
  try {
    const value = JSON.parse(text);
    return before !== undefined || ["number", "boolean"].includes(typeof value) ? value : text;
  } catch {
    return text;
  }
}
