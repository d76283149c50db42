//! Funding: announced, due at its boundaries, paid then or some time later.
//!
//! At a boundary each position pays its signed value at the mark × the rate (longs pay a positive rate), rounded
//! half-even to the venue's unit. What is due is fixed at the boundary; `funding_delay_ns` later the wallet moves and
//! FUNDING_FEE tells it, per instrument or, with `funding_without_symbol`, pooled per asset. A position without a mark is
//! valued at the middle of the book, and pays nothing where there is none either.

use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, FundingTerms, Input};
use dita_kernel::names::AccountEventKind;
use dita_kernel::num::{Decimal, Money, Rate, Rounding};

use crate::error::SimError;
use crate::fills::Market;
use crate::flight::Cargo;
use crate::rules::{decimal_of, exact};
use crate::venue::SimVenue;

/// When and how much an instrument's positions pay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) rate: Rate,
    pub(crate) next_ns: i64,
    pub(crate) interval_secs: u32,
}

/// What became due at a boundary.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    account: usize,
    amount: Money,
    /// Empty where it is pooled.
    symbol: Id,
    rate: Option<Decimal>,
    mark: Option<Decimal>,
}

impl SimVenue {
    /// Sets an instrument's funding rate, its next boundary and the seconds from that one to the next; also at run
    /// time, as venues do. The terms are told as [`Input::Funding`], now and after each boundary.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`]; [`SimError::Instrument`] for a rate past 12 places or past 1, an interval of 0, or
    /// a boundary that has passed.
    pub fn set_funding(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        rate: Decimal,
        next_boundary_ns: i64,
        interval_secs: u32,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let place = self.listed(symbol)?;
        let refuse = |field, value, must| SimError::Instrument { symbol: symbol.clone(), field, value, must };
        let read = Rate::from_decimal(rate)
            .map_err(|_| refuse("funding rate", Some(rate), "from -1 to 1 with at most 12 places"))?;
        if interval_secs == 0 {
            return Err(refuse("funding interval_secs", Some(Decimal::ZERO), "1 or more"));
        }
        if next_boundary_ns <= self.desk.now_ns.max(now_ns) {
            let value = Decimal::new(i128::from(next_boundary_ns), 0).ok();
            return Err(refuse("funding next_boundary_ns", value, "after the venue's time"));
        }
        self.advance(now_ns, out);
        self.markets[place].funding = Some(Schedule { rate: read, next_ns: next_boundary_ns, interval_secs });
        self.flight.send(next_boundary_ns, Cargo::Boundary { market: place });
        self.announce(place, out);
        Ok(())
    }

    /// Tells an instrument's terms.
    fn announce(&self, place: usize, out: &mut Vec<Input>) {
        let Market { rules, funding: Some(schedule), .. } = &self.markets[place] else { return };
        out.push(Input::Funding(Box::new(FundingTerms {
            symbol: rules.symbol.clone(),
            rate: Some(schedule.rate.to_decimal()),
            next_boundary_ns: Some(schedule.next_ns),
            interval_secs: Some(schedule.interval_secs),
            mark_price: None,
            venue_time_ns: self.desk.now_ns,
        })));
    }

    /// A boundary. All instruments that share it are due together; a boundary that was moved meanwhile is none.
    pub(crate) fn cross_boundary(&mut self, market: usize, out: &mut Vec<Input>) {
        let now_ns = self.desk.now_ns;
        let is_due = |market: &Market| market.funding.is_some_and(|schedule| schedule.next_ns <= now_ns);
        if !self.markets.get(market).is_some_and(is_due) {
            return;
        }
        let due: Vec<usize> = (0..self.markets.len()).filter(|&place| is_due(&self.markets[place])).collect();
        let mut payments: Vec<Payment> = Vec::new();
        for &place in &due {
            let Some(payment) = payment(&self.markets[place]) else { continue };
            let pooled = payments.iter_mut().find(|other| other.account == payment.account);
            match pooled.filter(|_| self.desk.behaviour.funding_without_symbol) {
                Some(other) => other.amount += payment.amount,
                None => payments.push(payment),
            }
        }
        for payment in payments {
            let pooled = self.desk.behaviour.funding_without_symbol;
            let payment = if pooled {
                Payment { symbol: Id::EMPTY, rate: None, mark: None, ..payment }
            } else {
                payment
            };
            let due_ns = now_ns.saturating_add(self.desk.behaviour.funding_delay_ns);
            if due_ns == now_ns {
                self.pay_funding(payment, out);
            } else {
                self.flight.send(due_ns, Cargo::Pay(Box::new(payment)));
            }
        }
        for place in due {
            let Some(schedule) = &mut self.markets[place].funding else { continue };
            let interval_ns = i64::from(schedule.interval_secs).saturating_mul(1_000_000_000);
            schedule.next_ns = schedule.next_ns.saturating_add(interval_ns);
            self.flight.send(schedule.next_ns, Cargo::Boundary { market: place });
            self.announce(place, out);
        }
        // What is traded from here on is traded after the boundary, and its stamp has to say so.
        self.set_clock(now_ns.saturating_add(1));
    }

    /// Pays what became due.
    pub(crate) fn pay_funding(&mut self, payment: Payment, out: &mut Vec<Input>) {
        self.desk.counters.fundings += 1;
        let Payment { account, amount, symbol, rate, mark } = payment;
        let from = out.len();
        let entry = AccountEvent {
            symbol,
            rate,
            mark_price: mark,
            ..AccountEvent::new(AccountEventKind::FundingFee, self.desk.now_ns)
        };
        self.desk.enter(account, amount, entry, out);
        self.tell_margins(from, out);
    }
}

/// What an instrument's positions pay (−) or receive (+); `None` where there is nothing to pay on.
fn payment(market: &Market) -> Option<Payment> {
    let schedule = market.funding?;
    if market.position.quantity == 0 && market.short.quantity == 0 {
        return None;
    }
    let mark = market.price_now()?;
    let mut amount = Money::ZERO;
    for position in [&market.position, &market.short] {
        let value = exact(market.rules.value_at(position.quantity, mark).map(|value| value.0));
        amount += schedule.rate.of(Money(-value), market.rules.fee_decimals, Rounding::HalfEven);
    }
    Some(Payment {
        account: market.account,
        amount,
        symbol: market.rules.symbol.clone(),
        rate: Some(schedule.rate.to_decimal()),
        mark: Some(decimal_of(mark, 18)),
    })
}
