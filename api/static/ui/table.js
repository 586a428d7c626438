import { el } from "./dom.js";
import { notice } from "./parts.js";

/**
 * A table whose rows come from the server a page at a time; only pages that were asked for are in the document.
 *
 * `columns`: [{label, cell(row) -> node or text, className?, wide?}]; a `wide` one is hidden on narrow screens.
 * `load(cursor, signal)` -> {rows, next}; `next` is null after the last page. `key(row)` -> its id.
 * `empty()` -> node or text where there are no rows. `name(row)`: what people call it.
 * `stacked`: on narrow screens a row's cells stand below one another, without the columns' labels.
 * `onSelect(rows: Map)` makes rows selectable, and is called on every change.
 * Returns {node, reload, prepend, update, remove, rows, selected, select, clear}.
 */
export function table({ label, columns, load, key, name = key, empty, stacked = false, onSelect = null, signal }) {
  const rows = new Map();
  const lines = new Map();
  const selected = new Map();
  const body = el("tbody", { role: "rowgroup" }); // roles, because some browsers drop those of stacked cells
  const all = el("input", { type: "checkbox", ariaLabel: "Select all that are shown" });
  const foot = el("div", { className: "more" });
  const head = el("tr", { role: "row" }, ...columns.map(headCell));
  if (onSelect) head.prepend(el("td", { className: "check", role: "cell" }, all));
  const grid = el("table", { role: "table", className: stacked ? "stacked" : "" },
    el("caption", { className: "unseen" }, label), el("thead", { role: "rowgroup" }, head), body);
  const node = el("div", { className: "table" }, grid, foot);
  let next = null;
  let turn = 0;

  /** Begin again with the first page; what was selected stays selected. */
  async function reload() {
    turn += 1;
    next = null;
    await page(null, true);
  }

  async function page(cursor, fresh = false) {
    const mine = turn;
    node.ariaBusy = "true";
    if (!fresh) foot.replaceChildren(el("p", { className: "quiet" }, "Loading…"));
    try {
      const loaded = await load(cursor, signal);
      if (mine !== turn || signal?.aborted) return;
      if (fresh) empties();
      next = loaded.next;
      const [first] = add(loaded.rows);
      drawFoot();
      if (!fresh) first?.querySelector("a, button, input")?.focus({ preventScroll: true });
    } catch (error) {
      if (mine !== turn || error.name === "AbortError") return;
      const again = el("button", { type: "button", onclick: () => page(cursor, fresh) }, "Try again");
      foot.replaceChildren(notice(error.message, "bad", again));
    }
    node.ariaBusy = "false";
  }

  function empties() {
    rows.clear();
    lines.clear();
    body.replaceChildren();
  }

  function add(loaded, place = "append") {
    const fresh = loaded.filter((row) => !rows.has(key(row)));
    const drawn = fresh.map((row) => {
      rows.set(key(row), row);
      const line = el("tr", { testid: "row", role: "row" }, ...cells(row));
      lines.set(key(row), line);
      return line;
    });
    body[place](...drawn);
    drawAll();
    return drawn;
  }

  function cells(row) {
    const drawn = columns.map(({ cell, className = "", wide = false }) => {
      const td = el("td", { role: "cell", className: wide ? `${className} wide` : className });
      td.append(cell(row) ?? "");
      return td;
    });
    return onSelect ? [el("td", { className: "check", role: "cell" }, checkbox(row)), ...drawn] : drawn;
  }

  function checkbox(row) {
    const box = el("input", { type: "checkbox", ariaLabel: `Select ${name(row)}`, checked: selected.has(key(row)) });
    box.onchange = () => select([row], box.checked);
    return box;
  }

  function select(changed, on = true) {
    for (const row of changed) {
      if (on) selected.set(key(row), row);
      else selected.delete(key(row));
      const box = lines.get(key(row))?.querySelector(".check input");
      if (box) box.checked = on;
    }
    drawAll();
    onSelect?.(selected);
  }

  function drawAll() {
    const chosen = [...rows.keys()].filter((id) => selected.has(id)).length;
    all.checked = chosen > 0 && chosen === rows.size;
    all.indeterminate = chosen > 0 && chosen < rows.size;
    all.disabled = rows.size === 0;
  }

  function drawFoot() {
    grid.hidden = rows.size === 0;
    const more = el("button", { type: "button", onclick: () => page(next) }, "Load more");
    foot.replaceChildren(...(rows.size === 0 ? [empty()] : next ? [more] : []));
  }

  /** Draw a row again with what is known of it now; one that is not shown is left alone. */
  function update(row) {
    const line = lines.get(key(row));
    if (!line) return;
    rows.set(key(row), row);
    if (selected.has(key(row))) selected.set(key(row), row);
    const place = [...line.cells].findIndex((cell) => cell.contains(document.activeElement));
    line.replaceChildren(...cells(row));
    if (place >= 0) line.cells[place]?.querySelector("a, button, input")?.focus({ preventScroll: true });
  }

  /** Put rows that came after the first page was read above it. */
  function prepend(fresh) {
    add(fresh, "prepend");
    drawFoot();
  }

  function remove(ids) {
    for (const id of ids) {
      lines.get(id)?.remove();
      rows.delete(id);
      lines.delete(id);
      selected.delete(id);
    }
    drawAll();
    drawFoot();
    onSelect?.(selected);
  }

  all.onchange = () => select([...rows.values()], all.checked);
  const clear = () => select([...selected.values()], false);
  return { node, reload, prepend, update, remove, rows, selected, select, clear };
}

function headCell({ label, className = "", wide = false }) {
  return el("th", { scope: "col", role: "columnheader", className: wide ? `${className} wide` : className }, label);
}
