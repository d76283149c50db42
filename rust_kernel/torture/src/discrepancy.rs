//! Differences on purpose: on a copy of the kernel that has just agreed with the venue to the last unit, one cause of a
//! difference is planted with an amount, and the report must name that cause, that amount, and nothing else.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, FundingTerms, Input, Intent, Stamp, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind as Entry, KernelCommandType as Action, KernelEventKind as Kind, Liquidity, OrderSide,
    OrderType, PositionSide, Product, TradeSide,
};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money};
use dita_kernel::reconcile::{DriftCause as Cause, Proof};

use crate::dice::Dice;
use crate::plan::{Listing, Shape, id};
use crate::trouble::Trouble;
use crate::world::World;

const SECOND: i64 = 1_000_000_000;
/// From one event to the next: little, so that no boundary of the account's own lies between.
const STEP_NS: i64 = 1_000_000;
/// So many causes are planted at the end of a seed.
const CAUSES_A_SEED: u64 = 4;
/// One unit of the venue's rounding, of [`MONEY_SCALE`].
const UNIT: i128 = 10_000_000_000;

/// A cause that was planted, and a cause that it was called.
pub type Naming = (&'static str, &'static str);

/// Where nothing was named.
pub const NOTHING: &str = "NOTHING";

/// Plants some causes, each on a copy of its own, and gives what each was called.
pub(crate) fn plant(world: &World) -> Result<Vec<Naming>, Trouble> {
    let mut dice = Dice::of(world.plan.seed, 8);
    let mut namings = Vec::new();
    let first = dice.below(Cause::ALL.len() as u64);
    for nth in 0..CAUSES_A_SEED {
        let Some(&cause) = Cause::ALL.get(((first + nth * 5) % Cause::ALL.len() as u64) as usize) else {
            continue;
        };
        let Some(mut copy) = Copy::new(world) else { continue };
        let Some(amount) = copy.play(cause, &mut dice) else { continue };
        let named = copy.named(cause);
        for (other, _, _) in &named {
            namings.push((cause.name(), other.name()));
        }
        // A proof is exact; a hypothesis is what fits within the roundings.
        let right = |(other, told, proof): &(Cause, Money, Proof)| {
            let slack = if *proof == Proof::Proven { Money::ZERO } else { copy.tolerance() };
            *other == cause && (*told - amount).abs() <= slack
        };
        if named.is_empty() {
            namings.push((cause.name(), NOTHING));
        }
        if named.len() != 1 || !named.iter().all(right) {
            let what = format!("{cause} of {amount} was planted, and this was named: {named:?}");
            return Err(Trouble::new("naming", what));
        }
    }
    Ok(namings)
}

/// A copy of the kernel, and its account.
struct Copy {
    kernel: Kernel,
    effects: Effects,
    now_ns: i64,
    asset: u16,
    name: Id,
    listing: Listing,
    hedged: bool,
    /// The taker's fee of the instrument, of [`MONEY_SCALE`].
    events: u64,
    side: OrderSide,
}

fn money(units: i128) -> Money {
    Money(units.saturating_mul(UNIT))
}

fn decimal(amount: Money) -> Decimal {
    Decimal::normalized(amount.0, MONEY_SCALE).unwrap_or(Decimal::ZERO)
}

impl Copy {
    fn new(world: &World) -> Option<Copy> {
        let listing = world.plan.listings.first()?.clone();
        let spec = &listing.spec;
        let name = if spec.product == Product::Spot { spec.quote.clone() } else { spec.settle.clone() };
        let kernel = world.kernel().clone();
        Some(Copy {
            asset: kernel.asset_of(&name)?,
            name,
            kernel,
            effects: Effects::default(),
            now_ns: world.now_ns,
            hedged: world.plan.shape == Shape::Hedge,
            listing,
            events: 0,
            side: OrderSide::Buy,
        })
    }

    fn tolerance(&self) -> Money {
        self.kernel.reconcile(self.asset).map_or(Money::ZERO, |report| report.tolerance)
    }

    /// True where fills open, and close nothing.
    fn is_flat(&self) -> bool {
        self.kernel.book(0).iter().all(|basis| basis.qty.is_zero())
    }

    fn k(&self) -> Money {
        self.kernel.ledger().balance(self.asset, Account::Wallet)
    }

    fn put(&mut self, input: Input) -> Option<()> {
        self.effects.clear();
        self.kernel.step(Stamp(self.now_ns), &input, &mut self.effects).accepted.then_some(())
    }

    fn account(&mut self, kind: Entry, change: impl FnOnce(&mut AccountEvent)) -> Option<()> {
        self.now_ns += STEP_NS;
        self.events += 1;
        let mut event = AccountEvent::new(kind, self.now_ns);
        event.asset = self.name.clone();
        event.symbol = self.listing.spec.symbol.clone();
        change(&mut event);
        self.put(Input::Account(Box::new(event)))
    }

    fn frame(&mut self, balance: Money) -> Option<()> {
        self.account(Entry::AccountUpdate, |event| {
            event.symbol = Id::EMPTY;
            event.wallet_balance = Some(decimal(balance));
        })
    }

    fn entry(&mut self, kind: Entry, amount: Money) -> Option<()> {
        let txn = id(&format!("PLANTED{}", self.events));
        self.account(kind, |event| {
            event.symbol = Id::EMPTY;
            event.venue_txn_id = txn;
            event.amount = Some(decimal(amount));
        })
    }

    fn positions(&mut self, lots: i128) -> Option<()> {
        let size = Decimal::new(lots, self.listing.lot_places).ok()?;
        let side = if self.hedged { PositionSide::Long } else { PositionSide::Both };
        self.account(Entry::PositionUpdate, |event| {
            event.size = Some(size);
            event.position_side = Some(side);
        })
    }

    /// A stranger's fill, or one of an order of ours; at a price where the market never was.
    fn fill(&mut self, client_id: &Id, lots: i128, price: u64, fee: Option<Money>) -> Option<()> {
        self.now_ns += STEP_NS;
        self.events += 1;
        let mut event = VenueEvent::new(Kind::FullFill, self.now_ns);
        event.venue_client_id = client_id.clone();
        event.asset = self.listing.spec.symbol.clone();
        event.order_side = Some(self.side);
        event.position_side = Some(if self.hedged { PositionSide::Long } else { PositionSide::Both });
        event.venue_trade_id = id(&format!("PLANTED{}", self.events));
        event.size = Decimal::new(lots, self.listing.lot_places).ok();
        event.price = Decimal::new(i128::from(price), self.listing.tick_places).ok();
        event.fee = fee.map(decimal);
        event.liquidity = Some(Liquidity::Taker);
        self.put(Input::Venue(Box::new(event)))
    }

    fn stranger(&mut self, lots: i128, price: u64, fee: Option<Money>) -> Option<()> {
        let client_id = id(&format!("OTHER{}", self.events));
        self.fill(&client_id, lots, price, fee)
    }

    /// An order of ours in a free slot, resting where nobody meets it.
    fn order(&mut self, lots: i128) -> Option<Id> {
        let slot = self.kernel.free_slot()?;
        let symbol = self.listing.spec.symbol.clone();
        let trade = id(&format!("PLANTED-{slot}"));
        let mut intent = Intent::new(Action::Enter, id("PLANTED-I"), trade, slot, symbol, TradeSide::Long);
        intent.target_size = Decimal::new(lots, self.listing.lot_places).ok();
        intent.order_type = OrderType::Limit;
        intent.limit_price =
            Decimal::new(i128::from(self.listing.start_ticks), self.listing.tick_places).ok();
        self.put(Input::Intent(Box::new(intent)))?;
        self.effects.commands.iter().find_map(|command| match command {
            Command::Submit(request) => Some(request.venue_client_id.clone()),
            Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
        })
    }

    /// What a story of this cause does to E − K; `None` where this account cannot have it, or something else would
    /// rightly be thought of too.
    fn play(&mut self, cause: Cause, dice: &mut Dice) -> Option<Money> {
        let spot = self.listing.spec.product == Product::Spot;
        let liquidated = self.kernel.was_liquidated(self.asset);
        if self
            .kernel
            .funding()
            .row(0)
            .is_some_and(|row| row.schedule.next_boundary_ns < self.now_ns + 3 * SECOND)
        {
            return None;
        }
        let before = self.k();
        let amount = money(i128::from(1_000_003 + dice.below(900_000_000)));
        // Coin is dear: there a fee has to be of many lots to be more than a rounding.
        let many = if self.listing.spec.inverse { 50_000 } else { 1 };
        let (lots, price) =
            (many * i128::from(3 + dice.below(30)), self.listing.start_ticks * 2 + 1 + dice.below(40_000));
        let fee = money(i128::from(7_001 + dice.below(90_000)));
        let effect = match cause {
            Cause::Transfer => self.after_frame(Entry::Transfer, amount)?,
            Cause::Adjustment => self.after_frame(Entry::Adjustment, amount)?,
            Cause::Rebate => self.after_frame(Entry::Rebate, amount)?,
            Cause::LiquidationFee => self.after_frame(Entry::LiquidationFee, amount)?,
            Cause::Rounding => {
                self.frame(before + money(1))?;
                money(1)
            }
            // It moves no money.
            Cause::PositionDiffers => return None,
            Cause::Unexplained if liquidated => return None,
            Cause::Unexplained => {
                self.frame(before - amount)?;
                -amount
            }
            Cause::Insurance => {
                self.entry(Entry::Adjustment, -(before + amount))?;
                self.entry(Entry::LiquidationFee, fee)?;
                self.frame(Money::ZERO)?;
                amount + fee
            }
            Cause::FundingOvercounted => {
                self.entry(Entry::FundingFee, amount)?;
                self.frame(before + amount + amount)?;
                amount
            }
            _ if spot || !self.is_flat() => return None,
            // Whatever is missing after a liquidation may be what it cost.
            Cause::FundingNotBooked if liquidated => return None,
            Cause::FundingNotBooked => self.funding_due(lots, price, dice)?,
            Cause::FillInFlight => {
                let client_id = self.order(lots)?;
                self.frame(before)?;
                self.fill(&client_id, lots, price, Some(fee))?;
                fee
            }
            Cause::ManualTrade => {
                self.frame(before)?;
                self.stranger(lots, price, Some(fee))?;
                fee
            }
            Cause::FillDuplicated => {
                self.stranger(lots, price, Some(fee))?;
                self.stranger(lots, price, Some(fee + fee))?;
                self.frame(before - fee)?;
                fee + fee
            }
            // Where all fees went to another asset the rate here has changed, to nothing.
            Cause::FeeNotSettled if self.observes_nothing() => return None,
            Cause::FeeNotSettled => {
                self.stranger(lots, price, None)?;
                let predicted = before - self.k();
                self.frame(before)?;
                predicted
            }
            Cause::FeeRateChanged => {
                let maker = self.maker_fee(lots, price).filter(|fee| fee.0 >= 0)?;
                self.stranger(lots, price, None)?;
                let predicted = before - self.k();
                self.frame(before - maker)?;
                predicted - maker
            }
            Cause::DiscountAsset => {
                self.stranger(lots, price, None)?;
                let predicted = before - self.k();
                let less = Money(predicted.0 / 10);
                self.frame(before - predicted + less)?;
                less
            }
            Cause::FillMissing if liquidated => return None,
            Cause::FillMissing => {
                self.order(lots)?;
                let fee = self.fee_at_mark(lots)?;
                self.positions(lots)?;
                self.frame(before - fee)?;
                -fee
            }
        };
        Some(effect)
    }

    /// A wallet entry that E's frame is older than.
    fn after_frame(&mut self, kind: Entry, amount: Money) -> Option<Money> {
        let before = self.k();
        self.frame(before)?;
        self.entry(kind, amount)?;
        Some(before - self.k())
    }

    /// A boundary that the venue has not booked.
    fn funding_due(&mut self, lots: i128, price: u64, dice: &mut Dice) -> Option<Money> {
        self.stranger(lots, price, Some(Money::ZERO))?;
        let before = self.k();
        let rate = Decimal::new(i128::from(3 + dice.below(90)), 5).ok()?;
        let terms = FundingTerms {
            symbol: self.listing.spec.symbol.clone(),
            rate: Some(rate),
            next_boundary_ns: Some(self.now_ns + SECOND),
            interval_secs: Some(28_800),
            mark_price: None,
            venue_time_ns: self.now_ns,
        };
        self.put(Input::Funding(Box::new(terms)))?;
        self.now_ns += 2 * SECOND;
        self.put(Input::Time)?;
        let booked = self.k() - before;
        self.frame(before)?;
        Some(-booked)
    }

    fn observes_nothing(&self) -> bool {
        self.kernel.calibration(0, Liquidity::Taker).is_some_and(|known| known.observed.is_zero())
    }

    fn maker_fee(&self, lots: i128, price: u64) -> Option<Money> {
        let rules = self.kernel.instruments().first()?;
        let size = Decimal::new(lots, self.listing.lot_places).ok()?;
        let price = Decimal::new(i128::from(price), self.listing.tick_places).ok()?;
        let value = rules.value(rules.price(price).ok()?, rules.qty(size).ok()?)?;
        Some(dita_kernel::fees::predicted(rules, value, Liquidity::Maker))
    }

    fn fee_at_mark(&self, lots: i128) -> Option<Money> {
        let rules = self.kernel.instruments().first()?;
        let size = Decimal::new(lots, self.listing.lot_places).ok()?;
        let value = rules.value(self.kernel.valuation_price(0)?, rules.qty(size).ok()?)?;
        Some(dita_kernel::fees::predicted(rules, value, Liquidity::Taker))
    }

    /// What the report calls it: the rest that no proof takes out is the container of the hypotheses, and is itself a
    /// name only where there are none.
    fn named(&self, planted: Cause) -> Vec<(Cause, Money, Proof)> {
        let Some(report) = self.kernel.reconcile(self.asset) else { return Vec::new() };
        let parts = report.parts.iter().map(|part| (part.cause, part.amount, part.proof));
        let mut named: Vec<(Cause, Money, Proof)> =
            parts.clone().filter(|part| part.0 != Cause::Unexplained).collect();
        if named.is_empty() || planted == Cause::Unexplained {
            named = parts.collect();
        }
        named
    }
}
