import { byId, el } from "../ui/dom.js";

const NAME = "Attest console";
const FIRST = "/console/documents";
let draw = () => {};
let current = null;
let shownAt = null;

/** Show the view of the location now and whenever it changes; `show(main, location, signal)` draws one. */
export function startRouter(show) {
  draw = show;
  addEventListener("popstate", () => { if (here() !== shownAt) showLocation(); }); // not for a mere #fragment
  document.addEventListener("click", followLink);
  showLocation();
}

/** Go to a path of the console, as a step that the back button takes back. */
export function go(path, params = {}) {
  history.pushState(null, "", path + query(params));
  scrollTo(0, 0);
  return showLocation();
}

/**
 * Write a view's state to the URL without showing the view again. A `push` can be taken back with the back button,
 * which shows the view anew with the parameters from before.
 */
export function note(params, { push = false } = {}) {
  const url = location.pathname + query(params);
  if (url === here()) return;
  if (push) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  shownAt = here();
}

/** The path with parameters, as `?a=b` or nothing; those without a value are left out. */
export function query(params) {
  const given = Object.entries(params).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Name the page in its heading and its tab, once the view knows better than its own title. */
export function setTitle(text) {
  document.title = `${text} · ${NAME}`;
  byId("main").querySelector("h1").textContent = text;
}

const here = () => location.pathname + location.search;

async function showLocation() {
  if (/^\/console\/?$/.test(location.pathname)) history.replaceState(null, "", FIRST + location.search);
  shownAt = here();
  current?.abort();
  current = new AbortController();
  const { signal } = current;
  const main = byId("main");
  main.className = "";
  main.replaceChildren(el("div", { className: "head" }, el("h1", { tabIndex: -1 }, "")));
  await draw(main, location, signal);
}

function followLink(event) {
  const link = event.target.closest("a[href]");
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !/^\/console(\/|$)/.test(url.pathname) || url.hash) return;
  event.preventDefault();
  go(url.pathname, Object.fromEntries(url.searchParams));
}
