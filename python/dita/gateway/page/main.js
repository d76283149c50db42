import { html, render, useEffect, useState } from "/page/vendor/htm-preact.js";
import { Login, NAMES, Top } from "./frame.js";
import { connect, listen, one, state, whoami } from "./store.js";
import { Story } from "./story.js";
import { Account, Equity, Followers, Log, Orders, Overview, Slots, Strategies, Trades } from "./views.js";

const VIEWS = { overview: Overview, slots: Slots, orders: Orders, account: Account, equity: Equity, trades: Trades, strategies: Strategies, followers: Followers, log: Log };

const chosen = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "overview");

function App() {
  const [, again] = useState(0);
  const [view, choose] = useState(chosen);
  useEffect(() => listen(() => again((n) => n + 1)), []);
  useEffect(() => {
    const change = () => choose(chosen());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  // A backtest is there for its report: it opens by itself, once.
  const report = one("host")?.kind === "backtest" && one("host").report;
  useEffect(() => { if (report) location.href = "/report"; }, [report]);
  if (!state.me) return html`<${Login} />`;
  const View = VIEWS[view];
  return html`<${Top} view=${view} views=${Object.keys(VIEWS)} />
    <main id="main" tabindex="-1">${view !== "overview" && html`<h1 class="unseen">${NAMES[view]}</h1>`}<${View} /></main>${state.story && html`<${Story} of=${state.story} key=${state.story.trade} />`}`;
}

// A link of the terminal's carries a token behind the #: it is used once, and goes from the address.
async function begin() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    history.replaceState(null, "", location.pathname);
    await fetch("/api/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
  }
  if (await whoami()) connect();
  const place = document.getElementById("app");
  place.replaceChildren();
  render(html`<${App} />`, place);
}

begin();
