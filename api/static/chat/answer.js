import { Lexer, Tokenizer, getDefaults } from "../vendor/marked.esm.js";
import { block, listItem } from "./blocks.js";

/** Markdown without HTML, images and reference links: "[1]: so it says" is a sentence with a mark. */
class Plain extends Tokenizer {
  html() {}
  tag() {}
  def() {}
  link(source) {
    return source[0] === "!" ? undefined : super.link(source);
  }
}
const OPTIONS = { ...getDefaults(), breaks: true, tokenizer: new Plain() };
const UNFINISHED_MARK = /\[\d*$/;

/** An answer that grows. What has the source that it had keeps its elements. `chip(n)` makes a mark's element. */
export class Answer {
  constructor(node, chip) {
    Object.assign(this, { node, chip, blocks: [], source: "" });
  }

  /** Draw the answer so far. Where it has only grown, its last block alone is read again. */
  draw(text, growing) {
    const source = text.replace(/\r\n?/g, "\n").replace(growing ? UNFINISHED_MARK : "", "");
    const known = this.blocks.slice(0, -1);
    const from = known.length ? known[known.length - 1].end : 0;
    if (source.slice(0, from) === this.source.slice(0, from)) this.replace(known.length, read(source, from, growing));
    else this.replace(0, read(source, 0, growing));
    this.source = source;
  }

  replace(index, blocks) {
    const old = this.blocks.slice(index);
    let same = true;
    const drawn = blocks.map((fresh, n) => {
      const node = redrawn(same ? old[n] : null, fresh, this.chip);
      same &&= node === old[n]?.node;
      return { ...fresh, node };
    });
    const kept = new Set(drawn.map(({ node }) => node));
    old.filter(({ node }) => !kept.has(node)).forEach(({ node }) => node.remove());
    const added = drawn.filter(({ node }) => !node.parentNode);
    this.node.append(...added.map(({ node }) => Object.assign(node, { dir: "auto" })));
    this.blocks = [...this.blocks.slice(0, index), ...drawn];
  }
}

/** The element of a block: the old one if it has not changed, or is a list that others or more items have come to. */
function redrawn(old, { token, raw }, chip) {
  if (old?.raw === raw) return old.node;
  const is = ({ type, ordered }) => `${type} ${ordered}`;
  if (!old || token.type !== "list" || is(token) !== is(old.token)) return block(token, chip);
  const { items } = token;
  const other = items.findIndex(({ raw: text, loose }, n) => text !== old.token.items[n]?.raw || loose !== old.token.items[n].loose);
  const from = other < 0 ? items.length : other;
  [...old.node.children].slice(from).forEach((node) => node.remove());
  old.node.append(...items.slice(from).map((item) => listItem(item, chip)));
  return old.node;
}

function read(whole, from, growing) {
  let end = from;
  const tokens = new Lexer(OPTIONS).lex(closed(whole.slice(from), growing));
  const blocks = tokens.map((token) => ({ token, raw: token.raw, end: (end += token.raw.length) }));
  return blocks.filter(({ token }) => token.type !== "space");
}

/** Close what the writer has opened and not closed yet, so that no stars show up and go. */
function closed(source, growing) {
  const open = (mark) => source.split("\n\n").pop().split(mark).length % 2 === 0;
  if (!growing || /^ {0,3}(```|~~~)/m.test(source)) return source;
  return source.trimEnd() + (open("`") ? "`" : open("**") ? "**" : "");
}
