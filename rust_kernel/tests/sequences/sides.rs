//! Two sequences of slots of both sides on one book: what an exit may do there (21), and fills that close other trades
//! before they open (22).

use super::common::{Desk, dec, id};
use super::reserved;
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, RareFields, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelCommandType as Action, KernelEventKind as Kind, OppositeSlots, OrderSide, OrderType, PairOff,
    TradeSide, TradeStage, VenueOrderStatus,
};
use dita_kernel::num::Decimal;

fn desk(pair_off: PairOff) -> Desk {
    let bitcoin = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let spec = InstrumentSpec { opposite_slots: OppositeSlots::Net, pair_off, ..bitcoin };
    let config = KernelConfig { max_slots: 4, remembered_orders: 16, ..KernelConfig::default() };
    Desk::over_with(config, spec, &[("USDT", "10000")], "100")
}

fn open(desk: &mut Desk, slot: u32, side: TradeSide, size: &str, owner: &str) -> Id {
    let entered = desk.intent(Action::Enter, slot, |intent| {
        (intent.side, intent.target_size, intent.owner) = (side, Some(dec(size)), id(owner));
    });
    assert!(entered.accepted, "{entered:?}");
    let order = desk.submitted();
    desk.ack(&order, &format!("V{slot}-{}", desk.now));
    desk.fill(&order, &format!("T{slot}-{}", desk.now), size, "100");
    order
}

/// Signed sizes of the slots.
fn sizes(desk: &Desk) -> Vec<String> {
    let scale = desk.kernel.instruments()[0].qty_scale;
    let plain = |qty| Decimal::normalized(qty, scale).expect("a quantity").to_string();
    desk.kernel.slots().iter().map(|slot| plain(slot.basis.qty.0)).collect()
}

/// Whether each order that left with the last input only reduces.
fn reduce_only(desk: &Desk) -> Vec<bool> {
    let orders = desk.effects.commands.iter().filter_map(|command| match command {
        Command::Submit(order) => Some(order.reduce_only),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    });
    orders.collect()
}

#[test]
fn s21_an_exit_against_the_net_position_leaves_without_reduce_only() {
    let mut desk = desk(PairOff::Never);
    open(&mut desk, 0, TradeSide::Long, "2", "");
    open(&mut desk, 1, TradeSide::Short, "3", "");
    desk.exit(0);
    assert_eq!(
        reduce_only(&desk),
        [false],
        "the venue is 1 short: it would reject a sale that may only reduce"
    );
    desk.exit_size(1, "1");
    assert_eq!(reduce_only(&desk), [true], "1 of a net 1");
}

#[test]
fn s21_what_an_uncovered_exit_may_add_is_held_back() {
    let mut desk = desk(PairOff::Never);
    open(&mut desk, 0, TradeSide::Long, "2", "");
    open(&mut desk, 1, TradeSide::Short, "2", "");
    desk.exit(0);
    assert_eq!(reserved(&desk), "200", "alone it leaves the account 2 short");
}

#[test]
fn s21_a_liquidation_takes_the_newest_trade_and_cuts_what_is_left_of_its_exits() {
    let mut desk = desk(PairOff::Never);
    open(&mut desk, 0, TradeSide::Long, "3", "");
    open(&mut desk, 1, TradeSide::Long, "1", "");
    open(&mut desk, 2, TradeSide::Short, "1", "");
    desk.exit(0);
    let exit = desk.submitted();
    desk.ack(&exit, "V-exit");
    let mut event = VenueEvent::new(Kind::Liquidation, desk.now);
    (event.asset, event.venue_trade_id) = (id("BTCUSDT"), id("forced"));
    (event.order_side, event.size, event.price) = (Some(OrderSide::Sell), Some(dec("2")), Some(dec("90")));
    desk.put(dita_kernel::input::Input::Venue(Box::new(event)));
    assert_eq!(sizes(&desk), ["2", "0", "-1", "0"]);
    let cut = desk.effects.commands.iter().any(|command| match command {
        Command::Amend(request) => request.venue_client_id == exit && request.size == dec("2.000"),
        Command::Submit(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => false,
    });
    assert!(cut, "the exit of 3 becomes one of 2: {:?}", desk.effects.commands);
}

#[test]
fn s21_an_own_exit_cuts_the_stop_beside_it() {
    let mut desk = Desk::new();
    open(&mut desk, 0, TradeSide::Long, "1", "");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(dec("90")));
    });
    let stop = desk.submitted();
    desk.ack(&stop, "V-stop");
    desk.exit_size(0, "0.6");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.6", "100");
    let cut = desk.effects.commands.iter().any(|command| match command {
        Command::Amend(request) => request.venue_client_id == stop && request.size == dec("0.400"),
        Command::Submit(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => false,
    });
    assert!(cut, "it would sell 0.6 of another trade: {:?}", desk.effects.commands);
}

#[test]
fn s21_a_slot_whose_position_is_gone_is_paired_off_with_its_opposite() {
    let mut desk = Desk::new();
    open(&mut desk, 0, TradeSide::Long, "1", "");
    let mut event = VenueEvent::new(Kind::FullFill, desk.now);
    (event.asset, event.venue_trade_id, event.venue_order_id) = (id("BTCUSDT"), id("hand"), id("H1"));
    (event.order_side, event.size, event.price) = (Some(OrderSide::Sell), Some(dec("1")), Some(dec("110")));
    desk.put(dita_kernel::input::Input::Venue(Box::new(event)));
    desk.exit(0);
    let refused = desk.submitted();
    desk.event(Kind::OrderReject, &refused, |event| event.status = Some(VenueOrderStatus::Rejected));
    assert_eq!((desk.stage(0), desk.book()), (TradeStage::Closed, ("0.000".into(), "0.000".into())));
}

#[test]
fn s22_a_fill_closes_its_owners_oldest_trade_and_nobody_elses() {
    let mut desk = desk(PairOff::SameOwner);
    open(&mut desk, 2, TradeSide::Long, "1", "other");
    open(&mut desk, 1, TradeSide::Long, "2", "maker");
    open(&mut desk, 0, TradeSide::Long, "2", "maker");
    open(&mut desk, 3, TradeSide::Short, "3", "maker");
    assert_eq!(sizes(&desk), ["1", "0", "1", "0"]);
    assert_eq!((desk.stage(1), desk.stage(3)), (TradeStage::Closed, TradeStage::Closed));
    assert_eq!(desk.kernel.slots()[1].close_reason.as_str(), "NETTED");
}

#[test]
fn s22_a_bust_of_a_fill_that_closed_others_opens_them_again() {
    let mut desk = desk(PairOff::SameOwner);
    open(&mut desk, 0, TradeSide::Long, "2", "");
    let ask = open(&mut desk, 1, TradeSide::Short, "3", "");
    assert_eq!(sizes(&desk), ["0", "-1", "0", "0"]);
    let fill = desk.kernel.orders().iter().find(|order| order.client_id == ask).expect("the ask");
    let ref_trade_id = fill.fills[0].venue_trade_id.clone();
    desk.event(Kind::TradeBust, &ask, |event| {
        event.venue_trade_id = id("bust");
        event.rare = Some(Box::new(RareFields { ref_trade_id, ..RareFields::default() }));
    });
    assert_eq!(sizes(&desk), ["2", "0", "0", "0"]);
    assert_eq!((desk.stage(0), desk.stage(1)), (TradeStage::PositionOpen, TradeStage::Closed));
}
