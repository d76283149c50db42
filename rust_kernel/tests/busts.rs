//! Trades taken back, corrected, and forced: what they do to order, position, money and stage.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, RareFields, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::{Account, Cause};
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderSide, OrderType, PositionSide, Product, Severity, TradeSide, TradeStage as Stage,
    VenueOrderStatus as Status,
};
use dita_kernel::outcome::{Detail, Outcome};

fn revise(
    desk: &mut Desk,
    kind: Kind,
    reference: &str,
    own: &str,
    change: impl FnOnce(&mut VenueEvent),
) -> Outcome {
    let (reference, own) = (id(reference), id(own));
    desk.later();
    desk.event(kind, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.event_id = own;
        event.rare = Some(Box::new(RareFields { ref_trade_id: reference, ..RareFields::default() }));
        change(event);
    })
}

fn bust(desk: &mut Desk, reference: &str) -> Outcome {
    revise(desk, Kind::TradeBust, reference, "", |_| {})
}

fn correct(desk: &mut Desk, reference: &str, own: &str, size: &str, price: &str) -> Outcome {
    let (size, price) = (dec(size), dec(price));
    revise(desk, Kind::TradeCorrect, reference, own, |event| {
        event.size = Some(size);
        event.price = Some(price);
    })
}

/// Slot 0 bought 1 at 100 (T1) and 1 at 110 (T2).
fn bought() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    desk.fill(&entry, "T2", "1", "110");
    (desk, entry)
}

/// The same, and 1 sold at 120 (T3): 15 gained.
fn half_sold() -> (Desk, Id) {
    let (mut desk, _) = bought();
    desk.exit_size(0, "1");
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    desk.fill(&exit, "T3", "1", "120");
    (desk, exit)
}

/// size, initial, cost, realised, K before fees
fn figures(desk: &Desk) -> (String, String, String, String, String) {
    let slot = desk.kernel.slot(0).unwrap();
    let rules = &desk.kernel.instruments()[0];
    let k = desk.kernel.ledger().balance(0, Account::Wallet) + desk.kernel.ledger().balance(0, Account::Fees);
    (
        desk.size(0),
        rules.qty_decimal(slot.initial).to_string(),
        slot.basis.cost.to_string(),
        slot.realized.to_string(),
        k.to_string(),
    )
}

fn figures_are(desk: &Desk, want: [&str; 5], what: &str) {
    let have = figures(desk);
    assert_eq!([&*have.0, &*have.1, &*have.2, &*have.3, &*have.4], want, "{what}");
    assert_eq!(desk.kernel.book(0)[0].qty, desk.kernel.slot(0).unwrap().basis.qty, "{what}");
}

#[test]
fn a_busted_entry_leaves_position_and_money() {
    let (mut desk, entry) = bought();
    let outcome = bust(&mut desk, "T1");
    assert_eq!(
        (outcome.code, outcome.severity, outcome.state),
        (Code::Ok, Severity::Warning, Some(Stage::PositionOpen))
    );
    figures_are(&desk, ["1.000", "1.000", "110", "0", "1000"], "half is left, at its own cost");
    assert_eq!(desk.balance(Account::Fees), "0.055", "the fee came back");
    let order = desk.kernel.orders().at(desk.kernel.orders().by_client_id(&entry).unwrap());
    assert_eq!((order.status, order.remaining().0), (Status::Filled, 0), "what ended stays ended");
    assert_eq!(bust(&mut desk, "T1").code, Code::DuplicateEvent);
    assert_eq!(desk.fill(&entry, "T1", "1", "100").code, Code::DuplicateEvent, "its fill is no news either");
    assert_eq!(desk.settled("T1", "0", "0.05").code, Code::DuplicateEvent, "nor is its settlement");
    assert_eq!(bust(&mut desk, "T2").state, Some(Stage::Closed));
    figures_are(&desk, ["0.000", "0.000", "0", "0", "1000"], "nothing has happened");
    assert_eq!((desk.k().as_str(), desk.kernel.slot(0).unwrap().close_reason.as_str()), ("1000", "BUSTED"));
    assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fills, 0);
    assert!(desk.enter(0, "1").accepted, "the slot is free");
    desk.assert_replays();
}

#[test]
fn a_busted_exit_brings_the_position_back_at_its_cost() {
    let (mut desk, _) = half_sold();
    figures_are(&desk, ["1.000", "2.000", "105", "15", "1015"], "before");
    bust(&mut desk, "T3");
    figures_are(&desk, ["2.000", "2.000", "210", "0", "1000"], "after");
    let causes: Vec<_> = desk.kernel.ledger().recent().map(|t| t.cause).collect();
    assert!(causes.ends_with(&[Cause::TradeBusted, Cause::TradeBusted]), "fee and profit: {causes:?}");
    // A closed slot takes its position back too.
    let (mut desk, _) = bought();
    desk.exit(0);
    let exit = desk.submitted();
    assert_eq!(desk.fill(&exit, "T3", "2", "120").state, Some(Stage::Closed));
    let outcome = bust(&mut desk, "T3");
    assert_eq!(
        (outcome.state, desk.kernel.slot(0).unwrap().close_reason.as_str()),
        (Some(Stage::PositionOpen), "")
    );
    figures_are(&desk, ["2.000", "2.000", "210", "0", "1000"], "reopened");
    desk.assert_replays();
}

#[test]
fn an_entry_busted_after_a_part_was_sold() {
    let (mut desk, _) = half_sold();
    bust(&mut desk, "T2");
    // The slot: bought 1 at 100, sold it at 120. The book took 110 out of 105 and realised what was left, -(-5).
    figures_are(&desk, ["0.000", "1.000", "0", "20", "1020"], "slot and wallet agree");
    assert_eq!((desk.stage(0), desk.balance(Account::InterSlot)), (Stage::Closed, "0".into()));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_correction_makes_a_trade_another_one() {
    for (reference, size, price, want, what) in [
        ("T1", "1",   "102", ["1.000", "2.000", "106", "14", "1010"], "an entry dearer: taken back from what is held, and bought anew"),
        ("T2", "0.5", "110", ["0.500", "1.500", "51.666666666666666667", "16.666666666666666667", "1020"], "an entry smaller"),
        ("T2", "0",   "110", ["0.000", "1.000", "0", "20", "1020"],   "to nothing is a bust"),
        ("T3", "1",   "125", ["1.000", "2.000", "105", "20", "1020"], "an exit better"),
        ("T3", "0.5", "120", ["1.500", "2.000", "157.5", "7.5", "1007.5"], "an exit smaller"),
        ("T3", "2",   "120", ["0.000", "2.000", "0", "30", "1030"],   "an exit larger"),
    ] {
        let (mut desk, _) = half_sold();
        let outcome = correct(&mut desk, reference, "C1", size, price);
        assert!(outcome.accepted, "{what}");
        figures_are(&desk, want, what);
        assert_eq!(correct(&mut desk, reference, "C1", size, price).code, Code::DuplicateEvent, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_correction_has_an_id_of_its_own_and_can_be_corrected() {
    let (mut desk, _) = half_sold();
    correct(&mut desk, "T3", "C1", "1", "125");
    correct(&mut desk, "C1", "C2", "1", "130");
    figures_are(&desk, ["1.000", "2.000", "105", "25", "1025"], "corrected twice");
    assert_eq!(correct(&mut desk, "T3", "C1", "1", "125").code, Code::DuplicateEvent, "the first one again");
    figures_are(&desk, ["1.000", "2.000", "105", "25", "1025"], "moves nothing");
    bust(&mut desk, "C2");
    figures_are(&desk, ["2.000", "2.000", "210", "0", "1000"], "and busted");
    correct(&mut desk, "T3", "C3", "1", "120");
    figures_are(&desk, ["1.000", "2.000", "105", "15", "1015"], "and brought back");
    desk.assert_replays();
}

#[test]
fn a_correction_may_bring_the_fee() {
    let (mut desk, _) = bought();
    assert_eq!(desk.balance(Account::Fees), "0.105");
    correct(&mut desk, "T2", "C1", "1", "120");
    assert_eq!(desk.balance(Account::Fees), "0.11", "predicted again");
    revise(&mut desk, Kind::TradeCorrect, "C1", "C2", |event| event.fee = Some(dec("0.01")));
    assert_eq!(desk.balance(Account::Fees), "0.06", "told");
    assert_eq!(desk.kernel.slot(0).unwrap().fees.to_string(), "0.06");
    assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fills, 1);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn what_cannot_be_booked_is_refused_by_name() {
    for (kind, reference, size, price, field) in [
        (Kind::TradeBust,    "T9", "1",  "1",   "ref_trade_id"),
        (Kind::TradeCorrect, "T9", "1",  "1",   "ref_trade_id"),
        (Kind::TradeBust,    "",   "1",  "1",   "ref_trade_id"),
        (Kind::TradeCorrect, "T1", "-1", "100", "size"),
        (Kind::TradeCorrect, "T1", "1",  "0",   "price"),
        (Kind::TradeCorrect, "T1", "1",  "-5",  "price"),
    ] {
        let (mut desk, _) = bought();
        let outcome = revise(&mut desk, kind, reference, "C1", |event| {
            event.size = Some(dec(size));
            event.price = Some(dec(price));
        });
        assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired), "{kind} {field}");
        let Detail::Field { field: named, .. } = outcome.detail else { panic!("{kind}: no field") };
        assert_eq!(named, field, "{kind}");
    }
}

#[test]
fn an_order_works_again_where_the_venue_says_so() {
    let (mut desk, entry) = bought();
    let outcome = revise(&mut desk, Kind::TradeBust, "T2", "", |event| event.remaining_size = Some(dec("1")));
    assert_eq!(outcome.state, Some(Stage::EntryWorking));
    assert_eq!(desk.fill(&entry, "T4", "1", "108").state, Some(Stage::PositionOpen));
    figures_are(&desk, ["2.000", "2.000", "208", "0", "1000"], "filled again");
    // The exit of a closed trade.
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T5", "2", "110");
    let outcome = revise(&mut desk, Kind::TradeBust, "T5", "", |event| event.status = Some(Status::Acked));
    assert_eq!(outcome.state, Some(Stage::ExitWorking));
    assert_eq!(desk.fill(&exit, "T6", "2", "111").state, Some(Stage::Closed));
    figures_are(&desk, ["0.000", "2.000", "0", "14", "1014"], "and out again");
    desk.assert_replays();
}

#[test]
fn a_bust_under_a_working_exit_takes_the_exit_back() {
    let (mut desk, _) = bought();
    desk.exit(0);
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    bust(&mut desk, "T1");
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Amend(_)]), "it is cut to what is left");
    assert_eq!(bust(&mut desk, "T2").state, Some(Stage::ExitWorking));
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]));
    assert_eq!(desk.event(Kind::CancelAck, &exit, |_| {}).state, Some(Stage::Closed));
    desk.assert_replays();
}

#[test]
fn a_bust_after_the_slot_was_reused_is_nobodys() {
    let (mut desk, _) = bought();
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T3", "2", "110");
    desk.open(0, "1", "100");
    let outcome = bust(&mut desk, "T3");
    assert!(outcome.accepted);
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::OrphanFill));
    assert_eq!((desk.size(0), desk.book()), ("1.000".into(), ("3.000".into(), "2.000".into())));
    desk.assert_replays();
}

#[test]
fn a_strangers_fill_is_busted_where_it_lies_and_does_not_come_back() {
    let mut desk = Desk::new();
    let stranger = |desk: &mut Desk| {
        desk.event(Kind::FullFill, &id("stranger"), |event| {
            event.asset = id("BTCUSDT");
            event.order_side = Some(OrderSide::Buy);
            event.venue_trade_id = id("T1");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
        })
    };
    stranger(&mut desk);
    assert_eq!(desk.book(), ("1.000".into(), "1.000".into()));
    bust(&mut desk, "T1");
    assert_eq!((desk.book(), desk.k()), (("0.000".into(), "0.000".into()), "1000".into()));
    assert_eq!(stranger(&mut desk).code, Code::DuplicateEvent);
    desk.assert_replays();
}

#[test]
fn a_trade_id_that_means_two_fills_needs_its_order() {
    // A self-trade: both halves have one id.
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T1", "1", "100");
    let outcome = bust(&mut desk, "T1");
    assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired));
    let outcome =
        revise(&mut desk, Kind::TradeBust, "T1", "", |event| event.order_side = Some(OrderSide::Sell));
    assert_eq!(outcome.state, Some(Stage::PositionOpen));
    desk.assert_replays();
}

#[test]
fn a_flipping_fill_goes_back_with_both_its_parts() {
    let (mut desk, _) = bought();
    desk.exit(0);
    let exit = desk.submitted();
    assert_eq!(desk.fill(&exit, "T3", "3", "120").code, Code::Overfill);
    assert_eq!(desk.book(), ("-1.000".into(), "-1.000".into()));
    bust(&mut desk, "T3");
    assert_eq!(desk.book(), ("2.000".into(), "0.000".into()));
    figures_are(&desk, ["2.000", "2.000", "210", "0", "1000"], "as before");
    desk.assert_replays();
}

#[test]
fn a_busted_spot_trade_returns_both_assets() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = Product::Spot;
    spec.taker_rate = dec("0.001");
    let mut desk = Desk::over(spec, &[("USDT", "1000")], "100");
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    let wallets =
        |desk: &Desk| (desk.balance_of("USDT", Account::Wallet), desk.balance_of("BTC", Account::Wallet));
    assert_eq!(wallets(&desk), ("900".into(), "0.999".into()), "a fee in base");
    let outcome = bust(&mut desk, "T1");
    assert_eq!((outcome.state, wallets(&desk)), (Some(Stage::Closed), ("1000".into(), "0".into())));
    assert_eq!(desk.balance_of("USDT", Account::Inventory), "0");
    desk.assert_replays();
}

// ------------------------------------------------------------------------------------------------ forced fills

fn forced(desk: &mut Desk, kind: Kind, trade: &str, size: &str, price: &str) -> Outcome {
    let (trade, size, price) = (id(trade), dec(size), dec(price));
    desk.event(kind, &id("autoclose-1"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Sell);
        event.venue_trade_id = trade;
        event.size = Some(size);
        event.price = Some(price);
    })
}

#[test]
fn a_liquidation_takes_the_slots_in_order_and_then_what_is_nobodys() {
    // Sequence 19: no order id of ours, and the wallet was told before.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.open(1, "2", "110");
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("120"));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "VX");
    desk.account(AccountEventKind::AccountUpdate, |event| event.wallet_balance = Some(dec("900")));
    let outcome = forced(&mut desk, Kind::Liquidation, "L1", "2", "80");
    assert_eq!((outcome.accepted, outcome.severity), (true, Severity::Critical));
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]), "slot 0's exit");
    assert_eq!((desk.size(0), desk.size(1), desk.book().0), ("0.000".into(), "1.000".into(), "1.000".into()));
    let slot = desk.kernel.slot(0).unwrap();
    assert_eq!((slot.realized.to_string(), slot.close_reason.as_str()), ("-20".into(), "LIQUIDATION"));
    assert_eq!(desk.kernel.slot(1).unwrap().realized.to_string(), "-30");
    // The book's average is 320 / 3; the slots' own costs were 100 and 110.
    assert_eq!(desk.balance(Account::InterSlot), "3.333333333333333333");
    assert_eq!(desk.event(Kind::CancelAck, &exit, |_| {}).state, Some(Stage::Closed));
    assert_eq!(desk.kernel.slot(0).unwrap().close_reason, id("LIQUIDATION"), "not the exit's");
    assert_eq!(forced(&mut desk, Kind::Liquidation, "L1", "2", "80").code, Code::DuplicateEvent);
    // More than the slots hold is nobody's.
    forced(&mut desk, Kind::Adl, "L2", "1.5", "80");
    assert_eq!((desk.stage(1), desk.book()), (Stage::Closed, ("-0.500".into(), "-0.500".into())));
    assert_eq!(desk.kernel.slot(1).unwrap().close_reason, id("ADL"));
    desk.assert_replays();
}

#[test]
fn a_liquidation_of_an_order_of_ours_is_its_fill() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    let outcome = desk.event(Kind::Liquidation, &exit, |event| {
        event.venue_trade_id = id("L1");
        event.size = Some(dec("1"));
        event.price = Some(dec("80"));
    });
    assert_eq!((outcome.severity, outcome.state), (Severity::Critical, Some(Stage::Closed)));
    assert_eq!(desk.book(), ("0.000".into(), "0.000".into()));
    desk.assert_replays();
}

#[test]
fn a_forced_fill_says_its_side_by_what_it_closes() {
    let mut desk = Desk::with(KernelConfig { hedge_mode: true, ..KernelConfig::default() });
    desk.open(0, "1", "100");
    desk.enter_side(1, TradeSide::Short, "1");
    let short = desk.submitted();
    desk.fill(&short, "S1", "1", "100");
    desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.position_side = Some(PositionSide::Short);
        event.event_id = id("E1");
        event.size = Some(dec("1"));
        event.price = Some(dec("130"));
    });
    assert_eq!((desk.stage(0), desk.stage(1)), (Stage::PositionOpen, Stage::Closed));
    assert_eq!(desk.kernel.slot(1).unwrap().realized.to_string(), "-30");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_forced_fill_that_says_too_little_is_refused() {
    for (asset, trade, size, field) in [
        ("NOPE",    "L1", Some("1"), "asset"),
        ("BTCUSDT", "",   Some("1"), "venue_trade_id"),
        ("BTCUSDT", "L1", None,      "size"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let outcome = desk.event(Kind::Adl, &Id::EMPTY, |event| {
            event.asset = id(asset);
            event.venue_trade_id = id(trade);
            event.size = size.map(dec);
        });
        let Detail::Field { field: named, .. } = outcome.detail else { panic!("no field") };
        assert_eq!((outcome.accepted, named), (false, field));
    }
}

#[test]
fn an_order_is_asked_about_when_its_bust_comes_before_its_fill() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    let outcome = revise(&mut desk, Kind::TradeBust, "T1", "", |event| event.venue_order_id = id("V1"));
    assert_eq!(outcome.code, Code::Ok);
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Query(_)]), "does it work on without?");
    // The fill that it was about moves nothing; that the order is over, the answer tells.
    assert_eq!(desk.fill_to(&entry, "T1", "1", "100", "1").code, Code::DuplicateEvent);
    let outcome = desk.event(Kind::OrderStatus, &entry, |event| {
        event.status = Some(Status::Filled);
        event.filled_size = Some(dec("0"));
    });
    assert_eq!((outcome.state, desk.size(0).as_str()), (Some(Stage::Closed), "0.000"));
    desk.assert_replays();
}

#[test]
fn a_correction_that_a_total_told_before_adds_nothing() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    desk.event(Kind::OrderStatus, &entry, |event| {
        event.status = Some(Status::Filled);
        event.filled_size = Some(dec("1.5"));
    });
    assert_eq!(desk.size(0), "1.500", "inferred");
    correct(&mut desk, "T1", "C1", "1.5", "100");
    assert_eq!((desk.size(0).as_str(), desk.k().as_str()), ("1.500", "999.925"), "a predicted fee on 150");
    let order = desk.kernel.orders().at(desk.kernel.orders().by_client_id(&entry).unwrap());
    assert!(order.inferred.is_zero());
    desk.assert_replays();
}
