//! The kernel held against the model, figure by figure. What nobody can say yet is counted as open and not compared.

use std::collections::BTreeMap;

use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::{PositionSide, Product};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::order::OrderRole;

use super::money::{fixed, unit};
use super::sums::{Amount, Sums};
use super::{Asset, Naive};
use crate::plan::id;
use crate::trouble::Trouble;

macro_rules! figures {
    ($($figure:ident = $name:literal,)+) => {
        /// What of the kernel is held against the model.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Figure { $($figure,)+ }

        /// Their names, in their order.
        pub const FIGURES: &[&str] = &[$($name),+];

        impl Figure {
            fn name(self) -> &'static str {
                match self { $(Figure::$figure => $name,)+ }
            }
        }
    };
}

figures! {
    OrderTotal = "orders' totals",
    Position = "positions",
    Slot = "slots",
    SlotFees = "slots' fees",
    Fees = "fees",
    Transfers = "transfers",
    Rebates = "rebates",
    Adjustments = "adjustments",
    LiquidationFees = "liquidation fees",
    Funding = "funding",
    FundedPosition = "funded positions",
    SpotPayments = "spot's payments",
    Profits = "profits",
    ProfitsInSum = "profits in sum",
    Exits = "attached exits",
}

/// How often each of [`FIGURES`] was compared, and how often nobody could say yet what it should be.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Compared([[u64; 2]; FIGURES.len()]);

impl Compared {
    pub(super) fn count(&mut self, figure: Figure, open: bool) {
        self.0[figure as usize][usize::from(open)] += 1;
    }

    /// Adds another seed's.
    pub fn add(&mut self, other: &Compared) {
        for (all, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *all += more;
        }
    }

    /// Each figure's name, how often it was compared, and how often it was open.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, [u64; 2])> {
        FIGURES.iter().copied().zip(self.0)
    }
}

const SIDES: [PositionSide; 3] = [PositionSide::Both, PositionSide::Long, PositionSide::Short];
/// Each trade is rounded by us and by the venue, when it is booked and when it is settled.
const ROUNDINGS: i128 = 4;

fn wrong(
    figure: &str,
    of: impl core::fmt::Display,
    kernel: impl core::fmt::Display,
    naive: impl core::fmt::Display,
) -> Trouble {
    Trouble::new("naive", format!("{figure} of {of}: the kernel has {kernel}, the naive model {naive}"))
}

/// A slot, for a person: put in words only where something is wrong with it.
#[derive(Clone, Copy)]
struct Numbered(u32);

impl core::fmt::Display for Numbered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "slot {}", self.0)
    }
}

/// Holds one amount against the model's, unless that is open.
fn hold(
    compared: &mut Compared,
    figure: Figure,
    of: impl core::fmt::Display,
    kernel: Money,
    naive: &Amount,
) -> Result<(), Trouble> {
    compared.count(figure, naive.open);
    if !naive.open && kernel.0 != naive.amount {
        return Err(wrong(figure.name(), of, kernel, Money(naive.amount)));
    }
    Ok(())
}

impl Naive {
    /// Holds the kernel against the model after an input.
    pub(crate) fn compare(
        &mut self,
        kernel: &Kernel,
        input: &Input,
        compared: &mut Compared,
    ) -> Result<(), Trouble> {
        let mut sums = match self.sums.take() {
            Some(sums) => sums,
            None => self.add_up(),
        };
        if let Input::Venue(event) = input {
            self.compare_order(kernel, event.venue_client_id.as_str(), compared)?;
        }
        self.compare_positions(kernel, &sums, compared)?;
        self.compare_slots(kernel, &sums, compared)?;
        self.compare_money(kernel, &sums, compared)?;
        self.compare_funding(kernel, &mut sums, compared)?;
        let again = self.compare_profits(kernel, &sums, compared)?;
        self.sums = (!again).then_some(sums);
        Ok(())
    }

    /// All orders that the kernel remembers.
    pub(crate) fn compare_orders(&self, kernel: &Kernel, compared: &mut Compared) -> Result<(), Trouble> {
        self.orders.keys().try_for_each(|order| self.compare_order(kernel, order, compared))
    }

    fn compare_order(&self, kernel: &Kernel, order: &str, compared: &mut Compared) -> Result<(), Trouble> {
        let Some(place) = kernel.orders().by_client_id(&id(order)) else { return Ok(()) };
        let known = kernel.orders().at(place);
        if known.role == OrderRole::External || !self.orders.contains_key(order) {
            return Ok(());
        }
        compared.count(Figure::OrderTotal, false);
        let Some(rules) = kernel.instruments().get(known.instrument as usize) else { return Ok(()) };
        let both = [(known.filled, self.filled(order)), (known.inferred, self.inferred(order))];
        for ((kernel, naive), figure) in both.into_iter().zip(["filled", "inferred"]) {
            let kernel = rules.qty_decimal(kernel);
            if fixed(kernel) != naive {
                return Err(wrong(figure, order, kernel, quantity(naive)));
            }
        }
        Ok(())
    }

    fn compare_positions(
        &self,
        kernel: &Kernel,
        sums: &Sums,
        compared: &mut Compared,
    ) -> Result<(), Trouble> {
        for (at, rules) in kernel.instruments().iter().enumerate() {
            let book = kernel.book(at as u32);
            let open = self.is_fee_in_base_open(at, sums);
            for side in SIDES {
                let of = (at, side as usize);
                let naive = sums.positions.get(&of).copied().unwrap_or(0);
                compared.count(Figure::Position, open);
                let kernel = rules.qty_decimal(book[side as usize].qty);
                if !open && fixed(kernel) != naive {
                    return Err(wrong("position", rules.spec.symbol.as_str(), kernel, quantity(naive)));
                }
            }
        }
        Ok(())
    }

    /// A fee in base is a part of the position.
    fn is_fee_in_base_open(&self, instrument: usize, sums: &Sums) -> bool {
        let fees = sums.fees.get(&self.listed[instrument].base);
        self.instruments[instrument].product == Product::Spot && fees.is_some_and(|fees| fees.open)
    }

    fn compare_slots(&self, kernel: &Kernel, sums: &Sums, compared: &mut Compared) -> Result<(), Trouble> {
        for (number, carried) in &self.slots {
            let Some(slot) = kernel.slot(*number) else { continue };
            let Some(rules) = kernel.instruments().get(slot.instrument as usize) else { continue };
            let name = Numbered(*number);
            if slot.trade_id.as_str() != carried.trade && !carried.touched {
                return Err(wrong("trade", name, slot.trade_id.as_str(), &carried.trade));
            }
            // What a fee in base takes from a slot depends on what is left in it.
            let open = carried.touched || rules.spec.product == Product::Spot;
            compared.count(Figure::Slot, open);
            if !open {
                let both = [(slot.basis.qty, carried.lots), (slot.initial, carried.entered)];
                for ((kernel, naive), figure) in both.into_iter().zip(["size", "entered size"]) {
                    let kernel = rules.qty_decimal(kernel);
                    if fixed(kernel) != naive {
                        return Err(wrong(figure, name, kernel, quantity(naive)));
                    }
                }
            }
            let mut fees = sums.slot_fees.get(number).cloned().unwrap_or_default();
            fees.open |= carried.touched;
            hold(compared, Figure::SlotFees, name, slot.fees, &fees)?;
        }
        Ok(())
    }

    fn compare_money(&self, kernel: &Kernel, sums: &Sums, compared: &mut Compared) -> Result<(), Trouble> {
        let ledger = kernel.ledger();
        for (place, asset) in (0_u16..).zip(kernel.assets()) {
            let name = asset.name.as_str();
            let Some(of) = self.place_of(name) else { continue };
            let fees = sums.fees.get(&of).cloned().unwrap_or_default();
            hold(compared, Figure::Fees, name, ledger.balance(place, Account::Fees), &fees)?;
            for (figure, account) in [
                (Figure::Transfers, Account::Transfers),
                (Figure::Rebates, Account::Rebates),
                (Figure::Adjustments, Account::Adjustments),
                (Figure::LiquidationFees, Account::LiquidationFees),
            ] {
                let amount = self.entries.get(&(of, figure.name())).copied().unwrap_or(0);
                let entered = Amount { amount, open: false };
                hold(compared, figure, name, -ledger.balance(place, account), &entered)?;
            }
            if let Some(flow) = sums.flows.get(&of) {
                let from = [Account::RealizedPnl, Account::InterSlot, Account::Inventory];
                let moved = from.iter().fold(Money::ZERO, |sum, from| sum - ledger.balance(place, *from));
                hold(compared, Figure::SpotPayments, name, moved, flow)?;
            }
        }
        Ok(())
    }

    /// Funding as it was told, and what is predicted until it is: of each open boundary the position that was held then.
    fn compare_funding(
        &self,
        kernel: &Kernel,
        sums: &mut Sums,
        compared: &mut Compared,
    ) -> Result<(), Trouble> {
        let mut open: BTreeMap<u16, i128> = BTreeMap::new();
        for (at, rules) in kernel.instruments().iter().enumerate() {
            let Some(row) = kernel.funding().row(at as u32) else { continue };
            for prediction in row.predictions.iter().filter(|prediction| prediction.is_open()) {
                *open.entry(rules.settle).or_default() += prediction.booked.0;
                for side in SIDES {
                    let of = (at, side as usize, prediction.boundary_ns);
                    let held = *sums.held.entry(of).or_insert_with(|| self.held_at(of));
                    let kernel = rules.qty_decimal(prediction.qty[side as usize]);
                    compared.count(Figure::FundedPosition, false);
                    if fixed(kernel) != held {
                        let of = format!("{} at {}", rules.spec.symbol, prediction.boundary_ns);
                        return Err(wrong("funded position", &of, kernel, quantity(held)));
                    }
                }
            }
        }
        for (place, asset) in (0_u16..).zip(kernel.assets()) {
            let name = asset.name.as_str();
            let Some(of) = self.place_of(name) else { continue };
            let told = self.entries.get(&(of, Figure::Funding.name())).copied().unwrap_or(0);
            let amount = told + open.get(&place).copied().unwrap_or(0);
            let booked = -kernel.ledger().balance(place, Account::Funding);
            hold(compared, Figure::Funding, name, booked, &Amount { amount, open: false })?;
        }
        Ok(())
    }

    /// What was traded up to then, by the venue's own times.
    fn held_at(&self, (instrument, book, boundary_ns): (usize, usize, i64)) -> i128 {
        let there = self.trades.iter().filter(|trade| {
            (trade.instrument, trade.book) == (instrument, book) && trade.time_ns <= boundary_ns
        });
        // What was taken back later was there.
        let lots = |trade: &super::trades::Trade| match trade.gone {
            Some((time_ns, lots)) if time_ns > boundary_ns => lots,
            Some(_) | None => trade.lots,
        };
        there.map(|trade| if trade.buys { lots(trade) } else { -lots(trade) }).sum()
    }

    /// Profits: each as it was told or as the average cost has it; where that has more than one right way, by what all
    /// trades were worth, less what is open at its cost.
    fn compare_profits(
        &mut self,
        kernel: &Kernel,
        sums: &Sums,
        compared: &mut Compared,
    ) -> Result<bool, Trouble> {
        let ledger = kernel.ledger();
        let mut again = false;
        for (place, asset) in (0_u16..).zip(kernel.assets()) {
            let name = asset.name.as_str();
            let of_asset =
                |spec: &&InstrumentSpec| spec.product == Product::Perp && spec.settle.as_str() == name;
            let (Some(of), Some(spec)) = (self.place_of(name), self.instruments.iter().find(of_asset)) else {
                continue;
            };
            let booked =
                -(ledger.balance(place, Account::RealizedPnl) + ledger.balance(place, Account::InterSlot));
            let mut profit = sums.profits.get(&of).cloned().unwrap_or_default();
            profit.amount += self.profit_base.get(&of).copied().unwrap_or(0);
            hold(compared, Figure::Profits, name, booked, &profit)?;
            self.compare_values(kernel, (of, spec), booked, sums, compared)?;
            if profit.open && self.is_quiet(of, sums) {
                self.begin_again(of, booked.0 - profit.amount);
                again = true;
            }
        }
        Ok(again)
    }

    fn compare_values(
        &self,
        kernel: &Kernel,
        (of, spec): (Asset, &InstrumentSpec),
        booked: Money,
        sums: &Sums,
        compared: &mut Compared,
    ) -> Result<(), Trouble> {
        let name = spec.settle.as_str();
        let value = sums.values.get(&of).cloned().unwrap_or_default();
        compared.count(Figure::ProfitsInSum, value.open);
        if value.open {
            return Ok(());
        }
        let (mut cost, mut beside) = (0, 0);
        for (at, rules) in kernel.instruments().iter().enumerate() {
            if rules.spec.settle == spec.settle {
                cost += kernel.book(at as u32).iter().map(|basis| basis.cost.0).sum::<i128>();
                beside += kernel.reported_beside(at as u32).iter().map(|told| told.0).sum::<i128>();
            }
        }
        let ahead = sums.ahead.get(&of).copied().unwrap_or(0);
        let naive = cost - value.amount + beside + ahead;
        let trades = sums.trades.get(&of).copied().unwrap_or(0);
        if (booked.0 - naive).abs() > unit(spec) * ROUNDINGS * (trades + 1) {
            return Err(wrong("profit in sum", name, booked, Money(naive)));
        }
        Ok(())
    }

    /// True where nothing of an asset is open: then its profit is what it is.
    fn is_quiet(&self, asset: Asset, sums: &Sums) -> bool {
        let of_asset = |instrument: usize| self.listed[instrument].settle == asset;
        let flat = sums.positions.iter().all(|((at, _), lots)| !of_asset(*at) || *lots == 0);
        let settled = self.trades.iter().filter(|trade| of_asset(trade.instrument)).all(|trade| {
            let known = !trade.id.is_empty() && trade.price.is_some();
            trade.lots == 0 || (known && (trade.settled || !self.has_settlements))
        });
        flat && settled && !self.ahead.iter().any(|ahead| of_asset(ahead.instrument))
    }

    /// From here on the average cost is known again.
    fn begin_again(&mut self, asset: Asset, base: i128) {
        for ((instrument, _), book) in &mut self.books {
            if self.listed[*instrument].settle == asset {
                *book = super::Book { sequence: book.sequence, ..super::Book::default() };
            }
        }
        *self.profit_base.entry(asset).or_default() += base;
    }
}

/// A quantity for a person.
fn quantity(lots: i128) -> Decimal {
    Decimal::normalized(lots, super::money::PLACES).unwrap_or(Decimal::ZERO)
}
