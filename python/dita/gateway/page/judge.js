// Whether all is well, in one word, and why.

import { accounts, of, state } from "./store.js";

const IN_DOUBT = ["SUBMIT", "CANCEL", "AMEND"];

// Each: how bad (2 act, 1 look), what it is.
export function troubles() {
  const found = [];
  const say = (level, text) => found.push({ level, text });
  if (state.standing !== "live") say(2, "The gateway does not answer. What you see may be old.");
  const away = state.rows.get("away");
  if (away) say(2, `The host does not answer: ${away}`);
  if (state.rows.get("host")?.heartbeat === "stale") say(2, "A strategy's callback does not come back: the host's heartbeat is stale.");
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
  for (const { account, value } of of("slot")) {
    if (value.unprotected) say(2, `${account}: ${value.asset} in slot ${value.slot_id} has no stop that works.`);
  }
  for (const { account, value } of of("order")) {
    if (IN_DOUBT.includes(value.doubt)) say(1, `${account}: nobody knows yet what became of a ${value.doubt} of ${value.asset}.`);
  }
  for (const { account, value } of of("strategy")) {
    if (String(value.state).startsWith("Error")) say(2, `Strategy ${account}: ${value.state}${value.error ? `: ${value.error}` : ""}`);
  }
  for (const { account, value } of of("health")) {
    for (const [name, follower] of Object.entries(value.followers ?? {})) {
      if (["DEAD", "REFUSED"].includes(follower.state)) say(2, `${account}: follower ${name} is ${follower.state}. ${follower.error ?? ""}`);
      else if (follower.lag_seconds > 30) say(1, `${account}: follower ${name} is ${Math.round(follower.lag_seconds)} s behind.`);
    }
    if (value.clock?.disconnected_since_ns) say(2, `${account}: the venue was lost and has not been asked yet.`);
    for (const lacking of value.live_missing ?? []) say(1, `${account}: real money lacks ${lacking}.`);
  }
  return found.sort((a, b) => b.level - a.level);
}

const by = (control) => (control.updated_by ? ` by ${control.updated_by}` : "");

export function verdict(found) {
  const worst = Math.max(0, ...found.map((trouble) => trouble.level));
  return [
    { name: "safe", word: "All is well", text: "Every difference is explained, nothing is in doubt, nothing is stuck." },
    { name: "look", word: "Have a look", text: "Nothing is lost. These want to be known." },
    { name: "act", word: "Act now", text: "Somebody has to do something about these." },
  ][worst];
}
