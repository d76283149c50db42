import { html } from "/page/vendor/htm-preact.js";
import { Chart } from "./chart.js";
import { Controls } from "./frame.js";
import { troubles, verdict } from "./judge.js";
import { clock, money, plain, time, tone } from "./shown.js";
import { accounts, of, one, post, state } from "./store.js";
import { Trade } from "./story.js";
import { Table } from "./table.js";

const Card = ({ title, children, wide }) => html`<section class=${wide ? "card wide" : "card"}><h2>${title}</h2>${children}</section>`;
const word = (value) => String(value).split(/[(:]/)[0];
const State = ({ of: value }) => html`<span class="state ${word(value)}">${value}</span>`;
const Side = ({ of: side }) => html`<span class="side ${side}">${side}</span>`;

export function Overview() {
  const host = one("host");
  if (host?.kind === "backtest") return html`<${Backtest} host=${host} />`;
  const found = troubles();
  const said = verdict(found);
  return html`<section class="verdict ${said.name}" aria-live="polite"><h1>${said.word}</h1><p>${said.text}</p>
      ${found.length > 0 && html`<ul>${found.slice(0, 8).map((trouble) => html`<li class=${trouble.level === 2 ? "act" : "look"}>${trouble.text}</li>`)}</ul>`}
      ${found.length > 8 && html`<p class="hint">and ${found.length - 8} more</p>`}</section>
    <${Controls} />
    <div class="grid">${accounts().map((row) => html`<${Money} row=${row} key=${row.account} />`)}
      <${Card} title="Held now"><${Held} /><//>
      <${Card} title="Running"><${Running} /><//>
      <${Card} title="Stuck"><${Stuck} found=${found.filter((trouble) => trouble.stuck)} /><//>
      <${Card} title="At work"><${Working} /><//>
      <${Equity} /></div>`;
}

function Backtest({ host }) {
  return html`<section class="verdict ${host.report ? "safe" : "look"}" aria-live="polite"><h1>${host.report ? "The report is there" : `${Math.round(host.played * 100)} % played`}</h1>
    <p>${host.trades} trades of ${host.name}</p>${host.report ? html`<p><a class="go" href="/report">Open the report</a></p>` : html`<progress max="1" value=${host.played} aria-label="Played"></progress>`}</section>`;
}

// K on the left, E on the right, and every named cause of the difference between them.
function Money({ row }) {
  const { account, value } = row;
  const delta = value.reconcile_delta;
  const differs = delta !== null && Number(delta) !== 0;
  return html`<section class="card wide money"><h2>${account} <small>${value.asset}</small></h2>
    <dl class="pair"><div><dt>K <small>by the kernel's own ledger</small></dt><dd>${money(value.k_capital)}</dd></div>
      <div><dt>E <small>as the exchange reports</small></dt><dd>${money(value.e_wallet_balance)}</dd></div>
      <div><dt>E − K <small>${value.reconcile_status}</small></dt><dd class=${tone(delta)}>${delta === null ? "–" : money(delta, 8)}</dd></div>
      <div><dt>Equity <small>with open profit</small></dt><dd>${money(value.equity)}</dd></div></dl>
    ${differs && html`<${Waterfall} value=${value} />`}
    ${value.bots && html`<${Bots} rows=${value.bots} />`}
    <p class="why">${value.reconcile_explanation}</p></section>`;
}

// The account by the bots that share it: their parts of K add up to it.
function Bots({ rows }) {
  const amount = (row, name) => html`<td class="n">${plain(row[name])}</td>`;
  const limits = (row) => [
    row.max_slots != null && `${row.slots} of ${row.max_slots} slots`,
    row.max_notional != null && `${plain(row.notional)} of ${plain(row.max_notional)} held`,
    row.max_order_notional != null && `${plain(row.max_order_notional)} an order`,
  ].filter(Boolean).join(", ");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Bots"><table class="bots"><caption>By bots: the column K adds up to K</caption>
    <thead><tr><th scope="col">Bot</th><th scope="col" class="n">K</th><th scope="col" class="n">Open profit</th><th scope="col" class="n">Fees</th><th scope="col" class="n">Funding</th><th scope="col" class="n">Budget</th><th scope="col" class="n">In use</th><th scope="col" class="n">Free</th><th scope="col">Limits</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.bot}><th scope="row">${row.bot}</th>${["wallet", "open_pnl", "fees", "funding", "budget", "margin", "free"].map((name) => amount(row, name))}<td>${limits(row)}</td></tr>`)}</tbody></table></div>`;
}

// From K to E, cause by cause: each bar begins where the one before it ended. A hypothesis adds nothing to the sum.
export function Waterfall({ value }) {
  const parts = value.reconcile_causes.map((part) => ({ name: part.cause, amount: part.amount, sure: part.proof === "PROVEN", size: Number(part.amount) }));
  let at = 0;
  for (const part of parts) {
    part.from = part.sure ? at : 0;
    part.to = part.from + part.size;
    if (part.sure) at = part.to;
  }
  const ends = [0, Number(value.reconcile_delta), ...parts.flatMap((part) => [part.from, part.to])];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const x = (number) => ((number - low) / (high - low || 1)) * 100;
  const bar = (from, to, kind) => html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><line class="zero" x1=${x(0)} x2=${x(0)} y1="0" y2="10" />
    <rect class=${kind} x=${Math.min(x(from), x(to))} y="1.5" height="7" width=${Math.max(0.8, Math.abs(x(to) - x(from)))} /></svg>`;
  return html`<table class="waterfall"><caption>From K to E, cause by cause</caption><tbody>
    ${parts.map((part) => html`<tr><th scope="row">${part.name}${!part.sure && html` <small>presumed</small>`}</th><td class=${`n ${tone(part.amount)}`}>${plain(part.amount)}</td><td>${bar(part.from, part.to, part.sure ? (part.size < 0 ? "less" : "more") : "maybe")}</td></tr>`)}
    <tr class="sum"><th scope="row">E − K</th><td class=${`n ${tone(value.reconcile_delta)}`}>${plain(value.reconcile_delta)}</td><td>${bar(0, Number(value.reconcile_delta), "all")}</td></tr></tbody></table>`;
}

function Held() {
  const slots = of("slot").filter((row) => Number(row.value.size) !== 0);
  if (slots.length === 0) return html`<p class="none">Nothing.</p>`;
  return html`<div class="scroll short" tabindex="0" role="region" aria-label="Held now"><table><thead><tr><th scope="col">Instrument</th><th scope="col">Side</th><th scope="col" class="n">Size</th><th scope="col" class="n">Entry</th><th scope="col" class="n">Open profit</th></tr></thead><tbody>
    ${slots.slice(0, 12).map(({ key, account, value }) => html`<tr key=${key}><td><${Trade} account=${account} trade=${value.trade_id}>${value.asset}<//></td><td><${Side} of=${value.side} /></td><td class="n">${plain(value.size)}</td>
      <td class="n">${plain(value.entry_price)}</td><td class="n ${tone(value.unrealized_pnl)}">${money(value.unrealized_pnl)}</td></tr>`)}</tbody></table></div>
    ${slots.length > 12 && html`<p class="hint">and ${slots.length - 12} more in <a href="#slots">Slots</a></p>`}`;
}

function Working() {
  const orders = of("order");
  if (orders.length === 0) return html`<p class="none">No order.</p>`;
  return html`<p class="big">${orders.length} <small>${orders.length === 1 ? "order" : "orders"}</small></p>
    <ul class="plain">${orders.slice(0, 6).map(({ key, value }) => html`<li key=${key}>${value.asset} ${value.order_side} ${plain(value.remaining_size ?? value.intended_size)} ${value.order_type} <${State} of=${value.status} /></li>`)}</ul>`;
}

function Running() {
  const strategies = of("strategy");
  if (strategies.length === 0) return html`<p class="none">No strategy.</p>`;
  return html`<ul class="plain">${strategies.map(({ key, value }) => html`<li key=${key}><b>${value.name}</b> <${State} of=${value.state} /></li>`)}</ul>`;
}

function Stuck({ found }) {
  if (found.length === 0) return html`<p class="none">Nothing.</p>`;
  return html`<ul class="plain">${found.slice(0, 6).map((trouble) => html`<li class=${trouble.level === 2 ? "down" : ""}>${trouble.text}</li>`)}</ul>`;
}

const EQUITY = [{ name: "Equity", stroke: "--accent", width: 2 }, { name: "K", stroke: "--soft", width: 1, dash: [4, 4] }];

export function Equity() {
  return html`${accounts().map(({ account, value }) => html`<${Card} title=${`${account}: equity, and K (dashed)`} wide key=${account}>
    <${Chart} points=${state.equity.get(account) ?? []} series=${EQUITY} height=${220} label=${`Equity is ${plain(value.equity)}, K is ${plain(value.k_capital)}`} /><//>`)}`;
}

const PRICE = [{ name: "Mark", stroke: "--accent", width: 1.5 }, { name: "Buy", stroke: "--good", dots: true }, { name: "Sell", stroke: "--bad", dots: true }];

function Market({ row }) {
  const { account, name, value } = row;
  const marks = (state.marks.get(`${account}:${name}`) ?? []).map(([at, mark]) => [at, mark, null, null]);
  const fills = state.fills.filter((fill) => fill.account === account && fill.asset === name)
    .map((fill) => [fill.time_ns / 1e9, null, fill.order_side === "BUY" ? Number(fill.price) : null, fill.order_side === "SELL" ? Number(fill.price) : null]);
  const points = [...marks, ...fills].sort((a, b) => a[0] - b[0]);
  return html`<${Card} title=${`${account} ${name}: mark price, with buys (green) and sells (red)`} wide>
    <${Chart} points=${points} series=${PRICE} height=${260} label=${`The mark price is ${plain(value.mark_price)}; ${fills.length} fills`} /><//>`;
}

export function Trades() {
  const markets = of("market").filter(({ value }) => value.mark_price !== null);
  const rows = state.fills.map((fill, at) => ({ key: `${fill.account} ${fill.venue_trade_id} ${fill.seq} ${at}`, account: fill.account, value: fill }));
  return html`${markets.length === 0 && html`<${Card} title="Trades on price" wide><p class="none">No mark price has come yet.</p><//>`}
    ${markets.slice(0, 4).map((row) => html`<${Market} row=${row} key=${row.key} />`)}
    <${Card} title="Fills, the newest first" wide><${Table} label="Fills" none="No fill since the gateway looks on." rows=${rows} columns=${[
      ["Time", (fill) => time(fill.time_ns)], ["Account", (_, row) => row.account], ["Instrument", (fill) => fill.asset], ["Side", (fill) => html`<${Side} of=${fill.order_side} />`],
      ["Size", (fill) => plain(fill.size), "n"], ["Price", (fill) => plain(fill.price), "n"], ["Fee", (fill) => plain(fill.fee), "n"], ["Role", (fill) => fill.liquidity.toLowerCase() || "–"], ["Trade", (fill, row) => html`<${Trade} account=${row.account} trade=${fill.trade_id} />`],
    ]} /><//>`;
}

const signed = (read) => (value) => html`<span class=${tone(read(value))}>${money(read(value))}</span>`;
const stop = (slot) => (slot.unprotected ? html`<b class="down">missing</b>` : plain(slot.stop_price));

export function Slots() {
  const rows = of("slot");
  return html`<${Card} title=${`Slots that carry a trade: ${rows.length}`} wide><${Table} label="Slots" none="No slot carries a trade." rows=${rows} columns=${[
    ["Slot", (slot) => slot.slot_id, "n"], ["Account", (_, row) => row.account], ["Trade", (slot, row) => html`<${Trade} account=${row.account} trade=${slot.trade_id} />`], ["Owner", (slot) => slot.owner || "–"],
    ["Instrument", (slot) => slot.asset], ["Side", (slot) => html`<${Side} of=${slot.side} />`], ["State", (slot) => slot.fsm_state],
    ["Size", (slot) => plain(slot.size), "n"], ["Entry", (slot) => plain(slot.entry_price), "n"], ["Open profit", signed((slot) => slot.unrealized_pnl), "n"],
    ["Realized", signed((slot) => slot.realized_pnl), "n"], ["Fees", (slot) => money(slot.fees_paid), "n"], ["Stop", stop, "n"],
  ]} /><//>`;
}

const ORDER = [
  ["Order", (order) => order.venue_client_id], ["Account", (_, row) => row.account], ["Instrument", (order) => order.asset], ["Side", (order) => html`<${Side} of=${order.order_side} />`],
  ["Type", (order) => order.order_type], ["Size", (order) => plain(order.intended_size), "n"], ["Filled", (order) => plain(order.filled_size), "n"],
  ["Price", (order) => plain(order.limit_price ?? order.trigger_price), "n"], ["Status", (order) => html`<${State} of=${order.status} />`],
];

export function Orders() {
  const ended = state.ended.map((order, at) => ({ key: `${order.account} ${order.venue_client_id} ${at}`, account: order.account, value: order }));
  return html`<${Card} title=${`Orders at work: ${of("order").length}`} wide><${Table} label="Orders at work" none="No order is at work." rows=${of("order")} columns=${[
    ...ORDER, ["Doubt", (order) => (order.doubt && order.doubt !== "NONE" ? html`<b class="down">${order.doubt}</b>` : "–")],
  ]} /><//><${Card} title="Ended, the newest first" wide><${Table} label="Orders that ended" none="None has ended since the gateway looks on." rows=${ended} columns=${[...ORDER, ["Average", (order) => plain(order.average_fill_price), "n"]]} /><//>`;
}

const FIGURES = [["Realized", "k_realized_pnl"], ["Open profit", "unrealized_pnl"], ["Fees paid", "k_fees_paid"], ["Funding", "k_funding_net"], ["Open notional", "open_notional"], ["Reserved", "reserved_notional"],
  ["Left to trade with", "available_capital"], ["Leverage", "leverage"], ["Maintenance margin", "maint_margin"]];
// What is neither won nor lost has no colour: fees in green would read as money made.
const RESULTS = new Set(["k_realized_pnl", "unrealized_pnl", "k_funding_net"]);

export function Account() {
  return html`${accounts().map((row) => html`<${Money} row=${row} key=${row.account} /><${Card} title=${`${row.account}: figures`} wide><dl class="figures">
      ${FIGURES.map(([name, field]) => html`<div><dt>${name}</dt><dd class=${RESULTS.has(field) ? tone(row.value[field]) : ""}>${money(row.value[field])}</dd></div>`)}
      <div><dt>Margin</dt><dd>${row.value.margin_status}</dd></div></dl><//>`)}
    ${of("asset").map((row) => html`<${Money} row=${{ account: `${row.account}, also`, value: row.value }} key=${row.key} />`)}
    ${of("health").map(({ account, value }) => html`<${Card} title=${`${account}: positions at the venue`} wide><${Table} label="Positions" none="None." rows=${[...(value.positions ?? []), ...(value.unassigned ?? [])].map((position, at) => ({ key: at, account, value: position }))} columns=${[
      ["Instrument", (position) => position.symbol], ["Side", (position) => position.position_side], ["Booked", (position) => plain(position.size), "n"], ["Reported", (position) => plain(position.reported_size), "n"],
      ["Difference", (position) => plain(position.difference), "n"], ["Belongs to", (position) => position.origin ?? "slots"], ["Liquidation", (position) => plain(position.liquidation_price), "n"]]} /><//>`)}`;
}

export function Strategies() {
  const may = state.me.role === "operate";
  const act = (name, action) => () => post("/api/strategy", { name, action }).catch((error) => alert(error.message));
  return html`<${Card} title="Strategies" wide><${Table} label="Strategies" none="No strategy is loaded." rows=${of("strategy")} columns=${[
    ["Name", (strategy) => strategy.name], ["Account", (strategy) => strategy.account], ["State", (strategy) => html`<${State} of=${strategy.state} />`], ["Hears", (strategy) => (strategy.symbols ?? []).join(", ")], ["Error", (strategy) => strategy.error || "–"],
    ["", (strategy) => html`<span class="row">${["start", "pause", "stop"].map((action) => html`<button class="quiet" disabled=${!may} aria-label=${`${action} ${strategy.name}`} onClick=${act(strategy.name, action)}>${action}</button>`)}</span>`],
  ]} /><//>`;
}

const watched = ({ primary }) => (primary ? `process ${primary.pid}, ${primary.life || "away"}` : "nobody is known");
const behind = ({ accounts }) => Object.entries(accounts).map(([name, one]) => `${name}: ${one.seq === null ? one.trouble || "not followed" : `${one.behind} behind`}`).join("; ");
const same = ({ primary }) => (primary?.same_configuration ? "the primary's" : "not compared yet");

// Who takes over where the host's server dies or hangs.
function Standbys() {
  const rows = of("standby");
  return rows.length > 0 && html`<${Card} title="Standbys: who takes over" wide><${Table} label="Standbys" rows=${rows} columns=${[
    ["Process", (standby) => standby.pid, "n"], ["State", (standby) => standby.state], ["Watches", watched], ["Silent, s", (standby) => standby.primary?.silent_s ?? "–", "n"],
    ["Of at most, s", (standby) => standby.heartbeat_s, "n"], ["Inputs", behind], ["Configuration", same],
  ]} /><//>`;
}

export function Followers() {
  const rows = of("health").flatMap(({ account, value }) => Object.entries(value.followers ?? {}).map(([name, follower]) => ({ key: `${account} ${name}`, account, name, value: follower })));
  return html`<${Standbys} /><${Card} title="Followers: what writes the log elsewhere" wide><${Table} label="Followers" none="Nothing follows a kernel." rows=${rows} columns=${[
    ["Follower", (_, row) => row.name], ["Account", (_, row) => row.account], ["State", (follower) => html`<${State} of=${follower.state} />`], ["Behind, s", (follower) => follower.lag_seconds ?? "–", "n"], ["Behind, inputs", (follower) => follower.lag_records ?? "–", "n"],
    ["Restarts", (follower) => follower.restarts ?? "–", "n"], ["Lost", (follower) => follower.lost ?? "–", "n"], ["Error", (follower) => follower.error || "–"],
  ]} /><//>${of("health").map(({ account, value }) => html`<${Card} title=${`${account}: clock`} wide key=${account}><dl class="figures"><div><dt>Kernel time</dt><dd>${time(value.now_ns)}</dd></div><div><dt>Last input</dt><dd>${value.seq}</dd></div>
      <div><dt>Clock</dt><dd>${value.clock?.source ?? "–"} ${value.clock?.diagnostic_code ?? ""}</dd></div><div><dt>Slots</dt><dd>${of("slot").filter((row) => row.account === account).length} of ${value.slots_total ?? "–"}</dd></div></dl><//>`)}`;
}

export function Log() {
  return html`<${Card} title="What has happened, the newest first" wide>${state.log.length === 0 ? html`<p class="none">Nothing since the gateway looks on.</p>` : html`<ol class="log" tabindex="0" aria-label="Events">
    ${state.log.slice(0, 200).map((line) => html`<li><time>${clock(line.time_ns)}</time><span class="kind ${line.severity}">${line.severity.toLowerCase()}</span><span>${[line.account, line.kind].filter(Boolean).join(" ")}: ${line.text}</span></li>`)}</ol>`}<//>`;
}
