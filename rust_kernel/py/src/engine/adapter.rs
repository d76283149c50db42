//! Asking a venue adapter written in Python, and what its answer means to the core.
//!
//! An adapter may fail in any way and must not lose an order: whatever does not come back as events leaves the
//! request in doubt, unless the adapter says that it surely never left ([`crate::errors`], `NotSent`).

use dita_engine::{OrderView, order_view};
use dita_kernel::effect::{AmendRequest, Command};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, METADATA_BYTES_MAX, RareFields, VenueEvent as CoreEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::KernelEventKind;
use dita_kernel::num::Decimal;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::outside::Outside;
use crate::details::{Detail, Details};
use crate::errors::{self, Error};
use crate::order::VenueOrder;
use crate::venue_event::VenueEvent;
use crate::{number, text};

/// The logger that tells operators of adapters that fail.
const LOGGER: &str = "dita.venue";
/// A venue's clock may be behind ours by so much: fills are asked for from before the order was sent.
const CLOCKS_DIFFER_NS: i64 = 60_000_000_000;

/// A request to the adapter, with all that it needs: made while the state is held, asked when it is not.
pub enum Question {
    Submit {
        order: Box<OrderView>,
    },
    Cancel {
        order: Box<OrderView>,
        reason: Id,
    },
    Amend {
        order: Box<OrderView>,
        request: Box<AmendRequest>,
    },
    Query {
        about: About,
        venue_order_id: Id,
        /// Fills that came since then may be the order's, ns.
        since_ns: i64,
    },
    SetLeverage {
        symbol: Id,
        leverage: Decimal,
    },
    /// The order is not known any more: there is nothing to ask.
    Nothing,
}

/// What an adapter did wrong: kept for the outcome.
pub struct Trouble {
    method: &'static str,
    error: Py<PyAny>,
    why: String,
}

/// What came of a question. KeyboardInterrupt and SystemExit are raised once the drain is over.
type Reply = dita_host::Reply<Outside>;

impl Question {
    /// Reads what the request is about.
    pub fn of(kernel: &Kernel, command: Command, reason: Option<Id>) -> Question {
        let view = |id: &Id| {
            let place = kernel.orders().by_client_id(id)?;
            order_view(kernel, kernel.orders().at(place)).map(Box::new)
        };
        match command {
            Command::Submit(request) => match view(&request.venue_client_id) {
                Some(order) => Question::Submit { order },
                None => Question::Nothing,
            },
            Command::Cancel(request) => {
                // What works there and is forgotten here is canceled by its names: they are all that is known of it.
                let known = view(&request.venue_client_id);
                let order = known.unwrap_or_else(|| Box::new(OrderView::named(request)));
                Question::Cancel { order, reason: reason.unwrap_or_default() }
            }
            Command::Amend(request) => match view(&request.venue_client_id) {
                Some(order) => Question::Amend { order, request: Box::new(request) },
                None => Question::Nothing,
            },
            Command::Query(request) => {
                let place = kernel.orders().by_client_id(&request.venue_client_id);
                let sent_ns = place.map_or(0, |place| kernel.orders().at(place).sent_time_ns);
                let about = About {
                    venue_client_id: request.venue_client_id,
                    asset: request.asset,
                    request_id: Id::EMPTY,
                    now_ns: kernel.now_ns(),
                };
                let since_ns = sent_ns.saturating_sub(CLOCKS_DIFFER_NS).max(0);
                Question::Query { about, venue_order_id: request.venue_order_id, since_ns }
            }
            Command::SetLeverage { symbol, leverage } => Question::SetLeverage { symbol, leverage },
        }
    }

    /// Asks. Never called while the state is held.
    pub fn ask(self, py: Python<'_>, adapter: &Bound<'_, PyAny>, now_ns: i64) -> Reply {
        match self {
            Question::Submit { order } => {
                let about = About::of(&order, now_ns);
                let answer = Bound::new(py, VenueOrder::from(*order))
                    .and_then(|order| adapter.call_method1(intern!(py, "submit"), (order,)));
                about.reply(py, adapter, "submit", answer)
            }
            Question::Cancel { order, reason } => {
                let about = About::of(&order, now_ns);
                let answer = Bound::new(py, VenueOrder::from(*order)).and_then(|order| {
                    adapter.call_method1(intern!(py, "cancel"), (order, text::get_id(py, &reason)))
                });
                about.reply(py, adapter, "cancel", answer)
            }
            Question::Amend { order, request } => amend(py, adapter, *order, &request, now_ns),
            Question::Query { about, venue_order_id, since_ns } => {
                query(py, adapter, &about, &venue_order_id, since_ns)
            }
            Question::SetLeverage { symbol, leverage } => set_leverage(py, adapter, symbol, leverage),
            Question::Nothing => Reply::default(),
        }
    }
}

/// The order and the request that a question is about.
pub struct About {
    venue_client_id: Id,
    asset: Id,
    request_id: Id,
    now_ns: i64,
}

impl About {
    fn of(order: &OrderView, now_ns: i64) -> About {
        About {
            venue_client_id: order.venue_client_id.clone(),
            asset: order.asset.clone(),
            request_id: Id::EMPTY,
            now_ns,
        }
    }

    /// The answer to `submit`, `cancel` or `amend` as inputs.
    #[inline]
    fn reply(
        self,
        py: Python<'_>,
        adapter: &Bound<'_, PyAny>,
        method: &'static str,
        answer: PyResult<Bound<'_, PyAny>>,
    ) -> Reply {
        let mut inputs = Vec::new();
        match answer.and_then(|answer| read_events(&answer, method, &mut inputs)) {
            Ok(()) => Reply { inputs, ..Reply::default() },
            Err(error) => self.failed(py, adapter, method, error, inputs),
        }
    }

    /// What the bindings say of the request, where the adapter could not.
    #[cold]
    fn event(self, kind: KernelEventKind, reason: Box<str>) -> Input {
        let mut event = CoreEvent::new(kind, self.now_ns);
        event.venue_client_id = self.venue_client_id;
        event.asset = self.asset;
        let request_id = self.request_id;
        event.rare = Some(Box::new(RareFields { reason, request_id, ..RareFields::default() }));
        Input::Venue(Box::new(event))
    }

    /// The doubt comes first, then whatever events could be read: they may settle it.
    #[cold]
    fn failed(
        self,
        py: Python<'_>,
        adapter: &Bound<'_, PyAny>,
        method: &'static str,
        error: PyErr,
        events: Vec<Input>,
    ) -> Reply {
        let mut reply = trouble(py, adapter, method, error);
        let why = reply.trouble.as_ref().map(|trouble| bounded_text(&trouble.why)).unwrap_or_default();
        let never_left = reply.trouble.as_ref().is_some_and(|trouble| {
            let error = PyErr::from_value(trouble.error.bind(py).clone());
            errors::is_not_sent(py, &error).unwrap_or(false)
        });
        let kind = match (method, never_left) {
            ("submit", true) => {
                let refused = EffectResult::NotSent { venue_client_id: self.venue_client_id, reason: why };
                reply.inputs.push(Input::Effect(refused));
                reply.inputs.extend(events);
                return reply;
            }
            ("amend", true) => KernelEventKind::AmendReject,
            (_, true) => KernelEventKind::CancelReject,
            (_, false) => KernelEventKind::SendTimeout,
        };
        reply.inputs.push(self.event(kind, why));
        reply.inputs.extend(events);
        reply
    }
}

/// Asks to change an order. An adapter that has no `amend` surely sent nothing.
fn amend(
    py: Python<'_>,
    adapter: &Bound<'_, PyAny>,
    order: OrderView,
    request: &AmendRequest,
    now_ns: i64,
) -> Reply {
    let mut about = About::of(&order, now_ns);
    about.request_id = request.request_id.clone();
    let method = match adapter.getattr_opt(intern!(py, "amend")) {
        Ok(Some(method)) => method,
        Ok(None) => {
            let inputs = vec![about.event(KernelEventKind::AmendReject, "the adapter has no amend".into())];
            return Reply { inputs, ..Reply::default() };
        }
        Err(error) => return about.failed(py, adapter, "amend", error, Vec::new()),
    };
    let answer = Bound::new(py, VenueOrder::from(order)).and_then(|order| {
        let changes = PyDict::new(py);
        changes.set_item(intern!(py, "size"), number::get(py, request.size)?)?;
        changes.set_item(intern!(py, "limit_price"), number::get_optional(py, request.limit_price)?)?;
        changes.set_item(intern!(py, "trigger_price"), number::get_optional(py, request.trigger_price)?)?;
        changes.set_item(intern!(py, "request_id"), text::get_id(py, &request.request_id))?;
        method.call((order,), Some(&changes))
    });
    about.reply(py, adapter, "amend", answer)
}

/// Asks what became of an order, where the adapter can tell. One that fails is not asked again, and "no answer" is
/// no answer: fed back it would ask forever. "Not found" counts only together with the fills: an order can be gone
/// from the venue's books and have traded.
fn query(
    py: Python<'_>,
    adapter: &Bound<'_, PyAny>,
    about: &About,
    venue_order_id: &Id,
    since_ns: i64,
) -> Reply {
    let method = match adapter.getattr_opt(intern!(py, "query_order")) {
        Ok(Some(method)) => method,
        Ok(None) => return Reply::default(),
        Err(error) => return trouble(py, adapter, "query_order", error),
    };
    let mut inputs = Vec::new();
    let read = method.call1((text::get_id(py, &about.venue_client_id),)).and_then(|answer| {
        if answer.is_none() { Ok(()) } else { read_events(&answer, "query_order", &mut inputs) }
    });
    inputs.retain(|input| !is_kind(input, KernelEventKind::SendTimeout));
    if let Err(error) = read {
        return Reply { inputs, ..trouble(py, adapter, "query_order", error) };
    }
    let not_found = |input: &Input| is_kind(input, KernelEventKind::OrderNotFound);
    if !inputs.iter().any(not_found) {
        return Reply { inputs, ..Reply::default() };
    }
    match fills(py, adapter, about, venue_order_id, since_ns) {
        Ok(mut found) => {
            found.append(&mut inputs);
            Reply { inputs: found, ..Reply::default() }
        }
        Err(error) => {
            inputs.retain(|input| !not_found(input));
            Reply { inputs, ..trouble(py, adapter, "get_fills", error) }
        }
    }
}

/// The order's fills as the venue lists them; none where the adapter cannot list fills.
fn fills(
    py: Python<'_>,
    adapter: &Bound<'_, PyAny>,
    about: &About,
    venue_order_id: &Id,
    since_ns: i64,
) -> PyResult<Vec<Input>> {
    let mut inputs = Vec::new();
    let Some(method) = adapter.getattr_opt(intern!(py, "get_fills"))? else { return Ok(inputs) };
    match method.call1((since_ns,)) {
        Ok(answer) => read_events(&answer, "get_fills", &mut inputs)?,
        Err(error) if errors::is_not_yet_supported(py, &error)? => {}
        Err(error) => return Err(error),
    }
    inputs.retain(|input| {
        let Input::Venue(event) = input else { return false };
        let ours = event.venue_client_id == about.venue_client_id;
        ours || (!venue_order_id.is_empty() && event.venue_order_id == *venue_order_id)
    });
    Ok(inputs)
}

fn is_kind(input: &Input, kind: KernelEventKind) -> bool {
    matches!(input, Input::Venue(event) if event.kind == kind)
}

/// Sets the leverage. `None` confirms what was asked, a number says what it now is.
fn set_leverage(py: Python<'_>, adapter: &Bound<'_, PyAny>, symbol: Id, leverage: Decimal) -> Reply {
    let asked = number::get(py, leverage).and_then(|value| {
        adapter.call_method1(intern!(py, "set_leverage"), (text::get_id(py, &symbol), value))
    });
    let confirmed = asked.and_then(|answer| {
        if answer.is_none() {
            return Ok(leverage);
        }
        let confirmed = number::read(&answer, "set_leverage").map_err(PyErr::from)?;
        if confirmed.is_positive() {
            return Ok(confirmed);
        }
        Err(Error::value("set_leverage", &answer, "must be above zero").into())
    });
    match confirmed {
        Ok(leverage) => Reply {
            inputs: vec![Input::Effect(EffectResult::LeverageSet { symbol, leverage })],
            ..Reply::default()
        },
        Err(error) => {
            let mut reply = trouble(py, adapter, "set_leverage", error);
            let reason = reply.trouble.as_ref().map(|it| bounded_text(&it.why)).unwrap_or_default();
            reply.inputs.push(Input::Effect(EffectResult::LeverageRefused { symbol, reason }));
            reply
        }
    }
}

/// A list or tuple of VenueEvent, appended to `inputs` as far as it is one.
#[inline]
fn read_events(answer: &Bound<'_, PyAny>, method: &'static str, inputs: &mut Vec<Input>) -> PyResult<()> {
    if let Ok(list) = answer.cast::<PyList>() {
        inputs.reserve(list.len());
        return list.iter().try_for_each(|event| read_event(&event, method, inputs));
    }
    if let Ok(tuple) = answer.cast::<PyTuple>() {
        return tuple.iter_borrowed().try_for_each(|event| read_event(&event, method, inputs));
    }
    Err(rubbish(answer, method, "a list of VenueEvent"))
}

#[inline]
fn read_event(event: &Bound<'_, PyAny>, method: &'static str, inputs: &mut Vec<Input>) -> PyResult<()> {
    let event = event.cast::<VenueEvent>().map_err(|_| rubbish(event, method, "VenueEvent"))?;
    inputs.push(Input::Venue(Box::new(event.get().core().clone())));
    Ok(())
}

#[cold]
fn rubbish(answer: &Bound<'_, PyAny>, method: &'static str, wanted: &str) -> PyErr {
    let broken: PyErr = Error::wrong_type(method, answer, wanted).into();
    let why = format!("the adapter's {}", broken.value(answer.py()));
    Error::VenueAdapter(why.into_boxed_str(), None).into()
}

/// Writes a failure down: log, outcome, and for what is no ordinary exception, the caller.
#[cold]
fn trouble(py: Python<'_>, adapter: &Bound<'_, PyAny>, method: &'static str, error: PyErr) -> Reply {
    let name = error.get_type(py).qualname().map(|name| name.to_string()).unwrap_or_default();
    let text = error.value(py).str().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let why = format!("{name}: {text}");
    let adapter_name = adapter_name(adapter);
    let kept = error.value(py).clone().into_any().unbind();
    let logged = log(py, &adapter_name, method, &error);
    let mut interrupt = (!error.is_instance_of::<PyException>(py)).then_some(error);
    match logged {
        Ok(()) => {}
        // A logger that fails must not cost the order: it is already being put in doubt.
        Err(broken) if broken.is_instance_of::<PyException>(py) => broken.write_unraisable(py, Some(adapter)),
        // Ctrl-C while it was logged.
        Err(pressed) => interrupt = interrupt.or(Some(pressed)),
    }
    Reply { inputs: Vec::new(), trouble: Some(Trouble { method, error: kept, why }), interrupt }
}

fn log(py: Python<'_>, adapter: &str, method: &str, error: &PyErr) -> PyResult<()> {
    let options = PyDict::new(py);
    options.set_item("exc_info", error.value(py))?;
    let logger = py.import("logging")?.call_method1("getLogger", (LOGGER,))?;
    logger.call_method("error", ("%s.%s failed: %s", adapter, method, error.value(py)), Some(&options))?;
    Ok(())
}

fn adapter_name(adapter: &Bound<'_, PyAny>) -> String {
    adapter.get_type().qualname().map(|name| name.to_string()).unwrap_or_else(|_| "adapter".into())
}

/// At most what the core takes as free text, cut at a character.
fn bounded_text(text: &str) -> Box<str> {
    let mut end = text.len().min(METADATA_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}

impl Trouble {
    /// The adapter's method.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The exception's class and text.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// As the outcome's details show it.
    pub fn details(self, adapter: &Bound<'_, PyAny>) -> Details {
        Details::EMPTY
            .with("adapter", Detail::Text(adapter_name(adapter).into_boxed_str()))
            .with("method", Detail::Name(self.method))
            .with("exception", Detail::Text(self.why.into_boxed_str()))
            .with("adapter_error", Detail::Object(self.error.into()))
    }
}
