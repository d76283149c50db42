//! What the kernel answers to an input.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt::Display;
use serde::Serialize;

use crate::id::Id;
use crate::kernel::Unarmed;
use crate::names::{
    ControlGate, KernelDiagnosticCode, KernelEventKind, Severity, TradeSide, TradeStage, VenueOrderStatus,
};
use crate::num::{Decimal, Money};

/// The particulars of an outcome.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub enum Detail {
    /// None.
    #[default]
    None,
    /// The order that the intent made or meant.
    Order(Id),
    /// A field that is wrong.
    Field {
        /// Its public name.
        field: &'static str,
        /// What it was.
        value: Box<str>,
        /// What is wrong with it and what to do.
        why: &'static str,
    },
    /// A limit that was hit.
    Limit {
        /// Its public name.
        limit: &'static str,
        /// What it allows.
        value: Box<str>,
        /// What was attempted.
        attempt: Box<str>,
    },
    /// What a slot carries: why it cannot do what was asked.
    Carries {
        /// Its trade; empty before the first.
        trade_id: Id,
        /// Its stage.
        stage: TradeStage,
    },
    /// No order of the slot that works is the one that was meant.
    NotAtWork {
        /// The order that was named.
        target: Id,
        /// How that order ended, where it is known.
        status: Option<VenueOrderStatus>,
    },
    /// Several orders of the slot could be meant: name one of them.
    Choose(Box<[Id]>),
    /// What operators or guards have set keeps entries back.
    Gated(Box<Gated>),
    /// The other side of a one-way account is held by another slot's trade.
    HeldBySlot {
        /// The slot.
        slot_id: u32,
        /// Its trade.
        trade_id: Id,
        /// Its side.
        side: TradeSide,
    },
    /// The same, where the trade is a bot's.
    HeldByOwner {
        /// The slot.
        slot_id: u32,
        /// Its trade.
        trade_id: Id,
        /// Its side.
        side: TradeSide,
        /// The bot.
        owner: Id,
    },
    /// The other side of a one-way account's position is held.
    HeldBy {
        /// By whom: `unassigned`.
        held_by: &'static str,
        /// How much, + long and − short.
        size: Decimal,
    },
    /// A bot's budget, or what is no bot's, does not carry it.
    Budget(Box<Budget>),
    /// A venue's refusal that may be retried.
    Retry {
        /// The venue's words.
        reason: Box<str>,
        /// How long to wait, ms.
        retry_after_ms: Option<u64>,
        /// What the venue sent.
        venue_event_kind: KernelEventKind,
    },
    /// The venue's reason.
    Venue {
        /// The venue's words.
        reason: Box<str>,
        /// The venue's code.
        reason_code: Id,
    },
    /// What trading with real money still lacks.
    Unarmed(Unarmed),
    /// The first outcome of an intent that was seen again.
    First {
        /// Its sequence number.
        seq: u64,
        /// When it came, kernel time, ns, where that is told: to the minute once its record is gone.
        time_ns: Option<i64>,
        /// The order it made or meant.
        venue_client_id: Id,
    },
    /// A limit of a bot's own was hit.
    BotLimit(Box<BotLimitHit>),
}

/// Who keeps entries back, since when and why.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Gated {
    /// What is let through.
    pub gate: ControlGate,
    /// Who made the last change: an operator, or a guard.
    pub updated_by: Id,
    /// When, kernel time, ns; `None` where nobody has changed anything.
    pub updated_at_ns: Option<i64>,
    /// Whether the kill switch is on.
    pub kill_switch: bool,
    /// Why the edge monitor has frozen entries; empty where it has not.
    pub reason: Box<str>,
}

/// What a bot may use, and what it was asked for.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Budget {
    /// The bot; `unassigned` for what is no bot's.
    pub bot: Id,
    /// The asset of the amounts.
    pub asset: Id,
    /// Capital, realised and open result, fees and funding together.
    pub budget: Money,
    /// Initial margin of its positions and working orders.
    pub in_use: Money,
    /// What was needed beside that.
    pub needed: Money,
}

/// A limit of a bot's own that was hit.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BotLimitHit {
    /// The bot.
    pub bot: Id,
    /// The limit's public name.
    pub limit: &'static str,
    /// What it allows.
    pub value: Box<str>,
    /// What was attempted.
    pub attempt: Box<str>,
}

/// Why an event is refused that may be of orders or entries that are forgotten: the log can tell.
pub const FORGOTTEN: &str = "is of what is forgotten here: whether it is booked, only the log can tell";

/// What the kernel answers.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// The input's sequence number.
    pub seq: u64,
    /// The kernel's own verdict.
    pub accepted: bool,
    /// Why.
    pub code: KernelDiagnosticCode,
    /// How bad.
    pub severity: Severity,
    /// The slot concerned.
    pub slot_id: Option<u32>,
    /// Its stage afterwards.
    pub state: Option<TradeStage>,
    /// Particulars.
    pub detail: Detail,
}

impl Outcome {
    /// True where the event was refused because the memory is too short for it: the log's verdict settles it.
    #[inline]
    pub fn asks_the_log(&self) -> bool {
        self.code == KernelDiagnosticCode::ReconcileRequired
            && matches!(&self.detail, Detail::Field { why, .. } if *why == FORGOTTEN)
    }
}

/// Why an input was not taken: nothing has changed. It travels boxed: it is seldom, and the way of what is taken
/// stays narrow.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The code.
    pub code: KernelDiagnosticCode,
    /// How bad.
    pub severity: Severity,
    /// Particulars.
    pub detail: Detail,
}

impl Refusal {
    /// A refusal without particulars.
    #[cold]
    pub fn plain(code: KernelDiagnosticCode) -> Box<Refusal> {
        Box::new(Refusal { code, severity: severity_of(code), detail: Detail::None })
    }

    /// A field is wrong.
    #[cold]
    pub fn field(
        code: KernelDiagnosticCode,
        field: &'static str,
        value: impl Display,
        why: &'static str,
    ) -> Box<Refusal> {
        let detail = Detail::Field { field, value: value.to_string().into_boxed_str(), why };
        Box::new(Refusal { code, severity: severity_of(code), detail })
    }

    /// A refusal with its particulars.
    #[cold]
    pub fn with(code: KernelDiagnosticCode, detail: Detail) -> Box<Refusal> {
        Box::new(Refusal { code, severity: severity_of(code), detail })
    }

    /// The other side is held by what belongs to no slot.
    #[cold]
    pub fn held_by_nobody(size: Decimal) -> Box<Refusal> {
        let code = KernelDiagnosticCode::OppositeSide;
        let detail = Detail::HeldBy { held_by: "unassigned", size };
        Box::new(Refusal { code, severity: severity_of(code), detail })
    }

    /// A limit is hit.
    #[cold]
    pub fn limit(limit: &'static str, value: impl Display, attempt: impl Display) -> Box<Refusal> {
        let detail = Detail::Limit {
            limit,
            value: value.to_string().into_boxed_str(),
            attempt: attempt.to_string().into_boxed_str(),
        };
        let code = KernelDiagnosticCode::RiskBlocked;
        Box::new(Refusal { code, severity: severity_of(code), detail })
    }
}

/// How bad a code is when nothing else says so.
pub const fn severity_of(code: KernelDiagnosticCode) -> Severity {
    use KernelDiagnosticCode as Code;
    match code {
        Code::Ok | Code::DuplicateIntent | Code::DuplicateEvent | Code::Enriched | Code::StaleEvent => {
            Severity::Info
        }
        Code::UnknownOrder
        | Code::LateFill
        | Code::InferredFill
        | Code::InDoubt
        | Code::RateLimited
        | Code::VenueRejected
        | Code::BelowFloor
        | Code::Frozen
        | Code::ControlHalted
        | Code::ReduceOnly
        | Code::RiskBlocked
        | Code::Budget
        | Code::NoMark
        | Code::SlotBusy
        | Code::NoPosition
        | Code::NoActiveOrder
        | Code::IntentTaken
        | Code::ClockSkew => Severity::Warning,
        Code::InvalidSlotId
        | Code::InvalidIntent
        | Code::OppositeSide
        | Code::AmbiguousOrder
        | Code::NotOpened
        | Code::OrphanFill
        | Code::Precision
        | Code::NotAudited
        | Code::RegimeBlocked
        | Code::LiveNotArmed => Severity::Error,
        Code::ForeignOrder
        | Code::Overfill
        | Code::PositionFlipped
        | Code::IllegalTransition
        | Code::ReconcileRequired => Severity::Critical,
    }
}
