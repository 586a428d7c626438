import { el } from "./dom.js";

const SHOWN_MS = 8_000;
const WITH_UNDO_MS = 20_000;
const region = el("div", { className: "toasts", role: "status", testid: "toasts" });
document.body.append(region);

/** Say what was done, politely and for a while; `undo` gets a button. Stays while it is pointed at or focused. */
export function toast(text, { undo = null, bad = false } = {}) {
  const node = el("div", { className: bad ? "toast bad" : "toast" }, el("span", {}, text));
  const remove = () => node.remove();
  if (undo) node.append(el("button", { type: "button", onclick: () => { remove(); undo(); } }, "Undo"));
  node.append(el("button", { type: "button", className: "plain", ariaLabel: "Dismiss", onclick: remove }, "✕"));
  region.append(node);
  let left = setTimeout(remove, undo ? WITH_UNDO_MS : SHOWN_MS);
  const stay = () => clearTimeout(left);
  const leave = () => { stay(); left = setTimeout(remove, SHOWN_MS); };
  node.onpointerenter = stay;
  node.onpointerleave = leave;
  node.addEventListener("focusin", stay);
  node.addEventListener("focusout", leave);
}
