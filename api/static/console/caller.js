import { call } from "../ui/api.js";

let asked = null;

/** Who is calling, as GET /v1/me tells; asked once. */
export function me() {
  asked ??= call("/v1/me").then((response) => response.json()).catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}

/** Whether the caller holds one of the scopes; an administrator holds all. */
export function may({ is_admin: isAdmin, scopes }, ...needs) {
  return isAdmin || needs.some((scope) => scopes.includes(scope));
}
