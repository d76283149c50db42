// A trade's story, as `dita explain` tells it out of the log. It has an address: #story/ACCOUNT/TRADE.

import { html, useEffect, useRef, useState } from "/page/vendor/htm-preact.js";
import { accounts, of, state } from "./store.js";

const KNOWN_MAX = 200;

const address = (account, trade) => `#story/${encodeURIComponent(account)}/${encodeURIComponent(trade)}`;

// Text that leads to a trade's story: its id, where nothing else is said.
export const Trade = ({ account, trade, children }) => (trade ? html`<a href=${address(account, trade)}>${children ?? trade}</a>` : "–");

export function Story({ place: [account, trade] }) {
  return trade ? html`<${Told} account=${account} trade=${trade} key=${`${account}/${trade}`} />` : html`<${Asked} />`;
}

function Told({ account, trade }) {
  const [lines, told] = useState(null);
  const [problem, say] = useState("");
  const [times, again] = useState(0);
  const title = useRef(null);
  // The link that led here is no longer there: the keyboard goes on from the title.
  useEffect(() => title.current.focus(), []);
  useEffect(() => {
    let here = true;
    const asked = new URLSearchParams({ account, trade });
    fetch(`/api/story?${asked}`)
      .then((answer) => answer.json().then((said) => (answer.ok ? [said.lines, ""] : [null, said.message])))
      .catch(() => [null, "The gateway does not answer."])
      .then(([found, wrong]) => { if (here) { told(found); say(wrong); } });
    return () => { here = false; };
  }, [times]);
  return html`<section class="card story"><h1 tabindex="-1" ref=${title}>The story of ${trade}</h1>
    <p class="hint">${account}, out of its log as it was when this was opened</p>
    <p role="alert" class="problem">${problem}</p>
    ${lines ? html`<pre tabindex="0" role="region" aria-label="Story">${lines.join("\n")}</pre>` : !problem && html`<p class="none">Reading the log …</p>`}
    <div class="row"><a href="#story">Another trade</a><button onClick=${() => again(times + 1)}>Read again</button></div></section>`;
}

// The trades that this page knows of, the newest first, and a place to name an older one.
function Asked() {
  const known = new Map();
  const add = (account, trade) => trade && known.set(address(account, trade), { account, trade });
  for (const { account, value } of of("slot")) add(account, value.trade_id);
  for (const fill of state.fills) add(fill.account, fill.trade_id);
  const go = (event) => {
    event.preventDefault();
    const said = new FormData(event.target);
    location.hash = address(said.get("account"), said.get("trade").trim());
  };
  return html`<section class="card"><h1>A trade's story</h1>
    <form class="ask" onSubmit=${go}>
      <label>Account <select name="account" required>${accounts().map((row) => html`<option key=${row.key} value=${row.account}>${row.account}</option>`)}</select></label>
      <label>Trade <input name="trade" required pattern=".*\\S.*" autocomplete="off" /></label><button>Tell</button></form>
    <h2>Trades of now and of lately</h2>
    ${known.size === 0 ? html`<p class="none">None since the gateway looks on.</p>` : html`<ul class="plain">${[...known.values()].slice(0, KNOWN_MAX).map(({ account, trade }) => html`<li key=${address(account, trade)}><${Trade} account=${account} trade=${trade} /> <span class="hint">${account}</span></li>`)}</ul>`}</section>`;
}
