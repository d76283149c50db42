//! How the venue behaves: latency, faults, slippage, and which events it sends.

use dita_kernel::num::{Decimal, Money};

use crate::error::SimError;
use crate::faults::SimFaults;
use crate::latency::LatencySample;
use crate::random::Chance;
use crate::taking::Slippage;
use crate::wallet::money_decimal;

/// The venue's settings. [`Default`] is the venue that always fills, at once, without a fault.
#[derive(Clone, PartialEq, Debug)]
pub struct SimConfig {
    /// Where chance starts. The same seed and the same calls give the same events.
    pub seed: u64,
    /// A request's whole round trip in nanoseconds: it arrives after half of it (rounded down), and the answer is
    /// back after all of it. A fill that the market causes takes the way back only. 0 answers inside the call.
    pub latency_ns: i64,
    /// Where it is above 0 each round trip is drawn, from `latency_ns` to this, both included, and halved likewise. No
    /// message overtakes another of its way.
    pub latency_max_ns: i64,
    /// Where there are any: both ways as they were recorded, in order of time; the other two say nothing then.
    pub latencies: Vec<LatencySample>,
    /// How often an order that can fill does, 0 to 1. A miss: MARKET, IOC and FOK expire with nothing filled; a
    /// GTC limit stays in the book, and has a new chance with the next quote, depth or print that reaches it.
    pub fill_rate: Decimal,
    /// How often an order without a fault is rejected all the same, 0 to 1.
    pub reject_rate: Decimal,
    /// How often what fills at once comes in two: first 50 to 90 % of it on the lot grid, then the rest, both in
    /// one answer. A quantity of one lot cannot be parted.
    pub partial_fill_rate: Decimal,
    /// By how many basis points every taker price is worse than the book's, rounded to the tick against the
    /// taker: 0 up to, and not including, 10000. A limit order never fills worse than its limit.
    pub slippage_bps: Decimal,
    /// True: a fill carries its fee. False: it does not, and a FILL_SETTLED (realised PnL, fee) always follows it.
    pub fee_in_fill: bool,
    /// Whether the venue reports what a fill realised: in the fill where that carries its fee, else in the FILL_SETTLED.
    /// Without it a fill that carries its fee is all that is reported.
    pub settle_events: bool,
    /// Whether an ACCOUNT_UPDATE (wallet balance) ends each batch of fills.
    pub wallet_events: bool,
    /// Two books per perpetual, LONG and SHORT; every order names its book. Orders that close a book never open.
    pub hedge_mode: bool,
    /// Whether a triggered order gets a second venue id, with the first as `parent_order_id`.
    pub two_ids_on_trigger: bool,
    /// Conditional orders are triggered by the mark; else by prints and by the middle of the best bid and ask.
    pub trigger_on_mark: bool,
    /// Whether the venue itself cancels the other orders of an `oco_group` when one is filled in whole or in part.
    pub native_oco: bool,
    /// Whether waiting reduce-only orders are cut (RESTATED) or ended (EXPIRED) as soon as the position shrinks under
    /// them. Without it they never fill beyond the position either, but stay until the market comes to them.
    pub trim_reduce_only: bool,
    /// Whether an order that rests waits behind what the book showed at its price: prints at the price serve that
    /// first, and a level that shrinks takes it away from ahead of the order. Without it prints fill at once.
    pub queue_position: bool,
    /// Of a level that shrinks by more than was traded there: whether what left had stood evenly before and behind the
    /// order (by probability), so that the order moves up by its share. Without it all of it had stood behind, as far as
    /// that can be (averse to risk).
    pub queue_evenly: bool,
    /// Whether an order that would meet another of the same account expires instead.
    pub self_trade_prevention: bool,
    /// Whether the middle of a quote, or of new depth, is the mark too. It costs each of them an event.
    pub quotes_set_marks: bool,
    /// Whether a waiting limit fills only where the market goes beyond it; else where it comes to it.
    pub limit_through: bool,
    /// Whether what is sent between two bars meets the open of the next one; else the close of the last.
    pub hold_for_open: bool,
    /// Whether what an order takes is gone from the depth that is known, until the next word of that level.
    pub depth_is_taken: bool,
    /// How long after it has come an order first meets the market, ns: it is acknowledged at once, and a cancel in between
    /// finds it whole. One with a trigger waits for that instead.
    pub fill_delay_ns: i64,
    /// Whether an order with a limit that has waited for `fill_delay_ns` fills at it where nobody offers or bids anything:
    /// paper without a market. By `fill_rate`, drawn once.
    pub fill_without_market: bool,
    /// Whether a POSITION_UPDATE follows each batch of fills.
    pub position_events: bool,
    /// Whether ACCOUNT_UPDATE carries available, used and maintenance margin of a perpetual's asset.
    pub margin_events: bool,
    /// Whether an order that increases a position is rejected where the available margin does not cover it at the
    /// leverage set.
    pub margin_check: bool,
    /// Whether positions are liquidated at the mark once what stands behind them falls to their maintenance margin.
    pub liquidation: bool,
    /// What a liquidation costs, as a fraction of the notional.
    pub liquidation_fee_rate: Decimal,
    /// Whether FUNDING_FEE comes pooled per asset and names no symbol, as on Binance in cross margin.
    pub funding_without_symbol: bool,
    /// How long after the boundary funding is paid, ns.
    pub funding_delay_ns: i64,
    /// What goes wrong.
    pub faults: SimFaults,
}

impl Default for SimConfig {
    fn default() -> SimConfig {
        SimConfig {
            seed: 0,
            latency_ns: 0,
            latency_max_ns: 0,
            latencies: Vec::new(),
            fill_rate: Decimal::ONE,
            reject_rate: Decimal::ZERO,
            partial_fill_rate: Decimal::ZERO,
            slippage_bps: Decimal::ZERO,
            fee_in_fill: true,
            settle_events: true,
            wallet_events: true,
            hedge_mode: false,
            two_ids_on_trigger: false,
            trigger_on_mark: false,
            native_oco: false,
            trim_reduce_only: false,
            queue_position: false,
            queue_evenly: false,
            self_trade_prevention: false,
            quotes_set_marks: true,
            limit_through: false,
            hold_for_open: false,
            depth_is_taken: false,
            fill_delay_ns: 0,
            fill_without_market: false,
            position_events: false,
            margin_events: false,
            margin_check: true,
            liquidation: true,
            liquidation_fee_rate: Decimal::ZERO,
            funding_without_symbol: false,
            funding_delay_ns: 0,
            faults: SimFaults::default(),
        }
    }
}

/// Where the venue reports what a fill realised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settling {
    /// In the fill's own execution report, with its fee.
    Report,
    /// In a FILL_SETTLED behind the fill.
    Apart,
    /// Nowhere.
    Never,
}

/// The settings as the venue uses them, checked once.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// From the trader to the venue, ns: always, or of the message that is on hand.
    pub(crate) way_in_ns: i64,
    /// From the venue to the trader, ns: likewise.
    pub(crate) way_back_ns: i64,
    /// Whether it is always the same.
    pub(crate) same_latency: bool,
    pub(crate) fills: Chance,
    pub(crate) rejects: Chance,
    pub(crate) splits: Chance,
    pub(crate) slippage: Slippage,
    pub(crate) fee_in_fill: bool,
    pub(crate) settling: Settling,
    pub(crate) wallet_events: bool,
    pub(crate) hedge_mode: bool,
    pub(crate) two_ids_on_trigger: bool,
    pub(crate) trigger_on_mark: bool,
    pub(crate) native_oco: bool,
    pub(crate) trim_reduce_only: bool,
    pub(crate) queue_position: bool,
    pub(crate) queue_evenly: bool,
    pub(crate) self_trade_prevention: bool,
    pub(crate) quotes_set_marks: bool,
    pub(crate) limit_through: bool,
    pub(crate) hold_for_open: bool,
    pub(crate) depth_is_taken: bool,
    pub(crate) fill_delay_ns: i64,
    pub(crate) fill_without_market: bool,
    pub(crate) position_events: bool,
    pub(crate) margin_events: bool,
    pub(crate) margin_check: bool,
    pub(crate) liquidation: bool,
    pub(crate) liquidation_fee_rate: Decimal,
    pub(crate) funding_without_symbol: bool,
    pub(crate) funding_delay_ns: i64,
}

impl Behaviour {
    /// True where requests and answers take no time.
    pub(crate) fn is_at_once(&self) -> bool {
        self.way_back_ns == 0 && self.same_latency
    }

    /// What a fill's own report says that it realised.
    pub(crate) fn reported(&self, realised: Option<Money>) -> Option<Decimal> {
        realised.filter(|_| self.settling == Settling::Report).map(money_decimal)
    }

    /// True where every order needs more than a look at the book.
    pub(crate) fn is_odd(&self) -> bool {
        self.hedge_mode
            || self.native_oco
            || self.trim_reduce_only
            || self.self_trade_prevention
            || self.position_events
            || self.margin_events
    }
}

impl SimConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`SimError::Config`] names the first one out of range.
    pub(crate) fn behaviour(&self) -> Result<Behaviour, SimError> {
        let chance = |field, value| {
            Chance::from_rate(value).ok_or(SimError::Config {
                field,
                value,
                must: "a rate from 0 to 1 with at most 12 places",
            })
        };
        for (field, value) in [
            ("latency_ns", self.latency_ns),
            ("funding_delay_ns", self.funding_delay_ns),
            ("fill_delay_ns", self.fill_delay_ns),
        ] {
            if value < 0 {
                let value = Decimal::new(i128::from(value), 0).unwrap_or(Decimal::ZERO);
                return Err(SimError::Config { field, value, must: "0 or more" });
            }
        }
        self.check_latencies()?;
        self.faults.check()?;
        chance("liquidation_fee_rate", self.liquidation_fee_rate)?;
        let way_in_ns = self.latency_ns / 2;
        Ok(Behaviour {
            way_in_ns,
            way_back_ns: self.latency_ns - way_in_ns,
            same_latency: self.latency_max_ns == 0 && self.latencies.is_empty(),
            fills: chance("fill_rate", self.fill_rate)?,
            rejects: chance("reject_rate", self.reject_rate)?,
            splits: chance("partial_fill_rate", self.partial_fill_rate)?,
            slippage: Slippage::from_basis_points(self.slippage_bps).ok_or(SimError::Config {
                field: "slippage_bps",
                value: self.slippage_bps,
                must: "from 0 to below 10000 with at most 8 places",
            })?,
            fee_in_fill: self.fee_in_fill,
            settling: match (self.fee_in_fill, self.settle_events) {
                // What an order has cost so far is not the fill's own fee.
                (true, true) if self.faults.cumulative_fees => Settling::Apart,
                (true, true) => Settling::Report,
                (true, false) => Settling::Never,
                (false, _) => Settling::Apart,
            },
            wallet_events: self.wallet_events,
            hedge_mode: self.hedge_mode,
            two_ids_on_trigger: self.two_ids_on_trigger,
            trigger_on_mark: self.trigger_on_mark,
            native_oco: self.native_oco,
            trim_reduce_only: self.trim_reduce_only,
            queue_position: self.queue_position,
            queue_evenly: self.queue_evenly,
            self_trade_prevention: self.self_trade_prevention,
            quotes_set_marks: self.quotes_set_marks,
            limit_through: self.limit_through,
            hold_for_open: self.hold_for_open,
            depth_is_taken: self.depth_is_taken,
            fill_delay_ns: self.fill_delay_ns,
            fill_without_market: self.fill_without_market,
            position_events: self.position_events,
            margin_events: self.margin_events,
            margin_check: self.margin_check,
            liquidation: self.liquidation,
            liquidation_fee_rate: self.liquidation_fee_rate,
            funding_without_symbol: self.funding_without_symbol,
            funding_delay_ns: self.funding_delay_ns,
        })
    }

    fn check_latencies(&self) -> Result<(), SimError> {
        let bad = |field, value: i64, must| {
            let value = Decimal::new(i128::from(value), 0).unwrap_or(Decimal::ZERO);
            Err(SimError::Config { field, value, must })
        };
        if self.latency_max_ns != 0 && self.latency_max_ns < self.latency_ns {
            return bad("latency_max_ns", self.latency_max_ns, "0, or latency_ns or more");
        }
        let mut last_ns = i64::MIN;
        for sample in &self.latencies {
            if sample.time_ns < last_ns {
                return bad("latencies.time_ns", sample.time_ns, "not before the sample that it follows");
            }
            for (field, value) in
                [("latencies.way_in_ns", sample.way_in_ns), ("latencies.way_back_ns", sample.way_back_ns)]
            {
                if value < 0 {
                    return bad(field, value, "0 or more");
                }
            }
            last_ns = sample.time_ns;
        }
        Ok(())
    }
}
