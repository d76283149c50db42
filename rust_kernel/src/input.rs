//! Everything that can happen to the kernel.
//!
//! An input carries all that the core needs to decide; the kernel's own time and sequence number come in the
//! [`Stamp`] beside it. Times are nanoseconds since 1970-01-01 UTC.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{
    AccountEventKind, ControlGate, FreezeScope, KernelCommandType, KernelEventKind, KernelMode,
    KernelVerbosity, Liquidity, OrderSide, OrderType, PositionSide, Product, Regime, TimeInForce, TradeSide,
    VenueOrderStatus,
};
use crate::num::{Decimal, Rounding};

/// The kernel's own monotonic time of an input, in nanoseconds, as the shell stamped it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Stamp(pub i64);

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// A strategy wants something.
    Intent(Box<Intent>),
    /// The venue said something of an order.
    Venue(Box<VenueEvent>),
    /// The venue said something of the account.
    Account(Box<AccountEvent>),
    /// An instrument and its rules; a second one of the same symbol replaces rates, minimums and leverage.
    Instrument(Box<InstrumentSpec>),
    /// Capital to start with, for paper and tests.
    Seed {
        /// The asset.
        asset: Id,
        /// What the wallet holds.
        amount: Decimal,
    },
    /// The price positions are valued at.
    Mark {
        /// The instrument.
        symbol: Id,
        /// Units of quote per base.
        price: Decimal,
        /// The venue's time of it.
        venue_time_ns: i64,
    },
    /// Time passed.
    Time,
    /// An effect came to something.
    Effect(EffectResult),
    /// An operator changed the controls.
    Control(Box<ControlChange>),
    /// What the venue's account holds, taken as one, before the first trade.
    Opening(Box<OpeningState>),
    /// A funding rate, and when it applies.
    Funding(Box<FundingTerms>),
    /// Trades known from elsewhere: all of them, or none.
    Adopt(Box<AdoptedSlots>),
    /// An operator's own hand on a slot.
    Override(Box<SlotOverride>),
    /// A fee that was seen, to be held against the prediction.
    Calibration(Box<FeeSample>),
    /// A strategy's edge, for the edge monitor.
    Edge {
        /// The instrument.
        symbol: Id,
        /// Basis points.
        edge_bps: Decimal,
    },
}

impl Input {
    /// The slot that the input itself names.
    pub fn slot_id(&self) -> Option<u32> {
        match self {
            Input::Intent(intent) => Some(intent.slot_id),
            Input::Venue(event) => event.slot_id,
            Input::Override(change) => Some(change.slot_id),
            Input::Account(_)
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Calibration(_)
            | Input::Edge { .. } => None,
        }
    }
}

/// What a strategy wants ([`crate::names::KernelCommandType`] says what).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// The strategy's time, ns.
    pub timestamp_ns: i64,
    /// The strategy's id of this intent: the key of idempotence.
    pub intent_id: Id,
    /// The trade it belongs to.
    pub trade_id: Id,
    /// The slot.
    pub slot_id: u32,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// What to do.
    pub action: KernelCommandType,
    /// The price the strategy saw; values a market order where no mark is known.
    pub reference_price: Option<Decimal>,
    /// The order's size; for EXIT absent means: to the next leg's target.
    pub target_size: Option<Decimal>,
    /// The leverage wanted at the venue.
    pub leverage: Option<Decimal>,
    /// Parts of the position for the exit ladder; they sum to 1. Empty means `(1,)`.
    pub exit_leg_ratios: Vec<Decimal>,
    /// Why, for people.
    pub reason: Id,
    /// The strategy's own stage name, for people.
    pub stage: Id,
    /// The order's type.
    pub order_type: OrderType,
    /// The limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// How long the order lives.
    pub time_in_force: TimeInForce,
    /// When a GTD order ends, ns.
    pub expire_time_ns: Option<i64>,
    /// Reject rather than take liquidity.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// The trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
    /// Spot: the size in quote units.
    pub quote_size: Option<Decimal>,
    /// Orders of one group cancel one another.
    pub oco_group: Id,
    /// Which order CANCEL or AMEND means.
    pub target_client_id: Id,
    /// Until when an exit may be resent, ns.
    pub valid_until_ns: Option<i64>,
    /// Canonical JSON, at most [`METADATA_BYTES_MAX`]; empty when none.
    pub metadata: Box<str>,
    /// Where the order comes from, as far as audits ask.
    pub provenance: Option<Box<Provenance>>,
}

/// Where an order comes from.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Provenance {
    /// The research run that asked for it; empty when none.
    pub source_run: Id,
    /// The regime that the run saw.
    pub regime: Option<Regime>,
    /// The audited action that lets it through where the regime would not; empty when none.
    pub override_ref: Id,
}

/// The longest `metadata` and `raw_payload`, in canonical bytes.
pub const METADATA_BYTES_MAX: usize = 4096;

impl Intent {
    /// An intent with every optional field absent.
    pub fn new(
        action: KernelCommandType,
        intent_id: Id,
        trade_id: Id,
        slot_id: u32,
        asset: Id,
        side: TradeSide,
    ) -> Intent {
        Intent {
            timestamp_ns: 0,
            intent_id,
            trade_id,
            slot_id,
            asset,
            side,
            action,
            reference_price: None,
            target_size: None,
            leverage: None,
            exit_leg_ratios: Vec::new(),
            reason: Id::EMPTY,
            stage: Id::EMPTY,
            order_type: OrderType::Market,
            limit_price: None,
            time_in_force: TimeInForce::Gtc,
            expire_time_ns: None,
            post_only: false,
            reduce_only: false,
            trigger_price: None,
            quote_size: None,
            oco_group: Id::EMPTY,
            target_client_id: Id::EMPTY,
            valid_until_ns: None,
            metadata: "".into(),
            provenance: None,
        }
    }
}

/// What the venue said of an order. Absent fields are `None` or empty: venues differ.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VenueEvent {
    /// The venue's time, ns. May run backwards.
    pub timestamp_ns: i64,
    /// When we received it, ns.
    pub received_ns: i64,
    /// What kind.
    pub kind: KernelEventKind,
    /// The order's status as the venue names it.
    pub status: Option<VenueOrderStatus>,
    /// BUY or SELL.
    pub order_side: Option<OrderSide>,
    /// The venue's position book.
    pub position_side: Option<PositionSide>,
    /// The position's side.
    pub side: Option<TradeSide>,
    /// Maker or taker.
    pub liquidity: Option<Liquidity>,
    /// A hint.
    pub slot_id: Option<u32>,
    /// The venue's or adapter's id of this event.
    pub event_id: Id,
    /// A hint.
    pub trade_id: Id,
    /// The venue's id of the order.
    pub venue_order_id: Id,
    /// Our id of the order.
    pub venue_client_id: Id,
    /// The instrument.
    pub asset: Id,
    /// This fill's price.
    pub price: Option<Decimal>,
    /// This fill's quantity.
    pub size: Option<Decimal>,
    /// The order's cumulative quantity.
    pub filled_size: Option<Decimal>,
    /// What the venue says remains.
    pub remaining_size: Option<Decimal>,
    /// The order's total as the venue now has it.
    pub order_size: Option<Decimal>,
    /// The order's price as the venue now has it.
    pub order_price: Option<Decimal>,
    /// The order's average price.
    pub average_price: Option<Decimal>,
    /// The fill's id.
    pub venue_trade_id: Id,
    /// This fill's fee: + a charge, − a rebate.
    pub fee: Option<Decimal>,
    /// What the fee is paid in; empty means the settlement asset.
    pub fee_asset: Id,
    /// What only few events bring; absent on the hot path.
    pub rare: Option<Box<RareFields>>,
}

/// A venue event's seldom fields.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct RareFields {
    /// The venue's reason as text.
    pub reason: Box<str>,
    /// The venue's reason as its own code.
    pub reason_code: Id,
    /// Which of our requests it answers.
    pub request_id: Id,
    /// An algo or triggered order's other id.
    pub parent_order_id: Id,
    /// The fill that a bust or a correction refers to.
    pub ref_trade_id: Id,
    /// How long to wait before a retry, ms.
    pub retry_after_ms: Option<u64>,
    /// As the venue sent it, at most [`METADATA_BYTES_MAX`].
    pub raw_payload: Box<str>,
    /// Canonical JSON, at most [`METADATA_BYTES_MAX`].
    pub metadata: Box<str>,
}

impl VenueEvent {
    /// An event with every optional field absent.
    pub fn new(kind: KernelEventKind, timestamp_ns: i64) -> VenueEvent {
        VenueEvent {
            timestamp_ns,
            received_ns: timestamp_ns,
            kind,
            status: None,
            order_side: None,
            position_side: None,
            side: None,
            liquidity: None,
            slot_id: None,
            event_id: Id::EMPTY,
            trade_id: Id::EMPTY,
            venue_order_id: Id::EMPTY,
            venue_client_id: Id::EMPTY,
            asset: Id::EMPTY,
            price: None,
            size: None,
            filled_size: None,
            remaining_size: None,
            order_size: None,
            order_price: None,
            average_price: None,
            venue_trade_id: Id::EMPTY,
            fee: None,
            fee_asset: Id::EMPTY,
            rare: None,
        }
    }
}

/// What the venue said of the account. Signs are canonical: a fee is + when charged; funding, transfers, rebates
/// and adjustments are + when credited.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccountEvent {
    /// What kind.
    pub kind: AccountEventKind,
    /// The venue's time, ns.
    pub timestamp_ns: i64,
    /// The venue's or adapter's id of this event.
    pub event_id: Id,
    /// The venue's id of the wallet entry: the key under which it is booked once.
    pub venue_txn_id: Id,
    /// The asset.
    pub asset: Id,
    /// The instrument, where it has one.
    pub symbol: Id,
    /// FILL_SETTLED: which fill.
    pub venue_trade_id: Id,
    /// FUNDING_FEE, TRANSFER, REBATE, LIQUIDATION_FEE, ADJUSTMENT.
    pub amount: Option<Decimal>,
    /// FILL_SETTLED: the venue's realised PnL before fees.
    pub realized_pnl: Option<Decimal>,
    /// FILL_SETTLED: the venue's fee.
    pub fee: Option<Decimal>,
    /// FILL_SETTLED: what the fee is paid in; empty means the settlement asset.
    pub fee_asset: Id,
    /// ACCOUNT_UPDATE: balance without unrealised PnL, isolated margin included.
    pub wallet_balance: Option<Decimal>,
    /// ACCOUNT_UPDATE.
    pub available_margin: Option<Decimal>,
    /// ACCOUNT_UPDATE.
    pub used_margin: Option<Decimal>,
    /// ACCOUNT_UPDATE.
    pub maint_margin: Option<Decimal>,
    /// POSITION_UPDATE.
    pub position_side: Option<PositionSide>,
    /// POSITION_UPDATE: signed, + long.
    pub size: Option<Decimal>,
    /// POSITION_UPDATE.
    pub entry_price: Option<Decimal>,
    /// FUNDING_FEE.
    pub rate: Option<Decimal>,
    /// FUNDING_FEE.
    pub mark_price: Option<Decimal>,
}

impl AccountEvent {
    /// An event with every optional field absent.
    pub fn new(kind: AccountEventKind, timestamp_ns: i64) -> AccountEvent {
        AccountEvent {
            kind,
            timestamp_ns,
            event_id: Id::EMPTY,
            venue_txn_id: Id::EMPTY,
            asset: Id::EMPTY,
            symbol: Id::EMPTY,
            venue_trade_id: Id::EMPTY,
            amount: None,
            realized_pnl: None,
            fee: None,
            fee_asset: Id::EMPTY,
            wallet_balance: None,
            available_margin: None,
            used_margin: None,
            maint_margin: None,
            position_side: None,
            size: None,
            entry_price: None,
            rate: None,
            mark_price: None,
        }
    }
}

/// An instrument's rules as the venue lists them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstrumentSpec {
    /// The venue's symbol.
    pub symbol: Id,
    /// Perpetual or spot.
    pub product: Product,
    /// True where cost is in base: value = contracts × multiplier / price.
    pub inverse: bool,
    /// Base asset.
    pub base: Id,
    /// Quote asset.
    pub quote: Id,
    /// The asset that PnL and fees settle in.
    pub settle: Id,
    /// Smallest price step.
    pub tick_size: Decimal,
    /// Smallest quantity step.
    pub lot_step: Decimal,
    /// Smallest order, in quantity.
    pub min_qty: Option<Decimal>,
    /// Largest order, in quantity.
    pub max_qty: Option<Decimal>,
    /// Smallest order, in settlement units.
    pub min_notional: Option<Decimal>,
    /// Highest price.
    pub max_price: Option<Decimal>,
    /// Base units per contract.
    pub contract_multiplier: Decimal,
    /// Maker fee as a fraction.
    pub maker_rate: Decimal,
    /// Taker fee as a fraction.
    pub taker_rate: Decimal,
    /// Decimals to which the venue rounds fees and realised PnL.
    pub fee_decimals: u8,
    /// How it rounds them.
    pub fee_rounding: Rounding,
    /// Seconds between funding boundaries.
    pub funding_interval_secs: u32,
    /// The leverage set at the venue now.
    pub leverage: Decimal,
    /// What fees are paid in; empty means the venue's rule: the settlement asset, and for spot what is received.
    pub fee_asset: Id,
    /// Maintenance margin by notional, the lowest floor first; empty where it is not known.
    pub margin_tiers: Vec<MarginTier>,
}

/// One step of a venue's maintenance margin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MarginTier {
    /// From this notional on, in settlement units.
    pub notional_floor: Decimal,
    /// Maintenance margin as a fraction of the notional.
    pub maint_rate: Decimal,
    /// The highest leverage; `None` where the venue states none.
    pub max_leverage: Option<Decimal>,
}

impl InstrumentSpec {
    /// A linear perpetual settled in `quote`, with Binance USD-M's base rates (maker 0.02 %, taker 0.05 %).
    pub fn linear(symbol: Id, base: Id, quote: Id, tick_size: Decimal, lot_step: Decimal) -> InstrumentSpec {
        let basis_points = |n| Decimal::new(n, 4).unwrap_or(Decimal::ZERO);
        InstrumentSpec {
            symbol,
            product: Product::Perp,
            inverse: false,
            base,
            settle: quote.clone(),
            quote,
            tick_size,
            lot_step,
            min_qty: None,
            max_qty: None,
            min_notional: None,
            max_price: None,
            contract_multiplier: Decimal::ONE,
            maker_rate: basis_points(2),
            taker_rate: basis_points(5),
            fee_decimals: 8,
            fee_rounding: Rounding::HalfEven,
            funding_interval_secs: 28_800,
            leverage: Decimal::ONE,
            fee_asset: Id::EMPTY,
            margin_tiers: Vec::new(),
        }
    }
}

/// What came of an effect.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum EffectResult {
    /// The venue confirmed a leverage setting.
    LeverageSet {
        /// The instrument.
        symbol: Id,
        /// As it now is.
        leverage: Decimal,
    },
    /// The venue refused a leverage setting.
    LeverageRefused {
        /// The instrument.
        symbol: Id,
        /// Why.
        reason: Box<str>,
    },
    /// The request surely never left: the order is not live.
    NotSent {
        /// Our id of the order.
        venue_client_id: Id,
        /// Why.
        reason: Box<str>,
    },
}

/// An operator's change; absent fields stay as they are.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct ControlChange {
    /// LIVE, PAPER or SHADOW.
    pub mode: Option<KernelMode>,
    /// NORMAL, REDUCE_ONLY or HALTED.
    pub gate: Option<ControlGate>,
    /// How much is reported.
    pub verbosity: Option<KernelVerbosity>,
    /// Whether the journal writes to ClickHouse.
    pub debug_clickhouse_enabled: Option<bool>,
    /// Whether entries are frozen.
    pub frozen: Option<bool>,
    /// Risk limits: the whole set, or unchanged.
    pub limits: Option<RiskLimits>,
    /// True stops everything that increases risk: the gate goes to HALTED and every working entry is canceled. False
    /// only takes the mark off: the gate stays where it is.
    pub kill_switch: Option<bool>,
    /// Whether an entry needs an audited source run.
    pub require_audit: Option<bool>,
    /// The regime of the whole market; an intent's own may be worse.
    pub regime: Option<Regime>,
    /// Runs and actions that have been audited since; the last [`AUDITED_MAX`] are remembered.
    pub audited: Vec<Id>,
    /// Who.
    pub updated_by: Id,
}

/// How many audited runs and actions a kernel remembers.
pub const AUDITED_MAX: usize = 1024;

/// Pre-trade limits. `None` means: no limit.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct RiskLimits {
    /// One order, in settlement units.
    pub max_order_notional: Option<Decimal>,
    /// Positions and working entries of one settlement asset together, at worst, in its units.
    pub max_total_notional: Option<Decimal>,
    /// The leverage an intent may ask for.
    pub max_leverage: Option<Decimal>,
    /// How far a limit price may be from the last mark, as a fraction.
    pub price_collar: Option<Decimal>,
    /// Slots that may carry a trade at once.
    pub max_open_slots: Option<u32>,
    /// Fat finger: one order, in the instrument's quantity units.
    pub max_order_size: Option<Decimal>,
    /// Positions and working entries of one instrument at worst, in settlement units.
    pub max_symbol_notional: Option<Decimal>,
    /// Positions and working entries at worst of all instruments with one base asset, in settlement units.
    pub max_asset_notional: Option<Decimal>,
    /// Token bucket: orders that may leave in a burst.
    pub order_burst: Option<u32>,
    /// Token bucket: orders that may leave a second in the long run.
    pub orders_per_second: Option<Decimal>,
    /// Tokens of the order bucket that only exits may take.
    pub order_reserve_for_exits: Option<u32>,
    /// Token bucket: cancels and amends that may leave in a burst.
    pub cancel_burst: Option<u32>,
    /// Token bucket: cancels and amends that may leave a second in the long run.
    pub cancels_per_second: Option<Decimal>,
    /// What may be lost from one UTC midnight to the next, realised and unrealised, in settlement units.
    pub max_daily_loss: Option<Decimal>,
    /// How far equity may fall from its peak, as a fraction.
    pub max_drawdown: Option<Decimal>,
    /// Edge monitor: an edge below this freezes entries, in basis points.
    pub min_edge_bps: Option<Decimal>,
    /// Edge monitor: what a freeze cancels; `None` means working entries.
    pub edge_freeze_cancels: Option<FreezeScope>,
}

/// What the venue's account holds, taken as one.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct OpeningState {
    /// The venue's time of it, ns.
    pub timestamp_ns: i64,
    /// Wallet balances without unrealised PnL, by asset.
    pub balances: Vec<(Id, Decimal)>,
    /// Positions.
    pub positions: Vec<OpeningPosition>,
    /// Orders at work.
    pub orders: Vec<OpeningOrder>,
    /// Fills up to here are in it; the venue's own cursor, opaque.
    pub fill_cursor: Id,
    /// Wallet entries up to here are in it; the venue's own cursor, opaque.
    pub income_cursor: Id,
}

/// A position of an opening state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OpeningPosition {
    /// The instrument.
    pub symbol: Id,
    /// Which of the venue's books.
    pub position_side: PositionSide,
    /// Signed: + long.
    pub size: Decimal,
    /// Average entry price.
    pub entry_price: Decimal,
}

/// An order of an opening state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OpeningOrder {
    /// The instrument.
    pub symbol: Id,
    /// The venue's id.
    pub venue_order_id: Id,
    /// Its client id, ours or a stranger's.
    pub venue_client_id: Id,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// Which of the venue's books.
    pub position_side: PositionSide,
    /// Type.
    pub order_type: OrderType,
    /// Total ordered.
    pub size: Decimal,
    /// How much of it is filled.
    pub filled_size: Decimal,
    /// Its limit or trigger.
    pub price: Option<Decimal>,
    /// Never increases the position.
    pub reduce_only: bool,
}

/// A funding rate. Absent fields stay as they are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FundingTerms {
    /// The instrument.
    pub symbol: Id,
    /// The rate of the next boundary: longs pay a positive one.
    pub rate: Option<Decimal>,
    /// When the next boundary is, ns.
    pub next_boundary_ns: Option<i64>,
    /// Seconds from one boundary to the next, from that one on.
    pub interval_secs: Option<u32>,
    /// The price that values the position at the boundary; absent means the mark.
    pub mark_price: Option<Decimal>,
    /// The venue's time of it, ns.
    pub venue_time_ns: i64,
}

/// Trades known from elsewhere. Their positions must lie in the unassigned book.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct AdoptedSlots {
    /// Who says so.
    pub by: Id,
    /// The trades.
    pub slots: Vec<AdoptedSlot>,
}

/// A trade known from elsewhere.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AdoptedSlot {
    /// The slot that shall carry it; it must be free.
    pub slot_id: u32,
    /// The trade.
    pub trade_id: Id,
    /// The instrument.
    pub asset: Id,
    /// LONG or SHORT.
    pub side: TradeSide,
    /// The position's size, unsigned.
    pub size: Decimal,
    /// Its average entry price.
    pub entry_price: Decimal,
    /// What entries filled, net of busts.
    pub initial_size: Decimal,
    /// Realised so far, before fees.
    pub realized_pnl: Decimal,
    /// Fees so far, + paid.
    pub fees_paid: Decimal,
    /// Funding so far, + received.
    pub funding_net: Decimal,
    /// The leverage asked for.
    pub leverage: Decimal,
    /// The exit ladder; empty means `(1,)`.
    pub exit_leg_ratios: Vec<Decimal>,
    /// When its first fill came, ns.
    pub entry_time_ns: i64,
    /// Canonical JSON; empty when none.
    pub metadata: Box<str>,
}

/// An operator's own hand on a slot; absent fields stay as they are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SlotOverride {
    /// The slot.
    pub slot_id: u32,
    /// Who. Never empty.
    pub by: Id,
    /// Why. Never empty.
    pub reason: Box<str>,
    /// A free slot takes this trade; a busy one is renamed to it.
    pub trade_id: Option<Id>,
    /// A free slot's instrument.
    pub asset: Option<Id>,
    /// A free slot's side.
    pub side: Option<TradeSide>,
    /// The position's size, unsigned: the difference goes to or comes from the unassigned book.
    pub size: Option<Decimal>,
    /// The position's average entry price. Quantity that comes or goes is valued at it; what the rest changes in cost is
    /// booked between slots.
    pub entry_price: Option<Decimal>,
    /// What entries filled.
    pub initial_size: Option<Decimal>,
    /// Realised so far: the difference is booked between slots.
    pub realized_pnl: Option<Decimal>,
    /// The leverage shown.
    pub leverage: Option<Decimal>,
    /// The exit ladder.
    pub exit_leg_ratios: Option<Vec<Decimal>>,
    /// Why the trade ended, or is to end.
    pub close_reason: Option<Id>,
    /// True frees the slot: what it holds goes to the unassigned book.
    pub closed: Option<bool>,
    /// Whether a protective exit is missing.
    pub unprotected: Option<bool>,
    /// Canonical JSON.
    pub metadata: Option<Box<str>>,
    /// An order that is known as nobody's, by the venue's id, becomes the slot's entry: its fills move into the slot.
    pub entry_order: Option<Id>,
    /// Likewise, an exit.
    pub exit_order: Option<Id>,
}

impl SlotOverride {
    /// An override that changes nothing yet.
    pub fn new(slot_id: u32, by: Id, reason: Box<str>) -> SlotOverride {
        SlotOverride {
            slot_id,
            by,
            reason,
            trade_id: None,
            asset: None,
            side: None,
            size: None,
            entry_price: None,
            initial_size: None,
            realized_pnl: None,
            leverage: None,
            exit_leg_ratios: None,
            close_reason: None,
            closed: None,
            unprotected: None,
            metadata: None,
            entry_order: None,
            exit_order: None,
        }
    }
}

/// A fee that was seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FeeSample {
    /// The instrument.
    pub symbol: Id,
    /// The fill's price.
    pub price: Decimal,
    /// The fill's quantity.
    pub size: Decimal,
    /// What was charged, + a charge.
    pub fee: Decimal,
    /// What it was paid in; empty means as predicted.
    pub fee_asset: Id,
    /// BUY or SELL, where known: spot needs it.
    pub order_side: Option<OrderSide>,
    /// Maker or taker, where known.
    pub liquidity: Option<Liquidity>,
}
