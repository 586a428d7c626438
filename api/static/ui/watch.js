import { call } from "./api.js";

const AT_ONCE = 6; // a browser opens no more connections to one HTTP/1.1 host
const EVERY_MS = 1500;
const SOON_MS = 250;
const watched = new Map();
let next = null;

/** Whether a document is on its way: its state will change by itself. */
export const moves = ({ status }) => status === "queued" || status === "processing";

/**
 * Call `onChange(document)` with what the service says of a document until it is ready or failed, and with null if it
 * is gone. Few are asked about at a time, those in work first, so thousands may be watched.
 */
export function watch(id, onChange, signal) {
  const entry = watched.get(id) ?? { id, inWork: false, asked: 0, listeners: new Set() };
  entry.listeners.add(onChange);
  watched.set(id, entry);
  signal?.addEventListener("abort", () => {
    entry.listeners.delete(onChange);
    if (!entry.listeners.size) watched.delete(id);
  });
  next ??= setTimeout(tick, SOON_MS);
}

async function tick() {
  const byTurn = [...watched.values()].sort((a, b) => b.inWork - a.inWork || a.asked - b.asked);
  const ended = await Promise.all(byTurn.slice(0, AT_ONCE).map(look));
  const wait = ended.some(Boolean) ? SOON_MS : EVERY_MS;
  next = watched.size ? setTimeout(tick, document.hidden ? 5 * EVERY_MS : wait) : null;
}

/** True when the document needs no more watching. */
async function look(entry) {
  entry.asked = performance.now();
  let body = null;
  try {
    body = await (await call(`/v1/documents/${encodeURIComponent(entry.id)}`)).json();
  } catch (error) {
    if (error.status !== 404) return false; // the service is away: the next look will tell
  }
  entry.inWork = body?.status === "processing";
  const over = !body || !moves(body);
  if (over) watched.delete(entry.id);
  for (const listener of entry.listeners) listener(body);
  return over;
}
