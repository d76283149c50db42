use super::division::multiply_divide_wide;
use super::*;
use alloc::string::ToString;
use proptest::prelude::*;

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or(Decimal::ZERO)
}

#[test]
fn decimals_parse_exactly_or_not_at_all() {
    for (text, mantissa, scale) in [
        ("0.1", 1, 1),
        ("-0.10", -10, 2),
        ("1e-7", 1, 7),
        ("1E+3", 1000, 0),
        ("+5", 5, 0),
        (".5", 5, 1),
        ("5.", 5, 0),
        ("61800.30", 6_180_030, 2),
        ("0E-30", 0, 28),
    ] {
        let value = Decimal::parse(text);
        assert_eq!(value.map(|v| (v.mantissa(), v.scale())), Ok((mantissa, scale)), "{text}");
    }
    for text in ["", "nan", "NaN", "inf", "-Infinity", "1.2.3", "1e", "e5", "--1", "0x10", "1_000", "1,5"] {
        assert_eq!(Decimal::parse(text), Err(NumError::NotANumber), "{text}");
    }
    assert_eq!(Decimal::parse("1e40"), Err(NumError::Overflow));
    assert!(Decimal::parse("1e-40").is_err());
}

#[test]
fn decimals_are_equal_by_value() {
    assert_eq!(dec("1.0"), dec("1.00"));
    assert_ne!(dec("1.0"), dec("1.01"));
    assert_eq!(dec("-2.50").to_string(), "-2.50");
}

#[test]
fn rounding_names_its_direction() {
    use Rounding::{Ceiling, Down, Floor, HalfEven, HalfUp, Up};
    for (value, divisor, mode, want) in [
        (25, 10, HalfEven, 2),
        (35, 10, HalfEven, 4),
        (-25, 10, HalfEven, -2),
        (26, 10, HalfEven, 3),
        (29, 10, Down, 2),
        (-29, 10, Down, -2),
        (21, 10, Up, 3),
        (-21, 10, Up, -3),
        (-21, 10, Floor, -3),
        (21, 10, Floor, 2),
        (21, 10, Ceiling, 3),
        (-29, 10, Ceiling, -2),
        (25, 10, HalfUp, 3),
        (-25, 10, HalfUp, -3),
        (24, 10, HalfUp, 2),
        (-24, 10, HalfUp, -2),
        (-26, 10, HalfUp, -3),
    ] {
        assert_eq!(divide(value, divisor, mode), Some(want), "{value}/{divisor} {mode:?}");
        assert_eq!(
            multiply_divide_wide(value, 1, divisor, mode),
            Some(want),
            "wide {value}/{divisor} {mode:?}"
        );
    }
    assert_eq!(divide(1, 0, Down), None);
}

proptest! {
    #[test]
    fn short_ways_lead_where_the_long_one_does(
        value in any::<i128>(), drop in 0_u32..127, divisor in 1_i128..i128::MAX, shrink in 0_u32..126, zeros in 0_u8..38,
        mantissa in -(1_i128 << 95)..(1_i128 << 95), narrow in 0_u32..95, from in 0_u8..=28, to in 0_u8..=28,
    ) {
        for (value, divisor) in [(value >> drop, (divisor >> shrink).max(1)), (value >> drop, POW10[usize::from(zeros)])] {
            prop_assert_eq!(divide(value, divisor, Rounding::Down), Some(value / divisor));
            prop_assert_eq!(divide(value, divisor, Rounding::Floor), Some(value.div_euclid(divisor)));
        }
        let decimal = Decimal::new(mantissa >> narrow, from).map_err(|_| TestCaseError::fail("out of range"))?;
        if to >= from {
            let long = (mantissa >> narrow).checked_mul(POW10[usize::from(to - from)]);
            prop_assert_eq!(decimal.at_scale(to).ok(), long);
        }
    }
}

#[test]
fn wide_product_survives_where_128_bits_do_not() {
    let cost = 10_i128.pow(30);
    assert_eq!(product(cost, cost), None);
    assert_eq!(multiply_divide(cost, cost, cost, Rounding::HalfEven), Some(cost));
}

#[test]
fn a_rate_takes_its_part_to_the_unit() {
    let rate = Rate::from_decimal(dec("0.0005")).unwrap_or(Rate::ZERO);
    let notional = Money::from_decimal(dec("61800.30")).unwrap_or_default();
    assert_eq!(rate.of(notional, 8, Rounding::HalfEven).to_string(), "30.90015");
    let odd = Money::from_decimal(dec("0.00001")).unwrap_or_default();
    assert_eq!(rate.of(odd, 8, Rounding::Up).to_string(), "0.00000001");
    assert!(Rate::from_decimal(dec("1.1")).is_err());
}

#[test]
fn amounts_beyond_the_bound_are_refused() {
    assert_eq!(Money::from_decimal(dec("1000000000000001")), Err(NumError::Overflow));
    assert!(Money::from_decimal(dec("1000000000000000")).is_ok());
    assert_eq!(Money::from_decimal(dec("0.0000000000000000001")), Err(NumError::Inexact));
}
