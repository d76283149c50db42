//! Settings across the border: instruments, controls, the simulated venue.

use dita_engine::{Engine as Shell, EngineError};
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, InstrumentSpec, MarginTier, RiskLimits};
use dita_kernel::ledger::Account;
use dita_kernel::names::{FreezeScope, Product};
use dita_kernel::num::{Decimal, Money, Rounding};
use dita_sim::{LatencySample, SimConfig, SimVenue};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySequence};

use super::inputs;
use crate::errors::Error;
use crate::record::{Field, apply_changes};
use crate::{bounds, names, number, text};

const NANOS_PER_MILLI_DIGITS: u8 = 6;

#[rustfmt::skip]
const INSTRUMENT: [Field<InstrumentSpec>; 29] = [
    Field::required("symbol", |s, n, v| text::read_id(&mut s.symbol, v, n)),
    Field::optional("product", |s, n, v| { s.product = names::read(v, n)?; Ok(()) }),
    Field::optional("inverse", |s, n, v| { s.inverse = text::read_flag(v, n)?; Ok(()) }),
    Field::required("base", |s, n, v| text::read_id(&mut s.base, v, n)),
    Field::required("quote", |s, n, v| text::read_id(&mut s.quote, v, n)),
    Field::required("settle", |s, n, v| text::read_id(&mut s.settle, v, n)),
    Field::required("tick_size", |s, n, v| { s.tick_size = number::read(v, n)?; Ok(()) }),
    Field::required("lot_step", |s, n, v| { s.lot_step = number::read(v, n)?; Ok(()) }),
    Field::optional("min_qty", |s, n, v| { s.min_qty = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("max_qty", |s, n, v| { s.max_qty = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("min_notional", |s, n, v| { s.min_notional = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("max_price", |s, n, v| { s.max_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("contract_multiplier", |s, n, v| { s.contract_multiplier = number::read(v, n)?; Ok(()) }),
    Field::optional("maker_rate", |s, n, v| { s.maker_rate = number::read(v, n)?; Ok(()) }),
    Field::optional("taker_rate", |s, n, v| { s.taker_rate = number::read(v, n)?; Ok(()) }),
    Field::optional("fee_decimals", |s, n, v| { s.fee_decimals = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("fee_rounding_mode", |s, n, v| { s.fee_rounding = rounding(v, n)?; Ok(()) }),
    Field::optional("funding_interval_secs", |s, n, v| { s.funding_interval_secs = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("leverage", |s, n, v| { s.leverage = number::read(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |s, n, v| text::read_optional_id(&mut s.fee_asset, v, n)),
    Field::optional("margin_convention", |s, n, v| { s.margin_convention = names::read(v, n)?; Ok(()) }),
    Field::optional("margin_mode", |s, n, v| { s.margin_mode = names::read(v, n)?; Ok(()) }),
    Field::optional("opposite_slots", |s, n, v| { s.opposite_slots = names::read(v, n)?; Ok(()) }),
    Field::optional("pair_off", |s, n, v| { s.pair_off = names::read(v, n)?; Ok(()) }),
    Field::optional("market_max_qty", |s, n, v| { bounds::of_spec(&mut s.bounds).market_max_qty = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("price_band", |s, n, v| { bounds::of_spec(&mut s.bounds).price_band = bounds::read_band(v, n)?; Ok(()) }),
    Field::optional("max_open_orders", |s, n, v| { bounds::of_spec(&mut s.bounds).max_open_orders = bounds::read_count(v, n)?; Ok(()) }),
    Field::optional("max_open_stops", |s, n, v| { bounds::of_spec(&mut s.bounds).max_open_stops = bounds::read_count(v, n)?; Ok(()) }),
    Field::optional("margin_tiers", |s, n, v| { s.margin_tiers = margin_tiers(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const TIER: [Field<MarginTier>; 3] = [
    Field::required("notional_floor", |t, n, v| { t.notional_floor = number::read_size(v, n)?; Ok(()) }),
    Field::required("maint_rate", |t, n, v| { t.maint_rate = number::read_size(v, n)?; Ok(()) }),
    Field::optional("max_leverage", |t, n, v| { t.max_leverage = number::read_price(v, n)?; Ok(()) }),
];

fn margin_tiers(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Vec<MarginTier>, Error> {
    inputs::rows(value, name, &TIER, || MarginTier {
        notional_floor: Decimal::ZERO,
        maint_rate: Decimal::ZERO,
        max_leverage: None,
    })
}

pub(crate) fn rounding(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Rounding, Error> {
    match value.extract::<String>().as_deref() {
        Ok("HALF_EVEN") => Ok(Rounding::HalfEven),
        Ok("HALF_UP") => Ok(Rounding::HalfUp),
        Ok("DOWN") => Ok(Rounding::Down),
        Ok("UP") => Ok(Rounding::Up),
        Ok("FLOOR") => Ok(Rounding::Floor),
        Ok("CEILING") => Ok(Rounding::Ceiling),
        Ok(_) | Err(_) => {
            Err(Error::value(field, value, "is none of HALF_EVEN, HALF_UP, DOWN, UP, FLOOR, CEILING"))
        }
    }
}

/// An instrument from its keywords.
pub fn instrument(keywords: &Bound<'_, PyDict>) -> Result<InstrumentSpec, Error> {
    for field in INSTRUMENT.iter().filter(|field| field.required) {
        if !keywords.contains(field.name)? {
            return Err(Error::missing(field.name));
        }
    }
    let mut spec = InstrumentSpec::linear(Id::EMPTY, Id::EMPTY, Id::EMPTY, Decimal::ONE, Decimal::ONE);
    spec.product = Product::Perp;
    apply_changes(&mut spec, &INSTRUMENT, keywords)?;
    Ok(spec)
}

/// A change of the controls, with the limits that it names.
#[derive(Default)]
pub struct ControlUpdate {
    change: ControlChange,
    limits: Vec<Limit>,
}

enum Limit {
    Amount(fn(&mut RiskLimits) -> &mut Option<Decimal>, Option<Decimal>),
    Count(fn(&mut RiskLimits) -> &mut Option<u32>, Option<u32>),
    Scope(Option<FreezeScope>),
}

#[rustfmt::skip]
const CONTROL: [Field<ControlUpdate>; 12] = [
    Field::optional("mode", |u, n, v| { u.change.mode = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("gate", |u, n, v| { u.change.gate = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("verbosity", |u, n, v| { u.change.verbosity = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("debug_clickhouse_enabled", |u, n, v| { u.change.debug_clickhouse_enabled = flag(v, n)?; Ok(()) }),
    Field::optional("frozen", |u, n, v| { u.change.frozen = flag(v, n)?; Ok(()) }),
    Field::optional("limits", |u, n, v| if v.is_none() { Ok(()) } else { read_limits(&mut u.limits, v, n) }),
    Field::optional("kill_switch", |u, n, v| { u.change.kill_switch = flag(v, n)?; Ok(()) }),
    Field::optional("require_audit", |u, n, v| { u.change.require_audit = flag(v, n)?; Ok(()) }),
    Field::optional("regime", |u, n, v| { u.change.regime = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("audited", |u, n, v| read_ids(&mut u.change.audited, v, n)),
    Field::optional("updated_by", |u, n, v| text::read_optional_id(&mut u.change.updated_by, v, n)),
    Field::optional("version", |u, n, v| {
        u.change.version = if v.is_none() { None } else { Some(number::read_whole(v, n)?) };
        Ok(())
    }),
];

#[rustfmt::skip]
const LIMITS: [Field<Vec<Limit>>; 18] = [
    Field::optional("max_order_notional", |l, n, v| amount(l, n, v, |r| &mut r.max_order_notional)),
    Field::optional("max_total_notional", |l, n, v| amount(l, n, v, |r| &mut r.max_total_notional)),
    Field::optional("max_leverage", |l, n, v| amount(l, n, v, |r| &mut r.max_leverage)),
    Field::optional("price_collar", |l, n, v| amount(l, n, v, |r| &mut r.price_collar)),
    Field::optional("max_open_slots", |l, n, v| count(l, n, v, |r| &mut r.max_open_slots)),
    Field::optional("max_order_size", |l, n, v| amount(l, n, v, |r| &mut r.max_order_size)),
    Field::optional("max_symbol_notional", |l, n, v| amount(l, n, v, |r| &mut r.max_symbol_notional)),
    Field::optional("max_asset_notional", |l, n, v| amount(l, n, v, |r| &mut r.max_asset_notional)),
    Field::optional("order_burst", |l, n, v| count(l, n, v, |r| &mut r.order_burst)),
    Field::optional("orders_per_second", |l, n, v| amount(l, n, v, |r| &mut r.orders_per_second)),
    Field::optional("order_reserve_for_exits", |l, n, v| count(l, n, v, |r| &mut r.order_reserve_for_exits)),
    Field::optional("cancel_burst", |l, n, v| count(l, n, v, |r| &mut r.cancel_burst)),
    Field::optional("cancels_per_second", |l, n, v| amount(l, n, v, |r| &mut r.cancels_per_second)),
    Field::optional("max_daily_loss", |l, n, v| amount(l, n, v, |r| &mut r.max_daily_loss)),
    Field::optional("max_drawdown", |l, n, v| amount(l, n, v, |r| &mut r.max_drawdown)),
    Field::optional("min_edge_bps", |l, n, v| amount(l, n, v, |r| &mut r.min_edge_bps)),
    Field::optional("max_mark_age", |l, n, v| amount(l, n, v, |r| &mut r.max_mark_age)),
    Field::optional("edge_freeze_cancels", |l, n, v| { l.push(Limit::Scope(names::read_optional(v, n)?)); Ok(()) }),
];

fn read_ids(ids: &mut Vec<Id>, value: &Bound<'_, PyAny>, field: &'static str) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    let Ok(given) = value.cast::<PySequence>() else { return Err(Error::wrong_type(field, value, "tuple")) };
    for item in given.try_iter()? {
        let mut id = Id::EMPTY;
        text::read_id(&mut id, &item?, field)?;
        ids.push(id);
    }
    Ok(())
}

fn flag(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<bool>, Error> {
    if value.is_none() { Ok(None) } else { text::read_flag(value, field).map(Some) }
}

fn amount(
    limits: &mut Vec<Limit>,
    field: &'static str,
    value: &Bound<'_, PyAny>,
    place: fn(&mut RiskLimits) -> &mut Option<Decimal>,
) -> Result<(), Error> {
    limits.push(Limit::Amount(place, number::read_optional(value, field)?));
    Ok(())
}

fn count(
    limits: &mut Vec<Limit>,
    field: &'static str,
    value: &Bound<'_, PyAny>,
    place: fn(&mut RiskLimits) -> &mut Option<u32>,
) -> Result<(), Error> {
    let value = if value.is_none() { None } else { Some(number::read_whole(value, field)?) };
    limits.push(Limit::Count(place, value));
    Ok(())
}

fn read_limits(limits: &mut Vec<Limit>, value: &Bound<'_, PyAny>, field: &'static str) -> Result<(), Error> {
    match value.cast::<PyDict>() {
        Ok(given) => apply_changes(limits, &LIMITS, given),
        Err(_) => Err(Error::wrong_type(field, value, "dict")),
    }
}

impl ControlUpdate {
    /// From keywords; absent ones and `None` change nothing.
    pub fn read(keywords: Option<&Bound<'_, PyDict>>) -> Result<ControlUpdate, Error> {
        let mut update = ControlUpdate::default();
        if let Some(keywords) = keywords {
            apply_changes(&mut update, &CONTROL, keywords)?;
        }
        Ok(update)
    }

    /// The core's change, given the limits that stand now: it takes the whole set or none.
    pub fn change(self, standing: &RiskLimits) -> ControlChange {
        let mut change = self.change;
        if self.limits.is_empty() {
            return change;
        }
        let mut limits = standing.clone();
        for limit in self.limits {
            match limit {
                Limit::Amount(place, value) => *place(&mut limits) = value,
                Limit::Count(place, value) => *place(&mut limits) = value,
                Limit::Scope(value) => limits.edge_freeze_cancels = value,
            }
        }
        change.limits = Some(limits);
        change
    }
}

/// The simulated venue's settings, with its opening balances.
pub struct SimSettings {
    config: SimConfig,
    balances: Vec<(Id, Decimal)>,
}

#[rustfmt::skip]
const SIMULATED: [Field<SimSettings>; 34] = [
    Field::optional("balances", |s, n, v| { s.balances = inputs::balances(v, n)?; Ok(()) }),
    Field::optional("seed", |s, n, v| { s.config.seed = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("latency_ms", |s, n, v| { s.config.latency_ns = read_latency(v, n)?; Ok(()) }),
    Field::optional("latency_max_ms", |s, n, v| { s.config.latency_max_ns = read_latency(v, n)?; Ok(()) }),
    Field::optional("latencies", |s, n, v| { s.config.latencies = read_latencies(v, n)?; Ok(()) }),
    Field::optional("fill_rate", |s, n, v| { s.config.fill_rate = number::read(v, n)?; Ok(()) }),
    Field::optional("reject_rate", |s, n, v| { s.config.reject_rate = number::read(v, n)?; Ok(()) }),
    Field::optional("partial_fill_rate", |s, n, v| { s.config.partial_fill_rate = number::read(v, n)?; Ok(()) }),
    Field::optional("slippage_bps", |s, n, v| { s.config.slippage_bps = number::read(v, n)?; Ok(()) }),
    Field::optional("fee_in_fill", |s, n, v| { s.config.fee_in_fill = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("settle_events", |s, n, v| { s.config.settle_events = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("wallet_events", |s, n, v| { s.config.wallet_events = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("hedge_mode", |s, n, v| { s.config.hedge_mode = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("two_ids_on_trigger", |s, n, v| { s.config.two_ids_on_trigger = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("trigger_on_mark", |s, n, v| { s.config.trigger_on_mark = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("native_oco", |s, n, v| { s.config.native_oco = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("trim_reduce_only", |s, n, v| { s.config.trim_reduce_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("limit_through", |s, n, v| { s.config.limit_through = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("hold_for_open", |s, n, v| { s.config.hold_for_open = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("depth_is_taken", |s, n, v| { s.config.depth_is_taken = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("fill_delay_ms", |s, n, v| { s.config.fill_delay_ns = read_latency(v, n)?; Ok(()) }),
    Field::optional("fill_without_market", |s, n, v| { s.config.fill_without_market = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("queue_position", |s, n, v| { s.config.queue_position = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("queue_model", |s, n, v| { s.config.queue_evenly = read_queue_model(v, n)?; Ok(()) }),
    Field::optional("self_trade_prevention", |s, n, v| { s.config.self_trade_prevention = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("faults", read_faults),
    Field::optional("quotes_set_marks", |s, n, v| { s.config.quotes_set_marks = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("position_events", |s, n, v| { s.config.position_events = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("margin_events", |s, n, v| { s.config.margin_events = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("margin_check", |s, n, v| { s.config.margin_check = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("liquidation", |s, n, v| { s.config.liquidation = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("liquidation_fee_rate", |s, n, v| { s.config.liquidation_fee_rate = number::read(v, n)?; Ok(()) }),
    Field::optional("funding_without_symbol", |s, n, v| { s.config.funding_without_symbol = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("funding_delay_ms", |s, n, v| { s.config.funding_delay_ns = read_latency(v, n)?; Ok(()) }),
];

/// Decimals of a fault's rate: millionths.
const RATE_DIGITS: u8 = 6;

/// Faults by name: a rate from 0 to 1 for each that may happen, and what else there is to say of them.
fn read_faults(
    settings: &mut SimSettings,
    name: &'static str,
    value: &Bound<'_, PyAny>,
) -> Result<(), Error> {
    let faults = &mut settings.config.faults;
    for (key, value) in crate::record::items(value, name)? {
        let mut fault = Id::EMPTY;
        text::read_id(&mut fault, &key, name)?;
        let named = |error: Error| error.within(&format!("{name}.{}: ", fault.as_str()));
        match fault.as_str() {
            "delay_ms_max" => faults.delay_ns_max = read_latency(&value, "ms").map_err(named)?,
            "disconnect_ms" => faults.disconnect_ns = read_latency(&value, "ms").map_err(named)?,
            "silence_ms" => faults.silence_ns = read_latency(&value, "ms").map_err(named)?,
            "clock_skew_ms_max" => faults.clock_skew_ns_max = read_latency(&value, "ms").map_err(named)?,
            "not_found_ms" => faults.not_found_ns = read_latency(&value, "ms").map_err(named)?,
            "retry_after_ms" => {
                faults.retry_after_ms = number::read_whole(&value, "ms").map_err(named)?;
            }
            "trade_ids_per_symbol" => {
                faults.trade_ids_per_symbol = text::read_flag(&value, "flag").map_err(named)?;
            }
            other => {
                let rate = number::read(&value, "rate").map_err(named)?.at_scale(RATE_DIGITS).ok();
                let rate = rate.and_then(|rate| u32::try_from(rate).ok());
                match (faults.rate_mut(other), rate) {
                    (Some(place), Some(rate)) => *place = rate,
                    (Some(_), None) => {
                        let place = format!("{name}.{other}");
                        return Err(Error::value(place, &value, "is no rate from 0 to 1 in millionths"));
                    }
                    (None, _) => {
                        return Err(Error::value(format!("{name}.{other}"), &value, "is no fault"));
                    }
                }
            }
        }
    }
    Ok(())
}

fn read_latency(value: &Bound<'_, PyAny>, name: &'static str) -> Result<i64, Error> {
    let nanos = number::read(value, name)?.at_scale(NANOS_PER_MILLI_DIGITS);
    let nanos = nanos.ok().and_then(|nanos| i64::try_from(nanos).ok()).filter(|nanos| *nanos >= 0);
    nanos.ok_or_else(|| Error::value(name, value, "is not 0 or more milliseconds in whole nanoseconds"))
}

/// Rows of a time and both ways.
fn read_latencies(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Vec<LatencySample>, Error> {
    let wrong = || Error::wrong_type(name, value, "rows of (time, way in ms, way back ms)");
    let mut samples = Vec::new();
    for row in value.try_iter().map_err(|_| wrong())? {
        let row = row?;
        let (time, way_in, way_back) =
            row.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(|_| wrong())?;
        samples.push(LatencySample {
            time_ns: number::read_whole(&time, "latencies.time_ns")?,
            way_in_ns: read_latency(&way_in, "latencies.way_in_ms")?,
            way_back_ns: read_latency(&way_back, "latencies.way_back_ms")?,
        });
    }
    Ok(samples)
}

/// Whether a level shrinks evenly.
fn read_queue_model(value: &Bound<'_, PyAny>, name: &'static str) -> Result<bool, Error> {
    match value.extract::<&str>() {
        Ok("risk_averse") => Ok(false),
        Ok("probability") => Ok(true),
        _ => Err(Error::value(name, value, "is neither risk_averse nor probability")),
    }
}

impl SimSettings {
    /// From keywords.
    pub fn read(keywords: &Bound<'_, PyDict>) -> Result<SimSettings, Error> {
        let mut settings = SimSettings { config: SimConfig::default(), balances: Vec::new() };
        apply_changes(&mut settings, &SIMULATED, keywords)?;
        Ok(settings)
    }

    /// What the wallet opens with.
    pub fn balances(&self) -> &[(Id, Decimal)] {
        &self.balances
    }

    /// The venue, without money.
    pub fn venue(&self) -> Result<SimVenue, Error> {
        SimVenue::new(self.config.clone()).map_err(|error| EngineError::Venue(error).into())
    }

    /// Brings its opening balances, unless the kernel has money already: then a log was opened, and the venue goes on with
    /// that.
    pub fn deposit(&self, engine: &mut Shell) -> Result<(), Error> {
        let kernel = engine.kernel();
        let empty = |asset: u16| {
            let balance = |account| kernel.ledger().balance(asset, account);
            balance(Account::Wallet) == Money::ZERO && balance(Account::Capital) == Money::ZERO
        };
        if (0_u16..).zip(kernel.assets()).all(|(asset, _)| empty(asset)) {
            let bring = |venue: &mut SimVenue| {
                self.balances.iter().try_for_each(|(asset, amount)| venue.deposit(asset, *amount))
            };
            engine.with_venue(|venue, _, _| bring(venue))?;
        }
        Ok(())
    }
}
