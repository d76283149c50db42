//! Each invariant notices when it is broken: a check that cannot fail would let every other test pass.

use super::{Violation, check};
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{Input, InstrumentSpec, Intent, OpeningOrder, OpeningState, Stamp, VenueEvent};
use crate::kernel::{Kernel, KernelConfig};
use crate::ledger::{Account, Cause, Posting};
use crate::names::{
    KernelCommandType, KernelEventKind, OrderSide, OrderType, PositionSide, TradeSide, TradeStage,
};
use crate::num::{Decimal, Money, Price, Qty};
use crate::order::Amendment;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;

type Break = fn(&mut Kernel);

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// Slot 0 holds 1 at 100; slot 1 has an entry of 2 at 99 at work.
fn at_work() -> Kernel {
    let mut kernel = Kernel::new(KernelConfig { max_slots: 3, ..KernelConfig::default() }).unwrap();
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let mut inputs = vec![
        Input::Instrument(Box::new(spec)),
        Input::Seed { asset: id("USDT"), amount: dec("1000") },
        Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: 0, ages: false },
    ];
    for (slot, size) in [(0, "1"), (1, "2")] {
        let (name, trade) = (id(&format!("intent-{slot}")), id(&format!("trade-{slot}")));
        let mut intent =
            Intent::new(KernelCommandType::Enter, name, trade, slot, id("BTCUSDT"), TradeSide::Long);
        intent.target_size = Some(dec(size));
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("99"));
        inputs.push(Input::Intent(Box::new(intent)));
    }
    let mut effects = Effects::default();
    for (at, input) in (1..).zip(&inputs) {
        assert!(kernel.step(Stamp(at), input, &mut effects).accepted);
    }
    let mut fill = VenueEvent::new(KernelEventKind::FullFill, 9);
    fill.venue_client_id = kernel.orders.at(0).client_id.clone();
    fill.venue_trade_id = id("T1");
    (fill.size, fill.price) = (Some(dec("1")), Some(dec("99")));
    assert!(kernel.step(Stamp(9), &Input::Venue(Box::new(fill)), &mut effects).accepted);
    kernel
}

fn post(kernel: &mut Kernel, from: Account, to: Account) {
    let posting = Posting {
        cause: Cause::Adjustment,
        from,
        to,
        slot_id: None,
        trade_id: &Id::EMPTY,
        reference: &Id::EMPTY,
    };
    kernel.ledger.post(1, 0, Money(1), posting);
}

#[test]
#[rustfmt::skip]
fn each_one_notices_when_it_is_broken() {
    assert_eq!(check(&at_work()), Ok(()));
    let breaks: [(u8, &str, Break); 21] = [
        (1, "a fill is counted that is not there", |kernel| kernel.orders.at_mut(0).filled += Qty(1)),
        (1, "a fill counts as inferred that is not", |kernel| kernel.orders.at_mut(0).inferred += Qty(1)),
        (1, "a trade id stands for two fills",      |kernel| {
            let order = kernel.orders.at_mut(0);
            let mut twin = order.fills[0].clone();
            (twin.qty, twin.price) = (Qty::ZERO, Price(1));
            order.fills.push(twin);
        }),
        (2, "the book is not the slots' sum",       |kernel| kernel.books[0].book[0].position.qty += Qty(1)),
        (2, "what is nobody's is not in the book",  |kernel| kernel.books[0].unassigned[0].basis.qty += Qty(1)),
        (2, "an origin of what is nobody's is lost", |kernel| kernel.books[0].unassigned[0].parts[1] += Qty(1)),
        (2, "a flat book has a cost",               |kernel| kernel.books[0].book[1].position.cost += Money(1)),
        (3, "money moves to where it came from",    |kernel| post(kernel, Account::Wallet, Account::Wallet)),
        (3, "an inventory without anything in it",  |kernel| post(kernel, Account::Inventory, Account::Wallet)),
        (4, "an order has no client id",            |kernel| kernel.orders.at_mut(1).client_id = Id::EMPTY),
        (4, "an order's number was never given",    |kernel| kernel.orders.at_mut(0).number = kernel.orders.next_number()),
        (5, "a live order has no slot",             |kernel| kernel.slots[1].entry = None),
        (5, "a live order has two",                 |kernel| kernel.slots[1].exit = kernel.slots[1].entry),
        (5, "a stage is not what the facts say",    |kernel| kernel.slots[0].stage = TradeStage::ExitWorking),
        (5, "a trade is not in the index",          |kernel| kernel.slots[0].trade_id = id("another")),
        (5, "one busy slot too few is counted",     |kernel| kernel.free_slots += 1),
        (8, "a position is worth another sum",      |kernel| kernel.exposure.set_position(0, Money(1), false)),
        (5, "a venue's id is not in the index",     |kernel| kernel.orders.at_mut(0).venue_order_id = id("V9")),
        (5, "an order of a group is in none",       |kernel| kernel.orders.at_mut(1).extra_mut().oco_group = id("g")),
        (8, "a change holds nothing back",          |kernel| {
            let order = kernel.orders.at_mut(1);
            let (qty, price) = (order.qty + order.qty, order.reserve_price);
            order.extra_mut().amendment = Some(Amendment {
                request_id: id("A1"),
                qty,
                limit_price: None,
                trigger_price: None,
                reserve_price: price,
                sent_time_ns: 1,
            });
        }),
        (8, "an entry holds nothing back",          |kernel| kernel.orders.at_mut(1).reserved = Money::ZERO),
    ];
    for (invariant, what, breaks) in breaks {
        let mut kernel = at_work();
        breaks(&mut kernel);
        assert_eq!(check(&kernel).map_err(|Violation { invariant, .. }| invariant), Err(invariant), "{what}");
    }
}

#[test]
fn a_strangers_order_at_work_holds_back_what_it_may_fill() {
    let mut kernel = Kernel::new(KernelConfig { max_slots: 3, ..KernelConfig::default() }).unwrap();
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let order = OpeningOrder {
        symbol: id("BTCUSDT"),
        venue_order_id: id("S1"),
        venue_client_id: id("stranger"),
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Limit,
        size: dec("3"),
        filled_size: dec("0"),
        price: Some(dec("90")),
        reduce_only: false,
    };
    let opening = OpeningState {
        timestamp_ns: 0,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: vec![],
        orders: vec![order],
        fill_cursor: Id::EMPTY,
        income_cursor: Id::EMPTY,
    };
    let mut effects = Effects::default();
    for (at, input) in (1..).zip([Input::Instrument(Box::new(spec)), Input::Opening(Box::new(opening))]) {
        assert!(kernel.step(Stamp(at), &input, &mut effects).accepted);
    }
    assert_eq!(check(&kernel), Ok(()));
    let held = kernel.orders.at(0).reserved;
    assert_eq!(format!("{held}"), "270");
    kernel.orders.at_mut(0).reserved = Money::ZERO;
    kernel.exposure.reserve(0, OrderSide::Buy, -held);
    assert_eq!(check(&kernel).map_err(|Violation { invariant, .. }| invariant), Err(8));
}
