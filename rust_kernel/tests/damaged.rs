//! Stored states that were changed: whatever is taken goes on without a panic and with every invariant, and what cannot
//! be is refused by the field's name.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::effect::Effects;
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, ControlChange, FeeSample, Input, InstrumentSpec, Intent, MarginTier, RareFields,
    RiskLimits, SlotOverride, Stamp, VenueEvent,
};
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig, SnapshotError};
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind, OrderSide, OrderType,
    PositionSide, Product, TradeSide, VenueOrderStatus as Status,
};

const HOUR: i64 = 3_600_000_000_000;

fn config() -> KernelConfig {
    KernelConfig {
        max_slots: 5,
        instance_nonce: 7,
        remembered_orders: 3,
        remembered_intents: 4,
        remembered_wallet_entries: 2,
        remembered_transactions: 5,
        ..KernelConfig::default()
    }
}

fn rules(desk: &mut Desk) {
    let mut spot = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.01"));
    (spot.product, spot.fee_asset) = (Product::Spot, id("BNB"));
    let mut bnb = InstrumentSpec::linear(id("BNBUSDT"), id("BNB"), id("USDT"), dec("0.1"), dec("0.01"));
    bnb.margin_tiers = ["0", "50000"]
        .map(|floor| MarginTier { notional_floor: dec(floor), maint_rate: dec("0.004"), max_leverage: None })
        .to_vec();
    for spec in [spot, bnb] {
        let mark =
            Input::Mark { symbol: spec.symbol.clone(), price: dec("10"), venue_time_ns: 0, ages: false };
        assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
        assert!(desk.put(mark).accepted);
    }
    let limits = RiskLimits {
        max_total_notional: Some(dec("5000")),
        order_burst: Some(100),
        orders_per_second: Some(dec("10")),
        cancels_per_second: Some(dec("10")),
        max_daily_loss: Some(dec("500")),
        ..RiskLimits::default()
    };
    let audited = vec![id("run-1")];
    assert!(
        desk.control(ControlChange { limits: Some(limits), audited, ..ControlChange::default() }).accepted
    );
    let terms = funding_terms("BTCUSDT", "0.0001");
    assert!(desk.put(Input::Funding(Box::new(terms))).accepted);
    let sample = FeeSample {
        symbol: id("BTCUSDT"),
        price: dec("100"),
        size: dec("1"),
        fee: dec("0.06"),
        fee_asset: Id::EMPTY,
        order_side: None,
        liquidity: None,
    };
    assert!(desk.put(Input::Calibration(Box::new(sample))).accepted);
}

fn trades(desk: &mut Desk) {
    // Ended ones first: what is remembered has come round.
    for round in 0..3 {
        desk.open(3, "0.1", "100");
        desk.exit(3);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("X{round}"), "0.1", "101");
    }
    let entry = desk.open(0, "2", "100");
    // A stop and a limit that cancel one another, the stop with a change on the way.
    for (order_type, trigger, limit) in
        [(OrderType::StopMarket, Some("90"), None), (OrderType::Limit, None, Some("120"))]
    {
        let placed = desk.intent(Action::Exit, 0, |intent| {
            (intent.order_type, intent.oco_group) = (order_type, id("g"));
            (intent.trigger_price, intent.limit_price) = (trigger.map(dec), limit.map(dec));
        });
        assert!(placed.accepted, "{placed:?}");
        let exit = desk.submitted();
        desk.ack(&exit, &format!("E-{order_type}"));
    }
    // One part inferred, one fill corrected.
    desk.enter_limit(1, "3", "99");
    let second = desk.submitted();
    desk.ack(&second, "V-second");
    desk.fill(&second, "T-second", "1", "99");
    desk.event(Kind::TradeCorrect, &second, |event| {
        event.asset = id("BTCUSDT");
        (event.venue_trade_id, event.size, event.price) = (id("C-second"), Some(dec("1")), Some(dec("98.5")));
        event.rare = Some(Box::new(RareFields { ref_trade_id: id("T-second"), ..RareFields::default() }));
    });
    desk.event(Kind::OrderStatus, &second, |event| {
        (event.status, event.filled_size) = (Some(Status::PartiallyFilled), Some(dec("1.5")));
        event.average_price = Some(dec("98"));
    });
    let amended = desk.intent(Action::Amend, 1, |intent| {
        (intent.target_size, intent.limit_price) = (Some(dec("4")), Some(dec("98")));
    });
    assert!(amended.accepted, "{amended:?}");
    // Spot, with a ladder; and an entry that waits for its leverage.
    let bought = desk.intent(Action::Enter, 2, |intent| {
        (intent.asset, intent.target_size) = (id("ETHUSDT"), Some(dec("1")));
        intent.limit_price = Some(dec("10"));
        intent.order_type = OrderType::Limit;
        intent.exit_leg_ratios = vec![dec("0.5"), dec("0.5")];
    });
    assert!(bought.accepted, "{bought:?}");
    let spot = desk.submitted();
    desk.fill(&spot, "T-spot", "0.5", "10");
    let waiting = desk.intent(Action::Enter, 4, |intent| {
        (intent.asset, intent.target_size) = (id("BNBUSDT"), Some(dec("1")));
        (intent.limit_price, intent.order_type) = (Some(dec("10")), OrderType::Limit);
        intent.leverage = Some(dec("3"));
    });
    assert!(waiting.accepted, "{waiting:?}");
    let _entry = entry;
}

fn news(desk: &mut Desk) {
    // A stranger's fill, a settlement that no fill has come for, entries of the wallet and what the venue reports.
    desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
        (event.asset, event.venue_order_id, event.venue_trade_id) =
            (id("BTCUSDT"), id("V-other"), id("T-other"));
        (event.order_side, event.size, event.price) =
            (Some(OrderSide::Buy), Some(dec("0.3")), Some(dec("100")));
    });
    desk.settled("T-unseen", "0", "0.01");
    for number in 0..3 {
        desk.account(AccountEventKind::Transfer, |event| {
            (event.amount, event.venue_txn_id) = (Some(dec("1")), id(&format!("X{number}")));
        });
    }
    desk.account(AccountEventKind::AccountUpdate, |event| event.wallet_balance = Some(dec("1003")));
    desk.account(AccountEventKind::PositionUpdate, |event| {
        (event.size, event.entry_price) = (Some(dec("2")), Some(dec("100")));
        event.position_side = Some(PositionSide::Both);
    });
    desk.now = 8 * HOUR;
    assert!(desk.put(Input::Time).accepted);
}

/// A kernel with something in every part of its state.
fn full() -> Desk {
    let mut desk = Desk::with(config());
    rules(&mut desk);
    trades(&mut desk);
    news(&mut desk);
    desk.assert_replays();
    desk
}

/// What comes to a kernel that was opened again, about its own orders and slots.
fn days_to_come(kernel: &Kernel) -> Vec<Input> {
    let mut inputs = vec![Input::Restart, Input::Time];
    let orders: Vec<_> = kernel.orders().iter().cloned().collect();
    let mut venue = |kind: Kind, order: &Id, change: &dyn Fn(&mut VenueEvent)| {
        let mut event = VenueEvent::new(kind, 8 * HOUR + 9);
        event.venue_client_id = order.clone();
        event.asset = id("BTCUSDT");
        change(&mut event);
        inputs.push(Input::Venue(Box::new(event)));
    };
    for (number, order) in orders.iter().enumerate() {
        let named = if order.client_id.is_empty() { id("nobody") } else { order.client_id.clone() };
        venue(Kind::OrderAck, &named, &|event| event.venue_order_id = id(&format!("N{number}")));
        venue(Kind::PartialFill, &named, &|event| {
            event.venue_trade_id = id(&format!("N{number}"));
            (event.size, event.price) = (Some(dec("0.01")), Some(dec("101")));
            event.order_side = Some(order.order_side);
        });
        for fill in &order.fills {
            venue(Kind::TradeBust, &Id::EMPTY, &|event| {
                let ref_trade_id = fill.venue_trade_id.clone();
                event.rare = Some(Box::new(RareFields { ref_trade_id, ..RareFields::default() }));
            });
        }
        venue(Kind::CancelAck, &named, &|_| {});
    }
    for (slot_id, slot) in (0_u32..).zip(kernel.slots()) {
        for action in [Action::Exit, Action::Cancel, Action::Enter] {
            let name = id(&format!("again-{slot_id}-{action}"));
            let trade = if action == Action::Enter { name.clone() } else { slot.trade_id.clone() };
            let side = if slot.side == TradeSide::Flat { TradeSide::Long } else { slot.side };
            let mut intent = Intent::new(action, name, trade, slot_id, id("BTCUSDT"), side);
            intent.target_size = (action == Action::Enter).then(|| dec("0.1"));
            inputs.push(Input::Intent(Box::new(intent)));
        }
        let mut change = SlotOverride::new(slot_id, id("ops"), "because".into());
        change.closed = Some(true);
        inputs.push(Input::Override(Box::new(change)));
    }
    for (kind, trade) in [(AccountEventKind::FillSettled, "T-spot"), (AccountEventKind::FundingFee, "")] {
        let mut event = AccountEvent::new(kind, 8 * HOUR + 9);
        (event.asset, event.symbol, event.venue_trade_id) = (id("USDT"), id("BTCUSDT"), id(trade));
        (event.amount, event.fee) = (Some(dec("-0.02")), Some(dec("0.01")));
        event.venue_txn_id = id("X9");
        inputs.push(Input::Account(Box::new(event)));
    }
    inputs.push(Input::Mark { symbol: id("BTCUSDT"), price: dec("101"), venue_time_ns: 0, ages: false });
    inputs
}

/// Lives on; says what went wrong.
fn live_on(mut kernel: Kernel) -> Result<(), String> {
    let mut effects = Effects::default();
    let inputs = days_to_come(&kernel);
    let start = kernel.now_ns();
    for (at, input) in (0_i64..).zip(&inputs) {
        effects.clear();
        let stamp = Stamp(start.saturating_add(at * 500_000_000));
        let stepped = catch_unwind(AssertUnwindSafe(|| kernel.step(stamp, input, &mut effects)));
        let Ok(outcome) = stepped else { return Err(format!("a panic at {input:?}")) };
        if let Err(violation) = invariant::check(&kernel) {
            return Err(format!("{violation:?} after {outcome:?} of {input:?}"));
        }
    }
    let stored = kernel.to_snapshot().map_err(|error| error.to_string())?;
    Kernel::from_snapshot(&stored).map(drop).map_err(|error| format!("what it becomes: {error}"))
}

/// The field without its places: `slots[2].side` is `slots[].side`.
fn without_places(field: &str) -> String {
    field.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// Each byte of a stored state with each of these bits changed, and what comes of it.
fn changes(stored: &[u8]) -> impl Iterator<Item = (usize, Result<Kernel, SnapshotError>)> {
    let bits = (0..stored.len()).flat_map(|at| [0, 1, 2, 4, 6, 7].map(|bit| (at, bit)));
    bits.map(|(at, bit)| {
        let mut changed = stored.to_vec();
        changed[at] ^= 1 << bit;
        (at, Kernel::from_snapshot(&changed))
    })
}

#[test]
fn a_changed_state_is_refused_by_its_field_or_lives_on_without_a_panic() {
    let stored = full().kernel.to_snapshot().expect("a snapshot");
    assert_eq!(live_on(Kernel::from_snapshot(&stored).expect("a kernel")), Ok(()));
    let mut named = BTreeSet::new();
    for (at, read) in changes(&stored) {
        match read {
            Err(SnapshotError::Unsound(flaw)) => drop(named.insert(without_places(&flaw.field))),
            Err(SnapshotError::Broken(_) | SnapshotError::Codec(_)) => {}
            Ok(kernel) if at % 3 == 0 => assert_eq!(live_on(kernel), Ok(()), "byte {at}"),
            Ok(_) => {}
        }
    }
    let missed: Vec<_> = FIELDS.iter().filter(|field| !named.contains(**field)).collect();
    assert!(missed.is_empty(), "no change was refused for {missed:?}");
}

/// What is checked, and can be wrong by one bit alone.
#[rustfmt::skip]
const FIELDS: [&str; 87] = [
    "assets[].unit_decimals", "books[].busy", "books[].last_price", "books[].reported.entry_price",
    "control.limits", "exposure.totals", "free_slots", "funding.last_open_ns", "funding.next_due_ns",
    "funding.rows[].predictions[].price", "funding.rows[].predictions[].rate",
    "funding.rows[].predictions[].shares.side", "funding.rows[].predictions[].shares.slot_id",
    "funding.rows[].schedule.interval_ns", "funding.rows[].schedule.rate", "groups[g].id", "groups[g].kin",
    "groups[g].members", "groups[g].reserved", "groups[g].since", "guard.cancels.level", "guard.losses.due_ns",
    "guard.losses.next_midnight_ns", "guard.orders.level", "instruments[].base", "instruments[].fee_asset",
    "instruments[].fee_price_from", "instruments[].leverage", "instruments[].mark", "instruments[].settle",
    "instruments[].spec", "intents.capacity", "intents.hashes[]", "intents.index", "intents.next",
    "ledger.capacity", "ledger.next", "ledger.recent[].asset", "ledger.recent[].number",
    "meters[].last.expected_asset", "orders.by_fill", "orders.by_venue_id", "orders.ended[]", "orders.external",
    "orders.free", "orders.number", "orders.prefix", "orders.remembered_max", "orders.unseen", "orders[]",
    "orders[].amendment.limit_price", "orders[].amendment.qty", "orders[].amendment.reserve_price",
    "orders[].corrections.fill_at", "orders[].filled", "orders[].filled_value", "orders[].fills[].closed",
    "orders[].fills[].fee_asset", "orders[].fills[].price", "orders[].fills[].qty", "orders[].inferred",
    "orders[].instrument", "orders[].limit_price", "orders[].number", "orders[].order_side",
    "orders[].position_side", "orders[].qty", "orders[].reserve_price", "orders[].reserved", "orders[].side",
    "orders[].slot_id", "orders[].trade_number", "orders[].trigger_price", "slots", "slots[]",
    "slots[].basis.qty", "slots[].instrument", "slots[].leverage", "slots[].orders", "slots[].ratios",
    "slots[].side", "symbols", "trades", "wallet_entries.TRANSFER.capacity", "wallet_entries.TRANSFER.hashes[]",
    "wallet_entries.TRANSFER.index", "wallet_entries.TRANSFER.next",
];
