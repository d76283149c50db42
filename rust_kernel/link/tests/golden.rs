//! The bytes of every message in every version that a server speaks. `DITA_GOLDEN=write` writes them anew: a change of an old
//! version's bytes breaks the programs that speak it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::path::PathBuf;

use dita_engine::form::{FieldValue, FieldValues};
use dita_engine::{Amend, OrderView, Past, PastEvent, TransitionRecord, blank_slot};
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ExitSpec, Intent, Provenance, RareFields, SlotOverride, VenueEvent};
use dita_kernel::names::{
    ExitKind, KernelCommandType, KernelDiagnosticCode, KernelEventKind, KernelMode, KernelVerbosity,
    Liquidity, OrderSide, OrderType, PositionSide, Regime, Severity, TimeInForce, TradeSide, TradeStage,
    TriggerBy, VenueOrderStatus,
};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::slot::table::Symbol;
use dita_link::Policy;
use dita_link::message::{
    Happening, Hello, MAGIC, Malformed, News, Refused, Reply, Request, Topic, VERSION, VERSION_OLDEST,
    Verdict, Welcome, Why,
};

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn number(mantissa: i128, scale: u8) -> Decimal {
    Decimal::new(mantissa, scale).unwrap()
}

fn intent() -> Intent {
    let mut intent =
        Intent::new(KernelCommandType::Enter, id("a:1"), id("t"), 3, id("BTCUSDT"), TradeSide::Short);
    intent.timestamp_ns = 7;
    intent.owner = id("a");
    intent.target_size = Some(number(25, 2));
    intent.limit_price = Some(number(600_001, 1));
    intent.order_type = OrderType::Limit;
    intent.time_in_force = TimeInForce::Gtd;
    intent.expire_time_ns = Some(9);
    intent.exit_leg_ratios = vec![number(5, 1), number(5, 1)];
    intent.metadata = "{\"a\":1}".into();
    let (source_run, override_ref) = (id("run"), Id::EMPTY);
    intent.provenance = Some(Box::new(Provenance { source_run, regime: Some(Regime::Normal), override_ref }));
    let exit = ExitSpec {
        kind: ExitKind::Stop,
        trigger_price: Some(number(59, 0)),
        offset: None,
        limit_price: None,
        ratio: Decimal::ONE,
        trigger_by: TriggerBy::Mark,
    };
    intent.attached =
        Some(Box::new(Attachment { add: false, trigger_by: TriggerBy::Last, exits: vec![exit] }));
    intent
}

fn event() -> VenueEvent {
    let mut event = VenueEvent::new(KernelEventKind::FullFill, 11);
    event.status = Some(VenueOrderStatus::Filled);
    event.order_side = Some(OrderSide::Sell);
    event.position_side = Some(PositionSide::Both);
    event.side = Some(TradeSide::Short);
    event.liquidity = Some(Liquidity::Taker);
    event.slot_id = Some(3);
    event.venue_client_id = id("c1");
    event.asset = id("BTCUSDT");
    event.price = Some(number(600_001, 1));
    event.size = Some(number(25, 2));
    event.fee = Some(number(-1, 3));
    event.realized_pnl = Some(number(-7, 2));
    event.venue_sequence = Some(5);
    event.rare = Some(Box::new(RareFields {
        reason: "why".into(),
        retry_after_ms: Some(250),
        ..RareFields::default()
    }));
    event
}

fn order() -> OrderView {
    let amend = Amend { request_id: id("r"), size: Decimal::ONE, limit_price: None, trigger_price: None };
    OrderView {
        venue_client_id: id("c1"),
        asset: id("BTCUSDT"),
        slot_id: Some(3),
        other_venue_ids: vec![id("v2")],
        limit_price: Some(number(600_001, 1)),
        pending_amend: Some(Box::new(amend)),
        ..OrderView::blank()
    }
}

fn change() -> TransitionRecord {
    TransitionRecord {
        timestamp_ns: 12,
        seq: 8,
        slot_id: 3,
        trade_id: id("t"),
        prev_state: TradeStage::Idle,
        next_state: TradeStage::OrderRequested,
        trigger: Symbol::Enter,
        rule: 1,
        intent_id: id("a:1"),
        event_id: Id::EMPTY,
        mode: KernelMode::Paper,
        verbosity: KernelVerbosity::Normal,
    }
}

fn override_of_all() -> SlotOverride {
    SlotOverride {
        trade_id: Some(id("t")),
        asset: Some(id("BTCUSDT")),
        side: Some(TradeSide::Short),
        size: Some(number(25, 2)),
        entry_price: Some(number(600_001, 1)),
        initial_size: Some(number(5, 1)),
        realized_pnl: Some(number(-3, 0)),
        leverage: Some(number(2, 0)),
        exit_leg_ratios: Some(vec![number(5, 1), number(5, 1)]),
        close_reason: Some(id("BY_HAND")),
        closed: Some(false),
        unprotected: Some(true),
        metadata: Some("{}".into()),
        entry_order: Some(id("v1")),
        exit_order: Some(id("v2")),
        ..SlotOverride::new(3, id("ops"), "why".into())
    }
}

fn requests() -> Vec<(&'static str, Request)> {
    let hello = Hello {
        magic: MAGIC,
        oldest: 1,
        newest: 2,
        account: id("main"),
        name: id("a"),
        slots: 2,
        policy: Policy::Flatten,
        grace_ms: 5_000,
        secret: "s".into(),
        market: true,
    };
    vec![
        ("hello", Request::Hello(Box::new(hello))),
        ("intents", Request::Intents { again: false, intents: vec![intent()] }),
        ("intents_again", Request::Intents { again: true, intents: vec![intent(), intent()] }),
        ("slot", Request::Slot(3)),
        ("order", Request::Orders { venue_client_id: id("c1"), live_only: false }),
        ("orders", Request::Orders { venue_client_id: Id::EMPTY, live_only: true }),
        ("read", Request::Read { topic: Topic::Instrument, name: id("BTCUSDT") }),
        ("bye", Request::Bye),
        ("note", Request::Note { told_seq: 7, text: "{}".into() }),
        ("noted", Request::Noted),
        ("past", Request::Past { after_seq: 3, until_seq: 9 }),
        ("read_positions", Request::Read { topic: Topic::Positions, name: Id::EMPTY }),
        ("read_ledger", Request::Read { topic: Topic::Ledger, name: Id::EMPTY }),
        ("override", Request::Override(Box::new(SlotOverride::new(3, id("ops"), "why".into())))),
        ("override_all", Request::Override(Box::new(override_of_all()))),
        ("channel", Request::Channel),
        (
            "noting",
            Request::Noting {
                again: true,
                told_seq: 7,
                text: "{}".into(),
                intents: vec![intent(), intent()],
            },
        ),
    ]
}

fn replies() -> Vec<(&'static str, Reply)> {
    let welcome = Welcome {
        version: 2,
        host: id("h"),
        account: id("main"),
        slots: vec![3, 4],
        again: true,
        slots_max: 8,
        seq: 7,
        now_ns: 12,
        assets: vec![id("USDT")],
        instruments: vec![id("BTCUSDT")],
        plane_directory: "/dev/shm/d".into(),
        plane_name: "h.main".into(),
    };
    let refused =
        Refused { pid: 42, since_ns: 13, ..Refused::because(Why::LeaseHeld, "another process holds it") };
    let row = FieldValues(vec![
        ("code".into(), FieldValue::Text("LATE_FILL".into())),
        ("slot_id".into(), FieldValue::Nothing),
    ]);
    let details = FieldValues(vec![
        ("value".into(), FieldValue::Number(Decimal::ONE)),
        ("limit".into(), FieldValue::Money(Money(1))),
        ("retry_after_ms".into(), FieldValue::Whole(250)),
        ("retryable".into(), FieldValue::Flag(true)),
        ("orders".into(), FieldValue::Texts(vec!["c1".into()])),
        ("notices".into(), FieldValue::List(vec![row])),
    ]);
    let verdict = Verdict {
        seq: 8,
        accepted: true,
        code: KernelDiagnosticCode::Ok,
        severity: Severity::Info,
        slot_id: Some(3),
        state: Some(TradeStage::OrderSent),
        trade_id: id("t"),
        durable: true,
        transitions: vec![change()],
        events: vec![event()],
        details,
    };
    let happening = |order| Happening { change: change(), event: Some(Box::new(event())), order };
    let mut slot = blank_slot(3);
    slot.active_entry_order = Some(order());
    slot.cost = Money(-5);
    let past = |order| PastEvent { slot: slot.clone(), event: event(), order };
    let news = News {
        seq: 8,
        slots: vec![slot.clone()],
        happenings: vec![happening(Some(Box::new(order()))), happening(None)],
    };
    vec![
        ("welcome", Reply::Welcome(Box::new(welcome))),
        ("refused", Reply::Refused(Box::new(refused))),
        ("verdicts", Reply::Verdicts(vec![verdict])),
        ("slot_is", Reply::Slot(8, Box::new(slot.clone()))),
        ("orders_are", Reply::Orders(vec![order()])),
        ("text", Reply::Text("{}".into())),
        ("table", Reply::Table(FieldValues(vec![("tick_size".into(), FieldValue::Number(number(1, 1)))]))),
        ("gone", Reply::Gone),
        ("news", Reply::News(Box::new(news))),
        ("gap", Reply::Gap { from: 3, to: 9 }),
        ("slots", Reply::Slots(9, vec![slot.clone()])),
        ("market", Reply::Market(17)),
        ("closing", Reply::Closing("the server ends".into())),
        ("note_is", Reply::Note(Some((7, 12, "{}".into())))),
        ("no_note", Reply::Note(None)),
        ("past_is", Reply::Past(Past { events: vec![past(Some(order())), past(None)], left_out: 2 })),
        ("channel_is", Reply::Channel),
        ("wake", Reply::Wake),
    ]
}

/// What only version 3 and later ones have.
const FROM_3: [&str; 8] =
    ["note", "noted", "past", "read_positions", "read_ledger", "note_is", "no_note", "past_is"];
/// What only version 4 and later ones have.
const FROM_4: [&str; 3] = ["noting", "override", "override_all"];
/// What only version 5 and later ones have.
const FROM_5: [&str; 3] = ["channel", "channel_is", "wake"];

fn line(name: &str, bytes: &[u8]) -> String {
    let mut line = format!("{name} ");
    bytes.iter().for_each(|byte| write!(line, "{byte:02x}").unwrap());
    line.push('\n');
    line
}

fn written(version: u16) -> String {
    let mut bytes = Vec::new();
    let mut lines = String::new();
    let from: [(u16, &[&str]); 3] = [(3, &FROM_3), (4, &FROM_4), (5, &FROM_5)];
    let has = |name: &str| from.iter().all(|(first, names)| version >= *first || !names.contains(&name));
    for (name, request) in requests().into_iter().filter(|(name, _)| has(name)) {
        request.encode(5, &mut bytes);
        lines += &line(name, &bytes);
    }
    for (name, reply) in replies().into_iter().filter(|(name, _)| has(name)) {
        reply.encode(5, version, &mut bytes);
        lines += &line(name, &bytes);
    }
    lines
}

#[test]
fn every_message_has_the_bytes_of_its_version() {
    for version in VERSION_OLDEST..=VERSION {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{version}.txt"));
        if std::env::var_os("DITA_GOLDEN").is_some() {
            std::fs::write(&path, written(version)).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        for (now, then) in written(version).lines().zip(golden.lines()) {
            assert_eq!(now, then, "version {version}");
        }
        assert_eq!(written(version), golden, "version {version}");
    }
}

#[test]
fn every_message_is_read_as_it_was_written_and_no_part_of_it_is() {
    let mut bytes = Vec::new();
    for (name, request) in requests() {
        request.encode(9, &mut bytes);
        assert_eq!(Request::decode(&bytes), Ok((9, request)), "{name}");
        for length in 0..bytes.len() {
            assert_eq!(Request::decode(&bytes[..length]), Err(Malformed), "{name}, {length} bytes of it");
        }
    }
    for (name, reply) in replies() {
        reply.encode(9, VERSION, &mut bytes);
        assert_eq!(Reply::decode(&bytes, VERSION), Ok((9, reply)), "{name}");
        for length in 0..bytes.len() {
            assert_eq!(
                Reply::decode(&bytes[..length], VERSION),
                Err(Malformed),
                "{name}, {length} bytes of it"
            );
        }
    }
}

#[test]
fn news_of_version_1_come_without_orders_and_profits() {
    let news = replies()
        .into_iter()
        .find_map(|(_, reply)| if let Reply::News(news) = reply { Some(news) } else { None });
    let mut news = news.unwrap();
    let mut bytes = Vec::new();
    Reply::News(news.clone()).encode(0, 1, &mut bytes);
    assert_eq!(Reply::decode(&bytes, VERSION), Err(Malformed), "the versions are the same");
    for happening in &mut news.happenings {
        happening.order = None;
        if let Some(event) = &mut happening.event {
            event.realized_pnl = None;
        }
    }
    assert_eq!(Reply::decode(&bytes, 1), Ok((0, Reply::News(news))));
}
