//! What can go wrong at a venue, each with its rate. All rates are in millionths; 0, the default, is never.
//!
//! Faults are drawn from a generator of their own: a venue whose faults are all 0 runs to the last bit as one that
//! never heard of them. With any of them on, [`crate::SimVenue::heal`] ends the trouble: what was withheld arrives, and
//! the final word on every order concerned follows.

use dita_kernel::num::Decimal;

use crate::error::SimError;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The faults, and how often they happen.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct SimFaults {
            $($(#[$doc])* pub $name: u32,)+
            /// How much longer a delayed event takes, ns: 1 to this.
            pub delay_ns_max: i64,
            /// How long a disconnection lasts, ns.
            pub disconnect_ns: i64,
            /// How long a stream stays silent, ns.
            pub silence_ns: i64,
            /// How far venue times may be off, either way, ns.
            pub clock_skew_ns_max: i64,
            /// For how long after an order has come a query does not find it yet, ns; above zero, no query finds anything
            /// either while the connection is gone.
            pub not_found_ns: i64,
            /// What a RATE_LIMITED says, ms.
            pub retry_after_ms: u64,
            /// Whether fill ids are unique per instrument only.
            pub trade_ids_per_symbol: bool,
            /// Whether a fill tells what its order has cost so far, a charge negative, as BingX and OKX do.
            pub cumulative_fees: bool,
        }

        /// How often each fault happened.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        pub struct FaultCounters {
            $($(#[$doc])* pub $name: u64,)+
            /// Venue times that were off.
            pub clock_skew: u64,
            /// Queries that did not find an order that was there.
            pub not_found: u64,
            /// Fills whose id another instrument's fill has too.
            pub shared_trade_ids: u64,
            /// Fees paid in another asset.
            pub other_asset_fees: u64,
            /// Fees that were rebates.
            pub rebates: u64,
            /// Fees that were told as what the order has cost so far.
            pub cumulative_fees: u64,
        }

        impl Default for SimFaults {
            fn default() -> SimFaults {
                SimFaults {
                    $($name: 0,)+
                    delay_ns_max: 1_000_000_000,
                    disconnect_ns: 5_000_000_000,
                    silence_ns: 5_000_000_000,
                    clock_skew_ns_max: 0,
                    not_found_ns: 0,
                    retry_after_ms: 1_000,
                    trade_ids_per_symbol: false,
                    cumulative_fees: false,
                }
            }
        }

        impl SimFaults {
            /// A fault's rate by the fault's name.
            pub fn rate_mut(&mut self, name: &str) -> Option<&mut u32> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }

            fn rates(&self) -> [(&'static str, u32); [$(stringify!($name)),+].len()] {
                [$((concat!("faults.", stringify!($name)), self.$name)),+]
            }
        }

        impl FaultCounters {
            /// Every fault's name and how often it happened.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![
                    $((stringify!($name), self.$name),)+
                    ("clock_skew", self.clock_skew),
                    ("not_found", self.not_found),
                    ("shared_trade_ids", self.shared_trade_ids),
                    ("other_asset_fees", self.other_asset_fees),
                    ("rebates", self.rebates),
                    ("cumulative_fees", self.cumulative_fees),
                ]
            }
        }
    };
}

faults! {
    /// An event is lost until the connection is repaired or the venue heals.
    drop,
    /// An event comes twice.
    duplicate,
    /// An event takes longer, and others pass it.
    delay,
    /// Two events of one answer change places.
    reorder,
    /// An order's first fill comes before its acknowledgement.
    fill_before_ack,
    /// After a batch of events an answer of before: "NEW, nothing filled".
    stale_status,
    /// DISCONNECTED; silence; then what was missed, and RESYNCED.
    disconnect,
    /// The stream falls silent without a word, and brings later what was missed.
    silence,
    /// A request is served and not answered: SEND_TIMEOUT, and no more of the order until it is queried.
    send_timeout,
    /// An order is served and its answer lost; sent again, it is rejected, as its id is taken. No more of it until it is
    /// queried.
    taken_id,
    /// A request never arrives: SEND_TIMEOUT.
    lost_request,
    /// A request is refused before it is looked at: RATE_LIMITED.
    rate_limit,
    /// A canceled order is filled after all, in part, after its CANCEL_ACK.
    late_fill,
    /// A CANCEL_ACK for an order that goes on working.
    false_cancel,
    /// An order expires at once, without an acknowledgement.
    instant_expired,
    /// A post-only order is acknowledged and then ended as one that would take.
    kill_post_only,
    /// A reduce-only order is acknowledged and then ended as one that would not reduce.
    kill_reduce_only,
    /// An order is acknowledged and then ended by self-trade prevention.
    kill_self_trade,
    /// The fill that completes an order is larger than what was left.
    overfill,
    /// The fill that completes an order is taken back (TRADE_BUST).
    bust,
    /// The fill that completes an order turns out to have been at another price (TRADE_CORRECT).
    correction,
    /// A fill comes at price 0 and without its fee, and then again with both.
    price_pending,
    /// A fill has the id of the one before it on the other side, as where an account trades with itself.
    one_id_on_two_fills,
    /// After a fill the positions are liquidated.
    liquidation,
    /// After a fill a lot of the position is auto-deleveraged.
    adl,
    /// After a fill somebody else trades a lot on the account.
    manual_trade,
    /// After a fill the fee rates change: another tier, with a maker rebate, or back.
    fee_tier_change,
}

impl SimFaults {
    /// True where nothing can go wrong.
    pub(crate) fn are_off(&self) -> bool {
        let quiet = self.rates().iter().all(|(_, rate)| *rate == 0);
        quiet
            && self.clock_skew_ns_max == 0
            && self.not_found_ns == 0
            && !self.trade_ids_per_symbol
            && !self.cumulative_fees
    }

    /// Checks every setting.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let refuse = |field, value: i128, must| {
            Err(SimError::Config { field, value: Decimal::new(value, 0).unwrap_or(Decimal::ZERO), must })
        };
        for (field, rate) in self.rates() {
            if rate > 1_000_000 {
                return refuse(field, i128::from(rate), "a rate from 0 to 1000000 millionths");
            }
        }
        for (field, least, value) in [
            ("faults.delay_ns_max", 1, self.delay_ns_max),
            ("faults.disconnect_ns", 1, self.disconnect_ns),
            ("faults.silence_ns", 1, self.silence_ns),
            ("faults.clock_skew_ns_max", 0, self.clock_skew_ns_max),
            ("faults.not_found_ns", 0, self.not_found_ns),
        ] {
            if value < least {
                return refuse(field, i128::from(value), "positive, or 0 where nothing means never");
            }
        }
        Ok(())
    }
}
