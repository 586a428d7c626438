import { Problem } from "../ui/api.js";
import { duration } from "../ui/pace.js";
import { count } from "../ui/parts.js";

const STAGES = { parse: "Reading", embed: "Indexing" };
const STATES = { queued: "Waiting", processing: "Processing" };
const UNITS = { chunks: "passages" };
const ADVICE = {
  "encrypted-document": "Save it without a password and add it again.",
  "broken-document": "Open it in its program, save it anew, and add it again.",
  "unsupported-format": "Save it as PDF, or in another of the formats above, and add it again.",
  "empty-document": "Check that it has text. A scan needs a better picture.",
  "parser-limit-exceeded": "Split it and add the parts.",
  "worker-lost": "Process it again. If it fails again, split it.",
  "document-too-large": "Split it and add the parts.",
  "storage-full": "Make room on the service's disk, then add it again.",
};

/** A document's state in a line: "Reading · 40 of 120 pages". */
export function describe({ status, stage, progress, pages, chunks, error }) {
  if (status === "failed") return new Problem(error ?? { title: "Failed" }).message;
  if (status === "ready") return ["Ready", ...sizes({ pages, chunks })].join(" · ");
  const doing = status === "queued" ? STATES.queued : STAGES[stage] ?? STATES[status] ?? status;
  if (status === "queued" || !progress?.total) return `${doing}…`;
  const [done, total] = [progress.done, progress.total].map((number) => number.toLocaleString("en"));
  return `${doing} · ${done} of ${total} ${unit(progress)}`;
}

/** "5.2 pages/s · 15 s left in this step"; empty until it can be told. */
export function describePace(pace, { status, progress }) {
  if (status !== "processing" || !progress?.total || !pace.rate) return "";
  const rate = pace.rate >= 10 ? Math.round(pace.rate) : pace.rate.toFixed(1);
  return `${rate} ${unit(progress)}/s · ${duration(pace.left(progress.total))} left in this step`;
}

const TWO_SENTENCES = /[.)!] +\S/;

/** What a person can do about a failure; empty where its detail goes on to say it, as most do. */
export function advice(error) {
  if (TWO_SENTENCES.test(error?.detail ?? "")) return "";
  const kind = error?.kind ?? String(error?.type ?? "").split(/[/:#]/).at(-1);
  return ADVICE[kind] ?? "";
}

export function sizes({ pages, chunks }) {
  return [pages && count(pages, "page"), chunks && count(chunks, "passage")].filter(Boolean);
}

/** What people call a document: its title, else its file's name. */
export const nameOf = ({ title, filename }) => title || filename;

const unit = (progress) => UNITS[progress.unit] ?? progress.unit ?? "";
