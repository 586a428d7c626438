/* Attest's chat on any page: draws a button at once and fetches the rest when it is likely to be used. */
(() => {
  const script = document.currentScript;
  if (!script || document.querySelector("attest-chat")) return;
  const { site, collection, title, accent, position, language, greeting, suggestions, theme } = script.dataset;
  const base = new URL(".", script.src).href;
  const split = (text, mark) => text?.split(mark).map((part) => part.trim()).filter(Boolean);
  const side = /left/.test(position) ? "left" : "right";
  const options = { base, site, title, accent, greeting, side, collections: split(collection, ",") };
  options.language = language || document.documentElement.lang || navigator.language;
  options.suggestions = split(suggestions, "|");
  const NAMES = { de: "Frage stellen", es: "Hacer una pregunta", zh: "提问", ar: "اطرح سؤالًا" };

  const host = document.createElement("attest-chat");
  const root = host.attachShadow({ mode: "open" });
  if (theme) host.dataset.theme = theme;
  const sheet = new CSSStyleSheet();
  const own = accent && CSS.supports("color", accent) ? accent : "#14615a";
  sheet.replaceSync(`
    :host {
      all: initial !important; position: fixed !important; inset: auto !important; bottom: 0 !important;
      ${side}: 0 !important; z-index: 2147483647 !important; color-scheme: light dark !important;
    }
    :host([data-theme="light"]) { color-scheme: light !important; }
    :host([data-theme="dark"]) { color-scheme: dark !important; }
    button.launcher {
      display: grid; place-items: center; width: 56px; height: 56px; min-height: 56px; margin: 16px; padding: 0;
      color: light-dark(#fff, #0b201d); border: 0; border-radius: 50%; cursor: pointer;
      background: light-dark(oklch(from ${own} min(l, 0.5) c h), oklch(from ${own} max(l, 0.78) c h));
      box-shadow: 0 2px 12px rgb(0 0 0 / 0.3);
    }
    button.launcher:focus-visible { outline: 3px solid; outline-offset: 3px; outline-color: Highlight; }
    button.launcher[aria-busy="true"] { opacity: 0.6; }
    .launcher svg { width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
    @media print {
      :host { position: static !important; display: block !important; }
      button.launcher { display: none; }
    }
  `);
  root.adoptedStyleSheets = [sheet];

  const button = document.createElement("button");
  button.className = "launcher";
  button.type = "button";
  button.title = title || NAMES[options.language.slice(0, 2).toLowerCase()] || "Ask a question";
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-expanded", "false");
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  path.setAttribute("d", "M4 5h16v11h-8l-5 4v-4H4zM8 9h8M8 12h5");
  svg.append(path);
  button.append(svg);
  root.append(button);

  let panel = null;
  const load = () => {
    panel ??= import(`${base}static/chat/panel.js`).then(({ createPanel }) => createPanel(host, button, options));
    panel.catch(() => { panel = null; }); // tried again at the next click
    return panel;
  };
  const toggle = async () => {
    button.setAttribute("aria-busy", "true");
    await load().then(({ toggle: now }) => now(), (error) => console.error("Attest cannot be loaded:", error));
    button.removeAttribute("aria-busy");
  };
  const warm = () => load().catch(() => {});
  button.addEventListener("click", toggle);
  button.addEventListener("pointerenter", warm);
  button.addEventListener("focus", warm);
  // The page's shortcuts must not take what is typed here: to the page, an event comes from no field.
  for (const type of ["keydown", "keyup", "keypress"]) root.addEventListener(type, (event) => event.stopPropagation());

  const begin = () => {
    document.body.append(host);
    (window.requestIdleCallback ?? setTimeout)(wasOpen() ? () => load().then(({ show }) => show(true, false), () => {}) : warm);
  };
  function wasOpen() {
    try {
      return innerWidth > 480 && sessionStorage.getItem(`attest.open.${site}`) === "true";
    } catch {
      return false;
    }
  }
  if (document.readyState === "complete") begin();
  else if (document.body) document.body.append(host), addEventListener("load", begin);
  else addEventListener("load", begin);
})();
