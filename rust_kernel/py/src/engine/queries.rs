//! What Python reads out: slots, orders, the account.

use dita_engine::{OrderView, ShownBar, ShownTrade, order_view, order_views, slot_view};
use dita_kernel::id::Id;
use dita_kernel::input::InstrumentSpec;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::TradeStage;
use dita_kernel::num::{Decimal, Qty};
use dita_kernel::outcome::Detail;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{Engine, id, reads};
use crate::errors::Error;
use crate::order::VenueOrder;
use crate::player::views::{self, Shown};
use crate::slot::TradeSlot;
use crate::{bounds, names, number, text};

impl Engine {
    /// An order by our id: live, or ended and still remembered.
    pub fn order_view(&self, venue_client_id: &Id) -> Result<Option<OrderView>, Error> {
        self.read(|kernel| {
            let place = kernel.orders().by_client_id(venue_client_id)?;
            order_view(kernel, kernel.orders().at(place))
        })
    }
}

#[pymethods]
impl Engine {
    /// Shows a QuoteTick, a TradeTick or a closed Bar to the programs that are connected, and gives its number in the market's
    /// order; `None` where the kernel is not shared, or the instrument has no place there.
    fn show_market(&self, tick: &Bound<'_, PyAny>) -> Result<Option<u64>, Error> {
        let Some(shown) = views::shown(tick.py(), tick)? else {
            return Err(Error::wrong_type("tick", tick, "QuoteTick, TradeTick or Bar"));
        };
        Ok(self.shared.show_market(|plane, kernel, seq| match shown {
            Shown::Quote(prices) => {
                let place = kernel.instrument_of(&prices.symbol)?;
                Some(plane.show_quote(place, seq, prices))
            }
            Shown::Trade(trade) => Some(plane.show_trade(ShownTrade { seq, ..trade })),
            Shown::Bar(bar) => Some(plane.show_bar(ShownBar { seq, ..bar })),
        })?)
    }

    /// A slot as it is now.
    fn slot(&self, slot_id: u32) -> Result<TradeSlot, Error> {
        let view = self.read(|kernel| slot_view(kernel, slot_id))?;
        view.map(TradeSlot::from)
            .ok_or_else(|| Error::text_value("slot_id", &slot_id.to_string(), "is not below max_slots"))
    }

    /// The slots that have carried a trade, or only those that carry one now, and the last input that they have seen:
    /// all of one moment.
    #[pyo3(signature = (*, busy_only=false))]
    fn used_slots<'py>(&self, py: Python<'py>, busy_only: bool) -> Result<(u64, Bound<'py, PyList>), Error> {
        let (seq, found) = self.read(|kernel| {
            let used = (0_u32..)
                .zip(kernel.slots())
                .filter(|(_, slot)| slot.trade_number > 0 && !(busy_only && slot.stage.is_free()));
            let views = used.filter_map(|(slot_id, _)| slot_view(kernel, slot_id));
            (kernel.seq(), views.collect::<Vec<_>>())
        })?;
        let made = found.into_iter().map(|view| Bound::new(py, TradeSlot::from(view)));
        Ok((seq, PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?))
    }

    /// A slot's stage, without copying the rest.
    fn slot_stage<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyAny>, Error> {
        let stage = self.read(|kernel| kernel.slot(slot_id).map(|slot| slot.stage))?;
        Ok(names::get(py, stage.unwrap_or(TradeStage::Idle))?)
    }

    /// The size of a slot's position, without copying the rest.
    fn slot_size<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyAny>, Error> {
        let size = self.read(|kernel| {
            let slot = kernel.slot(slot_id)?;
            let rules = kernel.instruments().get(slot.instrument as usize)?;
            Some(rules.qty_decimal(slot.size()))
        })?;
        Ok(number::get(py, size.unwrap_or(Decimal::ZERO))?)
    }

    /// The size of a slot's next exit leg, in base units or contracts.
    fn slot_next_leg<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyAny>, Error> {
        let leg = self.read(|kernel| {
            let slot = kernel.slot(slot_id)?;
            let rules = kernel.instruments().get(slot.instrument as usize)?;
            Some(rules.qty_decimal(slot.next_leg(rules.lot, rules.min_qty, Qty::ZERO)))
        })?;
        Ok(number::get(py, leg.unwrap_or(Decimal::ZERO))?)
    }

    /// How many slots there are.
    #[getter]
    fn max_slots(&self) -> Result<u32, Error> {
        self.read(|kernel| kernel.config().max_slots)
    }

    /// The free slot with the lowest number, or `None`.
    fn free_slot(&self) -> Result<Option<u32>, Error> {
        self.read(Kernel::free_slot)
    }

    /// An order by our id: live, or ended and still remembered; else `None`.
    fn order(&self, venue_client_id: &Bound<'_, PyAny>) -> Result<Option<VenueOrder>, Error> {
        Ok(self.order_view(&id(venue_client_id, "venue_client_id")?)?.map(VenueOrder::from))
    }

    /// Our orders, oldest first: live and remembered, or the live ones only.
    #[pyo3(signature = (*, live_only=false))]
    fn orders<'py>(&self, py: Python<'py>, live_only: bool) -> Result<Bound<'py, PyList>, Error> {
        let views = self.read(|kernel| order_views(kernel, live_only))?;
        let made = views.into_iter().map(|view| Bound::new(py, VenueOrder::from(view)));
        Ok(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// Trade id to slot, for each trade that a slot carries now.
    fn active_trade_index<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let trades = self.read(|kernel| {
            let carried = (0_u32..).zip(kernel.slots()).filter(|(_, slot)| !slot.stage.is_free());
            carried.map(|(slot_id, slot)| (slot.trade_id.clone(), slot_id)).collect::<Vec<_>>()
        })?;
        index(py, &trades)
    }

    /// The venue's order id to slot, for each live order.
    fn venue_order_index<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let orders = self.read(|kernel| {
            let mut orders = Vec::new();
            for order in kernel.orders().iter().filter(|order| order.is_live()) {
                let ids = std::iter::once(&order.venue_order_id).chain(&order.other_venue_ids);
                orders.extend(ids.filter(|id| !id.is_empty()).map(|id| (id.clone(), order.slot_id)));
            }
            orders
        })?;
        index(py, &orders)
    }

    /// Our order id to slot, for each live order.
    fn client_order_index<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let orders = self.read(|kernel| {
            let live = kernel.orders().iter().filter(|order| order.is_live());
            live.map(|order| (order.client_id.clone(), order.slot_id)).collect::<Vec<_>>()
        })?;
        index(py, &orders)
    }

    /// An asset's account, or `None`. Without a name: the first instrument's settlement asset.
    #[pyo3(signature = (asset=None))]
    fn account<'py>(
        &self,
        py: Python<'py>,
        asset: Option<&Bound<'py, PyAny>>,
    ) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let name = asset.map(|asset| id(asset, "asset")).transpose()?;
        let view = self.read(|kernel| {
            let name = name.or_else(|| reads::settlement_asset(kernel))?;
            reads::account_view(kernel, &name)
        })?;
        Ok(view.map(|view| view.to_dict(py)).transpose()?)
    }

    /// `margin_status` by asset; `assumed_tiers`: the perpetuals whose margin tiers are not known; `unknown_wallets`: the
    /// assets whose wallet the venue has never told.
    fn margins<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let (statuses, assumed, unknown) = self.read(|kernel| {
            let assumed = dita_engine::all_assumed_tiers(kernel);
            (dita_engine::margin_statuses(kernel), assumed, dita_engine::unknown_wallets(kernel))
        })?;
        let by_asset = PyDict::new(py);
        for (asset, status) in statuses {
            by_asset.set_item(text::get_id(py, &asset), names::get(py, status)?)?;
        }
        let symbols = PyList::new(py, assumed.iter().map(|id| text::get_id(py, id)))?;
        let unknown = PyList::new(py, unknown.iter().map(|id| text::get_id(py, id)))?;
        let dict = PyDict::new(py);
        dict.set_item("margin_status", by_asset)?;
        dict.set_item("assumed_tiers", symbols)?;
        dict.set_item("unknown_wallets", unknown)?;
        Ok(dict)
    }

    /// The limits on losses that are met now: dicts of `asset`, `limit`, `value` and `attempt`.
    fn losses_met<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let list = PyList::empty(py);
        for (asset, refusal) in self.read(Kernel::losses_met)? {
            if let Detail::Limit { limit, value, attempt } = refusal.detail {
                let dict = PyDict::new(py);
                dict.set_item("asset", text::get_id(py, &asset))?;
                dict.set_item("limit", limit)?;
                dict.set_item("value", &*value)?;
                dict.set_item("attempt", &*attempt)?;
                list.append(dict)?;
            }
        }
        Ok(list)
    }

    /// The names of the assets that the kernel knows.
    fn assets(&self) -> Result<Vec<String>, Error> {
        self.read(|kernel| kernel.assets().iter().map(|asset| asset.name.as_str().to_owned()).collect())
    }

    /// The last transactions, oldest first.
    #[pyo3(signature = (limit=None, *, asset=None, trade_id=None))]
    fn ledger<'py>(
        &self,
        py: Python<'py>,
        limit: Option<usize>,
        asset: Option<&Bound<'py, PyAny>>,
        trade_id: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let asset = asset.map(|asset| id(asset, "asset")).transpose()?;
        let trade_id = trade_id.map(|trade| id(trade, "trade_id")).transpose()?;
        let found = self.read(|kernel| {
            let name = |place: u16| kernel.assets().get(usize::from(place)).map(|asset| asset.name.clone());
            let mut found: Vec<_> = kernel
                .ledger()
                .recent()
                .filter(|it| trade_id.as_ref().is_none_or(|trade| it.trade_id == *trade))
                .filter_map(|it| Some((it.clone(), name(it.asset)?)))
                .filter(|(_, name)| asset.as_ref().is_none_or(|asset| name == asset))
                .collect();
            let first = found.len().saturating_sub(limit.unwrap_or(usize::MAX));
            found.split_off(first)
        })?;
        let rows = found.iter().map(|(it, name)| reads::transaction_dict(py, it, name));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The venue's positions as the kernel books them, and as the venue last reported them.
    fn positions<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let found = self.read(reads::positions)?;
        let rows = found.iter().map(|position| position.to_dict_with_report(py));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// What of them belongs to no slot.
    fn unassigned<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let found = self.read(reads::unassigned)?;
        let rows = found.iter().map(|position| position.to_dict(py));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The account by its bots, in an asset: without a name the first instrument's settlement asset. Nothing where no owner
    /// has a capital.
    #[pyo3(signature = (asset=None))]
    fn bots<'py>(
        &self,
        py: Python<'py>,
        asset: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let name = asset.map(|asset| id(asset, "asset")).transpose()?;
        let found = self.read(|kernel| reads::bots_of(kernel, name))?;
        let (asset, rows) = found.unwrap_or_default();
        Ok(reads::bots_list(py, &asset, &rows)?)
    }

    /// The controls.
    fn control<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let (control, guard) = self.read(|kernel| (kernel.control().clone(), reads::guard_view(kernel)))?;
        Ok(reads::control_dict(py, &control, &guard)?)
    }

    /// The symbols of the instruments.
    fn instruments(&self) -> Result<Vec<String>, Error> {
        self.read(|kernel| {
            kernel.instruments().iter().map(|rules| rules.spec.symbol.as_str().to_owned()).collect()
        })
    }

    /// An instrument's rules by name, and its last mark; `None` where there is no such instrument.
    fn instrument<'py>(&self, py: Python<'py>, symbol: &str) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let found = self.read(|kernel| {
            let rules = kernel.instruments().iter().find(|rules| rules.spec.symbol.as_str() == symbol)?;
            Some((rules.spec.clone(), rules.leverage, rules.mark.map(|mark| rules.price_decimal(mark))))
        })?;
        found.map(|(spec, leverage, mark)| instrument_dict(py, &spec, leverage, mark)).transpose()
    }
}

fn instrument_dict<'py>(
    py: Python<'py>,
    spec: &InstrumentSpec,
    leverage: Decimal,
    mark: Option<Decimal>,
) -> Result<Bound<'py, PyDict>, Error> {
    let dict = PyDict::new(py);
    let texts =
        [("symbol", &spec.symbol), ("base", &spec.base), ("quote", &spec.quote), ("settle", &spec.settle)];
    for (name, value) in texts {
        dict.set_item(name, value.as_str())?;
    }
    dict.set_item("product", names::get(py, spec.product)?)?;
    dict.set_item("inverse", spec.inverse)?;
    let numbers = [
        ("tick_size", Some(spec.tick_size)),
        ("lot_step", Some(spec.lot_step)),
        ("min_qty", spec.min_qty),
        ("max_qty", spec.max_qty),
        ("min_notional", spec.min_notional),
        ("max_price", spec.max_price),
        ("contract_multiplier", Some(spec.contract_multiplier)),
        ("maker_rate", Some(spec.maker_rate)),
        ("taker_rate", Some(spec.taker_rate)),
        ("leverage", Some(leverage)),
        ("mark_price", mark),
    ];
    for (name, value) in numbers {
        dict.set_item(name, value.map(|value| number::get(py, value)).transpose()?)?;
    }
    dict.set_item("funding_interval_secs", spec.funding_interval_secs)?;
    let bounds = spec.bounds.as_deref();
    let market_max = bounds.and_then(|bounds| bounds.market_max_qty);
    dict.set_item("market_max_qty", number::get_optional(py, market_max)?)?;
    dict.set_item("price_band", bounds::get_band(py, bounds.and_then(|bounds| bounds.price_band))?)?;
    dict.set_item("max_open_orders", bounds.and_then(|bounds| bounds.max_open_orders))?;
    dict.set_item("max_open_stops", bounds.and_then(|bounds| bounds.max_open_stops))?;
    Ok(dict)
}

fn index<'py>(py: Python<'py>, pairs: &[(Id, u32)]) -> Result<Bound<'py, PyDict>, Error> {
    let dict = PyDict::new(py);
    for (id, slot_id) in pairs {
        dict.set_item(text::get_id(py, id), slot_id)?;
    }
    Ok(dict)
}
