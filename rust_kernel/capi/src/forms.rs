//! Intents and outcomes as C structures. All of the protocol's bytes are written and read here, so no caller does it by hand.
#![allow(unsafe_code, non_camel_case_types)]

use std::ffi::{CStr, c_char};

use dita_engine::form::{End, Form};
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ExitSpec, Intent, Provenance};
use dita_kernel::names::{
    ExitKind, KernelCommandType, KernelDiagnosticCode, KernelEventKind, Liquidity, OrderSide, OrderType,
    PositionSide, Regime, Severity, TimeInForce, TradeSide, TradeStage, TriggerBy, VenueOrderStatus,
};
use dita_kernel::num::Decimal;
use dita_link::message::Verdict;

use crate::parse::Value;
use crate::read;
use crate::values::{blank_intent, drop_empty_parts};
use crate::wrong::{Code, Wrong};

/// An exact decimal: (`high` * 2^64 + `low`) / 10^`scale`. All zeros means absent.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct dita_decimal {
    /// The lower 64 bits of the mantissa.
    pub low: u64,
    /// Its upper 64 bits, with the sign.
    pub high: i64,
    /// How many decimal places, 0 to 28.
    pub scale: u8,
    /// 0 where there is no number.
    pub given: u8,
}

/// A text that lies in the caller's buffer, without a NUL behind it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dita_text {
    /// Its first byte.
    pub data: *const c_char,
    /// How many bytes of UTF-8.
    pub len: usize,
}

/// An exit that an ENTER brings along.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dita_exit {
    /// DITA_EXIT_KIND_...
    pub kind: u8,
    /// DITA_TRIGGER_BY_...
    pub trigger_by: u8,
    /// The trigger, in quote units.
    pub trigger_price: dita_decimal,
    /// How far from the average entry price, as a fraction of it.
    pub offset: dita_decimal,
    /// The limit, in quote units.
    pub limit_price: dita_decimal,
    /// TARGET: the part that it closes; absent means 1.
    pub ratio: dita_decimal,
}

/// What a strategy wants. Set everything to zero first: what is zero is absent or the default. Flags are 0 or 1.
/// Texts are NUL-terminated UTF-8, ids at most 64 bytes; NULL means empty.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dita_intent {
    /// The strategy's time, ns since 1970-01-01 UTC.
    pub timestamp_ns: i64,
    /// The strategy's id of this intent: the key of idempotence.
    pub intent_id: *const c_char,
    /// The trade.
    pub trade_id: *const c_char,
    /// The instrument.
    pub asset: *const c_char,
    /// The slot.
    pub slot_id: u32,
    /// DITA_SIDE_...
    pub side: u8,
    /// DITA_ACTION_...
    pub action: u8,
    /// DITA_ORDER_TYPE_...
    pub order_type: u8,
    /// DITA_TIME_IN_FORCE_...
    pub time_in_force: u8,
    /// DITA_TRIGGER_BY_...
    pub trigger_by: u8,
    /// Reject rather than take liquidity.
    pub post_only: u8,
    /// Never increase the position.
    pub reduce_only: u8,
    /// ENTER: adds to the trade that the slot carries.
    pub add: u8,
    /// Not 0 where `expire_time_ns` counts.
    pub has_expire_time: u8,
    /// Not 0 where `valid_until_ns` counts.
    pub has_valid_until: u8,
    /// Not 0 where `regime` counts.
    pub has_regime: u8,
    /// DITA_REGIME_...
    pub regime: u8,
    /// When a GTD order ends, ns.
    pub expire_time_ns: i64,
    /// Until when an exit may be resent, ns.
    pub valid_until_ns: i64,
    /// The price the strategy saw.
    pub reference_price: dita_decimal,
    /// The order's size, in base units or contracts.
    pub target_size: dita_decimal,
    /// The leverage wanted at the venue.
    pub leverage: dita_decimal,
    /// The limit.
    pub limit_price: dita_decimal,
    /// The trigger.
    pub trigger_price: dita_decimal,
    /// Spot: the size in quote units.
    pub quote_size: dita_decimal,
    /// Parts of the position for the exit ladder.
    pub exit_leg_ratios: *const dita_decimal,
    /// How many.
    pub exit_leg_ratios_count: usize,
    /// ENTER: the exits of its trade.
    pub exits: *const dita_exit,
    /// How many.
    pub exits_count: usize,
    /// Why, for people.
    pub reason: *const c_char,
    /// The strategy's own stage name, for people.
    pub stage: *const c_char,
    /// Orders of one group cancel one another.
    pub oco_group: *const c_char,
    /// Which order CANCEL or AMEND means.
    pub target_client_id: *const c_char,
    /// Whose trade it is.
    pub owner: *const c_char,
    /// The research run that asked for it.
    pub source_run: *const c_char,
    /// The audited action that lets it through.
    pub override_ref: *const c_char,
    /// A JSON object of at most 4,096 bytes.
    pub metadata: *const c_char,
}

/// What came of an intent. Texts lie in the reply that it was read from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dita_outcome {
    /// The input's number.
    pub seq: u64,
    /// The trade concerned.
    pub trade_id: dita_text,
    /// How many stage changes there are.
    pub transitions_count: usize,
    /// How many venue events there are: `dita_event_decode` reads them.
    pub events_count: usize,
    /// The slot, where `has_slot`.
    pub slot_id: u32,
    /// The kernel's own verdict.
    pub accepted: u8,
    /// Whether it survives a power loss by now.
    pub durable: u8,
    /// DITA_CODE_...
    pub code: u8,
    /// DITA_SEVERITY_...
    pub severity: u8,
    /// 0 where no slot is concerned.
    pub has_slot: u8,
    /// 0 where no slot is concerned.
    pub has_state: u8,
    /// DITA_STAGE_...: the slot's, afterwards.
    pub state: u8,
}

/// A venue event of an outcome. Texts lie in the reply that it was read from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dita_event {
    /// The venue's time, ns.
    pub timestamp_ns: i64,
    /// DITA_EVENT_KIND_...
    pub kind: u8,
    /// DITA_ORDER_STATUS_..., or 255.
    pub status: u8,
    /// DITA_ORDER_SIDE_..., or 255.
    pub order_side: u8,
    /// DITA_LIQUIDITY_..., or 255.
    pub liquidity: u8,
    /// The event's id.
    pub event_id: dita_text,
    /// The venue's order id.
    pub venue_order_id: dita_text,
    /// Our order id.
    pub venue_client_id: dita_text,
    /// The instrument.
    pub asset: dita_text,
    /// The venue's trade id.
    pub venue_trade_id: dita_text,
    /// What the fee was paid in.
    pub fee_asset: dita_text,
    /// The fill's price.
    pub price: dita_decimal,
    /// The fill's size.
    pub size: dita_decimal,
    /// What is filled of the order in all.
    pub filled_size: dita_decimal,
    /// What is left of it.
    pub remaining_size: dita_decimal,
    /// + a charge.
    pub fee: dita_decimal,
    /// The venue's realised PnL of the fill, before fees.
    pub realized_pnl: dita_decimal,
    /// The venue's own number of the message; it counts where `has_venue_sequence` is 1.
    pub venue_sequence: i64,
    /// 1 where the venue numbers its messages.
    pub has_venue_sequence: u8,
}

// -------------------------------------------------------------------------------------------------- decimals

impl From<Decimal> for dita_decimal {
    fn from(value: Decimal) -> dita_decimal {
        let mantissa = value.mantissa();
        // The two halves of 128 bits.
        dita_decimal { low: mantissa as u64, high: (mantissa >> 64) as i64, scale: value.scale(), given: 1 }
    }
}

impl dita_decimal {
    /// The core's number, or none.
    ///
    /// # Errors
    /// More digits or places than 28.
    pub fn read(self, field: &str) -> Result<Option<Decimal>, Wrong> {
        if self.given == 0 {
            return Ok(None);
        }
        let mantissa = (i128::from(self.high) << 64) | i128::from(self.low);
        let why = "has more than 28 digits or decimal places";
        Decimal::new(mantissa, self.scale)
            .map(Some)
            .map_err(|_| Wrong::value(field, format!("{mantissa} / 10^{}", self.scale), why))
    }

    fn of(value: Option<Decimal>) -> dita_decimal {
        value.map(dita_decimal::from).unwrap_or_default()
    }
}

// --------------------------------------------------------------------------------------------------- intents

/// A text of a caller's; NULL is empty.
///
/// # Safety
/// `text` is NULL, or points to bytes that end with a NUL and stay as they are.
pub unsafe fn text<'a>(text: *const c_char, field: &str) -> Result<&'a str, Wrong> {
    if text.is_null() {
        return Ok("");
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map_err(|_| {
        let shown = bytes.to_string_lossy().into_owned();
        Wrong { code: Code::NotUtf8, ..Wrong::value(field, shown, "is no UTF-8") }
    })
}

unsafe fn id(given: *const c_char, field: &str) -> Result<Id, Wrong> {
    // SAFETY: the caller's promise.
    let given = unsafe { text(given, field) }?;
    Id::new(given).map_err(|_| Wrong::value(field, given, "is longer than 64 bytes"))
}

fn member<E: Copy>(all: &[E], given: u8, field: &str) -> Result<E, Wrong> {
    let why = || format!("is not below {}: use the header's names", all.len());
    all.get(usize::from(given)).copied().ok_or_else(|| Wrong::value(field, given.to_string(), why()))
}

unsafe fn items<'a, T>(first: *const T, count: usize, max: usize, field: &str) -> Result<&'a [T], Wrong> {
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        let why = format!("is NULL, and its count is {count}");
        return Err(Wrong { code: Code::NullPointer, ..Wrong::value(field, "", why) });
    }
    if count > max {
        return Err(Wrong::value(field, format!("{count} items"), format!("are more than {max}")));
    }
    // SAFETY: the caller's promise: so many lie there.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// The core's intent.
///
/// # Safety
/// The texts and lists of `given` are as the header says.
///
/// # Errors
/// A field that cannot be taken, by name and value.
pub unsafe fn intent(given: &dita_intent) -> Result<Intent, Wrong> {
    const RATIOS_MAX: usize = 64;
    const EXITS_MAX: usize = 64;
    let mut intent = blank_intent();
    // SAFETY: the caller's promise, of each text and list.
    unsafe {
        intent.intent_id = id(given.intent_id, "intent_id")?;
        intent.trade_id = id(given.trade_id, "trade_id")?;
        intent.asset = id(given.asset, "asset")?;
        intent.reason = id(given.reason, "reason")?;
        intent.stage = id(given.stage, "stage")?;
        intent.oco_group = id(given.oco_group, "oco_group")?;
        intent.target_client_id = id(given.target_client_id, "target_client_id")?;
        intent.owner = id(given.owner, "owner")?;
        intent.metadata = metadata(text(given.metadata, "metadata")?)?;
        let ratios =
            items(given.exit_leg_ratios, given.exit_leg_ratios_count, RATIOS_MAX, "exit_leg_ratios")?;
        for ratio in ratios {
            let ratio = ratio.read("exit_leg_ratios")?;
            intent.exit_leg_ratios.push(ratio.ok_or_else(|| Wrong::missing("exit_leg_ratios"))?);
        }
        let exits = items(given.exits, given.exits_count, EXITS_MAX, "exits")?;
        intent.attached = Some(Box::new(Attachment {
            add: given.add != 0,
            trigger_by: member(TriggerBy::ALL, given.trigger_by, "trigger_by")?,
            exits: exits.iter().map(exit).collect::<Result<_, _>>()?,
        }));
        intent.provenance = Some(Box::new(Provenance {
            source_run: id(given.source_run, "source_run")?,
            regime: match given.has_regime != 0 {
                true => Some(member(Regime::ALL, given.regime, "regime")?),
                false => None,
            },
            override_ref: id(given.override_ref, "override_ref")?,
        }));
    }
    if intent.exit_leg_ratios.as_slice() == [Decimal::ONE] {
        intent.exit_leg_ratios.clear();
    }
    intent.timestamp_ns = given.timestamp_ns;
    intent.slot_id = given.slot_id;
    intent.side = member(TradeSide::ALL, given.side, "side")?;
    intent.action = member(KernelCommandType::ALL, given.action, "action")?;
    intent.order_type = member(OrderType::ALL, given.order_type, "order_type")?;
    intent.time_in_force = member(TimeInForce::ALL, given.time_in_force, "time_in_force")?;
    intent.post_only = given.post_only != 0;
    intent.reduce_only = given.reduce_only != 0;
    intent.expire_time_ns = (given.has_expire_time != 0).then_some(given.expire_time_ns);
    intent.valid_until_ns = (given.has_valid_until != 0).then_some(given.valid_until_ns);
    intent.reference_price = given.reference_price.read("reference_price")?;
    intent.target_size = given.target_size.read("target_size")?;
    intent.leverage = given.leverage.read("leverage")?;
    intent.limit_price = given.limit_price.read("limit_price")?;
    intent.trigger_price = given.trigger_price.read("trigger_price")?;
    intent.quote_size = given.quote_size.read("quote_size")?;
    drop_empty_parts(&mut intent);
    Ok(intent)
}

fn metadata(given: &str) -> Result<Box<str>, Wrong> {
    if given.is_empty() {
        return Ok("".into());
    }
    match crate::kernel::parsed(given) {
        Ok(value @ Value::Object(_)) => read::json(&value, "metadata"),
        Ok(other) => Err(Wrong::wrong_type("metadata", &other, "an object")),
        Err(wrong) => Err(wrong.within("metadata")),
    }
}

fn exit(given: &dita_exit) -> Result<ExitSpec, Wrong> {
    Ok(ExitSpec {
        kind: member(ExitKind::ALL, given.kind, "exits.kind")?,
        trigger_by: member(TriggerBy::ALL, given.trigger_by, "exits.trigger_by")?,
        trigger_price: given.trigger_price.read("exits.trigger_price")?,
        offset: given.offset.read("exits.offset")?,
        limit_price: given.limit_price.read("exits.limit_price")?,
        ratio: given.ratio.read("exits.ratio")?.unwrap_or(Decimal::ONE),
    })
}

// -------------------------------------------------------------------------------------------------- outcomes

const ABSENT: u8 = u8::MAX;

/// Reads on in a reply.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn take<T: Form>(&mut self) -> Option<T> {
        T::take(&mut self.0)
    }

    /// An id, where it lies.
    fn text(&mut self) -> Option<dita_text> {
        let len = usize::from(self.take::<u8>()?);
        let (text, rest) = self.0.split_at_checked(len)?;
        std::str::from_utf8(text).ok()?;
        self.0 = rest;
        Some(dita_text { data: text.as_ptr().cast(), len })
    }

    fn decimal(&mut self) -> Option<dita_decimal> {
        self.take::<Option<Decimal>>().map(dita_decimal::of)
    }

    /// The first of a reply's outcomes, and how many there are.
    fn of_reply(reply: &'a [u8]) -> Option<(Walk<'a>, usize)> {
        let mut walk = Walk(reply);
        let (kind, _number, count) = (walk.take::<u8>()?, walk.take::<u32>()?, walk.take::<u16>()?);
        (kind == VERDICTS).then_some((walk, usize::from(count)))
    }

    /// The outcome of a place.
    fn at(reply: &'a [u8], index: usize) -> Result<Walk<'a>, Wrong> {
        let (mut walk, count) = Walk::of_reply(reply).ok_or_else(no_outcomes)?;
        if index >= count {
            let why = format!("is not below {count}, the outcomes of this reply");
            return Err(Wrong::value("index", index.to_string(), why));
        }
        for _ in 0..index {
            walk.take::<Verdict>().ok_or_else(no_outcomes)?;
        }
        Ok(walk)
    }

    fn pass(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn pass_text(&mut self) -> Option<()> {
        let len = usize::from(self.take::<u8>()?);
        self.pass(len)
    }

    /// A stage change, of which nobody is told more than that it is there: time, number and slot; its trade; two stages, what
    /// happened and the rule; the intent and the event; mode and verbosity.
    fn pass_transition(&mut self) -> Option<()> {
        self.pass(8 + 8 + 4)?;
        self.pass_text()?;
        self.pass(1 + 1 + 1 + 2)?;
        self.pass_text()?;
        self.pass_text()?;
        self.pass(1 + 1)
    }

    /// The outcome's own fields; what stands next are its events, and how many those are.
    fn outcome(&mut self) -> Option<dita_outcome> {
        let seq = self.take::<u64>()?;
        let accepted = self.take::<bool>()?;
        let code = self.take::<KernelDiagnosticCode>()?;
        let severity = self.take::<Severity>()?;
        let slot_id = self.take::<Option<u32>>()?;
        let state = self.take::<Option<TradeStage>>()?;
        let trade_id = self.text()?;
        let durable = self.take::<bool>()?;
        let transitions_count = usize::from(self.take::<u16>()?);
        for _ in 0..transitions_count {
            self.pass_transition()?;
        }
        Some(dita_outcome {
            seq,
            trade_id,
            transitions_count,
            events_count: usize::from(self.take::<u16>()?),
            slot_id: slot_id.unwrap_or_default(),
            accepted: accepted.into(),
            durable: durable.into(),
            code: code as u8,
            severity: severity as u8,
            has_slot: slot_id.is_some().into(),
            has_state: state.is_some().into(),
            state: state.map_or(0, |state| state as u8),
        })
    }

    #[rustfmt::skip]
    fn event(&mut self) -> Option<dita_event> {
        let timestamp_ns = self.take::<i64>()?;
        let _received_ns = self.take::<i64>()?;
        let kind = self.take::<KernelEventKind>()?;
        let status = self.take::<Option<VenueOrderStatus>>()?;
        let order_side = self.take::<Option<OrderSide>>()?;
        let _position_side = self.take::<Option<PositionSide>>()?;
        let _side = self.take::<Option<TradeSide>>()?;
        let liquidity = self.take::<Option<Liquidity>>()?;
        let _slot_id = self.take::<Option<u32>>()?;
        let event_id = self.text()?;
        let _trade_id = self.text()?;
        let (venue_order_id, venue_client_id, asset) = (self.text()?, self.text()?, self.text()?);
        let (price, size, filled_size, remaining_size) = (self.decimal()?, self.decimal()?, self.decimal()?, self.decimal()?);
        let _of_the_order = (self.decimal()?, self.decimal()?, self.decimal()?);
        let venue_trade_id = self.text()?;
        let (fee, fee_asset) = (self.decimal()?, self.text()?);
        let venue_sequence = self.take::<Option<i64>>()?;
        let realized_pnl = dita_decimal::of(self.take::<End>()?.realized_pnl);
        Some(dita_event {
            timestamp_ns,
            kind: kind as u8,
            status: status.map_or(ABSENT, |it| it as u8),
            order_side: order_side.map_or(ABSENT, |it| it as u8),
            liquidity: liquidity.map_or(ABSENT, |it| it as u8),
            event_id, venue_order_id, venue_client_id, asset, venue_trade_id, fee_asset,
            price, size, filled_size, remaining_size, fee, realized_pnl,
            venue_sequence: venue_sequence.unwrap_or_default(),
            has_venue_sequence: venue_sequence.is_some().into(),
        })
    }
}

/// How a reply with outcomes begins; `tests/forms.rs` holds it against what the protocol writes.
const VERDICTS: u8 = 67;

#[cold]
fn no_outcomes() -> Wrong {
    Wrong::because(Code::Malformed, "the bytes are no reply with outcomes: give what dita_call answered")
}

/// An outcome of a reply.
///
/// # Errors
/// The bytes are no reply with so many.
pub fn outcome(reply: &[u8], index: usize) -> Result<dita_outcome, Wrong> {
    Walk::at(reply, index)?.outcome().ok_or_else(no_outcomes)
}

/// An event of an outcome.
///
/// # Errors
/// The bytes are no reply with so many.
pub fn event(reply: &[u8], index: usize, at: usize) -> Result<dita_event, Wrong> {
    let mut walk = Walk::at(reply, index)?;
    let outcome = walk.outcome().ok_or_else(no_outcomes)?;
    if at >= outcome.events_count {
        let why = format!("is not below {}, the events of this outcome", outcome.events_count);
        return Err(Wrong::value("event", at.to_string(), why));
    }
    let mut found = None;
    for _ in 0..=at {
        found = Some(walk.event().ok_or_else(no_outcomes)?);
    }
    found.ok_or_else(no_outcomes)
}
