//! Each field that later code trusts, put wrong by as little as can be: a check that cannot fail would let any state in.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::{format, vec};

use crate::bots::{BotLimit, Bots};
use crate::calibration::{FeeDeviation, FeeReading};
use crate::effect::Effects;
use crate::exchange::Reported;
use crate::funding::{PREDICTIONS_MAX, Share};
use crate::id::Id;
use crate::input::{
    BotTransfer, ControlChange, FeeSample, FundingTerms, Input, InstrumentSpec, Intent, RiskLimits, Stamp,
    VenueEvent,
};
use crate::instrument::Instrument;
use crate::kernel::{Kernel, KernelConfig, SLOTS_MAX};
use crate::names::{
    KernelCommandType as Action, KernelEventKind as Kind, OrderSide, OrderType, PositionSide, Product,
    TradeSide, TradeStage,
};
use crate::num::{Decimal, Money, Price, Qty};
use crate::order::{Amendment, Correction, OTHER_VENUE_IDS_MAX, OrderRef, OrderRole};

type Break = fn(&mut Kernel);

const DAY: i64 = 86_400_000_000_000;
/// More than any sum of amounts may be.
const TOO_MUCH: i128 = i128::MAX >> 4;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn intent(action: Action, slot: u32, asset: &str, size: &str, group: &str) -> Input {
    let name = id(&format!("{action}-{slot}-{size}-{group}"));
    let mut intent =
        Intent::new(action, name, id(&format!("trade-{slot}")), slot, id(asset), TradeSide::Long);
    (intent.target_size, intent.oco_group) = (Some(dec(size)), id(group));
    (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("99")));
    Input::Intent(Box::new(intent))
}

fn beginning() -> [Input; 7] {
    let perp = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let mut spot = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.01"));
    (spot.product, spot.fee_asset) = (Product::Spot, id("BNB"));
    let limits = RiskLimits {
        orders_per_second: Some(dec("5")),
        cancels_per_second: Some(dec("5")),
        max_daily_loss: Some(dec("500")),
        ..RiskLimits::default()
    };
    let sample = FeeSample {
        symbol: id("BTCUSDT"),
        price: dec("100"),
        size: dec("1"),
        fee: dec("0.06"),
        fee_asset: Id::EMPTY,
        order_side: None,
        liquidity: None,
    };
    let terms = FundingTerms {
        symbol: id("BTCUSDT"),
        rate: Some(dec("0.0001")),
        next_boundary_ns: Some(50),
        interval_secs: None,
        mark_price: None,
        venue_time_ns: 0,
    };
    [
        Input::Instrument(Box::new(perp)),
        Input::Instrument(Box::new(spot)),
        Input::Seed { asset: id("USDT"), amount: dec("1000") },
        Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: 0, ages: false },
        Input::Control(Box::new(ControlChange { limits: Some(limits), ..ControlChange::default() })),
        Input::Calibration(Box::new(sample)),
        Input::Funding(Box::new(terms)),
    ]
}

fn fill(kernel: &Kernel, place: u32, trade: &str, size: &str) -> Input {
    let mut fill = VenueEvent::new(Kind::PartialFill, 9);
    fill.venue_client_id = kernel.orders.at(place).client_id.clone();
    (fill.venue_trade_id, fill.venue_order_id) = (id(trade), id(&format!("V{place}")));
    (fill.size, fill.price) = (Some(dec(size)), Some(dec("99")));
    Input::Venue(Box::new(fill))
}

/// Slot 0 holds 2 at 99 and has two exits of a group at work; slot 1 has an entry at work, with a part filled; slot 2 has
/// never carried a trade. A stranger holds 1. The order at place 0 has ended.
fn at_work() -> Kernel {
    let config = KernelConfig { max_slots: 3, remembered_transactions: 3, ..KernelConfig::default() };
    let mut kernel = Kernel::new(config).unwrap();
    let mut effects = Effects::default();
    let mut now_ns = 0;
    let mut put = |kernel: &mut Kernel, input: Input| {
        now_ns += 1;
        let outcome = kernel.step(Stamp(now_ns), &input, &mut effects);
        assert!(outcome.accepted, "{input:?}: {outcome:?}");
    };
    for input in beginning() {
        put(&mut kernel, input);
    }
    put(&mut kernel, intent(Action::Enter, 0, "BTCUSDT", "2", ""));
    let filled = fill(&kernel, 0, "T1", "2");
    put(&mut kernel, filled);
    put(&mut kernel, intent(Action::Exit, 0, "BTCUSDT", "1", "g"));
    put(&mut kernel, intent(Action::Exit, 0, "BTCUSDT", "0.5", "g"));
    put(&mut kernel, intent(Action::Enter, 1, "BTCUSDT", "3", ""));
    let filled = fill(&kernel, 3, "T2", "1");
    put(&mut kernel, filled);
    let mut stranger = VenueEvent::new(Kind::PartialFill, 9);
    (stranger.venue_order_id, stranger.venue_trade_id, stranger.asset) = (id("S1"), id("TS"), id("BTCUSDT"));
    (stranger.size, stranger.price) = (Some(dec("1")), Some(dec("100")));
    stranger.order_side = Some(OrderSide::Buy);
    put(&mut kernel, Input::Venue(Box::new(stranger)));
    kernel.step(Stamp(50), &Input::Time, &mut effects);
    kernel
}

fn flaw(kernel: &Kernel) -> Option<String> {
    kernel.check_sound().err().map(|flaw| flaw.field)
}

fn refused(breaks: &[(&str, Break)]) {
    for (at, (field, break_it)) in breaks.iter().enumerate() {
        let mut kernel = at_work();
        break_it(&mut kernel);
        assert_eq!(flaw(&kernel).as_deref(), Some(*field), "number {at}");
    }
}

fn passed(changes: &[(&str, Break)]) {
    for (what, change) in changes {
        let mut kernel = at_work();
        change(&mut kernel);
        assert_eq!(flaw(&kernel), None, "{what}");
    }
}

/// The stranger's order is one with a client id of others.
fn listed(kernel: &mut Kernel) {
    kernel.orders.at_mut(4).client_id = id("web-1");
    kernel.orders.note_foreign(4);
}

fn amended(kernel: &mut Kernel) -> &mut Amendment {
    kernel.orders.at_mut(3).extra_mut().given_up.insert(Amendment {
        request_id: id("A1"),
        qty: Qty::ZERO,
        limit_price: None,
        trigger_price: None,
        reserve_price: Price::ZERO,
        sent_time_ns: 1,
    })
}

fn reported(kernel: &mut Kernel) -> &mut Reported {
    kernel.books[0].reported.get_or_insert_default()[0].insert(Reported {
        qty: Qty::ZERO,
        entry_price: None,
        time_ns: 1,
        venue_time_ns: 1,
    })
}

fn reading(kernel: &mut Kernel) -> &mut FeeReading {
    kernel.meters[0][0].last.insert(FeeReading {
        expected: Money::ZERO,
        expected_asset: 0,
        actual: Money::ZERO,
        ratio: None,
        why: FeeDeviation::Unknown,
        implied_rate: None,
    })
}

#[test]
fn settings_have_one_slot_at_least_and_no_more_than_client_ids_can_name() {
    for (max_slots, passes) in
        [(0, false), (1, true), (SLOTS_MAX, true), (SLOTS_MAX + 1, false), (u32::MAX, false)]
    {
        let config = KernelConfig { max_slots, ..KernelConfig::default() };
        assert_eq!(super::check_settings(&config).is_ok(), passes, "{max_slots}");
    }
}

#[test]
#[rustfmt::skip]
fn settings_instruments_and_assets() {
    assert_eq!(flaw(&at_work()), None);
    refused(&[
        ("config.max_slots",            |k| k.config.max_slots = 0),
        ("slots",                       |k| k.config.max_slots += 1),
        ("slots",                       |k| drop(k.slots.pop())),
        ("instruments[0].settle",       |k| k.instruments[0].settle = k.assets.len() as u16),
        ("instruments[0].settle",       |k| k.instruments[0].settle = 1),
        ("instruments[0].lot_step",     |k| k.instruments[0].spec.lot_step = Decimal::ZERO),
        ("instruments[0].spec",         |k| k.instruments[0].lot = Qty(2)),
        ("instruments[0].spec",         |k| k.instruments[0].unit = 2),
        ("instruments[0].base",         |k| k.instruments[0].base = Some(0)),
        ("instruments[1].base",         |k| k.instruments[1].base = None),
        ("instruments[1].fee_asset",    |k| k.instruments[1].fee_asset = None),
        ("instruments[0].fee_asset",    |k| k.instruments[0].fee_asset = Some(0)),
        ("instruments[1].fee_price_from", |k| k.instruments[1].fee_price_from = Some(0)),
        ("instruments[0].leverage",     |k| k.instruments[0].leverage = Decimal::ZERO),
        ("instruments[0].mark",         |k| k.instruments[0].mark = Some(Price::ZERO)),
        ("instruments[1].symbol",       |k| {
            let (settle, base, fee) = (k.instruments[1].settle, k.instruments[1].base, k.instruments[1].fee_asset);
            let mut spec = k.instruments[1].spec.clone();
            spec.symbol = id("BTCUSDT");
            k.instruments[1] = Instrument { base, fee_asset: fee, ..Instrument::load(&spec, settle).unwrap() };
        }),
        ("symbols",                     |k| assert!(k.symbols.remove(id("BTCUSDT").hash64(), 0))),
        ("symbols",                     |k| k.symbols.insert(7, 1)),
        ("assets[3].name",              |k| k.assets.push(k.assets[0].clone())),
        ("assets[0].unit_decimals",     |k| k.assets[0].unit_decimals = 19),
        ("assets[0].wallet_balance",    |k| k.assets[0].exchange.wallet_balance = Some(Money(TOO_MUCH + 1))),
        ("assets[0].available_margin",  |k| k.assets[0].exchange.available_margin = Some(Money(TOO_MUCH + 1))),
        ("assets[0].used_margin",       |k| k.assets[0].exchange.used_margin = Some(Money(TOO_MUCH + 1))),
        ("assets[0].maint_margin",      |k| k.assets[0].exchange.maint_margin = Some(Money(TOO_MUCH + 1))),
        ("assets[0].unsettled_fees",    |k| k.assets[0].exchange.unsettled_fees = Money(-TOO_MUCH - 1)),
    ]);
    passed(&[("the finest unit", |k| k.assets[0].unit_decimals = 18)]);
}

#[test]
#[rustfmt::skip]
fn orders_in_their_places() {
    refused(&[
        ("orders.remembered_max",       |k| k.config.remembered_orders = 1),
        ("orders.prefix",               |k| k.config.instance_nonce = 1),
        ("orders[3].number",            |k| k.orders.at_mut(3).number = k.orders.next_number()),
        ("orders.free",                 |k| k.orders.at_mut(3).number = 0),
        ("orders.number",               |k| k.orders.at_mut(3).number = k.orders.at(2).number),
        ("orders.external",             |k| k.orders.at_mut(3).role = OrderRole::External),
        ("orders.ended",                |k| {
            let number = k.orders.at(0).number;
            k.orders.unretire(OrderRef { place: 0, number });
        }),
        ("orders.ended[3]",             |k| k.orders.retire(OrderRef { place: 0, number: 0 }, |_| false)),
        ("watch.orders",                |k| k.watch.orders.push(OrderRef { place: 0, number: 0 })),
        ("watch.orders",                |k| {
            k.watch.orders.push(OrderRef { place: 0, number: k.orders.next_number() });
        }),
        ("orders.foreign[0]",           |k| k.orders.note_foreign(3)),
        ("orders.foreign[0]",           |k| { listed(k); k.orders.at_mut(4).client_id = Id::EMPTY; }),
        ("orders.foreign[1]",           |k| { listed(k); k.orders.note_foreign(4); }),
        ("orders[3].instrument",        |k| k.orders.at_mut(3).instrument = 2),
        ("orders[3].slot_id",           |k| k.orders.at_mut(3).slot_id = 3),
        ("orders[3].trade_number",      |k| k.orders.at_mut(3).trade_number = 0),
        ("orders[3].side",              |k| k.orders.at_mut(3).side = TradeSide::Flat),
        ("orders[3].other_venue_ids",   |k| k.orders.at_mut(3).other_venue_ids = vec![id("V"); OTHER_VENUE_IDS_MAX + 1]),
        ("orders.by_venue_id",          |k| k.orders.at_mut(3).other_venue_ids = vec![id("V"); OTHER_VENUE_IDS_MAX]),
        ("orders.by_venue_id",          |k| k.orders.at_mut(3).venue_order_id = Id::EMPTY),
        ("orders.by_fill",              |k| k.orders.at_mut(3).fills[0].venue_trade_id = Id::EMPTY),
        ("orders[3].limit_price",       |k| k.orders.at_mut(3).limit_price = Some(Price(-1))),
        ("orders[3].qty",               |k| k.orders.at_mut(3).qty = Qty(-1)),
        ("orders[3].qty",               |k| k.orders.at_mut(3).qty = Qty(TOO_MUCH + 1)),
        ("orders[3].filled",            |k| k.orders.at_mut(3).filled = Qty(-1)),
        ("orders[3].filled_value",      |k| k.orders.at_mut(3).filled_value = Money(-1)),
        ("orders[3].filled_value",      |k| k.orders.at_mut(3).filled_value += Money(1)),
        ("orders[3].inferred",          |k| k.orders.at_mut(3).inferred = Qty(-1)),
        ("orders[3].reserve_price",     |k| k.orders.at_mut(3).reserve_price = Price(-1)),
        ("orders[3].reserved",          |k| k.orders.at_mut(3).reserved = Money(-1)),
        ("orders[3].trigger_price",     |k| k.orders.at_mut(3).extra_mut().trigger_price = Some(Price(-1))),
        ("orders[3].remaining_told",    |k| k.orders.at_mut(3).extra_mut().remaining_told = Some(Qty(-1))),
        ("orders[3].amendment.qty",     |k| amended(k).qty = Qty(-1)),
        ("orders[3].amendment.limit_price", |k| amended(k).limit_price = Some(Price(-1))),
        ("orders[3].amendment.trigger_price", |k| amended(k).trigger_price = Some(Price(-1))),
        ("orders[3].amendment.reserve_price", |k| amended(k).reserve_price = Price(-1)),
        ("orders[3].corrections.fill_at", |k| {
            k.orders.at_mut(3).extra_mut().corrections.push(Correction { id: id("C"), fill_at: 1, settles: true });
        }),
        ("orders[3].corrections.id",    |k| {
            k.orders.at_mut(3).extra_mut().corrections.push(Correction { id: Id::EMPTY, fill_at: 0, settles: true });
        }),
        ("orders.by_fill",              |k| {
            k.orders.at_mut(3).extra_mut().corrections.push(Correction { id: id("C"), fill_at: 0, settles: true });
        }),
        ("orders[3].fills[0].fee_asset", |k| k.orders.at_mut(3).fills[0].fee_asset = k.assets.len() as u16),
        ("orders[3].fills[0].qty",      |k| k.orders.at_mut(3).fills[0].qty = Qty(-1)),
        ("orders[3].fills[0].price",    |k| k.orders.at_mut(3).fills[0].price = Price(-1)),
        ("orders[3].fills[0].closed",   |k| k.orders.at_mut(3).fills[0].closed = Qty(-1)),
        ("orders[3].fills[0].fee",      |k| k.orders.at_mut(3).fills[0].fee = Money(-TOO_MUCH - 1)),
        ("orders[3].fills[0].realized", |k| k.orders.at_mut(3).fills[0].realized = Money(-TOO_MUCH - 1)),
        ("orders.unseen",               |k| k.orders.at_mut(3).fills[0].qty = Qty::ZERO),
        ("orders[3].position_side",     |k| k.orders.at_mut(3).position_side = PositionSide::Long),
        ("orders[3].order_side",        |k| k.orders.at_mut(3).order_side = OrderSide::Sell),
        ("orders[1].order_side",        |k| k.orders.at_mut(1).order_side = OrderSide::Buy),
    ]);
    passed(&[
        ("a stranger's order has no slot",  |k| k.orders.at_mut(4).slot_id = u32::MAX),
        ("nor a trade or a side",           |k| k.orders.at_mut(4).side = TradeSide::Flat),
        ("and trades either way",           |k| k.orders.at_mut(4).order_side = OrderSide::Sell),
        ("and may have a client id",        |k| listed(k)),
    ]);
}

#[test]
#[rustfmt::skip]
fn slots_and_what_points_at_them() {
    refused(&[
        ("aside.beyond.slot_id",        |k| k.aside.set_beyond(99, 1, Qty(1))),
        ("aside.beyond.slot_id",        |k| k.aside.set_beyond(k.slots.len() as u32, 1, Qty(1))),
        ("aside.beyond.qty",            |k| k.aside.set_beyond(0, 1, Qty(-1))),
        ("aside.terms.instrument",      |k| assert!(k.aside.are_newest_terms(99, 1))),
        ("slots[2]",                    |k| k.slots[2].realized = Money(1)),
        ("slots[0].instrument",         |k| k.slots[0].instrument = 2),
        ("slots[0].side",               |k| k.slots[0].side = TradeSide::Flat),
        ("slots[0].basis.qty",          |k| k.slots[0].basis.qty = Qty(-1)),
        ("slots[0].basis.qty",          |k| k.slots[0].side = TradeSide::Short),
        ("slots[0].leverage",           |k| k.slots[0].leverage = Decimal::ZERO),
        ("slots[0].ratios",             |k| k.slots[0].ratios = vec![dec("0.5")]),
        ("slots[0].other_exits",        |k| k.slots[0].other_exits = vec![OrderRef { place: 99, number: 99 }; 8]),
        ("slots[0].metadata",           |k| k.slots[0].metadata = "x".repeat(4097).into()),
        ("slots[0].initial",            |k| k.slots[0].initial = Qty(TOO_MUCH + 1)),
        ("slots[0].entry_value",        |k| k.slots[0].entry_value = Money(TOO_MUCH + 1)),
        ("slots[0].realized",           |k| k.slots[0].realized = Money(TOO_MUCH + 1)),
        ("slots[0].fees",               |k| k.slots[0].fees = Money(TOO_MUCH + 1)),
        ("slots[0].funding",            |k| k.slots[0].funding = Money(TOO_MUCH + 1)),
        ("slots[0].basis.qty",          |k| k.slots[0].basis.qty = Qty(TOO_MUCH + 1)),
        ("slots[0].basis.cost",         |k| k.slots[0].basis.cost = Money(TOO_MUCH + 1)),
        ("slots[0].orders",             |k| k.slots[0].entry = k.slots[1].entry),
        ("slots[0].orders",             |k| k.slots[0].entry.as_mut().unwrap().place = 64),
        ("slots[0].orders",             |k| k.slots[0].exit = k.slots[0].entry),
        ("slots[0].orders",             |k| {
            k.slots[0].entry = Some(OrderRef { place: 99, number: k.orders.next_number() });
        }),
        ("slots[0].orders",             |k| k.slots[0].entry = Some(OrderRef { place: 99, number: 0 })),
        ("slots[1].entry",              |k| k.slots[1].entry = None),
        ("slots[1].orders",             |k| k.slots[1].trade_number += 1),
        ("slots[1].orders",             |k| k.slots[1].instrument = 1),
        ("slots[1].orders",             |k| {
            k.slots[1].side = TradeSide::Short;
            k.slots[1].basis.qty = Qty::ZERO;
        }),
        ("slots[1].orders",             |k| k.orders.at_mut(3).slot_id = 2),
        ("free_slots",                  |k| k.free_slots += 1),
        ("trades",                      |k| k.trades.insert(7, 0)),
        ("free_slots",                  |k| k.slots[1].stage = TradeStage::Closed),
    ]);
    passed(&[
        ("seven others",                |k| {
            k.orders.skip_numbers(94);
            k.slots[0].other_exits = vec![OrderRef { place: 99, number: 99 }; 7];
        }),
        ("a text as long as the most",  |k| k.slots[0].metadata = "x".repeat(4096).into()),
        ("a ladder",                    |k| k.slots[0].ratios = vec![dec("0.5"), dec("0.5")]),
        ("one who is forgotten",        |k| {
            k.orders.skip_numbers(94);
            k.slots[0].entry = Some(OrderRef { place: 0, number: 99 });
        }),
        ("an entry of another trade",   |k| {
            k.slots[0].entry = None;
            k.orders.at_mut(0).trade_number = 99;
        }),
        ("flat, of either side",        |k| k.slots[0].basis.qty = Qty::ZERO),
    ]);
}

#[test]
#[rustfmt::skip]
fn books_sums_and_memories() {
    refused(&[
        ("books",                       |k| drop(k.books.pop())),
        ("books[0].book.qty",           |k| k.books[0].book[2].position.qty = Qty(-TOO_MUCH - 1)),
        ("books[0].book.cost",          |k| k.books[0].unassigned[0].basis.cost = Money(TOO_MUCH + 1)),
        ("books[0].unassigned.parts",   |k| k.books[0].unassigned[0].parts[1] = Qty(TOO_MUCH + 1)),
        ("books[0].unassigned.parts",   |k| k.books[0].unassigned[0].parts[1] += Qty(1)),
        ("books[0].unassigned.parts",   |k| {
            let parts = &mut k.books[0].unassigned[0].parts;
            (parts[0], parts[3]) = (parts[0] + Qty(1_000_000), parts[3] - Qty(1_000_000));
        }),
        ("books[0].book.beside",        |k| k.books[0].book[0].beside = Money(TOO_MUCH + 1)),
        ("books[0].book.entries",       |k| k.books[0].book[2].position.cost += Money(1)),
        ("books[0].reported.qty",       |k| reported(k).qty = Qty(TOO_MUCH + 1)),
        ("books[0].reported.entry_price", |k| reported(k).entry_price = Some(Price(-1))),
        ("books[0].last_price",         |k| k.books[0].last_price = Some(Price(-1))),
        ("books[0].waiting",            |k| k.books[0].waiting.push(k.slots[0].exit.unwrap())),
        ("books[0].waiting",            |k| k.books[0].waiting.push(OrderRef { place: 0, number: 0 })),
        ("books[1].waiting",            |k| k.books[1].waiting.push(k.slots[1].entry.unwrap())),
        ("books[0].busy",               |k| k.books[0].busy = [1, 1]),
        ("books[1].busy",               |k| k.books[1].busy = [1, 0]),
        ("exposure.instruments",        |k| k.exposure.open_instrument(0)),
        ("control.limits",              |k| k.control.limits.given.max_daily_loss = Some(dec("501"))),
        ("control.audited",             |k| k.control.audited = vec![id("run"); 1025].into()),
        ("guard.losses.due_ns",         |k| k.guard.losses.due_ns = DAY + 1),
        ("guard.losses.next_midnight_ns", |k| k.now_ns = DAY),
        ("guard.losses.next_midnight_ns", |k| k.now_ns = i64::MIN),
        ("guard.orders.level",          |k| {
            let open = RiskLimits { orders_per_second: None, ..k.control.limits.given.clone() };
            k.control.limits = crate::risk::Limits::load(&open).unwrap();
        }),
        ("intents.capacity",            |k| k.config.remembered_intents += 1),
        ("wallet_entries",              |k| drop(k.wallet_entries.pop())),
        ("wallet_entries.FUNDING_FEE.capacity", |k| k.wallet_entries[3] = super::super::Window::new(1)),
        ("entries_forgotten_ns",        |k| k.entries_forgotten_ns.push(0)),
        ("meters",                      |k| k.meters.resize_with(3, Default::default)),
        ("meters[0].ratio_ema",         |k| k.meters[0][0].ratio_ema = Some(Money(TOO_MUCH + 1))),
        ("meters[0].last.expected_asset", |k| reading(k).expected_asset = k.assets.len() as u16),
        ("meters[0].last",              |k| reading(k).expected = Money(TOO_MUCH + 1)),
        ("meters[0].last",              |k| reading(k).actual = Money(TOO_MUCH + 1)),
        ("meters[0].last",              |k| reading(k).ratio = Some(Money(TOO_MUCH + 1))),
    ]);
    passed(&[
        ("an entry that waits",         |k| k.books[0].waiting.push(k.slots[1].entry.unwrap())),
        ("as many as there are",        |k| k.meters.resize_with(2, Default::default)),
        ("the last moment of the day",  |k| k.now_ns = DAY - 1),
        ("as many as are kept",         |k| k.control.audited = vec![id("run"); 1024].into()),
    ]);
}

fn limit(name: &str, asset: u16, slots: Option<u32>, order: Option<i128>, whole: Option<i128>) -> BotLimit {
    let (max_order_notional, max_notional) = (order.map(Money), whole.map(Money));
    BotLimit { name: id(name), asset, max_slots: slots, max_order_notional, max_notional }
}

/// Bots a and b with a capital, and these limits.
fn with_limits(kernel: &mut Kernel, limits: &[BotLimit]) {
    let mut bots = Bots::default();
    for name in ["a", "b"] {
        let transfer = BotTransfer {
            transfer_id: id(name),
            from: Id::EMPTY,
            to: id(name),
            asset: id("USDT"),
            amount: Decimal::ONE,
            opens: true,
            by: Id::EMPTY,
        };
        bots.transfer_capital(&transfer, 0, Money(1));
    }
    bots.limits = limits.to_vec();
    kernel.aside.bots = Some(Box::new(bots));
}

#[test]
#[rustfmt::skip]
fn limits_of_bots() {
    refused(&[
        ("bots.limits.name", |k| with_limits(k, &[limit("c", 0, Some(1), None, None)])),
        ("bots.limits.name", |k| with_limits(k, &[limit("a", 1, Some(1), None, None)])),
        ("bots.limits",      |k| with_limits(k, &[limit("a", 0, None, None, None)])),
        ("bots.limits",      |k| with_limits(k, &[limit("a", 0, None, Some(-1), None)])),
        ("bots.limits",      |k| with_limits(k, &[limit("a", 0, None, None, Some(-1))])),
        ("bots.limits",      |k| with_limits(k, &[limit("b", 0, Some(1), None, None), limit("a", 0, Some(1), None, None)])),
        ("bots.limits",      |k| with_limits(k, &[limit("a", 0, Some(1), None, None), limit("a", 0, Some(1), None, None)])),
    ]);
    passed(&[
        ("each with one", |k| with_limits(k, &[limit("a", 0, Some(0), None, None), limit("b", 0, None, Some(0), Some(TOO_MUCH + 1))])),
    ]);
}

#[test]
#[rustfmt::skip]
fn funding_and_groups() {
    refused(&[
        ("funding.rows",                |k| k.funding.rows.resize(3, None)),
        ("funding.rows[0].schedule.interval_ns", |k| k.funding.rows[0].as_mut().unwrap().schedule.interval_ns = 0),
        ("funding.rows[0].schedule.price", |k| k.funding.rows[0].as_mut().unwrap().schedule.price = Some(Price(-1))),
        ("funding.rows[0].predictions", |k| {
            let row = k.funding.rows[0].as_mut().unwrap();
            row.predictions = vec![row.predictions[0].clone(); PREDICTIONS_MAX + 1].into();
        }),
        ("funding.rows[0].predictions[0].price", |k| first(k).price = Price(-1)),
        ("funding.rows[0].predictions[0].booked", |k| first(k).booked = Money(TOO_MUCH + 1)),
        ("funding.rows[0].predictions[0].qty", |k| first(k).qty[2] = Qty(TOO_MUCH + 1)),
        ("funding.rows[0].predictions[0].shares.slot_id", |k| share(k).slot_id = 3),
        ("funding.rows[0].predictions[0].shares.side", |k| share(k).side = 3),
        ("funding.rows[0].predictions[0].shares.qty", |k| share(k).qty = Qty(TOO_MUCH + 1)),
        ("funding.rows[0].predictions[0].shares.credited", |k| share(k).credited = Money(TOO_MUCH + 1)),
        ("funding.next_due_ns",         |k| k.funding.next_due_ns += 1),
        ("funding.last_open_ns",        |k| k.funding.last_open_ns += 1),
        ("groups[g].members",           |k| k.orders.at_mut(1).extra_mut().oco_group = id("h")),
        ("groups[g].members",           |k| k.groups.join(&id("g"), kin(k), k.slots[0].exit.unwrap())),
        ("groups[h].kin",               |k| {
            k.orders.at_mut(1).extra_mut().oco_group = id("h");
            k.groups.leave(&id("g"), k.orders.at(1).number);
            let member = OrderRef { place: 1, number: k.orders.at(1).number };
            k.groups.join(&id("h"), crate::oco::Kin::Entries { instrument: 0, side: None }, member);
        }),
        ("groups[g].reserved",          |k| assert!(!k.groups.set_reserved(&id("g"), Money(1)).is_zero())),
    ]);
    passed(&[
        ("as many as are kept",         |k| {
            let row = k.funding.rows[0].as_mut().unwrap();
            row.predictions = vec![row.predictions[0].clone(); PREDICTIONS_MAX].into();
        }),
        ("the last book of the three",  |k| share(k).side = 2),
        ("the last slot",               |k| share(k).slot_id = 2),
        ("rows for each instrument",    |k| k.funding.rows.resize(2, None)),
    ]);
}

fn first(kernel: &mut Kernel) -> &mut crate::funding::Prediction {
    &mut kernel.funding.rows[0].as_mut().unwrap().predictions[0]
}

fn share(kernel: &mut Kernel) -> &mut Share {
    &mut first(kernel).shares[0]
}

fn kin(kernel: &Kernel) -> crate::oco::Kin {
    kernel.groups.find(&id("g")).unwrap().kin
}
