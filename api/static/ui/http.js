/** What went wrong, as the service's problem+json says it. `kind` is the end of its type, or our own word for it. */
export class Problem extends Error {
  constructor({ title = "Something went wrong", detail, status, type = "" } = {}, retryAfterS = null) {
    super(detail ? `${title}: ${detail}` : title);
    Object.assign(this, { status, detail, kind: type.split(/[/:#]/).pop(), retryAfterS });
  }

  static async of(response) {
    const unnamed = { title: `The service answered ${response.status}`, status: response.status };
    return new Problem(await response.json().catch(() => unnamed), Number(response.headers.get("Retry-After")));
  }
}

/** Fetch with a key, if there is one, and a body of JSON. Throws Problem only where no answer came. */
export async function send(path, key, { json, headers, ...options }) {
  const sent = new Headers(headers);
  if (key) sent.set("Authorization", `Bearer ${key}`);
  if (json) sent.set("Content-Type", "application/json");
  try {
    return await fetch(path, { ...options, headers: sent, body: json ? stringify(json) : options.body });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const type = navigator.onLine ? "unreachable" : "offline";
    throw new Problem({ type, title: "The service cannot be reached", detail: "Is it running, and are you online?" });
  }
}

/** JSON whatever the page did: old libraries give arrays a toJSON that quotes twice. */
export function stringify(value) {
  const foreign = Object.getOwnPropertyDescriptor(Array.prototype, "toJSON");
  delete Array.prototype.toJSON;
  try {
    return JSON.stringify(value);
  } finally {
    if (foreign) Object.defineProperty(Array.prototype, "toJSON", foreign);
  }
}
