import { html, useEffect, useRef } from "/page/vendor/htm-preact.js";
import { Controls } from "./frame.js";
import { troubles, verdict } from "./judge.js";
import { money, plain, time, tone } from "./shown.js";
import { accounts, of, post, state, tell } from "./store.js";

const Card = ({ title, children, wide }) => html`<section class=${wide ? "card wide" : "card"}><h2>${title}</h2>${children}</section>`;

export function Overview() {
  const found = troubles();
  const said = verdict(found);
  return html`<section class="verdict ${said.name}" aria-live="polite"><h1>${said.word}</h1><p>${said.text}</p>
      ${found.length > 0 && html`<ul>${found.slice(0, 6).map((one) => html`<li class=${one.level === 2 ? "act" : "look"}>${one.text}</li>`)}</ul>`}</section>
    <${Controls} />
    <div class="grid">${accounts().map((row) => html`<${Money} row=${row} key=${row.account} />`)}
      <${Card} title="Held now"><${Held} /><//>
      <${Card} title="At work"><${Working} /><//>
      <${Card} title="Running"><${Running} /><//>
      <${Card} title="Equity and K, since this page was opened" wide><${Curve} /><//></div>`;
}

// K on the left, E on the right, and every named cause of the difference between them.
function Money({ row }) {
  const { account, value } = row;
  const causes = value.reconcile_causes ?? [];
  const delta = value.reconcile_delta;
  return html`<section class="card wide money"><h2>${account} <small>${value.asset}</small></h2>
    <dl class="pair"><div><dt>K <small>by the kernel's own ledger</small></dt><dd>${money(value.k_capital)}</dd></div>
      <div><dt>E <small>as the exchange reports</small></dt><dd>${money(value.e_wallet_balance)}</dd></div>
      <div><dt>E − K <small>${value.reconcile_status}</small></dt><dd class=${tone(delta)}>${delta === null ? "–" : money(delta, 8)}</dd></div>
      <div><dt>Equity <small>with open profit</small></dt><dd>${money(value.equity)}</dd></div></dl>
    ${delta !== null && Number(delta) !== 0 && html`<${Waterfall} delta=${delta} causes=${causes} />`}
    <p class="why">${value.reconcile_explanation}</p></section>`;
}

export function Waterfall({ delta, causes }) {
  const parts = causes.map((cause) => ({ name: cause.cause ?? cause.name ?? String(cause), amount: cause.amount ?? "0" }));
  const most = Math.max(...parts.map((part) => Math.abs(Number(part.amount))), Math.abs(Number(delta)), 1e-18);
  const bar = (amount) => html`<meter min="0" max="1" value=${Math.abs(Number(amount)) / most}></meter>`;
  return html`<table class="waterfall"><caption>Why they differ</caption><tbody>
    ${parts.map((part) => html`<tr><th scope="row">${part.name}</th><td class=${tone(part.amount)}>${plain(part.amount)}</td><td>${bar(part.amount)}</td></tr>`)}
    <tr class="sum"><th scope="row">E − K</th><td class=${tone(delta)}>${plain(delta)}</td><td>${bar(delta)}</td></tr></tbody></table>`;
}

function Held() {
  const slots = of("slot").filter((row) => Number(row.value.size) !== 0);
  if (slots.length === 0) return html`<p class="none">Nothing.</p>`;
  return html`<table><thead><tr><th>Instrument</th><th>Side</th><th class="n">Size</th><th class="n">Entry</th><th class="n">Open profit</th></tr></thead><tbody>
    ${slots.slice(0, 12).map(({ key, value }) => html`<tr key=${key}><td>${value.asset}</td><td><span class="side ${value.side}">${value.side}</span></td><td class="n">${plain(value.size)}</td>
      <td class="n">${plain(value.entry_price)}</td><td class="n ${tone(value.unrealized_pnl)}">${money(value.unrealized_pnl)}</td></tr>`)}</tbody></table>
    ${slots.length > 12 && html`<p class="hint">and ${slots.length - 12} more in <a href="#slots">Slots</a></p>`}`;
}

function Working() {
  const orders = of("order");
  if (orders.length === 0) return html`<p class="none">No order.</p>`;
  const doubts = orders.filter(({ value }) => value.doubt && value.doubt !== "NONE").length;
  return html`<p class="big">${orders.length} <small>${orders.length === 1 ? "order" : "orders"}${doubts ? `, ${doubts} in doubt` : ""}</small></p>
    <ul class="plain">${orders.slice(0, 6).map(({ key, value }) => html`<li key=${key}>${value.asset} ${value.order_side} ${plain(value.remaining_size ?? value.intended_size)} ${value.order_type} <span class="state">${value.status}</span></li>`)}</ul>`;
}

function Running() {
  const strategies = of("strategy");
  if (strategies.length === 0) return html`<p class="none">No strategy.</p>`;
  return html`<ul class="plain">${strategies.map(({ key, value }) => html`<li key=${key}><b>${value.name}</b> <span class="state ${String(value.state).split("(")[0]}">${value.state}</span></li>`)}</ul>`;
}

// A chart over the time that the page has been open: columns of points, the first is the time.
function Chart({ points, series, height, label }) {
  const place = useRef(null);
  const plot = useRef(null);
  const data = () => [0, ...series.keys()].map((_, column) => points.map((point) => point[column]));
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
    const width = () => Math.max(200, place.current?.clientWidth ?? 600);
    plot.current = new globalThis.uPlot({
      width: width(), height, legend: { show: false }, cursor: { y: false },
      axes: [axis, { ...axis, size: 72 }],
      series: [{}, ...series.map(({ name, ...look }) => ({ label: name, points: { show: false }, ...look, stroke: colour(look.stroke) }))],
    }, data(), place.current);
    const fit = () => plot.current.setSize({ width: width(), height });
    addEventListener("resize", fit);
    return () => { removeEventListener("resize", fit); plot.current.destroy(); };
  }, []);
  useEffect(() => { plot.current?.setData(data()); });
  return html`<div ref=${place} role="img" aria-label=${label}></div>`;
}

const EQUITY = [{ name: "Equity", stroke: "--accent", width: 2 }, { name: "K", stroke: "--soft", width: 1, dash: [4, 4] }];

function Curve() {
  const last = state.equity.at(-1);
  return html`<${Chart} points=${state.equity} series=${EQUITY} height=${200} label=${last ? `Equity is ${last[1]}, K is ${last[2]}` : "No figures yet"} />`;
}

const dots = (stroke) => ({ stroke, width: 0, paths: () => null, points: { show: true, size: 9 } });
const PRICE = [{ name: "Mark", stroke: "--accent", width: 1.5 }, { name: "Larger", ...dots("--good") }, { name: "Smaller", ...dots("--bad") }];

export function Trades() {
  const markets = [...state.prices.entries()];
  if (markets.length === 0) return html`<${Card} title="Trades on price" wide><p class="none">No mark price has come yet.</p><//>`;
  return html`${markets.map(([name, points]) => html`<${Card} title=${`${name}: mark price, and where a position grew or shrank`} wide key=${name}>
    <${Chart} points=${points} series=${PRICE} height=${260} label=${`The mark price is ${points.at(-1)[1]}`} /><//>`)}`;
}

const sortedBy = (rows, field) => rows.sort((a, b) => String(a.value[field]).localeCompare(String(b.value[field]), undefined, { numeric: true }));
const SHOWN_MAX = 200;

function Table({ rows, columns, none }) {
  if (rows.length === 0) return html`<p class="none">${none}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table"><table><thead><tr>${columns.map(([name, , kind]) => html`<th class=${kind ?? ""}>${name}</th>`)}</tr></thead>
    <tbody>${rows.slice(0, SHOWN_MAX).map((row) => html`<tr key=${row.key}>${columns.map(([, read, kind]) => html`<td class=${kind ?? ""}>${read(row.value, row)}</td>`)}</tr>`)}</tbody></table></div>
    ${rows.length > SHOWN_MAX && html`<p class="hint">The first ${SHOWN_MAX} of ${rows.length} are shown.</p>`}`;
}

const signed = (read) => (value) => html`<span class=${tone(read(value))}>${money(read(value))}</span>`;

export function Slots() {
  return html`<${Card} title="Slots" wide><${Table} none="No slot carries a trade." rows=${sortedBy(of("slot"), "slot_id")} columns=${[
    ["Slot", (slot) => slot.slot_id, "n"], ["Account", (_, row) => row.account], ["Trade", (slot, row) => html`<button class="link" onClick=${() => { state.story = { account: row.account, trade: slot.trade_id }; tell(); }}>${slot.trade_id}</button>`], ["Owner", (slot) => slot.owner || "–"],
    ["Instrument", (slot) => slot.asset], ["Side", (slot) => html`<span class="side ${slot.side}">${slot.side}</span>`], ["State", (slot) => slot.fsm_state],
    ["Size", (slot) => plain(slot.size), "n"], ["Entry", (slot) => plain(slot.entry_price), "n"], ["Open profit", signed((slot) => slot.unrealized_pnl), "n"],
    ["Realized", signed((slot) => slot.realized_pnl), "n"], ["Fees", (slot) => money(slot.fees_paid), "n"], ["Stop", (slot) => (slot.unprotected ? html`<b class="down">missing</b>` : "–")],
  ]} /><//>`;
}

export function Orders() {
  return html`<${Card} title="Orders at work" wide><${Table} none="No order is at work." rows=${of("order")} columns=${[
    ["Order", (order) => order.venue_client_id], ["Account", (_, row) => row.account], ["Instrument", (order) => order.asset], ["Side", (order) => order.order_side],
    ["Type", (order) => order.order_type], ["Size", (order) => plain(order.intended_size), "n"], ["Filled", (order) => plain(order.filled_size), "n"],
    ["Price", (order) => plain(order.limit_price ?? order.trigger_price), "n"], ["Status", (order) => order.status],
    ["Doubt", (order) => (order.doubt && order.doubt !== "NONE" ? html`<b class="down">${order.doubt}</b>` : "–")],
  ]} /><//>`;
}

export function Account() {
  return html`${accounts().map((row) => html`<${Money} row=${row} key=${row.account} /><${Card} title=${`${row.account}: figures`} wide><dl class="figures">
      ${[["Realized", "k_realized_pnl"], ["Open profit", "unrealized_pnl"], ["Fees paid", "k_fees_paid"], ["Funding", "k_funding_net"], ["Open notional", "open_notional"], ["Reserved", "reserved_notional"],
        ["Left to trade with", "available_capital"], ["Leverage", "leverage"], ["Maintenance margin", "maint_margin"]].map(([name, field]) => html`<div><dt>${name}</dt><dd class=${tone(row.value[field])}>${money(row.value[field])}</dd></div>`)}</dl><//>`)}
    ${of("health").map(({ account, value }) => html`<${Card} title=${`${account}: followers and clock`} wide><dl class="figures">
      <div><dt>Kernel time</dt><dd>${time(value.now_ns)}</dd></div><div><dt>Last input</dt><dd>${value.seq}</dd></div>
      ${Object.entries(value.followers ?? {}).map(([name, follower]) => html`<div><dt>${name}</dt><dd>${follower.state}, ${follower.lag_seconds ?? 0} s behind</dd></div>`)}</dl><//>`)}`;
}

export function Strategies() {
  const may = state.me.role === "operate";
  const act = (name, action) => () => post("/api/strategy", { name, action }).catch((error) => alert(error.message));
  return html`<${Card} title="Strategies" wide><${Table} none="No strategy is loaded." rows=${of("strategy")} columns=${[
    ["Name", (one) => one.name], ["Account", (one) => one.account], ["State", (one) => html`<span class="state ${String(one.state).split("(")[0]}">${one.state}</span>`], ["Error", (one) => one.error || "–"],
    ["", (one) => html`<span class="row">${["start", "pause", "stop"].map((action) => html`<button class="quiet" disabled=${!may} onClick=${act(one.name, action)}>${action}</button>`)}</span>`],
  ]} /><//>`;
}

export function Log() {
  return html`<${Card} title="What changed since this page was opened" wide>${state.events.length === 0 ? html`<p class="none">Nothing yet.</p>` : html`<ol class="log">
    ${state.events.map((event) => html`<li><time>${event.at.toLocaleTimeString()}</time><span class="kind ${event.kind}">${event.kind}</span>${event.text}</li>`)}</ol>`}<//>`;
}
