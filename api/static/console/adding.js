import { call } from "../ui/api.js";
import { el } from "../ui/dom.js";
import { chosenFiles, droppedFiles } from "../ui/files.js";
import { bytes, count, field, notice } from "../ui/parts.js";
import { accessInput, collectionInput, groupsOf } from "./bulk.js";
import { add } from "./uploads.js";

/**
 * Where files are chosen or dropped, and what the service takes, said beforehand. `main` takes the drops, the buttons
 * stand in its head. Returns {node, into}: `into` is the input with the collection they go to.
 */
export function adding(main, collection, signal) {
  const files = el("input", { multiple: true, testid: "upload-input", ariaLabel: "Files to add" });
  const folder = el("input", { webkitdirectory: true, testid: "folder-input", ariaLabel: "Folder to add" });
  const into = collectionInput([], collection || "default");
  const access = accessInput();
  const limits = el("p", { className: "quiet", testid: "limits" });
  let maxBytes = Infinity;

  const take = (chosen) => {
    if (into.reportValidity()) add(chosen, { collection: into.value, access: groupsOf(access), maxBytes });
  };
  for (const input of [files, folder]) {
    Object.assign(input, { type: "file", hidden: true });
    input.onchange = () => { take(chosenFiles(input.files)); input.value = ""; };
  }
  main.querySelector(".head").append(
    el("button", { type: "button", className: "primary", onclick: () => files.click() }, "Add files"),
    el("button", { type: "button", onclick: () => folder.click() }, "Add a folder"),
  );
  readLimits(signal).then((told) => {
    maxBytes = told.max_upload_bytes;
    limits.replaceChildren(...limitsText(told));
  }).catch(() => {}); // the service says what it refuses anyway
  takeDrops(main, take, signal);
  const where = el("div", { className: "bar where" });
  where.append(field("Add to collection", into), field("Seen by groups", access));
  const told = el("div", { className: "grow" }, el("p", {}, "Drop files or folders anywhere on this page."), limits);
  const name = { className: "card adding", ariaLabel: "Add documents" };
  return { node: el("section", name, told, where, into.choices, files, folder), into };
}

async function readLimits(signal) {
  return (await call("/v1/limits", { signal })).json();
}

function limitsText({ max_upload_bytes: most, extensions, missing }) {
  const folders = "A file of a folder that is added again under the same path becomes a new version.";
  const formats = el("details", {}, el("summary", {}, count(extensions.length, "file type")), extensions.join(" "));
  const lacking = missing.map(({ extensions: some, needs }) =>
    notice(`Not read on this machine: ${some.join(" ")} (needs ${needs})`, "warn"));
  return [`Up to ${bytes(most)} each. ${folders}`, formats, ...lacking];
}

function takeDrops(main, take, signal) {
  const cover = el("div", { className: "drop", hidden: true }, el("p", {}, "Drop to add to your documents"));
  main.append(cover);
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const listen = (type, handle) => addEventListener(type, (event) => hasFiles(event) && handle(event), { signal });
  listen("dragover", (event) => { event.preventDefault(); cover.hidden = false; });
  listen("dragleave", (event) => { if (event.relatedTarget === null) cover.hidden = true; });
  listen("drop", async (event) => {
    event.preventDefault();
    cover.hidden = true;
    take(await droppedFiles(event.dataTransfer));
  });
}
