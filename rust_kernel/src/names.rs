//! The public names: every enumeration that callers, logs and operators see, each from one list.
//!
//! `ALL` is what bindings and tests iterate over, so that no consumer can forget a member.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $name { $($(#[$member_doc])* $member,)+ }

        impl $name {
            /// Every member, in order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$member,)+];
            /// The public name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$member => $text,)+ }
            }
            /// The member of that public name.
            pub fn from_name(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$member),)+ _ => None }
            }
        }
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// A position's side. Orders and fills carry [`OrderSide`] as well.
    TradeSide {
        /// Owns.
        Long = "LONG",
        /// Owes.
        Short = "SHORT",
        /// No position.
        Flat = "FLAT",
    }
}

named! {
    /// An order's side (FIX Side 54).
    OrderSide {
        /// Buys.
        Buy = "BUY",
        /// Sells.
        Sell = "SELL",
    }
}

named! {
    /// Which of the venue's position books an order belongs to.
    PositionSide {
        /// One-way account: one book.
        Both = "BOTH",
        /// Hedge mode, the long book.
        Long = "LONG",
        /// Hedge mode, the short book.
        Short = "SHORT",
    }
}

named! {
    /// What a strategy asks for.
    KernelCommandType {
        /// Open a trade in a free slot.
        Enter = "ENTER",
        /// Close the slot's position, or a part.
        Exit = "EXIT",
        /// Cancel a working order of the slot.
        Cancel = "CANCEL",
        /// Change a working order's price or total size.
        Amend = "AMEND",
    }
}

named! {
    /// FIX OrdType 40, as far as venues have it.
    OrderType {
        /// At the best price there is.
        Market = "MARKET",
        /// At the limit price or better.
        Limit = "LIMIT",
        /// A market order once the trigger price is reached.
        StopMarket = "STOP_MARKET",
        /// A limit order once the trigger price is reached.
        StopLimit = "STOP_LIMIT",
        /// A market order once the price is good enough.
        TakeProfit = "TAKE_PROFIT",
    }
}

named! {
    /// Which price a trigger is held against (FIX TriggerPriceType 1107).
    TriggerBy {
        /// The last trade's.
        Last = "LAST",
        /// The mark.
        Mark = "MARK",
    }
}

named! {
    /// What an exit that is attached to an entry is for.
    ExitKind {
        /// Closes what is held once the price has gone so far against it.
        Stop = "STOP",
        /// Closes a part once the price is good enough.
        Target = "TARGET",
        /// A stop that follows the best mark.
        Trail = "TRAIL",
    }
}

named! {
    /// FIX TimeInForce 59.
    TimeInForce {
        /// Good till cancel.
        Gtc = "GTC",
        /// Immediate or cancel.
        Ioc = "IOC",
        /// Fill or kill.
        Fok = "FOK",
        /// Good till date (`expire_time`).
        Gtd = "GTD",
    }
}

named! {
    /// Whether a fill took or made liquidity (FIX LastLiquidityInd 851).
    Liquidity {
        /// Rested in the book.
        Maker = "MAKER",
        /// Took from the book.
        Taker = "TAKER",
    }
}

named! {
    /// What a venue event says; in the comment, the FIX 4.4 ExecType 150 it means.
    KernelEventKind {
        /// New (0).
        OrderAck = "ORDER_ACK",
        /// Trade (F), something remains.
        PartialFill = "PARTIAL_FILL",
        /// Trade (F), nothing remains.
        FullFill = "FULL_FILL",
        /// Pending Cancel (6).
        CancelPending = "CANCEL_PENDING",
        /// Canceled (4).
        CancelAck = "CANCEL_ACK",
        /// OrderCancelReject to a cancel.
        CancelReject = "CANCEL_REJECT",
        /// OrderCancelReject to an amend.
        AmendReject = "AMEND_REJECT",
        /// Pending Replace (E).
        AmendPending = "AMEND_PENDING",
        /// Replaced (5).
        AmendAck = "AMEND_ACK",
        /// Rejected (8).
        OrderReject = "ORDER_REJECT",
        /// Expired (C).
        Expired = "EXPIRED",
        /// Done for day (3).
        DoneForDay = "DONE_FOR_DAY",
        /// Stopped (7): guaranteed, not filled.
        Stopped = "STOPPED",
        /// Restated (D).
        Restated = "RESTATED",
        /// Triggered (L).
        Triggered = "TRIGGERED",
        /// Trade Correct (G).
        TradeCorrect = "TRADE_CORRECT",
        /// Trade Cancel (H).
        TradeBust = "TRADE_BUST",
        /// Order Status (I).
        OrderStatus = "ORDER_STATUS",
        /// No FIX twin: a query found nothing.
        OrderNotFound = "ORDER_NOT_FOUND",
        /// No FIX twin: the venue's rate limit refused the request.
        RateLimited = "RATE_LIMITED",
        /// No FIX twin: no answer came; the order may be live.
        SendTimeout = "SEND_TIMEOUT",
        /// No FIX twin: the venue closed the position.
        Liquidation = "LIQUIDATION",
        /// No FIX twin: auto-deleveraging.
        Adl = "ADL",
        /// No FIX twin: the connection is gone.
        Disconnected = "DISCONNECTED",
        /// No FIX twin: the connection is back and its gap filled.
        Resynced = "RESYNCED",
    }
}

named! {
    /// What the venue has reported of an order (FIX OrdStatus 39), nothing else.
    VenueOrderStatus {
        /// Created here, not released to the venue yet.
        New = "NEW",
        /// Released to the venue: from here on it may be live.
        Sent = "SENT",
        /// The venue has it (FIX New).
        Acked = "ACKED",
        /// Some of it is filled.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// All of it is filled.
        Filled = "FILLED",
        /// The venue is canceling it.
        PendingCancel = "PENDING_CANCEL",
        /// The venue is replacing it.
        PendingReplace = "PENDING_REPLACE",
        /// Canceled; still takes late fills.
        Canceled = "CANCELED",
        /// Rejected.
        Rejected = "REJECTED",
        /// Expired.
        Expired = "EXPIRED",
        /// Done for the day.
        DoneForDay = "DONE_FOR_DAY",
        /// Stopped.
        Stopped = "STOPPED",
    }
}

named! {
    /// Which request of ours the venue has left unanswered.
    OrderDoubt {
        /// None.
        None = "NONE",
        /// The order itself may or may not be live.
        Submit = "SUBMIT",
        /// The cancel may or may not have arrived.
        Cancel = "CANCEL",
        /// The amend may or may not have arrived.
        Amend = "AMEND",
    }
}

named! {
    /// A slot's stage: a function of its entry order, position and exit orders.
    TradeStage {
        /// Never used, free.
        Idle = "IDLE",
        /// Entry accepted, not released yet.
        OrderRequested = "ORDER_REQUESTED",
        /// Entry released to the venue.
        OrderSent = "ORDER_SENT",
        /// Entry acknowledged or partly filled, still working.
        EntryWorking = "ENTRY_WORKING",
        /// A position, no exit at work.
        PositionOpen = "POSITION_OPEN",
        /// Exit accepted, not released yet.
        ExitRequested = "EXIT_REQUESTED",
        /// Exit released to the venue.
        ExitSent = "EXIT_SENT",
        /// Exit acknowledged or partly filled, still working.
        ExitWorking = "EXIT_WORKING",
        /// The trade is over, free.
        Closed = "CLOSED",
    }
}

named! {
    /// How bad an outcome is.
    KernelSeverity {
        /// Nothing to do.
        Info = "INFO",
        /// Look at it when convenient.
        Warning = "WARNING",
        /// Something was refused or is wrong.
        Error = "ERROR",
        /// Look at it now.
        Critical = "CRITICAL",
    }
}

/// Its short name, inside of the kernel's own code.
pub use self::KernelSeverity as Severity;

named! {
    /// Why the kernel said what it said.
    KernelDiagnosticCode {
        /// Done.
        Ok = "OK",
        /// No such slot.
        InvalidSlotId = "INVALID_SLOT_ID",
        /// A field is wrong; details name `field` and `value`.
        InvalidIntent = "INVALID_INTENT",
        /// The slot carries a trade that does not allow this.
        SlotBusy = "SLOT_BUSY",
        /// Another slot, or what is nobody's, holds the other side on a one-way account.
        OppositeSide = "OPPOSITE_SIDE",
        /// Nothing to exit.
        NoPosition = "NO_POSITION",
        /// Nothing to cancel or amend.
        NoActiveOrder = "NO_ACTIVE_ORDER",
        /// Several orders could be meant: name one by `target_client_id`.
        AmbiguousOrder = "AMBIGUOUS_ORDER",
        /// No opening state yet.
        NotOpened = "NOT_OPENED",
        /// This intent id was accepted before; the first outcome is returned.
        DuplicateIntent = "DUPLICATE_INTENT",
        /// Seen before; nothing moved.
        DuplicateEvent = "DUPLICATE_EVENT",
        /// Seen before, and this time it brought what was missing.
        Enriched = "ENRICHED",
        /// Older than the order's state; nothing moved.
        StaleEvent = "STALE_EVENT",
        /// No such order; nothing moved. One of our own that is forgotten, and works at the venue, is canceled.
        UnknownOrder = "UNKNOWN_ORDER",
        /// Another order of the same id: the venue made it before ours was sent. Nothing moved.
        ForeignOrder = "FOREIGN_ORDER",
        /// A fill after the order had ended: applied.
        LateFill = "LATE_FILL",
        /// A fill whose slot carries another trade by now: held in the unassigned book.
        OrphanFill = "ORPHAN_FILL",
        /// More filled than ordered: applied.
        Overfill = "OVERFILL",
        /// An exit went past zero: the excess is in the unassigned book.
        PositionFlipped = "POSITION_FLIPPED",
        /// The cumulative quantity jumped: the difference is booked as an inferred fill.
        InferredFill = "INFERRED_FILL",
        /// No answer: the order may be live.
        InDoubt = "IN_DOUBT",
        /// The venue's rate limit.
        RateLimited = "RATE_LIMITED",
        /// The venue said no.
        VenueRejected = "VENUE_REJECTED",
        /// Under the venue's minimum after rounding: skipped.
        BelowFloor = "BELOW_FLOOR",
        /// A number that the instrument cannot hold exactly.
        Precision = "PRECISION",
        /// A risk limit; details name the limit, its value and the attempt.
        RiskBlocked = "RISK_BLOCKED",
        /// Real money, and not all that it takes is set; details list what is `missing`.
        LiveNotArmed = "LIVE_NOT_ARMED",
        /// The instrument has no mark, or one that is too old: what would add risk cannot be valued.
        NoMark = "NO_MARK",
        /// Entries are frozen.
        Frozen = "FROZEN",
        /// The gate is HALTED.
        ControlHalted = "CONTROL_HALTED",
        /// The gate is REDUCE_ONLY.
        ReduceOnly = "REDUCE_ONLY",
        /// No audited source run.
        NotAudited = "NOT_AUDITED",
        /// The regime forbids it.
        RegimeBlocked = "REGIME_BLOCKED",
        /// The transition table refuses this here.
        IllegalTransition = "ILLEGAL_TRANSITION",
        /// Cannot be told apart or booked: a person or the log must decide.
        ReconcileRequired = "RECONCILE_REQUIRED",
        /// Kernel time and the machine's clock differ by more than a second; in health alone.
        ClockSkew = "CLOCK_SKEW",
        /// A bot's budget does not carry it; details name the bot, its budget, what is in use and what is needed.
        Budget = "BUDGET",
        /// This intent id was accepted long ago, and its first outcome is not kept: nothing was done. Details have the input's
        /// number and time.
        IntentTaken = "INTENT_TAKEN",
    }
}

named! {
    /// What the account's event says.
    AccountEventKind {
        /// The venue's own figures of one fill.
        FillSettled = "FILL_SETTLED",
        /// A wallet frame.
        AccountUpdate = "ACCOUNT_UPDATE",
        /// A position frame.
        PositionUpdate = "POSITION_UPDATE",
        /// Funding paid or received.
        FundingFee = "FUNDING_FEE",
        /// Money in or out.
        Transfer = "TRANSFER",
        /// A rebate.
        Rebate = "REBATE",
        /// A liquidation's fee.
        LiquidationFee = "LIQUIDATION_FEE",
        /// Anything else that the venue booked.
        Adjustment = "ADJUSTMENT",
    }
}

named! {
    /// What a contract is.
    Product {
        /// A perpetual.
        Perp = "PERP",
        /// Spot.
        Spot = "SPOT",
    }
}

named! {
    /// Whose rules say what a position must hold.
    MarginConvention {
        /// Initial and maintenance margin of the value at the mark, by bracket, less the bracket's deduction.
        Binance = "BINANCE",
        /// Initial and maintenance margin of the value at entry.
        Bybit = "BYBIT",
    }
}

named! {
    /// What stands behind a position.
    MarginMode {
        /// The whole account.
        Cross = "CROSS",
        /// The margin that was set aside for it, and nothing else.
        Isolated = "ISOLATED",
    }
}

named! {
    /// What becomes of slots of both sides on a one-way account.
    OppositeSlots {
        /// An entry against another slot's side is OPPOSITE_SIDE.
        Refuse = "REFUSE",
        /// They share the book: it is their signed sum.
        Net = "NET",
    }
}

named! {
    /// What a fill of an entry closes before it opens anything; where slots of both sides share the book.
    PairOff {
        /// Nothing.
        Never = "NEVER",
        /// The open trades of its owner on the other side, oldest first.
        SameOwner = "SAME_OWNER",
    }
}

named! {
    /// How far an account's equity is above what its positions must hold.
    MarginStatus {
        /// Far enough.
        Ok = "OK",
        /// Equity is at most 1.5 times the maintenance margin.
        MarginCall = "MARGIN_CALL",
        /// Nothing is left: equity is zero or less.
        Underwater = "UNDERWATER",
    }
}

named! {
    /// Which venue the kernel talks to.
    KernelMode {
        /// The real one.
        Live = "LIVE",
        /// The simulated one.
        Paper = "PAPER",
        /// Perfect fills, nothing sent.
        Shadow = "SHADOW",
    }
}

named! {
    /// What the operators let through.
    ControlGate {
        /// Everything.
        Normal = "NORMAL",
        /// Nothing that increases risk.
        ReduceOnly = "REDUCE_ONLY",
        /// Only CANCEL and EXIT.
        Halted = "HALTED",
    }
}

named! {
    /// The market regime that research or an operator sees.
    Regime {
        /// Nothing special.
        Normal = "NORMAL",
        /// Crisis: buying aggressively needs an audited override.
        Crisis = "CRISIS",
    }
}

named! {
    /// What the edge monitor cancels when it freezes.
    FreezeScope {
        /// Working entries.
        Entries = "ENTRIES",
        /// Every working order, protective ones too.
        All = "ALL",
        /// Nothing: new entries are refused, no more.
        Nothing = "NOTHING",
    }
}

named! {
    /// How much is reported.
    KernelVerbosity {
        /// Errors.
        Quiet = "QUIET",
        /// The usual.
        Normal = "NORMAL",
        /// More.
        Verbose = "VERBOSE",
        /// Everything.
        Trace = "TRACE",
    }
}

named! {
    /// How a position that belongs to no slot came to be there.
    Origin {
        /// It was there when the kernel was opened.
        Opening = "OPENING",
        /// A fill of an order that is not the kernel's, or an operator's override.
        Manual = "MANUAL",
        /// A fill of an order of the kernel's that no slot carries: of a trade that is over, or past what an exit had to sell.
        Orphan = "ORPHAN",
        /// Too little to be sold.
        Dust = "DUST",
    }
}

named! {
    /// How far the exchange's account is from the kernel's.
    ReconcileStatus {
        /// Within tolerance.
        Ok = "OK",
        /// Beyond tolerance, younger than the settling window.
        Warn = "WARN",
        /// Beyond tolerance for longer than that.
        Error = "ERROR",
    }
}

impl TradeSide {
    /// The order side that opens this position; `None` for FLAT.
    pub const fn entry_side(self) -> Option<OrderSide> {
        match self {
            TradeSide::Long => Some(OrderSide::Buy),
            TradeSide::Short => Some(OrderSide::Sell),
            TradeSide::Flat => None,
        }
    }
}

impl OrderType {
    /// True where the order waits for a trigger price.
    pub const fn is_triggered(self) -> bool {
        match self {
            OrderType::StopMarket | OrderType::StopLimit | OrderType::TakeProfit => true,
            OrderType::Market | OrderType::Limit => false,
        }
    }
    /// True where the order has a limit price.
    pub const fn has_limit(self) -> bool {
        match self {
            OrderType::Limit | OrderType::StopLimit => true,
            OrderType::Market | OrderType::StopMarket | OrderType::TakeProfit => false,
        }
    }
    /// True where an exit of this type guards against loss.
    pub const fn is_protective(self) -> bool {
        match self {
            OrderType::StopMarket | OrderType::StopLimit => true,
            OrderType::Market | OrderType::Limit | OrderType::TakeProfit => false,
        }
    }
}

impl OrderSide {
    /// The other side.
    pub const fn opposite(self) -> OrderSide {
        match self {
            OrderSide::Buy => OrderSide::Sell,
            OrderSide::Sell => OrderSide::Buy,
        }
    }
    /// + for a buy, − for a sell.
    #[inline]
    pub const fn sign(self) -> i128 {
        match self {
            OrderSide::Buy => 1,
            OrderSide::Sell => -1,
        }
    }
}

impl VenueOrderStatus {
    /// True where nothing more is expected of the order (late fills and busts may still come).
    pub const fn is_ended(self) -> bool {
        match self {
            VenueOrderStatus::Filled
            | VenueOrderStatus::Canceled
            | VenueOrderStatus::Rejected
            | VenueOrderStatus::Expired
            | VenueOrderStatus::DoneForDay => true,
            VenueOrderStatus::New
            | VenueOrderStatus::Sent
            | VenueOrderStatus::Acked
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::PendingCancel
            | VenueOrderStatus::PendingReplace
            | VenueOrderStatus::Stopped => false,
        }
    }
}

impl TradeStage {
    /// True where a slot takes a new trade.
    pub const fn is_free(self) -> bool {
        matches!(self, TradeStage::Idle | TradeStage::Closed)
    }
}
