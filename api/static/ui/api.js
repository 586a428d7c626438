import { byId, confirmed, el } from "./dom.js";
import { Problem, send } from "./http.js";

export { Problem };

const KEY = "attest.key";
let token = null;
const storedKey = () => token ?? sessionStorage.getItem(KEY);

/** Whether a key was given in this tab. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** Forget the key of this tab. */
export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

/** Use a token that the page was opened with in place of a key. It is held in memory alone. */
export function useToken(given) {
  token = given;
}

/** Fetch from the service. Asks for a key after a 401; throws Problem unless the answer is good. */
export async function call(path, options = {}) {
  const key = storedKey();
  const response = await send(path, key, options);
  if (response.ok) return response;
  if (response.status === 401 && !token && (key !== storedKey() || (await askForKey(key)))) {
    return call(path, options);
  }
  throw await Problem.of(response);
}

let asking = null;

/** One dialog however many calls were refused; true when a key was given. */
function askForKey(refusedKey) {
  asking ??= showKeyDialog(refusedKey).finally(() => { asking = null; });
  return asking;
}

async function showKeyDialog(refusedKey) {
  byId("key-reason").textContent = refusedKey
    ? "That key was not accepted. Check it and try again."
    : "This service needs a key. It is kept until you close this tab.";
  byId("key").value = "";
  const given = await confirmed(byId("key-dialog"));
  if (given) sessionStorage.setItem(KEY, byId("key").value.trim());
  return given;
}

/** A plain link cannot carry a key: with one, show a PDF in a new tab and save any other original. */
export async function openWithKey(event) {
  if (!storedKey()) return;
  event.preventDefault();
  const link = event.currentTarget;
  try {
    const blob = await (await call(link.pathname + link.search)).blob();
    const url = URL.createObjectURL(blob);
    if (blob.type.startsWith("application/pdf")) window.open(url + link.hash, "_blank", "noopener");
    else el("a", { href: url, download: link.dataset.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    link.after(el("span", { className: "bad" }, ` ${error.message}`));
  }
}
