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
    /// A conditional order without a trigger.
    MissingTrigger,
    /// A plain order with a trigger.
    UnexpectedTrigger,
    /// Zero or less.
    TriggerNotPositive,
    /// Off the tick grid.
    TriggerOffTick,
    /// Over the instrument's maximum.
    TriggerAboveMaximum,
    /// The trigger is met already.
    WouldTriggerAtOnce,
    /// A GTD order without an end.
    MissingExpireTime,
    /// A GTD order whose end has passed.
    ExpireTimePassed,
    /// A position side on a one-way account.
    OneWayAccount,
    /// No position side on an account in hedge mode.
    HedgeAccount,
    /// More than the margin allows.
    InsufficientMargin,
    /// Spot: more than the balance.
    InsufficientBalance,
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
    /// A market order, or a stop that becomes one, over the instrument's maximum of those.
    MarketSizeAboveMaximum,
    /// A limit too far from the mark.
    PriceOutsideBand,
    /// As many orders are open as the instrument may have.
    TooManyOpenOrders,
    /// As many conditional orders are.
    TooManyOpenStops,
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
    /// A cancel or an amend of an order that ended otherwise.
    AlreadyEnded,
    /// An amend to less than is filled: the rest is canceled.
    BelowFilled,
    /// It would have met an order of the same account.
    SelfTrade,
    /// The group's other order was filled.
    OcoGroup,
    /// The rest of a market, IOC or FOK order.
    NotFilledAtOnce,
    /// A GTD order whose end has come.
    TimeEnded,
    /// The account was liquidated.
    Liquidated,
    /// Too many requests.
    TooManyRequests,
    /// No answer.
    NoAnswer,
}

impl Reject {
    /// For people.
    pub const fn text(self) -> &'static str {
        match self {
            Reject::MissingClientId => "client id missing",
            Reject::DuplicateClientId => "duplicate client id",
            Reject::UnknownSymbol => "unknown symbol",
            Reject::MissingTrigger => "trigger price: missing",
            Reject::UnexpectedTrigger => "trigger price: this order type has none",
            Reject::TriggerNotPositive => "trigger price: not positive",
            Reject::TriggerOffTick => "trigger price: off the tick grid",
            Reject::TriggerAboveMaximum => "trigger price: above the maximum",
            Reject::WouldTriggerAtOnce => "trigger price: would trigger at once",
            Reject::MissingExpireTime => "expire time: missing",
            Reject::ExpireTimePassed => "expire time: has passed",
            Reject::OneWayAccount => "position side: the account is one-way",
            Reject::HedgeAccount => "position side: the account is in hedge mode, LONG or SHORT is needed",
            Reject::InsufficientMargin => "insufficient margin",
            Reject::InsufficientBalance => "insufficient balance",
            Reject::SizeNotPositive => "size: not positive",
            Reject::SizeOffLot => "size: off the lot grid",
            Reject::SizeBelowMinimum => "size: below the minimum",
            Reject::SizeAboveMaximum => "size: above the maximum",
            Reject::MissingLimitPrice => "limit price: missing",
            Reject::UnexpectedLimitPrice => "limit price: a market order has none",
            Reject::PriceNotPositive => "limit price: not positive",
            Reject::PriceOffTick => "limit price: off the tick grid",
            Reject::PriceAboveMaximum => "limit price: above the maximum",
            Reject::MarketSizeAboveMaximum => "size: above the maximum of market orders",
            Reject::PriceOutsideBand => "limit price: too far from the mark",
            Reject::TooManyOpenOrders => "too many open orders",
            Reject::TooManyOpenStops => "too many open conditional orders",
            Reject::NotionalBelowMinimum => "notional: below the minimum",
            Reject::TooLarge => "order too large",
            Reject::NoMarket => "no market",
            Reject::PostOnlyWouldTake => "post only: would take",
            Reject::ReduceOnlyNoPosition => "reduce only: no position",
            Reject::Drawn => "simulated reject",
            Reject::UnknownOrder => "unknown order",
            Reject::AlreadyFilled => "already filled",
            Reject::AlreadyEnded => "already ended",
            Reject::BelowFilled => "size: below what is filled",
            Reject::SelfTrade => "self-trade prevention",
            Reject::OcoGroup => "the other order of the group was filled",
            Reject::NotFilledAtOnce => "not filled at once, and its rest does not wait",
            Reject::TimeEnded => "expire time: has come",
            Reject::Liquidated => "liquidation",
            Reject::TooManyRequests => "too many requests",
            Reject::NoAnswer => "no answer",
        }
    }

    /// For programs: at most 31 characters, never changed once given.
    pub const fn code(self) -> &'static str {
        match self {
            Reject::MissingClientId => "MISSING_CLIENT_ID",
            Reject::DuplicateClientId => "DUPLICATE_CLIENT_ID",
            Reject::UnknownSymbol => "UNKNOWN_SYMBOL",
            Reject::MissingTrigger => "MISSING_TRIGGER_PRICE",
            Reject::UnexpectedTrigger => "UNEXPECTED_TRIGGER_PRICE",
            Reject::TriggerNotPositive => "TRIGGER_NOT_POSITIVE",
            Reject::TriggerOffTick => "TRIGGER_OFF_TICK",
            Reject::TriggerAboveMaximum => "TRIGGER_ABOVE_MAXIMUM",
            Reject::WouldTriggerAtOnce => "WOULD_TRIGGER_AT_ONCE",
            Reject::MissingExpireTime => "MISSING_EXPIRE_TIME",
            Reject::ExpireTimePassed => "EXPIRE_TIME_PASSED",
            Reject::OneWayAccount => "ONE_WAY_ACCOUNT",
            Reject::HedgeAccount => "HEDGE_ACCOUNT",
            Reject::InsufficientMargin => "INSUFFICIENT_MARGIN",
            Reject::InsufficientBalance => "INSUFFICIENT_BALANCE",
            Reject::SizeNotPositive => "SIZE_NOT_POSITIVE",
            Reject::SizeOffLot => "SIZE_OFF_LOT",
            Reject::SizeBelowMinimum => "SIZE_BELOW_MINIMUM",
            Reject::SizeAboveMaximum => "SIZE_ABOVE_MAXIMUM",
            Reject::MissingLimitPrice => "MISSING_LIMIT_PRICE",
            Reject::UnexpectedLimitPrice => "UNEXPECTED_LIMIT_PRICE",
            Reject::PriceNotPositive => "PRICE_NOT_POSITIVE",
            Reject::PriceOffTick => "PRICE_OFF_TICK",
            Reject::PriceAboveMaximum => "PRICE_ABOVE_MAXIMUM",
            Reject::MarketSizeAboveMaximum => "MARKET_SIZE_ABOVE_MAXIMUM",
            Reject::PriceOutsideBand => "PRICE_OUTSIDE_BAND",
            Reject::TooManyOpenOrders => "TOO_MANY_OPEN_ORDERS",
            Reject::TooManyOpenStops => "TOO_MANY_OPEN_STOPS",
            Reject::NotionalBelowMinimum => "BELOW_MIN_NOTIONAL",
            Reject::TooLarge => "TOO_LARGE",
            Reject::NoMarket => "NO_MARKET",
            Reject::PostOnlyWouldTake => "POST_ONLY_WOULD_TAKE",
            Reject::ReduceOnlyNoPosition => "REDUCE_ONLY",
            Reject::Drawn => "SIMULATED_REJECT",
            Reject::UnknownOrder => "UNKNOWN_ORDER",
            Reject::AlreadyFilled => "ALREADY_FILLED",
            Reject::AlreadyEnded => "ALREADY_ENDED",
            Reject::BelowFilled => "BELOW_FILLED",
            Reject::SelfTrade => "SELF_TRADE",
            Reject::OcoGroup => "OCO_GROUP",
            Reject::NotFilledAtOnce => "NOT_FILLED_AT_ONCE",
            Reject::TimeEnded => "EXPIRE_TIME_CAME",
            Reject::Liquidated => "LIQUIDATION",
            Reject::TooManyRequests => "TOO_MANY_REQUESTS",
            Reject::NoAnswer => "NO_ANSWER",
        }
    }
}
