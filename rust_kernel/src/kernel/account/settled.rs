//! The venue's figures of a fill: of one that is booked, or ahead of the fill itself.

use super::{optional, wrong};
use crate::id::Id;
use crate::input::{AccountEvent, Stamp, VenueEvent};
use crate::kernel::Kernel;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, Liquidity, OrderSide, Severity};
use crate::num::{Decimal, Money, Price, Qty};
use crate::order::Fill;
use crate::outcome::{Detail, Outcome, Refusal};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The venue's figures of a fill.
#[derive(Debug)]
struct Figures<'a> {
    instrument: u32,
    id: &'a Id,
    side: Option<OrderSide>,
    size: Option<Decimal>,
    fee: Option<Money>,
    fee_asset: &'a Id,
    /// Without that of spot, which is no booking of the venue's.
    realized: Option<Money>,
    timestamp_ns: i64,
}

/// A settlement's figures, and where they go.
#[derive(Debug)]
pub(super) struct SettledPlan<'a> {
    target: Settling,
    figures: Figures<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Settling {
    /// A known fill of that order.
    Known(u32),
    /// A fill of that order that is settled: with a figure missing before, or with another one.
    Again { place: u32, other: bool },
    /// A fill that no event has brought yet.
    Unseen,
    /// It came before.
    Repeats,
    /// Whether it came before, or is of another fill of that id, nobody can tell.
    Unclear,
    /// The opening state has it.
    Old,
    /// The figures of what was corrected since.
    Superseded,
}

impl Kernel {
    #[inline]
    pub(super) fn take_settled(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
        if !event.venue_txn_id.is_empty() && self.is_repeated(event) {
            return self.take_repeated(stamp, event);
        }
        let plan = match self.plan_settled(event) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        if matches!(plan.target, Settling::Repeats) {
            return self.take_repeated(stamp, event);
        }
        self.pass_time(stamp, event.timestamp_ns);
        if !event.venue_txn_id.is_empty() {
            self.remember_entry(event);
        }
        self.commit_settled(&plan)
    }

    fn commit_settled(&mut self, plan: &SettledPlan<'_>) -> Outcome {
        let SettledPlan { target, figures } = plan;
        match *target {
            Settling::Known(place) => self.commit_settle(place, figures, figures.realized),
            Settling::Again { place, other } => {
                let reported = self.unsettle(place, figures.id);
                let mut outcome = self.commit_settle(place, figures, figures.realized.or(reported));
                if other {
                    outcome.severity = Severity::Warning;
                }
                outcome
            }
            Settling::Unseen => self.commit_unseen(figures),
            Settling::Repeats | Settling::Old => self.answer(Code::DuplicateEvent, None, Detail::None),
            Settling::Superseded => self.answer(Code::StaleEvent, None, Detail::None),
            Settling::Unclear => {
                let mut outcome = self.answer(Code::ReconcileRequired, None, Detail::None);
                outcome.severity = Severity::Warning;
                outcome
            }
        }
    }

    /// Settles the fill of an execution report by its own figures, once the fill is booked. `place` is its order; `booked`
    /// tells that the report brought the fill. Returns what the settlement adds to the outcome, if anything.
    #[inline]
    pub(in crate::kernel) fn settle_report(
        &mut self,
        place: Option<u32>,
        booked: bool,
        event: &VenueEvent,
    ) -> Option<Outcome> {
        let realized = event.realized_pnl?;
        if let (Some(place), true) = (place, booked) {
            let order = self.orders.at(place);
            let mut parts = order.fills.iter().rev();
            let unsettled = parts.find(|fill| fill.venue_trade_id == event.venue_trade_id);
            if unsettled.is_some_and(|fill| !fill.settled) && order.extra.is_none() {
                let is_spot = self.instruments[order.instrument as usize].base.is_some();
                let realized = optional("realized_pnl", Some(realized)).ok().flatten().filter(|_| !is_spot);
                // Its fee is booked as reported.
                self.settle_fill(place, &event.venue_trade_id, None, realized);
                return None;
            }
        }
        self.settle_report_of_known(place, event)
    }

    /// The same of a fill that was here before, or is not booked: as a FILL_SETTLED with these figures.
    #[cold]
    #[inline(never)]
    fn settle_report_of_known(&mut self, place: Option<u32>, event: &VenueEvent) -> Option<Outcome> {
        let order = place.map(|place| self.orders.at(place));
        let instrument = match order {
            Some(order) => order.instrument,
            None => self.instrument_of(&event.asset)?,
        };
        let side = order.map(|order| order.order_side).or(event.order_side);
        let figures = self.read_figures(instrument, &event.venue_trade_id, event.fee, event.realized_pnl);
        let plan = figures.and_then(|figures| {
            let (size, fee_asset, timestamp_ns) = (event.size, &event.fee_asset, event.timestamp_ns);
            self.plan_figures(Figures { side, size, fee_asset, timestamp_ns, ..figures })
        });
        match plan {
            Ok(SettledPlan { target: Settling::Repeats | Settling::Old, .. }) => None,
            Ok(plan) => Some(self.commit_settled(&plan)),
            Err(refusal) => Some(self.answer(refusal.code, None, refusal.detail)),
        }
    }

    fn read_figures<'a>(
        &self,
        instrument: u32,
        id: &'a Id,
        fee: Option<Decimal>,
        realized: Option<Decimal>,
    ) -> Result<Figures<'a>, Box<Refusal>> {
        let fee = optional("fee", fee)?;
        let is_spot = self.instruments[instrument as usize].base.is_some();
        // What a spot sale brought is in the wallets already: profit is a thing of the books.
        let realized = optional("realized_pnl", realized)?.filter(|_| !is_spot);
        Ok(Figures {
            instrument,
            id,
            side: None,
            size: None,
            fee,
            fee_asset: &Id::EMPTY,
            realized,
            timestamp_ns: 0,
        })
    }

    #[inline(always)] // as well
    pub(super) fn plan_settled<'a>(&self, event: &'a AccountEvent) -> Result<SettledPlan<'a>, Box<Refusal>> {
        let instrument = self
            .instrument_of(&event.symbol)
            .ok_or_else(|| wrong("symbol", &event.symbol, "is not configured: set_exchange_config"))?;
        if event.venue_trade_id.is_empty() {
            return Err(wrong("venue_trade_id", "", "must not be empty"));
        }
        let figures = self.read_figures(instrument, &event.venue_trade_id, event.fee, event.realized_pnl)?;
        self.plan_figures(Figures {
            side: event.traded_side(),
            size: event.size,
            fee_asset: &event.fee_asset,
            timestamp_ns: event.timestamp_ns,
            ..figures
        })
    }

    #[inline(always)] // as well
    fn plan_figures<'a>(&self, figures: Figures<'a>) -> Result<SettledPlan<'a>, Box<Refusal>> {
        let Figures { instrument, id, side, fee_asset, timestamp_ns, .. } = figures;
        let rules = &self.instruments[instrument as usize];
        if figures.fee.is_some() && !fee_asset.is_empty() {
            let settle = usize::from(rules.settle);
            if self.assets[settle].name != *fee_asset {
                self.check_wallet(fee_asset)?;
            }
        }
        let found = self.orders.by_fill(instrument, id, side);
        let found = found.or_else(|| self.orders.by_correction(instrument, id));
        let target = match found {
            Some((place, at)) if self.orders.at(place).fills[at].settled => {
                self.settled_again(place, at, &figures)
            }
            Some((place, at))
                if self.orders.at(place).settling_correction(at).is_some_and(|last| last.id != *id) =>
            {
                Settling::Superseded
            }
            Some((place, _)) => Settling::Known(place),
            None if self.is_in_opening(timestamp_ns) => Settling::Old,
            None => {
                self.check_opening_taken()?;
                // A settlement bears its own time, which is later than its fill's.
                let slack_ns = self.config.settling_window_ns;
                self.check_not_forgotten(timestamp_ns.saturating_sub(slack_ns))?;
                Settling::Unseen
            }
        };
        Ok(SettledPlan { target, figures })
    }

    /// A settlement of what is settled: a repetition, or one that brings a figure which was missing, or another figure.
    /// Without its side another figure may be of another fill of that id, which has not come. Nobody can tell then, and it is not booked.
    #[cold]
    fn settled_again(&self, place: u32, at: usize, figures: &Figures<'_>) -> Settling {
        let order = self.orders.at(place);
        let revised = order.extra.as_ref().is_some_and(|extra| !extra.corrections.is_empty());
        if revised || order.fills[at].busted {
            return Settling::Repeats;
        }
        let told = |place, at| (place, self.held_against(place, at, figures));
        let fits = match figures.side {
            Some(_) => Some(told(place, at)),
            None => {
                // Both halves of a trade may be here, and settled.
                let half = |side| self.orders.by_fill(order.instrument, figures.id, Some(side));
                let halves = [OrderSide::Buy, OrderSide::Sell].into_iter().filter_map(half);
                halves.map(|(place, at)| told(place, at)).find(|(_, told)| !told[0] && !told[1])
            }
        };
        match fits {
            Some((_, [false, false, false])) => Settling::Repeats,
            Some((place, [false, false, true])) => Settling::Again { place, other: false },
            Some((place, _)) => Settling::Again { place, other: true },
            None => Settling::Unclear,
        }
    }

    /// Lets a settled fill be settled again. Returns the profit that the venue has reported of it, which stands where the
    /// new settlement has none.
    #[cold]
    fn unsettle(&mut self, place: u32, fill_id: &Id) -> Option<Money> {
        let mut told = None;
        for part in self.orders.at_mut(place).fills.iter_mut().filter(|part| part.venue_trade_id == *fill_id)
        {
            part.settled = false;
            if part.profit_told {
                told = Some(told.unwrap_or_default() + part.realized);
            }
        }
        told
    }

    /// How figures stand to those that a fill is settled with, all of its parts together: whether the fee is another one,
    /// whether the profit is, and whether one of them was missing.
    fn held_against(&self, place: u32, at: usize, figures: &Figures<'_>) -> [bool; 3] {
        let Figures { fee, fee_asset, realized, .. } = *figures;
        let order = self.orders.at(place);
        let fill = &order.fills[at];
        let parts = order.fills.iter().filter(|part| part.venue_trade_id == fill.venue_trade_id);
        let (mut booked_fee, mut booked_profit) = (Money::ZERO, Money::ZERO);
        for part in parts {
            booked_fee += part.fee;
            booked_profit += part.realized;
        }
        let asset = &self.assets[usize::from(fill.fee_asset)].name;
        let same_asset = fee_asset.is_empty() || fee_asset == asset;
        [
            fee.is_some_and(|fee| !fill.fee_predicted && (fee != booked_fee || !same_asset)),
            realized.is_some_and(|realized| fill.profit_told && realized != booked_profit),
            (fee.is_some() && fill.fee_predicted) || (realized.is_some() && !fill.profit_told),
        ]
    }

    #[inline]
    fn commit_settle(&mut self, place: u32, figures: &Figures<'_>, realized: Option<Money>) -> Outcome {
        let Figures { id, fee_asset, .. } = *figures;
        let order = self.orders.at(place);
        let settle = self.instruments[order.instrument as usize].settle;
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let fee = figures.fee.map(|fee| {
            let asset = if fee_asset.is_empty() {
                self.paid_in(place, fee)
            } else if self.assets[usize::from(settle)].name == *fee_asset {
                settle
            } else {
                self.asset_or_open(fee_asset)
            };
            (fee, asset)
        });
        let order = self.orders.at(place);
        if order.extra.is_none() {
            self.settle_fill(place, id, fee, realized);
        } else {
            let fill_id = order.fill_id_of(id).clone();
            self.settle_fill(place, &fill_id, fee, realized);
        }
        self.answer(Code::Ok, slot_id, Detail::None)
    }

    /// Books what the venue's figures change of ours. One venue fill may stand here in several parts (where an
    /// inferred fill was replaced by a larger one): the figures are the sum's.
    #[inline]
    pub(in crate::kernel) fn settle_fill(
        &mut self,
        place: u32,
        fill_id: &Id,
        fee: Option<(Money, u16)>,
        realized: Option<Money>,
    ) {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let mut first = None;
        let mut others = Vec::new();
        let mut profit = Money::ZERO;
        for (at, fill) in order.fills.iter().enumerate() {
            if fill.settled || fill.venue_trade_id != *fill_id {
                continue;
            }
            profit += fill.realized;
            match first {
                None => first = Some(at),
                Some(_) => others.push(at),
            }
        }
        let Some(first) = first else { return };
        if let Some(realized) = realized {
            let posting = Posting {
                cause: Cause::PnlSettled,
                from: Account::RealizedPnl,
                to: Account::Wallet,
                slot_id,
                trade_id: &order.trade_id,
                reference: fill_id,
            };
            self.ledger.post(self.seq, settle, realized - profit, posting);
            // Ahead of the fill itself nothing of ours is there to hold the figure against.
            let is_ahead = order.fills[first].qty.is_zero();
            if !is_ahead && self.aside.bots.is_some() {
                // The venue's book is another than ours. Each bot has the profit of its own trades: that is between them.
                let between = Posting { cause: Cause::InterSlot, to: Account::InterSlot, ..posting };
                self.ledger.post(self.seq, settle, profit - realized, between);
            }
            self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
        }
        if let Some((fee, asset)) = fee {
            for &at in &others {
                self.correct_fee(place, at, Money::ZERO, asset, fill_id);
            }
            self.correct_fee(place, first, fee, asset, fill_id);
        }
        let order = self.orders.at_mut(place);
        let book = &mut self.books[order.instrument as usize].book[order.position_side as usize];
        let fills = &mut order.fills;
        if let Some(realized) = realized {
            fills[first].realized += realized - profit;
        }
        for at in core::iter::once(first).chain(others) {
            fills[at].settled = true;
            fills[at].profit_told = realized.is_some();
            book.set_reported(fills[at].entry, realized.map(|_| fills[at].realized));
        }
    }

    /// Books a settled fill's money ahead of the fill itself; the fill, when it comes, books only the rest.
    #[cold]
    fn commit_unseen(&mut self, figures: &Figures<'_>) -> Outcome {
        let Figures { instrument, id, side, fee, realized, .. } = *figures;
        let rules = &self.instruments[instrument as usize];
        let settle = rules.settle;
        let size = figures.size.and_then(|size| rules.qty(size).ok()).map(Qty::abs);
        let fee_asset =
            if figures.fee_asset.is_empty() { settle } else { self.asset_or_open(figures.fee_asset) };
        let posting = |from, to| Posting {
            cause: Cause::UnseenFill,
            from,
            to,
            slot_id: None,
            trade_id: &Id::EMPTY,
            reference: id,
        };
        let profit = posting(Account::RealizedPnl, Account::Wallet);
        self.ledger.post(self.seq, settle, realized.unwrap_or_default(), profit);
        let charge = posting(Account::Wallet, Account::Fees);
        self.ledger.post(self.seq, fee_asset, fee.unwrap_or_default(), charge);
        for asset in [settle, fee_asset] {
            self.assets[usize::from(asset)].exchange.booked_time_ns = self.now_ns;
        }
        let (reference, order) = self.orders.claim_external();
        order.instrument = instrument;
        if let (Some(side), Some(size)) = (side, size) {
            (order.order_side, order.qty) = (side, size);
        }
        self.orders.add_fill(reference.place, id, || settled_ahead(fee_asset, figures));
        self.retire(reference.place);
        self.answer(Code::ReconcileRequired, None, Detail::None)
    }
}

/// The record of a fill that is settled before any event brought it: all of its money, none of its quantity.
fn settled_ahead(fee_asset: u16, figures: &Figures<'_>) -> Fill {
    let Figures { id, fee, realized, timestamp_ns, .. } = *figures;
    Fill {
        venue_trade_id: id.clone(),
        qty: Qty::ZERO,
        price: Price::ZERO,
        fee: fee.unwrap_or_default(),
        fee_asset,
        realized: realized.unwrap_or_default(),
        closed: Qty::ZERO,
        entry: 0,
        liquidity: Liquidity::Taker,
        liquidity_assumed: true,
        // What the settlement did not tell, the fill itself will.
        fee_predicted: fee.is_none(),
        settled: true,
        profit_told: realized.is_some(),
        inferred: false,
        price_pending: false,
        pairs: None,
        busted: false,
        forced: false,
        seq: 0,
        venue_time_ns: timestamp_ns,
    }
}
