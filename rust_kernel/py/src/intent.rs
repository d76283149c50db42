//! `KernelIntent`: what a strategy wants.

use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, Intent, Provenance};
use dita_kernel::names::{KernelCommandType, TradeSide};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field};
use crate::{exit_spec, names, number, text, time};

/// What a strategy wants, frozen. Numbers may be Decimal, int, str or float (through its shortest text).
#[pyclass(frozen, module = "dita._kernel")]
pub struct KernelIntent {
    inner: Intent,
    /// The number that was given for a slot that no kernel has; the core's is then the largest.
    given_slot: Option<i128>,
}

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<Intent>; 32] = [
    Field::required_time("timestamp", |i, n, v| { i.timestamp_ns = time::read(v, n)?; Ok(()) }),
    Field::required("intent_id", |i, n, v| text::read_id(&mut i.intent_id, v, n)),
    Field::required("trade_id", |i, n, v| text::read_id(&mut i.trade_id, v, n)),
    Field::required("slot_id", |i, n, v| { i.slot_id = text::read_slot(v, n)?; Ok(()) }),
    Field::required("asset", |i, n, v| text::read_id(&mut i.asset, v, n)),
    Field::required("side", |i, n, v| { i.side = names::read(v, n)?; Ok(()) }),
    Field::required("action", |i, n, v| { i.action = names::read(v, n)?; Ok(()) }),
    Field::optional("reference_price", |i, n, v| { i.reference_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("target_size", |i, n, v| { i.target_size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("leverage", |i, n, v| { i.leverage = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("exit_leg_ratios", |i, n, v| { i.exit_leg_ratios = number::read_ratios(v, n)?; Ok(()) }),
    Field::optional("reason", |i, n, v| text::read_optional_id(&mut i.reason, v, n)),
    Field::optional("metadata", |i, n, v| { i.metadata = text::read_json(v, n)?; Ok(()) }),
    Field::optional("stage", |i, n, v| text::read_optional_id(&mut i.stage, v, n)),
    Field::optional("order_type", |i, n, v| { i.order_type = names::read(v, n)?; Ok(()) }),
    Field::optional("limit_price", |i, n, v| { i.limit_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("time_in_force", |i, n, v| { i.time_in_force = names::read(v, n)?; Ok(()) }),
    Field::time("expire_time", |i, n, v| { i.expire_time_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("post_only", |i, n, v| { i.post_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("reduce_only", |i, n, v| { i.reduce_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |i, n, v| { i.trigger_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("quote_size", |i, n, v| { i.quote_size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("oco_group", |i, n, v| text::read_optional_id(&mut i.oco_group, v, n)),
    Field::optional("target_client_id", |i, n, v| text::read_optional_id(&mut i.target_client_id, v, n)),
    Field::time("valid_until", |i, n, v| { i.valid_until_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("source_run", |i, n, v| text::read_optional_id(&mut provenance(i).source_run, v, n)),
    Field::optional("regime", |i, n, v| { provenance(i).regime = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("override_ref", |i, n, v| text::read_optional_id(&mut provenance(i).override_ref, v, n)),
    Field::optional("owner", |i, n, v| text::read_optional_id(&mut i.owner, v, n)),
    Field::optional("add", |i, n, v| { attached(i).add = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("trigger_by", |i, n, v| { attached(i).trigger_by = names::read(v, n)?; Ok(()) }),
    Field::optional("exits", |i, n, v| { attached(i).exits = exit_spec::read_all(v, n)?; Ok(()) }),
];

fn attached(intent: &mut Intent) -> &mut Attachment {
    intent.attached.get_or_insert_with(|| Box::new(Attachment::NONE))
}

/// A field's place in the constructor's order: asked while compiling, where a name that is none fails.
pub const fn place(name: &str) -> usize {
    let mut at = 0;
    while !same(FIELDS[at].name.as_bytes(), name.as_bytes()) {
        at += 1;
    }
    at
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Fills an intent's fields by their places: the constructor's way, without its object.
///
/// # Errors
/// A value that its field refuses.
#[inline]
pub fn fill(inner: &mut Intent, given: &[(usize, Option<&Bound<'_, PyAny>>)]) -> Result<(), Error> {
    for (place, value) in given {
        if let Some(value) = value {
            let field = &FIELDS[*place];
            (field.read)(inner, field.name, value)?;
        }
    }
    drop_empty_parts(inner);
    Ok(())
}

fn provenance(intent: &mut Intent) -> &mut Provenance {
    intent.provenance.get_or_insert_default()
}

/// What says nothing is none.
fn drop_empty_parts(intent: &mut Intent) {
    if intent.attached.as_deref() == Some(&Attachment::NONE) {
        intent.attached = None;
    }
    if intent.provenance.as_deref() == Some(&Provenance::default()) {
        intent.provenance = None;
    }
}

/// What optional fields hold when they are left out.
fn blank() -> Intent {
    Intent::new(KernelCommandType::Enter, Id::EMPTY, Id::EMPTY, 0, Id::EMPTY, TradeSide::Long)
}

impl KernelIntent {
    /// The core's intent.
    #[inline]
    pub fn core(&self) -> &Intent {
        &self.inner
    }

    /// The number that was given for a slot that no kernel has.
    #[inline]
    pub fn given_slot(&self) -> Option<i128> {
        self.given_slot
    }
}

impl From<Intent> for KernelIntent {
    #[inline]
    fn from(inner: Intent) -> KernelIntent {
        KernelIntent { inner, given_slot: None }
    }
}

/// The number as it was given, for the one case in which the core's is another.
#[cold]
pub fn given_slot(value: &Bound<'_, PyAny>) -> Option<i128> {
    let beyond = if value.lt(0).unwrap_or(false) { i128::MIN } else { i128::MAX };
    Some(value.extract::<i128>().unwrap_or(beyond)).filter(|given| *given != i128::from(u32::MAX))
}

#[pymethods]
impl KernelIntent {
    #[new]
    #[pyo3(
        signature = (
            timestamp, intent_id, trade_id, slot_id, asset, side, action, reference_price=None,
            target_size=None, leverage=None, exit_leg_ratios=None, reason=None, metadata=None,
            stage=None, order_type=None, limit_price=None, time_in_force=None, expire_time=None,
            post_only=None, reduce_only=None, trigger_price=None, quote_size=None, oco_group=None,
            target_client_id=None, valid_until=None, source_run=None, regime=None, override_ref=None,
            owner=None, add=None, trigger_by=None, exits=None
        ),
        text_signature = "(timestamp, intent_id, trade_id, slot_id, asset, side, action, reference_price=None, \
            target_size=None, leverage=None, exit_leg_ratios=(), reason='', metadata=None, stage='', \
            order_type='MARKET', limit_price=None, time_in_force='GTC', expire_time=None, post_only=False, \
            reduce_only=False, trigger_price=None, quote_size=None, oco_group='', target_client_id='', \
            valid_until=None, source_run='', regime=None, override_ref='', owner='', add=False, \
            trigger_by='LAST', exits=())"
    )]
    #[allow(clippy::too_many_arguments)]
    fn new(
        timestamp: &Bound<'_, PyAny>,
        intent_id: &Bound<'_, PyAny>,
        trade_id: &Bound<'_, PyAny>,
        slot_id: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        action: &Bound<'_, PyAny>,
        reference_price: Option<&Bound<'_, PyAny>>,
        target_size: Option<&Bound<'_, PyAny>>,
        leverage: Option<&Bound<'_, PyAny>>,
        exit_leg_ratios: Option<&Bound<'_, PyAny>>,
        reason: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        stage: Option<&Bound<'_, PyAny>>,
        order_type: Option<&Bound<'_, PyAny>>,
        limit_price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        expire_time: Option<&Bound<'_, PyAny>>,
        post_only: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        quote_size: Option<&Bound<'_, PyAny>>,
        oco_group: Option<&Bound<'_, PyAny>>,
        target_client_id: Option<&Bound<'_, PyAny>>,
        valid_until: Option<&Bound<'_, PyAny>>,
        source_run: Option<&Bound<'_, PyAny>>,
        regime: Option<&Bound<'_, PyAny>>,
        override_ref: Option<&Bound<'_, PyAny>>,
        owner: Option<&Bound<'_, PyAny>>,
        add: Option<&Bound<'_, PyAny>>,
        trigger_by: Option<&Bound<'_, PyAny>>,
        exits: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelIntent, Error> {
        let given = [
            Some(timestamp),
            Some(intent_id),
            Some(trade_id),
            Some(slot_id),
            Some(asset),
            Some(side),
            Some(action),
            reference_price,
            target_size,
            leverage,
            exit_leg_ratios,
            reason,
            metadata,
            stage,
            order_type,
            limit_price,
            time_in_force,
            expire_time,
            post_only,
            reduce_only,
            trigger_price,
            quote_size,
            oco_group,
            target_client_id,
            valid_until,
            source_run,
            regime,
            override_ref,
            owner,
            add,
            trigger_by,
            exits,
        ];
        let mut inner = blank();
        for (field, value) in FIELDS.iter().zip(given) {
            if let Some(value) = value {
                (field.read)(&mut inner, field.name, value)?;
            }
        }
        drop_empty_parts(&mut inner);
        let given_slot = if inner.slot_id == u32::MAX { given_slot(slot_id) } else { None };
        Ok(KernelIntent { inner, given_slot })
    }

    /// The strategy's time. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.inner.timestamp_ns)
    }

    /// The strategy's time. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn timestamp_ns(&self) -> i64 {
        self.inner.timestamp_ns
    }

    /// The strategy's id of this intent: the key of idempotence.
    #[getter]
    fn intent_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.intent_id)
    }

    /// The trade it belongs to.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.trade_id)
    }

    /// The slot, as it was given.
    #[getter]
    fn slot_id(&self) -> i128 {
        self.given_slot.unwrap_or_else(|| self.inner.slot_id.into())
    }

    /// The instrument.
    #[getter]
    fn asset<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.asset)
    }

    /// Whose trade it is, at most 31 bytes; empty when nobody's.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.owner)
    }

    /// The position's side.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.side)
    }

    /// What to do.
    #[getter]
    fn action<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.action)
    }

    /// The price the strategy saw, in quote units.
    #[getter]
    fn reference_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.reference_price)
    }

    /// The order's size in base units or contracts; for EXIT, absent means: to the next leg's target.
    #[getter]
    fn target_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.target_size)
    }

    /// The leverage wanted at the venue.
    #[getter]
    fn leverage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.leverage)
    }

    /// Parts of the position for the exit ladder, as `decimal.Decimal`; they sum to 1.
    #[getter]
    fn exit_leg_ratios<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        number::get_ratios(py, &self.inner.exit_leg_ratios)
    }

    /// Why, for people.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.reason)
    }

    /// The caller's own data: a new `dict` at each read; `{}` when none.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_json(py, &self.inner.metadata)
    }

    /// The strategy's own stage name, for people.
    #[getter]
    fn stage<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.stage)
    }

    /// The order's type.
    #[getter]
    fn order_type<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.order_type)
    }

    /// The limit, where the type has one.
    #[getter]
    fn limit_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.limit_price)
    }

    /// How long the order lives.
    #[getter]
    fn time_in_force<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.time_in_force)
    }

    /// When a GTD order ends. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn expire_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.inner.expire_time_ns)
    }

    /// When a GTD order ends. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn expire_time_ns(&self) -> Option<i64> {
        self.inner.expire_time_ns
    }

    /// Reject rather than take liquidity.
    #[getter]
    fn post_only(&self) -> bool {
        self.inner.post_only
    }

    /// Never increase the position.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.inner.reduce_only
    }

    /// The trigger, where the type has one.
    #[getter]
    fn trigger_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.trigger_price)
    }

    /// Spot: the size in quote units.
    #[getter]
    fn quote_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.quote_size)
    }

    /// Orders of one group cancel one another.
    #[getter]
    fn oco_group<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.oco_group)
    }

    /// Which order CANCEL or AMEND means.
    #[getter]
    fn target_client_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.target_client_id)
    }

    /// Until when an exit may be resent. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn valid_until<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.inner.valid_until_ns)
    }

    /// Until when an exit may be resent. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn valid_until_ns(&self) -> Option<i64> {
        self.inner.valid_until_ns
    }

    /// The research run that asked for it; empty when none.
    #[getter]
    fn source_run<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let run = self.inner.provenance.as_ref().map_or(&Id::EMPTY, |provenance| &provenance.source_run);
        text::get_id(py, run)
    }

    /// The regime that the run saw.
    #[getter]
    fn regime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.inner.provenance.as_ref().and_then(|provenance| provenance.regime))
    }

    /// The audited action that lets it through where the regime would not; empty when none.
    #[getter]
    fn override_ref<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let action = self.inner.provenance.as_ref().map_or(&Id::EMPTY, |provenance| &provenance.override_ref);
        text::get_id(py, action)
    }

    /// ENTER: adds to the trade that the slot carries.
    #[getter]
    fn add(&self) -> bool {
        self.inner.adds()
    }

    /// Which price the trigger is held against.
    #[getter]
    fn trigger_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.trigger_by())
    }

    /// ENTER: the exits of its trade.
    #[getter]
    fn exits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        exit_spec::get_all(py, self.inner.exits())
    }

    /// Every field by name; times are int nanoseconds, so that `KernelIntent(**intent.to_dict()) == intent`.
    fn to_dict<'py>(slf: &Bound<'py, KernelIntent>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict(slf.as_any(), &FIELDS)
    }

    /// A copy with some fields changed. Raises InvalidInput or InvalidType like the constructor.
    #[pyo3(signature = (**changes))]
    fn replace(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<KernelIntent, Error> {
        let mut inner = self.inner.clone();
        if let Some(changes) = changes {
            record::apply_changes(&mut inner, &FIELDS, changes)?;
        }
        drop_empty_parts(&mut inner);
        let slot = changes.map(|changes| changes.get_item("slot_id")).transpose()?.flatten();
        let given_slot = match slot {
            Some(value) if inner.slot_id == u32::MAX => given_slot(&value),
            Some(_) => None,
            None => self.given_slot,
        };
        Ok(KernelIntent { inner, given_slot })
    }

    fn __repr__(slf: &Bound<'_, KernelIntent>) -> PyResult<String> {
        record::repr(slf, &FIELDS, &Bound::new(slf.py(), KernelIntent::from(blank()))?)
    }

    fn __eq__(&self, other: &KernelIntent) -> bool {
        self.inner == other.inner && self.given_slot == other.given_slot
    }

    fn __hash__(&self) -> u64 {
        // Not the numbers: 1.0 and 1.00 are equal and must hash alike.
        let words = [
            self.inner.intent_id.hash64(),
            self.inner.trade_id.hash64(),
            self.inner.timestamp_ns.cast_unsigned(),
        ];
        words.iter().fold(u64::from(self.inner.slot_id), |hash, word| {
            (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        })
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, KernelIntent>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), record::to_dict(slf.as_any(), &FIELDS)?))
    }
}
