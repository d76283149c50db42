//! What a bot may do at most, beside its budget: set as an input, held against its entries.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt::Display;

use super::Kernel;
use super::bots::invalid;
use crate::bots::BotLimit;
use crate::id::Id;
use crate::input::{BotLimits, Stamp};
use crate::names::KernelDiagnosticCode as Code;
use crate::num::{Decimal, Money};
use crate::outcome::{BotLimitHit, Detail, Outcome, Refusal};
use crate::risk::Attempt;

fn money(field: &'static str, given: Option<Decimal>) -> Result<Option<Money>, Box<Refusal>> {
    let wrong = |value| invalid(field, value, "must not be negative, too fine or too large");
    let read =
        |value| Money::from_decimal(value).ok().filter(|money| money.0 >= 0).ok_or_else(|| wrong(value));
    given.map(read).transpose()
}

impl Kernel {
    /// What limits mean; `None` where they are set already.
    pub(super) fn plan_bot_limits(&self, given: &BotLimits) -> Result<Option<BotLimit>, Box<Refusal>> {
        let BotLimits { bot, asset, max_slots, .. } = given;
        let place =
            self.asset_of(asset).ok_or_else(|| invalid("asset", asset, "is no asset of the account"))?;
        let bots = self.bots().filter(|bots| bots.row(bot, place).is_some_and(|row| row.has_capital));
        let bots = bots.ok_or_else(|| {
            invalid("bot", bot, "is no bot of the account with a capital in that asset: give it one first")
        })?;
        let limit = BotLimit {
            name: bot.clone(),
            asset: place,
            max_slots: *max_slots,
            max_order_notional: money("max_order_notional", given.max_order_notional)?,
            max_notional: money("max_notional", given.max_notional)?,
        };
        let is_news = match bots.limit(bot, place) {
            Some(before) => *before != limit,
            None => !limit.is_empty(),
        };
        Ok(is_news.then_some(limit))
    }

    #[cold]
    pub(super) fn take_bot_limits(&mut self, stamp: Stamp, limits: &BotLimits) -> Outcome {
        let plan = match self.plan_bot_limits(limits) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, stamp.0);
        let Some(limit) = plan else {
            return self.answer(Code::DuplicateIntent, None, Detail::None);
        };
        self.aside.bots.get_or_insert_default().set_limit(limit);
        self.answer(Code::Ok, None, Detail::None)
    }

    /// Whether a bot's own limits take an entry, or an amend that raises one. `added` is what it adds to what the bot holds
    /// and works; `is_new` is false where the slot carries the trade already.
    ///
    /// # Errors
    /// RISK_BLOCKED, with the bot, the first limit that it breaks, what that allows, and what it would be.
    #[cold]
    pub(crate) fn check_bot_limits(
        &self,
        owner: &Id,
        attempt: &Attempt<'_>,
        added: Money,
        is_new: bool,
    ) -> Result<(), Box<Refusal>> {
        let settle = attempt.rules.settle;
        let Some(bots) = self.bots() else { return Ok(()) };
        let (Some(limit), Some(row)) = (bots.limit(owner, settle), bots.row(owner, settle)) else {
            return Ok(());
        };
        let standing = self.standing_of(row.clone());
        if let Some(most) = limit.max_slots {
            let slots = standing.slots.saturating_add(u32::from(is_new));
            if slots > most {
                return Err(over(owner, "max_slots", most, slots));
            }
        }
        if let Some(most) = limit.max_order_notional.filter(|most| attempt.notional > *most) {
            return Err(over(owner, "max_order_notional", most, attempt.notional));
        }
        let notional = standing.notional + added;
        match limit.max_notional.filter(|most| notional > *most) {
            Some(most) => Err(over(owner, "max_notional", most, notional)),
            None => Ok(()),
        }
    }
}

fn over(bot: &Id, limit: &'static str, value: impl Display, attempt: impl Display) -> Box<Refusal> {
    let hit = BotLimitHit {
        bot: bot.clone(),
        limit,
        value: value.to_string().into_boxed_str(),
        attempt: attempt.to_string().into_boxed_str(),
    };
    Refusal::with(Code::RiskBlocked, Detail::BotLimit(Box::new(hit)))
}
