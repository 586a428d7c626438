import { Problem, send, stringify } from "../ui/http.js";
import { readEvents } from "../ui/sse.js";

const RECONNECT_MS = 1000;
const MARGIN_MS = 60_000;

/** sessionStorage; without it, which a page's sandbox may refuse, the visit is not remembered. */
export const store = {
  read(name) {
    try {
      return JSON.parse(sessionStorage.getItem(name));
    } catch {
      return null;
    }
  },
  write(name, value) {
    try {
      if (value === null) sessionStorage.removeItem(name);
      else sessionStorage.setItem(name, stringify(value));
    } catch { /* refused or full */ }
  },
};

/**
 * How a site's visitor speaks to the service: `call` as in ui/api.js, and `token()` for a link. The session begins with
 * the first call, and again when it is over.
 */
export function visitor(base, site) {
  const name = `attest.session.${site}`;
  let session = store.read(name);
  let beginning = null;

  async function begin() {
    const response = await send(`${base}v1/sessions`, null, { method: "POST", json: { site_key: site } });
    if (!response.ok) throw Object.assign(await Problem.of(response), response.status === 403 && { kind: "refused" });
    session = await response.json();
    store.write(name, session);
  }

  async function token(renew = false) {
    if (renew || !(Date.parse(session?.expires_at) > Date.now() + MARGIN_MS)) {
      await (beginning ??= begin().finally(() => { beginning = null; }));
    }
    return session.token;
  }

  async function call(path, options) {
    const url = base + path.slice(1);
    let response = await send(url, await token(), options);
    if (response.status === 401) response = await send(url, await token(true), options);
    if (!response.ok) throw await Problem.of(response);
    return response;
  }

  return { call, token };
}

/** Yield [event, data] of an answer to its end. A stream that breaks is gone on with once. Throws Problem. */
export async function* answerEvents(call, json, signal) {
  let last = "";
  for (let again = false; ; again = true) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const { body } = await call("/v1/ask", { method: "POST", json, headers, signal });
      for await (const { event, data, id } of readEvents(body)) {
        last = id || last;
        yield [event, JSON.parse(data)];
        if (event === "done") return;
      }
    } catch (error) {
      if (again || !last || signal.aborted || error instanceof Problem) throw error;
    }
    if (again || !last) throw new Problem({ type: "cut-off" });
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}
