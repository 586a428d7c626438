export const byId = (id) => document.getElementById(id);

/** Build an element. Children are nodes or text; text is never parsed as HTML. */
export function el(tag, { testid, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  if (testid) node.dataset.testid = testid;
  node.append(...children);
  return node;
}

/** Show a modal dialog; true when it was left by its main button. */
export function confirmed(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
  });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});
