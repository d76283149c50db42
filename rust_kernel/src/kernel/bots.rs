//! Bots that share the account: what is booked for them, what they may still do, and what goes from one to another.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use crate::bots::{BETWEEN, Bot, Bots, Figure, TRANSACTIONS_MIN, UNASSIGNED, split, to_units};
use crate::id::Id;
use crate::input::{BotTransfer, OWNER_BYTES_MAX, Stamp};
use crate::instrument::Instrument;
use crate::ledger::Account;
use crate::margin;
use crate::names::{KernelDiagnosticCode as Code, Product};
use crate::num::{MONEY_SCALE, Money, Qty, pow10};
use crate::order::OrderRole;
use crate::outcome::{Budget, Detail, Outcome, Refusal};
use crate::position::Basis;
use crate::risk::Attempt;
use crate::slot::Slot;

/// A bot's figures with what they mean now.
#[derive(Clone, PartialEq, Debug)]
pub struct BotStanding {
    /// Its figures; nobody's under the name [`UNASSIGNED`].
    pub bot: Bot,
    /// What its positions would gain, less what they would lose.
    pub open: Money,
    /// Initial margin of its positions and working orders; of spot positions, what they cost.
    pub margin: Money,
    /// How many trades it carries.
    pub slots: u32,
    /// What its positions and working entries are worth; 0 for what is no bot's.
    pub notional: Money,
}

impl BotStanding {
    /// Capital, realised and open result, fees and funding together.
    pub fn budget(&self) -> Money {
        self.bot.earned() + self.open
    }

    /// What of its budget is not in use.
    pub fn free(&self) -> Money {
        self.budget() - self.margin
    }
}

/// An account by its bots, in one asset: all rows add up to the wallet, and with what is open to the account's worth.
#[derive(Clone, PartialEq, Debug)]
pub struct BotsSheet {
    /// The bots, by name.
    pub rows: Vec<BotStanding>,
    /// What is no bot's.
    pub unassigned: BotStanding,
    /// What the account has not realised yet of what the bots' own trades have: by its average cost, or because the venue
    /// settled their fills in another order than they were received.
    pub between: Money,
    /// K.
    pub wallet: Money,
    /// What the account's positions would gain, less what they would lose.
    pub open: Money,
}

impl BotsSheet {
    /// What is between the bots' costs and the account's, as a row: none of it is anybody's to use.
    pub fn between_row(&self) -> BotStanding {
        let mut bot = Bot::new(&Id::new(BETWEEN).unwrap_or_default(), self.unassigned.bot.asset);
        bot.realized = self.between;
        let open = self.rows.iter().fold(self.open - self.unassigned.open, |left, row| left - row.open);
        BotStanding { bot, open, margin: Money::ZERO, slots: 0, notional: Money::ZERO }
    }
}

pub(super) fn invalid(
    field: &'static str,
    value: impl core::fmt::Display,
    why: &'static str,
) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

/// What a transfer means; `None` where it was done before.
pub(crate) type BotPlan = Option<(u16, Money)>;

impl Kernel {
    /// The bots; `None` where no owner was given a capital.
    pub fn bots(&self) -> Option<&Bots> {
        self.aside.bots.as_deref()
    }

    /// Whose trade a slot carries, or carried last.
    fn owner_in(&self, slot_id: u32) -> Id {
        self.slots.get(slot_id as usize).map_or(Id::EMPTY, |slot| slot.owner.clone())
    }

    /// The account by its bots, in an asset; `None` where there are no bots.
    pub fn bots_sheet(&self, asset: u16) -> Option<BotsSheet> {
        let bots = self.bots()?;
        let rows: Vec<BotStanding> = bots
            .rows()
            .iter()
            .filter(|row| row.asset == asset)
            .map(|row| self.standing_of(row.clone()))
            .collect();
        let balance = |account| self.ledger.balance(asset, account);
        let (wallet, between) = (balance(Account::Wallet), -balance(Account::InterSlot));
        let mut nobody = Bot {
            name: Id::new(UNASSIGNED).unwrap_or_default(),
            asset,
            has_capital: false,
            capital: wallet - between,
            realized: -balance(Account::RealizedPnl),
            fees: balance(Account::Fees),
            funding: -balance(Account::Funding),
            invested: balance(Account::Inventory),
        };
        for row in &rows {
            nobody.capital -= row.bot.wallet();
            nobody.realized -= row.bot.realized;
            nobody.fees -= row.bot.fees;
            nobody.funding -= row.bot.funding;
            nobody.invested -= row.bot.invested;
        }
        nobody.capital += nobody.invested + nobody.fees - nobody.realized - nobody.funding;
        let of_asset =
            |place: u32| self.instruments.get(place as usize).map(|rules| rules.settle) == Some(asset);
        let (mut open, mut of_nobody) = (Money::ZERO, Money::ZERO);
        for place in (0..self.instruments.len() as u32).filter(|place| of_asset(*place)) {
            let sum = |bases: [Basis; 3]| {
                bases.iter().fold(Money::ZERO, |sum, basis| sum + self.unrealized(place, basis))
            };
            open += sum(self.book(place));
            of_nobody += sum(self.unassigned(place));
        }
        for slot in self.slots.iter().filter(|slot| self.is_without_bot(slot, asset)) {
            of_nobody += self.unrealized(slot.instrument, &slot.basis);
        }
        let standing = self.standing(asset);
        let theirs = rows.iter().fold(Money::ZERO, |sum, row| sum + row.margin);
        let whole = standing.isolated + standing.margin + standing.reserved;
        let unassigned = BotStanding {
            bot: nobody,
            open: of_nobody,
            // Bots on both sides of a book need more than the account does.
            margin: if whole > theirs { whole - theirs } else { Money::ZERO },
            slots: self.slots.iter().filter(|slot| self.is_without_bot(slot, asset)).count() as u32,
            notional: Money::ZERO,
        };
        Some(BotsSheet { rows, unassigned, between, wallet, open })
    }

    fn is_without_bot(&self, slot: &Slot, asset: u16) -> bool {
        let settles = |slot: &Slot| self.instruments.get(slot.instrument as usize).map(|rules| rules.settle);
        !slot.stage.is_free()
            && settles(slot) == Some(asset)
            && !self.bots().is_some_and(|bots| bots.is_bot(&slot.owner))
    }

    /// What a bot's trades mean to its budget.
    pub(super) fn standing_of(&self, bot: Bot) -> BotStanding {
        let mut standing =
            BotStanding { open: Money::ZERO, margin: Money::ZERO, slots: 0, notional: Money::ZERO, bot };
        let mut groups: Vec<(&Id, Money, Money)> = Vec::new();
        for slot in self.slots.iter().filter(|slot| slot.owner == standing.bot.name) {
            let Some(rules) = self.instruments.get(slot.instrument as usize) else { continue };
            if rules.settle != standing.bot.asset || slot.stage.is_free() {
                continue;
            }
            standing.slots = standing.slots.saturating_add(1);
            standing.open += self.unrealized(slot.instrument, &slot.basis);
            standing.notional += self.worth(slot.instrument, rules, &slot.basis);
            standing.margin += match rules.spec.product {
                Product::Spot => slot.basis.cost.abs(),
                Product::Perp => self
                    .position_margin(slot.instrument, &slot.basis)
                    .map_or(Money::ZERO, |held| held.initial),
            };
            let orders = slot.entry.into_iter().chain(slot.exit).chain(slot.other_exits.iter().copied());
            for order in orders.filter_map(|order| self.orders.get(order)) {
                let needed = margin::initial(order.reserved, rules.leverage);
                // Of a book that both sides share an exit is held back too: it needs margin, but is no entry.
                let entry = if order.role == OrderRole::Entry { order.reserved } else { Money::ZERO };
                // Of a group only one fills: the worst of them counts.
                let (mut needed_before, mut entry_before) = (Money::ZERO, Money::ZERO);
                if let Some(group) = order.oco_group() {
                    match groups.iter_mut().find(|(id, _, _)| *id == group) {
                        Some((_, worst, at_work)) => {
                            (needed_before, entry_before) = (*worst, *at_work);
                            *worst = needed.max(*worst);
                            *at_work = entry.max(*at_work);
                        }
                        None => groups.push((group, needed, entry)),
                    }
                }
                standing.margin += needed.max(needed_before) - needed_before;
                standing.notional += entry.max(entry_before) - entry_before;
            }
        }
        standing
    }

    /// What a position is worth where it is valued; what it cost where there is no price.
    fn worth(&self, instrument: u32, rules: &Instrument, basis: &Basis) -> Money {
        let price = self.valuation_price(instrument);
        price.and_then(|price| rules.value(price, basis.qty)).unwrap_or(basis.cost).abs()
    }

    /// Whether a bot's budget carries what an entry adds to its positions and orders.
    ///
    /// # Errors
    /// BUDGET, with the bot, its budget, what is in use and what is needed.
    #[cold]
    pub(crate) fn check_budget(
        &self,
        owner: &Id,
        attempt: &Attempt<'_>,
        added: Money,
    ) -> Result<(), Box<Refusal>> {
        let Some(bots) = self.bots().filter(|bots| bots.is_bot(owner)) else { return Ok(()) };
        let settle = attempt.rules.settle;
        let row = bots.row(owner, settle).cloned().unwrap_or_else(|| Bot::new(owner, settle));
        let standing = self.standing_of(row);
        let needed = margin::initial(added, attempt.leverage);
        if needed <= standing.free() { Ok(()) } else { Err(self.over_budget(&standing, needed)) }
    }

    fn over_budget(&self, standing: &BotStanding, needed: Money) -> Box<Refusal> {
        let name = self.assets.get(usize::from(standing.bot.asset)).map(|asset| asset.name.clone());
        let budget = Budget {
            bot: standing.bot.name.clone(),
            asset: name.unwrap_or_default(),
            budget: standing.budget(),
            in_use: standing.margin,
            needed,
        };
        Refusal::with(Code::Budget, Detail::Budget(Box::new(budget)))
    }

    // --------------------------------------------------------------------------------------------- transfers

    pub(super) fn plan_bots(&self, transfer: &BotTransfer) -> Result<BotPlan, Box<Refusal>> {
        let BotTransfer { transfer_id, from, to, asset, amount, opens, .. } = transfer;
        if transfer_id.is_empty() {
            return Err(invalid(
                "transfer_id",
                "",
                "must not be empty: it keeps a transfer from being done twice",
            ));
        }
        for (field, name) in [("from", from), ("to", to)] {
            if name.as_str().len() > OWNER_BYTES_MAX {
                return Err(invalid(field, name, "must be at most 31 bytes"));
            }
            if [UNASSIGNED, BETWEEN].contains(&name.as_str()) {
                return Err(invalid(field, name, "is the name of a row of every account: choose another"));
            }
        }
        let bots = self.bots();
        let place =
            self.asset_of(asset).ok_or_else(|| invalid("asset", asset, "is no asset of the account"))?;
        let row = |name: &Id| bots.and_then(|bots| bots.row(name, place)).filter(|row| row.has_capital);
        if *opens && row(to).is_some() {
            return Ok(None); // it has its first capital already
        }
        if let Some(done) = bots.and_then(|bots| bots.transfer(transfer_id)) {
            let is_same = done.from == *from && done.to == *to && done.asset == *asset;
            return match is_same && done.amount == *amount {
                true => Ok(None),
                false => {
                    Err(invalid("transfer_id", transfer_id, "was another transfer's: give it one of its own"))
                }
            };
        }
        if from == to {
            return Err(invalid("to", to, "is who gives"));
        }
        let wanted = Money::from_decimal(*amount)
            .map_err(|_| invalid("amount", amount, "has more than 18 decimals, or is too large"))?;
        if wanted.0 < 0 || (wanted.is_zero() && !opens) {
            return Err(invalid("amount", amount, "must be above zero"));
        }
        if *opens {
            if to.is_empty() || !from.is_empty() {
                return Err(invalid("to", to, "a first capital goes from nobody to a bot"));
            }
            if bots.is_some_and(Bots::is_full) {
                return Err(invalid("to", to, "is one bot too many: an account has at most 256"));
            }
            if self.config.remembered_transactions < TRANSACTIONS_MIN {
                let remembered = self.config.remembered_transactions;
                return Err(invalid(
                    "remembered_transactions",
                    remembered,
                    "must be at least 1024 with bots",
                ));
            }
        }
        let why = "is no bot of the account with a capital in that asset: give it one in the configuration";
        if !from.is_empty() && row(from).is_none() {
            return Err(invalid("from", from, why));
        }
        if !to.is_empty() && !opens && row(to).is_none() {
            return Err(invalid("to", to, why));
        }
        let giver = match row(from) {
            Some(row) => self.standing_of(row.clone()),
            None => self.nobody_standing(place),
        };
        if wanted > giver.free() {
            return Err(self.over_budget(&giver, wanted));
        }
        Ok(Some((place, wanted)))
    }

    /// What is no bot's, also where there are no bots yet.
    fn nobody_standing(&self, asset: u16) -> BotStanding {
        if let Some(sheet) = self.bots_sheet(asset) {
            return sheet.unassigned;
        }
        let standing = self.standing(asset);
        let mut bot = Bot::new(&Id::new(UNASSIGNED).unwrap_or_default(), asset);
        bot.capital = standing.wallet;
        let margin = standing.isolated + standing.margin + standing.reserved;
        BotStanding {
            bot,
            open: standing.unrealized,
            margin,
            slots: self.busy_slots(),
            notional: Money::ZERO,
        }
    }

    #[cold]
    pub(super) fn take_bots(&mut self, stamp: Stamp, transfer: &BotTransfer) -> Outcome {
        let plan = match self.plan_bots(transfer) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, stamp.0);
        let Some((asset, amount)) = plan else {
            return self.answer(Code::DuplicateIntent, None, Detail::None);
        };
        self.aside.bots.get_or_insert_default().transfer_capital(transfer, asset, amount);
        self.answer(Code::Ok, None, Detail::None)
    }

    // ---------------------------------------------------------------------------------------------- bookings

    /// Counts what a step has booked for the slots of bots.
    #[cold]
    pub(super) fn count_for_bots(&mut self, first: u64) {
        let Some(bots) = &mut self.aside.bots else { return };
        for number in first..=self.ledger.booked() {
            let booked = self.ledger.transaction(number);
            let slot = booked.and_then(|booked| self.slots.get(booked.slot_id? as usize));
            if let (Some(booked), Some(slot)) = (booked, slot) {
                bots.count(&slot.owner, booked);
            }
        }
    }

    /// A slot takes another trade: whose the one before was is remembered for what comes late.
    #[inline]
    pub(crate) fn leave_trade(&mut self, slot_id: u32) {
        if let Some(bots) = &mut self.aside.bots {
            let slot = &self.slots[slot_id as usize];
            bots.remember_past(slot_id, slot.trade_number, &slot.owner);
        }
    }

    /// Something was booked for an order whose slot carries another trade by now.
    #[inline]
    pub(crate) fn add_late(&mut self, place: u32, asset: u16, figure: Figure, amount: Money) {
        if let Some(bots) = &mut self.aside.bots {
            bots.add(self.orders.at(place).owner(), asset, figure, amount);
        }
    }

    /// A slot's trade got funding: `of` is the trade.
    #[inline]
    pub(crate) fn add_funding(&mut self, slot_id: u32, of: u64, asset: u16, amount: Money) {
        if self.aside.bots.is_none() {
            return;
        }
        let slot = &self.slots[slot_id as usize];
        let now = (slot.trade_number == of).then(|| slot.owner.clone());
        if let Some(bots) = &mut self.aside.bots {
            let owner = now.unwrap_or_else(|| bots.past_owner(slot_id, of));
            bots.add(&owner, asset, Figure::Funding, amount);
        }
    }

    /// The smallest amount of an asset that the venue books.
    pub(crate) fn unit_of(&self, asset: u16) -> Money {
        let decimals = self.assets.get(usize::from(asset)).map_or(MONEY_SCALE, |asset| asset.unit_decimals);
        Money(MONEY_SCALE.checked_sub(decimals).and_then(pow10).unwrap_or(1))
    }

    /// What several have of an amount, in whole units where there are bots: `parts` are their exact ones, all of them.
    pub(crate) fn in_units(&self, amount: Money, parts: &[Money], asset: u16) -> Option<Vec<Money>> {
        self.bots()?;
        let parts: Vec<(Money, i128)> = parts.iter().map(|part| (*part, 0)).collect();
        Some(to_units(amount, &parts, self.unit_of(asset)))
    }

    /// An amount by sizes, in whole units where there are bots.
    pub(crate) fn by_size(&self, amount: Money, sizes: &[Qty], asset: u16) -> Option<Vec<Money>> {
        self.bots()?;
        Some(split(amount, sizes, self.unit_of(asset)))
    }

    /// How much of a forced close each of the slots that hold gives: by size, in whole lots, where there are bots.
    pub(crate) fn forced_parts(&self, qty: Qty, sizes: &[Qty], lot: Qty) -> Option<Vec<Qty>> {
        self.bots()?;
        let whole = sizes.iter().fold(Qty::ZERO, |sum, size| sum + size.abs());
        if qty >= whole {
            return None; // each gives all that it has
        }
        let parts = split(Money(qty.0), sizes, Money(lot.0));
        Some(parts.into_iter().map(|part| Qty(part.0)).collect())
    }

    /// The venue has forced a close on several: each bears what it held of the profit at its own cost; the fee, and what
    /// the venue rounded, go by size. `own` are the slots' profits, with what each has given.
    #[cold]
    pub(crate) fn share_forced(
        &mut self,
        instrument: u32,
        own: &[(u32, Qty, Money)],
        whole: Qty,
        (rounding, fee, fee_asset): (Money, Money, u16),
    ) {
        if self.aside.bots.is_none() {
            return;
        }
        let settle = self.instruments[instrument as usize].settle;
        let given = own.iter().fold(Qty::ZERO, |sum, (_, qty, _)| sum + *qty);
        let mut parts: Vec<(Id, Qty)> =
            own.iter().map(|(slot_id, qty, _)| (self.owner_in(*slot_id), *qty)).collect();
        parts.push((Id::EMPTY, whole - given));
        let sizes: Vec<Qty> = parts.iter().map(|(_, qty)| *qty).collect();
        let fees = split(fee, &sizes, self.unit_of(fee_asset));
        let roundings = split(rounding, &sizes, Money(1));
        let Some(bots) = &mut self.aside.bots else { return };
        for (at, (owner, _)) in parts.iter().enumerate() {
            let profit = own.get(at).map_or(Money::ZERO, |(_, _, profit)| *profit);
            bots.add(owner, settle, Figure::Realized, profit + roundings[at]);
            bots.add(owner, fee_asset, Figure::Fees, fees[at]);
        }
        bots.set_forced(instrument, parts);
    }

    /// The fee for a forced close goes by what each gave.
    #[cold]
    pub(crate) fn share_forced_fee(&mut self, instrument: u32, asset: u16, credited: Money) {
        let Some(parts) = self.bots().map(|bots| bots.forced(instrument).to_vec()) else { return };
        let sizes: Vec<Qty> = parts.iter().map(|(_, qty)| *qty).collect();
        let shares = split(credited, &sizes, self.unit_of(asset));
        let Some(bots) = &mut self.aside.bots else { return };
        for ((owner, _), share) in parts.iter().zip(shares) {
            bots.add(owner, asset, Figure::Fees, -share);
        }
    }
}

impl Budget {
    /// What a person does about it.
    pub fn advice(&self) -> alloc::string::String {
        if self.bot.as_str() == UNASSIGNED {
            return "give less, or bring more into the account".into();
        }
        alloc::format!("make it smaller, close something, or transfer capital to {}", self.bot.as_str())
    }
}
