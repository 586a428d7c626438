import { call } from "../../ui/api.js";
import { el } from "../../ui/dom.js";
import { count, notice, time } from "../../ui/parts.js";
import { caseTable, makeCase } from "../cases.js";
import { attempt, choices } from "../forms.js";
import { note, query } from "../router.js";

export const title = "Questions";

const PAGE = 20;
const SHOWN = [["", "To look at"], ["cases", "Eval cases"]];
const DAYS = [["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["366", "A year"]];

export async function show(main, params, { signal }) {
  const known = DAYS.some(([value]) => value === params.get("days"));
  const state = { show: params.get("show") === "cases" ? "cases" : "", days: known ? params.get("days") : "7" };
  const period = choices("Period", DAYS, state.days, (days) => change({ days }));
  const lists = choices("List", SHOWN, state.show, (shown) => change({ show: shown }));
  const content = el("div");
  let reading = new AbortController();
  signal.addEventListener("abort", () => reading.abort());
  main.append(el("div", { className: "bar filters" }, lists, period), content);
  await draw();

  function change(changed) {
    Object.assign(state, changed);
    note(state, { push: true });
    draw();
  }

  async function draw() {
    reading.abort();
    reading = new AbortController();
    period.hidden = state.show === "cases";
    const list = state.show === "cases" ? caseTable(reading.signal) : topicList(state.days, reading.signal);
    content.replaceChildren(list.node);
    await list.reload();
  }
}

function topicList(days, signal) {
  const summary = el("p", { className: "quiet summary", role: "status" }, "Loading…");
  const list = el("div", { className: "topics" });
  const more = el("button", { type: "button", hidden: true, onclick: reload }, "Load more topics");
  let offset = 0;
  return { node: el("div", {}, summary, list, el("div", { className: "more" }, more)), reload };

  async function reload() {
    more.disabled = true;
    try {
      await page();
    } catch (error) {
      if (signal.aborted) return;
      const again = el("button", { type: "button", onclick: reload }, "Try again");
      summary.replaceChildren(notice(error.message, "bad", again));
    }
    more.disabled = false;
  }

  async function page() {
    const answer = await call(`/v1/questions${query({ days, limit: PAGE, offset })}`, { signal });
    const { topics, total_topics: total, total_questions: questions } = await answer.json();
    offset += topics.length;
    list.append(...topics.map((topic) => topicCard(topic, days)));
    more.hidden = offset >= total;
    summary.textContent = questions
      ? `${count(questions, "question")} without a good answer, about ${count(total, "topic")}`
      : "Every question of these days got an answer, and nobody disliked one.";
  }
}

function topicCard({ name, count: size, questions }, days) {
  const lines = el("ul", {}, ...questions.map((one) => questionLine(one, days)));
  if (size === 1) return el("section", { className: "card", ariaLabel: name, testid: "topic" }, lines);
  const heading = el("h2", {}, name, " ", el("span", { className: "quiet" }, count(size, "question")));
  return el("section", { className: "card", testid: "topic" }, heading, lines);
}

function questionLine(one, days) {
  const href = `/console/questions/${encodeURIComponent(one.trace_id)}${query({ days })}`;
  const why = [one.unanswered && `Not answered: ${one.withheld}`,
    one.thumbs_down && [count(one.thumbs_down, "thumbs-down"), ...one.reasons].join(", ")].filter(Boolean);
  const text = el("div", { className: "grow" }, el("a", { href }, one.question),
    el("div", { className: "quiet below" }, ...why.flatMap((part) => [part, " · "]), time(one.at)));
  const ariaLabel = `Make a case of ${one.question}`;
  const onclick = () => attempt(async () => {
    const trace = await (await call(`/v1/traces/${encodeURIComponent(one.trace_id)}`)).json();
    if (await makeCase(trace)) button.textContent = "Case saved";
  });
  const button = el("button", { type: "button", ariaLabel, onclick }, "Make a case");
  return el("li", { testid: "question" }, text, button);
}
