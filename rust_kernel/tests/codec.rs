//! The binary form: round trips, refusals, and a golden file that a change of format would break.

use crate::common::{dec, id};
use dita_kernel::codec::{CodecError, FORMAT_VERSION, decode, encode, encode_at};
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, AdoptedSlot, AdoptedSlots, ControlChange, EffectResult, FeeSample, FundingTerms, Input,
    InstrumentSpec, Intent, OpeningOrder, OpeningPosition, OpeningState, RareFields, Recalled, RecalledEvent,
    RiskLimits, SlotOverride, VenueEvent, Verdict,
};
use dita_kernel::names::{
    AccountEventKind, ControlGate, KernelCommandType, KernelEventKind, Liquidity, OrderSide, OrderType,
    PositionSide, TradeSide,
};
use proptest::prelude::*;
use serde::{Serialize, Serializer};

/// One of each kind of input, with seldom fields set.
fn samples() -> Vec<(&'static str, Input)> {
    let mut intent = Intent::new(
        KernelCommandType::Enter,
        id("intent-1"),
        id("a-trade-id-longer-than-thirty-one-bytes"),
        7,
        id("BTCUSDT"),
        TradeSide::Short,
    );
    intent.target_size = Some(dec("0.013"));
    intent.exit_leg_ratios = vec![dec("0.5"), dec("0.5")];
    intent.metadata = "{\"why\":\"test\"}".into();
    intent.owner = id("scalper");
    let mut fill = VenueEvent::new(KernelEventKind::PartialFill, 1_700_000_000_000_000_000);
    fill.venue_client_id = id("D0000000000000000000001000000");
    fill.order_side = Some(OrderSide::Sell);
    fill.liquidity = Some(Liquidity::Maker);
    fill.price = Some(dec("61800.30"));
    fill.fee = Some(dec("-0.00000001"));
    fill.venue_sequence = Some(i64::MAX);
    fill.rare = Some(Box::new(RareFields { retry_after_ms: Some(250), ..RareFields::default() }));
    let mut funding = AccountEvent::new(AccountEventKind::FundingFee, -1);
    funding.amount = Some(dec("-1.5"));
    funding.venue_sequence = Some(41);
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let limits = RiskLimits { max_open_slots: Some(3), ..RiskLimits::default() };
    let control =
        ControlChange { gate: Some(ControlGate::Halted), limits: Some(limits), ..ControlChange::default() };
    let terms = FundingTerms {
        symbol: id("BTCUSDT"),
        rate: Some(dec("0.0001")),
        next_boundary_ns: Some(1_700_006_400_000_000_000),
        interval_secs: None,
        mark_price: None,
        venue_time_ns: 7,
    };
    let mut by_hand = SlotOverride::new(2, id("ops"), "wrong size".into());
    by_hand.size = Some(dec("0.5"));
    let sample = FeeSample {
        symbol: id("BTCUSDT"),
        price: dec("100"),
        size: dec("1"),
        fee: dec("0.05"),
        fee_asset: Id::EMPTY,
        order_side: Some(OrderSide::Buy),
        liquidity: None,
    };
    let recalled = Recalled {
        verdict: Verdict::Booked { seq: 300 },
        event: RecalledEvent::Venue(Box::new(fill.clone())),
    };
    let taken = Recalled {
        verdict: Verdict::Removed { seq: 300, time_ns: Some(-60) },
        event: RecalledEvent::Intent(Box::new(intent.clone())),
    };
    let set = EffectResult::LeverageSet { symbol: id("BTCUSDT"), leverage: dec("5") };
    vec![
        ("intent", Input::Intent(Box::new(intent))),
        ("venue", Input::Venue(Box::new(fill))),
        ("account", Input::Account(Box::new(funding))),
        ("instrument", Input::Instrument(Box::new(spec))),
        ("seed", Input::Seed { asset: id("USDT"), amount: dec("10000") }),
        ("mark", Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: 5, ages: false }),
        ("time", Input::Time),
        ("effect", Input::Effect(set)),
        ("control", Input::Control(Box::new(control))),
        ("opening", Input::Opening(Box::new(opening()))),
        ("funding", Input::Funding(Box::new(terms))),
        ("adopt", Input::Adopt(Box::new(AdoptedSlots { by: id("ops"), slots: vec![adopted()] }))),
        ("override", Input::Override(Box::new(by_hand))),
        ("calibration", Input::Calibration(Box::new(sample))),
        ("edge", Input::Edge { symbol: id("BTCUSDT"), edge_bps: dec("-0.5") }),
        ("restart", Input::Restart),
        ("recalled", Input::Recalled(Box::new(recalled))),
        ("taken", Input::Recalled(Box::new(taken))),
    ]
}

#[test]
fn an_intents_id_is_read_from_its_bytes_alone() {
    for (name, input) in samples() {
        let mut bytes = Vec::new();
        encode(&input, &mut bytes).unwrap();
        let id = if let Input::Intent(intent) = &input { Some(intent.intent_id.clone()) } else { None };
        assert_eq!(dita_kernel::codec::intent_id(&bytes), id, "{name}");
        assert_eq!(dita_kernel::codec::intent_id(&bytes[1..]), None, "{name}: another version");
    }
}

fn opening() -> OpeningState {
    let position = OpeningPosition {
        symbol: id("BTCUSDT"),
        position_side: PositionSide::Both,
        size: dec("-0.25"),
        entry_price: dec("61800.3"),
    };
    let order = OpeningOrder {
        symbol: id("BTCUSDT"),
        venue_order_id: id("8389765"),
        venue_client_id: id("web-1"),
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Limit,
        size: dec("0.1"),
        filled_size: dec("0.05"),
        price: Some(dec("60000")),
        reduce_only: true,
    };
    OpeningState {
        timestamp_ns: 9,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: vec![position],
        orders: vec![order],
        fill_cursor: id("f-9"),
        income_cursor: Id::EMPTY,
    }
}

fn adopted() -> AdoptedSlot {
    AdoptedSlot {
        slot_id: 1,
        trade_id: id("t"),
        owner: id("scalper"),
        asset: id("BTCUSDT"),
        side: TradeSide::Long,
        size: dec("0.5"),
        entry_price: dec("100"),
        initial_size: dec("1"),
        realized_pnl: dec("2"),
        fees_paid: dec("0.1"),
        funding_net: dec("-0.01"),
        leverage: dec("3"),
        exit_leg_ratios: vec![dec("0.5"), dec("0.5")],
        entry_time_ns: 11,
        metadata: "".into(),
    }
}

fn bytes_of(input: &Input) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(input, &mut bytes).unwrap();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_input_comes_back_as_it_was() {
    for (name, input) in samples() {
        assert_eq!(decode::<Input>(&bytes_of(&input)).as_ref(), Ok(&input), "{name}");
    }
}

#[test]
fn the_format_is_the_golden_files() {
    let now: String =
        samples().iter().map(|(name, input)| format!("{name} {}\n", hex(&bytes_of(input)))).collect();
    if std::env::var_os("DITA_RECORD_INPUTS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/inputs_v2.txt");
        std::fs::write(path, &now).expect("the golden file can be written");
        return;
    }
    let golden = include_str!("../../tests/golden/inputs_v2.txt");
    assert_eq!(
        golden, now,
        "the binary form changed: raise FORMAT_VERSION after a release, else DITA_RECORD_INPUTS=1"
    );
}

#[test]
fn damaged_bytes_are_refused_and_never_panic() {
    for (name, input) in samples() {
        let bytes = bytes_of(&input);
        assert_eq!(decode::<Input>(&[]), Err(CodecError::Empty));
        for cut in 1..bytes.len() {
            assert_eq!(decode::<Input>(&bytes[..cut]), Err(CodecError::Malformed), "{name} cut at {cut}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode::<Input>(&longer), Err(CodecError::TrailingBytes { count: 1 }), "{name}");
        let mut other = bytes.clone();
        other[0] = FORMAT_VERSION + 1;
        assert_eq!(decode::<Input>(&other), Err(CodecError::Version { found: FORMAT_VERSION + 1 }), "{name}");
        for at in 1..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                // Whatever it is now, reading it is an answer and not a panic.
                let _ = decode::<Input>(&flipped);
            }
        }
    }
}

/// What postcard itself writes, behind the version.
fn by_postcard<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![FORMAT_VERSION];
    bytes.extend(postcard::to_allocvec(value).unwrap());
    bytes
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).unwrap();
    bytes
}

#[test]
fn inputs_are_written_as_postcard_writes_them() {
    for (name, input) in samples() {
        assert_eq!(hex(&bytes_of(&input)), hex(&by_postcard(&input)), "{name}");
    }
}

#[derive(Serialize)]
enum Shape {
    Unit,
    New(u16),
    Tuple(i8, i16),
    Named { wide: i128, text: String },
}

#[derive(Serialize)]
struct Marker;

#[derive(Serialize)]
struct Pair(u8, u64);

#[test]
fn every_kind_of_value_is_written_as_postcard_writes_it() {
    let map: std::collections::BTreeMap<u32, Option<bool>> = [(1, None), (1 << 20, Some(true))].into();
    let value = (
        (Shape::Unit, Shape::New(300), Shape::Tuple(-128, -300)),
        Shape::Named { wide: -1 << 100, text: "é".into() },
        (Marker, (), Pair(1, 1 << 40), 'ß', map, vec![Some("x"), None], [i32::MIN, i32::MAX], usize::MAX),
    );
    assert_eq!(hex(&written(&value)), hex(&by_postcard(&value)));
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct NoFields();

#[derive(Serialize)]
struct Wrapped(u8);

#[derive(Serialize)]
enum Empty {
    Tuple(),
    Named {},
}

/// A value that asks whom it is written for.
struct Asks;

impl Serialize for Asks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str("text")
        } else {
            serializer.serialize_u8(7)
        }
    }
}

#[test]
fn a_value_alone_is_written_as_postcard_writes_it() {
    // Nothing follows that could show that it is not there.
    fn same<T: Serialize>(what: &str, value: T) {
        assert_eq!(hex(&written(&value)), hex(&by_postcard(&value)), "{what}");
    }
    same("bool", true);
    same("i8", -3_i8);
    same("u16", 300_u16);
    same("i16", -300_i16);
    same("i32", -70_000_i32);
    same("i128", i128::MIN);
    same("u128", u128::MAX);
    same("char", 'ß');
    same("text", "x");
    same("unit", ());
    same("unit struct", Marker);
    same("newtype", Wrapped(9));
    same("no tuple", [0_u8; 0]);
    same("tuple struct", NoFields());
    same("struct", Nothing {});
    same("map", std::collections::BTreeMap::<u8, u8>::new());
    same("list", Vec::<u8>::new());
    same("tuple variant", Empty::Tuple());
    same("struct variant", Empty::Named {});
    same("unit variant", Shape::Unit);
    same("newtype variant", Shape::New(1));
    same("none", None::<u8>);
    same("binary", Asks);
}

#[test]
fn numbers_of_every_length_are_written_as_postcard_writes_them() {
    for bits in 0..=128_u32 {
        let power = 1_u128.checked_shl(bits).unwrap_or(0);
        for wide in [power.wrapping_sub(1), power, power.wrapping_add(1)] {
            let signed = wide.cast_signed();
            let value = (
                wide,
                signed,
                wide as u64,
                signed as i64,
                wide as u32,
                signed as i32,
                wide as u16,
                signed as i16,
            );
            assert_eq!(hex(&written(&value)), hex(&by_postcard(&value)), "{wide:#x}");
        }
    }
}

#[test]
fn texts_of_every_length_are_written_as_postcard_writes_them() {
    for length in (0..80).chain([127, 128, 129, 255, 256, 257, 4096, 70_000]) {
        let text: String = (0..length).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
        // What follows shows whether it ends where it ends.
        let value = (text.as_str(), 7_u8, text.as_str());
        assert_eq!(written(&value), by_postcard(&value), "{length} bytes");
    }
}

#[test]
fn what_was_there_stays_and_a_buffer_can_be_used_again() {
    let mut log = b"before".to_vec();
    let mut room = vec![0xAA; 300];
    for (name, input) in samples() {
        let expected = by_postcard(&input);
        let before = log.clone();
        encode(&input, &mut log).unwrap();
        assert_eq!(log, [before, expected.clone()].concat(), "{name}");
        // Over what an earlier value left, from the front, in the midst and past the end.
        for at in [0, 5, 299, 300] {
            let end = encode_at(&input, &mut room, at).unwrap();
            assert_eq!(room[at..end], expected, "{name} at {at}");
        }
    }
}

struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = 0..;
        serializer.collect_seq(std::iter::from_fn(|| parts.next().filter(|part| *part < 3)))
    }
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let mut bytes = vec![1, 2, 3];
    assert_eq!(encode(&("text", Endless), &mut bytes), Err(CodecError::Malformed));
    assert_eq!(encode(&("text", 0.5_f32), &mut bytes), Err(CodecError::Malformed), "the core has no floats");
    assert_eq!(encode(&("text", 0.5_f64), &mut bytes), Err(CodecError::Malformed), "the core has no floats");
    assert_eq!(bytes, [1, 2, 3]);
    // Nor where the room has to be made first.
    assert_eq!(encode_at(&("text", Endless), &mut Vec::new(), 0), Err(CodecError::Malformed));
    assert_eq!(encode_at(&0.5_f64, &mut Vec::new(), 0), Err(CodecError::Malformed));
}

proptest! {
    #[test]
    fn any_values_are_written_as_postcard_writes_them(
        value in any::<(Vec<(u64, i64, u32, i32, u16, u8, bool)>, String, Option<i128>, u128, Vec<u8>)>(),
    ) {
        prop_assert_eq!(written(&value), by_postcard(&value));
    }
}
