import { el } from "./dom.js";

/** A line that tells of a success, a warning or a failure ("bad"), with buttons or links after it. */
export function notice(text, className = "", ...more) {
  return el("p", { className: `notice ${className}`, testid: "notice" }, text, ...more);
}

/** "1 page", "2,000 pages". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** "3.4 MB": decimal, two digits that count. */
export function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(number, 1)) / 3), units.length - 1);
  const value = number / 1000 ** power;
  return `${value >= 10 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** A moment for people, in their zone: "25 Nov 2026, 11:58". The element carries the exact one. */
export function time(iso) {
  const shown = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  return el("time", { dateTime: iso, title: iso }, shown.format(new Date(iso)));
}

/** A day for people: "25 Nov 2026"; what is no date is shown as it is. */
export function day(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return el("time", { dateTime: text }, date.toLocaleDateString("en-GB", { dateStyle: "medium" }));
}

/** A state with its coloured dot: ready, queued, processing or failed. */
export function status(state, text) {
  return el("span", { className: `status ${state}` }, text);
}

/** A field with its label above; `hint` below tells what may stand in it. */
export function field(label, input, hint = "") {
  const parts = [el("span", {}, label), input];
  if (hint) parts.push(el("small", { className: "quiet" }, hint));
  return el("label", { className: "field" }, ...parts);
}

/** Names with their values, as [name, text or node]; those without a value are left out. */
export function facts(list, className = "") {
  const shown = list.filter(([, value]) => value);
  return el("dl", { className: `facts ${className}` }, ...shown.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}
