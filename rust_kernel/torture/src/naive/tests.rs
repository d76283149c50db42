//! That the model sees what is wrong: it is told of something else than the kernel, and says which figure differs.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, FundingTerms, Input, InstrumentSpec, Intent, Stamp, VenueEvent};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind, OrderSide, TradeSide,
};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::Outcome;

use super::{Compared, Naive, Remembered};
use crate::plan::id;

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// A kernel and a model that hear the same, or not.
struct Pair {
    kernel: Kernel,
    naive: Naive,
    now_ns: i64,
    order: Id,
}

impl Pair {
    fn new() -> Pair {
        let kernel = Kernel::new(KernelConfig::default()).unwrap();
        let mut pair = Pair { kernel, naive: Naive::new(true), now_ns: 1_000_000_000, order: Id::EMPTY };
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        pair.both(Input::Instrument(Box::new(spec)));
        pair.both(Input::Seed { asset: id("USDT"), amount: dec("1000000") });
        pair.both(Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
        let mut intent = Intent::new(Action::Enter, id("I1"), id("T0-1"), 0, id("BTCUSDT"), TradeSide::Long);
        intent.target_size = Some(dec("0.005"));
        intent.reference_price = Some(dec("100"));
        pair.order = pair.both(Input::Intent(Box::new(intent))).expect("an order leaves");
        pair
    }

    fn step(&mut self, input: &Input) -> (Outcome, Vec<Command>) {
        let mut effects = Effects::default();
        self.now_ns += 1_000_000_000;
        let outcome = self.kernel.step(Stamp(self.now_ns), input, &mut effects);
        assert!(outcome.accepted, "{outcome:?}");
        (outcome, effects.commands)
    }

    /// Both hear it. Returns the order that leaves.
    fn both(&mut self, input: Input) -> Option<Id> {
        let (outcome, commands) = self.step(&input);
        self.naive.hear(&input, &outcome, &commands, Remembered::Ours, &self.kernel);
        self.naive.compare(&self.kernel, &input, &mut Compared::default()).expect("they agree");
        commands.into_iter().find_map(|command| match command {
            Command::Submit(request) => Some(request.venue_client_id),
            _ => None,
        })
    }

    /// Each hears something else.
    fn apart(&mut self, kernel: &Input, naive: &Input) -> String {
        let (outcome, _) = self.step(kernel);
        self.naive.hear(naive, &outcome, &[], Remembered::Ours, &self.kernel);
        let verdict = self.naive.compare(&self.kernel, naive, &mut Compared::default());
        verdict.expect_err("they differ").what
    }

    fn fill(&self, trade: &str, size: &str, price: &str, fee: Option<&str>) -> Input {
        Input::Venue(Box::new(VenueEvent {
            venue_client_id: self.order.clone(),
            asset: id("BTCUSDT"),
            order_side: Some(OrderSide::Buy),
            venue_trade_id: id(trade),
            size: Some(dec(size)),
            price: Some(dec(price)),
            fee: fee.map(dec),
            fee_asset: id("USDT"),
            ..VenueEvent::new(Kind::PartialFill, self.now_ns)
        }))
    }

    fn entry(&self, kind: AccountEventKind, change: impl FnOnce(&mut AccountEvent)) -> Input {
        let mut event = AccountEvent {
            asset: id("USDT"),
            symbol: id("BTCUSDT"),
            venue_txn_id: id("X1"),
            ..AccountEvent::new(kind, self.now_ns)
        };
        change(&mut event);
        Input::Account(Box::new(event))
    }
}

#[test]
fn a_fill_that_one_of_them_hears_otherwise_is_named_by_its_figure() {
    for (kernel, naive, figure) in [
        (("0.001", "100", Some("0.01")), ("0.002", "100", Some("0.01")), "filled of"),
        (("0.001", "100", Some("0.01")), ("0.001", "100", Some("0.02")), "slots' fees of"),
        (("0.001", "100", Some("0.01")), ("0.001", "100", Some("-0.01")), "slots' fees of"),
        (("0.001", "100", None), ("0.001", "101", None), "slots' fees of"),
        // At a cost that the tolerance of one trade's roundings is less than.
        (("0.001", "100", Some("0.01")), ("0.001", "100.1", Some("0.01")), "profit in sum of"),
    ] {
        let mut pair = Pair::new();
        let inputs = [kernel, naive].map(|(size, price, fee)| pair.fill("F1", size, price, fee));
        let what = pair.apart(&inputs[0], &inputs[1]);
        assert!(what.starts_with(figure), "{what}");
    }
}

#[test]
fn a_fill_told_twice_counts_once() {
    let mut pair = Pair::new();
    let fill = pair.fill("F1", "0.001", "100", None);
    pair.both(fill.clone());
    pair.both(fill);
    let again = pair.fill("F2", "0.001", "100", None);
    let known = pair.fill("F1", "0.001", "100", None);
    let what = pair.apart(&again, &known);
    assert!(what.starts_with("filled of"), "{what}");
}

#[test]
fn a_strangers_fill_may_bring_its_price_and_its_fee_later() {
    let mut pair = Pair::new();
    let strangers = |pair: &Pair, trade: &str, price: &str, fee: Option<&str>| {
        let Input::Venue(mut event) = pair.fill(trade, "0.001", price, fee) else { unreachable!("a fill") };
        (event.venue_client_id, event.venue_order_id) = (id("stranger"), id("V9"));
        Input::Venue(event)
    };
    let first = strangers(&pair, "F1", "99", Some("0.01"));
    pair.both(first);
    let unpriced = strangers(&pair, "F2", "0", None);
    pair.both(unpriced);
    let told = ["0.02", "0.03"].map(|fee| strangers(&pair, "F2", "100", Some(fee)));
    let what = pair.apart(&told[0], &told[1]);
    assert!(what.starts_with("fees of"), "{what}");
}

#[test]
fn what_a_strangers_total_tells_of_a_fill_that_is_missing_counts_until_it_comes() {
    let mut pair = Pair::new();
    let strangers = |pair: &Pair, trade: &str, size: &str, total: &str| {
        let Input::Venue(mut event) = pair.fill(trade, size, "100", None) else { unreachable!("a fill") };
        (event.venue_client_id, event.venue_order_id) = (id("stranger"), id("V9"));
        event.filled_size = Some(dec(total));
        Input::Venue(event)
    };
    let remembers = |pair: &mut Pair, input: Input| {
        let (outcome, commands) = pair.step(&input);
        pair.naive.hear(&input, &outcome, &commands, Remembered::Strangers, &pair.kernel);
        pair.naive.compare(&pair.kernel, &input, &mut Compared::default()).map_err(|trouble| trouble.what)
    };
    for (trade, size, total) in [("F1", "0.001", "0.001"), ("F3", "0.001", "0.004"), ("F2", "0.002", "0.003")]
    {
        let fill = strangers(&pair, trade, size, total);
        assert_eq!(remembers(&mut pair, fill), Ok(()), "{trade}");
    }
    let Input::Venue(mut status) = strangers(&pair, "", "0.001", "0.005") else { unreachable!() };
    (status.kind, status.size) = (Kind::OrderStatus, None);
    assert_eq!(remembers(&mut pair, Input::Venue(status)), Ok(()));

    // The model has not heard what the kernel has.
    let more = [strangers(&pair, "F9", "0.001", "0.009"), strangers(&pair, "F9", "0.001", "0.006")];
    let (outcome, _) = pair.step(&more[0]);
    pair.naive.hear(&more[1], &outcome, &[], Remembered::Strangers, &pair.kernel);
    let verdict = pair.naive.compare(&pair.kernel, &more[1], &mut Compared::default());
    assert!(verdict.expect_err("they differ").what.starts_with("position of"));
}

#[test]
fn money_that_only_one_of_them_hears_of_is_named_by_its_figure() {
    use AccountEventKind as Account;
    for (kind, figure) in [
        (Account::Transfer, "transfers"),
        (Account::Rebate, "rebates"),
        (Account::Adjustment, "adjustments"),
        (Account::LiquidationFee, "liquidation fees"),
        (Account::FundingFee, "funding"),
    ] {
        let mut pair = Pair::new();
        let entry = pair.entry(kind, |event| event.amount = Some(dec("3")));
        pair.both(entry.clone());
        let less = pair.entry(kind, |event| (event.amount, event.venue_txn_id) = (Some(dec("1")), id("X2")));
        let what = pair.apart(&less, &entry);
        assert!(what.starts_with(figure), "{what}");
    }
}

#[test]
fn a_profit_that_was_settled_otherwise_is_named() {
    let mut pair = Pair::new();
    let fill = pair.fill("F1", "0.001", "100", Some("0.01"));
    pair.both(fill);
    let settled = |pair: &Pair, profit| {
        pair.entry(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id("F1");
            event.realized_pnl = Some(dec(profit));
            event.fee = Some(dec("0.02"));
        })
    };
    let (kernel, naive) = (settled(&pair, "0"), settled(&pair, "1"));
    let what = pair.apart(&kernel, &naive);
    assert!(what.starts_with("profits of"), "{what}");
}

#[test]
fn a_revision_of_ours_is_no_end_of_a_trade_of_its_name_elsewhere() {
    for (kind, size) in [(Kind::TradeBust, None), (Kind::TradeCorrect, Some(dec("0.001")))] {
        let mut pair = Pair::new();
        let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
        pair.both(Input::Instrument(Box::new(spec)));
        let settled = pair.entry(AccountEventKind::FillSettled, |event| {
            (event.symbol, event.venue_trade_id) = (id("ETHUSDT"), id("F1"));
            (event.realized_pnl, event.fee) = (Some(dec("0")), Some(dec("0.02")));
        });
        pair.both(settled);
        // Ids are the venue's for each symbol: this F1 is another trade, and its fill has not come either.
        let Input::Venue(mut revised) = pair.fill("F2", "0", "100", None) else { unreachable!() };
        (revised.kind, revised.size) = (kind, size);
        revised.rare.get_or_insert_default().ref_trade_id = id("F1");
        pair.both(Input::Venue(revised));
    }
}

#[test]
fn a_position_on_the_boundary_is_the_one_that_pays() {
    let mut pair = Pair::new();
    let boundary_ns = pair.now_ns + 3_500_000_000;
    pair.both(Input::Mark {
        symbol: id("BTCUSDT"),
        price: dec("100"),
        venue_time_ns: pair.now_ns,
        ages: false,
    });
    pair.both(Input::Funding(Box::new(FundingTerms {
        symbol: id("BTCUSDT"),
        rate: Some(dec("0.001")),
        next_boundary_ns: Some(boundary_ns),
        interval_secs: Some(3_600),
        mark_price: None,
        venue_time_ns: pair.now_ns,
    })));
    let fill = pair.fill("F1", "0.001", "100", None);
    pair.both(fill);
    pair.both(Input::Time);
    pair.both(Input::Time);
    let at = |pair: &Pair, time_ns| {
        let Input::Venue(mut event) = pair.fill("F2", "0.001", "100", None) else { unreachable!() };
        event.timestamp_ns = time_ns;
        Input::Venue(event)
    };
    let (kernel, naive) = (at(&pair, boundary_ns), at(&pair, boundary_ns + 1));
    let what = pair.apart(&kernel, &naive);
    assert!(what.starts_with("funded position of"), "{what}");
}

#[test]
fn what_a_crash_has_lost_is_lost_to_the_model_too() {
    let mut pair = Pair::new();
    let saved = pair.kernel.clone();
    let fill = pair.fill("F1", "0.001", "100", Some("0.01"));
    pair.both(fill.clone());
    pair.naive.forget_after(saved.seq(), &[]);
    pair.kernel = saved;
    pair.both(Input::Time);
    pair.both(fill);
}
