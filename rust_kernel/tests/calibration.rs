//! Fees that were seen, held against the prediction: how far off, and why.

use crate::common::{Desk, dec, id};
use dita_kernel::calibration::FeeDeviation as Why;
use dita_kernel::input::{FeeSample, Input, InstrumentSpec};
use dita_kernel::names::{KernelDiagnosticCode as Code, KernelEventKind as Kind, Liquidity, OrderSide};
use dita_kernel::outcome::Outcome;

fn sample(fee: &str) -> FeeSample {
    FeeSample {
        symbol: id("BTCUSDT"),
        price: dec("61800.3"),
        size: dec("0.5"),
        fee: dec(fee),
        fee_asset: id(""),
        order_side: None,
        liquidity: None,
    }
}

fn calibrate(desk: &mut Desk, sample: FeeSample) -> Outcome {
    desk.put(Input::Calibration(Box::new(sample)))
}

#[test]
#[rustfmt::skip]
fn a_deviation_has_a_reason() {
    // 0.5 at 61,800.3 is 30,900.15; a taker pays 0.05 %, a maker 0.02 %.
    for (liquidity, fee, asset, why, rate, what) in [
        (Liquidity::Taker, "15.450075",   "",     Why::AsPredicted,   Some("0.0005"),  "to the unit"),
        (Liquidity::Taker, "15.45007501", "USDT", Why::AsPredicted,   None,            "within it"),
        (Liquidity::Taker, "6.18003",     "",     Why::MakerNotTaker, Some("0.0002"),  "charged as a maker"),
        (Liquidity::Maker, "15.450075",   "",     Why::TakerNotMaker, Some("0.0005"),  "charged as a taker"),
        (Liquidity::Taker, "12.36006",    "",     Why::OtherTier,     Some("0.0004"),  "a better tier"),
        (Liquidity::Taker, "0",           "",     Why::OtherTier,     Some("0"),       "no fees at all"),
        (Liquidity::Taker, "13.9050675",  "",     Why::DiscountAsset, Some("0.00045"), "10 % less"),
        (Liquidity::Taker, "11.58755625", "",     Why::DiscountAsset, Some("0.000375"), "25 % less"),
        (Liquidity::Taker, "0.0257",      "BNB",  Why::DiscountAsset, None,            "in another asset"),
        (Liquidity::Maker, "-3.090015",   "",     Why::Rebate,        Some("-0.0001"), "paid to us"),
        (Liquidity::Taker, "12.3456789",  "",     Why::Unknown,       None,            "no rate of any tier"),
        (Liquidity::Taker, "309.0015",    "",     Why::Unknown,       Some("0.01"),    "one percent is no tier"),
    ] {
        let mut desk = Desk::new();
        let mut seen = sample(fee);
        (seen.fee_asset, seen.liquidity) = (id(asset), Some(liquidity));
        assert_eq!(calibrate(&mut desk, seen).code, Code::Ok);
        let last = desk.kernel.calibration(0, liquidity).expect("known").meter.last.expect("a sample");
        assert_eq!(last.why, why, "{what}: {last:?}");
        if let Some(rate) = rate {
            assert_eq!(last.implied_rate, Some(dec(rate)), "{what}");
        }
        desk.assert_replays();
    }
}

#[test]
fn the_ratio_is_an_average_of_weight_a_tenth() {
    let mut desk = Desk::new();
    for fee in ["15.450075", "16.9950825", "0"] {
        calibrate(&mut desk, sample(fee));
    }
    let meter = desk.kernel.calibration(0, Liquidity::Taker).expect("known").meter;
    assert_eq!((meter.samples, meter.ratio_ema.expect("an average").to_string().as_str()), (3, "0.909"));
    let mut elsewhere = sample("0.03");
    elsewhere.fee_asset = id("BNB");
    calibrate(&mut desk, elsewhere);
    let meter = desk.kernel.calibration(0, Liquidity::Taker).expect("known").meter;
    assert_eq!(meter.samples, 3, "what cannot be compared does not count");
    assert_eq!(desk.kernel.calibration(0, Liquidity::Maker).expect("known").meter.samples, 0);
}

/// A stranger's fill of one whole value with its fee.
fn fill(desk: &mut Desk, trade: usize, size: &str, fee: &str) {
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(if trade.is_multiple_of(2) { OrderSide::Buy } else { OrderSide::Sell });
        event.venue_trade_id = id(&format!("T{trade}"));
        event.size = Some(dec(size));
        event.price = Some(dec("99.9"));
        event.fee = Some(dec(fee));
        event.liquidity = Some(Liquidity::Taker);
    });
}

#[test]
#[rustfmt::skip]
fn fills_show_the_rate_that_the_venue_charges() {
    // 0.1 at 99.9 is 9.99: 0.004995 at the configured rate, 0.003996 at 0.04 %.
    type Fill = (&'static str, &'static str);
    let usual: Fill = ("0.1", "0.004995");
    let cheap: Fill = ("0.1", "0.003996");
    for (fills, observed, changes, what) in [
        (&[usual, usual, usual][..],                   "0.0005",  0, "as configured"),
        (&[usual, cheap, cheap][..],                   "0.0005",  0, "two are not enough"),
        (&[usual, cheap, cheap, cheap][..],            "0.0004",  1, "three are"),
        (&[cheap, usual, cheap, usual, cheap][..],     "0.0005",  0, "not in a row"),
        (&[cheap, cheap, cheap, usual, usual, usual][..], "0.0005", 2, "and back"),
        (&[("0.001", "0.00004995"), ("0.001", "0.00003996"), ("0.001", "0.00003996"), ("0.1", "0.00399601")][..], "0.0004", 1, "beyond rounding"),
        (&[("0.1", "-0.000999"), ("0.1", "-0.000999"), ("0.1", "-0.000999")][..], "-0.0001", 1, "a rebate"),
    ] as [(&[Fill], &str, usize, &str); 7] {
        let mut desk = Desk::with(dita_kernel::kernel::KernelConfig { max_slots: 3, ..Default::default() });
        for (trade, (size, fee)) in fills.iter().enumerate() {
            fill(&mut desk, trade, size, fee);
        }
        let calibration = desk.kernel.calibration(0, Liquidity::Taker).expect("known");
        assert_eq!((calibration.observed, calibration.changes.len()), (dec(observed), changes), "{what}: {calibration:?}");
        assert_eq!(calibration.configured, dec("0.0005"));
    }
}

#[test]
fn a_fee_of_the_other_sign_is_a_negative_part_of_what_was_expected() {
    let mut desk = Desk::new();
    for (fee, ratio) in [("15.450075", "1"), ("-1.5450075", "-0.1")] {
        calibrate(&mut desk, sample(fee));
        let last = desk.kernel.calibration(0, Liquidity::Taker).expect("known").meter.last.expect("a sample");
        assert_eq!(last.ratio.expect("comparable").to_string(), ratio);
    }
}

/// What each fill brings beside its fee: its price, the fee, and the fee's asset.
type Told = (Option<&'static str>, Option<&'static str>, &'static str);

#[test]
fn the_rate_is_seen_in_fees_that_were_told_of_fills_with_a_value() {
    let price = Some("99.9");
    let cheap: Told = (price, Some("0.003996"), "");
    for (fee_asset, told, observed, what) in [
        ("", [cheap, cheap, (price, None, ""), cheap], "0.0004", "what was predicted shows nothing"),
        ("BNB", [(price, Some("0.003996"), "USDT"); 4], "0.0004", "in what it settles in"),
        ("BNB", [(price, Some("0.003996"), "DOGE"); 4], "0.0005", "in neither"),
        ("", [(None, Some("0.003996"), ""); 4], "0.0005", "of fills whose price is not known yet"),
    ] {
        let mut desk = Desk::with(dita_kernel::kernel::KernelConfig { max_slots: 3, ..Default::default() });
        let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        spec.fee_asset = id(fee_asset);
        assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
        for (trade, (price, fee, asset)) in told.into_iter().enumerate() {
            desk.event(Kind::FullFill, &id("stranger"), |event| {
                (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
                event.venue_trade_id = id(&format!("T{trade}"));
                (event.size, event.price) = (Some(dec("0.1")), price.map(dec));
                (event.fee, event.fee_asset) = (fee.map(dec), id(asset));
                event.liquidity = Some(Liquidity::Taker);
            });
        }
        let calibration = desk.kernel.calibration(0, Liquidity::Taker).expect("known");
        assert_eq!(calibration.observed, dec(observed), "{what}: {calibration:?}");
    }
}

#[test]
#[rustfmt::skip]
fn a_sample_that_cannot_be_is_refused() {
    type Change = fn(&mut FeeSample);
    for (change, field) in [
        ((|s| s.symbol = id("NONE")) as Change,   "asset"),
        ((|s| s.price = dec("0")) as Change,      "fill_price"),
        ((|s| s.size = dec("-1")) as Change,      "fill_qty"),
        ((|s| s.size = dec("0.0001")) as Change,  "fill_qty"),
        ((|s| s.fee = dec("1e27")) as Change,     "actual_fee"),
    ] {
        let mut wanted = sample("1");
        change(&mut wanted);
        let outcome = calibrate(&mut Desk::new(), wanted);
        assert_eq!(outcome.code, Code::InvalidIntent);
        assert!(format!("{:?}", outcome.detail).contains(&format!("field: {field:?}")), "{field}: {:?}", outcome.detail);
    }
}
