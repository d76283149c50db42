//! Operations on exact decimals. A division rounds, and a product that is told to; both say how.

use core::cmp::Ordering;

use dita_kernel::num::{Decimal, NumError, Rounding, divide, multiply_divide, pow10, product};

/// Why a step has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The result has more than 28 digits before the point.
    Overflow,
    /// The result has more digits than can be held, and nothing says how to round it.
    Inexact,
    /// The divisor is zero.
    DivisionByZero,
    /// A value from outside is not there.
    NoInput,
}

impl Why {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Why::Overflow => "Overflow",
            Why::Inexact => "Inexact",
            Why::DivisionByZero => "DivisionByZero",
            Why::NoInput => "NoInput",
        }
    }
}

impl From<NumError> for Why {
    fn from(error: NumError) -> Why {
        match error {
            NumError::Inexact | NumError::NotANumber => Why::Inexact,
            NumError::Overflow => Why::Overflow,
        }
    }
}

/// An operation on one to three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is what its name says
pub enum Op {
    Add,
    Sub,
    Mul,
    MulRounded { places: u8, rounding: Rounding },
    Div { places: u8, rounding: Rounding },
    Min,
    Max,
    Abs,
    Neg,
    Lt,
    Le,
    Eq,
    And,
    Or,
    Not,
    Select,
}

impl Op {
    /// The operation of a name; places and rounding are the caller's.
    #[must_use]
    pub fn of(name: &str, places: u8, rounding: Rounding) -> Option<Op> {
        Some(match name {
            "add" => Op::Add,
            "sub" => Op::Sub,
            "mul" => Op::Mul,
            "mul_rounded" => Op::MulRounded { places, rounding },
            "div" => Op::Div { places, rounding },
            "min" => Op::Min,
            "max" => Op::Max,
            "abs" => Op::Abs,
            "neg" => Op::Neg,
            "lt" => Op::Lt,
            "le" => Op::Le,
            "eq" => Op::Eq,
            "and" => Op::And,
            "or" => Op::Or,
            "not" => Op::Not,
            "select" => Op::Select,
            _ => return None,
        })
    }

    /// How many values it takes.
    #[must_use]
    pub fn arity(self) -> usize {
        match self {
            Op::Abs | Op::Neg | Op::Not => 1,
            Op::Select => 3,
            Op::Add | Op::Sub | Op::Mul | Op::MulRounded { .. } => 2,
            Op::Div { .. } | Op::Min | Op::Max => 2,
            Op::Lt | Op::Le | Op::Eq | Op::And | Op::Or => 2,
        }
    }

    /// Computes it of one or two values; [`Op::Select`] is the machine's.
    pub(crate) fn of_two(self, a: Decimal, b: Decimal) -> Result<Decimal, Why> {
        match self {
            Op::Add => sum(a, b, false),
            Op::Sub => sum(a, b, true),
            Op::Mul => times(a, b),
            Op::MulRounded { places, rounding } => times_rounded(a, b, places, rounding),
            Op::Div { places, rounding } => quotient(a, b, places, rounding),
            Op::Min => Ok(if compare(a, b)?.is_le() { a } else { b }),
            Op::Max => Ok(if compare(a, b)?.is_ge() { a } else { b }),
            Op::Abs => {
                if a.is_negative() {
                    negated(a)
                } else {
                    Ok(a)
                }
            }
            Op::Neg => negated(a),
            Op::Lt => Ok(yes(compare(a, b)?.is_lt())),
            Op::Le => Ok(yes(compare(a, b)?.is_le())),
            Op::Eq => Ok(yes(compare(a, b)?.is_eq())),
            Op::And => Ok(yes(!a.is_zero() && !b.is_zero())),
            Op::Or => Ok(yes(!a.is_zero() || !b.is_zero())),
            Op::Not => Ok(yes(a.is_zero())),
            Op::Select => Ok(b),
        }
    }
}

fn yes(is: bool) -> Decimal {
    if is { Decimal::ONE } else { Decimal::ZERO }
}

fn negated(a: Decimal) -> Result<Decimal, Why> {
    Ok(Decimal::new(a.mantissa().checked_neg().ok_or(Why::Overflow)?, a.scale())?)
}

/// Both at the finer scale of the two.
fn aligned(a: Decimal, b: Decimal) -> Result<(i128, i128, u8), Why> {
    let scale = a.scale().max(b.scale());
    Ok((a.at_scale(scale)?, b.at_scale(scale)?, scale))
}

fn sum(a: Decimal, b: Decimal, is_difference: bool) -> Result<Decimal, Why> {
    let (a, b, scale) = aligned(a, b)?;
    let total = if is_difference { a.checked_sub(b) } else { a.checked_add(b) };
    Ok(Decimal::normalized(total.ok_or(Why::Overflow)?, scale)?)
}

fn times(a: Decimal, b: Decimal) -> Result<Decimal, Why> {
    let mantissa = product(a.mantissa(), b.mantissa()).ok_or(Why::Overflow)?;
    let scale = a.scale().checked_add(b.scale()).ok_or(Why::Inexact)?;
    Ok(Decimal::normalized(mantissa, scale)?)
}

fn times_rounded(a: Decimal, b: Decimal, places: u8, rounding: Rounding) -> Result<Decimal, Why> {
    let scale = a.scale().checked_add(b.scale()).ok_or(Why::Inexact)?;
    let Some(extra) = scale.checked_sub(places) else { return times(a, b) };
    let unit = pow10(extra).ok_or(Why::Overflow)?;
    let mantissa = multiply_divide(a.mantissa(), b.mantissa(), unit, rounding).ok_or(Why::Overflow)?;
    Ok(Decimal::normalized(mantissa, places)?)
}

fn quotient(a: Decimal, b: Decimal, places: u8, rounding: Rounding) -> Result<Decimal, Why> {
    if b.is_zero() {
        return Err(Why::DivisionByZero);
    }
    // a / 10^sa over b / 10^sb at `places`: (a × 10^(places + sb)) / (b × 10^sa).
    let up = pow10(places.checked_add(b.scale()).ok_or(Why::Overflow)?).ok_or(Why::Overflow)?;
    let down = product(b.mantissa(), pow10(a.scale()).ok_or(Why::Overflow)?).ok_or(Why::Overflow)?;
    let numerator = product(a.mantissa(), up).ok_or(Why::Overflow)?;
    let (numerator, divisor) = match down < 0 {
        true => (numerator.checked_neg().ok_or(Why::Overflow)?, down.checked_neg().ok_or(Why::Overflow)?),
        false => (numerator, down),
    };
    let mantissa = divide(numerator, divisor, rounding).ok_or(Why::Overflow)?;
    Ok(Decimal::normalized(mantissa, places)?)
}

/// How two values compare.
pub(crate) fn compare(a: Decimal, b: Decimal) -> Result<Ordering, Why> {
    if a.scale() == b.scale() {
        return Ok(a.mantissa().cmp(&b.mantissa()));
    }
    let (a, b, _) = aligned(a, b)?;
    Ok(a.cmp(&b))
}
