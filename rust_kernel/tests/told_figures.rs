//! What venues tell in figures: totals, averages, forced fills, frames, settlements. Each was read in some wrong way
//! that no other test saw (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RareFields};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderSide, TradeSide, TradeStage,
};
use dita_kernel::outcome::Outcome;

/// A fill with a trade id, and of the quantities what is given.
fn told(
    desk: &mut Desk,
    order: &Id,
    trade: &str,
    size: Option<&str>,
    price: Option<&str>,
    total: Option<&str>,
    average: Option<&str>,
) -> Outcome {
    desk.event(Kind::PartialFill, order, |event| {
        event.venue_trade_id = id(trade);
        event.size = size.map(dec);
        event.price = price.map(dec);
        event.filled_size = total.map(dec);
        event.average_price = average.map(dec);
    })
}

/// An order's fills, as quantity at price.
fn fills(desk: &Desk, client_id: &Id) -> Vec<String> {
    let (orders, rules) = (desk.kernel.orders(), &desk.kernel.instruments()[0]);
    let order = orders.at(orders.by_client_id(client_id).expect("an order"));
    let text = |fill: &dita_kernel::order::Fill| {
        format!("{} at {}", rules.qty_decimal(fill.qty), rules.price_decimal(fill.price))
    };
    order.fills.iter().map(text).collect()
}

#[test]
#[rustfmt::skip]
fn a_fill_without_a_size_is_what_it_adds_to_the_total() {
    for (size, total, code, held, what) in [
        (None,       Some("3"), Code::Ok,                "3.000", "2 more"),
        (Some("0"),  Some("3"), Code::Ok,                "3.000", "a size of zero is none"),
        (Some("2"),  None,      Code::Ok,                "3.000", "by its size"),
        (Some("-2"), Some("3"), Code::ReconcileRequired, "1.000", "a fill is never negative"),
        (None,       None,      Code::ReconcileRequired, "1.000", "nothing tells how much"),
    ] {
        let mut desk = Desk::new();
        desk.enter(0, "4");
        let entry = desk.submitted();
        told(&mut desk, &entry, "T1", None, Some("100"), Some("1"), None);
        assert_eq!(desk.size(0), "1.000", "{what}");
        assert_eq!(told(&mut desk, &entry, "T2", size, Some("100"), total, None).code, code, "{what}");
        assert_eq!(desk.size(0), held, "{what}");
        desk.assert_replays();
    }
    let mut desk = Desk::new();
    desk.enter(0, "4");
    let entry = desk.submitted();
    told(&mut desk, &entry, "T1", Some("1"), Some("100"), Some("1"), None);
    told(&mut desk, &entry, "T2", None, Some("100"), Some("1"), None);
    assert_eq!(desk.size(0), "1.000", "a total that is reached adds nothing");
}

#[test]
#[rustfmt::skip]
fn what_is_missing_cost_what_the_average_leaves_for_it() {
    // 1 at 100 is known; the next fill tells of a total and an average.
    for (size, price, total, average, want, what) in [
        (Some("1"), Some("120"), "3", "111", &["1.000 at 100", "1.000 at 113", "1.000 at 120"][..], "333, less 100 and 120"),
        (Some("1"), Some("120"), "3", "10",  &["1.000 at 100", "1.000 at 10", "1.000 at 120"][..],  "an average that cannot be: believed as a price"),
    ] {
        let mut desk = Desk::new();
        desk.enter(0, "4");
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "1", "100");
        told(&mut desk, &entry, "T2", size, price, Some(total), Some(average));
        let mut have = fills(&desk, &entry);
        have.sort();
        let mut want: Vec<String> = want.iter().map(|text| (*text).to_owned()).collect();
        want.sort();
        assert_eq!(have, want, "{what}");
        desk.assert_replays();
    }
    for (average, price) in [("105", "110"), ("50", "50")] {
        let mut desk = Desk::new();
        desk.enter(0, "4");
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "1", "100");
        desk.event(Kind::OrderStatus, &entry, |event| {
            event.filled_size = Some(dec("2"));
            event.average_price = Some(dec(average));
        });
        assert_eq!(fills(&desk, &entry), ["1.000 at 100".to_owned(), format!("1.000 at {price}")]);
    }
}

fn liquidated(desk: &mut Desk, size: &str, price: &str) -> Outcome {
    desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_trade_id = id("L1");
        event.size = Some(dec(size));
        event.price = Some(dec(price));
    })
}

#[test]
fn a_forced_fill_past_the_slots_is_nobodys_loss_too() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.event(Kind::PartialFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id("S1");
        event.size = Some(dec("1"));
        event.price = Some(dec("90"));
    });
    liquidated(&mut desk, "2", "80");
    assert_eq!((desk.stage(0), desk.book()), (TradeStage::Closed, ("0.000".into(), "0.000".into())));
    assert_eq!(desk.money(0).0, "-20");
    assert_eq!(
        (desk.balance(Account::RealizedPnl), desk.balance(Account::InterSlot)),
        ("30".into(), "0".into())
    );
    desk.assert_replays();
}

#[test]
fn a_forced_fill_takes_from_its_own_instrument_and_cancels_what_works() {
    let mut desk = Desk::new();
    let other = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    assert!(desk.put(Input::Instrument(Box::new(other))).accepted);
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("50"), venue_time_ns: 0, ages: false });
    desk.intent(Action::Enter, 0, |intent| {
        intent.asset = id("ETHUSDT");
        intent.target_size = Some(dec("2"));
    });
    let order = desk.submitted();
    desk.fill(&order, "E1", "2", "50");
    desk.open(1, "1", "100");
    desk.exit(1);
    let exit = desk.submitted();
    desk.ack(&exit, "VX");
    liquidated(&mut desk, "1", "80");
    assert_eq!(
        (desk.stage(0), desk.stage(1)),
        (TradeStage::PositionOpen, desk.kernel.slot(1).unwrap().stage)
    );
    assert_eq!(desk.kernel.slot(0).unwrap().basis.cost.to_string(), "100");
    assert!(desk.kernel.slot(1).unwrap().basis.qty.is_zero());
    let canceled = desk.effects.commands.iter().any(|command| match command {
        Command::Cancel(cancel) => cancel.venue_client_id == exit,
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => false,
    });
    assert!(canceled, "the exit would open a position now");
    desk.assert_replays();
}

#[test]
fn in_hedge_mode_a_forced_fill_without_a_side_closes_the_one_book_that_holds() {
    for (side, cost) in [(TradeSide::Long, "-20"), (TradeSide::Short, "20")] {
        let mut desk = Desk::with(KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() });
        desk.enter_side(0, side, "1");
        let order = desk.submitted();
        desk.fill(&order, "T1", "1", "100");
        assert!(liquidated(&mut desk, "1", "80").accepted);
        assert_eq!((desk.stage(0), desk.money(0).0.as_str()), (TradeStage::Closed, cost));
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn a_wallet_frame_differs_from_more_than_one_unit_on() {
    for (balance, differs, what) in [
        ("1000",          false, "as K has it"),
        ("1000.00000001", false, "one unit is rounding"),
        ("999.99999999",  false, "the other way too"),
        ("1000.00000002", true,  "two units are not"),
        ("999",           true,  "less"),
    ] {
        let mut desk = Desk::new();
        desk.account(AccountEventKind::AccountUpdate, |event| event.wallet_balance = Some(dec(balance)));
        assert_eq!(desk.kernel.assets()[0].exchange.differs_since_ns.is_some(), differs, "{what}");
    }
}

#[test]
fn a_frame_or_settlement_that_comes_again_under_its_id_is_a_repetition() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let trade =
        desk.kernel.orders().iter().flat_map(|order| &order.fills).next().unwrap().venue_trade_id.clone();
    for (own, want) in [("", Code::Ok), ("", Code::Ok), ("B1", Code::Ok), ("B1", Code::DuplicateEvent)] {
        let outcome = desk.account(AccountEventKind::AccountUpdate, |event| {
            event.venue_txn_id = id(own);
            event.wallet_balance = Some(dec("1000"));
        });
        assert_eq!(outcome.code, want, "frame {own}");
    }
    for (fee, own, want, k) in [
        ("0.06", "S1", Code::Ok, "999.94"),
        ("0.07", "S1", Code::DuplicateEvent, "999.94"),
        ("0.06", "", Code::DuplicateEvent, "999.94"),
        ("0.07", "", Code::ReconcileRequired, "999.94"),
    ] {
        let outcome = desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_txn_id = id(own);
            event.venue_trade_id = trade.clone();
            event.fee = Some(dec(fee));
        });
        assert_eq!((outcome.code, desk.k().as_str()), (want, k), "settlement {own}");
    }
    desk.assert_replays();
}

#[test]
fn the_figures_of_what_was_corrected_since_are_out_of_date() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    desk.event(Kind::TradeCorrect, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_trade_id = id("T1b");
        event.price = Some(dec("120"));
        event.rare = Some(Box::new(RareFields { ref_trade_id: id("T1"), ..RareFields::default() }));
    });
    assert_eq!(desk.settled("T1", "0", "0.05").code, Code::StaleEvent);
    assert_eq!(desk.k(), "999.94", "the fee of 120, predicted");
    assert_eq!(desk.settled("T1b", "0", "0.07").code, Code::Ok);
    assert_eq!(desk.k(), "999.93");
    desk.assert_replays();
}

#[test]
fn an_entry_that_comes_by_the_stream_and_from_the_records_is_booked_once() {
    for kind in [AccountEventKind::LiquidationFee, AccountEventKind::FundingFee] {
        let mut desk = Desk::new();
        desk.now = 1_000_000;
        for (own, want) in [("", Code::Ok), ("F1", Code::DuplicateEvent)] {
            let outcome = desk.account(kind, |event| {
                event.amount = Some(dec("3"));
                event.venue_txn_id = id(own);
                event.event_id = id("stream");
            });
            assert_eq!(outcome.code, want, "{kind:?} {own}");
        }
        let k = if kind == AccountEventKind::FundingFee { "1003" } else { "997" };
        assert_eq!(desk.k(), k, "{kind:?}");
        desk.assert_replays();
    }
}

#[test]
fn the_last_slot_takes_what_a_division_leaves_of_funding() {
    let mut desk = Desk::new();
    for (slot, size) in [(0, "1"), (1, "1"), (2, "1")] {
        desk.open(slot, size, "100");
    }
    desk.account(AccountEventKind::FundingFee, |event| {
        event.amount = Some(dec("-0.01"));
        event.venue_txn_id = id("F1");
    });
    let parts: Vec<String> = (0..3).map(|slot| desk.money(slot).2).collect();
    assert_eq!(parts, ["-0.003333333333333333", "-0.003333333333333333", "-0.003333333333333334"]);
}
