//! Exits that are attached to a trade: what they are to be, given the trade's figures. What is done about it, the kernel
//! decides (`kernel/attached`).

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::bounds::PARTS_MAX;
use crate::id::Id;
use crate::input::{EXIT_SPECS_MAX, ExitSpec};
use crate::instrument::Instrument;
use crate::kernel::invalid;
use crate::names::{ExitKind, OrderSide, OrderType, TradeSide, TriggerBy};
use crate::num::{Decimal, MONEY_SCALE, Price, Qty, Rounding, multiply_divide};
use crate::order::OrderRef;
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};
use crate::slot::EXITS_MAX;

const ONE: i128 = 1_000_000_000_000_000_000;
/// A TRAIL follows a mark that is better by one part in so many of its distance.
const TRAIL_PARTS: i128 = 10;
/// An offset is below this many times the price.
const OFFSET_MAX: i128 = 100 * ONE;
/// So many orders of a trade's exits are looked at one by one; of older ones only what they sold is kept.
pub(crate) const LEGS_MAX: usize = 32;

/// The exits of a slot's trade, and what has become of them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attached {
    /// The intent that brought them.
    pub intent_id: Id,
    /// Each with what has come of it.
    pub exits: Vec<Exit>,
    /// The orders that were sent for them, oldest first.
    pub legs: Vec<Leg>,
    /// The best mark that moved a TRAIL.
    pub best: Option<Price>,
    /// How a size or a price is changed at this venue, as far as it has refused.
    pub way: Ways,
    /// Since when the position has had no stop, kernel time, ns.
    pub bare_since_ns: Option<i64>,
    /// True once that was told.
    pub alarmed: bool,
    /// When a tick has something to do for them, kernel time, ns.
    pub wake_ns: Option<i64>,
}

/// One exit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exit {
    /// What was asked for.
    pub spec: ExitSpec,
    /// True once the strategy has canceled it.
    pub withdrawn: bool,
    /// What orders sold that are not among the legs any more.
    pub sold: Qty,
    /// TRAIL: the trigger as it was last set.
    pub trail: Option<Price>,
    /// TRAIL: when its stop was last moved, kernel time, ns.
    pub moved_ns: Option<i64>,
    /// What the venue was last asked for.
    pub tried: Option<Tried>,
}

/// What the venue was asked for, and how often.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tried {
    /// What.
    pub wanted: Wanted,
    /// How often.
    pub times: u32,
    /// Not again before, kernel time, ns.
    pub after_ns: i64,
}

/// An order that was sent for an exit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Leg {
    /// The exit's place.
    pub exit: u32,
    /// The order.
    pub order: OrderRef,
    /// What it had filled when it was last looked at.
    pub filled: Qty,
    /// True once it was seen to be wanted no more: its end is no refusal.
    pub leaving: bool,
    /// True once it was seen to have ended.
    pub over: bool,
    /// True while it has been asked to change, and has not been seen to have done so.
    pub changing: bool,
}

/// How an exit's size or price is changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// The order is amended.
    Amend,
    /// A new one is sent, then the old one canceled: of stops alone, as two targets could both fill.
    NewFirst,
    /// The old one is canceled, then a new one sent.
    CancelFirst,
}

/// How the exits of a trade are changed, as far as the venue has refused: its stops, and its targets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Ways {
    /// All are amended.
    Amend,
    /// A new stop is sent first; targets are amended.
    NewStopFirst,
    /// A stop is canceled first; targets are amended.
    CancelStopFirst,
    /// Stops are amended; a target is canceled first.
    CancelTargetFirst,
    /// A new stop is sent first; a target is canceled first.
    NewStopFirstCancelTargetFirst,
    /// All are canceled first.
    CancelFirst,
}

impl Ways {
    fn of_both(stops: Way, targets: Way) -> Ways {
        match (stops, targets) {
            (Way::Amend, Way::Amend) => Ways::Amend,
            (Way::NewFirst, Way::Amend) => Ways::NewStopFirst,
            (Way::CancelFirst, Way::Amend) => Ways::CancelStopFirst,
            (Way::Amend, Way::NewFirst | Way::CancelFirst) => Ways::CancelTargetFirst,
            (Way::NewFirst, Way::NewFirst | Way::CancelFirst) => Ways::NewStopFirstCancelTargetFirst,
            (Way::CancelFirst, Way::NewFirst | Way::CancelFirst) => Ways::CancelFirst,
        }
    }

    /// How an exit of that kind is changed.
    pub fn of(self, kind: ExitKind) -> Way {
        let (stops, targets) = match self {
            Ways::Amend => (Way::Amend, Way::Amend),
            Ways::NewStopFirst => (Way::NewFirst, Way::Amend),
            Ways::CancelStopFirst => (Way::CancelFirst, Way::Amend),
            Ways::CancelTargetFirst => (Way::Amend, Way::CancelFirst),
            Ways::NewStopFirstCancelTargetFirst => (Way::NewFirst, Way::CancelFirst),
            Ways::CancelFirst => (Way::CancelFirst, Way::CancelFirst),
        };
        match kind {
            ExitKind::Stop | ExitKind::Trail => stops,
            ExitKind::Target => targets,
        }
    }

    /// The venue has refused to change an exit of that kind: from now on it goes at least that way, and the other kind as
    /// before.
    pub(crate) fn after_refusal(self, kind: ExitKind, way: Way) -> Ways {
        let (stops, targets) = (self.of(ExitKind::Stop), self.of(ExitKind::Target));
        match kind {
            ExitKind::Stop | ExitKind::Trail => Ways::of_both(stops.max(way), targets),
            ExitKind::Target => Ways::of_both(stops, targets.max(way)),
        }
    }
}

/// What is to rest for an exit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// What it is still to sell.
    pub qty: Qty,
    /// Its type.
    pub order_type: OrderType,
    /// Its limit, where the type has one.
    pub limit: Option<Price>,
    /// Its trigger, where the type has one.
    pub trigger: Option<Price>,
    /// Which price the trigger is held against.
    pub trigger_by: TriggerBy,
}

/// A trade's figures, as far as its exits depend on them.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// The position's side.
    pub side: TradeSide,
    /// What is held, unsigned.
    pub held: Qty,
    /// What the strategy's own exits will sell of it: targets share the rest.
    pub taken: Qty,
    /// What its own stops guard of it: the attached one guards the rest.
    pub guarded: Qty,
    /// What entries filled.
    pub initial: Qty,
    /// The average entry price.
    pub average: Option<Price>,
}

impl Attached {
    /// Those of an intent; `None` where it brings none.
    pub(crate) fn of(intent_id: &Id, specs: &[ExitSpec]) -> Option<Box<Attached>> {
        if specs.is_empty() {
            return None;
        }
        let exits = specs.iter().map(|spec| Exit {
            spec: spec.clone(),
            withdrawn: false,
            sold: Qty::ZERO,
            trail: None,
            moved_ns: None,
            tried: None,
        });
        Some(Box::new(Attached {
            intent_id: intent_id.clone(),
            exits: exits.collect(),
            legs: Vec::new(),
            best: None,
            way: Ways::Amend,
            bare_since_ns: None,
            alarmed: false,
            wake_ns: None,
        }))
    }

    /// True where one of them that is not withdrawn guards against loss.
    pub(crate) fn guards(&self) -> bool {
        self.exits.iter().any(|exit| exit.spec.kind != ExitKind::Target && !exit.withdrawn)
    }

    /// True where stored ones are such as an intent may bring, and each order is of one of them.
    pub(crate) fn is_sound(&self, side: TradeSide) -> bool {
        let specs: Vec<ExitSpec> = self.exits.iter().map(|exit| exit.spec.clone()).collect();
        let places = self.exits.len();
        !specs.is_empty()
            && check_specs(&specs, side).is_ok()
            && self.legs.len() <= LEGS_MAX.saturating_add(EXITS_MAX.saturating_mul(PARTS_MAX))
            && self.legs.iter().all(|leg| (leg.exit as usize) < places)
    }

    /// What is to rest for each exit, in their order; `sold` is what each has sold. `None` where nothing is.
    pub(crate) fn wanted(&self, rules: &Instrument, of: Figures, sold: &[Qty]) -> Vec<Option<Wanted>> {
        let beside = |taken: Qty| if taken < of.held { of.held - taken } else { Qty::ZERO };
        let mut left = rules.whole_lots(beside(of.taken));
        let whole = rules.whole_lots(beside(of.guarded));
        let mut ratios: i128 = 0;
        let mut given = Qty::ZERO;
        let mut all = Vec::with_capacity(self.exits.len());
        for (exit, sold) in self.exits.iter().zip(sold) {
            let qty = match exit.spec.kind {
                ExitKind::Stop | ExitKind::Trail => whole,
                ExitKind::Target => {
                    let ratio = exit.spec.ratio.at_scale(MONEY_SCALE).unwrap_or(0);
                    ratios = ratios.saturating_add(ratio);
                    let part = part_of(rules, of.initial, ratio);
                    let target = if ratios >= ONE { of.initial - given } else { part };
                    given += part;
                    let rest = rules.whole_lots(if target > *sold { target - *sold } else { Qty::ZERO });
                    let qty = if rest < left { rest } else { left };
                    if !exit.withdrawn {
                        left -= qty;
                    }
                    qty
                }
            };
            let wanted = if exit.withdrawn || qty.is_zero() { None } else { self.one(rules, of, exit, qty) };
            all.push(wanted);
        }
        all
    }

    fn one(&self, rules: &Instrument, of: Figures, exit: &Exit, qty: Qty) -> Option<Wanted> {
        let ExitSpec { kind, trigger_price, offset, limit_price, trigger_by, .. } = &exit.spec;
        let side = closing_side(of.side);
        let limit = match limit_price {
            Some(value) => Some(usable(rules, *value, side)?),
            None => None,
        };
        let order_type = match (kind, limit) {
            (ExitKind::Stop, None) | (ExitKind::Trail, _) => OrderType::StopMarket,
            (ExitKind::Stop, Some(_)) => OrderType::StopLimit,
            (ExitKind::Target, None) => OrderType::TakeProfit,
            (ExitKind::Target, Some(_)) => OrderType::Limit,
        };
        // Where the venue names no largest market order one order is all that it gets.
        let capped = rules.max_qty.filter(|max| qty > *max && rules.market_max(order_type).is_none());
        let qty = capped.unwrap_or(qty);
        let trigger = match (kind, trigger_price, offset) {
            (ExitKind::Trail, _, Some(offset)) => Some(self.trailed(rules, of, exit, *offset)?),
            (_, Some(value), _) => Some(usable(rules, *value, side)?),
            (_, None, Some(offset)) => {
                let up = (side == OrderSide::Buy) == (*kind == ExitKind::Stop);
                let distance = part_of_price(of.average?, *offset, up, side)?;
                Some(moved(rules, of.average?, distance, up, side)?)
            }
            (_, None, None) => None,
        };
        Some(Wanted { qty, order_type, limit, trigger, trigger_by: *trigger_by })
    }

    /// So far behind the best mark, or where it is, if that is tighter.
    fn trailed(&self, rules: &Instrument, of: Figures, exit: &Exit, offset: Decimal) -> Option<Price> {
        let side = closing_side(of.side);
        let best = self.best.or(of.average)?;
        let up = side == OrderSide::Buy;
        let distance = part_of_price(of.average?, offset, up, side)?;
        let behind = moved(rules, best, distance, up, side);
        match (behind, exit.trail) {
            (Some(behind), Some(trail)) if is_better(side, trail, behind) && !planted(Bug::TrailLoosens) => {
                Some(trail)
            }
            (Some(behind), _) => Some(behind),
            (None, trail) => trail,
        }
    }

    /// True where a mark moves the stop of a TRAIL: it is better than the best one by a tenth of the distance.
    pub(crate) fn is_moved_by(&self, of: Figures, mark: Price) -> bool {
        let side = closing_side(of.side);
        let trails = |exit: &&Exit| exit.spec.kind == ExitKind::Trail && !exit.withdrawn;
        let Some(exit) = self.exits.iter().find(trails).filter(|_| !of.held.is_zero()) else { return false };
        let (Some(average), Some(offset)) = (of.average, exit.spec.offset) else { return false };
        let Some(distance) = part_of_price(average, offset, side == OrderSide::Buy, side) else {
            return false;
        };
        let best = self.best.unwrap_or(average);
        let gain = if side == OrderSide::Sell {
            mark.0.saturating_sub(best.0)
        } else {
            best.0.saturating_sub(mark.0)
        };
        gain > 0 && gain.saturating_mul(TRAIL_PARTS) >= distance.0
    }
}

/// The side of an order that closes such a position.
pub(crate) fn closing_side(side: TradeSide) -> OrderSide {
    match side {
        TradeSide::Short => OrderSide::Buy,
        TradeSide::Long | TradeSide::Flat => OrderSide::Sell,
    }
}

/// True where a stop of that order's side is tighter at the first price.
pub(crate) fn is_better(side: OrderSide, price: Price, than: Price) -> bool {
    match side {
        OrderSide::Sell => price > than,
        OrderSide::Buy => price < than,
    }
}

fn part_of(rules: &Instrument, whole: Qty, ratio: i128) -> Qty {
    rules.whole_lots(Qty(multiply_divide(whole.0, ratio, ONE, Rounding::Floor).unwrap_or(0)))
}

/// How far a fraction of a price is, such that the price there is rounded to the passive side.
fn part_of_price(price: Price, part: Decimal, up: bool, side: OrderSide) -> Option<Price> {
    let rounding = if up == (side == OrderSide::Sell) { Rounding::Ceiling } else { Rounding::Floor };
    multiply_divide(price.0, part.at_scale(MONEY_SCALE).ok()?, ONE, rounding).map(Price)
}

/// A price so far up or down, on the tick to the passive side; `None` where there is no such price.
fn moved(rules: &Instrument, from: Price, distance: Price, up: bool, side: OrderSide) -> Option<Price> {
    let price = if up { from.0.checked_add(distance.0)? } else { from.0.checked_sub(distance.0)? };
    if price <= 0 {
        return None;
    }
    usable(rules, rules.price_decimal(Price(price)), side)
}

/// A price that the venue takes.
fn usable(rules: &Instrument, value: Decimal, side: OrderSide) -> Option<Price> {
    let price = rules.limit_price(value, side).ok()?;
    (price.0 > 0 && rules.max_price.is_none_or(|max| price <= max)).then_some(price)
}

/// Whether an intent may bring these along.
pub(crate) fn check_specs(specs: &[ExitSpec], side: TradeSide) -> Result<(), Box<Refusal>> {
    if specs.len() > EXIT_SPECS_MAX {
        return Err(invalid("exits", specs.len(), "are more than 6"));
    }
    let mut sum: i128 = 0;
    for (at, spec) in specs.iter().enumerate() {
        check_spec_alone(spec)?;
        check_offset(spec, side)?;
        if spec.kind == ExitKind::Target {
            sum = sum.saturating_add(spec.ratio.at_scale(MONEY_SCALE).unwrap_or(ONE));
        } else if specs.iter().take(at).any(|other| other.kind == spec.kind) {
            return Err(invalid("exits.kind", spec.kind, "may be there once: it covers all that is held"));
        }
    }
    if sum > ONE {
        return Err(invalid(
            "exits.ratio",
            crate::num::Money(sum),
            "the ratios of TARGETs must sum to at most 1",
        ));
    }
    Ok(())
}

/// What lies below the average entry price cannot be further away than zero is.
fn check_offset(spec: &ExitSpec, side: TradeSide) -> Result<(), Box<Refusal>> {
    let Some(offset) = spec.offset else { return Ok(()) };
    let below = (side == TradeSide::Short) == (spec.kind == ExitKind::Target);
    if below && offset.at_scale(MONEY_SCALE).unwrap_or(ONE) >= ONE {
        return Err(invalid("exits.offset", offset, "must be below 1: it is below the entry price"));
    }
    Ok(())
}

/// Whether an exit makes sense by itself, for whichever side.
///
/// # Errors
/// The field that does not, as `exits.<field>`.
pub fn check_spec_alone(spec: &ExitSpec) -> Result<(), Box<Refusal>> {
    let prices = [("exits.trigger_price", spec.trigger_price), ("exits.limit_price", spec.limit_price)];
    for (field, value) in prices {
        if let Some(value) = value.filter(|value| !value.is_positive()) {
            return Err(invalid(field, value, "must be above zero"));
        }
    }
    let within = |value: Decimal, most: i128| {
        value.at_scale(MONEY_SCALE).is_ok_and(|mantissa| mantissa > 0 && mantissa <= most)
    };
    if let Some(offset) = spec.offset.filter(|offset| !within(*offset, OFFSET_MAX - 1)) {
        return Err(invalid(
            "exits.offset",
            offset,
            "must be above 0 and below 100, with at most 18 decimals",
        ));
    }
    if !within(spec.ratio, ONE) {
        return Err(invalid(
            "exits.ratio",
            spec.ratio,
            "must be above 0 and at most 1, with at most 18 decimals",
        ));
    }
    if spec.kind != ExitKind::Target && spec.ratio.at_scale(MONEY_SCALE) != Ok(ONE) {
        let why = "must be 1: a STOP or a TRAIL covers all that is held";
        return Err(invalid("exits.ratio", spec.ratio, why));
    }
    if spec.limit_price.is_some() && spec.trigger_by == TriggerBy::Mark && spec.kind == ExitKind::Target {
        return Err(invalid(
            "exits.trigger_by",
            spec.trigger_by,
            "belongs to a trigger, and this rests at its limit",
        ));
    }
    let given = (spec.trigger_price.is_some(), spec.offset.is_some(), spec.limit_price.is_some());
    match (spec.kind, given) {
        (ExitKind::Stop, (true, false, _) | (false, true, _))
        | (ExitKind::Target, (true, false, false) | (false, true, false) | (false, false, true))
        | (ExitKind::Trail, (false, true, false)) => Ok(()),
        (ExitKind::Stop, _) => Err(invalid(
            "exits.trigger_price",
            shown(spec.trigger_price),
            "or offset: a STOP has one of them",
        )),
        (ExitKind::Target, _) => Err(invalid(
            "exits.trigger_price",
            shown(spec.trigger_price),
            "or offset, or limit_price: a TARGET has one of them",
        )),
        (ExitKind::Trail, _) => {
            Err(invalid("exits.offset", shown(spec.offset), "is what a TRAIL has, and no price"))
        }
    }
}

fn shown(value: Option<Decimal>) -> alloc::string::String {
    value.map_or_else(|| "None".into(), |value| alloc::string::ToString::to_string(&value))
}
