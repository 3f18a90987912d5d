/* Requests to the controller. Never more than two at a time: the browser opens six connections to
   one address, one carries the events, and STOP must find a free one. */

const MOST_AT_ONCE = 2;
const PATIENCE_MS = 15000; // engineering estimate: longer than any act waits for the pen
let under_way = 0;
const waiting = [];

/** Why the controller said no, in the words of its numbered errors. */
export class Refusal extends Error {
  constructor({ number = 0, what = "", cause = "", action = "" }) {
    super(what);
    Object.assign(this, { number, what, cause, action });
  }
}

/** GET `path` as JSON. Raises Refusal. */
export function get(path) {
  return inTurn(() => ask("GET", path));
}

/** POST `body` to `path`. Raises Refusal. */
export function post(path, body = {}) {
  return inTurn(() => ask("POST", path, body));
}

async function inTurn(task) {
  if (under_way >= MOST_AT_ONCE) await new Promise((go) => waiting.push(go));
  under_way += 1;
  try {
    return await task();
  } finally {
    under_way -= 1;
    waiting.shift()?.();
  }
}

async function ask(method, path, body) {
  const options = {
    method,
    cache: "no-store",
    credentials: "same-origin",
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  if (method === "POST") {
    options.headers["Content-Type"] = "application/json";
    options.headers["X-Micropen"] = "1";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal({ what: "no-answer" });
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(answer ?? { what: `HTTP ${response.status}` });
  return answer;
}
