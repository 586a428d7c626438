import "./attest-chat.js";
import { el } from "../ui/el.js";
import { store, visitor } from "./client.js";
import { labelled, button } from "./turn.js";

const NEW = "M12 5v14M5 12h14";
const CLOSE = "M6 6l12 12M18 6L6 18";

/** Make the panel of a button that stands in `host`'s shadow, and return how it is opened and closed. */
export async function createPanel(host, launcher, { base, site, title, accent, side, ...options }) {
  const { call, token } = visitor(base, site);
  const view = (place) => ({ href: `${base}view#${place}`, rel: "noopener", onclick: (event) => openView(event, token) });
  const remPx = parseFloat(getComputedStyle(host).fontSize);
  await host.start({ call, view, name: site, remPx, ...options });
  const { box, texts } = host;
  const close = labelled(button("", () => show(false)), CLOSE, texts.close);
  const fresh = labelled(button("", () => host.clear()), NEW, texts.fresh);
  box.prepend(el("header", {}, el("h2", {}, title || texts.title), fresh, close));
  Object.assign(box, { className: `chat panel ${side}`, role: "dialog", ariaLabel: title || texts.title, hidden: true });
  Object.assign(host.scroller, { tabIndex: 0, role: "region", ariaLabel: texts.conversation });
  host.reveal = ({ node }) => { host.scroller.scrollTop = node.offsetTop; };
  tint(box, accent);

  function show(open, focused = true) {
    box.hidden = !open;
    launcher.ariaExpanded = String(open);
    store.write(`attest.open.${site}`, open || null);
    if (open && host.turns.length) host.reveal(host.turns[host.turns.length - 1]);
    if (focused) (open ? host.field : launcher).focus();
  }

  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) show(false);
  });
  return { show, toggle: () => show(box.hidden) };
}

/** A visitor's token goes with the link, in the part of the address that is not sent. */
async function openView(event, token) {
  event.preventDefault();
  const { href } = event.currentTarget;
  const given = await token().catch(() => "");
  open(`${href}&token=${encodeURIComponent(given)}`, "_blank", "noopener");
}

/** Take the page's colour, as light or dark as it can be read. */
function tint(box, accent) {
  if (!accent || !CSS.supports("color", accent)) return;
  const readable = (lightness) => `oklch(from ${accent} ${lightness} c h)`;
  box.style.setProperty("--accent", `light-dark(${readable("min(l, 0.5)")}, ${readable("max(l, 0.78)")})`);
  box.style.setProperty("--accent-soft", "color-mix(in oklab, var(--accent) 14%, var(--card))");
}
