//! The core's enumerations as Python `StrEnum` classes, built from the core's own lists.

use dita_kernel::names::{
    AccountEventKind, ControlGate, ExitKind, FreezeScope, KernelCommandType, KernelDiagnosticCode,
    KernelEventKind, KernelMode, KernelSeverity, KernelVerbosity, Liquidity, MarginConvention, MarginMode,
    MarginStatus, OppositeSlots, OrderDoubt, OrderSide, OrderType, PairOff, PositionSide, Product,
    ReconcileStatus, Regime, TimeInForce, TradeSide, TradeStage, TriggerBy, VenueOrderStatus,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use crate::errors::Error;

/// A Python class and its members, in the core's order.
pub struct Members {
    class: Py<PyAny>,
    members: Vec<Py<PyAny>>,
}

/// A core enumeration with a Python twin.
pub trait Named: Copy + 'static {
    /// The class's name.
    const CLASS: &'static str;
    /// The class's docstring.
    const DOC: &'static str;
    /// The core's list.
    const ALL: &'static [Self];
    /// The public name, which is also the member's value.
    fn name(self) -> &'static str;
    /// The member of that name.
    fn from_name(text: &str) -> Option<Self>;
    /// The place in [`Named::ALL`].
    fn index(self) -> usize;
    /// Where the Python class is kept.
    fn cell() -> &'static PyOnceLock<Members>;
}

macro_rules! twins {
    ($($name:ident: $doc:literal,)+) => {
        $(impl Named for $name {
            const CLASS: &'static str = stringify!($name);
            const DOC: &'static str = $doc;
            const ALL: &'static [$name] = $name::ALL;
            #[inline]
            fn name(self) -> &'static str {
                $name::name(self)
            }
            #[inline]
            fn from_name(text: &str) -> Option<$name> {
                $name::from_name(text)
            }
            #[inline]
            fn index(self) -> usize {
                self as usize
            }
            #[inline]
            fn cell() -> &'static PyOnceLock<Members> {
                static CELL: PyOnceLock<Members> = PyOnceLock::new();
                &CELL
            }
        })+

        /// Adds every enumeration to the module.
        pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(module.add($name::CLASS, members::<$name>(module.py())?.class.bind(module.py()))?;)+
            Ok(())
        }
    };
}

twins! {
    TradeSide: "A position's side. Orders and fills carry OrderSide as well.",
    OrderSide: "An order's side (FIX Side 54).",
    PositionSide: "Which of the venue's position books an order belongs to.",
    KernelCommandType: "What a strategy asks for.",
    OrderType: "FIX OrdType 40, as far as venues have it.",
    TriggerBy: "Which price a trigger is held against (FIX TriggerPriceType 1107).",
    ExitKind: "What an exit that is attached to an entry is for.",
    TimeInForce: "FIX TimeInForce 59.",
    Liquidity: "Whether a fill took or made liquidity (FIX LastLiquidityInd 851).",
    KernelEventKind: "What a venue event says (FIX 4.4 ExecType 150, and what has no FIX twin).",
    VenueOrderStatus: "What the venue has reported of an order (FIX OrdStatus 39), nothing else.",
    OrderDoubt: "Which request of ours the venue has left unanswered.",
    TradeStage: "A slot's stage: a function of its entry order, position and exit orders.",
    KernelSeverity: "How bad an outcome is.",
    KernelDiagnosticCode: "Why the kernel said what it said.",
    AccountEventKind: "What an account event says.",
    KernelMode: "Which venue the kernel talks to.",
    ControlGate: "What the operators let through.",
    KernelVerbosity: "How much is reported.",
    ReconcileStatus: "How far the exchange's account is from the kernel's.",
    MarginStatus: "How far an account's equity is above what its positions must hold.",
    MarginConvention: "Whose rules say what a position must hold.",
    MarginMode: "What stands behind a position.",
    OppositeSlots: "What becomes of slots of both sides on a one-way account.",
    PairOff: "What a fill of an entry closes before it opens anything.",
    Product: "What a contract is.",
    FreezeScope: "What the edge monitor cancels when it freezes.",
    Regime: "The market regime that research or an operator sees.",
}

fn members<E: Named>(py: Python<'_>) -> PyResult<&'static Members> {
    E::cell().get_or_try_init(py, || {
        let pairs: Vec<(&str, &str)> = E::ALL.iter().map(|member| (member.name(), member.name())).collect();
        let options = PyDict::new(py);
        options.set_item("module", "dita._kernel")?;
        options.set_item("qualname", E::CLASS)?;
        let class = py.import("enum")?.getattr("StrEnum")?.call((E::CLASS, pairs), Some(&options))?;
        class.setattr("__doc__", E::DOC)?;
        let members = E::ALL
            .iter()
            .map(|member| Ok(class.getattr(member.name())?.unbind()))
            .collect::<PyResult<Vec<_>>>()?;
        Ok(Members { class: class.unbind(), members })
    })
}

/// The Python member.
#[inline]
pub fn get<E: Named>(py: Python<'_>, value: E) -> PyResult<Bound<'_, PyAny>> {
    match members::<E>(py)?.members.get(value.index()) {
        Some(member) => Ok(member.bind(py).clone()),
        None => class_incomplete::<E>(py, value),
    }
}

#[cold]
fn class_incomplete<E: Named>(py: Python<'_>, value: E) -> PyResult<Bound<'_, PyAny>> {
    members::<E>(py)?.class.bind(py).getattr(value.name())
}

/// The Python member, or `None`.
#[inline]
pub fn get_optional<E: Named>(py: Python<'_>, value: Option<E>) -> PyResult<Bound<'_, PyAny>> {
    match value {
        Some(value) => get(py, value),
        None => Ok(py.None().into_bound(py)),
    }
}

/// The core's member for a Python member or its name.
///
/// # Errors
/// A text that is no member's name, or another type.
#[inline]
pub fn read<E: Named>(value: &Bound<'_, PyAny>, field: &'static str) -> Result<E, Error> {
    // Callers nearly always pass the class's own members, which are singletons.
    for (python, member) in members::<E>(value.py())?.members.iter().zip(E::ALL) {
        if value.as_ptr() == python.as_ptr() {
            return Ok(*member);
        }
    }
    read_text(value, field)
}

#[inline(never)]
fn read_text<E: Named>(value: &Bound<'_, PyAny>, field: &'static str) -> Result<E, Error> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(Error::wrong_type(field, value, E::CLASS));
    };
    if let Some(member) = text.to_str().ok().and_then(E::from_name) {
        return Ok(member);
    }
    let names: Vec<&str> = E::ALL.iter().map(|member| member.name()).collect();
    Err(Error::value(field, value, &format!("is not a {}: {}", E::CLASS, names.join(", "))))
}

/// As [`read`]; `None` means absent.
#[inline]
pub fn read_optional<E: Named>(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<E>, Error> {
    if value.is_none() { Ok(None) } else { read(value, field).map(Some) }
}
