import { Lexer, Tokenizer, getDefaults } from "../vendor/marked.esm.js";
import { block } from "./blocks.js";

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

/** An answer that grows. Blocks whose source is as it was keep their elements. `chip(n)` makes a mark's element. */
export class Answer {
  constructor(node, chip) {
    Object.assign(this, { node, chip, blocks: [] });
  }

  /** Draw the answer so far. While it grows, only its last block is read again. */
  draw(text, growing) {
    const source = text.replace(/\r\n?/g, "\n").replace(growing ? UNFINISHED_MARK : "", "");
    const known = growing ? this.blocks.slice(0, -1) : [];
    const from = known.length ? known[known.length - 1].end : 0;
    const blocks = [...known, ...read(closed(source.slice(from), growing), from)];
    let same = known.length;
    while (same < blocks.length && blocks[same].raw === this.blocks[same]?.raw) same += 1;
    this.blocks.slice(same).forEach(({ node }) => node.remove());
    const fresh = blocks.slice(same).map((one) => ({ ...one, node: block(one.token, this.chip) }));
    this.node.append(...fresh.map(({ node }) => Object.assign(node, { dir: "auto" })));
    this.blocks = [...this.blocks.slice(0, same), ...fresh];
  }
}

function read(source, from) {
  let end = from;
  const tokens = new Lexer(OPTIONS).lex(source);
  const blocks = tokens.map((token) => ({ token, raw: token.raw, end: (end += token.raw.length) }));
  return blocks.filter(({ token }) => token.type !== "space");
}

/** Close what the writer has opened and not closed yet, so that no stars show up and go. */
function closed(source, growing) {
  const open = (mark) => source.split("\n\n").pop().split(mark).length % 2 === 0;
  if (!growing || /^ {0,3}(```|~~~)/m.test(source)) return source;
  return source.trimEnd() + (open("`") ? "`" : open("**") ? "**" : "");
}
