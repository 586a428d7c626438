import "./attest-chat.js";
import { call } from "../ui/api.js";
import { byId } from "../ui/dom.js";
import { refreshDocuments } from "./documents.js";

const STATE_INTERVAL_MS = 15_000;
const MODEL_STATES = { off: "No model: quotes only", failed: "Model not reachable" };
const EXAMPLES_SHOWN = 3;
const chat = byId("chat");

async function startChat() {
  await chat.start({
    call,
    name: "page",
    language: document.documentElement.lang,
    view: (place) => ({ href: `/view#${place}`, rel: "opener" }), // the new tab has this one's key, then
    heading: "Ask your documents",
    greeting: "Attest answers questions from your own documents and shows the passages behind every answer.",
    suggestions: await examples(),
  });
  chat.focus();
}

async function examples() {
  const response = await fetch("/static/examples.json").catch(() => null);
  return response?.ok ? (await response.json()).slice(0, EXAMPLES_SHOWN) : [];
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

byId("new").onclick = () => chat.clear();
chat.addEventListener("answered", watchState);
startChat();
watchState();
refreshDocuments();
