//! How a kernel is made: its settings, the simulated venue's, and the exchange's instruments.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use dita_engine::{Clock, Engine, EngineConfig, EngineError, LogSettings, Port, ReplayError};
use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, MarginTier, OrderBounds, PriceBand};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{MarginConvention, MarginMode, OppositeSlots, PairOff, Product};
use dita_kernel::num::{Decimal, Money, Rounding};
use dita_log::{FileDisk, LogError, SyncPolicy};
use dita_sim::{LatencySample, SimConfig, SimVenue};

use crate::parse::Value;
use crate::read::{self, Field, Fields};
use crate::values::balances;
use crate::wrong::Wrong;

// ------------------------------------------------------------------------------------------------- a kernel

/// What a new kernel is told.
pub struct Settings {
    kernel: KernelConfig,
    inbox_max: usize,
    clock: Clock,
    /// Where kernel time begins, ns.
    pub start_ns: Option<i64>,
    carried_out: bool,
    sim: SimSettings,
    log: Option<Log>,
    /// The exchange's configuration, as it was given.
    pub exchange: Value<'static>,
    /// What the account holds, as it was given.
    pub opening: Value<'static>,
    /// What was brought in, by asset.
    pub seed: Vec<(Id, Decimal)>,
}

struct Log {
    directory: PathBuf,
    policy: SyncPolicy,
}

/// The simulated venue's settings, with its opening balances.
struct SimSettings {
    config: SimConfig,
    balances: Vec<(Id, Decimal)>,
}

#[rustfmt::skip]
const CONFIG: [Field<Settings>; 14] = [
    Field::optional("max_slots", |s, n, v| { s.kernel.max_slots = read::whole(v, n)?; Ok(()) }),
    Field::optional("instance_nonce", |s, n, v| { s.kernel.instance_nonce = read::whole(v, n)?; Ok(()) }),
    Field::optional("hedge_mode", |s, n, v| { s.kernel.hedge_mode = read::flag(v, n)?; s.sim.config.hedge_mode = s.kernel.hedge_mode; Ok(()) }),
    Field::optional("remembered_orders", |s, n, v| { s.kernel.remembered_orders = read::whole(v, n)?; Ok(()) }),
    Field::optional("inbox_max", |s, n, v| { s.inbox_max = read::whole(v, n)?; Ok(()) }),
    Field::optional("clock", |s, n, v| { s.clock = one_of(v, n, &[("manual", Clock::Driven), ("system", Clock::System)])?; Ok(()) }),
    Field::optional("start_time", |s, n, v| { s.start_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("venue", |s, n, v| { s.carried_out = one_of(v, n, &[("simulated", false), ("caller", true)])?; Ok(()) }),
    Field::optional("simulated", |s, n, v| read::fill_within(&mut s.sim, &SIMULATED, v, n)),
    Field::optional("log_dir", |s, n, v| { log(s).directory = read::text(v, n)?.into(); Ok(()) }),
    Field::optional("log_policy", |s, n, v| {
        let known = [("batch", SyncPolicy::default()), ("always", SyncPolicy::Always), ("off", SyncPolicy::Off), ("written", SyncPolicy::Written)];
        log(s).policy = one_of(v, n, &known)?;
        Ok(())
    }),
    Field::optional("exchange", |s, n, v| { read::object(v, n)?; s.exchange = v.clone().into_owned(); Ok(()) }),
    Field::optional("opening_state", |s, _, v| { s.opening = v.clone().into_owned(); Ok(()) }),
    Field::optional("seed_capital", |s, n, v| { s.seed = balances(v, n)?; Ok(()) }),
];

fn log(settings: &mut Settings) -> &mut Log {
    settings.log.get_or_insert_with(|| Log { directory: PathBuf::new(), policy: SyncPolicy::default() })
}

/// One of a few words.
fn one_of<T: Clone>(value: &Value<'_>, field: &str, known: &[(&str, T)]) -> Result<T, Wrong> {
    let given = read::text(value, field)?;
    known.iter().find(|(word, _)| *word == given).map(|(_, member)| member.clone()).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        Wrong::value(field, given, format!("is none of {}", words.join(", ")))
    })
}

impl Settings {
    /// From a configuration.
    ///
    /// # Errors
    /// A key that is not known, or a value that it cannot have.
    pub fn read(value: &Value<'_>) -> Result<Settings, Wrong> {
        let mut settings = Settings {
            kernel: KernelConfig { max_slots: 10, ..KernelConfig::default() },
            inbox_max: EngineConfig::default().inbox_max,
            clock: Clock::Driven,
            start_ns: None,
            carried_out: false,
            sim: SimSettings { config: SimConfig::default(), balances: Vec::new() },
            log: None,
            exchange: Value::Null,
            opening: Value::Null,
            seed: Vec::new(),
        };
        let given = read::object(value, "config")?;
        read::fill(&mut settings, &CONFIG, given)?;
        if settings.carried_out && given.iter().any(|(name, _)| name == "simulated") {
            return Err(Wrong::value(
                "simulated",
                "",
                "goes with \"venue\": \"simulated\" only: leave it out",
            ));
        }
        if settings.log.as_ref().is_some_and(|log| log.directory.as_os_str().is_empty()) {
            return Err(Wrong::value("log_dir", "", "is needed where log_policy is given"));
        }
        Ok(settings)
    }

    /// True where the caller carries out what the kernel wants of the venue.
    pub fn is_carried_out(&self) -> bool {
        self.carried_out
    }

    /// The engine, and whether its log led it anywhere.
    ///
    /// # Errors
    /// A setting is out of range, or the log does not open.
    pub fn engine(&self) -> Result<(Engine, bool), Wrong> {
        let port = match self.carried_out {
            true => Port::Foreign,
            false => Port::Sim(Box::new(SimVenue::new(self.sim.config.clone())?)),
        };
        let config = EngineConfig {
            kernel: self.kernel.clone(),
            clock: self.clock,
            inbox_max: self.inbox_max,
            ..EngineConfig::default()
        };
        let (mut engine, goes_on) = match &self.log {
            None => (Engine::new(config, port)?, false),
            Some(log) => {
                let settings = LogSettings { policy: log.policy, ..LogSettings::default() };
                let disk = FileDisk::create(&log.directory).map_err(|error| cannot_make(log, &error))?;
                let (engine, recovery) =
                    Engine::recover(config, port, Arc::new(disk), &settings, &mut |_| {})?;
                (engine, recovery.last_seq > 0)
            }
        };
        self.deposit(&mut engine)?;
        Ok((engine, goes_on))
    }

    /// Brings the simulated venue's opening balances, unless the kernel has money already: then a log was opened, and
    /// the venue goes on with that.
    fn deposit(&self, engine: &mut Engine) -> Result<(), Wrong> {
        let kernel = engine.kernel();
        let empty = |asset: u16| {
            let balance = |account| kernel.ledger().balance(asset, account);
            balance(Account::Wallet) == Money::ZERO && balance(Account::Capital) == Money::ZERO
        };
        if !self.carried_out && (0_u16..).zip(kernel.assets()).all(|(asset, _)| empty(asset)) {
            let bring = |venue: &mut SimVenue| {
                self.sim.balances.iter().try_for_each(|(asset, amount)| venue.deposit(asset, *amount))
            };
            engine.with_venue(|venue, _, _| bring(venue))?;
        }
        Ok(())
    }
}

#[cold]
fn cannot_make(log: &Log, error: &std::io::Error) -> Wrong {
    let file = log.directory.display().to_string();
    let error =
        LogError::Io { file, doing: "make the directory", kind: error.kind(), cause: error.to_string() };
    EngineError::Replay(Box::new(ReplayError::Log(error))).into()
}

// ---------------------------------------------------------------------------------------- the simulated venue

#[rustfmt::skip]
const SIMULATED: [Field<SimSettings>; 34] = [
    Field::optional("balances", |s, n, v| { s.balances = balances(v, n)?; Ok(()) }),
    Field::optional("seed", |s, n, v| { s.config.seed = read::whole(v, n)?; Ok(()) }),
    Field::optional("latency_ms", |s, n, v| { s.config.latency_ns = read::millis(v, n)?; Ok(()) }),
    Field::optional("latency_max_ms", |s, n, v| { s.config.latency_max_ns = read::millis(v, n)?; Ok(()) }),
    Field::optional("latencies", |s, n, v| { s.config.latencies = latencies(v, n)?; Ok(()) }),
    Field::optional("fill_rate", |s, n, v| { s.config.fill_rate = read::number(v, n)?; Ok(()) }),
    Field::optional("reject_rate", |s, n, v| { s.config.reject_rate = read::number(v, n)?; Ok(()) }),
    Field::optional("partial_fill_rate", |s, n, v| { s.config.partial_fill_rate = read::number(v, n)?; Ok(()) }),
    Field::optional("slippage_bps", |s, n, v| { s.config.slippage_bps = read::number(v, n)?; Ok(()) }),
    Field::optional("fee_in_fill", |s, n, v| { s.config.fee_in_fill = read::flag(v, n)?; Ok(()) }),
    Field::optional("settle_events", |s, n, v| { s.config.settle_events = read::flag(v, n)?; Ok(()) }),
    Field::optional("wallet_events", |s, n, v| { s.config.wallet_events = read::flag(v, n)?; Ok(()) }),
    Field::optional("hedge_mode", |s, n, v| { s.config.hedge_mode = read::flag(v, n)?; Ok(()) }),
    Field::optional("two_ids_on_trigger", |s, n, v| { s.config.two_ids_on_trigger = read::flag(v, n)?; Ok(()) }),
    Field::optional("trigger_on_mark", |s, n, v| { s.config.trigger_on_mark = read::flag(v, n)?; Ok(()) }),
    Field::optional("native_oco", |s, n, v| { s.config.native_oco = read::flag(v, n)?; Ok(()) }),
    Field::optional("trim_reduce_only", |s, n, v| { s.config.trim_reduce_only = read::flag(v, n)?; Ok(()) }),
    Field::optional("limit_through", |s, n, v| { s.config.limit_through = read::flag(v, n)?; Ok(()) }),
    Field::optional("hold_for_open", |s, n, v| { s.config.hold_for_open = read::flag(v, n)?; Ok(()) }),
    Field::optional("depth_is_taken", |s, n, v| { s.config.depth_is_taken = read::flag(v, n)?; Ok(()) }),
    Field::optional("fill_delay_ms", |s, n, v| { s.config.fill_delay_ns = read::millis(v, n)?; Ok(()) }),
    Field::optional("fill_without_market", |s, n, v| { s.config.fill_without_market = read::flag(v, n)?; Ok(()) }),
    Field::optional("queue_position", |s, n, v| { s.config.queue_position = read::flag(v, n)?; Ok(()) }),
    Field::optional("queue_model", |s, n, v| { s.config.queue_evenly = one_of(v, n, &[("risk_averse", false), ("probability", true)])?; Ok(()) }),
    Field::optional("self_trade_prevention", |s, n, v| { s.config.self_trade_prevention = read::flag(v, n)?; Ok(()) }),
    Field::optional("faults", faults),
    Field::optional("quotes_set_marks", |s, n, v| { s.config.quotes_set_marks = read::flag(v, n)?; Ok(()) }),
    Field::optional("position_events", |s, n, v| { s.config.position_events = read::flag(v, n)?; Ok(()) }),
    Field::optional("margin_events", |s, n, v| { s.config.margin_events = read::flag(v, n)?; Ok(()) }),
    Field::optional("margin_check", |s, n, v| { s.config.margin_check = read::flag(v, n)?; Ok(()) }),
    Field::optional("liquidation", |s, n, v| { s.config.liquidation = read::flag(v, n)?; Ok(()) }),
    Field::optional("liquidation_fee_rate", |s, n, v| { s.config.liquidation_fee_rate = read::number(v, n)?; Ok(()) }),
    Field::optional("funding_without_symbol", |s, n, v| { s.config.funding_without_symbol = read::flag(v, n)?; Ok(()) }),
    Field::optional("funding_delay_ms", |s, n, v| { s.config.funding_delay_ns = read::millis(v, n)?; Ok(()) }),
];

/// Rows of a time and both ways.
fn latencies(value: &Value<'_>, field: &str) -> Result<Vec<LatencySample>, Wrong> {
    let read = |row: &Value<'_>| match read::list(row, field)? {
        [time, way_in, way_back] => Ok(LatencySample {
            time_ns: read::whole(time, "latencies.time_ns")?,
            way_in_ns: read::millis(way_in, "latencies.way_in_ms")?,
            way_back_ns: read::millis(way_back, "latencies.way_back_ms")?,
        }),
        _ => Err(Wrong::given(field, row, "is no row of time in ns, way in and way back in ms")),
    };
    read::list(value, field)?.iter().map(read).collect()
}

/// Faults by name: a rate from 0 to 1 for each that may happen, and what else there is to say of them.
fn faults(settings: &mut SimSettings, field: &'static str, value: &Value<'_>) -> Result<(), Wrong> {
    const RATE_DIGITS: u8 = 6;
    let faults = &mut settings.config.faults;
    for (name, value) in read::object(value, field)? {
        let place = format!("{field}.{name}");
        match &**name {
            "delay_ms_max" => faults.delay_ns_max = read::millis(value, &place)?,
            "disconnect_ms" => faults.disconnect_ns = read::millis(value, &place)?,
            "silence_ms" => faults.silence_ns = read::millis(value, &place)?,
            "clock_skew_ms_max" => faults.clock_skew_ns_max = read::millis(value, &place)?,
            "not_found_ms" => faults.not_found_ns = read::millis(value, &place)?,
            "retry_after_ms" => faults.retry_after_ms = read::whole(value, &place)?,
            "trade_ids_per_symbol" => faults.trade_ids_per_symbol = read::flag(value, &place)?,
            other => {
                let rate = read::number(value, &place)?.at_scale(RATE_DIGITS).ok();
                let rate = rate.and_then(|rate| u32::try_from(rate).ok());
                match (faults.rate_mut(other), rate) {
                    (Some(known), Some(rate)) => *known = rate,
                    (Some(_), None) => {
                        return Err(Wrong::given(&place, value, "is no rate from 0 to 1 in millionths"));
                    }
                    (None, _) => return Err(Wrong::given(&place, value, "is no fault")),
                }
            }
        }
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------ instruments

#[rustfmt::skip]
const INSTRUMENT: [Field<InstrumentSpec>; 27] = [
    Field::optional("taker_rate", |s, n, v| { s.taker_rate = read::number(v, n)?; Ok(()) }),
    Field::optional("maker_rate", |s, n, v| { s.maker_rate = read::number(v, n)?; Ok(()) }),
    Field::required("lot_step", |s, n, v| { s.lot_step = read::number(v, n)?; Ok(()) }),
    Field::required("tick_size", |s, n, v| { s.tick_size = read::number(v, n)?; Ok(()) }),
    Field::optional("funding_interval_secs", |s, n, v| { s.funding_interval_secs = read::whole(v, n)?; Ok(()) }),
    Field::optional("min_notional", |s, n, v| { s.min_notional = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("min_qty", |s, n, v| { s.min_qty = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("max_qty", |s, n, v| { s.max_qty = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("max_price", |s, n, v| { s.max_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("contract_multiplier", |s, n, v| { s.contract_multiplier = read::number(v, n)?; Ok(()) }),
    Field::optional("base", |s, n, v| { s.base = read::id(v, n)?; Ok(()) }),
    Field::optional("quote", |s, n, v| { s.quote = read::id(v, n)?; Ok(()) }),
    Field::optional("settle", |s, n, v| { s.settle = read::id(v, n)?; Ok(()) }),
    Field::optional("leverage", |s, n, v| { s.leverage = read::number(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |s, n, v| { s.fee_asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("margin_tiers", |s, n, v| { s.margin_tiers = read::rows(v, n, &TIER, blank_tier)?; Ok(()) }),
    Field::optional("market_max_qty", |s, n, v| { bounds(s).market_max_qty = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("price_band", |s, n, v| { bounds(s).price_band = price_band(v, n)?; Ok(()) }),
    Field::optional("max_open_orders", |s, n, v| { bounds(s).max_open_orders = count(v, n)?; Ok(()) }),
    Field::optional("max_open_stops", |s, n, v| { bounds(s).max_open_stops = count(v, n)?; Ok(()) }),
    Field::optional("inverse", |s, n, v| { s.inverse = read::flag(v, n)?; Ok(()) }),
    Field::optional("product", |s, n, v| { s.product = choice(v, n, Product::from_name, &["PERP", "SPOT"])?; Ok(()) }),
    Field::optional("margin_convention", |s, n, v| { s.margin_convention = choice(v, n, MarginConvention::from_name, &["BINANCE", "BYBIT"])?; Ok(()) }),
    Field::optional("margin_mode", |s, n, v| { s.margin_mode = choice(v, n, MarginMode::from_name, &["CROSS", "ISOLATED"])?; Ok(()) }),
    Field::optional("opposite_slots", |s, n, v| { s.opposite_slots = choice(v, n, OppositeSlots::from_name, &["REFUSE", "NET"])?; Ok(()) }),
    Field::optional("pair_off", |s, n, v| { s.pair_off = choice(v, n, PairOff::from_name, &["NEVER", "SAME_OWNER"])?; Ok(()) }),
    Field::optional("fee_rounding", fee_rounding),
];

#[rustfmt::skip]
const TIER: [Field<MarginTier>; 3] = [
    Field::required("notional_floor", |t, n, v| { t.notional_floor = read::size(v, n)?; Ok(()) }),
    Field::required("maint_rate", |t, n, v| { t.maint_rate = read::size(v, n)?; Ok(()) }),
    Field::optional("max_leverage", |t, n, v| { t.max_leverage = read::price(v, n)?; Ok(()) }),
];

fn blank_tier() -> MarginTier {
    MarginTier { notional_floor: Decimal::ZERO, maint_rate: Decimal::ZERO, max_leverage: None }
}

fn bounds(spec: &mut InstrumentSpec) -> &mut OrderBounds {
    spec.bounds.get_or_insert_default()
}

/// A count of at least 1.
fn count(value: &Value<'_>, field: &str) -> Result<Option<u32>, Wrong> {
    match read::perhaps_whole(value, field)? {
        Some(0) => Err(Wrong::given(field, value, "must be at least 1")),
        count => Ok(count),
    }
}

/// A pair of multiples of the mark, or how far from it as a fraction of it.
fn price_band(value: &Value<'_>, field: &str) -> Result<Option<PriceBand>, Wrong> {
    const WHY: &str =
        "must be a pair of multiples of the mark, from 0 to 1 and from 1 on, or a fraction below 1";
    let band = match value {
        Value::Null => return Ok(None),
        Value::List(pair) => match pair.as_slice() {
            [low, high] => PriceBand { low: read::number(low, field)?, high: read::number(high, field)? },
            _ => return Err(Wrong::given(field, value, WHY)),
        },
        _ => {
            let part = read::number(value, field)?;
            let one = Decimal::ONE.at_scale(part.scale()).unwrap_or_default();
            let at = |mantissa: i128| Decimal::normalized(mantissa, part.scale());
            match (at(one - part.mantissa()), at(one + part.mantissa())) {
                (Ok(low), Ok(high)) if one > 0 && !part.is_negative() => PriceBand { low, high },
                _ => return Err(Wrong::given(field, value, WHY)),
            }
        }
    };
    let fits = !band.low.is_negative() && at_most(band.low, Decimal::ONE) && at_most(Decimal::ONE, band.high);
    if fits { Ok(Some(band)) } else { Err(Wrong::given(field, value, WHY)) }
}

fn at_most(one: Decimal, other: Decimal) -> bool {
    let scale = one.scale().max(other.scale());
    matches!((one.at_scale(scale), other.at_scale(scale)), (Ok(one), Ok(other)) if one <= other)
}

/// A word, in any case.
fn choice<E>(
    value: &Value<'_>,
    field: &str,
    from_name: fn(&str) -> Option<E>,
    known: &[&str],
) -> Result<E, Wrong> {
    let word = read::text(value, field)?.to_uppercase();
    from_name(&word)
        .ok_or_else(|| Wrong::given(field, value, format!("is none of {}", known.join(", ").to_lowercase())))
}

/// The venue's unit as a power of ten or the number of its decimals; or a pair of that and a direction.
fn fee_rounding(spec: &mut InstrumentSpec, field: &'static str, value: &Value<'_>) -> Result<(), Wrong> {
    let (unit, direction) = match value {
        Value::List(pair) => match pair.as_slice() {
            [unit, direction] => (unit, Some(direction)),
            _ => return Err(Wrong::given(field, value, "is no pair of a unit and a direction")),
        },
        unit => (unit, None),
    };
    spec.fee_decimals = fee_decimals(unit, field)?;
    if let Some(direction) = direction {
        spec.fee_rounding = one_of(
            direction,
            field,
            &[
                ("HALF_EVEN", Rounding::HalfEven),
                ("HALF_UP", Rounding::HalfUp),
                ("DOWN", Rounding::Down),
                ("UP", Rounding::Up),
                ("FLOOR", Rounding::Floor),
                ("CEILING", Rounding::Ceiling),
            ],
        )?;
    }
    Ok(())
}

fn fee_decimals(value: &Value<'_>, field: &str) -> Result<u8, Wrong> {
    const DECIMALS_MAX: u8 = 18;
    let out_of_range = || Wrong::given(field, value, "must come to 0 to 18 decimals");
    let decimals = match read::whole::<i64>(value, field) {
        Ok(decimals) => u8::try_from(decimals).map_err(|_| out_of_range())?,
        Err(_) => {
            let unit = read::number(value, field)?;
            let unit = Decimal::normalized(unit.mantissa(), unit.scale()).unwrap_or(unit);
            let mut mantissa = unit.mantissa();
            while mantissa > 1 && mantissa % 10 == 0 {
                mantissa /= 10;
            }
            if mantissa != 1 {
                return Err(Wrong::given(field, value, "is no power of ten"));
            }
            if unit.mantissa() == 1 { unit.scale() } else { return Err(out_of_range()) }
        }
    };
    if decimals > DECIMALS_MAX { Err(out_of_range()) } else { Ok(decimals) }
}

/// Stablecoins and the dollar, longest first: a symbol that ends so is quoted and settled in it.
const SUFFIXES: [&str; 3] = ["USDT", "USDC", "USD"];

/// What a venue's configuration says so far: venue-wide values, and what instruments override.
#[derive(Clone, Default)]
pub struct Exchange {
    wide: Given,
    instruments: Vec<(String, Given)>,
}

type Given = Vec<(String, Value<'static>)>;

fn known(name: &str) -> &str {
    // The one second name that older systems know.
    if name == "lot_size" { "lot_step" } else { name }
}

impl Exchange {
    /// With a change; nothing of this one changes.
    ///
    /// # Errors
    /// A key that is not known, or comes under two names.
    pub fn updated(&self, config: &Fields<'_>) -> Result<Exchange, Wrong> {
        let mut changed = self.clone();
        let wide: Vec<_> = config.iter().filter(|(name, _)| name != "instruments").cloned().collect();
        merge(&mut changed.wide, &wide, "")?;
        let Some((_, instruments)) = config.iter().find(|(name, _)| name == "instruments") else {
            return Ok(changed);
        };
        for (symbol, own) in read::object(instruments, "instruments")? {
            let place = format!("instruments.{symbol}.");
            let own = read::object(own, place.trim_end_matches('.'))?;
            let at = changed.instruments.iter().position(|(known, _)| known == symbol);
            let at = at.unwrap_or_else(|| {
                changed.instruments.push((symbol.clone().into_owned(), Vec::new()));
                changed.instruments.len() - 1
            });
            merge(&mut changed.instruments[at].1, own, &place)?;
        }
        Ok(changed)
    }

    /// Each instrument.
    ///
    /// # Errors
    /// It lacks a key, or a value is wrong: by symbol and key.
    pub fn specs(&self) -> Result<Vec<InstrumentSpec>, Wrong> {
        self.instruments.iter().map(|(symbol, own)| self.spec(symbol, own)).collect()
    }

    fn spec(&self, symbol: &str, own: &Given) -> Result<InstrumentSpec, Wrong> {
        let place = format!("instruments.{symbol}.");
        let inherited = self.wide.iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
        let all = inherited.chain(own).filter(|(_, value)| *value != Value::Null);
        let all: Vec<_> = all.map(|(name, value)| (Cow::Borrowed(name.as_str()), value.clone())).collect();
        let blank = || InstrumentSpec::linear(Id::EMPTY, Id::EMPTY, Id::EMPTY, Decimal::ONE, Decimal::ONE);
        let mut spec = InstrumentSpec { settle: Id::EMPTY, product: Product::Perp, ..blank() };
        let filled = read::fill(&mut spec, &INSTRUMENT, &all).and_then(|()| name_assets(&mut spec, symbol));
        filled.map_err(|wrong| wrong.within(&place))?;
        Ok(spec)
    }
}

fn merge(into: &mut Given, changes: &Fields<'_>, place: &str) -> Result<(), Wrong> {
    let mut seen: Vec<&str> = Vec::new();
    for (given, value) in changes {
        let name = known(given);
        if !INSTRUMENT.iter().any(|field| field.name == name) {
            let names = INSTRUMENT.iter().map(|field| field.name);
            return Err(read::unknown(given, value, names).within(place));
        }
        if seen.contains(&name) {
            let why = format!("is {name} under another name: give one of the two");
            return Err(Wrong::given(given, value, why).within(place));
        }
        seen.push(name);
        match into.iter_mut().find(|(known, _)| known == name) {
            Some((_, before)) => *before = value.clone().into_owned(),
            None => into.push((name.to_owned(), value.clone().into_owned())),
        }
    }
    Ok(())
}

/// Base, quote and settle: as given, or as the symbol's end says where it leaves no doubt.
fn name_assets(spec: &mut InstrumentSpec, symbol: &str) -> Result<(), Wrong> {
    let id = |text: &str, field: &str| {
        Id::new(text).map_err(|_| Wrong::value(field, text, "is longer than 64 bytes"))
    };
    spec.symbol = id(symbol, "symbol")?;
    if spec.quote.is_empty() {
        let suffix = SUFFIXES.iter().find(|end| symbol.ends_with(**end) && symbol != **end);
        let why = "is needed: the symbol does not end in USDT, USDC or USD";
        spec.quote = id(suffix.ok_or_else(|| Wrong::value("quote", "", why))?, "quote")?;
    }
    if spec.base.is_empty() {
        let base = symbol.strip_suffix(spec.quote.as_str()).unwrap_or(symbol);
        let base = base.trim_end_matches(['-', '_', '/']);
        spec.base = id(if base.is_empty() { symbol } else { base }, "base")?;
    }
    if spec.settle.is_empty() {
        spec.settle = if spec.inverse { spec.base.clone() } else { spec.quote.clone() };
    }
    Ok(())
}
