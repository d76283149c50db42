//! What a trade's attached exits must be, worked out anew from the trade and from what was asked for.

use dita_kernel::attached::{Attached, Exit};
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{ExitKind, OrderDoubt, TradeSide, VenueOrderStatus as Status};
use dita_kernel::num::Decimal;
use dita_kernel::order::{Order, OrderRole};
use dita_kernel::slot::Slot;

use super::compare::{Compared, Figure};
use crate::trouble::Trouble;

const ONE: i128 = 1_000_000_000_000_000_000;

fn wrong(slot_id: u32, what: impl core::fmt::Display) -> Trouble {
    Trouble::new("exits", format!("slot {slot_id}: {what}"))
}

/// Holds the attached exits of each open trade against what they must be. While a request of theirs is open nobody can say.
pub(crate) fn compare(kernel: &Kernel, compared: &mut Compared) -> Result<(), Trouble> {
    for (slot_id, slot) in (0_u32..).zip(kernel.slots()) {
        let Some(attached) = slot.attached.as_deref().filter(|_| !slot.stage.is_free()) else { continue };
        let all: Vec<&Order> = kernel
            .orders()
            .iter()
            .filter(|order| order.role == OrderRole::Exit && order.slot_id == slot_id)
            .filter(|order| order.trade_number == slot.trade_number)
            .collect();
        let orders: Vec<&Order> = all.iter().copied().filter(|order| order.is_attached()).collect();
        let open = attached.wake_ns.is_some() || all.iter().any(|order| is_open(order));
        compared.count(Figure::Exits, open);
        if !open {
            let rules = &kernel.instruments()[slot.instrument as usize];
            one(slot_id, slot, attached, (&orders, &all), rules)?;
        }
    }
    Ok(())
}

fn is_open(order: &Order) -> bool {
    let pending = matches!(
        order.reported_status(),
        Status::New | Status::Sent | Status::PendingCancel | Status::PendingReplace
    );
    let asked = order.cancel_requested || order.amendment().is_some();
    order.is_live() && (pending || asked || order.doubt != OrderDoubt::None || order.is_unheard())
}

fn one(
    slot_id: u32,
    slot: &Slot,
    attached: &Attached,
    (orders, all): (&[&Order], &[&Order]),
    rules: &Instrument,
) -> Result<(), Trouble> {
    let lots = |quantity: i128| quantity - quantity % rules.lot.0;
    // What the strategy's own exits sell or guard is not for the attached ones.
    let taken = |protects: bool| {
        let own = all.iter().filter(|order| !order.is_attached() && order.is_live());
        let of_kind = own.filter(|order| order.order_type.is_protective() == protects);
        of_kind.map(|order| order.qty.0 - order.filled.0).sum::<i128>()
    };
    let guarded = lots((slot.basis.qty.0.abs() - taken(true)).max(0));
    let (mut left, mut ratios, mut given) = (lots((slot.basis.qty.0.abs() - taken(false)).max(0)), 0, 0);
    for (at, exit) in attached.exits.iter().enumerate() {
        let own = |number: u64| {
            attached.legs.iter().any(|leg| leg.exit as usize == at && leg.order.number == number)
        };
        let of_exit: Vec<&&Order> = orders.iter().filter(|order| own(order.number)).collect();
        let sold = exit.sold.0 + of_exit.iter().map(|order| order.filled.0).sum::<i128>();
        let mut wanted = guarded;
        if exit.spec.kind == ExitKind::Target {
            let ratio = exit.spec.ratio.at_scale(18).unwrap_or(0);
            let part = lots(slot.initial.0 * ratio / ONE);
            ratios += ratio;
            let whole = if ratios == ONE { slot.initial.0 - given } else { part };
            given += part;
            wanted = lots((whole - sold).max(0)).min(left);
            if !exit.withdrawn {
                left -= wanted;
            }
        }
        if exit.withdrawn {
            wanted = 0;
        }
        let live: Vec<&&&Order> = of_exit.iter().filter(|order| order.is_live()).collect();
        // What the venue has refused over and over is not asked for any more: then they cover less.
        let is_new = exit.tried.as_ref().is_none_or(|tried| tried.after_ns != i64::MAX);
        if live.len() > 1 && is_new && !are_parts(&live, wanted, rules) {
            return Err(wrong(slot_id, format_args!("two orders work for exit {at}: {live:?}")));
        }
        if live.is_empty() && has_tighter(slot, attached, orders, at, rules) {
            continue;
        }
        match live.first() {
            Some(_) if live.len() > 1 => {
                for order in &live {
                    works(slot_id, slot, exit, order, order.qty.0 - order.filled.0, rules)?;
                }
            }
            Some(order) => works(slot_id, slot, exit, order, wanted, rules)?,
            None if wanted > 0 && may_rest(slot, exit, wanted, rules) => {
                return Err(wrong(
                    slot_id,
                    format_args!("nothing works for exit {at}: {exit:?}, {of_exit:?}"),
                ));
            }
            None => {}
        }
    }
    Ok(())
}

/// Of a STOP and a TRAIL only the tighter works.
fn has_tighter(slot: &Slot, attached: &Attached, orders: &[&Order], at: usize, rules: &Instrument) -> bool {
    let Some(exit) = attached.exits.get(at).filter(|exit| exit.spec.kind != ExitKind::Target) else {
        return false;
    };
    let guards = |order: &&&Order| order.is_live() && order.order_type.is_protective();
    let tick = if slot.side == TradeSide::Short { -rules.tick.0 } else { rules.tick.0 };
    let sign = tick.signum();
    orders.iter().filter(guards).filter_map(|order| order.trigger_price()).any(|stands| {
        // Where a TRAIL was never sent nobody has noted where it would be: the other one works.
        let wanted = price_of(slot, exit, rules);
        wanted.is_none_or(|wanted| (stands.0 + tick) * sign >= wanted * sign)
    })
}

/// Several work for one exit where the venue takes no order as large: together they are what is wanted.
fn are_parts(live: &[&&&Order], wanted: i128, rules: &Instrument) -> bool {
    let most = rules.spec.bounds.as_ref().and_then(|bounds| bounds.market_max_qty);
    let Some(most) = most.and_then(|most| rules.qty(most).ok()) else { return false };
    let unfilled = || live.iter().map(|order| order.qty.0 - order.filled.0);
    unfilled().all(|part| part <= most.0) && unfilled().sum::<i128>() == wanted
}

/// True where the venue takes it, and has not refused it over and over.
fn may_rest(slot: &Slot, exit: &Exit, wanted: i128, rules: &Instrument) -> bool {
    let is_large = wanted >= rules.min_qty.0 && rules.base.is_none();
    let is_new = exit.tried.as_ref().is_none_or(|tried| tried.after_ns != i64::MAX);
    is_large && is_new && price_of(slot, exit, rules).is_some() && slot.other_exits.len() < 6
}

fn works(
    slot_id: u32,
    slot: &Slot,
    exit: &Exit,
    order: &Order,
    wanted: i128,
    rules: &Instrument,
) -> Result<(), Trouble> {
    let is_new = exit.tried.as_ref().is_none_or(|tried| tried.after_ns != i64::MAX);
    let total = order.filled.0 + wanted;
    if !is_new || (wanted > 0 && total < rules.min_qty.0) {
        return Ok(());
    }
    let unfilled = order.qty.0 - order.filled.0;
    if unfilled != wanted {
        return Err(wrong(
            slot_id,
            format_args!("{unfilled} units work and should be {wanted}: {exit:?} {order:?}"),
        ));
    }
    let Some(wanted) = price_of(slot, exit, rules) else { return Ok(()) };
    let rests = order.trigger_price().or(order.limit_price).map_or(0, |price| price.0);
    // On the tick, and on the passive side of what is wanted, by less than one.
    let past = if slot.side == TradeSide::Short { wanted - rests } else { rests - wanted };
    let rounding = rules.tick.0 / 10;
    let loose = past < -rounding || past >= rules.tick.0 + rounding;
    if rests % rules.tick.0 != 0 || (loose && exit.spec.kind != ExitKind::Trail) {
        return Err(wrong(slot_id, format_args!("{rests} works and should be {wanted}: {exit:?} {order:?}")));
    }
    Ok(())
}

/// The price that is wanted, at the instrument's scale, before it is on the tick; a TRAIL's is where it was last set.
fn price_of(slot: &Slot, exit: &Exit, rules: &Instrument) -> Option<i128> {
    let spec = &exit.spec;
    let given = |price: Decimal| rules.price(price).ok().map(|price| price.0);
    if let Some(price) = spec.trigger_price.or(spec.limit_price.filter(|_| spec.kind == ExitKind::Target)) {
        return given(price);
    }
    if spec.kind == ExitKind::Trail {
        return exit.trail.map(|price| price.0);
    }
    let average = rules.average_price(slot.entry_value, slot.initial)?.0;
    let offset = spec.offset?.at_scale(18).ok()?;
    let up = (slot.side == TradeSide::Short) == (spec.kind == ExitKind::Stop);
    // The script's offsets have no more than six decimals.
    let away = average * (offset / 1_000_000_000_000) / 1_000_000;
    Some(if up { average + away } else { average - away }).filter(|price| *price > rules.tick.0)
}
