import { html, render, useEffect, useState } from "/page/vendor/htm-preact.js";
import { Login, NAMES, Top } from "./frame.js";
import { connect, listen, one, state, whoami } from "./store.js";
import { Story } from "./story.js";
import { Account, Equity, Followers, Log, Orders, Overview, Slots, Strategies, Trades } from "./views.js";

const VIEWS = { overview: Overview, slots: Slots, orders: Orders, account: Account, equity: Equity, trades: Trades, strategies: Strategies, followers: Followers, story: Story, log: Log };
// Those that say their title themselves.
const TITLED = new Set(["overview", "story"]);

// An address names a view, and what of it: #story/main/t1. What it does not name is the overview.
function chosen() {
  const [view, ...place] = location.hash.slice(1).split("/");
  try {
    if (Object.hasOwn(VIEWS, view)) return { view, place: place.map(decodeURIComponent) };
  } catch {
    // No address of ours: a % that begins nothing.
  }
  return { view: "overview", place: [] };
}

function App() {
  const [, again] = useState(0);
  const [{ view, place }, choose] = useState(chosen);
  useEffect(() => listen(() => again((n) => n + 1)), []);
  useEffect(() => {
    const change = () => choose(chosen());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  useEffect(() => { document.title = `${[NAMES[view], ...place].join(" ")} - DITA`; }, [view, place]);
  // A backtest is there for its report: it opens by itself, once.
  const report = one("host")?.kind === "backtest" && one("host").report;
  useEffect(() => { if (report) location.href = "/report"; }, [report]);
  if (!state.me) return html`<${Login} />`;
  const View = VIEWS[view];
  return html`<${Top} view=${view} views=${Object.keys(VIEWS)} />
    <main id="main" tabindex="-1">${!TITLED.has(view) && html`<h1 class="unseen">${NAMES[view]}</h1>`}<${View} place=${place} /></main>`;
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
