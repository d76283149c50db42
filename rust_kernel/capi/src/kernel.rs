//! A kernel as the C ABI has it: its drain, its exchange's configuration, and the calls in both forms.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use dita_engine::form::{FieldValue, FieldValues};
use dita_engine::json::Object;
use dita_engine::{Answer, Clock, asset_json, control_json, health_json, order_view, order_views, slot_view};
use dita_host::{Drain, Given, Hold, Patience, State};
use dita_kernel::id::Id;
use dita_kernel::input::{AdoptedSlots, EffectResult, Input, Intent, Stamp};
use dita_kernel::names::{KernelDiagnosticCode as Diagnostic, Liquidity, Severity};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::{Detail, Outcome};
use dita_link::message::{self, BATCH_MAX, Reply, Request, Topic, VERSION, Verdict};

use crate::answer;
use crate::outside::Caller;
use crate::parse::{self, Value};
use crate::read::{self, Field, Fields};
use crate::settings::{Exchange, Settings};
use crate::values;
use crate::wrong::{Code, Wrong, cut};

/// A wake-up of the timer so much too late means that the process did not run.
const LATE_MS: i64 = 5_000;

/// A kernel.
pub struct Kernel {
    drain: Arc<Drain<Caller>>,
    exchange: Mutex<Exchange>,
}

/// Reads a JSON text.
///
/// # Errors
/// It is none: where, and why.
pub fn parsed(text: &str) -> Result<Value<'_>, Wrong> {
    parse::parse(text).map_err(|wrong| {
        let from = (0..=wrong.at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let near: String = text.get(from..).unwrap_or_default().chars().take(20).collect();
        let why = format!("byte {}: {}: give one JSON value in UTF-8", wrong.at, wrong.why);
        Wrong { code: Code::NotJson, ..Wrong::value("", near, why) }
    })
}

impl Kernel {
    /// Makes one from its configuration.
    ///
    /// # Errors
    /// The configuration is wrong, or the log does not open: by field and value.
    pub fn create(config_json: &str) -> Result<Kernel, Wrong> {
        let settings = Settings::read(&parsed(config_json)?)?;
        let (engine, goes_on) = settings.engine()?;
        let mut state = State::new(engine);
        if let Some(start_ns) = settings.start_ns {
            state.tell(start_ns);
        }
        let drain = Arc::new(Drain::new(state, Caller::new(settings.is_carried_out())));
        let kernel = Kernel { drain, exchange: Mutex::default() };
        if let Value::Object(config) = &settings.exchange {
            kernel.configure(config).map_err(|wrong| wrong.within("exchange."))?;
        }
        // A log says itself what the account holds.
        if !goes_on {
            for (asset, amount) in &settings.seed {
                kernel.settle(Input::Seed { asset: asset.clone(), amount: *amount }, None)?;
            }
            if settings.opening != Value::Null {
                kernel.open_with(&settings.opening).map_err(|wrong| wrong.within("opening_state."))?;
            }
        } else {
            kernel.drain.resume(())?;
        }
        let clock = kernel.drain.open()?.core.clock();
        if clock == Clock::System {
            kernel.drain.start_timer(LATE_MS)?;
        }
        Ok(kernel)
    }

    /// Closes it: its log is whole, and nothing more is taken.
    ///
    /// # Errors
    /// The log failed.
    pub fn close(&self) -> Result<(), Wrong> {
        self.drain.end_timer((), None)?;
        self.drain.close((), None)?;
        Ok(())
    }

    // ---------------------------------------------------------------------------------------------- inputs

    fn put(&self, input: Input, time_ns: Option<i64>, patience: Patience) -> Result<Given<Caller>, Wrong> {
        Ok(self.drain.put_with(Hold::Takes, input, time_ns, patience)?)
    }

    /// Puts in what nobody looks at the outcome of: a refusal is an error.
    fn settle(&self, input: Input, time_ns: Option<i64>) -> Result<Verdict, Wrong> {
        let given = self.put(input, time_ns, Patience::Answer)?;
        if given.answer.outcome.accepted || given.queued {
            return Ok(verdict(given, FieldValues::default()));
        }
        Err(refused(&given.answer.outcome))
    }

    fn told(&self, mut object: Object) -> String {
        answer::effects(&mut object, self.drain.foreign().take().iter());
        object.end()
    }

    fn outcome(&self, verdict: &Verdict) -> String {
        self.told(answer::outcome(verdict))
    }

    /// Takes an intent, with all that its venue answers at once.
    #[inline]
    fn take(&self, intent: Box<Intent>, given_slot: Option<i128>) -> Result<(Answer, FieldValues), Wrong> {
        let (slot_id, time_ns) = (intent.slot_id, intent.timestamp_ns);
        let named = (intent.intent_id.clone(), intent.action, intent.asset.clone());
        let given = self.put(Input::Intent(intent), Some(time_ns), Patience::Answer)?;
        let mut extra = FieldValues::default();
        let (intent_id, action, asset) = named;
        if let Some(given) = given_slot {
            extra.0.push(("value".into(), FieldValue::Text(given.to_string().into())));
        }
        match given.answer.outcome.code {
            Diagnostic::InvalidIntent => extra.0.extend(
                answer::fields([
                    ("intent_id", FieldValue::Text(intent_id.as_str().into())),
                    ("action", FieldValue::Text(action.name().into())),
                    ("asset", FieldValue::Text(asset.as_str().into())),
                ])
                .0,
            ),
            Diagnostic::InvalidSlotId => {
                let slot_id = given_slot.unwrap_or_else(|| slot_id.into());
                let slot_id = i64::try_from(slot_id)
                    .map_or_else(|_| FieldValue::Text(slot_id.to_string().into()), FieldValue::Whole);
                let intent_id = FieldValue::Text(intent_id.as_str().into());
                extra.0.extend(answer::fields([("slot_id", slot_id), ("intent_id", intent_id)]).0);
            }
            _ => {}
        }
        Ok(answered(given, extra))
    }

    /// Takes an intent as JSON. What is an object and no intent is answered with INVALID_INTENT.
    ///
    /// # Errors
    /// No JSON object, or the kernel takes nothing.
    pub fn process_intent(&self, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        let given = read::object(&value, "intent")?;
        let verdict = match values::intent(given) {
            Ok(intent) => {
                let (answer, details) = self.take(Box::new(intent), values::given_slot(given))?;
                Verdict::of(answer, details)
            }
            Err(wrong) => self.invalid_intent(given, &wrong)?,
        };
        Ok(self.outcome(&verdict))
    }

    /// The verdict on what was given as an intent and is none: nothing is taken, and nothing has changed.
    #[cold]
    fn invalid_intent(&self, given: &Fields<'_>, wrong: &Wrong) -> Result<Verdict, Wrong> {
        let field = |name: &str| given.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        let named = |name: &str| match field(name) {
            Some(Value::Text(text)) => cut(text),
            Some(_) | None => String::new(),
        };
        let state = self.drain.open()?;
        let slots = state.core.kernel().config().max_slots;
        let slot_id = field("slot_id").and_then(|value| read::whole::<u32>(value, "slot_id").ok());
        let slot_id = slot_id.filter(|slot_id| *slot_id < slots);
        let trade_id = Id::new(&named("trade_id")).unwrap_or_default();
        let answer = state.untaken((Diagnostic::InvalidIntent, Severity::Error), slot_id, trade_id);
        drop(state);
        let text = |text: &str| FieldValue::Text(text.into());
        let extra = answer::fields([
            ("field", text(&wrong.field)),
            ("value", text(&wrong.value)),
            ("reason", text(&wrong.why)),
            ("intent_id", text(&named("intent_id"))),
            ("action", text(&named("action"))),
            ("asset", text(&named("asset"))),
        ]);
        Ok(answer::verdict(answer, extra))
    }

    /// Takes what the venue said of an order, or what came of an effect.
    ///
    /// # Errors
    /// No event, or the kernel takes nothing.
    pub fn on_venue_event(&self, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        let given = read::object(&value, "event")?;
        let input = match effect_result(given)? {
            Some(result) => Input::Effect(result),
            None => Input::Venue(Box::new(values::venue_event(given)?)),
        };
        let given = self.put(input, None, Patience::None)?;
        Ok(self.outcome(&verdict(given, FieldValues::default())))
    }

    /// Takes what the venue said of the account; the answer has the account of the event's asset.
    ///
    /// # Errors
    /// No event, or the kernel refuses it.
    pub fn on_account_event(&self, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        let event = values::account_event(read::object(&value, "event")?)?;
        let asset = event.asset.clone();
        let given = self.put(Input::Account(Box::new(event)), None, Patience::None)?;
        if !given.answer.outcome.accepted && !given.queued {
            return Err(refused(&given.answer.outcome));
        }
        let mut object = answer::outcome(&verdict(given, FieldValues::default()));
        let state = self.drain.settled()?;
        let kernel = state.core.kernel();
        let asset = Some(asset).filter(|asset| !asset.is_empty());
        let name = asset.or_else(|| answer::settlement_asset(kernel)).unwrap_or_default();
        object.raw("account", &answer::account_json(kernel, &name));
        drop(state);
        Ok(self.told(object))
    }

    /// Sets what was brought in of an asset.
    ///
    /// # Errors
    /// An amount that cannot be taken.
    pub fn set_seed_capital(&self, json: &str) -> Result<String, Wrong> {
        #[rustfmt::skip]
        const SEED: [Field<(Id, Option<Decimal>)>; 2] = [
            Field::required("capital", |s, n, v| { s.1 = Some(read::number(v, n)?); Ok(()) }),
            Field::optional("asset", |s, n, v| { s.0 = read::id(v, n)?; Ok(()) }),
        ];
        let value = parsed(json)?;
        let mut seed = (Id::new("USDT").unwrap_or_default(), None);
        read::fill(&mut seed, &SEED, read::object(&value, "seed")?)?;
        let (asset, Some(amount)) = seed else { return Err(Wrong::missing("capital")) };
        let verdict = self.settle(Input::Seed { asset, amount }, None)?;
        Ok(self.outcome(&verdict))
    }

    /// Sets the venue's instruments and rates. The answer lists the instruments.
    ///
    /// # Errors
    /// A key or a value that cannot be taken, by name.
    pub fn set_exchange_config(&self, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        self.configure(read::object(&value, "config")?)?;
        let state = self.drain.settled()?;
        let mut object = Object::begin();
        let rules = state.core.kernel().instruments();
        object.texts("instruments", rules.iter().map(|rules| rules.spec.symbol.as_str()));
        drop(state);
        Ok(self.told(object))
    }

    fn configure(&self, config: &Fields<'_>) -> Result<(), Wrong> {
        let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = exchange.updated(config)?;
        for spec in changed.specs()? {
            let input = Input::instrument(spec.clone());
            let place = format!("instruments.{}.", spec.symbol);
            let mut state = self.drain.open()?;
            // The kernel's refusal comes first: the venue must not list what the kernel does not.
            let stamp = Stamp(state.core.kernel().now_ns());
            if let Err(refusal) = state.core.kernel().validate(stamp, &input) {
                return Err(refused_detail(&refusal.detail, refusal.code).within(&place));
            }
            if state.core.simulated_venue().is_some() {
                let listed = self.drain.guarded(&mut state, |state| {
                    Ok(state.core.with_venue(|venue, _, _| venue.add_instrument(&spec))?)
                });
                listed.map_err(|error| Wrong::from(error).within(&place))?;
            }
            drop(state);
            self.settle(input, None).map_err(|wrong| wrong.within(&place))?;
        }
        *exchange = changed;
        Ok(())
    }

    fn open_with(&self, opening: &Value<'_>) -> Result<(), Wrong> {
        let now_ns = self.drain.open()?.latest_ns();
        let opening = values::opening(opening, now_ns)?;
        let time_ns = opening.timestamp_ns;
        self.settle(Input::Opening(Box::new(opening)), Some(time_ns)).map(drop)
    }

    /// Takes over trades known from elsewhere: all of them, or none.
    ///
    /// # Errors
    /// One that cannot be read, by its place.
    pub fn reconcile_slots(&self, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        let (slots, by) = match &value {
            Value::List(_) => (&value, "reconcile"),
            other => {
                let given = read::object(other, "slots")?;
                let field =
                    |name: &str| given.iter().find(|(field, _)| field == name).map(|(_, value)| value);
                if let Some((name, value)) = given.iter().find(|(name, _)| name != "slots" && name != "by") {
                    return Err(read::unknown(name, value, ["slots", "by"].into_iter()));
                }
                let by = field("by").map_or(Ok("reconcile"), |by| read::text(by, "by"))?;
                (field("slots").ok_or_else(|| Wrong::missing("slots"))?, by)
            }
        };
        let by = Id::new(by).map_err(|_| Wrong::value("by", by, "is longer than 64 bytes"))?;
        let known = values::known(slots, "slots")?;
        let input = Input::Adopt(Box::new(AdoptedSlots { by, slots: known.slots }));
        let given = self.put(input, None, Patience::Answer)?;
        let mut extra = FieldValues::default();
        if !known.orders.is_empty() && given.answer.outcome.accepted {
            let row = |(slot_id, id): (u32, Id)| {
                answer::fields([
                    ("slot_id", FieldValue::Whole(slot_id.into())),
                    ("venue_client_id", FieldValue::Text(id.as_str().into())),
                ])
            };
            let rows = known.orders.into_iter().map(row).collect();
            extra.0.push(("orders_to_attach".into(), FieldValue::List(rows)));
        }
        Ok(self.outcome(&verdict(given, extra)))
    }

    /// Takes an operator's change of a slot: attributed, validated as a whole, and in the log.
    ///
    /// # Errors
    /// The kernel refuses it: by field and value. Nothing has changed.
    pub fn set_slot(&self, slot_id: u32, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        let change = values::slot_override(slot_id, read::object(&value, "override")?)?;
        let verdict = self.settle(Input::Override(Box::new(change)), None)?;
        Ok(self.outcome(&verdict))
    }

    /// Takes a fee that was seen, and holds it against the prediction.
    ///
    /// # Errors
    /// A number that cannot be taken, or an instrument that is not known.
    pub fn calibrate_fee(&self, json: &str) -> Result<String, Wrong> {
        let value = parsed(json)?;
        let mut sample = values::fee(read::object(&value, "sample")?)?;
        if sample.symbol.is_empty() {
            let state = self.drain.settled()?;
            match state.core.kernel().instruments() {
                [only] => sample.symbol = only.spec.symbol.clone(),
                other => {
                    let why = format!("is needed: the kernel has {} instruments", other.len());
                    return Err(Wrong::value("asset", "", why));
                }
            }
        }
        let (symbol, liquidity) = (sample.symbol.clone(), sample.liquidity.unwrap_or(Liquidity::Taker));
        self.settle(Input::Calibration(Box::new(sample)), None)?;
        let state = self.drain.settled()?;
        let kernel = state.core.kernel();
        let found = kernel.instrument_of(&symbol).and_then(|place| kernel.calibration(place, liquidity));
        let object = found.map_or_else(Object::begin, |calibration| {
            let asset = calibration.meter.last.as_ref().map_or(0, |reading| reading.expected_asset);
            let name = kernel.assets().get(usize::from(asset)).map(|asset| asset.name.clone());
            answer::calibration(&calibration, &name.unwrap_or_default())
        });
        drop(state);
        Ok(self.told(object))
    }

    /// Takes the price that positions are valued at.
    ///
    /// # Errors
    /// A price that cannot be taken.
    pub fn mark_price(&self, json: &str) -> Result<String, Wrong> {
        let mark = Market::read(json, &MARK)?;
        let price = mark.price.ok_or_else(|| Wrong::missing("price"))?;
        let venue_time_ns = mark.time_ns.unwrap_or_default();
        let input = Input::Mark { symbol: mark.asset, price, venue_time_ns, ages: false };
        let given = self.put(input, mark.time_ns, Patience::None)?;
        Ok(self.outcome(&verdict(given, FieldValues::default())))
    }

    /// Shows the simulated venue a new best quote.
    ///
    /// # Errors
    /// A value that cannot be taken, or the kernel has no simulated venue.
    pub fn quote(&self, json: &str) -> Result<String, Wrong> {
        let quote = Market::read(json, &QUOTE)?;
        let bid = quote.bid.ok_or_else(|| Wrong::missing("bid"))?;
        let ask = quote.ask.ok_or_else(|| Wrong::missing("ask"))?;
        self.drain.play(Hold::Takes, quote.time_ns, |engine| {
            engine.with_venue(|venue, now_ns, out| {
                venue.quote(now_ns, &quote.asset, bid, quote.bid_size, ask, quote.ask_size, out)
            })
        })?;
        Ok(self.told(Object::begin()))
    }

    /// Moves kernel time forward.
    ///
    /// # Errors
    /// A time before the kernel's, or ahead of the machine's clock where the kernel goes by that.
    pub fn advance_time(&self, json: &str) -> Result<String, Wrong> {
        let to = Market::read(json, &TIME)?.time_ns.ok_or_else(|| Wrong::missing("timestamp"))?;
        let mut state = self.drain.open()?;
        let (clock, last_ns, clock_ns) = (state.core.clock(), state.latest_ns(), state.core.clock_ns());
        drop(state);
        if to < last_ns {
            let why = format!("is before the kernel's time, {last_ns} ns: kernel time runs forward only");
            return Err(Wrong::value("timestamp", to.to_string(), why));
        }
        if clock == Clock::System && to > clock_ns {
            let why = "is ahead of the machine's clock, which this kernel goes by: make it with \"clock\": \"manual\"";
            return Err(Wrong::value("timestamp", to.to_string(), why));
        }
        let given = self.put(Input::Time, Some(to), Patience::None)?;
        Ok(self.outcome(&verdict(given, FieldValues::default())))
    }

    // ----------------------------------------------------------------------------------------------- reads

    /// A slot as it is now.
    ///
    /// # Errors
    /// There is none of that number.
    pub fn slot(&self, slot_id: u32) -> Result<String, Wrong> {
        let state = self.drain.settled()?;
        let view = slot_view(state.core.kernel(), slot_id);
        drop(state);
        let view =
            view.ok_or_else(|| Wrong::value("slot_id", slot_id.to_string(), "is not below max_slots"))?;
        Ok(dita_engine::json::slot(&view))
    }

    /// Controls, slots and account.
    ///
    /// # Errors
    /// The kernel cannot be read.
    pub fn snapshot(&self) -> Result<String, Wrong> {
        Ok(answer::snapshot(self.drain.settled()?.core.kernel()))
    }

    /// BLAKE3 of the whole trading state, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// The kernel cannot be read.
    pub fn state_hash(&self) -> Result<String, Wrong> {
        let hash = self.drain.settled()?.core.kernel().state_hash();
        Ok(hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// What the caller has to carry out and has not taken yet.
    ///
    /// # Errors
    /// The kernel cannot be used.
    pub fn take_effects(&self) -> Result<String, Wrong> {
        drop(self.drain.open()?);
        Ok(self.told(Object::begin()))
    }

    // ------------------------------------------------------------------------------------- the binary form

    /// Answers a message of the protocol.
    ///
    /// # Errors
    /// The bytes are no message that has a place here, or the kernel takes nothing.
    #[inline]
    pub fn call(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Wrong> {
        let (number, request) = Request::decode(bytes)
            .map_err(|_| malformed("the bytes are no message of this version of the protocol"))?;
        let reply = match request {
            Request::Intents { intents, .. } => return self.intents(intents, number, out),
            Request::Slot(slot_id) => {
                let state = self.drain.settled()?;
                let view = slot_view(state.core.kernel(), slot_id)
                    .ok_or_else(|| Wrong::value("slot_id", slot_id.to_string(), "is not below max_slots"))?;
                Reply::Slot(state.core.kernel().seq(), Box::new(view))
            }
            Request::Orders { venue_client_id, live_only } => self.orders(&venue_client_id, live_only)?,
            Request::Read { topic, name } => Reply::Text(self.topic(topic, &name)?),
            Request::Hello(_)
            | Request::Bye
            | Request::Note { .. }
            | Request::Noted
            | Request::Noting { .. }
            | Request::Override(_)
            | Request::Channel
            | Request::Past { .. } => {
                return Err(malformed("has no place here: this kernel is yours, there is no lease"));
            }
        };
        reply.encode(number, VERSION, out);
        Ok(())
    }

    #[inline]
    fn intents(&self, intents: Vec<Intent>, number: u32, out: &mut Vec<u8>) -> Result<(), Wrong> {
        if intents.len() > BATCH_MAX {
            let given = format!("{} intents", intents.len());
            return Err(Wrong::value("intents", given, "are more than 1,024 at once"));
        }
        message::begin_verdicts(number, intents.len() as u16, out);
        if intents.len() <= 1 || !self.drain.has_log() {
            for intent in intents {
                let (answer, details) = self.take(Box::new(intent), None)?;
                Verdict::put_answer(&answer, &details, out);
            }
            return Ok(());
        }
        // With a log all of them become durable together.
        let time_ns = intents.iter().map(|intent| intent.timestamp_ns).max();
        let inputs = intents.into_iter().map(|intent| Input::Intent(Box::new(intent))).collect();
        let given = self.drain.put_batch(Hold::Takes, inputs, time_ns)?;
        for given in given {
            let (answer, details) = answered(given, FieldValues::default());
            Verdict::put_answer(&answer, &details, out);
        }
        Ok(())
    }

    fn orders(&self, venue_client_id: &Id, live_only: bool) -> Result<Reply, Wrong> {
        let state = self.drain.settled()?;
        let kernel = state.core.kernel();
        if venue_client_id.is_empty() {
            return Ok(Reply::Orders(order_views(kernel, live_only)));
        }
        let place = kernel.orders().by_client_id(venue_client_id);
        let found = place.and_then(|place| order_view(kernel, kernel.orders().at(place)));
        Ok(Reply::Orders(found.into_iter().collect()))
    }

    fn topic(&self, topic: Topic, name: &Id) -> Result<String, Wrong> {
        let state = self.drain.settled()?;
        let kernel = state.core.kernel();
        Ok(match topic {
            Topic::Account => {
                let place = if name.is_empty() { Some(0) } else { kernel.asset_of(name) };
                place.and_then(|place| asset_json(kernel, "", place)).unwrap_or_default()
            }
            Topic::Control => control_json(kernel, ""),
            Topic::Health => health_json(kernel, "", state.core.room(), state.core.durable_seq()),
            Topic::Instrument | Topic::Positions | Topic::Ledger => {
                return Err(malformed("is not read by bytes: dita_kernel_snapshot_json has what there is"));
            }
        })
    }

    /// Has the next step panic: for the tests of what becomes of a caller then.
    #[doc(hidden)]
    pub fn panic_in_a_step(&self) -> Result<(), Wrong> {
        let mut state = self.drain.open()?;
        self.drain.guarded(&mut state, |_| panic!("asked for by a test")).map_err(Wrong::from)
    }
}

fn verdict(given: Given<Caller>, extra: FieldValues) -> Verdict {
    let (answer, details) = answered(given, extra);
    Verdict::of(answer, details)
}

/// What was given, with its particulars by name.
#[inline]
fn answered(given: Given<Caller>, mut extra: FieldValues) -> (Answer, FieldValues) {
    if given.queued {
        extra.0.push(("queued".into(), FieldValue::Flag(true)));
    }
    let details = answer::particulars(&given.answer, extra);
    (given.answer, details)
}

#[cold]
fn malformed(why: &str) -> Wrong {
    Wrong::because(Code::Malformed, why)
}

#[cold]
fn refused(outcome: &Outcome) -> Wrong {
    refused_detail(&outcome.detail, outcome.code)
}

#[cold]
fn refused_detail(detail: &Detail, code: Diagnostic) -> Wrong {
    match detail {
        Detail::Field { field, value, why } => Wrong::value(field, &**value, *why),
        _ => Wrong::value("input", "", code.name()),
    }
}

/// What came of an effect and is no event of an order: a leverage, or an order that surely never left.
fn effect_result(given: &Fields<'_>) -> Result<Option<EffectResult>, Wrong> {
    struct Reported {
        asset: Id,
        venue_client_id: Id,
        leverage: Option<Decimal>,
        reason: Box<str>,
    }
    #[rustfmt::skip]
    const REPORTED: [Field<Reported>; 6] = [
        Field::required("kind", |_, _, _| Ok(())),
        Field::optional("timestamp", |_, n, v| read::time(v, n).map(drop)),
        Field::optional("asset", |t, n, v| { t.asset = read::id(v, n)?; Ok(()) }),
        Field::optional("venue_client_id", |t, n, v| { t.venue_client_id = read::id(v, n)?; Ok(()) }),
        Field::optional("leverage", |t, n, v| { t.leverage = read::price(v, n)?; Ok(()) }),
        Field::optional("reason", |t, n, v| { t.reason = read::long_text(v, n)?; Ok(()) }),
    ];
    let kind = given.iter().find(|(name, _)| name == "kind").map(|(_, value)| value);
    let Some(Value::Text(kind)) = kind else { return Ok(None) };
    if !matches!(&**kind, "LEVERAGE_SET" | "LEVERAGE_REFUSED" | "NOT_SENT") {
        return Ok(None);
    }
    let mut told =
        Reported { asset: Id::EMPTY, venue_client_id: Id::EMPTY, leverage: None, reason: "".into() };
    read::fill(&mut told, &REPORTED, given)?;
    let named = |id: Id, field: &str| if id.is_empty() { Err(Wrong::missing(field)) } else { Ok(id) };
    Ok(Some(match &**kind {
        "LEVERAGE_SET" => EffectResult::LeverageSet {
            symbol: named(told.asset, "asset")?,
            leverage: told.leverage.ok_or_else(|| Wrong::missing("leverage"))?,
        },
        "LEVERAGE_REFUSED" => {
            EffectResult::LeverageRefused { symbol: named(told.asset, "asset")?, reason: told.reason }
        }
        _ => EffectResult::NotSent {
            venue_client_id: named(told.venue_client_id, "venue_client_id")?,
            reason: told.reason,
        },
    }))
}

/// A mark, a quote, or a time.
#[derive(Default)]
struct Market {
    asset: Id,
    price: Option<Decimal>,
    bid: Option<Decimal>,
    bid_size: Option<Decimal>,
    ask: Option<Decimal>,
    ask_size: Option<Decimal>,
    time_ns: Option<i64>,
}

#[rustfmt::skip]
const MARK: [Field<Market>; 3] = [
    Field::required("asset", |m, n, v| { m.asset = read::id(v, n)?; Ok(()) }),
    Field::required("price", |m, n, v| { m.price = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("timestamp", |m, n, v| { m.time_ns = read::perhaps_time(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const QUOTE: [Field<Market>; 6] = [
    Field::required("asset", |m, n, v| { m.asset = read::id(v, n)?; Ok(()) }),
    Field::required("bid", |m, n, v| { m.bid = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("bid_size", |m, n, v| { m.bid_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::required("ask", |m, n, v| { m.ask = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("ask_size", |m, n, v| { m.ask_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("timestamp", |m, n, v| { m.time_ns = read::perhaps_time(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const TIME: [Field<Market>; 1] = [
    Field::required("timestamp", |m, n, v| { m.time_ns = Some(read::time(v, n)?); Ok(()) }),
];

impl Market {
    fn read(json: &str, table: &[Field<Market>]) -> Result<Market, Wrong> {
        let value = parsed(json)?;
        let mut market = Market::default();
        read::fill(&mut market, table, read::object(&value, "the argument")?)?;
        Ok(market)
    }
}

/// An outcome of a reply as JSON, without effects.
///
/// # Errors
/// The bytes are no reply with so many outcomes.
pub fn outcome_json(reply: &[u8], at: usize) -> Result<String, Wrong> {
    Ok(answer::outcome(&verdict_of(reply, at)?).end())
}

/// An outcome of a reply.
///
/// # Errors
/// The bytes are no reply with so many outcomes.
pub fn verdict_of(reply: &[u8], at: usize) -> Result<Verdict, Wrong> {
    match Reply::decode(reply, VERSION) {
        Ok((_, Reply::Verdicts(mut verdicts))) if at < verdicts.len() => Ok(verdicts.swap_remove(at)),
        Ok((_, Reply::Verdicts(verdicts))) => {
            let why = format!("is not below {}, the outcomes of this reply", verdicts.len());
            Err(Wrong::value("index", at.to_string(), why))
        }
        Ok(_) | Err(_) => Err(malformed("the bytes are no reply with outcomes")),
    }
}

/// Writes a request of intents.
pub fn encode_intents(intents: Vec<Intent>, number: u32, out: &mut Vec<u8>) {
    Request::Intents { again: false, intents }.encode(number, out);
}
