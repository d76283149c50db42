//! Why an order or a cancel is refused, each with a text for people and a code for programs.

/// A refusal, as it appears in an event's `reason` and `reason_code`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reject {
    /// The request has no client id.
    MissingClientId,
    /// An order of that client id is live, or among the last 4,096 that ended.
    DuplicateClientId,
    /// No such instrument.
    UnknownSymbol,
    /// Only MARKET and LIMIT are traded here yet.
    OrderTypeNotYet,
    /// Good till date is not traded here yet.
    GoodTillDateNotYet,
    /// The account is one-way: one book per instrument.
    HedgeModeNotYet,
    /// Zero or less.
    SizeNotPositive,
    /// Off the lot grid.
    SizeOffLot,
    /// Under the instrument's minimum.
    SizeBelowMinimum,
    /// Over the instrument's maximum.
    SizeAboveMaximum,
    /// A limit order without a limit price.
    MissingLimitPrice,
    /// A market order with a limit price.
    UnexpectedLimitPrice,
    /// Zero or less.
    PriceNotPositive,
    /// Off the tick grid.
    PriceOffTick,
    /// Over the instrument's maximum.
    PriceAboveMaximum,
    /// Under the instrument's minimum notional.
    NotionalBelowMinimum,
    /// More than the venue's numbers hold safely (10^15 units of notional).
    TooLarge,
    /// Nothing to take: no quote on that side.
    NoMarket,
    /// A post-only order that would take.
    PostOnlyWouldTake,
    /// A reduce-only order with nothing to reduce.
    ReduceOnlyNoPosition,
    /// Drawn by `reject_rate`.
    Drawn,
    /// A cancel or a query of an order that the venue does not know.
    UnknownOrder,
    /// A cancel of an order that is filled.
    AlreadyFilled,
    /// A cancel of an order that ended otherwise.
    AlreadyEnded,
}

impl Reject {
    /// For people.
    pub const fn text(self) -> &'static str {
        match self {
            Reject::MissingClientId => "client id missing",
            Reject::DuplicateClientId => "duplicate client id",
            Reject::UnknownSymbol => "unknown symbol",
            Reject::OrderTypeNotYet => "order type: stop and take-profit orders are not traded here yet",
            Reject::GoodTillDateNotYet => "time in force: GTD is not traded here yet",
            Reject::HedgeModeNotYet => {
                "position side: the account is one-way, hedge mode is not traded here yet"
            }
            Reject::SizeNotPositive => "size: not positive",
            Reject::SizeOffLot => "size: off the lot grid",
            Reject::SizeBelowMinimum => "size: below the minimum",
            Reject::SizeAboveMaximum => "size: above the maximum",
            Reject::MissingLimitPrice => "limit price: missing",
            Reject::UnexpectedLimitPrice => "limit price: a market order has none",
            Reject::PriceNotPositive => "limit price: not positive",
            Reject::PriceOffTick => "limit price: off the tick grid",
            Reject::PriceAboveMaximum => "limit price: above the maximum",
            Reject::NotionalBelowMinimum => "notional: below the minimum",
            Reject::TooLarge => "order too large",
            Reject::NoMarket => "no market",
            Reject::PostOnlyWouldTake => "post only: would take",
            Reject::ReduceOnlyNoPosition => "reduce only: no position",
            Reject::Drawn => "simulated reject",
            Reject::UnknownOrder => "unknown order",
            Reject::AlreadyFilled => "already filled",
            Reject::AlreadyEnded => "already ended",
        }
    }

    /// For programs: at most 31 characters, never changed once given.
    pub const fn code(self) -> &'static str {
        match self {
            Reject::MissingClientId => "MISSING_CLIENT_ID",
            Reject::DuplicateClientId => "DUPLICATE_CLIENT_ID",
            Reject::UnknownSymbol => "UNKNOWN_SYMBOL",
            Reject::OrderTypeNotYet => "ORDER_TYPE_NOT_YET",
            Reject::GoodTillDateNotYet => "GOOD_TILL_DATE_NOT_YET",
            Reject::HedgeModeNotYet => "HEDGE_MODE_NOT_YET",
            Reject::SizeNotPositive => "SIZE_NOT_POSITIVE",
            Reject::SizeOffLot => "SIZE_OFF_LOT",
            Reject::SizeBelowMinimum => "SIZE_BELOW_MINIMUM",
            Reject::SizeAboveMaximum => "SIZE_ABOVE_MAXIMUM",
            Reject::MissingLimitPrice => "MISSING_LIMIT_PRICE",
            Reject::UnexpectedLimitPrice => "UNEXPECTED_LIMIT_PRICE",
            Reject::PriceNotPositive => "PRICE_NOT_POSITIVE",
            Reject::PriceOffTick => "PRICE_OFF_TICK",
            Reject::PriceAboveMaximum => "PRICE_ABOVE_MAXIMUM",
            Reject::NotionalBelowMinimum => "NOTIONAL_BELOW_MINIMUM",
            Reject::TooLarge => "TOO_LARGE",
            Reject::NoMarket => "NO_MARKET",
            Reject::PostOnlyWouldTake => "POST_ONLY_WOULD_TAKE",
            Reject::ReduceOnlyNoPosition => "REDUCE_ONLY_NO_POSITION",
            Reject::Drawn => "SIMULATED_REJECT",
            Reject::UnknownOrder => "UNKNOWN_ORDER",
            Reject::AlreadyFilled => "ALREADY_FILLED",
            Reject::AlreadyEnded => "ALREADY_ENDED",
        }
    }
}
