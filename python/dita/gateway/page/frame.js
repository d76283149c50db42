// What stands around every view: who, where, the gate, and how to log in.

import { html, useRef, useState } from "/page/vendor/htm-preact.js";
import { clock } from "./shown.js";
import { connect, of, one, post, readOnly, state, whoami } from "./store.js";

export const NAMES = { overview: "Overview", slots: "Slots", orders: "Orders", account: "Account", equity: "Equity", trades: "Trades", strategies: "Strategies", followers: "Followers", story: "Story", log: "Log" };
const STANDING = { live: "live", away: "no answer", connecting: "connecting" };

function theme() {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  dispatchEvent(new Event("themed"));
}

export function Top({ view, views }) {
  const host = one("host");
  return html`<header>
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>To the content</a>
    <div class="brand"><img src="/page/icon.svg" alt="" width="24" height="24" /><b>DITA</b><span class="host">${host?.name ?? ""}</span>
      <span class="standing ${state.standing}" role="status">${STANDING[state.standing]}</span></div>
    <nav aria-label="Views">${views.map((name) => html`<a href="#${name}" aria-current=${name === view ? "page" : null}>${NAMES[name]}</a>`)}</nav>
    <div class="who"><span>${state.me.name}</span><button class="quiet" onClick=${theme} aria-label="Light or dark">◐</button></div>
  </header>`;
}

export function Login() {
  const [said, say] = useState("");
  const enter = async (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get("token");
    try {
      await post("/api/login", { token });
      if (await whoami()) connect();
    } catch (error) {
      say(error.message);
    }
  };
  return html`<main class="login"><form onSubmit=${enter}>
    <h1>DITA</h1>
    <label for="token">Your token</label>
    <input id="token" name="token" type="password" autocomplete="current-password" required />
    <button>Log in</button>
    <p role="alert" class="problem">${said}</p>
    <p class="hint">The terminal that started this page shows a link that logs you in. A token of your own: <code>dita token add NAME --role read</code></p>
  </form></main>`;
}

const ACTS = {
  halt: ["Halt", "Cancels every working entry and lets nothing through that raises risk. Positions and their stops stay."],
  reduce_only: ["Reduce only", "Refuses every intent that raises risk."],
  freeze: ["Freeze", "Refuses entries until somebody unfreezes."],
  flatten: ["Flatten", "Closes every position at the market."],
  resume: ["Resume", "Opens the gate again: entries are let through."],
};

export function Controls() {
  const [act, choose] = useState(null);
  const may = state.me.role === "operate";
  const accounts = of("control").map((row) => row.account);
  if (readOnly()) return html`<section class="controls" aria-label="Controls"><span class="hint">This is looked at only (${state.config.kind}): nothing is steered here.</span></section>`;
  return html`<section class="controls" aria-label="Controls">
    ${Object.entries(ACTS).map(([name, [word]]) => html`<button class=${name} disabled=${!may} onClick=${() => choose(name)}>${word}</button>`)}
    ${may ? null : html`<span class="hint">Your role is ${state.me.role}: it looks on.</span>`}
    <span class="gates">${of("control").map(({ account, value }) => html`<span key=${account}>${account}: <b class=${value.gate === "NORMAL" && !value.frozen ? "up" : "down"}>${value.gate}${value.frozen ? ", frozen" : ""}</b>${value.updated_by && html` by ${value.updated_by} at ${clock(value.updated_at)}`}</span>`)}</span>
    ${act && html`<${Confirm} act=${act} accounts=${accounts} close=${() => choose(null)} />`}
  </section>`;
}

function Confirm({ act, accounts, close }) {
  const [said, say] = useState("");
  const [typed, type] = useState("");
  const account = useRef(accounts.length === 1 ? accounts[0] : null);
  const word = act.toUpperCase();
  const [title, text] = ACTS[act];
  const send = async (event) => {
    event.preventDefault();
    try {
      await post("/api/control", { action: act, confirm: typed, account: account.current || null });
      close();
    } catch (error) {
      say(error.message);
    }
  };
  const open = (dialog) => dialog && !dialog.open && dialog.showModal();
  return html`<dialog ref=${open} onClose=${close} aria-labelledby="confirm-title"><form onSubmit=${send}>
    <h2 id="confirm-title">${title}</h2><p>${text}</p>
    ${accounts.length > 1 && html`<label for="account">Account</label><select id="account" onChange=${(event) => { account.current = event.target.value; }}>
      <option value="">all accounts</option>${accounts.map((name) => html`<option value=${name}>${name}</option>`)}</select>`}
    <label for="confirm">Type <b>${word}</b> to do it as <b>${state.me.name}</b></label>
    <input id="confirm" autocomplete="off" autofocus value=${typed} onInput=${(event) => type(event.target.value)} />
    <p role="alert" class="problem">${said}</p>
    <div class="row"><button type="button" class="quiet" onClick=${close}>Leave it</button><button class=${act} disabled=${typed !== word}>${title}</button></div>
  </form></dialog>`;
}
