//! Random inputs, wild ones included: every invariant holds after each, a refusal changes nothing, and the whole
//! run replays to the same state. The desk checks all three.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{
    AdoptedSlot, AdoptedSlots, ControlChange, FundingTerms, Input, InstrumentSpec, RareFields, RiskLimits,
    SlotOverride,
};
use dita_kernel::names::{
    AccountEventKind, ControlGate, FreezeScope, KernelCommandType as Action, KernelEventKind as Kind,
    OrderSide, OrderType as Type, Product, TradeSide, VenueOrderStatus as Status,
};
use dita_kernel::slot::table::Symbol;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000_000;

#[derive(Clone, Debug)]
pub enum Move {
    Enter {
        slot: u32,
        lots: u32,
        short: bool,
        limit: bool,
    },
    Exit {
        slot: u32,
        lots: Option<u32>,
    },
    Cancel {
        slot: u32,
    },
    Ack {
        order: usize,
    },
    Fill {
        order: usize,
        trade: u32,
        lots: u32,
        price: u32,
        total: Option<u32>,
        fee: Option<i32>,
    },
    News {
        order: usize,
        kind: Kind,
        total: Option<u32>,
        status: Option<Status>,
    },
    Stranger {
        trade: u32,
        lots: u32,
        sell: bool,
    },
    Settled {
        trade: u32,
        fee: i32,
        realized: i32,
    },
    Funding {
        amount: i32,
        txn: u32,
    },
    Mark {
        price: u32,
    },
    Gate {
        halted: bool,
    },
    Later,
    Bracket {
        slot: u32,
        lots: Option<u32>,
        kind: u32,
        group: u32,
    },
    GroupedEntry {
        slot: u32,
        lots: u32,
        stop: bool,
    },
    Override {
        slot: u32,
        what: u32,
        lots: u32,
    },
    Adopt {
        slots: Vec<(u32, u32)>,
        short: bool,
    },
    Limits {
        what: u32,
    },
    Restart,
    Edge {
        edge: i32,
    },
    Unfreeze,
    Kill {
        on: bool,
    },
    Terms {
        rate: i32,
        next: Option<u32>,
        hours: u32,
    },
    Jump {
        hours: u32,
    },
    FundingRow {
        amount: i32,
        hours_ago: u32,
        symbol: bool,
        txn: Option<u32>,
    },
    LateFill {
        order: usize,
        trade: u32,
        hours_ago: u32,
    },
    Reported {
        lots: i32,
        minutes_ago: u32,
    },
    Frame {
        balance: u32,
        minutes_ago: u32,
    },
    Amend {
        slot: u32,
        order: Option<usize>,
        lots: Option<u32>,
        price: Option<u32>,
    },
    AmendNews {
        order: usize,
        kind: Kind,
        size: Option<u32>,
        price: Option<u32>,
        total: Option<u32>,
        named: bool,
    },
    Bust {
        trade: u32,
        order: Option<usize>,
        works: bool,
    },
    Correct {
        trade: u32,
        id: u32,
        order: Option<usize>,
        lots: i32,
        price: u32,
        works: bool,
        fee: Option<i32>,
    },
    Forced {
        trade: u32,
        lots: u32,
        sell: Option<bool>,
        adl: bool,
        order: Option<usize>,
    },
    Connection {
        down: bool,
    },
    Tick,
}

pub fn any_move() -> impl Strategy<Value = Move> {
    let kinds = prop::sample::select(vec![
        Kind::CancelPending,
        Kind::CancelAck,
        Kind::CancelReject,
        Kind::OrderReject,
        Kind::Expired,
        Kind::OrderStatus,
        Kind::OrderNotFound,
        Kind::RateLimited,
        Kind::SendTimeout,
        Kind::DoneForDay,
        Kind::Liquidation,
        Kind::Stopped,
        Kind::Triggered,
    ]);
    let amends = prop::sample::select(vec![
        Kind::AmendPending,
        Kind::AmendAck,
        Kind::AmendAck,
        Kind::AmendReject,
        Kind::Restated,
        Kind::OrderStatus,
        Kind::SendTimeout,
        Kind::RateLimited,
    ]);
    let maybe = || prop::option::of(0_usize..6);
    let total = || prop::option::weighted(0.4, 0_u32..8);
    prop_oneof![
        4 => (0_u32..4, 0_u32..5, any::<bool>(), any::<bool>())
            .prop_map(|(slot, lots, short, limit)| Move::Enter { slot, lots, short, limit }),
        4 => (0_u32..3, prop::option::of(1_u32..6)).prop_map(|(slot, lots)| Move::Exit { slot, lots }),
        1 => (0_u32..3).prop_map(|slot| Move::Cancel { slot }),
        3 => (0_usize..6).prop_map(|order| Move::Ack { order }),
        10 => (0_usize..6, 0_u32..40, 0_u32..5, 0_u32..4, total(), prop::option::of(-3_i32..9)).prop_map(
            |(order, trade, lots, price, total, fee)| Move::Fill { order, trade, lots, price, total, fee }
        ),
        4 => (0_usize..6, kinds, total(), prop::option::of(prop::sample::select(Status::ALL.to_vec())))
            .prop_map(|(order, kind, total, status)| Move::News { order, kind, total, status }),
        1 => (0_u32..40, 1_u32..4, any::<bool>()).prop_map(|(trade, lots, sell)| Move::Stranger { trade, lots, sell }),
        3 => (0_u32..40, -3_i32..9, -9_i32..9)
            .prop_map(|(trade, fee, realized)| Move::Settled { trade, fee, realized }),
        1 => (-9_i32..9, 0_u32..3).prop_map(|(amount, txn)| Move::Funding { amount, txn }),
        1 => (0_u32..4).prop_map(|price| Move::Mark { price }),
        1 => any::<bool>().prop_map(|halted| Move::Gate { halted }),
        1 => Just(Move::Later),
        4 => (0_u32..3, prop::option::of(1_u32..6), 0_u32..4, 0_u32..3)
            .prop_map(|(slot, lots, kind, group)| Move::Bracket { slot, lots, kind, group }),
        2 => (0_u32..3, 1_u32..5, any::<bool>())
            .prop_map(|(slot, lots, stop)| Move::GroupedEntry { slot, lots, stop }),
        2 => (0_u32..3, 0_u32..11, 0_u32..5).prop_map(|(slot, what, lots)| Move::Override { slot, what, lots }),
        1 => (prop::collection::vec((0_u32..3, 1_u32..4), 1..3), any::<bool>())
            .prop_map(|(slots, short)| Move::Adopt { slots, short }),
        1 => (0_u32..6).prop_map(|what| Move::Limits { what }),
        1 => (-2_i32..9).prop_map(|edge| Move::Edge { edge }),
        1 => Just(Move::Restart),
        1 => Just(Move::Unfreeze),
        1 => any::<bool>().prop_map(|on| Move::Kill { on }),
        3 => (0_u32..3, prop::option::weighted(0.2, 0_usize..4), prop::option::weighted(0.8, 0_u32..7), prop::option::of(0_u32..4))
            .prop_map(|(slot, order, lots, price)| Move::Amend { slot, order, lots, price }),
        4 => (0_usize..4, amends, prop::option::of(0_u32..7), prop::option::of(0_u32..4), total(), any::<bool>())
            .prop_map(|(order, kind, size, price, total, named)| Move::AmendNews { order, kind, size, price, total, named }),
        2 => (0_u32..40, maybe(), any::<bool>()).prop_map(|(trade, order, works)| Move::Bust { trade, order, works }),
        3 => (0_u32..40, 38_u32..44, maybe(), -1_i32..5, 0_u32..4, any::<bool>(), prop::option::of(-3_i32..9)).prop_map(
            |(trade, id, order, lots, price, works, fee)| Move::Correct { trade, id, order, lots, price, works, fee }
        ),
        1 => (0_u32..40, 0_u32..7, prop::option::of(any::<bool>()), any::<bool>(), prop::option::weighted(0.2, 0_usize..4))
            .prop_map(|(trade, lots, sell, adl, order)| Move::Forced { trade, lots, sell, adl, order }),
        1 => any::<bool>().prop_map(|down| Move::Connection { down }),
        1 => Just(Move::Tick),
        1 => (-3_i32..4, prop::option::of(0_u32..30), 1_u32..9).prop_map(|(rate, next, hours)| Move::Terms { rate, next, hours }),
        1 => (0_u32..30).prop_map(|hours| Move::Jump { hours }),
        2 => (-9_i32..9, 0_u32..12, any::<bool>(), prop::option::of(0_u32..4)).prop_map(
            |(amount, hours_ago, symbol, txn)| Move::FundingRow { amount, hours_ago, symbol, txn }
        ),
        1 => (-4_i32..5, 0_u32..3).prop_map(|(lots, minutes_ago)| Move::Reported { lots, minutes_ago }),
        1 => (990_u32..1010, 0_u32..3).prop_map(|(balance, minutes_ago)| Move::Frame { balance, minutes_ago }),
        1 => (0_usize..6, 0_u32..40, 0_u32..12)
            .prop_map(|(order, trade, hours_ago)| Move::LateFill { order, trade, hours_ago }),
    ]
}

fn lots(count: u32) -> String {
    format!("{}", dec(&format!("{count}e-3")))
}

/// Odd prices, so that averages do not terminate; 0 is a fill whose price the venue does not know.
fn price(index: u32) -> &'static str {
    ["0", "99.9", "100.1", "103.7"][index as usize]
}

pub fn play(desk: &mut Desk, orders: &mut Vec<Id>, step: &Move) {
    let order = |orders: &[Id], back: usize| {
        orders.len().checked_sub(back + 1).map_or(id("nobody"), |place| orders[place].clone())
    };
    match step {
        Move::Enter { slot, lots: count, short, limit } => {
            let side = if *short { TradeSide::Short } else { TradeSide::Long };
            if *limit {
                desk.enter_limit(*slot, &lots(*count), "99.9");
            } else {
                desk.enter_side(*slot, side, &lots(*count));
            }
        }
        Move::Exit { slot, lots: None } => drop(desk.exit(*slot)),
        Move::Exit { slot, lots: Some(count) } => drop(desk.exit_size(*slot, &lots(*count))),
        Move::Cancel { slot } => drop(desk.cancel(*slot)),
        Move::Ack { order: back } => {
            let client = order(orders, *back);
            drop(desk.ack(&client, &format!("V-{client}")));
        }
        Move::Fill { order: back, trade, lots: count, price: at, total, fee } => {
            let client = order(orders, *back);
            desk.event(Kind::PartialFill, &client, |event| {
                if *trade > 2 {
                    event.venue_trade_id = id(&format!("T{trade}"));
                }
                event.asset = id("BTCUSDT");
                event.order_side = Some(OrderSide::Buy);
                event.size = Some(dec(&lots(*count)));
                event.price = Some(dec(price(*at)));
                event.filled_size = total.map(|total| dec(&lots(total)));
                event.fee = fee.map(|fee| dec(&format!("{fee}e-5")));
            });
        }
        Move::News { order: back, kind, total, status } => {
            let client = order(orders, *back);
            desk.event(*kind, &client, |event| {
                event.status = *status;
                event.filled_size = total.map(|total| dec(&lots(total)));
            });
        }
        Move::Stranger { trade, lots: count, sell } => {
            desk.event(Kind::FullFill, &id("stranger"), |event| {
                event.asset = id("BTCUSDT");
                event.order_side = Some(if *sell { OrderSide::Sell } else { OrderSide::Buy });
                event.venue_trade_id = id(&format!("T{trade}"));
                if *trade > 20 {
                    // One of ours, perhaps, before our own id is told.
                    event.venue_order_id = id(&format!("V-{}", order(orders, 0)));
                }
                event.size = Some(dec(&lots(*count)));
                event.price = Some(dec("100.3"));
            });
        }
        Move::Settled { trade, fee, realized } => {
            desk.settled(&format!("T{trade}"), &format!("{realized}e-4"), &format!("{fee}e-5"));
        }
        Move::Funding { amount, txn } => {
            desk.account(AccountEventKind::FundingFee, |event| {
                event.amount = Some(dec(&format!("{amount}e-2")));
                event.venue_txn_id = id(&format!("F{txn}"));
            });
        }
        Move::Mark { price: 0 } => drop(desk.mark("0")),
        Move::Mark { price: at } => drop(desk.mark(price(*at))),
        Move::Gate { halted } => {
            let gate = if *halted { ControlGate::Halted } else { ControlGate::Normal };
            desk.control(ControlChange { gate: Some(gate), ..ControlChange::default() });
        }
        Move::Later => desk.now += 6_000_000_000,
        Move::Bracket { slot, lots: count, kind, group } => {
            desk.intent(Action::Exit, *slot, |intent| {
                intent.target_size = count.map(|count| dec(&lots(count)));
                intent.order_type =
                    [Type::StopMarket, Type::StopLimit, Type::TakeProfit, Type::Limit][*kind as usize];
                intent.trigger_price = (*kind < 3).then(|| dec("98.76"));
                intent.limit_price = (*kind % 2 == 1).then(|| dec("98.7"));
                intent.reason = id(["stop", "stop limit", "target", "limit"][*kind as usize]);
                intent.oco_group = if *group == 0 { Id::EMPTY } else { id(&format!("exits-{slot}-{group}")) };
            });
        }
        Move::GroupedEntry { slot, lots: count, stop } => {
            desk.intent(Action::Enter, *slot, |intent| {
                intent.target_size = Some(dec(&lots(*count)));
                intent.order_type = if *stop { Type::StopMarket } else { Type::Limit };
                intent.trigger_price = stop.then(|| dec("104"));
                intent.limit_price = (!stop).then(|| dec("99"));
                intent.oco_group = id("entries");
            });
        }
        Move::Override { slot, what, lots: count } => overrule(desk, orders, *slot, *what, *count),
        Move::Adopt { slots, short } => {
            let side = if *short { TradeSide::Short } else { TradeSide::Long };
            let slots = slots.iter().map(|(slot, count)| AdoptedSlot {
                slot_id: *slot,
                trade_id: id(&format!("adopted-{slot}-{}", desk.now)),
                owner: id("elsewhere"),
                asset: id("BTCUSDT"),
                side,
                size: dec(&lots(*count)),
                entry_price: dec("101.23"),
                initial_size: dec(&lots(count + 1)),
                realized_pnl: dec("1.5"),
                fees_paid: dec("0.1"),
                funding_net: dec("-0.2"),
                leverage: dec("1"),
                exit_leg_ratios: vec![dec("0.5"), dec("0.5")],
                entry_time_ns: 5,
                metadata: "".into(),
            });
            let slots = slots.collect();
            desk.put(Input::Adopt(Box::new(AdoptedSlots { by: id("elsewhere"), slots })));
        }
        Move::Limits { what } => {
            let limits = limits(*what);
            desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
        }
        Move::Restart => drop(desk.put(Input::Restart)),
        Move::Edge { edge } => {
            desk.put(Input::Edge { symbol: id("BTCUSDT"), edge_bps: dec(&edge.to_string()) });
        }
        Move::Unfreeze => {
            drop(desk.control(ControlChange { frozen: Some(false), ..ControlChange::default() }))
        }
        Move::Kill { on } => {
            desk.control(ControlChange { kill_switch: Some(*on), ..ControlChange::default() });
            if !on {
                desk.control(ControlChange { gate: Some(ControlGate::Normal), ..ControlChange::default() });
            }
        }
        Move::Amend { slot, order: target, lots: count, price: at } => {
            desk.intent(Action::Amend, *slot, |intent| {
                intent.target_size = count.map(|count| dec(&lots(count)));
                intent.limit_price = at.map(|at| dec(price(at)));
                if let Some(back) = target {
                    intent.target_client_id = order(orders, *back);
                }
            });
        }
        Move::Bust { .. } | Move::Correct { .. } => play_revision(desk, orders, step),
        Move::AmendNews { order: back, kind, size, price: at, total, named } => {
            let client = order(orders, *back);
            let amendment = desk.kernel.orders().by_client_id(&client).and_then(|place| {
                desk.kernel.orders().at(place).amendment().map(|amendment| amendment.request_id.clone())
            });
            desk.event(*kind, &client, |event| {
                event.order_size = size.map(|size| dec(&lots(size)));
                event.order_price = at.map(|at| dec(price(at)));
                event.filled_size = total.map(|total| dec(&lots(total)));
                event.remaining_size = size.map(|size| dec(&lots(size / 2)));
                if *kind == Kind::OrderStatus {
                    event.status = Some(if size.is_some() { Status::Acked } else { Status::Filled });
                }
                if let (true, Some(request_id)) = (named, amendment) {
                    event.rare = Some(Box::new(RareFields { request_id, ..RareFields::default() }));
                }
            });
        }
        Move::Forced { trade, lots: count, sell, adl, order: back } => {
            let client = back.map_or(id("autoclose"), |back| order(orders, back));
            desk.event(if *adl { Kind::Adl } else { Kind::Liquidation }, &client, |event| {
                event.asset = id("BTCUSDT");
                event.order_side = sell.map(|sell| if sell { OrderSide::Sell } else { OrderSide::Buy });
                event.venue_trade_id = id(&format!("T{trade}"));
                event.size = Some(dec(&lots(*count)));
                event.price = Some(dec("98.7"));
            });
        }
        Move::Connection { down } => {
            let kind = if *down { Kind::Disconnected } else { Kind::Resynced };
            desk.event(kind, &id(""), |_| {});
        }
        Move::Tick => drop(desk.put(Input::Time)),
        Move::Terms { rate, next, hours } => {
            desk.put(Input::Funding(Box::new(FundingTerms {
                symbol: id("BTCUSDT"),
                rate: Some(dec(&format!("{rate}e-4"))),
                next_boundary_ns: next.map(|next| desk.now + (i64::from(next) - 3) * HOUR),
                interval_secs: Some(hours * 3_600),
                mark_price: None,
                venue_time_ns: desk.now,
            })));
        }
        Move::Jump { hours } => desk.now += i64::from(*hours) * HOUR,
        Move::FundingRow { amount, hours_ago, symbol, txn } => {
            desk.account(AccountEventKind::FundingFee, |event| {
                event.timestamp_ns -= i64::from(*hours_ago) * HOUR;
                event.amount = Some(dec(&format!("{amount}e-5")));
                event.symbol = if *symbol { id("BTCUSDT") } else { Id::EMPTY };
                event.venue_txn_id = txn.map_or(Id::EMPTY, |txn| id(&format!("F{txn}")));
            });
        }
        Move::Reported { lots, minutes_ago } => {
            desk.account(AccountEventKind::PositionUpdate, |event| {
                event.timestamp_ns -= i64::from(*minutes_ago) * HOUR / 60;
                event.size = Some(dec(&format!("{lots}e-3")));
            });
        }
        Move::Frame { balance, minutes_ago } => {
            desk.account(AccountEventKind::AccountUpdate, |event| {
                event.timestamp_ns -= i64::from(*minutes_ago) * HOUR / 60;
                event.wallet_balance = Some(dec(&balance.to_string()));
            });
        }
        Move::LateFill { order: back, trade, hours_ago } => {
            let client = order(orders, *back);
            desk.event(Kind::PartialFill, &client, |event| {
                event.timestamp_ns -= i64::from(*hours_ago) * HOUR;
                event.venue_trade_id = id(&format!("T{trade}"));
                event.size = Some(dec("0.001"));
                event.price = Some(dec("100.1"));
            });
        }
    }
    for command in &desk.effects.commands {
        if let dita_kernel::effect::Command::Submit(order) = command {
            orders.push(order.venue_client_id.clone());
        }
    }
}

fn overrule(desk: &mut Desk, orders: &[Id], slot: u32, what: u32, count: u32) {
    let mut change = SlotOverride::new(slot, id("operator"), "because".into());
    match what {
        0 => change.size = Some(dec(&lots(count))),
        1 => change.entry_price = Some(dec("102.5")),
        2 => (change.size, change.entry_price) = (Some(dec(&lots(count))), Some(dec("97.3"))),
        3 => change.realized_pnl = Some(dec("3.21")),
        4 | 5 => change.closed = Some(true),
        6 => {
            change.trade_id = Some(id(&format!("opened-{}", desk.now)));
            change.asset = Some(id("BTCUSDT"));
            change.side = Some(if count.is_multiple_of(2) { TradeSide::Long } else { TradeSide::Short });
            (change.size, change.entry_price) = (Some(dec(&lots(count))), Some(dec("101.7")));
        }
        7 => change.trade_id = Some(id(&format!("renamed-{}", desk.now))),
        8 => change.initial_size = Some(dec(&lots(count))),
        9 => change.entry_order = orders.last().map(|order| id(&format!("V-{order}"))),
        _ => change.exit_order = orders.last().map(|order| id(&format!("V-{order}"))),
    }
    desk.put(Input::Override(Box::new(change)));
}

fn limits(what: u32) -> RiskLimits {
    let none = RiskLimits::default;
    match what {
        0 => RiskLimits {
            orders_per_second: Some(dec("0.5")),
            order_burst: Some(4),
            order_reserve_for_exits: Some(2),
            cancels_per_second: Some(dec("1")),
            ..none()
        },
        1 => RiskLimits { max_daily_loss: Some(dec("0.01")), max_drawdown: Some(dec("0.001")), ..none() },
        2 => RiskLimits {
            max_symbol_notional: Some(dec("0.5")),
            max_asset_notional: Some(dec("0.7")),
            ..none()
        },
        3 => {
            RiskLimits { min_edge_bps: Some(dec("3")), edge_freeze_cancels: Some(FreezeScope::All), ..none() }
        }
        4 => RiskLimits { min_edge_bps: Some(dec("3")), price_collar: Some(dec("0.05")), ..none() },
        _ => none(),
    }
}

fn play_revision(desk: &mut Desk, orders: &[Id], step: &Move) {
    let (trade, order, works) = match step {
        Move::Bust { trade, order, works } | Move::Correct { trade, order, works, .. } => {
            (trade, order, works)
        }
        _ => return,
    };
    let place = order.and_then(|back| orders.len().checked_sub(back + 1));
    let client = place.map_or(Id::EMPTY, |place| orders[place].clone());
    let kind = if matches!(step, Move::Bust { .. }) { Kind::TradeBust } else { Kind::TradeCorrect };
    desk.event(kind, &client, |event| {
        event.asset = id("BTCUSDT");
        event.status = works.then_some(Status::PartiallyFilled);
        event.rare =
            Some(Box::new(RareFields { ref_trade_id: id(&format!("T{trade}")), ..RareFields::default() }));
        if let Move::Correct { id: own, lots: count, price: at, fee, .. } = step {
            event.venue_trade_id = id(&format!("T{own}"));
            event.size = Some(dec(&format!("{count}e-3")));
            event.price = Some(dec(price(*at)));
            event.fee = fee.map(|fee| dec(&format!("{fee}e-5")));
        }
    });
}

/// How many cases are drawn: fewer where each of thousands of mutants is tested.
fn cases() -> u32 {
    std::env::var("DITA_RANDOM_CASES").map_or(2_000, |cases| cases.parse().expect("a number of cases"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn invariants_hold_whatever_comes(moves in prop::collection::vec(any_move(), 1..80)) {
        let mut desk = Desk::new();
        let mut orders = Vec::new();
        for step in &moves {
            play(&mut desk, &mut orders, step);
        }
        desk.assert_replays();
    }

    #[test]
    fn invariants_hold_in_coin_and_on_spot(is_spot in any::<bool>(), moves in prop::collection::vec(any_move(), 1..80)) {
        let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        if is_spot {
            spec.product = Product::Spot;
            spec.taker_rate = dec("0.00123");
        } else {
            spec.inverse = true;
            spec.settle = id("BTC");
            spec.contract_multiplier = dec("7");
        }
        let mut desk = Desk::over(spec, &[("BTC", "10"), ("USDT", "1000")], "100");
        let mut orders = Vec::new();
        for step in &moves {
            play(&mut desk, &mut orders, step);
        }
        desk.assert_replays();
    }
}

#[test]
fn the_alphabet_reaches_every_stage() {
    // A property over inputs that never get anywhere would prove nothing.
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    let mut notices = std::collections::BTreeSet::new();
    let mut triggers = std::collections::BTreeSet::new();
    for _ in 0..600 {
        let moves = prop::collection::vec(any_move(), 80).new_tree(&mut runner).unwrap().current();
        let mut desk = Desk::new();
        let mut orders = Vec::new();
        for step in &moves {
            play(&mut desk, &mut orders, step);
            seen.extend(desk.effects.transitions.iter().map(|t| t.next_state));
            triggers.extend(desk.effects.transitions.iter().map(|t| t.trigger));
            notices.extend(desk.effects.notices.iter().map(|notice| notice.code));
        }
    }
    // ORDER_REQUESTED and EXIT_REQUESTED pass within a step and are seen as transitions.
    assert_eq!(seen.len(), 8, "{seen:?}");
    for symbol in [
        Symbol::OtherExitMoved,
        Symbol::ExitDoneOtherSent,
        Symbol::ExitDoneOtherWorking,
        Symbol::PositionMoved,
        Symbol::PositionGone,
        Symbol::PositionBack,
    ] {
        assert!(triggers.contains(&symbol), "{symbol} never came: {triggers:?}");
    }
    let never = dita_kernel::names::KernelDiagnosticCode::IllegalTransition;
    assert!(!notices.contains(&never), "the table refused what happened");
}
