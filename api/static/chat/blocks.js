import { el } from "../ui/el.js";

const MARK = /(\[\d+\])/;

/**
 * The element of one block of Markdown as marked reads it. No HTML is written or parsed on the way: these elements and
 * attributes are all that an answer can have.
 */
export function block(token, chip) {
  const { type, tokens = [] } = token;
  const blocks = (inner) => inner.filter((one) => one.type !== "space").map((one) => block(one, chip));
  const made = {
    heading: () => el("h3", {}, ...inline(tokens, chip)),
    code: () => el("pre", {}, el("code", { dir: "ltr" }, token.text)),
    blockquote: () => el("blockquote", {}, ...blocks(tokens)),
    hr: () => el("hr"),
    list: () => el(token.ordered ? "ol" : "ul", token.ordered ? { start: Number(token.start) } : {}, ...token.items.map((item) => listItem(item, chip))),
    table: () => table(token, chip),
  };
  return Object.hasOwn(made, type) ? made[type]() : el("p", {}, ...inline(token.tokens ?? [token], chip));
}

export function listItem({ tokens }, chip) {
  return el("li", {}, ...tokens.flatMap((one) => {
    if (one.type === "space") return [];
    return one.type === "text" || one.type === "checkbox" ? inline([one], chip) : [block(one, chip)];
  }));
}

function table({ header, rows }, chip) {
  const row = (cells, tag) => el("tr", {}, ...cells.map(({ tokens }) => el(tag, {}, ...inline(tokens, chip))));
  const body = el("tbody", {}, ...rows.map((cells) => row(cells, "td")));
  return el("div", { className: "scrolling", tabIndex: 0 }, el("table", {}, el("thead", {}, row(header, "th")), body));
}

function inline(tokens, chip) {
  return tokens.flatMap((token) => {
    if (["strong", "em", "del"].includes(token.type)) return [el(token.type, {}, ...inline(token.tokens, chip))];
    if (token.type === "codespan") return [el("code", {}, token.text)];
    if (token.type === "br") return [el("br")];
    if (token.type === "link") return link(token);
    if (token.type === "checkbox") return [token.checked ? "☑ " : "☐ "];
    return token.tokens ? inline(token.tokens, chip) : withChips(token.text ?? token.raw, chip);
  });
}

function withChips(text, chip) {
  return text.split(MARK).map((part) => (MARK.test(part) && chip(Number(part.slice(1, -1)))) || part);
}

/** A link opens a tab of its own and says where it leads. What leads nowhere known is its text. */
function link({ href, tokens }) {
  const words = inline(tokens, () => null);
  if (!/^(https?:\/\/|mailto:)/i.test(href) || !URL.canParse(href)) return words;
  const node = el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...words);
  const { host } = new URL(href);
  if (!node.textContent.includes(host)) node.append(el("span", { className: "quiet" }, ` (${host})`));
  return [node];
}
