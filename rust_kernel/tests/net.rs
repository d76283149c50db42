//! Slots of both sides on one book: they share it, exits go by what the venue holds, and what may still be bought and
//! sold is held back for.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::{Command, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{
    AdoptedSlot, AdoptedSlots, Input, InstrumentSpec, OpeningPosition, OpeningState, VenueEvent,
};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OppositeSlots,
    OrderSide, OrderType, PairOff, PositionSide, Product, TradeSide, TradeStage,
};
use dita_kernel::num::{Decimal, Qty};
use dita_kernel::outcome::Detail;

fn spec(opposite_slots: OppositeSlots, pair_off: PairOff) -> InstrumentSpec {
    let bitcoin = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    InstrumentSpec { opposite_slots, pair_off, ..bitcoin }
}

fn net() -> Desk {
    let config = KernelConfig { max_slots: 5, remembered_orders: 16, ..KernelConfig::default() };
    Desk::over_with(config, spec(OppositeSlots::Net, PairOff::Never), &[("USDT", "10000")], "100")
}

/// An open trade of that side; gives the entry order's id.
fn open(desk: &mut Desk, slot: u32, side: TradeSide, size: &str, price: &str) -> Id {
    assert!(desk.enter_side(slot, side, size).accepted);
    let order = desk.submitted();
    desk.fill(&order, &format!("T{}", desk.now), size, price);
    assert_eq!(desk.stage(slot), TradeStage::PositionOpen);
    order
}

/// The order that left last.
fn sent(desk: &Desk) -> OrderRequest {
    let mut orders = desk.effects.commands.iter().filter_map(|command| match command {
        Command::Submit(order) => Some(order.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    });
    orders.next_back().expect("an order left")
}

/// Signed sizes of the slots.
fn sizes(desk: &Desk) -> Vec<String> {
    desk.kernel.slots().iter().map(|slot| plain(desk, slot.basis.qty)).collect()
}

/// The book's and the unassigned quantity, signed.
fn book(desk: &Desk) -> (String, String) {
    (plain(desk, desk.kernel.book(0)[0].qty), plain(desk, desk.kernel.unassigned(0)[0].qty))
}

fn plain(desk: &Desk, qty: Qty) -> String {
    let scale = desk.kernel.instruments()[0].qty_scale;
    Decimal::normalized(qty.0, scale).expect("a quantity").to_string()
}

fn exposure(desk: &Desk) -> (String, String) {
    let exposure = desk.kernel.exposure();
    (exposure.position(0).to_string(), exposure.at_worst(0).to_string())
}

fn refused_field(desk: &mut Desk, spec: InstrumentSpec) -> (Code, &'static str) {
    let outcome = desk.put(Input::Instrument(Box::new(spec)));
    match outcome.detail {
        Detail::Field { field, .. } => (outcome.code, field),
        _ => (outcome.code, ""),
    }
}

// ------------------------------------------------------------------------------------------------ the setting

#[test]
fn without_the_setting_the_other_side_is_refused_as_ever() {
    let mut desk = Desk::new();
    open(&mut desk, 0, TradeSide::Long, "1", "100");
    assert_eq!(desk.enter_side(1, TradeSide::Short, "1").code, Code::OppositeSide);
}

#[test]
fn what_cannot_net_is_refused_by_its_field() {
    let mut desk = Desk::new();
    let spot = InstrumentSpec {
        product: Product::Spot,
        symbol: id("BTC-USDT"),
        ..spec(OppositeSlots::Net, PairOff::Never)
    };
    assert_eq!(refused_field(&mut desk, spot), (Code::Precision, "opposite_slots"));
    let pairs = InstrumentSpec { symbol: id("XUSDT"), ..spec(OppositeSlots::Refuse, PairOff::SameOwner) };
    assert_eq!(refused_field(&mut desk, pairs), (Code::Precision, "pair_off"));
    let mut hedged = Desk::with(KernelConfig { hedge_mode: true, ..KernelConfig::default() });
    let wanted = InstrumentSpec { symbol: id("YUSDT"), ..spec(OppositeSlots::Net, PairOff::Never) };
    assert_eq!(refused_field(&mut hedged, wanted), (Code::InvalidIntent, "opposite_slots"));
}

#[test]
fn the_setting_changes_only_while_nothing_is_at_work() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let order = desk.submitted();
    let wanted = spec(OppositeSlots::Net, PairOff::Never);
    assert_eq!(refused_field(&mut desk, wanted.clone()), (Code::InvalidIntent, "opposite_slots"));
    desk.event(Kind::OrderReject, &order, |_| {});
    assert!(desk.put(Input::Instrument(Box::new(wanted))).accepted);
    open(&mut desk, 0, TradeSide::Long, "1", "100");
    open(&mut desk, 1, TradeSide::Short, "1", "100");
    let back = spec(OppositeSlots::Refuse, PairOff::Never);
    assert_eq!(refused_field(&mut desk, back), (Code::InvalidIntent, "opposite_slots"));
    desk.assert_replays();
}

// --------------------------------------------------------------------------------------------- book and money

#[test]
fn each_slot_keeps_its_price_and_profit_and_the_book_is_their_signed_sum() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "5", "100");
    open(&mut desk, 1, TradeSide::Short, "2", "110");
    assert_eq!(
        (sizes(&desk)[..2].to_vec(), book(&desk).0),
        (vec!["5".to_owned(), "-2".to_owned()], "3".to_owned())
    );
    // The book has realised 2 × 10 by the sale; no slot has.
    assert_eq!(desk.balance(Account::InterSlot), "-20");
    desk.exit(1);
    let exit = desk.submitted();
    desk.fill(&exit, "out-1", "2", "104");
    assert_eq!(desk.money(1).0, "12");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "out-0", "5", "102");
    assert_eq!((desk.money(0).0, book(&desk).0), ("10".to_owned(), "0".to_owned()));
    // All that the slots made, 22, is in the wallet; the difference between them and the book has gone again.
    assert_eq!((desk.gross(), desk.balance(Account::InterSlot)), ("10022".to_owned(), "0".to_owned()));
    desk.assert_replays();
}

#[test]
fn the_book_may_turn_while_the_slots_stay() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "1", "100");
    open(&mut desk, 1, TradeSide::Short, "3", "101");
    open(&mut desk, 2, TradeSide::Long, "2", "99");
    assert_eq!(book(&desk), ("0".to_owned(), "0".to_owned()));
    for (slot, price) in [(1, "100"), (0, "103"), (2, "103")] {
        desk.exit(slot);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("out-{slot}"), &desk.size(slot), price);
    }
    let profits: Vec<String> = (0..3).map(|slot| desk.money(slot).0).collect();
    assert_eq!(profits, ["3", "3", "8"]);
    assert_eq!((desk.gross(), desk.balance(Account::InterSlot)), ("10014".to_owned(), "0".to_owned()));
    desk.assert_replays();
}

#[test]
fn what_is_nobodys_is_in_nobodys_way() {
    let mut desk = net();
    let mut event = VenueEvent::new(Kind::FullFill, desk.now);
    event.asset = id("BTCUSDT");
    event.order_side = Some(OrderSide::Sell);
    event.venue_trade_id = id("by-hand");
    event.size = Some(dec("1"));
    event.price = Some(dec("100"));
    desk.put(Input::Venue(Box::new(event)));
    assert_eq!(book(&desk), ("-1".to_owned(), "-1".to_owned()));
    open(&mut desk, 0, TradeSide::Long, "1", "100");
    desk.exit(0);
    assert!(!sent(&desk).reduce_only, "the venue holds nothing");
}

// ------------------------------------------------------------------------------------------------------- exits

#[test]
fn an_exit_only_reduces_where_the_net_position_covers_it() {
    // long and short slots, the exited slot, whether its exit only reduces
    for (long, short, slot, reduces) in [
        ("5", "2", 0, false), // 5 to sell of a net 3
        ("5", "2", 1, false), // to buy back on a net long
        ("2", "5", 1, false),
        ("2", "5", 0, false),
        ("5", "5", 0, false),
    ] {
        let mut desk = net();
        open(&mut desk, 0, TradeSide::Long, long, "100");
        open(&mut desk, 1, TradeSide::Short, short, "100");
        desk.exit(slot);
        assert_eq!(sent(&desk).reduce_only, reduces, "{long} {short} {slot}");
    }
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "5", "100");
    open(&mut desk, 1, TradeSide::Short, "2", "100");
    desk.exit_size(0, "3");
    assert!(sent(&desk).reduce_only, "3 of a net 3");
    desk.exit_size(0, "1");
    assert!(!sent(&desk).reduce_only, "the net 3 is the first exit's");
    desk.assert_replays();
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "5", "100");
    open(&mut desk, 1, TradeSide::Short, "2", "100");
    for size in ["2", "1"] {
        desk.exit_size(0, size);
        assert!(sent(&desk).reduce_only, "{size}: together 3 of a net 3");
    }
}

#[test]
fn exits_of_several_slots_share_what_the_net_position_covers() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "3", "100");
    open(&mut desk, 1, TradeSide::Long, "3", "100");
    open(&mut desk, 2, TradeSide::Short, "2", "100");
    let stop = |desk: &mut Desk, slot| {
        desk.intent(Action::Exit, slot, |intent| {
            intent.order_type = OrderType::StopMarket;
            intent.trigger_price = Some(dec("90"));
        });
        sent(desk).reduce_only
    };
    assert!(stop(&mut desk, 0), "3 of a net 4");
    assert!(stop(&mut desk, 0), "both stops of a slot close no more than the slot");
    assert!(!stop(&mut desk, 1), "3 more of what is 1");
}

#[test]
fn an_exit_is_never_larger_than_its_slot() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "1", "100");
    open(&mut desk, 1, TradeSide::Long, "4", "100");
    desk.exit_size(0, "3");
    assert_eq!(sent(&desk).size, dec("1"));
}

#[test]
fn a_slot_whose_side_the_venue_does_not_hold_exits_without_an_alarm() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "1", "100");
    open(&mut desk, 1, TradeSide::Short, "2", "100");
    desk.exit(0);
    assert!(desk.effects.notices.is_empty(), "{:?}", desk.effects.notices);
    let exit = desk.submitted();
    desk.fill(&exit, "out", "1", "100");
    assert_eq!((desk.stage(0), book(&desk).0), (TradeStage::Closed, "-2".to_owned()));
}

// ---------------------------------------------------------------------------------------------------- exposure

#[test]
fn the_worse_side_is_held_back() {
    let mut desk = net();
    let limit = |desk: &mut Desk, slot, side, size: &str| {
        desk.intent(Action::Enter, slot, |intent| {
            intent.side = side;
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec("100"));
            intent.target_size = Some(dec(size));
        })
    };
    open(&mut desk, 0, TradeSide::Long, "3", "100");
    assert_eq!(exposure(&desk), ("300".into(), "300".into()));
    limit(&mut desk, 1, TradeSide::Long, "2");
    assert_eq!(exposure(&desk), ("300".into(), "500".into()), "net + buys");
    limit(&mut desk, 2, TradeSide::Short, "7");
    assert_eq!(exposure(&desk), ("300".into(), "500".into()), "sells − net is 400");
    limit(&mut desk, 3, TradeSide::Short, "2");
    assert_eq!(exposure(&desk), ("300".into(), "600".into()), "sells − net is 600");
    desk.mark("110");
    assert_eq!(exposure(&desk), ("330".into(), "570".into()), "200 to buy, 900 to sell, 330 held");
    desk.assert_replays();
}

#[test]
fn an_exit_that_the_net_does_not_cover_is_held_back_for() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "5", "100");
    open(&mut desk, 1, TradeSide::Short, "5", "100");
    assert_eq!(exposure(&desk), ("0".into(), "0".into()));
    desk.exit(0);
    assert_eq!(exposure(&desk), ("0".into(), "500".into()), "alone it leaves 5 short");
    let exit = desk.submitted();
    desk.fill(&exit, "out", "2", "100");
    assert_eq!(exposure(&desk), ("200".into(), "500".into()));
    desk.cancel(0);
    desk.event(Kind::CancelAck, &exit, |_| {});
    assert_eq!(exposure(&desk), ("200".into(), "200".into()));
    desk.assert_replays();
}

#[test]
fn an_entry_is_held_against_what_it_adds_at_worst() {
    let mut desk = net();
    let limits =
        dita_kernel::input::RiskLimits { max_symbol_notional: Some(dec("400")), ..Default::default() };
    let change = dita_kernel::input::ControlChange { limits: Some(limits), ..Default::default() };
    assert!(desk.control(change).accepted);
    open(&mut desk, 0, TradeSide::Long, "4", "100");
    assert_eq!(desk.enter_side(1, TradeSide::Long, "1").code, Code::RiskBlocked);
    assert!(desk.enter_side(1, TradeSide::Short, "8").accepted, "8 to sell leave 4 short");
    assert_eq!(desk.enter_side(2, TradeSide::Short, "1").code, Code::RiskBlocked);
}

#[test]
fn a_group_of_entries_is_of_one_side() {
    let mut desk = net();
    let member = |desk: &mut Desk, slot, side| {
        desk.intent(Action::Enter, slot, |intent| {
            intent.side = side;
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec("100"));
            intent.target_size = Some(dec("1"));
            intent.oco_group = id("straddle");
        })
    };
    assert!(member(&mut desk, 0, TradeSide::Long).accepted);
    let refused = member(&mut desk, 1, TradeSide::Short);
    assert_eq!(refused.code, Code::InvalidIntent);
    assert!(member(&mut desk, 2, TradeSide::Long).accepted);
}

// ------------------------------------------------------------------------------------------------ forced events

fn force(desk: &mut Desk, kind: Kind, side: OrderSide, size: &str, price: &str) {
    let mut event = VenueEvent::new(kind, desk.now);
    event.asset = id("BTCUSDT");
    event.order_side = Some(side);
    event.venue_trade_id = id(&format!("forced-{}", desk.now));
    event.size = Some(dec(size));
    event.price = Some(dec(price));
    assert!(desk.put(Input::Venue(Box::new(event))).accepted);
}

#[test]
fn what_is_forced_takes_from_the_nets_side_newest_trade_first() {
    for kind in [Kind::Liquidation, Kind::Adl] {
        let mut desk = net();
        open(&mut desk, 2, TradeSide::Long, "3", "100");
        open(&mut desk, 0, TradeSide::Long, "2", "101");
        open(&mut desk, 3, TradeSide::Short, "1", "102");
        open(&mut desk, 1, TradeSide::Long, "1", "103");
        force(&mut desk, kind, OrderSide::Sell, "4", "90");
        assert_eq!(sizes(&desk), ["0", "0", "2", "-1", "0"], "slot 1, then 0, then a part of 2");
        assert_eq!(desk.stage(1), TradeStage::Closed);
        assert_eq!(book(&desk), ("1".to_owned(), "0".to_owned()));
        desk.assert_replays();
    }
}

#[test]
fn a_slot_that_was_forced_in_part_has_its_exits_cut() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "5", "100");
    open(&mut desk, 1, TradeSide::Short, "2", "100");
    desk.exit_size(0, "5");
    let exit = desk.submitted();
    desk.ack(&exit, "V-exit");
    force(&mut desk, Kind::Liquidation, OrderSide::Sell, "3", "90");
    let amended: Vec<Decimal> = desk
        .effects
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Amend(request) => Some(request.size),
            Command::Submit(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
        })
        .collect();
    assert_eq!((sizes(&desk)[0].as_str(), amended), ("2", vec![dec("2.000")]));
}

// ---------------------------------------------------------------------------------------------------- adoption

fn adopted(slot_id: u32, side: TradeSide, size: &str) -> AdoptedSlot {
    AdoptedSlot {
        slot_id,
        trade_id: id(&format!("known-{slot_id}")),
        owner: Id::EMPTY,
        asset: id("BTCUSDT"),
        side,
        size: dec(size),
        entry_price: dec("100"),
        initial_size: dec(size),
        leverage: dec("1"),
        entry_time_ns: 0,
        realized_pnl: dec("0"),
        fees_paid: dec("0"),
        funding_net: dec("0"),
        exit_leg_ratios: Vec::new(),
        metadata: "".into(),
    }
}

#[test]
fn a_restart_explains_the_net_position_by_slots_of_both_sides() {
    let config = KernelConfig { max_slots: 3, ..KernelConfig::default() };
    let mut desk = Desk::unseeded(config);
    assert!(desk.put(Input::Instrument(Box::new(spec(OppositeSlots::Net, PairOff::Never)))).accepted);
    let position = OpeningPosition {
        symbol: id("BTCUSDT"),
        position_side: PositionSide::Both,
        size: dec("3"),
        entry_price: dec("101"),
    };
    let opening = OpeningState {
        timestamp_ns: 1,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: vec![position],
        ..OpeningState::default()
    };
    assert!(desk.put(Input::Opening(Box::new(opening))).accepted);
    let mut adopt = |slots: Vec<AdoptedSlot>| {
        desk.put(Input::Adopt(Box::new(AdoptedSlots { by: id("operator"), slots })))
    };
    let (long, short) = (adopted(0, TradeSide::Long, "5"), adopted(1, TradeSide::Short, "2"));
    assert_eq!(adopt(vec![long.clone()]).code, Code::InvalidIntent, "5 are more than lie there");
    assert_eq!(adopt(vec![short.clone()]).code, Code::InvalidIntent, "nothing short lies there");
    assert!(adopt(vec![long, short]).accepted, "together they are 3");
    assert_eq!(
        (sizes(&desk)[..2].to_vec(), book(&desk)),
        (vec!["5".to_owned(), "-2".to_owned()], ("3".to_owned(), "0".to_owned()))
    );
    desk.assert_replays();
}

// ----------------------------------------------------------------------------------------------------- funding

#[test]
fn funding_is_borne_by_each_slots_signed_size() {
    let mut desk = net();
    open(&mut desk, 0, TradeSide::Long, "5", "100");
    open(&mut desk, 1, TradeSide::Short, "2", "100");
    let hour: i64 = 3_600_000_000_000;
    let mut terms = crate::common::funding_terms("BTCUSDT", "0.001");
    terms.next_boundary_ns = Some(8 * hour);
    desk.put(Input::Funding(Box::new(terms)));
    desk.put_at(8 * hour + 1, Input::Time);
    assert_eq!((desk.money(0).2, desk.money(1).2), ("-0.5".to_owned(), "0.2".to_owned()));
}
