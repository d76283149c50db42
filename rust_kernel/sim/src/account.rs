//! What moves the account or its terms without a trade: transfers, marks, fee rates, the asset that pays fees.

use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input};
use dita_kernel::names::AccountEventKind;
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, pow10};

use crate::error::SimError;
use crate::fills::FeeAsset;
use crate::rules::Kind;
use crate::venue::SimVenue;

impl SimVenue {
    /// Moves money in (+) or out (−): TRANSFER, and the wallet frame.
    ///
    /// # Errors
    /// [`SimError::Amount`] past 10^15 units or 18 places, or for more than the wallet holds.
    pub fn transfer(
        &mut self,
        now_ns: i64,
        asset: &Id,
        amount: Decimal,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let held = self.wallet_balance(asset).unwrap_or(Money::ZERO);
        let wanted = self.read_amount(asset, amount)?;
        if wanted.0 < 0 && held + wanted < Money::ZERO {
            let must = "at most what the wallet holds";
            return Err(SimError::Amount { asset: asset.clone(), value: amount, must });
        }
        self.entry(now_ns, AccountEventKind::Transfer, asset, wanted, out);
        self.desk.counters.transfers += 1;
        Ok(())
    }

    /// Credits (+) or charges (−) the wallet for a reason of the venue's: a REBATE or an ADJUSTMENT, and the frame.
    ///
    /// # Errors
    /// [`SimError::Amount`] past 10^15 units or 18 places.
    pub fn credit(
        &mut self,
        now_ns: i64,
        rebate: bool,
        asset: &Id,
        amount: Decimal,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let amount = self.read_amount(asset, amount)?;
        let kind = if rebate { AccountEventKind::Rebate } else { AccountEventKind::Adjustment };
        self.entry(now_ns, kind, asset, amount, out);
        Ok(())
    }

    fn read_amount(&self, asset: &Id, amount: Decimal) -> Result<Money, SimError> {
        let refuse = |must| SimError::Amount { asset: asset.clone(), value: amount, must };
        if asset.is_empty() {
            return Err(refuse("of a named asset"));
        }
        Money::from_decimal(amount).map_err(|_| refuse("at most 10^15 units and 18 places"))
    }

    fn entry(
        &mut self,
        now_ns: i64,
        kind: AccountEventKind,
        asset: &Id,
        amount: Money,
        out: &mut Vec<Input>,
    ) {
        let account = self.desk.wallet.open(asset, 0);
        self.happen(now_ns, out, |venue, out| {
            let from = out.len();
            let entry = AccountEvent::new(kind, venue.desk.now_ns);
            venue.desk.enter(account, amount, entry, out);
            venue.tell_margins(from, out);
        });
    }

    /// A new mark price: told as [`Input::Mark`]; triggers and liquidations that go by it follow.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`], or [`SimError::MarketData`] for one that is not positive or past 18 places. It need
    /// not be on the tick grid.
    pub fn mark(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        price: Decimal,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let place = self.listed(symbol)?;
        let mark = price.at_scale(MONEY_SCALE).ok().filter(|&mark| mark > 0 && price.is_positive());
        let Some(mark) = mark else {
            let must = "positive, with at most 18 places";
            return Err(SimError::MarketData { symbol: symbol.clone(), field: "mark", value: price, must });
        };
        self.advance(now_ns, out);
        self.set_mark(place, mark, price, out);
        Ok(())
    }

    pub(crate) fn set_mark(&mut self, place: usize, mark: i128, price: Decimal, out: &mut Vec<Input>) {
        let now_ns = self.desk.now_ns;
        self.markets[place].mark = Some(mark);
        let symbol = self.markets[place].rules.symbol.clone();
        out.push(Input::Mark { symbol, price, venue_time_ns: now_ns, ages: false });
        let wakes = self.waits_for_mark(place);
        let market = &self.markets[place];
        let endangers =
            self.desk.behaviour.liquidation && !market.is_flat() && market.rules.kind != Kind::Spot;
        if !wakes && !endangers {
            return;
        }
        self.happen(now_ns, out, |venue, out| {
            let from = out.len();
            if wakes {
                venue.wake(place, None, true, out);
            }
            venue.conclude(place, from, out);
            venue.liquidate_if_due(venue.markets[place].account, out);
            venue.tell_margins(from, out);
        });
    }

    /// Changes an instrument's fee rates from now on, without a word: traders find out by what they pay.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`]; [`SimError::Instrument`] for a rate past 12 places or past 1.
    pub fn set_fee_rates(&mut self, symbol: &Id, maker: Decimal, taker: Decimal) -> Result<(), SimError> {
        let place = self.listed(symbol)?;
        self.markets[place].rules.set_fee_rates(maker, taker).ok_or(SimError::Instrument {
            symbol: symbol.clone(),
            field: "maker_rate or taker_rate",
            value: None,
            must: "from -1 to 1 with at most 12 places",
        })
    }

    /// Fees are paid in this asset from now on while its balance covers them: `price` units of the settlement asset
    /// for one of it, `discount` off. `None`: in the usual asset again.
    ///
    /// # Errors
    /// [`SimError::Amount`] for a price that is not positive or a discount outside of 0 to 1.
    pub fn pay_fees_in(&mut self, other: Option<(&Id, Decimal, Decimal)>) -> Result<(), SimError> {
        self.desk.fee_asset = match other {
            None => None,
            Some((asset, price, discount)) => {
                let refuse = |value, must| SimError::Amount { asset: asset.clone(), value, must };
                let one = pow10(MONEY_SCALE).unwrap_or(1);
                let off = discount.at_scale(MONEY_SCALE).ok().filter(|off| (0..=one).contains(off));
                let part = one - off.ok_or_else(|| refuse(discount, "a discount from 0 to 1"))?;
                let at = price.at_scale(MONEY_SCALE).ok().filter(|&at| at > 0);
                let price = at.ok_or_else(|| refuse(price, "a positive price with at most 18 places"))?;
                Some(FeeAsset { account: self.desk.wallet.open(asset, 8), price, part })
            }
        };
        for market in &mut self.markets {
            market.odd = self.desk.is_odd(&market.rules);
        }
        Ok(())
    }
}
