//! Sequences 17 to 19: fees, funding and what the venue forces on the account.

use super::{HOUR, SECOND, cancels, figures};
use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelEventKind as Kind, Liquidity, OrderSide, OrderType, ReconcileStatus, Severity,
    TradeSide, TradeStage as Stage,
};

#[test]
#[rustfmt::skip]
fn s17_a_fee_in_a_third_asset() {
    for (with_fill, settled, what) in [
        (true,  false, "the fill brings it"),
        (true,  true,  "and the settlement repeats it"),
        (false, true,  "the settlement brings it, and the prediction goes"),
    ] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        desk.event(Kind::FullFill, &entry, |event| {
            figures(event, "T1", "1", "100");
            if with_fill {
                event.fee = Some(dec("0.0001"));
                event.fee_asset = id("BNB");
            }
        });
        if settled {
            desk.account(AccountEventKind::FillSettled, |event| {
                event.venue_trade_id = id("T1");
                event.fee = Some(dec("0.0001"));
                event.fee_asset = id("BNB");
            });
        }
        assert_eq!(desk.k(), "1000", "{what}: nothing is paid in the settlement asset");
        assert_eq!(desk.balance_of("BNB", Account::Wallet), "-0.0001", "{what}");
        assert_eq!(desk.balance_of("BNB", Account::Fees), "0.0001", "{what}");
        assert_eq!(desk.money(0).1, "0", "{what}: the slot's fees are in its settlement asset");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s17_a_makers_rebate_is_a_credit() {
    for (told, settled, k, what) in [
        (Some("-0.01"), None,           "1000.01",  "the fill brings it"),
        (None,          Some("-0.01"),  "1000.01",  "the settlement brings it"),
        (Some("-0.01"), Some("-0.015"), "1000.01",  "a told fee stands: the settlement is its repetition"),
    ] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "1", "99");
        let entry = desk.submitted();
        desk.event(Kind::FullFill, &entry, |event| {
            figures(event, "T1", "1", "99");
            event.liquidity = Some(Liquidity::Maker);
            event.fee = told.map(dec);
        });
        if let Some(fee) = settled.filter(|_| told.is_none()) {
            desk.settled("T1", "0", fee);
        }
        assert_eq!((desk.k(), desk.money(0).1), (k.into(), "-0.01".into()), "{what}");
        assert_eq!(desk.balance(Account::Fees), "-0.01", "{what}");
        desk.assert_replays();
    }
}

/// A desk at a rate of 0.0001, with 2 long at 100: 0.02 is due at 08:00.
fn before_the_boundary() -> Desk {
    let mut desk = Desk::new();
    let terms = funding_terms("BTCUSDT", "0.0001");
    assert!(desk.put(Input::Funding(Box::new(terms))).accepted);
    desk.open(0, "2", "100");
    desk
}

fn pass(desk: &mut Desk, to: i64) {
    desk.now = to - 1;
    assert!(desk.put(Input::Time).accepted);
}

fn net(desk: &Desk) -> String {
    let paid = desk.balance(Account::Funding);
    paid.strip_prefix('-')
        .map_or_else(|| if paid == "0" { paid.clone() } else { format!("-{paid}") }, str::to_owned)
}

#[test]
#[rustfmt::skip]
fn s18_funding_exactly_on_the_boundary() {
    for (to, want, what) in [
        (8 * HOUR - 1,  "0",     "not before it"),
        (8 * HOUR,      "-0.02", "on it"),
        (8 * HOUR + 1,  "-0.02", "and once"),
        (16 * HOUR - 1, "-0.02", "until the next"),
        (16 * HOUR,     "-0.04", "on that"),
    ] {
        let mut desk = before_the_boundary();
        pass(&mut desk, to);
        assert_eq!((net(&desk), desk.money(0).2), (want.into(), want.into()), "{what}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s18_funding_on_a_position_that_changed() {
    for (stamped, want, what) in [
        (8 * HOUR - SECOND, "-0.03", "told late: the position was larger at the boundary"),
        (8 * HOUR,          "-0.03", "stamped exactly on the boundary: before it"),
        (8 * HOUR + 1,      "-0.02", "stamped after it"),
    ] {
        let mut desk = before_the_boundary();
        pass(&mut desk, 8 * HOUR);
        desk.enter(1, "1");
        let order = desk.submitted();
        desk.event(Kind::FullFill, &order, |event| {
            event.timestamp_ns = stamped;
            figures(event, "T9", "1", "100");
        });
        assert_eq!(net(&desk), want, "{what}");
        desk.account(AccountEventKind::FundingFee, |event| {
            event.timestamp_ns = 8 * HOUR + SECOND;
            event.amount = Some(dec(want));
            event.venue_txn_id = id("F1");
        });
        assert_eq!(net(&desk), want, "{what}: the venue's own entry is not another one");
        desk.assert_replays();
    }
}

/// A forced fill of no order of ours.
fn forced(desk: &mut Desk, kind: Kind, size: &str, price: &str) -> (bool, Severity) {
    let outcome = desk.event(kind, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_order_id = id("autoclose-1");
        event.order_side = Some(OrderSide::Sell);
        figures(event, "L1", size, price);
    });
    (outcome.accepted, outcome.severity)
}

#[test]
#[rustfmt::skip]
fn s19_liquidation_and_deleveraging_without_our_order_id() {
    for (kind, size, stage, left, realized, what) in [
        (Kind::Liquidation, "1",   Stage::Closed,       "0.000", "-20", "the whole position"),
        (Kind::Adl,         "1",   Stage::Closed,       "0.000", "-20", "the whole position"),
        (Kind::Adl,         "0.5", Stage::PositionOpen, "0.500", "-10", "a part of it"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.intent(dita_kernel::names::KernelCommandType::Exit, 0, |intent| {
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec("120"));
        });
        let exit = desk.submitted();
        desk.ack(&exit, "V9");
        assert_eq!(forced(&mut desk, kind, size, "80"), (true, Severity::Critical), "{kind}: {what}");
        let closes = stage == Stage::Closed;
        assert_eq!(cancels(&desk), usize::from(closes), "{kind}: {what}: nothing may work on where nothing is left");
        if closes {
            desk.event(Kind::CancelAck, &exit, |_| {});
            assert_eq!(desk.kernel.slot(0).expect("a slot").close_reason, id(kind.name()), "{what}");
            assert_eq!(desk.stage(0), Stage::Closed, "{kind}: {what}");
        }
        assert_eq!((desk.size(0), desk.book()), (left.into(), (left.into(), "0.000".into())), "{kind}: {what}");
        assert_eq!(desk.money(0).0, realized, "{kind}: {what}");
        let before = desk.k();
        forced(&mut desk, kind, size, "80");
        assert_eq!((desk.book().0, desk.k()), (left.into(), before), "{kind}: {what}: once");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s19_the_wallet_update_before_the_order_update() {
    for (frame, what) in [("979.91", "what the fill will explain"), ("900", "what nothing explains")] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "1", "100");
        desk.settled("T1", "0", "0.05");
        desk.account(AccountEventKind::AccountUpdate, |event| event.wallet_balance = Some(dec(frame)));
        assert_eq!(desk.k(), "999.95", "{what}: a frame moves no money of ours");
        desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
            event.asset = id("BTCUSDT");
            event.order_side = Some(OrderSide::Sell);
            event.side = Some(TradeSide::Long);
            figures(event, "L1", "1", "80");
            event.fee = Some(dec("0.04"));
        });
        assert_eq!((desk.stage(0), desk.k()), (Stage::Closed, "979.91".into()), "{what}: 20 lost, fees 0.05 and 0.04");
        let report = desk.kernel.reconcile(0).expect("an asset");
        let agrees = frame == "979.91";
        assert_eq!(report.delta.expect("both are known").is_zero(), agrees, "{what}");
        assert_eq!(report.status == ReconcileStatus::Ok, agrees, "{what}");
        desk.assert_replays();
    }
}
