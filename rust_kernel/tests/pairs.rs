//! Pairing off: a fill closes the open trades of its owner on the other side, oldest first, at its price; only the rest
//! opens. What is taken back or corrected later finds its way to the trades that were closed.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, RareFields};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelCommandType as Action, KernelEventKind as Kind, OppositeSlots, OrderType, PairOff, TradeSide,
    TradeStage, VenueOrderStatus as Status,
};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::Outcome;
use dita_kernel::slot::table::Symbol;

fn desk() -> Desk {
    let bitcoin = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let spec = InstrumentSpec { opposite_slots: OppositeSlots::Net, pair_off: PairOff::SameOwner, ..bitcoin };
    let config = KernelConfig { max_slots: 5, remembered_orders: 16, ..KernelConfig::default() };
    Desk::over_with(config, spec, &[("USDT", "10000")], "100")
}

/// A limit entry of that side and owner that the venue has; gives its id.
fn quote(desk: &mut Desk, slot: u32, side: TradeSide, size: &str, owner: &str) -> Id {
    let accepted = desk.intent(Action::Enter, slot, |intent| {
        intent.side = side;
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("100"));
        intent.target_size = Some(dec(size));
        intent.owner = id(owner);
    });
    assert!(accepted.accepted, "{accepted:?}");
    let order = desk.submitted();
    desk.ack(&order, &format!("V{}", desk.now));
    order
}

fn open(desk: &mut Desk, slot: u32, side: TradeSide, size: &str, price: &str, owner: &str) -> Id {
    let order = quote(desk, slot, side, size, owner);
    desk.fill(&order, &format!("T{slot}-{}", desk.now), size, price);
    order
}

/// Signed sizes of the slots, and at last the book's and what is nobody's.
fn sizes(desk: &Desk) -> Vec<String> {
    let scale = desk.kernel.instruments()[0].qty_scale;
    let plain = |qty: i128| Decimal::normalized(qty, scale).expect("a quantity").to_string();
    let slots = desk.kernel.slots().iter().map(|slot| plain(slot.basis.qty.0));
    let books = [desk.kernel.book(0)[0].qty.0, desk.kernel.unassigned(0)[0].qty.0];
    slots.chain(books.into_iter().map(plain)).collect()
}

fn reason(desk: &Desk, slot: usize) -> String {
    desk.kernel.slots()[slot].close_reason.to_string()
}

/// The slot's average entry price.
fn entry_price(desk: &Desk, slot: usize) -> String {
    let (rules, slot) = (&desk.kernel.instruments()[0], &desk.kernel.slots()[slot]);
    let price = rules.average_price(slot.basis.cost, slot.basis.qty);
    price.map_or_else(|| "flat".to_owned(), |price| rules.price_decimal(price).to_string())
}

fn revise(
    desk: &mut Desk,
    kind: Kind,
    order: &Id,
    fill: &str,
    size: Option<&str>,
    price: Option<&str>,
) -> Outcome {
    let ref_trade_id = id(fill);
    desk.event(kind, order, |event| {
        event.venue_trade_id = id("revision");
        event.size = size.map(dec);
        event.price = price.map(dec);
        event.rare = Some(Box::new(RareFields { ref_trade_id, ..RareFields::default() }));
    })
}

fn canceled(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Cancel(_))).count()
}

// ------------------------------------------------------------------------------------------------------ pairing

#[test]
fn a_fill_closes_the_oldest_trade_of_its_owner_first_and_only_the_rest_opens() {
    let mut desk = desk();
    open(&mut desk, 2, TradeSide::Long, "2", "100", "maker");
    open(&mut desk, 0, TradeSide::Long, "3", "101", "maker");
    open(&mut desk, 3, TradeSide::Long, "4", "90", "other");
    let ask = quote(&mut desk, 1, TradeSide::Short, "6", "maker");
    desk.fill(&ask, "pairs", "4", "105");
    assert_eq!(sizes(&desk), ["1", "0", "0", "4", "0", "5", "0"]);
    assert_eq!((desk.money(2).0, desk.money(0).0), ("10".to_owned(), "8".to_owned()), "2 × 5, 2 × 4");
    assert_eq!((desk.stage(2), reason(&desk, 2)), (TradeStage::Closed, "NETTED".to_owned()));
    assert_eq!((desk.stage(0), desk.stage(1)), (TradeStage::PositionOpen, TradeStage::EntryWorking));
    assert_eq!(desk.kernel.slots()[1].initial.0, 0, "nothing of it has opened");
    desk.fill(&ask, "opens", "2", "106");
    assert_eq!(sizes(&desk), ["0", "-1", "0", "4", "0", "3", "0"]);
    assert_eq!((desk.stage(0), desk.money(0).0), (TradeStage::Closed, "13".to_owned()));
    assert_eq!((desk.stage(1), entry_price(&desk, 1)), (TradeStage::PositionOpen, "106".to_owned()));
    desk.assert_replays();
}

#[test]
fn the_slots_profits_and_the_books_differ_by_what_lies_between_slots() {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "2", "100", "");
    open(&mut desk, 1, TradeSide::Short, "2", "110", "");
    assert_eq!(sizes(&desk), ["0", "0", "0", "0", "0", "0", "0"], "trades without an owner are of one");
    assert_eq!((desk.gross(), desk.balance(Account::InterSlot)), ("10020".to_owned(), "0".to_owned()));
    // The fill's own slot pays its fee.
    assert_eq!((desk.money(0).1, desk.money(1).1), ("0.1".to_owned(), "0.11".to_owned()));
}

#[test]
fn an_entry_that_only_closed_others_ends_its_trade_at_once() {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "2", "100", "");
    let ask = quote(&mut desk, 1, TradeSide::Short, "1", "");
    desk.fill(&ask, "all-of-it", "1", "110");
    assert_eq!((desk.stage(1), reason(&desk, 1)), (TradeStage::Closed, "NETTED".to_owned()));
    let last = desk.effects.transitions.last().expect("the slot moved");
    assert_eq!(
        (last.slot_id, last.trigger, last.next_state),
        (1, Symbol::EntryEndedFlat, TradeStage::Closed)
    );
    assert!(desk.enter(1, "1").accepted, "the slot is free again");
    desk.assert_replays();
}

#[test]
fn a_trade_that_was_closed_has_its_exits_called_off_and_keeps_its_quote() {
    let mut desk = desk();
    let bid = quote(&mut desk, 0, TradeSide::Long, "5", "");
    desk.fill(&bid, "bid-1", "2", "100");
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    // An exit asks for the entry's end: that is on its way here, and the venue says no.
    let stop = desk.submitted();
    desk.event(Kind::CancelReject, &bid, |_| {});
    desk.ack(&stop, "V-stop");
    let ask = quote(&mut desk, 1, TradeSide::Short, "2", "");
    desk.fill(&ask, "pairs", "2", "103");
    assert_eq!((desk.stage(0), canceled(&desk)), (TradeStage::ExitWorking, 1), "the stop is called off");
    assert!(!desk.kernel.slots()[0].unprotected);
    desk.event(Kind::CancelAck, &stop, |_| {});
    assert_eq!((desk.stage(0), reason(&desk, 0)), (TradeStage::EntryWorking, "NETTED".to_owned()));
    desk.fill(&bid, "bid-2", "3", "99");
    assert_eq!((desk.stage(0), reason(&desk, 0)), (TradeStage::PositionOpen, String::new()));
    desk.assert_replays();
}

#[test]
fn a_trade_that_was_closed_in_part_has_its_exits_cut() {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "5", "100", "");
    for (size, price) in [("2", "110"), ("3", "120")] {
        desk.intent(Action::Exit, 0, |intent| {
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec(price));
            intent.target_size = Some(dec(size));
        });
        let exit = desk.submitted();
        desk.ack(&exit, &format!("V{size}-exit"));
    }
    open(&mut desk, 1, TradeSide::Short, "4", "105", "");
    assert_eq!(sizes(&desk)[0], "1");
    let cut: Vec<Decimal> = desk
        .effects
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Amend(request) => Some(request.size),
            Command::Submit(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
        })
        .collect();
    assert_eq!((cut, canceled(&desk)), (vec![dec("1.000")], 1), "the older keeps 1, the newer goes");
}

#[test]
fn an_exit_in_flight_of_a_closed_trade_fills_for_nobody() {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "2", "100", "");
    desk.exit(0);
    let exit = desk.submitted();
    open(&mut desk, 1, TradeSide::Short, "2", "103", "");
    desk.fill(&exit, "too-late", "2", "102");
    assert_eq!(sizes(&desk), ["0", "0", "0", "0", "0", "-2", "-2"]);
    assert_eq!((desk.stage(0), desk.money(0).0), (TradeStage::Closed, "6".to_owned()));
}

#[test]
fn a_late_fill_of_an_entry_pairs_off_too() {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "2", "100", "");
    let ask = quote(&mut desk, 1, TradeSide::Short, "3", "");
    desk.cancel(1);
    desk.event(Kind::CancelAck, &ask, |_| {});
    assert_eq!((desk.stage(1), reason(&desk, 1)), (TradeStage::Closed, "CANCELED".to_owned()));
    desk.fill(&ask, "late-1", "1", "104");
    assert_eq!(
        (sizes(&desk)[..2].to_vec(), desk.stage(1)),
        (vec!["1".to_owned(), "0".to_owned()], TradeStage::Closed)
    );
    desk.fill(&ask, "late-2", "2", "104");
    assert_eq!(
        (sizes(&desk)[..2].to_vec(), desk.stage(1)),
        (vec!["0".to_owned(), "-1".to_owned()], TradeStage::PositionOpen)
    );
    desk.assert_replays();
}

#[test]
fn an_orphans_fill_pairs_with_nobody() {
    let mut desk = desk();
    let ask = quote(&mut desk, 1, TradeSide::Short, "1", "");
    desk.cancel(1);
    desk.event(Kind::CancelAck, &ask, |_| {});
    open(&mut desk, 1, TradeSide::Long, "2", "100", "");
    desk.fill(&ask, "orphan", "1", "104");
    assert_eq!(sizes(&desk), ["0", "2", "0", "0", "0", "1", "-1"]);
}

// --------------------------------------------------------------------------------------------- taken back again

/// Slots 0 and 2 were closed by a fill of 7 at 110 in slot 1, of which 2 have opened.
fn paired() -> (Desk, Id) {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "2", "100", "");
    open(&mut desk, 2, TradeSide::Long, "3", "104", "");
    let ask = quote(&mut desk, 1, TradeSide::Short, "7", "");
    desk.fill(&ask, "pairs", "7", "110");
    assert_eq!(sizes(&desk), ["0", "-2", "0", "0", "0", "-2", "0"]);
    assert_eq!((desk.money(0).0, desk.money(2).0), ("20".to_owned(), "18".to_owned()));
    (desk, ask)
}

#[test]
fn a_bust_gives_back_what_was_closed() {
    let (mut desk, ask) = paired();
    assert!(revise(&mut desk, Kind::TradeBust, &ask, "pairs", None, None).accepted);
    assert_eq!(sizes(&desk), ["2", "0", "3", "0", "0", "5", "0"]);
    assert_eq!(
        (desk.stage(0), desk.stage(1), desk.stage(2)),
        (TradeStage::PositionOpen, TradeStage::Closed, TradeStage::PositionOpen)
    );
    assert_eq!((entry_price(&desk, 0), entry_price(&desk, 2)), ("100".to_owned(), "104".to_owned()));
    assert_eq!(
        (desk.money(0).0, desk.money(2).0, reason(&desk, 0)),
        ("0".to_owned(), "0".to_owned(), String::new())
    );
    assert_eq!((desk.gross(), desk.balance(Account::InterSlot)), ("10000".to_owned(), "0".to_owned()));
    desk.assert_replays();
}

#[test]
fn a_correction_takes_back_what_opened_first_and_then_the_newest_pair() {
    let (mut desk, ask) = paired();
    assert!(revise(&mut desk, Kind::TradeCorrect, &ask, "pairs", Some("4"), None).accepted);
    assert_eq!(sizes(&desk), ["0", "0", "1", "0", "0", "1", "0"]);
    assert_eq!((desk.money(0).0, desk.money(2).0), ("20".to_owned(), "12".to_owned()), "2 of 3 stay closed");
    assert_eq!((desk.stage(1), desk.stage(2)), (TradeStage::Closed, TradeStage::PositionOpen));
    desk.assert_replays();
}

#[test]
fn a_corrected_price_is_the_closed_trades_too() {
    let (mut desk, ask) = paired();
    assert!(revise(&mut desk, Kind::TradeCorrect, &ask, "pairs", None, Some("108")).accepted);
    assert_eq!(
        (desk.money(0).0, desk.money(2).0, entry_price(&desk, 1)),
        ("16".to_owned(), "12".to_owned(), "108".to_owned())
    );
    desk.exit(1);
    let exit = desk.submitted();
    desk.fill(&exit, "out", "2", "107");
    // 16 + 12 + 2 in the slots, and so much in the wallet.
    assert_eq!(
        (desk.money(1).0, desk.gross(), desk.balance(Account::InterSlot)),
        ("2".to_owned(), "10030".to_owned(), "0".to_owned())
    );
}

#[test]
fn what_a_bust_takes_from_a_trade_whose_slot_goes_on_is_nobodys() {
    let (mut desk, ask) = paired();
    open(&mut desk, 0, TradeSide::Short, "1", "100", "");
    assert!(revise(&mut desk, Kind::TradeBust, &ask, "pairs", None, None).accepted);
    assert_eq!(sizes(&desk), ["-1", "0", "3", "0", "0", "4", "2"]);
}

#[test]
fn a_fill_that_a_total_told_of_gets_its_price_in_the_closed_trades() {
    let mut desk = desk();
    open(&mut desk, 0, TradeSide::Long, "2", "100", "");
    let ask = quote(&mut desk, 1, TradeSide::Short, "3", "");
    desk.event(Kind::OrderStatus, &ask, |event| {
        event.status = Some(Status::PartiallyFilled);
        event.filled_size = Some(dec("3"));
    });
    assert_eq!(
        (sizes(&desk)[..2].to_vec(), desk.money(0).0),
        (vec!["0".to_owned(), "-1".to_owned()], "0".to_owned())
    );
    desk.fill_to(&ask, "real-1", "1", "110", "3");
    assert_eq!(desk.money(0).0, "10", "the first unit closed");
    desk.fill_to(&ask, "real-2", "2", "120", "3");
    assert_eq!((desk.money(0).0, entry_price(&desk, 1)), ("30".to_owned(), "120".to_owned()));
    desk.assert_replays();
}
