// Whether all is well, in one word, and why.

import { plain } from "./shown.js";
import { accounts, of, one, state } from "./store.js";

const DOUBTS = { SUBMIT: "was sent", CANCEL: "was canceled", AMEND: "was changed" };
const STUCK_S = 5;

const by = (control) => (control.updated_by ? ` by ${control.updated_by}` : "");
const failed = (value) => String(value.state).startsWith("Error");

// Each: how bad (2 act, 1 look), what it is, and whether it is something that does not move.
export function troubles() {
  const found = [];
  const say = (level, text, stuck = false) => found.push({ level, text, stuck });
  if (state.standing !== "live") say(2, "The gateway does not answer. What you see may be old.");
  const away = one("away");
  if (away) say(2, `The host does not answer: ${away}`);
  if (one("host")?.heartbeat === "stale") say(2, "A strategy's callback does not come back: the host's heartbeat is stale.", true);
  for (const { account, value } of accounts()) {
    const status = value.reconcile_status;
    if (status === "CRITICAL" || status === "ERROR") say(2, `${account}: K and E differ. ${value.reconcile_explanation}`);
    else if (status === "WARN") say(1, `${account}: ${value.reconcile_explanation}`);
    if (value.margin_status && value.margin_status !== "OK") say(2, `${account}: margin ${value.margin_status}`);
  }
  for (const { account, value } of of("control")) {
    if (value.kill_switch || value.gate === "HALTED") say(1, `${account} is halted${by(value)}.`);
    else if (value.gate !== "NORMAL") say(1, `${account} takes only what reduces${by(value)}.`);
    if (value.frozen) say(1, `${account} is frozen: ${value.last_freeze_reason || `by ${value.updated_by}`}`);
  }
  const bare = of("slot").filter(({ value }) => value.unprotected);
  for (const { account, value } of bare.slice(0, 5)) say(2, `${account}: ${value.asset} in slot ${value.slot_id} has no stop that works.`);
  if (bare.length > 5) say(2, `and ${bare.length - 5} more positions have no stop that works.`);
  for (const { account, value } of of("control")) {
    const overrides = standing(value.audited ?? []);
    if (value.regime === "CRISIS" && !overrides.length) say(1, `${account}: CRISIS. Buying aggressively is refused (REGIME_BLOCKED).`);
    for (const { who, id, end } of overrides) say(1, `${account}: ${who} lets longs through in a CRISIS until ${end} (${id}).`);
  }
  for (const { account, value } of of("order")) {
    if (value.doubt in DOUBTS) say(1, `${account}: nobody knows yet whether the order ${value.venue_client_id} of ${value.asset} ${DOUBTS[value.doubt]}.`, true);
    else if (value.stale) say(1, `${account}: nothing was heard of the order ${value.venue_client_id} of ${value.asset} for long.`, true);
  }
  for (const { value } of of("strategy")) {
    if (failed(value)) say(2, `Strategy ${value.name} has failed: ${value.error || value.state}`, true);
    else if (value.stuck_s > STUCK_S) say(2, `Strategy ${value.name}: a callback has run for ${value.stuck_s} s.`, true);
  }
  for (const { account, value } of of("health")) health(account, value, say);
  for (const { value } of of("standby")) {
    for (const [name, one] of Object.entries(value.accounts)) {
      if (one.trouble) say(1, `Standby ${value.pid} does not follow ${name}: ${one.trouble}`, true);
    }
  }
  return found.sort((a, b) => b.level - a.level);
}

function health(account, value, say) {
  for (const [name, follower] of Object.entries(value.followers ?? {})) {
    if (["DEAD", "REFUSED"].includes(follower.state)) say(2, `${account}: follower ${name} is ${follower.state}. ${follower.error ?? ""}`, true);
    else if (follower.lag_seconds > 30) say(1, `${account}: follower ${name} is ${Math.round(follower.lag_seconds)} s behind.`, true);
  }
  if (value.clock?.disconnected_since_ns) say(2, `${account}: the venue was lost and has not been asked yet.`, true);
  if (value.clock?.diagnostic_code === "CLOCK_SKEW") say(1, `${account}: the machine's clock and kernel time differ.`);
  if (value.control_trouble) say(1, `${account}: the control plane: ${value.control_trouble}`);
  if (value.trouble) say(1, `${account}: ${value.trouble}`);
  if (value.flattening) say(1, `${account}: positions are being left.`);
  for (const position of value.unassigned ?? []) say(1, `${account}: ${plain(position.size)} ${position.symbol} belongs to no slot (${position.origin}).`);
  for (const met of value.losses_met ?? []) say(2, `${account}: ${met.limit} ${plain(met.value)} is met with ${plain(met.attempt)}; entries are held back.`);
  for (const lacking of value.live_missing ?? []) say(1, `${account}: real money lacks ${lacking}.`);
}

// The overrides that hold: an audited id with an end, WHO-...@SECOND.
function standing(audited) {
  const found = [];
  for (const id of audited) {
    const [, name, second] = /^(.*)@(\d{1,12})$/.exec(id) ?? [];
    if (second && Number(second) * 1000 > Date.now()) {
      const end = new Date(Number(second) * 1000).toISOString().slice(0, 19).replace("T", " ");
      found.push({ id, who: name.replace(/-[^-]*$/, ""), end: `${end} UTC` });
    }
  }
  return found;
}


export function verdict(found) {
  const worst = Math.max(0, ...found.map((trouble) => trouble.level));
  return [
    { name: "safe", word: "All is well", text: "Every difference is explained, nothing is in doubt, nothing is stuck." },
    { name: "look", word: "Have a look", text: "Nothing is lost. These want to be known." },
    { name: "act", word: "Act now", text: "Somebody has to do something about these." },
  ][worst];
}
