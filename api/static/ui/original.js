import { call, openWithKey } from "./api.js";
import { el } from "./dom.js";
import { pagePane } from "./pages.js";
import { textPane } from "./text.js";

/** The address of something of a document: `at("doc_1", "text", {version: 2})`. */
export function at(id, part, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  return `/v1/documents/${encodeURIComponent(id)}/${part}?${new URLSearchParams(given)}`;
}

/** What is known of a version with its text: title, filename, media_type, pages, version, serving, total_chars. */
export async function describeOriginal(id, version, signal) {
  return (await call(at(id, "text", { version, start: 0, length: 1 }), { signal })).json();
}

/** A link to the original file of a version. */
export function originalLink({ id, version, filename, page = null, text = "Open the original" }) {
  const hash = page ? `#page=${page}` : "";
  const href = at(id, "content", { version }) + hash;
  const link = el("a", { href, target: "_blank", rel: "noopener", onclick: openWithKey }, text);
  link.dataset.name = filename;
  return link;
}

/**
 * Show a version's text, and the pages of a PDF beside it as the other choice.
 *
 * `about` is what `describeOriginal` returned. `onPick(offset)` tells which character was pointed at in the text;
 * `regions(page)` are passages to choose on a page. Returns {node, mark(start, end, page)}.
 */
export function readOriginal({ id, about, signal, onPick, regions }) {
  const { version, title, filename, media_type: kind, pages } = about;
  const json = async (part, params) => (await call(at(id, part, params), { signal })).json();
  const known = new Map();
  /** Only of the version that answers use are the places on the pages kept. */
  const places = async (start, end) => {
    const key = `${start}-${end}`;
    if (about.serving && !known.has(key)) known.set(key, json("highlights", { start, end }));
    return known.get(key) ?? [];
  };
  const load = (start, length) => json("text", { version, start, length });
  const text = textPane({ load, onPick, label: `Text of ${title || filename}` });
  const paged = kind === "application/pdf" && pages;
  if (!paged) return { node: el("div", { className: "reader" }, text.node), mark: text.mark };

  const image = async (n) => (await call(at(id, `pages/${n}`, { version }), { signal })).blob();
  const page = pagePane({ pages, image, places, regions, title: title || filename });
  return twoPanes(page, text);
}

/** Page and text as tabs; both keep the mark, the hidden one until it is shown. */
function twoPanes(page, text) {
  let span = [0, 0, null];
  let shown = page;
  const buttons = [[page, "Page"], [text, "Text"]].map(([pane, label]) => {
    const button = el("button", { type: "button", onclick: () => choose(pane) }, label);
    return { pane, button };
  });
  const tabs = el("div", { className: "tabs", role: "group", ariaLabel: "Show" });
  tabs.append(...buttons.map(({ button }) => button));
  const node = el("div", { className: "reader" }, tabs, page.node, text.node);

  function choose(pane) {
    shown = pane;
    for (const { pane: one, button } of buttons) {
      one.node.hidden = one !== pane;
      button.ariaPressed = String(one === pane);
    }
    return pane.mark(...span);
  }

  function mark(start, end, at) {
    span = [start, end, at];
    return shown.mark(...span);
  }

  for (const { pane, button } of buttons) {
    pane.node.hidden = pane !== page;
    button.ariaPressed = String(pane === page);
  }
  return { node, mark };
}
