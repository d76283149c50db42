//! What a kernel owes beside its books: questions that must be asked, alarms that must be raised, ends that must be seen.
//! The last word that healing brings mends what comes of them, so that they are looked at when they are due.

use dita_kernel::effect::Command;
use dita_kernel::funding::Schedule;
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind, OrderDoubt, TimeInForce, VenueOrderStatus,
};
use dita_kernel::order::{Order, OrderRole};

use crate::shell::Taken;
use crate::trouble::Trouble;

fn owed(what: &str, order: &Order) -> Trouble {
    Trouble::new("owed", format!("{what}: {order:?}"))
}

fn ours(kernel: &Kernel) -> impl Iterator<Item = &Order> {
    kernel.orders().iter().filter(|order| order.role != OrderRole::External)
}

fn asks(commands: &[Command], client_id: &Id) -> bool {
    commands.iter().any(|command| match command {
        Command::Query(request) => request.venue_client_id == *client_id,
        Command::Submit(_) | Command::Cancel(_) | Command::Amend(_) | Command::SetLeverage { .. } => false,
    })
}

/// The order of an event, as it was before, where its end would be looked at: that of a stop, or by the refusal of a cancel.
pub(crate) fn standing(kernel: &Kernel, input: &Input) -> Option<Order> {
    let Input::Venue(event) = input else { return None };
    let place = kernel.orders().by_client_id(&event.venue_client_id)?;
    let order = kernel.orders().at(place);
    let is_looked_at = is_stop(order) || event.kind == KernelEventKind::CancelReject;
    (is_looked_at && order.is_live()).then(|| order.clone())
}

fn is_stop(order: &Order) -> bool {
    order.role == OrderRole::Exit && order.order_type.is_protective()
}

/// Ended, and not by its fills.
fn is_cut_short(order: &Order) -> bool {
    order.status.is_ended() && order.status != VenueOrderStatus::Filled
}

/// The boundaries that an input of that time reaches, by instrument: where a price is known, what is due is predicted.
pub(crate) fn reached(kernel: &Kernel, now_ns: i64) -> Vec<(u32, i64)> {
    let places = (0_u32..).zip(kernel.instruments()).map(|(at, _)| at);
    let schedules = places.filter_map(|at| Some((at, &kernel.funding().row(at)?.schedule)));
    let is_reached = |(at, schedule): &(u32, &Schedule)| {
        schedule.rate.is_some()
            && schedule.next_boundary_ns <= now_ns
            && kernel.valuation_price(*at).is_some()
    };
    schedules.filter(is_reached).map(|(at, schedule)| (at, schedule.next_boundary_ns)).collect()
}

/// After an input that was taken: what was due on the boundaries that it has [`reached`] is predicted, even where the input
/// came on one to the nanosecond.
pub(crate) fn after_boundaries(kernel: &Kernel, reached: &[(u32, i64)]) -> Result<(), Trouble> {
    let is_predicted = |(at, boundary_ns): &(u32, i64)| {
        let mut rows = kernel.funding().row(*at).into_iter();
        rows.any(|row| row.predictions.iter().any(|prediction| prediction.boundary_ns == *boundary_ns))
    };
    match reached.iter().find(|boundary| !is_predicted(boundary)) {
        Some((at, boundary_ns)) => Err(Trouble::new(
            "owed",
            format!("nothing is due of instrument {at} at its boundary {boundary_ns}"),
        )),
        None => Ok(()),
    }
}

/// Who comes back asks for what only a total has told, and for what was short of its quantity and not heard of when the
/// process before it went: the fills may have come to one that is gone.
pub(crate) fn after_restart(kernel: &Kernel, commands: &[Command]) -> Result<(), Trouble> {
    let may_lack = |order: &Order| order.is_unheard() && order.status != VenueOrderStatus::Filled;
    let waits =
        |order: &Order| !order.inferred.is_zero() || order.doubt != OrderDoubt::None || may_lack(order);
    let mut waiting = ours(kernel).filter(|order| waits(order));
    match waiting.find(|order| !asks(commands, &order.client_id)) {
        Some(order) => Err(owed("not asked for after a restart", order)),
        None => Ok(()),
    }
}

/// After an input; `before` is the [`standing`] of its order.
pub(crate) fn after(
    kernel: &Kernel,
    now_ns: i64,
    input: &Input,
    taken: &Taken,
    before: Option<&Order>,
) -> Result<(), Trouble> {
    match input {
        Input::Time => {
            boundaries_are_crossed(kernel, now_ns)?;
            ends_are_asked_for(kernel, now_ns)
        }
        Input::Venue(event) => {
            if event.kind == KernelEventKind::Resynced && taken.outcome.code == Code::Ok {
                return doubts_are_asked_for(kernel, &taken.commands);
            }
            let Some(place) = kernel.orders().by_client_id(&event.venue_client_id) else { return Ok(()) };
            let order = kernel.orders().at(place);
            is_what_it_has_filled(order)?;
            let Some(before) = before else { return Ok(()) };
            refusal_ends_nothing(event.kind, before, order)?;
            lost_stop_is_told(kernel, before, order)
        }
        Input::Intent(_)
        | Input::Account(_)
        | Input::Instrument(_)
        | Input::Seed { .. }
        | Input::Mark { .. }
        | Input::Effect(_)
        | Input::Control(_)
        | Input::Opening(_)
        | Input::Funding(_)
        | Input::Adopt(_)
        | Input::Override(_)
        | Input::Calibration(_)
        | Input::Edge { .. }
        | Input::Restart
        | Input::Recalled(_)
        | Input::Capacity { .. }
        | Input::Bots(_)
        | Input::BotLimits(_)
        | Input::Listed(_) => Ok(()),
    }
}

/// What an order has filled stands in its status: nothing that is told later makes it a new one, and with all of it filled
/// it does not work on.
fn is_what_it_has_filled(order: &Order) -> Result<(), Trouble> {
    let as_new =
        matches!(order.status, VenueOrderStatus::New | VenueOrderStatus::Sent | VenueOrderStatus::Acked);
    if as_new && !order.filled.is_zero() {
        return Err(Trouble::new("status", format!("filled, and stands as new: {order:?}")));
    }
    let is_clear = order.amendment().is_none() && order.doubt == OrderDoubt::None && !order.cancel_requested;
    if order.role != OrderRole::External && is_clear && !order.status.is_ended() && order.filled >= order.qty
    {
        return Err(Trouble::new("status", format!("all of it is filled, and it works on: {order:?}")));
    }
    Ok(())
}

/// That an order cannot be canceled any more does not say how it ended: that is asked for.
fn refusal_ends_nothing(kind: KernelEventKind, before: &Order, order: &Order) -> Result<(), Trouble> {
    let refused = kind == KernelEventKind::CancelReject && order.number == before.number;
    if refused && is_cut_short(order) {
        return Err(owed("ended by the refusal of its cancel, and nobody asks", order));
    }
    Ok(())
}

/// Once the connection is back, all that is in doubt is asked for.
fn doubts_are_asked_for(kernel: &Kernel, commands: &[Command]) -> Result<(), Trouble> {
    let mut doubtful = ours(kernel).filter(|order| order.doubt != OrderDoubt::None);
    match doubtful.find(|order| !asks(commands, &order.client_id)) {
        Some(order) => Err(owed("in doubt, and not asked for once the connection is back", order)),
        None => Ok(()),
    }
}

/// Funding is due on its boundary, and not after it.
fn boundaries_are_crossed(kernel: &Kernel, now_ns: i64) -> Result<(), Trouble> {
    let rows = (0_u32..).zip(kernel.instruments()).filter_map(|(at, _)| kernel.funding().row(at));
    for schedule in rows.map(|row| &row.schedule).filter(|schedule| schedule.rate.is_some()) {
        if schedule.next_boundary_ns <= now_ns {
            return Err(Trouble::new("owed", format!("a boundary is reached and not crossed: {schedule:?}")));
        }
    }
    Ok(())
}

/// An order of limited life that should have ended is asked for, again and again; and so is one of which nothing was heard
/// since a restart, though it ended: that the venue did not find it yet is no answer.
fn ends_are_asked_for(kernel: &Kernel, now_ns: i64) -> Result<(), Trouble> {
    let config = kernel.config();
    if kernel.disconnected_since_ns().is_some() {
        return Ok(()); // who cannot hear asks nobody
    }
    for order in ours(kernel).filter(|order| order.amendment().is_none()) {
        let extra = order.extra.as_ref();
        let asked_ns = extra.and_then(|extra| extra.queried_time_ns);
        let is_asked =
            asked_ns.is_some_and(|asked_ns| now_ns.saturating_sub(asked_ns) < config.requery_interval_ns);
        let until_ns = order.expire_time_ns.filter(|_| order.time_in_force == TimeInForce::Gtd);
        let is_past = |until_ns: i64| now_ns.saturating_sub(until_ns) > config.settling_window_ns;
        if order.is_live() && until_ns.is_some_and(is_past) && !is_asked {
            return Err(owed("past its end, and nobody asks", order));
        }
        if order.is_unheard() && order.doubt == OrderDoubt::None && !is_asked {
            return Err(owed("not heard of since a restart, and nobody asks", order));
        }
    }
    Ok(())
}

/// A stop that the venue has ended leaves a position without protection: that is an alarm, as long as no other stop works.
fn lost_stop_is_told(kernel: &Kernel, before: &Order, order: &Order) -> Result<(), Trouble> {
    let lost = is_stop(before) && is_cut_short(order) && !before.cancel_requested;
    let Some(slot) = kernel.slot(order.slot_id).filter(|_| lost && order.number == before.number) else {
        return Ok(());
    };
    let holds = slot.trade_number == order.trade_number && !slot.basis.qty.is_zero();
    let protects = |other: &Order| {
        let is_its = (other.slot_id, other.trade_number) == (order.slot_id, order.trade_number);
        other.role == OrderRole::Exit && is_its && other.order_type.is_protective() && other.is_live()
    };
    if holds && !slot.unprotected && !ours(kernel).any(protects) {
        return Err(owed("a stop is lost, and no alarm was raised", order));
    }
    Ok(())
}
