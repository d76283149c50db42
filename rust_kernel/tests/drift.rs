//! Every difference between the exchange's wallet and ours gets a name: each cause is planted here, and found.

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    AccountEventKind as Entry, KernelEventKind as Kind, Liquidity, OrderSide, ReconcileStatus as Status,
};
use dita_kernel::reconcile::{DriftCause as Cause, Proof, Report};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// The exchange's wallet as of now.
fn frame(desk: &mut Desk, asset: &str, balance: &str) {
    desk.now += SECOND;
    desk.account(Entry::AccountUpdate, |event| {
        event.asset = id(asset);
        event.wallet_balance = Some(dec(balance));
    });
}

fn report(desk: &Desk) -> Report {
    desk.kernel.verdict(0, false).expect("an asset")
}

/// The names that are presumed of it.
fn presumed(desk: &Desk) -> Vec<Cause> {
    let parts = report(desk).parts.into_iter().filter(|part| part.proof == Proof::Presumed);
    parts.map(|part| part.cause).collect()
}

/// A fill of one at 100: our slot's, or a stranger's.
fn fill(desk: &mut Desk, trade: &str, fee: Option<&str>) {
    desk.now += SECOND;
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id(trade);
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
        event.fee = fee.map(dec);
        event.liquidity = Some(Liquidity::Taker);
    });
}

fn entry(desk: &mut Desk, kind: Entry, amount: &str, txn: &str) {
    desk.now += SECOND;
    desk.account(kind, |event| {
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(txn);
    });
}

fn position(desk: &mut Desk, size: &str) {
    desk.account(Entry::PositionUpdate, |event| event.size = Some(dec(size)));
}

fn funding_crossed(desk: &mut Desk, frame_first: bool) {
    desk.put(Input::Funding(Box::new(funding_terms("BTCUSDT", "0.0001"))));
    fill(desk, "T1", Some("0"));
    if frame_first {
        frame(desk, "USDT", "1000");
    }
    desk.now = 8 * HOUR;
    desk.put(Input::Time);
    if !frame_first {
        frame(desk, "USDT", "1000");
    }
}

fn rebates(desk: &mut Desk) {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.maker_rate = dec("-0.0001");
    desk.put(Input::Instrument(Box::new(spec)));
}

type Story = fn(&mut Desk);
/// What happens, the cause planted by it, its amount, proof and references, and why.
type Planted = (Story, Cause, &'static str, Proof, &'static [&'static str], &'static str);

#[rustfmt::skip]
const STORIES: [Planted; 25] = [
    (|d| { fill(d, "T1", None); frame(d, "USDT", "1000"); },
        Cause::FeeNotSettled, "0.05", Proof::Presumed, &["T1"], "E has not charged the fee that K predicted"),
    (|d| { frame(d, "USDT", "1000"); d.now += SECOND; d.open(0, "1", "100"); },
        Cause::FillInFlight, "0.05", Proof::Proven, &["T2000000005-0"], "E's frame is older than our fill"),
    (|d| { d.enter_limit(0, "1", "100"); position(d, "1"); frame(d, "USDT", "999.95"); },
        Cause::FillMissing, "-0.05", Proof::Presumed, &["BTCUSDT"], "the venue reports what our order may have filled"),
    (|d| { fill(d, "T1", Some("0.05")); fill(d, "T2", Some("0.07")); frame(d, "USDT", "999.81"); },
        Cause::FillDuplicated, "-0.07", Proof::Presumed, &["T2"], "E has booked a fill twice"),
    (|d| { fill(d, "T1", Some("0.05")); fill(d, "T2", Some("0.07")); frame(d, "USDT", "999.93"); },
        Cause::FillDuplicated, "0.05", Proof::Presumed, &["T1"], "K has booked a fill that E has not"),
    (|d| { for t in ["T1", "T2", "T3"] { fill(d, t, Some("0.04")); } fill(d, "T4", None); frame(d, "USDT", "999.84"); },
        Cause::FeeRateChanged, "0.01", Proof::Presumed, &["T4"], "the venue charges the rate that fills have shown"),
    (|d| { fill(d, "T1", None); frame(d, "USDT", "999.98"); },
        Cause::FeeRateChanged, "0.03", Proof::Presumed, &["T1"], "charged as a maker"),
    (|d| { rebates(d); fill(d, "T1", None); frame(d, "USDT", "1000.01"); },
        Cause::Rebate, "0.06", Proof::Presumed, &["T1"], "paid as a maker"),
    (|d| { frame(d, "USDT", "1000"); entry(d, Entry::Rebate, "3", "R1"); },
        Cause::Rebate, "-3", Proof::Proven, &["R1"], "a rebate that E's frame is older than"),
    (|d| { fill(d, "T1", None); frame(d, "USDT", "999.955"); },
        Cause::DiscountAsset, "0.005", Proof::Presumed, &["T1"], "ten percent less"),
    (|d| { fill(d, "T1", None); frame(d, "BNB", "0"); frame(d, "BNB", "-0.0001"); frame(d, "USDT", "1000"); },
        Cause::DiscountAsset, "0.05", Proof::Presumed, &["T1"], "another asset paid"),
    (|d| funding_crossed(d, false),
        Cause::FundingNotBooked, "0.01", Proof::Presumed, &["BTCUSDT"], "the venue has not booked a boundary"),
    (|d| funding_crossed(d, true),
        Cause::FundingNotBooked, "0.01", Proof::Proven, &[], "E's frame is older than the boundary"),
    (|d| { entry(d, Entry::FundingFee, "-0.5", "F1"); frame(d, "USDT", "999"); },
        Cause::FundingOvercounted, "-0.5", Proof::Presumed, &["F1"], "E has booked funding twice"),
    (|d| { entry(d, Entry::FundingFee, "-0.5", "F1"); frame(d, "USDT", "1000"); },
        Cause::FundingOvercounted, "0.5", Proof::Presumed, &["F1"], "K has booked funding that E has not"),
    (|d| { frame(d, "USDT", "1000"); entry(d, Entry::Transfer, "-250", "X1"); },
        Cause::Transfer, "250", Proof::Proven, &["X1"], "a withdrawal that E's frame is older than"),
    (|d| { frame(d, "USDT", "1000"); entry(d, Entry::LiquidationFee, "4", "L1"); },
        Cause::LiquidationFee, "4", Proof::Proven, &["L1"], "a fee that E's frame is older than"),
    (|d| { entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "993"); },
        Cause::LiquidationFee, "-3", Proof::Presumed, &[], "more was taken in a liquidation"),
    (|d| { entry(d, Entry::Adjustment, "-1005", "A1"); entry(d, Entry::LiquidationFee, "4", "L1"); frame(d, "USDT", "0"); },
        Cause::Insurance, "9", Proof::Presumed, &[], "the fund paid what the account could not"),
    (|d| { frame(d, "USDT", "1000"); fill(d, "T1", Some("0.05")); },
        Cause::ManualTrade, "0.05", Proof::Proven, &["T1"], "a stranger's fill that E's frame is older than"),
    (|d| { position(d, "1"); frame(d, "USDT", "999.95"); },
        Cause::ManualTrade, "-0.05", Proof::Presumed, &["BTCUSDT"], "the venue reports what nobody here ordered"),
    (|d| { frame(d, "USDT", "1000"); entry(d, Entry::Adjustment, "7", "A1"); },
        Cause::Adjustment, "-7", Proof::Proven, &["A1"], "an adjustment that E's frame is older than"),
    (|d| frame(d, "USDT", "1000.00000001"),
        Cause::Rounding, "0.00000001", Proof::Presumed, &[], "the venue's unit"),
    (|d| frame(d, "USDT", "987.6543"),
        Cause::Unexplained, "-12.3457", Proof::Proven, &[], "no name: a theft looks like this"),
    (|d| { fill(d, "T1", Some("0")); d.now += SECOND; position(d, "0.5"); frame(d, "USDT", "1000"); },
        Cause::PositionDiffers, "0", Proof::Proven, &["BTCUSDT"], "the venue reports another position"),
];

#[test]
fn every_cause_is_found_with_its_amount() {
    for (story, cause, amount, proof, references, what) in STORIES {
        let mut desk = Desk::new();
        story(&mut desk);
        let report = report(&desk);
        let part = report.parts.iter().find(|part| part.cause == cause && part.proof == proof);
        let part = part.unwrap_or_else(|| panic!("{what}: {report:#?}"));
        assert_eq!(part.amount.to_string(), amount, "{what}");
        let found: Vec<&str> = part.references.iter().map(|id| id.as_str()).collect();
        assert_eq!(found, references, "{what}");
        // A proof takes its amount out of what is unexplained; a presumption stays inside it.
        let rest = report.parts.iter().find(|part| part.cause == Cause::Unexplained);
        assert_eq!(
            rest.is_some(),
            proof == Proof::Presumed || cause == Cause::Unexplained,
            "{what}: {report:#?}"
        );
    }
}

/// Two names for one fact are one too many.
#[test]
fn a_name_that_fits_keeps_those_out_that_fit_by_accident() {
    for (story, cause, what) in [
        (STORIES[0].0, Cause::FeeNotSettled, "a fee that is not settled is no fill that is booked twice"),
        (STORIES[22].0, Cause::Rounding, "a rounding is nothing else"),
    ] {
        let mut desk = Desk::new();
        // A fill whose fee is as small as a rounding, and what makes the wallet whole again.
        fill(&mut desk, "T0", Some("0.00000001"));
        entry(&mut desk, Entry::Adjustment, "0.00000001", "A0");
        story(&mut desk);
        assert_eq!(presumed(&desk), [cause], "{what}");
    }
}

#[test]
fn a_fill_that_the_venues_position_shows_is_no_funding_that_costs_as_much() {
    for (story, cause) in [(STORIES[2].0, Cause::FillMissing), (STORIES[20].0, Cause::ManualTrade)] {
        let mut desk = Desk::new();
        // Funding at the rate of a fee, and what makes the wallet whole again.
        entry(&mut desk, Entry::FundingFee, "-0.05", "F0");
        entry(&mut desk, Entry::Adjustment, "0.05", "A0");
        story(&mut desk);
        assert_eq!(presumed(&desk), [cause]);
    }
}

#[test]
fn a_fee_that_another_wallet_has_paid_is_no_fill_that_cost_as_much() {
    let mut desk = Desk::new();
    fill(&mut desk, "T0", Some("0.05"));
    entry(&mut desk, Entry::Adjustment, "0.05", "A0");
    STORIES[10].0(&mut desk);
    // Nor is it one where the fee may have been settled no more.
    for wait in [0, HOUR] {
        desk.now += wait;
        desk.put(Input::Time);
        let named = presumed(&desk);
        assert!(named.contains(&Cause::DiscountAsset), "{named:?}");
        assert!(!named.contains(&Cause::FillDuplicated), "{named:?}");
    }
}

#[test]
fn what_is_a_unit_off_is_not_named_beside_what_is_the_very_difference() {
    type Beside = fn(&mut Desk, &str);
    let ways: [(Beside, Cause); 2] = [
        (|d, amount| fill(d, "T0", Some(&format!("-{amount}"))), Cause::FillDuplicated),
        (|d, amount| entry(d, Entry::FundingFee, amount, "F0"), Cause::FundingOvercounted),
    ];
    for (beside, cause) in ways {
        for (amount, both) in [("0.005", true), ("0.00500001", false), ("0.00499999", false)] {
            let mut desk = Desk::new();
            // As much as a tenth of the fee that is missing, and what makes the wallet whole again.
            beside(&mut desk, amount);
            entry(&mut desk, Entry::Adjustment, &format!("-{amount}"), "A0");
            STORIES[9].0(&mut desk);
            let wanted = if both { vec![Cause::DiscountAsset, cause] } else { vec![Cause::DiscountAsset] };
            assert_eq!(presumed(&desk), wanted, "{amount}");
        }
    }
}

/// The amount of a fill that is said to be booked twice.
fn duplicated(desk: &Desk) -> Option<String> {
    let parts = report(desk).parts;
    let named = parts.iter().find(|part| part.cause == Cause::FillDuplicated);
    named.map(|part| part.amount.to_string())
}

#[test]
fn a_fill_that_the_venue_has_settled_is_none_that_it_has_not_booked() {
    for (settled, wanted) in [(false, Some("0.05")), (true, None)] {
        let mut desk = Desk::new();
        fill(&mut desk, "T1", Some("0.05"));
        if settled {
            desk.settled("T1", "0", "0.05");
        }
        frame(&mut desk, "USDT", "1000");
        assert_eq!(duplicated(&desk).as_deref(), wanted, "settled: {settled}");
        // It may have booked it twice.
        frame(&mut desk, "USDT", "999.9");
        assert_eq!(duplicated(&desk).as_deref(), Some("-0.05"), "settled: {settled}");
    }
}

#[test]
fn every_cause_is_planted() {
    for cause in Cause::ALL {
        assert!(STORIES.iter().any(|(_, planted, ..)| planted == cause), "{cause} has no story");
    }
}

#[test]
#[rustfmt::skip]
fn a_presumption_expires() {
    for (story, status_young, status_old, what) in [
        (STORIES[0].0,  Status::Warn, Status::Error, "a fee that never comes"),
        (STORIES[2].0,  Status::Warn, Status::Error, "a fill that never comes"),
        (STORIES[11].0, Status::Warn, Status::Error, "funding that never comes"),
        (STORIES[1].0,  Status::Warn, Status::Warn,  "what is proven stays in flight until a frame comes"),
        (STORIES[22].0, Status::Ok,   Status::Ok,    "rounding"),
    ] {
        let mut desk = Desk::new();
        story(&mut desk);
        // Beyond the settling window, within the time that a presumption has.
        desk.now += 30 * SECOND;
        desk.put(Input::Time);
        assert_eq!(report(&desk).status, status_young, "{what}");
        desk.now += 31 * SECOND;
        desk.put(Input::Time);
        let late = report(&desk);
        assert_eq!(late.status, status_old, "{what}");
        if status_old == Status::Error {
            let only_late = [Cause::FeeNotSettled, Cause::FillMissing, Cause::FundingNotBooked];
            assert!(!late.parts.iter().any(|part| only_late.contains(&part.cause)), "{what}: {late:#?}");
        }
    }
}

#[test]
fn without_a_name_it_is_an_error_after_the_settling_window() {
    let mut desk = Desk::new();
    frame(&mut desk, "USDT", "987.6543");
    assert_eq!(report(&desk).status, Status::Warn);
    desk.now += 6 * SECOND;
    desk.put(Input::Time);
    let late = report(&desk);
    assert_eq!(late.status, Status::Error);
    assert!(late.explanation.contains("UNEXPLAINED -12.3457"), "{}", late.explanation);
}

#[test]
fn proofs_and_the_rest_add_up_together() {
    // In flight: our fill, a transfer; and ten that nobody knows of.
    let mut desk = Desk::new();
    frame(&mut desk, "USDT", "990");
    desk.now += SECOND;
    desk.open(0, "1", "100");
    entry(&mut desk, Entry::Transfer, "100", "X1");
    let report = report(&desk);
    let parts: Vec<(Cause, String)> =
        report.parts.iter().map(|part| (part.cause, part.amount.to_string())).collect();
    assert_eq!(report.delta.expect("a frame").to_string(), "-109.95");
    assert_eq!(
        parts,
        [
            (Cause::FillInFlight, "0.05".to_owned()),
            (Cause::Transfer, "-100".to_owned()),
            (Cause::Unexplained, "-10".to_owned())
        ]
    );
}

#[test]
fn a_frame_contains_what_was_booked_up_to_its_time() {
    // The frame comes before the fill that it contains: nothing is in flight, nothing is missing.
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    let time = desk.now + SECOND;
    desk.account(Entry::AccountUpdate, |event| {
        event.timestamp_ns = time;
        event.wallet_balance = Some(dec("999.95"));
    });
    desk.event(Kind::FullFill, &order, |event| {
        event.timestamp_ns = time;
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    assert_eq!(
        (report(&desk).delta.expect("a frame").to_string(), report(&desk).status),
        ("0".into(), Status::Ok)
    );
    // A correction of an old fill is as old as the fill.
    desk.now += 9 * SECOND;
    desk.account(Entry::FillSettled, |event| {
        event.venue_trade_id = id("T1");
        event.fee = Some(dec("0.06"));
    });
    let report = report(&desk);
    assert!(
        report.parts.iter().all(|part| part.proof == Proof::Presumed || part.cause == Cause::Unexplained),
        "{report:#?}"
    );
}

#[test]
fn asked_briefly_it_says_the_same_but_for_the_parts_of_a_young_difference() {
    let mut desk = Desk::new();
    let same = |desk: &Desk, young: bool| {
        let (full, brief) = (report(desk), desk.kernel.verdict(0, true).expect("an asset"));
        let figures = |report: &Report| (report.delta, report.status, report.tolerance);
        assert_eq!(figures(&brief), figures(&full));
        assert_eq!(brief.parts.is_empty(), young || full.parts.is_empty());
        assert_eq!(brief == full, full.parts.is_empty() || !young);
        full.parts.is_empty()
    };
    assert!(same(&desk, true), "nothing was reported yet");
    frame(&mut desk, "USDT", "1000");
    assert!(same(&desk, true), "they agree");
    fill(&mut desk, "T1", Some("0.5"));
    assert!(!same(&desk, true), "the fill is in flight");
    desk.now += HOUR;
    desk.put(Input::Time);
    assert!(!same(&desk, false), "it has been so for an hour");
}

#[test]
fn a_report_says_in_a_sentence_what_it_says_in_figures() {
    let said = |desk: &Desk| report(desk).explanation;
    let mut desk = Desk::new();
    frame(&mut desk, "USDT", "1000");
    assert_eq!(said(&desk), "K and E agree to the last unit");
    frame(&mut desk, "USDT", "1000.00000001");
    assert_eq!(said(&desk), "E - K = 0.00000001: within the venue's rounding");
    let mut desk = Desk::new();
    frame(&mut desk, "USDT", "1000");
    fill(&mut desk, "T1", Some("0.05"));
    assert_eq!(said(&desk), "E - K = 0.05: may be in flight; MANUAL_TRADE 0.05");
    let mut desk = Desk::new();
    fill(&mut desk, "T1", None);
    frame(&mut desk, "USDT", "1000");
    assert_eq!(said(&desk), "E - K = 0.05: may be in flight; perhaps FEE_NOT_SETTLED 0.05; UNEXPLAINED 0.05");
}

#[test]
fn what_a_slots_order_has_brought_is_its_own_though_the_order_is_forgotten() {
    let mut desk = Desk::with(KernelConfig { max_slots: 1, remembered_orders: 1, ..KernelConfig::default() });
    frame(&mut desk, "USDT", "1000");
    desk.now += SECOND;
    for _ in 0..4 {
        desk.open(0, "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        let trade = format!("X{}", desk.now);
        desk.fill(&exit, &trade, "1", "101");
    }
    let report = report(&desk);
    let causes: Vec<Cause> = report.parts.iter().map(|part| part.cause).collect();
    assert_eq!(causes, [Cause::FillInFlight], "{report:?}");
}

#[test]
fn a_position_that_the_venue_reports_otherwise_is_in_the_verdict_until_a_newer_report_or_fill() {
    let mut desk = Desk::new();
    desk.account(Entry::AccountUpdate, |event| {
        event.asset = id("USDT");
        event.wallet_balance = Some(dec("1000"));
    });
    let differs = |desk: &Desk| {
        let report = report(desk);
        let part = report.parts.iter().find(|part| part.cause == Cause::PositionDiffers);
        part.map(|part| {
            assert_eq!((part.amount.to_string().as_str(), part.proof), ("0", Proof::Proven));
            assert_eq!(part.references, [id("BTCUSDT")]);
            (report.status, report.explanation.clone())
        })
    };
    fill(&mut desk, "T1", Some("0"));
    assert_eq!(differs(&desk), None, "nothing was reported");
    desk.now += SECOND;
    position(&mut desk, "1");
    assert_eq!(differs(&desk), None);
    // A fill that is newer than the report: the report is only old.
    fill(&mut desk, "T2", Some("0"));
    assert_eq!(differs(&desk), None);
    desk.now += SECOND;
    position(&mut desk, "0.5");
    let (status, words) = differs(&desk).expect("it differs");
    assert_eq!(status, Status::Warn);
    assert!(words.ends_with("; the venue reports 0.500 BTCUSDT, booked are 2.000"), "{words}");
    // A tick is wanted for the moment at which it becomes an error.
    let due = desk.kernel.next_due_ns().expect("a tick");
    assert_eq!(due, desk.now + 5 * SECOND + 1);
    desk.now = due;
    desk.put(Input::Time);
    assert_eq!(differs(&desk).expect("it differs").0, Status::Error);
    assert_eq!(desk.kernel.verdict(0, true).expect("an asset").status, Status::Error);
    desk.now += SECOND;
    position(&mut desk, "2");
    assert_eq!(differs(&desk), None);
}
