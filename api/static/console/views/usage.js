import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { count, day, notice } from "../../ui/parts.js";
import { table } from "../../ui/table.js";
import { choices, pagesOf } from "../forms.js";
import { note } from "../router.js";

export const title = "Usage";

const DAYS = [["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "A year"]];
const BARS_MOST = 92; // more days are drawn by the week
const PARTS = [["answered", "Answered"], ["abstained", "Not answered"],
  ["failed", "Failed"], ["left", "Left before the end"]];
const LINES_SHOWN = 31;

export async function show(main, params, { signal }) {
  const known = DAYS.some(([value]) => value === params.get("days"));
  let days = known ? params.get("days") : "30";
  let reading = new AbortController();
  signal.addEventListener("abort", () => reading.abort());
  const content = el("div", { testid: "usage" });
  const period = choices("Period", DAYS, days, (chosen) => {
    days = chosen;
    note({ days }, { push: true });
    draw();
  });
  main.append(el("div", { className: "bar filters" }, period), content);
  await draw();

  async function draw() {
    reading.abort();
    reading = new AbortController();
    const mine = reading.signal;
    content.ariaBusy = "true";
    try {
      const nodes = await report(await (await call(`/v1/usage?days=${days}`, { signal: mine })).json());
      if (!mine.aborted) content.replaceChildren(...nodes);
    } catch (error) {
      if (mine.aborted) return;
      const again = el("button", { type: "button", onclick: draw }, "Try again");
      content.replaceChildren(notice(error.message, "bad", again));
    }
    content.ariaBusy = "false";
  }
}

function report({ days, by_caller: callers, by_generator: generators, total }) {
  const hasCost = total.cost !== null;
  return Promise.all([tiles(total), chart(days),
    lines("By day", "Day", [...days].reverse(), (row) => day(row.day), hasCost),
    lines("By caller", "Caller", callers, callerCell, hasCost),
    lines("By generator", "Generator", generators, (row) => row.generator, hasCost)]);
}

const shown = (number) => number.toLocaleString("en");
const short = (number) => number.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
const tokens = (sums) => sums.prompt_tokens + sums.completion_tokens;
const money = (cost) => cost.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

function share(part, whole) {
  return whole ? `${Math.round((part / whole) * 100)} %` : "";
}

function tiles(total) {
  const list = [
    ["Questions", shown(total.questions), ""],
    ["Answered", shown(total.answered), share(total.answered, total.questions)],
    ["Not answered", shown(total.abstained), share(total.abstained, total.questions)],
    ["Failed", shown(total.failed), share(total.failed, total.questions)],
    ["Given again", shown(total.cached), share(total.cached, total.questions)],
    ["Tokens", short(tokens(total)), `${short(total.completion_tokens)} written`],
  ];
  if (total.cost !== null) list.push(["Cost", money(total.cost), "at your prices"]);
  const aside = (text) => (text ? [el("dd", { className: "quiet below" }, text)] : []);
  return el("dl", { className: "tiles", testid: "totals" }, ...list.map(([name, value, more]) =>
    el("div", { className: "card" }, el("dt", {}, name), el("dd", {}, value), ...aside(more))));
}

/* The chart, which the table below it says in words */

function chart(days) {
  const all = days.map((one) => ({ ...one, label: one.day, left: left(one) }));
  const bars = days.length > BARS_MOST ? weeks(all) : all;
  const most = Math.max(1, ...bars.map(({ questions }) => questions));
  const area = el("div", { className: "bars" }, ...bars.map((one) => bar(one, most)));
  const per = days.length > BARS_MOST ? "week" : "day";
  const highest = el("div", { className: "quiet below" }, `Up to ${count(most, "question")} a ${per}`);
  const ends = el("div", { className: "ends quiet" }, day(days[0].day), day(days.at(-1).day));
  const named = PARTS.map(([name, label]) => el("span", { className: name }, label));
  const legend = el("div", { className: "legend" }, ...named);
  const ariaLabel = `Questions by ${per}; the table below has them`;
  return el("figure", { className: "card chart", role: "img", ariaLabel }, highest, area, ends, legend);
}

const left = ({ questions, answered, abstained, failed }) => questions - answered - abstained - failed;

function bar(sums, most) {
  const node = el("div", { className: "bar-of-day" });
  node.title = `${sums.label}: ${[count(sums.questions, "question"), ...PARTS.map(([name, label]) =>
    `${shown(sums[name])} ${label.toLowerCase()}`)].join(", ")}`;
  for (const [name] of PARTS) {
    const part = el("div", { className: name });
    part.style.height = `${(sums[name] / most) * 100}%`;
    node.append(part);
  }
  return node;
}

function weeks(days) {
  const starts = days.map((_, index) => index).filter((index) => index % 7 === 0);
  const summed = (some, name) => some.reduce((sum, one) => sum + one[name], 0);
  return starts.map((start) => {
    const some = days.slice(start, start + 7);
    const sums = ["questions", ...PARTS.map(([name]) => name)].map((name) => [name, summed(some, name)]);
    return { label: `week from ${some[0].day}`, ...Object.fromEntries(sums) };
  });
}

/* The tables */

function callerCell({ label, caller }) {
  return el("div", {}, label, ...(label === caller ? [] : [el("div", { className: "quiet below" }, caller)]));
}

async function lines(label, first, rows, cell, hasCost) {
  const number = (name, value, wide = true) => ({ label: name, cell: value, wide, className: "number" });
  const columns = [{ label: first, cell },
    number("Questions", (row) => shown(row.questions), false),
    number("Answered", (row) => shown(row.answered)),
    number("Not answered", (row) => shown(row.abstained)),
    number("Failed", (row) => shown(row.failed)),
    number("Tokens", (row) => shown(tokens(row)), false)];
  if (hasCost) columns.push(number("Cost", (row) => (row.cost === null ? "–" : money(row.cost)), false));
  const key = (row) => row.day ?? row.caller ?? row.generator;
  const empty = () => el("p", { className: "nothing" }, "No questions in these days.");
  const list = table({ label, columns, key, empty, load: pagesOf(rows, LINES_SHOWN) });
  await list.reload();
  if (first === "Day") return el("details", { className: "part" }, el("summary", {}, label), list.node);
  return el("section", { className: "part" }, el("h2", {}, label), list.node);
}
