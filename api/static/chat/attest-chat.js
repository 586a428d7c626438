import { el } from "../ui/el.js";
import { Problem } from "../ui/http.js";
import { answerEvents, store } from "./client.js";
import { button, Turn } from "./turn.js";

const LANGUAGES = ["en", "de", "es", "zh", "ar"];
const SHEETS = ["../ui/tokens.css", "../ui/base.css", "./chat.css"];
const MOST_KEPT = 20;

/** Questions and answers. Nothing is shown before `start`. Says `answered` after each answer. */
class AttestChat extends HTMLElement {
  turns = [];
  running = null;
  conversation = null;

  /**
   * Draw it, and bring back the visit's conversation, kept under `name`. `call` is the way to the service;
   * `view(place)` makes the properties of a link to the original; `heading`, `greeting` and `suggestions` are shown
   * before the first question. With `remPx`, its sizes do not depend on the page's.
   */
  async start({ call, view, name, language, collections, remPx, ...welcome }) {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    Object.assign(this, { call, view, collections, name: `attest.chat.${name}` });
    await Promise.all([this.readTexts(language), addStyles(root, remPx)]);
    this.draw(welcome);
    root.append(this.box);
    this.bringBack();
  }

  async readTexts(language = "") {
    const short = language.toLowerCase().split("-")[0];
    this.language = LANGUAGES.includes(short) ? short : "en";
    this.texts = (await import(`./locales/${this.language}.js`)).default;
  }

  draw({ heading, greeting, suggestions = [] }) {
    const { texts } = this;
    const examples = suggestions.map((text) => button(text, () => this.ask(text)));
    const group = el("div", { className: "examples", role: "group", ariaLabel: texts.examples }, ...examples);
    const head = heading ? [el("h2", {}, heading)] : [];
    this.welcome = el("section", { className: "welcome" }, ...head, el("p", { dir: "auto" }, greeting || texts.greeting), group);
    this.list = el("div", { className: "turns" });
    this.field = el("textarea", { rows: 1, dir: "auto", maxLength: 4000, testid: "question" });
    Object.assign(this.field, { placeholder: texts.title, ariaLabel: texts.question });
    this.sendButton = el("button", { className: "primary", testid: "send" }, texts.ask);
    this.stopButton = el("button", { type: "button", testid: "stop" }, texts.stop);
    this.form = el("form", { className: "ask" }, this.field, this.sendButton, this.stopButton);
    this.announcer = el("p", { className: "unseen", ariaLive: "polite" });
    this.scroller = el("div", { className: "scroller" }, this.welcome, this.list);
    const dir = this.language === "ar" ? "rtl" : "ltr";
    this.box = el("div", { className: "chat page", lang: this.language, dir }, this.scroller, this.form, this.announcer);
    this.listen();
    this.showState();
  }

  listen() {
    this.form.onsubmit = (event) => {
      event.preventDefault();
      const text = this.field.value.trim();
      if (!text || this.running) return;
      this.field.value = "";
      this.ask(text);
    };
    this.field.oninput = () => this.showState();
    this.field.onkeydown = (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.form.onsubmit(event);
    };
    this.stopButton.onclick = () => {
      this.running?.abort();
      this.field.focus();
    };
  }

  showState() {
    this.sendButton.hidden = Boolean(this.running);
    this.stopButton.hidden = !this.running;
    this.sendButton.disabled = !this.field.value.trim();
    this.welcome.hidden = this.turns.length > 0;
  }

  async ask(question) {
    if (this.running) return;
    const turn = this.add({ question });
    const { signal } = (this.running = new AbortController());
    this.showState();
    if (!matchMedia("(pointer: coarse)").matches) this.focus(); // what was pressed may be gone
    this.reveal(turn);
    await this.answer(turn, signal);
    if (!turn.node.isConnected) return; // a new conversation began meanwhile
    this.running = null;
    this.showState();
    this.keep();
    this.dispatchEvent(new Event("answered"));
  }

  async answer(turn, signal) {
    const json = { question: turn.data.question, stream: true, collections: this.collections };
    try {
      const conversation_id = this.conversation ?? undefined;
      for await (const [event, data] of answerEvents(this.call, { ...json, conversation_id }, signal)) {
        turn.on(event, data);
        if (event === "done") this.conversation = data.conversation_id;
      }
      this.say(turn.data.text.replace(/\s*\[\d+\]|[*`#|]/g, ""));
    } catch (error) {
      if (error.name === "AbortError") return turn.stop();
      if (error.kind === "conversation-not-found" && this.conversation) {
        this.conversation = null;
        return this.answer(turn, signal);
      }
      turn.fail(error);
      this.say(turn.data.problem);
    }
  }

  add(data) {
    const turn = new Turn(this, data);
    this.turns.push(turn);
    this.list.append(turn.node);
    return turn;
  }

  retry(turn) {
    if (this.running) return;
    this.turns = this.turns.filter((other) => other !== turn);
    turn.node.remove();
    this.field.focus();
    this.ask(turn.data.question);
  }

  /** Begin a new conversation. */
  clear() {
    this.running?.abort();
    Object.assign(this, { turns: [], running: null, conversation: null });
    this.list.replaceChildren();
    store.write(this.name, null);
    this.showState();
    this.field.focus();
  }

  /** Keep the conversation for the visit. */
  keep() {
    const turns = this.turns.filter(({ data }) => data.ended).map(({ data }) => data);
    store.write(this.name, { conversation: this.conversation, turns: turns.slice(-MOST_KEPT) });
  }

  bringBack() {
    const kept = store.read(this.name);
    if (!kept?.turns.length) return;
    this.conversation = kept.conversation;
    kept.turns.forEach((data) => this.add(data));
    this.showState();
    this.reveal(this.turns[this.turns.length - 1]);
  }

  reveal({ node }) {
    node.scrollIntoView();
  }

  focus() {
    this.field?.focus({ preventScroll: true });
  }

  say(text) {
    this.announcer.textContent = text;
  }

  /** What went wrong, for people, in their language where it is one of ours. */
  describe(error) {
    const { texts, fill, language } = this;
    const { kind, status, retryAfterS: s } = error;
    const at = s && new Date(Date.now() + s * 1000).toLocaleTimeString(language, { timeStyle: "short" });
    if (kind === "over-quota") return fill(texts.quota, { at });
    if (status === 429) return fill(texts.busy, { n: s || 5 });
    if (["offline", "unreachable", "refused"].includes(kind)) return texts[kind];
    if (kind === "cut-off" || kind === "answer-gone") return texts.cutOff;
    if (error instanceof Problem) return error.message;
    console.error(error);
    return texts.cutOff;
  }

  fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
}

async function addStyles(root, remPx) {
  const texts = await Promise.all(SHEETS.map(async (path) => (await fetch(new URL(path, import.meta.url))).text()));
  const sheets = texts.map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(remPx ? text.replace(/([\d.]+)rem\b/g, (_, number) => `${number * remPx}px`) : text);
    return sheet;
  });
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets];
}

customElements.define("attest-chat", AttestChat);
