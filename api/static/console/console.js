import { forgetKey, hasKey, Problem } from "../ui/api.js";
import { byId, el } from "../ui/dom.js";
import { notice } from "../ui/parts.js";
import { may, me } from "./caller.js";
import { setTitle, startRouter } from "./router.js";

/**
 * In the order of the menu. `needs`: one of these scopes; administrators hold all, and `admin` stands for them.
 * `one`: the view of a single one, whose id follows in the address.
 */
const VIEWS = {
  documents: { label: "Documents", needs: ["documents:read"], one: "document" },
  search: { label: "Search", needs: ["search"] },
  collections: { label: "Collections", needs: ["documents:read", "search", "ask"] },
  sources: { label: "Sources", needs: ["documents:write"] },
  questions: { label: "Questions", needs: ["admin"], one: "trace" },
  usage: { label: "Usage", needs: ["admin"] },
  members: { label: "Members", needs: ["admin"] },
  sites: { label: "Sites", needs: ["admin"] },
};
const menu = byId("menu");
const wide = matchMedia("(min-width: 900px)");

async function show(main, { pathname, search }, signal) {
  const [, , name, id] = pathname.split("/");
  const params = new URLSearchParams(search);
  if (menu.matches(":popover-open")) menu.hidePopover();
  try {
    const user = await me();
    drawMenu(user, name);
    await showView(main, name, params, { signal, id: id && decodeURIComponent(id), me: user });
  } catch (error) {
    if (signal.aborted) return;
    const retry = () => { main.replaceChildren(main.firstChild); show(main, location, signal); };
    const again = el("button", { type: "button", onclick: retry }, "Try again");
    main.append(notice(error.message, "bad", again));
  }
}

async function showView(main, name, params, context) {
  const known = Object.hasOwn(VIEWS, name) ? VIEWS[name] : null;
  if (!known) return showMissing("There is no such page", main);
  if (!may(context.me, ...known.needs)) return showMissing("This key may not see this page", main);
  const file = (context.id && known.one) || name;
  setTitle(known.label);
  focusHeading(main);
  const view = await import(`./views/${file}.js`).catch(() => {
    const detail = "Is the service running, and are you online?";
    throw new Problem({ title: "This page could not be loaded", detail });
  });
  if (context.signal.aborted) return;
  setTitle(view.title);
  await view.show(main, params, context);
}

function showMissing(text, main) {
  setTitle(text);
  focusHeading(main);
  main.append(el("p", {}, el("a", { href: "/console" }, "Go to the console's beginning")));
}

let isFirst = true;

/** Whoever moves about hears where they are; the first page is read from its top. */
function focusHeading(main) {
  if (!isFirst) main.querySelector("h1").focus({ preventScroll: true });
  isFirst = false;
}

function drawMenu(user, current) {
  const entries = Object.entries(VIEWS).filter(([, { needs }]) => may(user, ...needs));
  byId("entries").replaceChildren(...entries.map(([name, { label }]) => {
    const link = el("a", { href: `/console/${name}` }, label);
    if (name === current) link.ariaCurrent = "page";
    return el("li", {}, link);
  }));
  const leave = el("button", { type: "button", className: "plain", onclick: signOut }, "Sign out");
  byId("who").replaceChildren(user.label || user.name, ...(hasKey() ? [" ", leave] : []));
}

function signOut() {
  forgetKey();
  location.assign("/console");
}

wide.onchange = () => menu.matches(":popover-open") && menu.hidePopover();
startRouter(show);
