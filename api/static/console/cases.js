import { call } from "../ui/api.js";
import { ask } from "../ui/dialog.js";
import { el } from "../ui/dom.js";
import { field, status, time } from "../ui/parts.js";
import { table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { nameOf } from "./describe.js";
import { askToSave, attempt } from "./forms.js";
import { query } from "./router.js";

const PAGE = 100;
const MATCHES = 6;
const TYPING_MS = 250;

/** Ask for what an eval case of an answer should be, and make it; null if it was left. */
export async function makeCase(trace) {
  const question = el("textarea", { value: trace.question ?? "", required: true, rows: 2, maxLength: 4000 });
  const answer = el("textarea", { rows: 3, maxLength: 10_000 });
  const answerable = el("input", { type: "checkbox", checked: !trace.abstained });
  const documents = documentChoice(trace);
  const right = el("div", {}, field("What should be said (optional)", answer), documents.node);
  const show = () => { right.hidden = !answerable.checked; };
  answerable.onchange = show;
  show();
  const tick = el("label", { className: "tick" }, answerable, "The documents answer it");
  const body = [field("Question", question), tick, right];
  const save = async () => {
    const known = answerable.checked;
    const given = { answer: known ? answer.value : "", documents: known ? documents.chosen() : [] };
    const json = { trace_id: trace.id, question: question.value, answerable: known, ...given };
    return (await call("/v1/cases", { method: "POST", json })).json();
  };
  const made = await askToSave({ title: "Make an eval case", body, action: "Save the case", save });
  if (made) toast("The case is saved; rag eval can ask it");
  return made;
}

/** The documents that were considered, and others by name, to tick; those that a good answer cited are ticked. */
function documentChoice({ candidates, citations, feedback }) {
  const cited = new Set(citations.filter(({ supported }) => supported).map((one) => one.document_id));
  const isDisliked = feedback.some(({ rating }) => rating === "down");
  const known = [...citations, ...candidates].filter(({ state }) => state !== "removed");
  const list = el("div", { className: "options" });
  const ariaLabel = "Find another document";
  const search = el("input", { type: "search", ariaLabel, placeholder: ariaLabel });
  const hint = el("small", { className: "quiet" }, "Without one, the case waits until you name some.");
  for (const one of known) add(one.document_id, one.title, cited.has(one.document_id) && !isDisliked);
  let typed;
  search.oninput = () => {
    clearTimeout(typed);
    typed = setTimeout(() => attempt(find), TYPING_MS);
  };
  search.onkeydown = (event) => { if (event.key === "Enter") event.preventDefault(); };
  const node = el("fieldset", {}, el("legend", {}, "Documents that answer it"), list, search, hint);
  return { node, chosen: () => [...list.querySelectorAll("input:checked")].map(({ value }) => value) };

  function add(id, name, checked = false, isFound = false) {
    if ([...list.querySelectorAll("input")].some(({ value }) => value === id)) return;
    const label = el("label", {}, el("input", { type: "checkbox", value: id, checked }), el("span", {}, name ?? id));
    if (isFound) label.dataset.found = "";
    list.append(label);
  }

  async function find() {
    const q = search.value.trim();
    const path = `/v1/documents${query({ q, limit: MATCHES })}`;
    const found = q ? (await (await call(path)).json()).documents : [];
    list.querySelectorAll("[data-found]:not(:has(:checked))").forEach((label) => label.remove());
    for (const row of found) add(row.id, nameOf(row), false, true);
  }
}

/** The eval cases, newest first, each with a way to remove it. */
export function caseTable(signal) {
  const columns = [
    { label: "Question", cell: questionCell, className: "document" },
    { label: "Documents", cell: documentsCell, className: "state" },
    { label: "Made", cell: ({ created_at: at }) => time(at), wide: true, className: "added" },
    { label: el("span", { className: "unseen" }, "Actions"), cell: (row) => removal(row, list), className: "end" },
  ];
  const load = async (cursor) => {
    const offset = cursor ?? 0;
    const { cases } = await (await call(`/v1/cases${query({ limit: PAGE, offset })}`, { signal })).json();
    return { rows: cases, next: cases.length < PAGE ? null : offset + PAGE };
  };
  const empty = () => el("p", { className: "nothing" }, "No cases yet. Make one of a question.");
  const list = table({ label: "Eval cases", columns, stacked: true, signal, key: ({ id }) => id, load, empty });
  return list;
}

function questionCell({ question, answer, trace_id: trace }) {
  const link = el("a", { href: `/console/questions/${encodeURIComponent(trace)}` }, question);
  return el("div", {}, link, ...(answer ? [el("div", { className: "quiet below" }, answer)] : []));
}

function documentsCell({ answerable, documents }) {
  if (!answerable) return status("none", "Nothing answers it");
  if (!documents.length) return status("queued", "Needs a document");
  const link = (id) => el("a", { href: `/console/documents/${encodeURIComponent(id)}` }, id);
  return el("div", {}, ...documents.map((id) => el("div", {}, link(id))));
}

function removal(row, list) {
  const onclick = () => attempt(async () => {
    const body = [el("p", {}, `“${row.question}” will no longer be asked by rag eval.`)];
    if (!(await ask({ title: "Remove this case?", body, action: "Remove", danger: true }))) return;
    await call(`/v1/cases/${encodeURIComponent(row.id)}`, { method: "DELETE" });
    list.remove([row.id]);
    toast("The case is removed");
  });
  const ariaLabel = `Remove the case ${row.question}`;
  return el("button", { type: "button", className: "bad", onclick, ariaLabel }, "Remove…");
}
