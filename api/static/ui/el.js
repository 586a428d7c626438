const SVG = "http://www.w3.org/2000/svg";

/** Build an element. Children are nodes or text; text is never parsed as HTML. */
export function el(tag, { testid, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  if (testid) node.dataset.testid = testid;
  node.append(...children);
  return node;
}

/** A line drawing of 24 by 24; `d` is its path. */
export function icon(d) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS(SVG, tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}
