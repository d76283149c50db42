//! Times the venue alone: a million round trips (buy and sell at market: acknowledged, filled, settled, wallet
//! updated), four times over with events handed back and four times without.
//! `cargo run --release -p dita-sim --example venue_loop [TRIPS]`
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use dita_kernel::effect::OrderRequest;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::names::{OrderSide, OrderType, PositionSide, TimeInForce, TradeSide};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};

/// Round trips of one run, unless the command line names another number.
const TRIPS: u64 = 1_000_000;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn order(side: OrderSide) -> OrderRequest {
    OrderRequest {
        venue_client_id: Id::EMPTY,
        trade_id: id("T-1"),
        slot_id: 0,
        asset: id("BTCUSDT"),
        side: TradeSide::Long,
        order_side: side,
        position_side: PositionSide::Both,
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Gtc,
        expire_time_ns: None,
        post_only: false,
        reduce_only: side == OrderSide::Sell,
        size: decimal("0.010"),
        limit_price: None,
        trigger_price: None,
        trigger_by: dita_kernel::names::TriggerBy::Last,
        oco_group: None,
    }
}

/// Client ids written ahead of time, so that only the venue is measured.
fn client_ids(count: u64) -> Vec<Id> {
    (0..count).map(|n| id(&format!("CLI{n:08}"))).collect()
}

fn main() {
    let trips = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(TRIPS);
    for reclaim in [false, true] {
        println!("{}", if reclaim { "events handed back" } else { "events dropped" });
        run(reclaim, trips);
    }
}

fn run(reclaim: bool, trips: u64) {
    let mut venue = SimVenue::new(SimConfig::default()).unwrap();
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), decimal("0.1"), decimal("0.001"));
    venue.add_instrument(&spec).unwrap();
    venue.deposit(&id("USDT"), decimal("100000")).unwrap();
    let mut out: Vec<Input> = Vec::with_capacity(16);
    let (bid, ask) = (decimal("61800.0"), decimal("61800.1"));
    venue.quote(0, &id("BTCUSDT"), bid, None, ask, None, &mut out).unwrap();
    let (mut buy, mut sell) = (order(OrderSide::Buy), order(OrderSide::Sell));
    for round in 0..4_u64 {
        let ids = client_ids(2 * trips);
        let ids: Vec<Id> = ids.iter().map(|i| id(&format!("R{round}{i}"))).collect();
        let start = Instant::now();
        let mut events = 0_usize;
        for (trip, pair) in ids.chunks_exact(2).enumerate() {
            let now_ns = trip as i64;
            for (request, client) in [&mut buy, &mut sell].into_iter().zip(pair) {
                request.venue_client_id.clone_from(client);
                venue.submit(now_ns, request, &mut out);
                events += out.len();
                if reclaim {
                    venue.reclaim(&mut out);
                } else {
                    out.clear();
                }
            }
        }
        let spent = start.elapsed();
        let per_trip = spent.as_nanos() / u128::from(trips);
        println!(
            "{per_trip} ns a round trip, {events} events, wallet {:?}",
            venue.wallet_balance(&id("USDT"))
        );
    }
    println!("{:?} position {:?}", venue.counters(), venue.position(&id("BTCUSDT")));
}
