//! `KernelOutcome`: what came of one input.

use dita_engine::Answer;
use dita_kernel::effect::Notice;
use dita_kernel::id::Id;
use dita_kernel::names::TradeSide;
use dita_kernel::num::{Decimal, MONEY_SCALE, Money};
use dita_kernel::outcome::Detail as CoreDetail;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::details::{Detail, Details};
use crate::record::{self, Shown};
use crate::transition::KernelTransition;
use crate::venue_event::VenueEvent as PyVenueEvent;
use crate::{names, text};

/// An outcome as plain data: nothing becomes a Python object before it is read.
#[derive(Clone, PartialEq, Debug)]
pub struct OutcomeView {
    /// The engine's answer.
    pub answer: Answer,
    /// What the bindings add to its details.
    pub extra: Details,
}

impl OutcomeView {
    /// The details: the core's, then what the bindings add.
    pub fn details(&self) -> Details {
        let mut details = core_details(&self.answer.outcome.detail);
        if matches!(self.answer.outcome.detail, CoreDetail::Retry { .. }) {
            details.add("severity", Detail::Name(self.answer.outcome.severity.name()));
        }
        if !self.answer.notices.is_empty() {
            details.add("notices", Detail::List(self.answer.notices.iter().map(notice_details).collect()));
        }
        details.extend(&self.extra);
        details
    }
}

/// A remark of the core's by its public names.
fn notice_details(notice: &Notice) -> Details {
    let slot_id = notice.slot_id.map_or(Detail::Nothing, |slot_id| Detail::Whole(slot_id.into()));
    Details::EMPTY
        .with("code", Detail::Name(notice.code.name()))
        .with("severity", Detail::Name(notice.severity.name()))
        .with("slot_id", slot_id)
}

fn held_by_slot(slot_id: u32, trade_id: &Id, side: TradeSide) -> Details {
    Details::EMPTY
        .with("held_by", Detail::Name("slot"))
        .with("held_slot_id", Detail::Whole(slot_id.into()))
        .with("held_trade_id", Detail::Id(trade_id.clone()))
        .with("held_side", Detail::Name(side.name()))
}

/// The core's particulars by their public names.
pub fn core_details(detail: &CoreDetail) -> Details {
    let details = Details::EMPTY;
    match detail {
        CoreDetail::None => details,
        CoreDetail::Order(id) => details.with("venue_client_id", Detail::Id(id.clone())),
        CoreDetail::Field { field, value, why } => details
            .with("field", Detail::Name(field))
            .with("value", Detail::Text(value.clone()))
            .with("reason", Detail::Name(why)),
        CoreDetail::Carries { trade_id, stage } => {
            details.with("trade_id", Detail::Id(trade_id.clone())).with("state", Detail::Name(stage.name()))
        }
        CoreDetail::NotAtWork { target, status } => details
            .with("target_client_id", Detail::Id(target.clone()))
            .with("status", status.map_or(Detail::Nothing, |status| Detail::Name(status.name()))),
        CoreDetail::Choose(orders) => details.with("orders", Detail::Ids(orders.clone())),
        CoreDetail::Gated(gated) => details
            .with("gate", Detail::Name(gated.gate.name()))
            .with("updated_by", Detail::Id(gated.updated_by.clone()))
            .with("updated_at_ns", gated.updated_at_ns.map_or(Detail::Nothing, Detail::Whole))
            .with("kill_switch", Detail::Flag(gated.kill_switch))
            .with("reason", Detail::Text(gated.reason.clone())),
        CoreDetail::HeldBySlot { slot_id, trade_id, side } => held_by_slot(*slot_id, trade_id, *side),
        CoreDetail::HeldByOwner { slot_id, trade_id, side, owner } => {
            held_by_slot(*slot_id, trade_id, *side).with("held_owner", Detail::Id(owner.clone()))
        }
        CoreDetail::Budget(budget) => {
            let exact = |money: Money| Decimal::normalized(money.0, MONEY_SCALE).unwrap_or(Decimal::ZERO);
            let amount = |money| Detail::Number(exact(money));
            details
                .with("bot", Detail::Id(budget.bot.clone()))
                .with("asset", Detail::Id(budget.asset.clone()))
                .with("budget", amount(budget.budget))
                .with("in_use", amount(budget.in_use))
                .with("needed", amount(budget.needed))
                .with("reason", Detail::Text(budget.advice().into()))
        }
        CoreDetail::HeldBy { held_by, size } => {
            details.with("held_by", Detail::Name(held_by)).with("size", Detail::Number(*size))
        }
        CoreDetail::Limit { limit, value, attempt } => details
            .with("limit", Detail::Name(limit))
            .with("value", Detail::Text(value.clone()))
            .with("attempt", Detail::Text(attempt.clone())),
        CoreDetail::BotLimit(hit) => details
            .with("bot", Detail::Id(hit.bot.clone()))
            .with("limit", Detail::Name(hit.limit))
            .with("value", Detail::Text(hit.value.clone()))
            .with("attempt", Detail::Text(hit.attempt.clone())),
        CoreDetail::Retry { reason, retry_after_ms, venue_event_kind } => {
            let wait = i64::try_from(retry_after_ms.unwrap_or(0)).unwrap_or(i64::MAX);
            // In seconds where the venue said how long, else in its own words.
            let seconds = retry_after_ms.and_then(|wait| Decimal::new(i128::from(wait), 3).ok());
            let words = if reason.is_empty() { "few minutes".into() } else { reason.clone() };
            details
                .with("reason", Detail::Name("RATE_LIMITED"))
                .with("message", Detail::Text(reason.clone()))
                .with("release_eta", seconds.map_or_else(|| Detail::Text(words), Detail::Number))
                .with("retry_after_ms", Detail::Whole(wait))
                .with("retryable", Detail::Flag(true))
                .with("venue_event_kind", Detail::Name(venue_event_kind.name()))
        }
        CoreDetail::Venue { reason, reason_code } => details
            .with("reason", Detail::Text(reason.clone()))
            .with("reason_code", Detail::Id(reason_code.clone())),
        CoreDetail::Unarmed(missing) => details.with("missing", Detail::Names(missing.names())),
        CoreDetail::First { seq, time_ns, venue_client_id } => {
            let details = details.with("first_seq", Detail::Whole(i64::try_from(*seq).unwrap_or(i64::MAX)));
            let details = match time_ns {
                Some(time_ns) => details.with("first_time_ns", Detail::Whole(*time_ns)),
                None => details,
            };
            details.with("venue_client_id", Detail::Id(venue_client_id.clone()))
        }
    }
}

const NAMES: [Shown; 10] = [
    ("accepted", false),
    ("slot_id", false),
    ("trade_id", false),
    ("state", false),
    ("diagnostic_code", false),
    ("severity", false),
    ("transitions", false),
    ("emitted_events", false),
    ("details", false),
    ("durable", false),
];

/// What came of one input, frozen.
#[pyclass(frozen, module = "dita._kernel")]
pub struct KernelOutcome {
    view: OutcomeView,
}

impl From<OutcomeView> for KernelOutcome {
    #[inline]
    fn from(view: OutcomeView) -> KernelOutcome {
        KernelOutcome { view }
    }
}

impl KernelOutcome {
    /// The plain data.
    #[inline]
    pub fn view(&self) -> &OutcomeView {
        &self.view
    }
}

#[pymethods]
impl KernelOutcome {
    /// The kernel's own verdict; what the venue says comes as later events.
    #[getter]
    fn accepted(&self) -> bool {
        self.view.answer.outcome.accepted
    }

    /// The slot, where one is concerned.
    #[getter]
    fn slot_id(&self) -> Option<u32> {
        self.view.answer.outcome.slot_id
    }

    /// The trade, where one is concerned.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.answer.trade_id)
    }

    /// The slot's stage after the input; `None` where no slot is concerned.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.view.answer.outcome.state)
    }

    /// Why the kernel said what it said.
    #[getter]
    fn diagnostic_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.answer.outcome.code)
    }

    /// How bad it is.
    #[getter]
    fn severity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.answer.outcome.severity)
    }

    /// The stage changes, in the order in which they happened: a tuple of KernelTransition.
    #[getter]
    fn transitions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made =
            self.view.answer.transitions.iter().map(|record| Bound::new(py, KernelTransition::from(record)));
        PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    /// The venue's events, where the venue answered at once: a tuple of VenueEvent.
    #[getter]
    fn emitted_events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made =
            self.view.answer.events.iter().map(|event| Bound::new(py, PyVenueEvent::from((**event).clone())));
        PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    /// What else there is to say: `field` and `value`, `reason`, `retry_after_ms`, limits, and `notices`, remarks that
    /// were made until quiet: dicts of `code`, `severity`, `slot_id`.
    #[getter]
    fn details<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.view.details().to_dict(py)
    }

    /// True where the input survives a power loss by now; false without a log, and for a mark that waits to be read.
    #[getter]
    fn durable(&self) -> bool {
        self.view.answer.durable
    }

    /// Every field by name; times are int nanoseconds.
    fn to_dict<'py>(slf: &Bound<'py, KernelOutcome>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    fn __repr__(slf: &Bound<'_, KernelOutcome>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &KernelOutcome) -> bool {
        self.view == other.view
    }
}

#[cfg(test)]
mod tests {
    use dita_engine::TransitionRecord;
    use dita_kernel::effect::Notice;
    use dita_kernel::id::Id;
    use dita_kernel::input::VenueEvent;
    use dita_kernel::names::{
        KernelDiagnosticCode, KernelEventKind, KernelMode, KernelVerbosity, OrderDoubt, OrderSide, OrderType,
        PositionSide, Severity, TimeInForce, TradeSide, TradeStage, VenueOrderStatus,
    };
    use dita_kernel::num::{Decimal, Money};
    use dita_kernel::outcome::Outcome;
    use dita_kernel::slot::table::Symbol;

    use super::*;
    use crate::order::VenueOrder;
    use dita_engine::OrderView;

    fn outcome() -> OutcomeView {
        let transition = TransitionRecord {
            timestamp_ns: 1_500,
            seq: 9,
            slot_id: 2,
            trade_id: Id::EMPTY,
            prev_state: TradeStage::Idle,
            next_state: TradeStage::OrderRequested,
            trigger: Symbol::Enter,
            rule: 3,
            intent_id: Id::EMPTY,
            event_id: Id::EMPTY,
            mode: KernelMode::Paper,
            verbosity: KernelVerbosity::Normal,
        };
        OutcomeView {
            answer: Answer {
                outcome: Outcome {
                    seq: 9,
                    accepted: false,
                    code: KernelDiagnosticCode::RateLimited,
                    severity: Severity::Warning,
                    slot_id: Some(2),
                    state: Some(TradeStage::OrderSent),
                    detail: CoreDetail::Retry {
                        reason: "slow down".into(),
                        retry_after_ms: Some(250),
                        venue_event_kind: KernelEventKind::RateLimited,
                    },
                },
                trade_id: Id::EMPTY,
                transitions: vec![transition],
                notices: vec![Notice {
                    seq: 9,
                    code: KernelDiagnosticCode::LateFill,
                    severity: Severity::Warning,
                    slot_id: Some(2),
                }],
                events: vec![Box::new(VenueEvent::new(KernelEventKind::RateLimited, 7))],
                durable: false,
            },
            extra: Details::EMPTY
                .with("value", Detail::Number(Decimal::ONE))
                .with("limit", Detail::Money(Money(1)))
                .with("id", Detail::Id(Id::EMPTY)),
        }
    }

    #[test]
    fn an_outcome_reads_back() -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let globals = PyDict::new(py);
            globals.set_item("outcome", Bound::new(py, KernelOutcome::from(outcome()))?)?;
            globals.set_item("same", Bound::new(py, KernelOutcome::from(outcome()))?)?;
            let check = c"
assert outcome.accepted is False and outcome.slot_id == 2 and outcome.state == 'ORDER_SENT'
assert (outcome.diagnostic_code, outcome.severity) == ('RATE_LIMITED', 'WARNING')
assert outcome.details['notices'] == [{'code': 'LATE_FILL', 'severity': 'WARNING', 'slot_id': 2}]
assert outcome.details['retry_after_ms'] == 250 and outcome.details['retryable'] is True
assert format(outcome.details['limit'], 'f') == '0.000000000000000001' and outcome.details['id'] == ''
(step,) = outcome.transitions
assert (step.prev_state, step.next_state, step.trigger, step.seq, step.rule) == ('IDLE', 'ORDER_REQUESTED', 'ENTER', 9, 3)
assert step.timestamp_ns == 1500 and step.timestamp.microsecond == 1 and step.details == {}
(event,) = outcome.emitted_events
assert event.kind == 'RATE_LIMITED' and event.timestamp_ns == 7
assert outcome == same and outcome != step and step == same.transitions[0]
plain = outcome.to_dict()
assert plain['transitions'][0]['timestamp'] == 1500 and plain['emitted_events'][0]['kind'] == 'RATE_LIMITED'
assert repr(outcome).startswith('KernelOutcome(accepted=False, slot_id=2, state=')
";
            py.run(check, Some(&globals), None)
        })
    }

    #[test]
    fn an_order_reads_back() -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let order = OrderView {
                internal_trade_id: Id::EMPTY,
                slot_id: None,
                venue_order_id: Id::EMPTY,
                venue_client_id: Id::EMPTY,
                asset: Id::EMPTY,
                side: TradeSide::Short,
                order_side: OrderSide::Sell,
                position_side: PositionSide::Both,
                intended_size: Decimal::ONE,
                filled_size: Decimal::ZERO,
                remaining_size: Decimal::ONE,
                average_fill_price: None,
                status: VenueOrderStatus::Acked,
                order_type: OrderType::Limit,
                limit_price: Some(Decimal::ONE),
                trigger_price: None,
                time_in_force: TimeInForce::Gtd,
                expire_time_ns: Some(1_000),
                post_only: true,
                reduce_only: false,
                doubt: OrderDoubt::Cancel,
                pending_cancel: true,
                pending_amend: None,
                other_venue_ids: Vec::new(),
                intent_id: Id::EMPTY,
                valid_until_ns: None,
                trigger_by: dita_kernel::names::TriggerBy::Last,
                attached: false,
                oco_group: Id::EMPTY,
                triggered: false,
                stale: false,
                metadata: "{\"a\":1}".into(),
                owner: Id::EMPTY,
            };
            let globals = PyDict::new(py);
            globals.set_item("order", Bound::new(py, VenueOrder::from(order))?)?;
            let check = c"
assert (order.side, order.order_side, order.status, order.doubt) == ('SHORT', 'SELL', 'ACKED', 'CANCEL')
assert order.requests == ('CANCEL',) and order.metadata == {'a': 1} and order.expire_time_ns == 1000
assert order.average_fill_price is None and order.limit_price == 1 and order.post_only is True
assert order.to_dict()['expire_time'] == 1000 and 'slot_id' not in repr(order)
";
            py.run(check, Some(&globals), None)
        })
    }
}
