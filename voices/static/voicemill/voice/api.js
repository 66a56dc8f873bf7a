// The REST API as the person who is signed in: the session's cookie, the page's token, the tenant.
const page = document.getElementById("voice");
export const VOICE = page.dataset.api;
export const ENDED = ["succeeded", "failed", "cancelled", "expired"];

export class Problem extends Error {
  constructor(status, told) {
    super(told.detail ?? "The server does not answer. Try again in a moment.");
    this.status = status;
  }
}

export function headers() {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  return { "X-CSRFToken": token, "X-Tenant": page.dataset.tenant };
}

export async function call(method, address, { body, version } = {}) {
  const asked = headers();
  if (body !== undefined) asked["Content-Type"] = "application/json";
  if (version) asked["If-Match"] = version;
  let answer;
  try {
    answer = await fetch(address, { method, headers: asked, body: body && JSON.stringify(body) });
  } catch {
    throw new Problem(0, {});
  }
  const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, told);
  return { told, version: answer.headers.get("ETag") };
}

// A sound as an address of this page: an <audio> cannot say for which tenant it asks. Null while
// the sound is still made.
export async function sound(address) {
  const answer = await fetch(address, { headers: headers() });
  if (answer.status === 202) return null;
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return URL.createObjectURL(await answer.blob());
}

// Asks again and again until `done` of what was told; hidden pages wait.
export async function follow(address, done, seen, { every = 1000 } = {}) {
  for (;;) {
    const { told } = await call("GET", address);
    seen(told);
    if (done(told)) return told;
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? 5 * every : every));
  }
}
