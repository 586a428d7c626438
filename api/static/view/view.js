import { Problem, useToken } from "../ui/api.js";
import { byId, el } from "../ui/dom.js";
import { describeOriginal, originalLink, readOriginal } from "../ui/original.js";
import { notice } from "../ui/parts.js";

const GONE = [404, 410];
let open = new AbortController();

/** What a citation's link names: document, version, start, end, page. A token is taken out of the address at once. */
function readAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (/^\d{1,9}$/.test(fragment.get(name) ?? "") ? Number(fragment.get(name)) : null);
  if (fragment.has("token")) {
    useToken(fragment.get("token"));
    fragment.delete("token");
    history.replaceState(null, "", `${location.pathname}#${fragment}`);
  }
  const [start, end] = [number("start") ?? 0, number("end") ?? 0];
  return { id: fragment.get("document"), version: number("version"), start, end, page: number("page") };
}

async function show() {
  open.abort();
  open = new AbortController();
  const { signal } = open;
  const main = byId("main");
  const place = readAddress();
  main.replaceChildren(byId("title"));
  byId("original").replaceChildren();
  main.ariaBusy = "true";
  try {
    if (!place.id) throw new Problem({ title: "This link names no document" });
    await drawPassage(main, place, signal);
  } catch (error) {
    const told = GONE.includes(error.status) ? await goneNotice(place) : notice(explain(error), "bad");
    if (!signal.aborted) main.append(told);
  }
  main.ariaBusy = "false";
}

async function drawPassage(main, { id, version, start, end, page }, signal) {
  const about = await describeOriginal(id, version, signal);
  const name = about.title || about.filename;
  byId("title").textContent = name;
  document.title = `${name} · Attest`;
  const facts = [about.filename, page && `page ${page}`, `version ${about.version}`];
  byId("place").textContent = facts.filter(Boolean).join(" · ");
  byId("original").replaceChildren(originalLink({ id, version: about.version, filename: about.filename, page }));
  const original = readOriginal({ id, about, signal });
  main.append(...(about.serving ? [] : [replacedNotice(id, about)]), original.node);
  await original.mark(start, end, page);
}

function replacedNotice(id, { version }) {
  return notice(`This is version ${version}, which answers do not use any more. `, "warn", currentLink(id));
}

function currentLink(id) {
  return el("a", { href: `#${new URLSearchParams({ document: id })}` }, "Show the document as it is now");
}

/** The version or the whole document is gone: say which, and offer what there is now. */
async function goneNotice({ id, version }) {
  const now = version === null ? null : await describeOriginal(id, null).catch(() => null);
  if (!now) return notice("This document was deleted, or is not open to you.", "bad");
  const text = `The passage is from version ${version} of “${now.title || now.filename}”. `;
  return notice(text, "warn", `Answers use version ${now.version} now; the other one is not shown. `, currentLink(id));
}

function explain(error) {
  return error.status === 401 ? "The session has ended. Ask again and open the citation anew." : error.message;
}

addEventListener("hashchange", show);
show();
