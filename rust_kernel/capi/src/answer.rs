//! What came of an input: as the protocol's verdict, and as JSON by the names of `KernelOutcome.to_dict`.

use dita_engine::form::{FieldValue, FieldValues};
use dita_engine::json::{self, Object};
use dita_engine::{Answer, TransitionRecord, account, bot_rows, slot_view};
use dita_kernel::calibration::Calibration;
use dita_kernel::id::Id;
use dita_kernel::input::{RareFields, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::TradeSide;
use dita_kernel::num::{Decimal, MONEY_SCALE, Money};
use dita_kernel::outcome::{Detail, Outcome};
use dita_link::message::Verdict;

use crate::outside::Effect;

// -------------------------------------------------------------------------------------------------- verdicts

/// An engine's answer as the protocol tells it; `extra` stands behind its own particulars.
pub fn verdict(answer: Answer, extra: FieldValues) -> Verdict {
    let details = particulars(&answer, extra);
    Verdict::of(answer, details)
}

/// The particulars of an answer by name; `extra` stands behind its own.
#[inline]
pub fn particulars(answer: &Answer, extra: FieldValues) -> FieldValues {
    let mut details = told(&answer.outcome);
    if !answer.notices.is_empty() {
        let rows = answer.notices.iter().map(|notice| {
            let slot_id =
                notice.slot_id.map_or(FieldValue::Nothing, |slot_id| FieldValue::Whole(slot_id.into()));
            fields([
                ("code", text(notice.code.name())),
                ("severity", text(notice.severity.name())),
                ("slot_id", slot_id),
            ])
        });
        details.0.push(("notices".into(), FieldValue::List(rows.collect())));
    }
    details.0.extend(extra.0);
    details
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.into())
}

fn id(id: &Id) -> FieldValue {
    text(id.as_str())
}

/// Particulars by name.
pub fn fields<const N: usize>(fields: [(&str, FieldValue); N]) -> FieldValues {
    FieldValues(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// The core's particulars by their public names: those of the Python bindings.
fn told(outcome: &Outcome) -> FieldValues {
    match &outcome.detail {
        Detail::None => FieldValues::default(),
        Detail::Order(order) => fields([("venue_client_id", id(order))]),
        Detail::Field { field, value, why } => fields([
            ("field", text(field)),
            ("value", FieldValue::Text(value.clone())),
            ("reason", text(why)),
        ]),
        Detail::Carries { trade_id, stage } => {
            fields([("trade_id", id(trade_id)), ("state", text(stage.name()))])
        }
        Detail::NotAtWork { target, status } => fields([
            ("target_client_id", id(target)),
            ("status", status.map_or(FieldValue::Nothing, |status| text(status.name()))),
        ]),
        Detail::Choose(orders) => fields([(
            "orders",
            FieldValue::Texts(orders.iter().map(|order| order.as_str().into()).collect()),
        )]),
        Detail::Gated(gated) => fields([
            ("gate", text(gated.gate.name())),
            ("updated_by", id(&gated.updated_by)),
            ("updated_at_ns", gated.updated_at_ns.map_or(FieldValue::Nothing, FieldValue::Whole)),
            ("kill_switch", FieldValue::Flag(gated.kill_switch)),
            ("reason", FieldValue::Text(gated.reason.clone())),
        ]),
        Detail::HeldBySlot { slot_id, trade_id, side } => held_by_slot(*slot_id, trade_id, *side),
        Detail::HeldByOwner { slot_id, trade_id, side, owner } => {
            let mut held = held_by_slot(*slot_id, trade_id, *side);
            held.0.push(("held_owner".into(), id(owner)));
            held
        }
        Detail::Budget(budget) => {
            let exact = |money: Money| Decimal::normalized(money.0, MONEY_SCALE).unwrap_or(Decimal::ZERO);
            let amount = |money| FieldValue::Number(exact(money));
            fields([
                ("bot", id(&budget.bot)),
                ("asset", id(&budget.asset)),
                ("budget", amount(budget.budget)),
                ("in_use", amount(budget.in_use)),
                ("needed", amount(budget.needed)),
                ("reason", FieldValue::Text(budget.advice().into())),
            ])
        }
        Detail::HeldBy { held_by, size } => {
            fields([("held_by", text(held_by)), ("size", FieldValue::Number(*size))])
        }
        Detail::Limit { limit, value, attempt } => fields([
            ("limit", text(limit)),
            ("value", FieldValue::Text(value.clone())),
            ("attempt", FieldValue::Text(attempt.clone())),
        ]),
        Detail::BotLimit(hit) => fields([
            ("bot", id(&hit.bot)),
            ("limit", text(hit.limit)),
            ("value", FieldValue::Text(hit.value.clone())),
            ("attempt", FieldValue::Text(hit.attempt.clone())),
        ]),
        Detail::Retry { reason, retry_after_ms, venue_event_kind } => {
            let wait = i64::try_from(retry_after_ms.unwrap_or(0)).unwrap_or(i64::MAX);
            // In seconds where the venue said how long, else in its own words.
            let seconds = retry_after_ms.and_then(|wait| Decimal::new(i128::from(wait), 3).ok());
            let words = if reason.is_empty() { "few minutes".into() } else { reason.clone() };
            fields([
                ("reason", text("RATE_LIMITED")),
                ("message", FieldValue::Text(reason.clone())),
                ("release_eta", seconds.map_or_else(|| FieldValue::Text(words), FieldValue::Number)),
                ("retry_after_ms", FieldValue::Whole(wait)),
                ("retryable", FieldValue::Flag(true)),
                ("venue_event_kind", text(venue_event_kind.name())),
                ("severity", text(outcome.severity.name())),
            ])
        }
        Detail::Venue { reason, reason_code } => {
            fields([("reason", FieldValue::Text(reason.clone())), ("reason_code", id(reason_code))])
        }
        Detail::Unarmed(missing) => {
            let missing = missing.names().iter().map(|name| (*name).into()).collect();
            fields([("missing", FieldValue::Texts(missing))])
        }
        Detail::First { seq, time_ns, venue_client_id } => {
            let first_seq = ("first_seq", FieldValue::Whole(i64::try_from(*seq).unwrap_or(i64::MAX)));
            let order = ("venue_client_id", id(venue_client_id));
            match time_ns {
                Some(time_ns) => fields([first_seq, ("first_time_ns", FieldValue::Whole(*time_ns)), order]),
                None => fields([first_seq, order]),
            }
        }
    }
}

fn held_by_slot(slot_id: u32, trade_id: &Id, side: TradeSide) -> FieldValues {
    fields([
        ("held_by", text("slot")),
        ("held_slot_id", FieldValue::Whole(slot_id.into())),
        ("held_trade_id", id(trade_id)),
        ("held_side", text(side.name())),
    ])
}

// ------------------------------------------------------------------------------------------------------ JSON

/// A verdict, open for what else the answer has.
pub fn outcome(verdict: &Verdict) -> Object {
    let mut object = Object::begin();
    object.flag("accepted", verdict.accepted);
    object.whole_or_null("slot_id", verdict.slot_id);
    object.text("trade_id", verdict.trade_id.as_str());
    match verdict.state {
        Some(stage) => object.text("state", stage.name()),
        None => object.raw("state", "null"),
    }
    object.text("diagnostic_code", verdict.code.name());
    object.text("severity", verdict.severity.name());
    object.raw("transitions", &json::list(verdict.transitions.iter(), transition));
    object.raw("emitted_events", &json::list(verdict.events.iter(), venue_event));
    object.raw("details", &details(&verdict.details));
    object.flag("durable", verdict.durable);
    object
}

/// What the caller has to carry out.
pub fn effects<'a>(object: &mut Object, effects: impl Iterator<Item = &'a Effect>) {
    object.raw("effects", &json::list(effects, Effect::to_json));
}

fn transition(record: &TransitionRecord) -> String {
    let mut object = Object::begin();
    object.plain("timestamp", record.timestamp_ns);
    object.text("trade_id", record.trade_id.as_str());
    object.plain("slot_id", record.slot_id);
    object.text("prev_state", record.prev_state.name());
    object.text("next_state", record.next_state.name());
    object.text("trigger", record.trigger.name());
    object.text("intent_id", record.intent_id.as_str());
    object.text("event_id", record.event_id.as_str());
    object.text("control_mode", record.mode.name());
    object.text("control_verbosity", record.verbosity.name());
    object.raw("details", "{}");
    object.plain("seq", record.seq);
    object.plain("rule", record.rule);
    object.end()
}

/// A venue event.
pub fn venue_event(event: &VenueEvent) -> String {
    let none = RareFields::default();
    let rare = event.rare.as_deref().unwrap_or(&none);
    let mut object = Object::begin();
    object.plain("timestamp", event.timestamp_ns);
    object.text("event_id", event.event_id.as_str());
    object.text("trade_id", event.trade_id.as_str());
    object.whole_or_null("slot_id", event.slot_id);
    object.text("kind", event.kind.name());
    object.text_or_null("status", event.status.map(|it| it.name()));
    object.text("venue_order_id", event.venue_order_id.as_str());
    object.text("venue_client_id", event.venue_client_id.as_str());
    object.text_or_null("side", event.side.map(|it| it.name()));
    object.text("asset", event.asset.as_str());
    object.number_or_null("price", event.price);
    object.number_or_null("size", event.size);
    object.number_or_null("filled_size", event.filled_size);
    object.number_or_null("remaining_size", event.remaining_size);
    object.text("reason", &rare.reason);
    // A venue's own text may look like JSON and be none: only what was canonical is shown as an object.
    match crate::parse::parse(&rare.raw_payload) {
        _ if rare.raw_payload.is_empty() => object.raw("raw_payload", "{}"),
        Ok(crate::parse::Value::Object(_)) => object.raw("raw_payload", &rare.raw_payload),
        Ok(_) | Err(_) => object.text("raw_payload", &rare.raw_payload),
    }
    object.metadata(&rare.metadata);
    object.text_or_null("order_side", event.order_side.map(|it| it.name()));
    object.text_or_null("position_side", event.position_side.map(|it| it.name()));
    object.text("venue_trade_id", event.venue_trade_id.as_str());
    object.number_or_null("fee", event.fee);
    object.text("fee_asset", event.fee_asset.as_str());
    object.number_or_null("realized_pnl", event.realized_pnl);
    object.text_or_null("liquidity", event.liquidity.map(|it| it.name()));
    object.plain("ts_init", event.received_ns);
    object.number_or_null("order_size", event.order_size);
    object.number_or_null("order_price", event.order_price);
    object.number_or_null("average_price", event.average_price);
    object.text("request_id", rare.request_id.as_str());
    object.text("reason_code", rare.reason_code.as_str());
    object.text("parent_order_id", rare.parent_order_id.as_str());
    object.text("ref_trade_id", rare.ref_trade_id.as_str());
    object.whole_or_null("retry_after_ms", rare.retry_after_ms);
    object.whole_or_null("venue_sequence", event.venue_sequence);
    object.whole_or_null("order_created", rare.order_created_ns);
    object.end()
}

/// Particulars. Of a name that comes twice the last counts.
pub fn details(told: &FieldValues) -> String {
    let mut object = Object::begin();
    for (at, (name, value)) in told.0.iter().enumerate() {
        let again = told.0.iter().skip(at + 1).any(|(later, _)| later == name);
        if !again {
            match value {
                FieldValue::Nothing => object.raw(name, "null"),
                FieldValue::Text(text) => object.text(name, text),
                FieldValue::Number(number) => object.number(name, *number),
                FieldValue::Money(amount) => object.money(name, *amount),
                FieldValue::Whole(whole) => object.plain(name, whole),
                FieldValue::Flag(flag) => object.flag(name, *flag),
                FieldValue::Texts(texts) => object.texts(name, texts.iter().map(|text| &**text)),
                FieldValue::List(rows) => object.raw(name, &json::list(rows.iter(), details)),
            }
        }
    }
    object.end()
}

// ------------------------------------------------------------------------------------------------ the snapshot

/// Controls, slots and account, by the names of `ExecutionKernel.snapshot()`.
pub fn snapshot(kernel: &Kernel) -> String {
    let mut object = Object::begin();
    object.raw("control", &control(kernel));
    let slots: Vec<_> = (0..kernel.config().max_slots).filter_map(|at| slot_view(kernel, at)).collect();
    object.raw("slots", &json::list(slots.iter(), json::slot));
    let mut whole = Object::begin();
    for asset in kernel.assets() {
        whole.raw(asset.name.as_str(), &account_json(kernel, &asset.name));
    }
    let mut main =
        settlement_asset(kernel).map_or_else(|| "{}".to_owned(), |name| account_json(kernel, &name));
    main.pop();
    main.push_str(if main.len() > 1 { ",\"assets\":" } else { "\"assets\":" });
    main.push_str(&whole.end());
    main.push('}');
    object.raw("account", &main);
    object.raw("log", "null");
    object.end()
}

/// The asset that an account without a name means: the first instrument's settlement asset, else the first asset.
pub fn settlement_asset(kernel: &Kernel) -> Option<Id> {
    let settle = kernel.instruments().first().map(|rules| rules.spec.settle.clone());
    settle.or_else(|| kernel.assets().first().map(|asset| asset.name.clone()))
}

/// An asset's account; `{}` where the kernel has none of that name.
pub fn account_json(kernel: &Kernel, name: &Id) -> String {
    let found = kernel.asset_of(name).and_then(|place| {
        let figures = account(kernel, place)?;
        let exchange = &kernel.assets().get(usize::from(place))?.exchange;
        Some(json::account(name.as_str(), &figures, exchange, &bot_rows(kernel, place)))
    });
    let Some(mut text) = found else { return "{}".into() };
    text.pop();
    text.push_str(&format!(",\"event_seq\":{}}}", kernel.seq()));
    text
}

fn control(kernel: &Kernel) -> String {
    let (control, guard) = (kernel.control(), kernel.guard());
    let given = &control.limits.given;
    let mut limits = Object::begin();
    for (name, value) in given.decimals() {
        limits.number_or_null(name, value);
    }
    for (name, value) in given.counts() {
        limits.whole_or_null(name, value);
    }
    match given.edge_freeze_cancels {
        Some(scope) => limits.text("edge_freeze_cancels", scope.name()),
        None => limits.raw("edge_freeze_cancels", "null"),
    }
    let mut object = Object::begin();
    object.text("mode", control.mode.name());
    object.text("gate", control.gate.name());
    object.text("verbosity", control.verbosity.name());
    object.flag("debug_clickhouse_enabled", control.debug_clickhouse_enabled);
    object.flag("frozen", control.frozen);
    object.raw("limits", &limits.end());
    object.flag("kill_switch", guard.kill_switch());
    object.plain("freeze_events", guard.freeze_events());
    object.text("last_freeze_reason", guard.last_freeze_reason());
    object.text("last_freeze_symbol", guard.last_freeze_symbol().as_str());
    object.flag("require_audit", control.require_audit);
    object.text("regime", control.regime.name());
    object.texts("audited", control.audited.iter().map(|id| id.as_str()));
    object.plain("version", control.version);
    object.text("updated_by", control.updated_by.as_str());
    object.whole_or_null("updated_at", control.changed_at_ns());
    object.end()
}

/// What the newest fee that was seen says, and what is known of the rates.
pub fn calibration(calibration: &Calibration, asset: &Id) -> Object {
    const ONE: i128 = 1_000_000_000_000_000_000;
    let money_or_null = |object: &mut Object, name: &str, amount: Option<Money>| match amount {
        Some(amount) => object.money(name, amount),
        None => object.raw(name, "null"),
    };
    let mut object = Object::begin();
    if let Some(reading) = &calibration.meter.last {
        let deviation =
            reading.ratio.map(|ratio| Money((ratio.0 - ONE).saturating_abs().saturating_mul(100)));
        let status = match deviation {
            None if reading.expected == reading.actual => "OK",
            Some(deviation) if deviation.0 < ONE => "OK",
            Some(deviation) if deviation.0 < ONE.saturating_mul(5) => "WARN",
            Some(_) | None => "ERROR",
        };
        object.money("expected_fee", reading.expected);
        object.text("expected_fee_asset", asset.as_str());
        object.money("actual_fee", reading.actual);
        money_or_null(&mut object, "ratio", reading.ratio);
        money_or_null(&mut object, "deviation_pct", deviation);
        object.text("calibration_status", status);
        object.text("why", reading.why.name());
        object.number_or_null("implied_rate", reading.implied_rate);
    }
    money_or_null(&mut object, "calibration_ratio", calibration.meter.ratio_ema);
    object.plain("calibration_samples", calibration.meter.samples);
    object.number("configured_rate", calibration.configured);
    object.number("observed_rate", calibration.observed);
    let changes = json::list(calibration.changes.iter(), |change| {
        let mut row = Object::begin();
        row.plain("seq", change.seq);
        row.number("rate", change.rate);
        row.end()
    });
    object.raw("rate_changes", &changes);
    object
}
