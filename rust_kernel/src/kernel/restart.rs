//! The process started again: the state is back from the log, and what left the process last may not be in it.

use alloc::vec::Vec;

use super::Kernel;
use crate::effect::{Command, Effects};
use crate::input::{Arming, Stamp};
use crate::names::{KernelDiagnosticCode as Code, OrderDoubt, VenueOrderStatus as Status};
use crate::order::{Order, OrderRole};
use crate::outcome::{Detail, Outcome};
use crate::planted::{Bug, planted};
use crate::slot::classify::Change;

impl Kernel {
    /// Puts every request without an answer in doubt, and asks the venue about each order that may be at work. Nothing is
    /// sent again: that is decided once the venue has answered, and it is asked until it does.
    #[cold]
    pub(super) fn take_restart(&mut self, stamp: Stamp, effects: &mut Effects) -> Outcome {
        self.pass_time(stamp, stamp.0);
        // Whoever opened the kernel then is gone with the process: who opens it now has to say so again.
        let real_money = self.control.arming.real_money;
        self.control.arming = Arming { real_money, ..Arming::default() };
        // Whatever connection there was is gone with the process; there is a new one.
        self.connection.down_since_ns = None;
        let live: Vec<(u32, OrderDoubt)> = (0_u32..)
            .zip(self.orders.places())
            .filter(|(_, order)| order.number != 0 && order.status != Status::New)
            .filter(|(_, order)| {
                !order.status.is_ended() || waits_for_fills(order) || may_grow(order) || may_lack_fills(order)
            })
            .map(|(place, order)| (place, unanswered(order)))
            .collect();
        for (place, doubt) in live {
            let order = self.orders.at_mut(place);
            let was_clear = order.doubt == OrderDoubt::None;
            if was_clear {
                order.doubt = doubt;
            }
            let in_doubt = order.doubt != OrderDoubt::None;
            self.watch_order(place);
            self.ask(place, effects);
            self.orders.at_mut(place).extra_mut().unheard = true;
            if was_clear && in_doubt {
                self.after_change(place, Change::Doubted, effects);
            }
        }
        self.set_leverage_again(effects);
        self.answer(Code::Ok, None, Detail::None)
    }

    /// An entry that waited for its leverage has not left: the setting may be asked for as often as one likes.
    fn set_leverage_again(&self, effects: &mut Effects) {
        for (instrument, books) in self.instruments.iter().zip(&self.books) {
            let waits = books.waiting.iter().find_map(|reference| self.orders.get(*reference));
            let Some(slot) = waits.and_then(|order| self.slots.get(order.slot_id as usize)) else { continue };
            let symbol = instrument.spec.symbol.clone();
            effects.commands.push(Command::SetLeverage { symbol, leverage: slot.leverage });
        }
    }
}

/// True for an order of which only the total is told: its fills themselves, with what they cost, were still to come, and
/// may have come to the process that is gone.
fn waits_for_fills(order: &Order) -> bool {
    order.role != OrderRole::External && !order.inferred.is_zero() && !planted(Bug::TotalIsEnough)
}

/// True for an order that ended short of its quantity, unheard since the restart before this one.
fn may_lack_fills(order: &Order) -> bool {
    order.is_unheard() && order.status != Status::Filled
}

/// True for an order that is filled, and for which a larger total has been asked: the answer may have come to the process that
/// is gone.
fn may_grow(order: &Order) -> bool {
    order.role != OrderRole::External && order.amendment().is_some()
}

/// Which request may have left without its answer having come.
fn unanswered(order: &Order) -> OrderDoubt {
    if order.status.is_ended() {
        if may_grow(order) { OrderDoubt::Amend } else { OrderDoubt::None }
    } else if order.status == Status::Sent {
        OrderDoubt::Submit
    } else if order.cancel_requested || order.status == Status::PendingCancel {
        OrderDoubt::Cancel
    } else if order.amendment().is_some() {
        OrderDoubt::Amend
    } else {
        OrderDoubt::None
    }
}
