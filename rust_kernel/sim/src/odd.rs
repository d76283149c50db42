//! A fill that is more than a linear contract's on a plain account: inverse, spot, hedge mode, fees in another asset.
//!
//! - **Inverse** contracts settle in coin: value = contracts × multiplier ÷ price, cost and profit half-even at 1e-18,
//!   profit then rounded half-even to the venue's unit.
//! - **Spot** moves two balances: a buy pays price × quantity of quote and receives base, less the fee in base; a sell
//!   gives base and receives quote, less the fee in quote. There is no position and no profit, only balances.
//! - A fee in **another asset** is the usual fee × (1 − discount) ÷ that asset's price, half-even at 8 places. While
//!   its balance does not cover it the fee is the usual one, without discount, as on Binance.

use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, VenueEvent};
use dita_kernel::names::{AccountEventKind, Liquidity, OrderSide, PositionSide};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, multiply_divide, pow10, product};

use crate::config::Settling;
use crate::events;
use crate::fills::{Desk, Fill, Market};
use crate::orders::Order;
use crate::rules::{Kind, exact};
use crate::statement::StatementLine;
use crate::wallet::{fee_on, money_decimal, settle, settle_inverse};

/// The places of a fee in another asset.
const FEE_ASSET_DECIMALS: u8 = 8;

/// What a fill did to the wallet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    /// Before fees; spot has none.
    pub(crate) realised: Option<Money>,
    pub(crate) fee: Money,
    /// The place of the account that paid it.
    pub(crate) fee_account: usize,
}

/// A trade of the account, an order's or one that none of its orders made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade {
    pub(crate) side: OrderSide,
    pub(crate) position_side: PositionSide,
    /// On the tick grid.
    pub(crate) price: i128,
    pub(crate) quantity: i128,
    /// `None` where no fee is charged.
    pub(crate) liquidity: Option<Liquidity>,
}

impl Desk {
    /// Books one fill of an order, and reports it.
    #[cold]
    #[inline(never)]
    pub(crate) fn fill_oddly(
        &mut self,
        market: &mut Market,
        order: &mut Order,
        fill: &Fill,
        out: &mut Vec<Input>,
    ) {
        let fill = self.overfilled(market, order, fill);
        let trade_id = self.next_trade_id(market, order.order_side);
        let before = self.before(market, order.position_side);
        let settled = self.book_fill(market, order, &fill);
        self.tell_fill(market, order, &fill, settled, &trade_id, out);
        self.retract(market, order, &fill, &trade_id, before, out);
        if self.behaviour.native_oco
            && let Some(terms) = &order.terms
            && !terms.oco_group.is_empty()
        {
            self.filled_groups.push(terms.oco_group.clone());
        }
    }

    /// Books a fill on its order, the position and the wallet.
    pub(crate) fn book_fill(&mut self, market: &mut Market, order: &mut Order, fill: &Fill) -> Settled {
        let trade = Trade {
            side: order.order_side,
            position_side: order.position_side,
            price: fill.price,
            quantity: fill.quantity,
            liquidity: Some(fill.liquidity),
        };
        order.filled += fill.quantity;
        order.paid += exact(product(fill.price, fill.quantity));
        self.book_trade(market, trade)
    }

    /// A fill's id: the venue's own or, where it numbers so, the instrument's; or, by a fault, that of the fill before
    /// it on the other side, as two orders of one account have it that met each other.
    fn next_trade_id(&mut self, market: &mut Market, side: OrderSide) -> Id {
        let before = market.last_trade.take().filter(|(other, _)| *other != side);
        if let Some((_, trade_id)) = before
            && self.strikes(|faults| faults.one_id_on_two_fills)
        {
            self.counters.faults.one_id_on_two_fills += 1;
            return trade_id;
        }
        let trade_id = self.new_trade_id(market);
        if self.chaos.is_some() {
            market.last_trade = Some((side, trade_id.clone()));
        }
        trade_id
    }

    /// An id that no other trade of the venue has, or none of the instrument.
    pub(crate) fn new_trade_id(&mut self, market: &mut Market) -> Id {
        if self.chaos.as_ref().is_some_and(|chaos| chaos.faults.trade_ids_per_symbol) {
            self.counters.faults.shared_trade_ids += 1;
            return market.trade_ids.next_id();
        }
        self.trade_ids.next_id()
    }

    /// Reports a fill that is booked.
    fn tell_fill(
        &mut self,
        market: &Market,
        order: &mut Order,
        fill: &Fill,
        settled: Settled,
        trade_id: &Id,
        out: &mut Vec<Input>,
    ) {
        let moment = self.moment();
        let event = self.forms.venue(out);
        events::filled(event, order, &market.rules, fill, trade_id, (None, None), moment);
        if self.behaviour.fee_in_fill {
            event.fee = Some(money_decimal(settled.fee));
            event.fee_asset.clone_from(self.wallet.asset_at(settled.fee_account));
            if self.chaos.as_ref().is_some_and(|chaos| chaos.faults.cumulative_fees) {
                let terms = order.terms_mut();
                terms.fees += settled.fee;
                event.fee = Some(money_decimal(-terms.fees));
                self.counters.faults.cumulative_fees += 1;
            }
        }
        event.realized_pnl = self.behaviour.reported(settled.realised);
        if self.chaos.is_some()
            && let Some(Input::Venue(event)) = out.pop()
        {
            self.tell_pending(&event, out);
            out.push(Input::Venue(event));
        }
        self.note_settled(market, order.order_side, settled, trade_id);
        if self.behaviour.settling == Settling::Apart {
            self.tell_settled(market, (order.order_side, fill.quantity), settled, trade_id, out);
        }
    }

    /// Writes a trade into the statement.
    pub(crate) fn note_settled(&mut self, market: &Market, side: OrderSide, settled: Settled, trade_id: &Id) {
        self.write_down(StatementLine {
            symbol: market.rules.symbol.clone(),
            id: trade_id.clone(),
            side: Some(side),
            time_ns: self.now_ns,
            amount: settled.realised.unwrap_or_default(),
            asset: market.rules.settle.clone(),
            fee: settled.fee,
            fee_asset: self.wallet.asset_at(settled.fee_account).clone(),
            is_funding: false,
            gone: false,
        });
    }

    /// FILL_SETTLED: what a trade realised and cost, in a message of its own.
    pub(crate) fn tell_settled(
        &mut self,
        market: &Market,
        (side, quantity): (OrderSide, i128),
        settled: Settled,
        trade_id: &Id,
        out: &mut Vec<Input>,
    ) {
        let moment = self.moment();
        // Where one id may be on two fills, a settlement says which of them it is of.
        let tells_side = self.chaos.as_ref().is_some_and(|chaos| chaos.faults.one_id_on_two_fills > 0);
        let signed = if side == OrderSide::Buy { quantity } else { -quantity };
        out.push(Input::Account(Box::new(AccountEvent {
            asset: market.rules.settle.clone(),
            symbol: market.rules.symbol.clone(),
            venue_trade_id: trade_id.clone(),
            size: tells_side.then(|| market.rules.quantity.decimal(signed)),
            realized_pnl: settled.realised.map(money_decimal),
            fee: Some(money_decimal(settled.fee)),
            fee_asset: self.wallet.asset_at(settled.fee_account).clone(),
            ..AccountEvent::new(AccountEventKind::FillSettled, moment.venue_ns)
        })));
    }

    /// Moves positions and balances by a trade.
    pub(crate) fn book_trade(&mut self, market: &mut Market, trade: Trade) -> Settled {
        self.counters.fills += 1;
        self.moved = true;
        let settled = match market.rules.kind {
            Kind::Spot => self.book_spot(market, trade),
            Kind::Linear | Kind::Inverse => self.book_contract(market, trade),
        };
        self.counters.faults.rebates += u64::from(settled.fee.0 < 0);
        let other = self.fee_asset.as_ref().is_some_and(|other| other.account == settled.fee_account);
        self.counters.faults.other_asset_fees += u64::from(other);
        settled
    }

    fn book_contract(&mut self, market: &mut Market, trade: Trade) -> Settled {
        let Trade { side, position_side, price, quantity, liquidity } = trade;
        let rules = market.rules.clone();
        let at = rules.price18(price);
        let position = market.book_of(position_side);
        let realised = match rules.kind {
            Kind::Inverse => settle_inverse(&rules, position, side, at, quantity),
            Kind::Linear | Kind::Spot => {
                let done = settle(&rules, position, side, price, quantity, Liquidity::Taker);
                Money(exact(product(done.realised, rules.fee_unit)))
            }
        };
        let unit = rules.fee_unit;
        let realised =
            exact(divide(realised.0, unit, Rounding::HalfEven).and_then(|units| product(units, unit)));
        let value = exact(rules.value_at(quantity, at).map(|value| value.0));
        let usual = liquidity.map_or(Money::ZERO, |liquidity| fee_on(&rules, Money(value), liquidity));
        let (fee, fee_account) = self.fee_paid(market.account, usual);
        self.wallet.change(market.account, Money(realised), Money::ZERO, Money(realised));
        self.wallet.change(fee_account, -fee, fee, Money::ZERO);
        Settled { realised: Some(Money(realised)), fee, fee_account }
    }

    fn book_spot(&mut self, market: &Market, trade: Trade) -> Settled {
        let rules = &market.rules;
        let value =
            Money(exact(rules.value_at(trade.quantity, rules.price18(trade.price)).map(|value| value.0)));
        let base = self.spot_base(market, trade.quantity);
        let base_account = market.base_account.unwrap_or(market.account);
        let (given, received) = match trade.side {
            OrderSide::Buy => ((market.account, value), (base_account, base)),
            OrderSide::Sell => ((base_account, base), (market.account, value)),
        };
        self.wallet.change(given.0, -given.1, Money::ZERO, Money::ZERO);
        self.wallet.change(received.0, received.1, Money::ZERO, Money::ZERO);
        let usual_account = self.usual_fee_account(market, received.0);
        let of = if usual_account == market.account { value } else { base };
        let usual = trade.liquidity.map_or(Money::ZERO, |liquidity| fee_on(rules, of, liquidity));
        let (fee, fee_account) = if usual_account == market.account {
            self.fee_paid(usual_account, usual)
        } else {
            // A fee in another asset is worth a part of the quote.
            let in_quote = trade.liquidity.map_or(Money::ZERO, |liquidity| fee_on(rules, value, liquidity));
            match self.other_fee(in_quote) {
                Some(paid) => paid,
                None => (usual, usual_account),
            }
        };
        self.wallet.change(fee_account, -fee, fee, Money::ZERO);
        Settled { realised: None, fee, fee_account }
    }

    /// A spot quantity in units of base.
    pub(crate) fn spot_base(&self, market: &Market, quantity: i128) -> Money {
        let rules = &market.rules;
        let unit = MONEY_SCALE.checked_sub(rules.size_places).and_then(pow10);
        Money(exact(product(quantity, rules.multiplier).and_then(|size| product(size, unit?))))
    }

    /// What is received, unless the instrument's fees are named in one of its two assets.
    fn usual_fee_account(&self, market: &Market, received: usize) -> usize {
        let named = &market.rules.fee_asset;
        if *named == market.rules.quote {
            market.account
        } else if *named == market.rules.base {
            market.base_account.unwrap_or(market.account)
        } else {
            received
        }
    }

    /// The fee and who pays it.
    fn fee_paid(&self, usual_account: usize, usual: Money) -> (Money, usize) {
        self.other_fee(usual).unwrap_or((usual, usual_account))
    }

    /// The fee in the other asset, where one pays fees and its balance covers it. A rebate is never paid in it.
    fn other_fee(&self, usual: Money) -> Option<(Money, usize)> {
        let other = self.fee_asset.as_ref().filter(|_| usual.0 > 0)?;
        let unit = pow10(MONEY_SCALE)?;
        let part = multiply_divide(usual.0, other.part, unit, Rounding::HalfEven)?;
        let places = pow10(FEE_ASSET_DECIMALS)?;
        let units = multiply_divide(part, places, other.price, Rounding::HalfEven)?;
        let fee = Money(product(units, pow10(MONEY_SCALE - FEE_ASSET_DECIMALS)?)?);
        (self.wallet.balance_at(other.account) >= fee).then_some((fee, other.account))
    }

    /// Wallet frames of all the assets that such a market's fills move.
    #[cold]
    #[inline(never)]
    pub(crate) fn report_accounts(&mut self, market: &Market, out: &mut Vec<Input>) {
        let fee_account = self.fee_asset.as_ref().map(|other| other.account);
        let mut told: Vec<usize> = vec![market.account];
        for account in [market.base_account, fee_account].into_iter().flatten() {
            if !told.contains(&account) {
                told.push(account);
            }
        }
        for account in told {
            self.report_account(account, out);
        }
    }

    fn write_down(&mut self, line: StatementLine) {
        if let Some(statement) = &mut self.statement {
            statement.push(line);
        }
    }

    /// An asset's wallet frame, where they are wanted.
    pub(crate) fn report_account(&mut self, account: usize, out: &mut Vec<Input>) {
        if self.behaviour.wallet_events {
            self.tell_account(account, out);
        }
    }

    /// An asset's wallet frame.
    pub(crate) fn tell_account(&mut self, account: usize, out: &mut Vec<Input>) {
        let moment = self.moment();
        let balance = self.wallet.balance_decimal(account);
        let asset = self.wallet.asset_at(account).clone();
        events::wallet(self.forms.account(out), &asset, balance, moment);
    }

    /// The client id of the next order that a stranger sends.
    pub(crate) fn stranger_client_id(&self) -> Id {
        let number = self.order_ids.count() + 1;
        let text = if self.life <= 1 { format!("WEB{number}") } else { format!("WEB{}-{number}", self.life) };
        Id::new(&text).unwrap_or_default()
    }

    /// A wallet entry that is not a fill's: booked, told under an id of its own, with the frame after it.
    pub(crate) fn enter(&mut self, account: usize, amount: Money, entry: AccountEvent, out: &mut Vec<Input>) {
        self.wallet.change(account, amount, Money::ZERO, Money::ZERO);
        let asset = self.wallet.asset_at(account).clone();
        let venue_txn_id = self.entry_ids.next_id();
        self.write_down(StatementLine {
            symbol: entry.symbol.clone(),
            id: venue_txn_id.clone(),
            side: None,
            time_ns: self.now_ns,
            amount,
            asset: asset.clone(),
            fee: Money::ZERO,
            fee_asset: asset.clone(),
            is_funding: entry.kind == AccountEventKind::FundingFee,
            gone: false,
        });
        out.push(Input::Account(Box::new(AccountEvent {
            asset,
            venue_txn_id,
            amount: Some(money_decimal(amount)),
            ..entry
        })));
        self.report_account(account, out);
    }
}

/// The names of a trade that none of the account's orders made.
pub(crate) fn named_by_stranger(
    event: VenueEvent,
    market: &Market,
    trade: Trade,
    trade_id: &Id,
) -> VenueEvent {
    let rules = &market.rules;
    VenueEvent {
        order_side: Some(trade.side),
        position_side: Some(trade.position_side),
        liquidity: trade.liquidity,
        asset: rules.symbol.clone(),
        price: Some(rules.price.decimal(trade.price)),
        size: Some(rules.quantity.decimal(trade.quantity)),
        filled_size: Some(rules.quantity.decimal(trade.quantity)),
        remaining_size: Some(Decimal::ZERO),
        order_size: Some(rules.quantity.decimal(trade.quantity)),
        venue_trade_id: trade_id.clone(),
        ..event
    }
}
