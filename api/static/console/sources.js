import { ask } from "../ui/dialog.js";
import { el } from "../ui/dom.js";
import { field } from "../ui/parts.js";

/** The kinds of sources; those that reach into the house's own machines are for administrators. */
export const KINDS = {
  web: { label: "Web pages", hint: "https://intranet.example.com/rules/", crawls: true },
  sitemap: { label: "Sitemap", hint: "https://www.example.com/sitemap.xml", crawls: true },
  bucket: { label: "Bucket", hint: "s3://BUCKET/FOLDER", admin: true },
  folder: { label: "Folder", hint: "/srv/handbook, on the worker's machine", admin: true },
};
export const EVERY = { 0: "When asked", 3600: "Every hour", 86400: "Every day", 604800: "Every week" };
const DAY_S = 86_400;

const lines = (input) => input.value.split(/[\n,]/).map((one) => one.trim()).filter(Boolean);

/** Ask what is to be read, how often and into which collection; a body for POST /v1/sources, or null. */
export async function askSource(isAdmin) {
  const inputs = sourceInputs(isAdmin);
  if (!(await ask({ title: "Add a source", body: sourceFields(inputs), action: "Add and read it" }))) return null;
  const { kind, location, collection, access, every, grace } = inputs;
  return {
    kind: kind.value, location: location.value.trim(), collection: collection.value.trim() || "default",
    access: lines(access), interval_s: Number(every.value) || null, grace_s: Number(grace.value) * DAY_S,
    options: optionsOf(inputs),
  };
}

function optionsOf({ kind, depth, rate, pages, include, exclude }) {
  const reads = { max_pages: Number(pages.value), include: lines(include), exclude: lines(exclude) };
  if (!KINDS[kind.value].crawls) return reads;
  return { ...reads, depth: kind.value === "web" ? Number(depth.value) : 0, rate: Number(rate.value) };
}

function sourceInputs(isAdmin) {
  const choices = Object.entries(KINDS).filter(([, { admin }]) => isAdmin || !admin);
  const select = (entries) => el("select", {}, ...entries.map(([value, label]) => el("option", { value }, label)));
  const inputs = {
    kind: select(choices.map(([name, { label }]) => [name, label])),
    location: el("input", { required: true, maxLength: 2000, testid: "location" }),
    collection: el("input", { value: "default", testid: "into" }),
    access: el("input", { placeholder: "everybody" }),
    every: select(Object.entries(EVERY)),
    depth: el("input", { type: "number", min: 0, max: 20, value: 0 }),
    rate: el("input", { type: "number", min: 0.1, max: 50, step: "any", value: 1, required: true }),
    pages: el("input", { type: "number", min: 1, max: 100_000, value: 1000, required: true }),
    include: el("input", {}), exclude: el("input", {}),
    grace: el("input", { type: "number", min: 0, value: 1, step: "any" }),
  };
  const adapt = () => {
    inputs.location.placeholder = KINDS[inputs.kind.value].hint;
    inputs.depth.disabled = inputs.kind.value !== "web";
    inputs.rate.disabled = !KINDS[inputs.kind.value].crawls;
  };
  inputs.kind.onchange = adapt;
  adapt();
  return inputs;
}

function sourceFields({ kind, location, collection, access, every, depth, rate, pages, include, exclude, grace }) {
  const more = el("details", {}, el("summary", {}, "More"),
    field("Groups that may see it", access, "With commas; nobody named is everybody."),
    field("Links to follow", depth, "0: the page alone."), field("Requests a second, at most", rate),
    field("Pages or files, at most", pages, "A source with more is read in part, and says so."),
    field("Only what fits", include, "Patterns with commas, such as */policies/*."), field("Not what fits", exclude),
    field("Days before what is gone is deleted", grace));
  return [field("Kind", kind), field("Where", location), field("Into the collection", collection), field("Read it", every), more];
}
