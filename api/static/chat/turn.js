import { el, icon } from "../ui/el.js";
import { Problem } from "../ui/http.js";
import { Answer } from "./answer.js";
import { drawSources, openSource, placeOf } from "./sources.js";

const MOST_FOLLOWING = 3;
const COPY = "M9 9h11v11H9zM5 15H4V4h11v1";
const UP = "M7 11v9H4v-9zM7 11l4-8c2 0 3 1 2.500 3L13 10h6c1.500 0 2 1 1.700 2l-2 7c-.2.700-.7 1-1.400 1H7";
const DOWN = "M17 13V4h3v9zM17 13l-4 8c-2 0-3-1-2.500-3l.5-4H5c-1.500 0-2-1-1.700-2l2-7c.2-.7.700-1 1.400-1H17";

/**
 * A question and its answer. `data` is all that is known of it, as kept for the visit: question, text, sources,
 * citations, and at the end `ended`, abstained, generator, trace_id, rating.
 */
export class Turn {
  constructor(chat, data) {
    this.chat = chat;
    this.data = { text: "", sources: [], citations: [], ...data };
    this.waiting = el("p", { className: "waiting quiet" });
    this.answer = el("div", { className: "answer", testid: "answer" });
    this.notices = el("div", { className: "notices" });
    this.actions = el("div", { className: "actions" });
    this.list = el("div", { className: "sources", role: "group", ariaLabel: chat.texts.sources });
    this.more = el("div", { className: "following" });
    const heading = el("h2", { dir: "auto" }, data.question);
    const parts = [heading, this.waiting, this.answer, this.notices, this.actions, this.list, this.more];
    this.node = el("article", { className: "turn" }, ...parts);
    this.drawing = new Answer(this.answer, (n) => this.chip(n));
    this.cards = new Map();
    if (this.data.ended) this.end();
    else this.draw();
  }

  on(event, data) {
    if (event === "error") throw new Problem(data);
    if (event === "token") this.data.text += data.text;
    if (event === "citation") {
      this.data.citations.push(data);
      this.judged = false;
    }
    if (event === "sources") {
      this.data.sources = data.sources;
      this.cards = drawSources(this.list, this.data, this.chat);
    }
    if (event === "done") return this.done(data);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.data.ended) this.draw();
    });
  }

  done({ answer, abstained, citations, generator, trace_id }) {
    const { text, citations: seen } = this.data;
    Object.assign(this.data, { abstained, generator, trace_id, text: answer ?? text, citations: citations ?? seen });
    this.data.ended = "done";
    this.end();
  }

  stop() {
    this.data.ended = "stopped";
    this.end();
  }

  fail(error) {
    this.data.ended = "failed";
    this.data.problem = this.chat.describe(error);
    this.end();
  }

  draw() {
    const { text, sources, ended } = this.data;
    const { texts } = this.chat;
    this.waiting.hidden = Boolean(text || ended);
    this.waiting.textContent = sources.length ? texts.reading : texts.searching;
    this.answer.classList.toggle("streaming", !ended);
    this.drawing.draw(text, !ended);
    if (ended || !this.judged) this.judge();
  }

  /** Draw what stays: the whole answer, what is to be said of it, its sources, and what may be done next. */
  end() {
    const { abstained, ended, problem, generator, text } = this.data;
    const { texts } = this.chat;
    this.cards = drawSources(this.list, this.data, this.chat);
    this.draw();
    this.node.classList.toggle("abstained", Boolean(abstained));
    if (abstained) this.answer.before(notice(texts.notFound, "warn"));
    const note = { e: texts.quoted, d: texts.demo }[String(generator).match(/^(extractive$|demo)/)?.[0][0]];
    if (note) this.notices.append(notice(note));
    if (ended === "stopped") this.notices.append(notice(texts.stopped, "", this.retryButton()));
    if (ended === "failed") this.notices.append(notice(problem, "bad", this.retryButton()));
    if (text) this.actions.append(this.copyButton());
    if (ended === "done") this.offerMore();
  }

  offerMore() {
    const { texts, fill } = this.chat;
    this.actions.append(this.rateButton("up", UP, texts.good), this.rateButton("down", DOWN, texts.bad));
    const following = following3(this.data).map(({ title, section }) => fill(texts.about, { title, section }));
    const buttons = following.map((text) => button(text, () => this.chat.ask(text)));
    if (buttons.length) this.more.append(el("h3", {}, texts.next), ...buttons);
  }

  retryButton() {
    return button(this.chat.texts.again, () => this.chat.retry(this));
  }

  copyButton() {
    const { texts } = this.chat;
    const copy = button("", async () => {
      await copied(this.plainText(), this.node);
      this.chat.say(texts.copied);
      copy.title = texts.copied;
      copy.classList.add("chosen");
    });
    return labelled(copy, COPY, texts.copy);
  }

  plainText() {
    const cited = new Set(this.data.citations.map(({ n }) => n));
    const sources = this.data.sources.filter(({ n }) => cited.has(n));
    const lines = sources.map((source) => `[${source.n}] ${source.title}, ${placeOf(source, this.chat)}`.replace(/, $/, ""));
    return [this.data.text, ...(lines.length ? [`${this.chat.texts.sources}:\n${lines.join("\n")}`] : [])].join("\n\n");
  }

  rateButton(rating, drawing, label) {
    const rate = button("", () => this.rate(rating));
    rate.dataset.rating = rating;
    rate.ariaPressed = String(this.data.rating === rating);
    return labelled(rate, drawing, label);
  }

  async rate(rating, comment) {
    const { chat, data } = this;
    const json = { trace_id: data.trace_id, rating, comment };
    try {
      await chat.call("/v1/feedback", { method: "POST", json });
    } catch (error) {
      return this.actions.after(notice(chat.describe(error), "bad"));
    }
    data.rating = rating;
    for (const rate of this.actions.querySelectorAll("[data-rating]")) {
      rate.ariaPressed = String(rate.dataset.rating === rating);
    }
    this.form?.remove();
    if (rating === "down" && comment === undefined) this.askWhy();
    else chat.say(chat.texts.thanks);
    chat.keep();
  }

  askWhy() {
    const { texts } = this.chat;
    const comment = el("textarea", { rows: 2, maxLength: 2000, placeholder: texts.why, ariaLabel: texts.why });
    this.form = el("form", { className: "why" }, comment, el("button", {}, texts.send));
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.rate("down", comment.value.trim());
    };
    this.actions.after(this.form);
    comment.focus();
  }

  chip(n) {
    if (!this.cards.has(n)) return null;
    this.judged = false;
    const onclick = () => openSource(this.cards.get(n));
    return el("button", { type: "button", className: "chip", onclick, testid: "citation" }, String(n));
  }

  /** The i-th mark [n] takes the verdict of the i-th citation of n, or of the last one. */
  judge() {
    const { texts, fill } = this.chat;
    const seen = {};
    this.judged = true;
    for (const chip of this.answer.querySelectorAll(".chip")) {
      const n = Number(chip.textContent);
      const verdicts = this.data.citations.filter((citation) => citation.n === n);
      const verdict = verdicts[(seen[n] = (seen[n] ?? -1) + 1)] ?? verdicts[verdicts.length - 1];
      const doubted = verdict?.supported === false;
      const title = (doubted ? `${texts.unverified} ` : "") + this.cards.get(n).dataset.title;
      chip.classList.toggle("unverified", doubted);
      if (chip.title !== title) Object.assign(chip, { title, ariaLabel: fill(texts.source, { n, title }) });
    }
  }
}

/** Sections of sources that the answer did not use. */
function following3({ sources, citations, abstained }) {
  const used = new Set(citations.map(({ n }) => n));
  const name = ({ section }) => section?.split(" > ").pop().trim();
  const taken = new Set(sources.filter(({ n }) => used.has(n)).map(name));
  const found = [];
  for (const source of abstained ? [] : sources) {
    const section = name(source);
    if (!section || taken.has(section) || section === source.title) continue;
    taken.add(section);
    found.push({ title: source.title, section });
  }
  return found.slice(0, MOST_FOLLOWING);
}

export function notice(text, className = "", ...more) {
  return el("p", { className: `notice ${className}`, testid: "notice" }, text, ...more);
}

export function button(text, onclick) {
  return el("button", { type: "button", onclick }, text);
}

export function labelled(node, drawing, label) {
  node.append(icon(drawing));
  return Object.assign(node, { className: "icon", title: label, ariaLabel: label });
}

/** Pages without TLS have no clipboard but the old command. */
async function copied(text, near) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(() => {});
  const area = el("textarea", { value: text, className: "unseen" });
  near.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
