import { createTurn, drawAnswer, drawSources, notice, sortSources } from "./answer.js";
import { call, Problem } from "../ui/api.js";
import { refreshDocuments } from "./documents.js";
import { byId, el } from "../ui/dom.js";
import { readEvents } from "../ui/sse.js";

const STATE_INTERVAL_MS = 15_000;
const NOTES = {
  extractive: "Quoted from the documents: the language model is not ready yet.",
  demo: "Answered by the small demonstration model; connect your own for real use.",
};
const MODEL_STATES = { off: "No model: quotes only", failed: "Model not reachable" };
const question = byId("question");
let running = null;
let conversationId = null;

async function ask(text) {
  const turn = createTurn(text);
  running = new AbortController();
  showRunning();
  byId("welcome").hidden = true;
  byId("conversation").append(turn.node);
  drawAnswer(turn, { streaming: true });
  turn.node.scrollIntoView();
  try {
    await stream(turn, running.signal);
  } catch (error) {
    fail(turn, error);
  }
  running = null;
  showRunning();
  watchState();
}

async function stream(turn, signal) {
  const json = { question: turn.question, conversation_id: conversationId, stream: true };
  const { body } = await call("/v1/ask", { method: "POST", json, signal });
  for await (const { event, data } of readEvents(body)) {
    handlers[event]?.(turn, JSON.parse(data));
    if (event === "done") return;
  }
  throw new Problem({ title: "The answer was cut off" });
}

const handlers = {
  sources(turn, { sources }) {
    turn.sources = sources;
    drawSources(turn);
    drawSoon(turn);
  },
  token(turn, { text }) {
    turn.text += text;
    drawSoon(turn);
  },
  citation(turn, citation) {
    turn.citations.push(citation);
    drawSoon(turn);
  },
  done: finish,
  error(turn, problem) {
    throw new Problem(problem);
  },
};

/** At most one drawing a frame, however fast the tokens come. */
function drawSoon(turn) {
  turn.frame ??= requestAnimationFrame(() => {
    turn.frame = null;
    if (!turn.over) drawAnswer(turn, { streaming: true });
  });
}

function finish(turn, { answer, abstained, citations, generator, conversation_id: id }) {
  turn.over = true;
  turn.text = answer ?? turn.text;
  turn.citations = citations ?? turn.citations;
  turn.node.classList.toggle("abstained", Boolean(abstained));
  sortSources(turn, abstained);
  drawAnswer(turn);
  if (abstained) turn.answer.before(notice("Not found in the documents", "warn"));
  const note = NOTES[String(generator).match(/^(extractive$|demo)/)?.[0]];
  if (note) turn.notices.append(notice(note));
  conversationId = id;
  byId("announcer").textContent = turn.text.replace(/\s*\[\d+\]/g, "");
}

function fail(turn, error) {
  turn.over = true;
  drawAnswer(turn);
  if (error.name === "AbortError") return turn.notices.append(notice("Stopped."));
  if (!(error instanceof Problem)) console.error(error);
  const shown = error instanceof Problem ? error : new Problem({ title: "The answer was cut off" });
  const again = el("button", { type: "button", onclick: () => retry(turn) }, "Try again");
  turn.notices.append(notice(shown.message, "bad", again));
  byId("announcer").textContent = shown.message;
}

function retry(turn) {
  if (running) return;
  turn.node.remove();
  question.focus();
  ask(turn.question);
}

function showRunning() {
  byId("send").hidden = Boolean(running);
  byId("stop").hidden = !running;
  byId("send").disabled = !question.value.trim();
}

function submit(event) {
  event.preventDefault();
  const text = question.value.trim();
  if (!text || running) return;
  question.value = "";
  ask(text);
}

async function showExamples() {
  const response = await fetch("/static/examples.json").catch(() => null);
  if (!response?.ok) return;
  const examples = (await response.json()).slice(0, 3);
  byId("examples").append(...examples.map((text) =>
    el("button", { type: "button", onclick: () => running || ask(text) }, text)));
}

let nextLook;

/** Keep the header's line true until the service and its model are ready. */
async function watchState() {
  clearTimeout(nextLook);
  const body = await fetch("/readyz").then((response) => response.json()).catch(() => null);
  const { text, ready } = readState(body);
  byId("state").textContent = text;
  byId("state").className = ready ? "ready" : "queued";
  if (!ready) nextLook = setTimeout(watchState, STATE_INTERVAL_MS);
}

function readState(body) {
  const good = (check) => ["ok", "ready", "up", true].includes(check?.status ?? check);
  if (!body) return { text: "Service not reachable", ready: false };
  const generator = body.checks?.generator;
  if (generator && !good(generator)) {
    return { text: MODEL_STATES[generator.status] ?? "Model loading…", ready: false };
  }
  const ready = good(body.status ?? "ok");
  return { text: ready ? (generator?.model ?? "Ready") : "Starting…", ready };
}

byId("ask").onsubmit = submit;
byId("stop").onclick = () => { running?.abort(); question.focus(); };
question.oninput = showRunning;
question.onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
};
showExamples();
watchState();
refreshDocuments();
