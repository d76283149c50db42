// The newest rows, as the gateway tells them; who looks on is called once a frame.

const rows = new Map();
const listeners = new Set();
const HISTORY_MAX = 3600;

export const state = {
  rows, standing: "connecting", me: null, events: [], lastId: null, story: null,
  // Pictures of the last hour: floats are good enough for pixels, and for nothing else.
  equity: [], prices: new Map(),
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

function note(kind, text) {
  state.events.unshift({ at: new Date(), kind, text });
  state.events.length = Math.min(state.events.length, 500);
}

// What of a row's change is worth a line in the log.
function remark(key, before, now) {
  const [kind, account, name] = key.split(":");
  if (kind === "slot" && before?.fsm_state !== now.fsm_state) {
    note("slot", `${account} slot ${name}: ${now.asset} ${now.side} ${now.fsm_state}`);
  } else if (kind === "order" && before?.status !== now.status) {
    note("order", `${account} ${now.asset} ${now.order_side} ${now.intended_size}: ${now.status}`);
  } else if (kind === "control" && before && (before.gate !== now.gate || before.frozen !== now.frozen)) {
    note("control", `${account}: gate ${now.gate}${now.frozen ? ", frozen" : ""}, by ${now.updated_by || "a guard"}`);
  } else if (kind === "strategy" && before?.state !== now.state) {
    note("strategy", `${account}: ${now.state}`);
  }
}

function take(frame) {
  if (frame.reset) rows.clear();
  for (const [key, value] of Object.entries(frame.rows)) {
    if (!frame.reset) remark(key, rows.get(key), value);
    rows.set(key, value);
  }
  for (const key of frame.gone ?? []) rows.delete(key);
  state.lastId = frame.id;
  const time = Date.now() / 1000;
  const account = accounts()[0];
  if (account) point(state.equity, [time, Number(account.value.equity), Number(account.value.k_capital)]);
  for (const { account: its, name, value } of of("market")) {
    if (value.mark_price !== null) price(`${its} ${name}`, time, Number(value.mark_price), held(its, name));
  }
}

function point(points, values) {
  points.push(values);
  if (points.length > HISTORY_MAX) points.shift();
}

const sizes = new Map();
function price(market, time, mark, size) {
  const before = sizes.get(market) ?? size;
  sizes.set(market, size);
  if (!state.prices.has(market)) state.prices.set(market, []);
  point(state.prices.get(market), [time, mark, size > before ? mark : null, size < before ? mark : null]);
}

const held = (account, symbol) => of("slot")
  .filter((row) => row.account === account && row.value.asset === symbol)
  .reduce((sum, row) => sum + Number(row.value.size) * (row.value.side === "SHORT" ? -1 : 1), 0);

let source = null;
export function connect() {
  source?.close();
  const after = state.lastId === null ? "" : `?last_id=${state.lastId}`;
  source = new EventSource(`/api/stream${after}`);
  source.onopen = () => {
    if (state.standing === "away") whoami().catch(() => {});
    state.standing = "live";
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

export function of(kind) {
  const found = [];
  for (const [key, value] of rows) {
    const [its, account, name] = key.split(":");
    if (its === kind) found.push({ key, account, name, value });
  }
  return found;
}

export const accounts = () => of("account");
