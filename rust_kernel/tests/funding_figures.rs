//! Funding, figure by figure: the price that values a boundary, who bears what, and which boundaries a late fill
//! touches. Each was wrong in some way that no other test saw (mutation testing).

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::funding::{boundary_after, share_of};
use dita_kernel::input::{FundingTerms, Input, InstrumentSpec};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, TradeSide,
};
use dita_kernel::num::{Money, Qty};
use dita_kernel::outcome::Outcome;

const HOUR: i64 = 3_600_000_000_000;

fn terms(desk: &mut Desk, change: impl FnOnce(&mut FundingTerms)) -> Outcome {
    let mut terms = funding_terms("BTCUSDT", "0.0001");
    change(&mut terms);
    desk.put(Input::Funding(Box::new(terms)))
}

fn pass(desk: &mut Desk, to: i64) {
    desk.now = to - 1;
    assert!(desk.put(Input::Time).accepted);
}

fn net(desk: &Desk) -> String {
    (-desk.kernel.ledger().balance(0, Account::Funding)).to_string()
}

fn predictions(desk: &Desk) -> Vec<(i64, bool, bool)> {
    let row = desk.kernel.funding().row(0).expect("terms came");
    row.predictions.iter().map(|one| (one.boundary_ns / HOUR, one.is_flat(), one.is_open())).collect()
}

fn late_fill(desk: &mut Desk, slot: u32, size: &str, at: i64) {
    desk.enter(slot, size);
    let order = desk.submitted();
    desk.event(Kind::PartialFill, &order, |event| {
        event.timestamp_ns = at;
        event.venue_trade_id = id(&format!("late-{slot}"));
        event.size = Some(dec(size));
        event.price = Some(dec("100"));
    });
}

fn paid(desk: &mut Desk, amount: &str, at: i64) {
    let outcome = desk.account(AccountEventKind::FundingFee, |event| {
        event.timestamp_ns = at;
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(&format!("F{at}"));
    });
    assert_eq!(outcome.code, Code::Ok);
}

#[test]
#[rustfmt::skip]
fn the_price_that_the_venue_told_values_the_boundary() {
    for (told, code, amount, what) in [
        (Some("110"),     Code::Ok,            "-0.022", "not the mark, which is 100"),
        (None,            Code::Ok,            "-0.02",  "the mark where none was told"),
        (Some("0"),       Code::InvalidIntent, "0",      "no price"),
        (Some("-1"),      Code::InvalidIntent, "0",      "no price either"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "2", "100");
        let outcome = terms(&mut desk, |terms| terms.mark_price = told.map(dec));
        assert_eq!(outcome.code, code, "{what}");
        pass(&mut desk, 8 * HOUR);
        assert_eq!(net(&desk), amount, "{what}");
        pass(&mut desk, 16 * HOUR);
        let both = if code == Code::Ok { dec(amount).to_string() } else { "0".into() };
        let second = if code == Code::Ok { "-0.02" } else { "0" };
        let sum = Money::from_decimal(dec(&both)).unwrap() + Money::from_decimal(dec(second)).unwrap();
        assert_eq!(net(&desk), sum.to_string(), "{what}: and of that boundary alone");
        desk.assert_replays();
    }
}

#[test]
fn a_boundary_that_is_told_stays_until_another_is() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    terms(&mut desk, |terms| terms.next_boundary_ns = Some(3 * HOUR));
    terms(&mut desk, |terms| terms.rate = Some(dec("0.0002")));
    pass(&mut desk, 3 * HOUR - 1);
    assert_eq!(net(&desk), "0");
    pass(&mut desk, 3 * HOUR);
    assert_eq!(net(&desk), "-0.04", "at the new rate, at the boundary that was told");
}

#[test]
fn terms_that_come_on_their_boundary_come_too_late_for_it() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    desk.now = HOUR - 1;
    terms(&mut desk, |terms| terms.next_boundary_ns = Some(HOUR));
    pass(&mut desk, 2 * HOUR);
    assert_eq!(net(&desk), "0", "nobody knows with which position it was crossed");
    pass(&mut desk, 9 * HOUR);
    assert_eq!(net(&desk), "-0.02");
}

#[test]
fn a_boundary_without_a_position_is_kept_until_the_next_one() {
    let mut desk = Desk::new();
    terms(&mut desk, |_| ());
    pass(&mut desk, 24 * HOUR);
    assert_eq!(predictions(&desk), [(24, true, false)]);
    desk.open(0, "2", "100");
    pass(&mut desk, 32 * HOUR);
    pass(&mut desk, 40 * HOUR);
    assert_eq!(predictions(&desk), [(32, false, true), (40, false, true)]);
    paid(&mut desk, "-0.02", 32 * HOUR);
    assert_eq!(predictions(&desk), [(32, false, false), (40, false, true)]);
    // At a rate of zero a position pays nothing, and the venue may book something all the same.
    terms(&mut desk, |terms| terms.rate = Some(dec("0")));
    pass(&mut desk, 48 * HOUR);
    pass(&mut desk, 56 * HOUR);
    let boundaries: Vec<i64> = predictions(&desk).iter().map(|one| one.0).collect();
    assert_eq!(boundaries, [32, 40, 48, 56]);
    desk.assert_replays();
}

#[test]
fn a_boundary_that_moves_money_is_a_booking_in_the_wallet() {
    let mut desk = Desk::new();
    terms(&mut desk, |_| ());
    desk.open(0, "2", "100");
    pass(&mut desk, 8 * HOUR);
    assert_eq!(desk.kernel.assets()[0].exchange.booked_time_ns, 8 * HOUR);
}

#[test]
fn a_slot_of_another_instrument_bears_nothing() {
    let mut desk = Desk::new();
    let other = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    assert!(desk.put(Input::Instrument(Box::new(other))).accepted);
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("50"), venue_time_ns: 0, ages: false });
    terms(&mut desk, |_| ());
    desk.open(0, "2", "100");
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 1, |intent| {
        intent.asset = id("ETHUSDT");
        intent.target_size = Some(dec("2"));
    });
    let order = desk.submitted();
    desk.fill(&order, "E1", "2", "50");
    pass(&mut desk, 8 * HOUR);
    assert_eq!((net(&desk), desk.money(0).2, desk.money(1).2), ("-0.02".into(), "-0.02".into(), "0".into()));
    paid(&mut desk, "-0.03", 8 * HOUR);
    assert_eq!((desk.money(0).2, desk.money(1).2), ("-0.03".into(), "0".into()));
    desk.assert_replays();
}

#[test]
fn what_the_venue_booked_beside_the_prediction_is_shared_by_size() {
    let mut desk = Desk::new();
    terms(&mut desk, |_| ());
    for (slot, size) in [(0, "1"), (1, "3")] {
        desk.open(slot, size, "100");
    }
    pass(&mut desk, 8 * HOUR);
    assert_eq!((desk.money(0).2, desk.money(1).2), ("-0.01".into(), "-0.03".into()));
    paid(&mut desk, "-0.048", 8 * HOUR);
    assert_eq!((desk.money(0).2, desk.money(1).2), ("-0.012".into(), "-0.036".into()));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_late_fill_changes_the_open_boundaries_after_it_and_no_other() {
    // 2 long over the boundaries of 08:00 and 16:00; the venue has booked the first where it says so.
    for (settled, at, first, second, what) in [
        (false, 7,  "-0.03", "-0.03", "before both"),
        (false, 9,  "-0.02", "-0.03", "between them"),
        (false, 17, "-0.02", "-0.02", "after both"),
        (true,  7,  "-0.02", "-0.03", "what is settled stands"),
        (true,  9,  "-0.02", "-0.03", "and the other one does not"),
    ] {
        let mut desk = Desk::new();
        terms(&mut desk, |_| ());
        desk.open(0, "2", "100");
        pass(&mut desk, 8 * HOUR);
        pass(&mut desk, 16 * HOUR);
        if settled {
            paid(&mut desk, "-0.02", 8 * HOUR);
        }
        desk.now = 18 * HOUR;
        late_fill(&mut desk, 1, "1", at * HOUR);
        let row = desk.kernel.funding().row(0).unwrap();
        let booked: Vec<String> = row.predictions.iter().map(|one| one.booked.to_string()).collect();
        assert_eq!(booked, [first, second], "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_fill_without_a_time_changes_no_boundary() {
    let mut desk = Desk::new();
    terms(&mut desk, |_| ());
    desk.open(0, "2", "100");
    pass(&mut desk, 8 * HOUR);
    late_fill(&mut desk, 1, "1", 0);
    assert_eq!(
        (desk.size(1).as_str(), net(&desk).as_str()),
        ("1.000", "-0.02"),
        "nobody knows that it was before"
    );
}

#[test]
fn late_fills_of_one_trade_are_one_part_of_the_boundary() {
    let mut desk = Desk::new();
    terms(&mut desk, |_| ());
    desk.enter(0, "4");
    let order = desk.submitted();
    desk.fill(&order, "T1", "1", "100");
    pass(&mut desk, 8 * HOUR);
    for (trade, size) in [("T2", "1"), ("T3", "2")] {
        desk.event(Kind::PartialFill, &order, |event| {
            event.timestamp_ns = 8 * HOUR - 1;
            event.venue_trade_id = id(trade);
            event.size = Some(dec(size));
            event.price = Some(dec("100"));
        });
    }
    let prediction = &desk.kernel.funding().row(0).unwrap().predictions[0];
    let rules = &desk.kernel.instruments()[0];
    let shares: Vec<(u32, String)> = prediction
        .shares
        .iter()
        .map(|share| (share.slot_id, rules.qty_decimal(share.qty).to_string()))
        .collect();
    assert_eq!(shares, [(0, "4.000".to_owned())]);
    assert_eq!((net(&desk), desk.money(0).2.clone()), ("-0.04".into(), "-0.04".into()));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_share_has_the_signs_of_all_its_parts() {
    for (whole, part, total, share) in [
        ( 10,  1,  4,  2),
        ( 10,  3,  4,  7),
        (-10,  1,  4, -2),
        ( 10, -1,  4, -2),
        ( 10,  1, -4, -2),
        ( 10, -1, -4,  2),
        ( 10,  1,  0,  0),
    ] {
        assert_eq!(share_of(Money(whole), Qty(part), Qty(total)), Money(share), "{whole} x {part} / {total}");
    }
}

#[test]
fn boundaries_are_aligned_to_the_epoch() {
    for (time, after) in [(1, 8), (7, 8), (8, 16), (9, 16), (-1, 0), (-8, 0), (-9, -8)] {
        assert_eq!(boundary_after(time * HOUR, 8 * HOUR), after * HOUR, "after {time} h");
    }
}

/// 2 long over the boundary of 08:00; then an order of slot 1 of which a total tells 1, at that time.
fn inferred_after(side: TradeSide, told: i64) -> (Desk, dita_kernel::id::Id) {
    let mut desk = Desk::with(KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() });
    terms(&mut desk, |_| ());
    desk.open(0, "2", "100");
    pass(&mut desk, 8 * HOUR);
    desk.now = 9 * HOUR;
    desk.enter_side(1, side, "1");
    let order = desk.submitted();
    desk.event(Kind::OrderStatus, &order, |event| {
        event.timestamp_ns = told;
        event.filled_size = Some(dec("1"));
        event.average_price = Some(dec("100"));
    });
    (desk, order)
}

#[test]
#[rustfmt::skip]
fn an_inferred_fill_that_turns_out_older_counts_once_and_on_its_side() {
    for (side, told, before, after, what) in [
        (TradeSide::Long,  9, "-0.02", "-0.03", "bought before the boundary"),
        (TradeSide::Short, 9, "-0.02", "-0.01", "sold before the boundary"),
        (TradeSide::Long,  8, "-0.03", "-0.03", "told on the boundary, it was in it already"),
        (TradeSide::Short, 8, "-0.01", "-0.01", "the same of a sale"),
    ] {
        let (mut desk, order) = inferred_after(side, told * HOUR);
        assert_eq!(net(&desk), before, "{what}");
        desk.event(Kind::FullFill, &order, |event| {
            event.timestamp_ns = 7 * HOUR;
            event.venue_trade_id = id("T9");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
            event.filled_size = Some(dec("1"));
        });
        assert_eq!(net(&desk), after, "{what}");
        desk.assert_replays();
    }
}
