// The newest rows, as the gateway tells them; who looks on is called once a frame.

const kinds = new Map();
const listeners = new Set();
const POINTS_MAX = 7200;
const KEPT_MAX = 1000;
const LISTS = ["fills", "ended", "log"];

export const state = {
  standing: "connecting", me: null, config: null, lastId: null, away: null,
  fills: [], ended: [], log: [],
  // Pictures: floats are good enough for pixels, and for nothing else.
  equity: new Map(), marks: new Map(),
};

export function listen(hear) {
  listeners.add(hear);
  return () => listeners.delete(hear);
}

let due = false;
export function tell() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    for (const hear of listeners) hear();
  });
}

// Rows of one kind, in the order of their numbers or names; the order is made anew only where rows came or went.
const orders = new Map();
export function of(kind) {
  const held = kinds.get(kind);
  if (!held) return [];
  let order = orders.get(kind);
  if (!order) {
    order = [...held.values()].sort((a, b) => (a.account < b.account ? -1 : a.account > b.account ? 1 : Number(a.name) - Number(b.name) || (a.name < b.name ? -1 : 1)));
    orders.set(kind, order);
  }
  return order;
}

export const one = (kind, name) => kinds.get(kind)?.get(name ? `${kind}:${name}` : kind)?.value;
export const accounts = () => of("account");

function put(key, value) {
  const [kind, account = "", ...rest] = key.split(":");
  let held = kinds.get(kind);
  if (!held) kinds.set(kind, (held = new Map()));
  const known = held.get(key);
  if (known) {
    known.value = value;
  } else {
    held.set(key, { key, account, name: rest.join(":"), value });
    orders.delete(kind);
  }
}

function drop(key) {
  const kind = key.split(":", 1)[0];
  if (kinds.get(kind)?.delete(key)) orders.delete(kind);
}

function take(frame) {
  if (frame.reset) {
    kinds.clear();
    orders.clear();
    for (const list of LISTS) state[list] = [];
  }
  for (const key in frame.rows) put(key, frame.rows[key]);
  for (const key of frame.gone ?? []) drop(key);
  for (const list of LISTS) {
    if (frame[list]) state[list] = [...frame[list].reverse(), ...state[list]].slice(0, KEPT_MAX);
  }
  state.lastId = frame.id;
  sample();
}

function add(points, point) {
  if (points.length && point[0] <= points.at(-1)[0]) return;
  points.push(point);
  if (points.length > POINTS_MAX) points.shift();
}

const list = (held, name) => held.get(name) ?? held.set(name, []).get(name);
const when = (account) => {
  const ns = one("health", account)?.now_ns;
  return ns ? Math.floor(ns / 1e9) : null;
};

// A point a second, by the kernel's clock.
let second = 0;
function sample() {
  const now = Math.floor(Date.now() / 1000);
  if (now === second) return;
  second = now;
  for (const { account, value } of accounts()) {
    const at = when(account);
    if (at) add(list(state.equity, account), [at, Number(value.equity), Number(value.k_capital)]);
  }
  for (const { account, name, value } of of("market")) {
    const at = when(account);
    if (at && value.mark_price !== null) add(list(state.marks, `${account}:${name}`), [at, Number(value.mark_price)]);
  }
}

async function recall() {
  const answer = await fetch("/api/history");
  if (!answer.ok) return;
  const said = await answer.json();
  for (const [kind, held] of [["equity", state.equity], ["marks", state.marks]]) {
    for (const [name, points] of Object.entries(said[kind])) held.set(name, points.map((point) => point.map(Number)));
  }
  tell();
}

let source = null;
export function connect() {
  source?.close();
  const after = state.lastId === null ? "" : `?last_id=${state.lastId}`;
  source = new EventSource(`/api/stream${after}`);
  source.onopen = () => {
    if (state.standing === "away") whoami().catch(() => {});
    state.standing = "live";
    about();
    tell();
  };
  source.onmessage = (event) => { state.standing = "live"; take(JSON.parse(event.data)); tell(); };
  source.onerror = () => {
    state.standing = "away";
    tell();
    if (source.readyState === EventSource.CLOSED) {
      // The gateway said no: the session may be over.
      whoami().then((known) => known && setTimeout(connect, 1000), () => setTimeout(connect, 2000));
    }
  };
}

// What is shown here, and what it was before this page came.
async function about() {
  try {
    const answer = await fetch("/api/config");
    if (answer.ok) state.config = await answer.json();
    await recall();
  } catch {
    // It is asked again when the stream is open again.
  }
}

export async function whoami() {
  const answer = await fetch("/api/me");
  state.me = answer.ok ? await answer.json() : null;
  state.version ??= state.me?.version;
  // A gateway that was put in another version's place has another page.
  if (state.me && state.me.version !== state.version) location.reload();
  tell();
  return state.me;
}

export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": state.me?.csrf ?? "" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message ?? said.error);
  return said;
}

export const readOnly = () => state.config !== null && state.config.kind !== "host";
