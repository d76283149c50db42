//! Every fault, by name: whose it is, and what it does.

/// Where a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A rate of the simulated venue's faults, of the same name.
    Venue,
    /// How the venue is set up.
    Setup,
    /// What the account's owner, or the venue, does in the midst of trading.
    Account,
    /// The process and its disk.
    Process,
}

/// A fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name, as on the command line.
    pub name: &'static str,
    /// What happens.
    pub what: &'static str,
    /// Where.
    pub place: Place,
    /// True where only perpetuals have it.
    pub perpetual: bool,
}

macro_rules! faults {
    ($($place:ident $perpetual:literal $name:ident: $what:literal;)+) => {
        /// All of them.
        pub const FAULTS: &[Fault] = &[$(Fault {
            name: stringify!($name),
            what: $what,
            place: Place::$place,
            perpetual: $perpetual,
        }),+];
    };
}

faults! {
    Venue false drop: "an event is lost until the connection is repaired or the venue heals";
    Venue false duplicate: "an event comes twice";
    Venue false delay: "an event takes longer, and others pass it";
    Venue false reorder: "two events of one answer change places";
    Venue false fill_before_ack: "an order's first fill comes before its acknowledgement";
    Venue false stale_status: "after a fill an answer of before: NEW, nothing filled";
    Venue false disconnect: "DISCONNECTED, silence, what was missed, RESYNCED";
    Venue false silence: "the stream falls silent without a word";
    Venue false send_timeout: "a request is served and not answered: the order is live";
    Venue false lost_request: "a request never arrives";
    Venue false rate_limit: "a request is refused before it is looked at";
    Venue false late_fill: "a canceled order is filled after all";
    Venue false false_cancel: "a cancel is confirmed, and the order goes on working";
    Venue false instant_expired: "an order expires at once, without an acknowledgement";
    Venue false kill_post_only: "a post-only order is ended as one that would take";
    Venue true kill_reduce_only: "a reduce-only order is ended as one that would not reduce";
    Venue false kill_self_trade: "an order is ended by self-trade prevention";
    Venue true overfill: "the fill that completes an order is larger than what was left";
    Venue false bust: "the fill that completes an order is taken back";
    Venue false correction: "the fill that completes an order turns out to have been at another price";
    Venue false price_pending: "a fill comes at price 0 and without its fee, and then again with both";
    Venue false one_id_on_two_fills: "two fills have one trade id, as where an account trades with itself";
    Venue true liquidation: "the positions are liquidated";
    Venue true adl: "a lot of the position is auto-deleveraged";
    Venue true manual_trade: "somebody else trades on the account";
    Venue true fee_tier_change: "the fee rates change: another tier, with a maker rebate, or back";
    Setup false clock_skew: "venue times are off, either way";
    Setup false not_found: "for a while after an order has come a query does not find it, nor anything while the connection is gone";
    Setup false shared_trade_ids: "fill ids are unique per symbol only";
    Setup false partial_fill: "what fills at once comes in two parts";
    Setup false missed_fill: "an order that could fill does not, and expires or waits";
    Setup false reject: "an order without a fault is rejected";
    Setup false rebates: "making liquidity is paid for";
    Setup false other_asset_fees: "fees are paid in a third asset while its balance covers them";
    Setup false late_fee: "a fill comes without its fee, which only its settlement brings";
    Setup false latency: "requests and answers take time, and pass one another";
    Setup true funding: "funding falls due, also on the moment of a fill";
    Setup true late_funding: "funding is paid some time after its boundary, and names no symbol";
    Account true schedule_change: "the funding rate and its schedule change while positions are open";
    Account false transfer: "money comes into the account or leaves it";
    Account false venue_credit: "the venue credits a rebate, or books an adjustment";
    Account false theft: "money vanishes without a word; no seed can hold then, so none draws it: to see a failure";
    Process false restart: "the process dies: killed, or with the power; it comes back from its log";
    Process false disk_fault: "a write or a sync of the log fails, or a snapshot finds no room";
    Venue false taken_id: "an order is served, its answer is lost, and sent again its id is taken";
    Setup true cumulative_fees: "a fill tells what its order has cost so far, as BingX and OKX do; an adapter makes it its own fee";
    Setup false no_settlement: "no fill is settled: what it brings is all there is";
    Setup false no_trade_ids: "fills have no ids of their own, and each telling another event id; none is settled";
}

/// The fault that no seed draws.
pub const THEFT: &str = "theft";

/// A set of faults.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FaultSet(u64);

const _: () = assert!(FAULTS.len() <= 64);

impl FaultSet {
    /// None.
    pub const NONE: FaultSet = FaultSet(0);

    /// All of them.
    pub fn all() -> FaultSet {
        FAULTS.iter().fold(FaultSet::NONE, |set, fault| set.with(fault.name))
    }

    /// By name.
    ///
    /// # Errors
    /// The name that is none.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<FaultSet, String> {
        let mut set = FaultSet::NONE;
        for name in names {
            place_of(name).ok_or_else(|| name.to_owned())?;
            set = set.with(name);
        }
        Ok(set)
    }

    /// True where it is in.
    pub fn has(self, name: &str) -> bool {
        place_of(name).is_some_and(|at| self.0 >> at & 1 == 1)
    }

    /// With it.
    #[must_use]
    pub fn with(self, name: &str) -> FaultSet {
        place_of(name).map_or(self, |at| FaultSet(self.0 | 1 << at))
    }

    /// Without it.
    #[must_use]
    pub fn without(self, name: &str) -> FaultSet {
        place_of(name).map_or(self, |at| FaultSet(self.0 & !(1 << at)))
    }

    /// Those in both.
    #[must_use]
    pub fn and(self, other: FaultSet) -> FaultSet {
        FaultSet(self.0 & other.0)
    }

    /// Their names, in the order of [`FAULTS`].
    pub fn names(self) -> Vec<&'static str> {
        FAULTS.iter().map(|fault| fault.name).filter(|name| self.has(name)).collect()
    }
}

fn place_of(name: &str) -> Option<usize> {
    FAULTS.iter().position(|fault| fault.name == name)
}
