//! Writes the first entries of each corpus, from real runs on the simulated venue:
//! `cargo run -p dita-fuzz --example seeds DIRECTORY`. libFuzzer adds what it finds, and `make fuzz-minimize` keeps of
//! all of it only what reaches something of its own.

use std::path::Path;

use dita_engine::{Engine, EngineConfig, LogSettings, Port, Progress};
use dita_kernel::codec;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{KernelCommandType, OrderType, TradeSide};
use dita_kernel::num::Decimal;
use dita_log::disk::MemoryDisk;
use dita_log::{Reader, Span, SyncPolicy};
use dita_sim::{SimConfig, SimFaults, SimVenue};
use std::sync::Arc;

const SECOND_NS: i64 = 1_000_000_000;
const SEEDS: u64 = 6;

fn main() -> std::io::Result<()> {
    let Some(directory) = std::env::args().nth(1) else {
        return Err(std::io::Error::other("name the directory of the corpora"));
    };
    let directory = Path::new(&directory);
    let put = |target: &str, name: String, bytes: &[u8]| {
        let folder = directory.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)
    };
    for seed in 1..=SEEDS {
        let life = live(seed);
        put("step", format!("life-{seed}"), &as_moves(&life))?;
        let mut kernel = Kernel::new(config()).expect("a kernel");
        for (place, (now_ns, input)) in life.iter().enumerate() {
            let mut bytes = Vec::new();
            codec::encode(input, &mut bytes).expect("an input can be written");
            put("codec", format!("input-{seed}-{place}"), &bytes)?;
            kernel.step(Stamp(*now_ns), input, &mut Default::default());
            if place % 8 == 7 {
                let bytes = kernel.to_snapshot().expect("a kernel can be stored");
                put("snapshot", format!("state-{seed}-{place}"), &bytes)?;
            }
        }
    }
    for (name, bytes) in dita_fuzz::log::written() {
        if name.ends_with(".seg") {
            put("log", format!("raw-{name}"), &[&[dita_fuzz::log::RAW], &bytes[..]].concat())?;
        }
    }
    for (first, golden) in [(1, GOLDEN[0]), (2, GOLDEN[1])] {
        for (name, bytes) in golden.lines().filter_map(|line| line.split_once(' ')) {
            let is_request = REQUESTS.contains(&name);
            if is_request && first > 1 {
                // The same in every version.
                continue;
            }
            let whose = if is_request { 0 } else { first };
            put("wire", format!("{name}-{first}"), &[&[whose], &from_hex(bytes)[..]].concat())?;
        }
    }
    for (place, edits) in EDITS.iter().enumerate() {
        put("log", format!("edits-{place}"), edits)?;
    }
    Ok(())
}

/// Every message in every version, as `dita-link`'s tests hold them.
const GOLDEN: [&str; 2] =
    [include_str!("../../link/tests/golden/1.txt"), include_str!("../../link/tests/golden/2.txt")];
const REQUESTS: [&str; 8] = ["hello", "intents", "intents_again", "slot", "order", "orders", "read", "bye"];

fn from_hex(text: &str) -> Vec<u8> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16);
    pairs.iter().map(|pair| byte(pair).expect("hexadecimal digits")).collect()
}

/// File, deed, where, and what the deed takes.
const EDITS: [&[u8]; 12] = [
    &[1],
    &[1, 0, 0, 200, 0, 0, 1],
    &[1, 1, 0x80, 200, 0, 0, 1],
    &[1, 2, 1, 100, 1],
    &[1, 3, 2, 40, 0, 1, 2, 3, 4, 5],
    &[1, 4, 3, 0, 1, 9],
    &[1, 5, 5, 0, 0],
    &[1, 6, 6, 0, 0, 2],
    &[1, 7, 7, 0, 0, 4],
    &[1, 8, 0x87, 1, 0, 255],
    &[1, 0, 0x80, 60, 0, 3, 7, 7, 7, 7],
    &[1, 9, 0x80, 24, 0, 0, 9],
];

fn config() -> KernelConfig {
    KernelConfig { max_slots: 3, instance_nonce: 7, remembered_orders: 6, ..KernelConfig::default() }
}

/// What an engine on a faulty venue took, with its times.
fn live(seed: u64) -> Vec<(i64, Input)> {
    let memory = MemoryDisk::new();
    let faults = if seed == 1 { SimFaults::default() } else { faulty() };
    let mut venue = SimVenue::new(SimConfig {
        seed,
        partial_fill_rate: number("0.5"),
        reject_rate: number("0.05"),
        faults,
        ..SimConfig::default()
    })
    .expect("a venue");
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), number("0.1"), number("0.001"));
    venue.add_instrument(&spec).expect("it lists");
    let engine = EngineConfig { kernel: config(), ..EngineConfig::default() };
    let settings = LogSettings { policy: SyncPolicy::Always, ..LogSettings::default() };
    let port = Port::Sim(Box::new(venue));
    let (mut engine, _) =
        Engine::recover(engine, port, Arc::new(memory.clone()), &settings, &mut |_| {}).expect("a new log");
    let paid_in =
        |venue: &mut SimVenue, _: i64, _: &mut Vec<Input>| venue.deposit(&id("USDT"), number("10000"));
    engine.with_venue(paid_in).expect("money");
    engine.push(Input::Instrument(Box::new(spec)), false).expect("room");
    engine.push(Input::Seed { asset: id("USDT"), amount: number("10000") }, false).expect("room");
    for turn in 0..30_u64 {
        act(&mut engine, seed, turn);
    }
    engine.sync_log().expect("memory takes it");
    let disk = Arc::new(memory);
    let mut reader = Reader::open(disk, None, 1, Span::Written).expect("it reads");
    let mut life = Vec::new();
    while let Some(record) = reader.next().expect("it is whole") {
        // A key may stand behind the input.
        let payload = record.payload;
        let keyed = payload.len().saturating_sub(16);
        let input = codec::decode(payload).or_else(|_| codec::decode(&payload[..keyed]));
        life.push((record.ts_ns, input.expect("an input")));
    }
    life
}

/// Every tenth time, something.
fn faulty() -> SimFaults {
    SimFaults {
        duplicate: 100_000,
        fill_before_ack: 100_000,
        stale_status: 100_000,
        send_timeout: 100_000,
        rate_limit: 50_000,
        late_fill: 100_000,
        overfill: 100_000,
        bust: 100_000,
        correction: 100_000,
        price_pending: 100_000,
        one_id_on_two_fills: 100_000,
        liquidation: 50_000,
        adl: 50_000,
        manual_trade: 100_000,
        fee_tier_change: 100_000,
        ..SimFaults::default()
    }
}

fn act(engine: &mut Engine, seed: u64, turn: u64) {
    let now_ns = SECOND_NS * i64::try_from(turn + 1).expect("a small number");
    engine.tell_time(now_ns);
    let price = number(&format!("{}.{}", 100 + (seed * turn) % 5, turn % 10));
    let quote = |venue: &mut SimVenue, now_ns: i64, out: &mut Vec<Input>| {
        venue.quote(now_ns, &id("BTCUSDT"), price, None, price, None, out)
    };
    engine.with_venue(quote).expect("a quote");
    let slot = u32::try_from(turn % 3).expect("a small number");
    let action = match (turn / 3 + seed) % 3 {
        0 => KernelCommandType::Exit,
        1 if turn > 5 => KernelCommandType::Cancel,
        _ => KernelCommandType::Enter,
    };
    let carried = engine.kernel().slot(slot).map(|slot| (slot.trade_id.clone(), slot.side));
    let enters = action == KernelCommandType::Enter;
    let (trade, side) = match carried {
        Some((trade, side)) if !enters && !trade.is_empty() => (trade, side),
        _ => (id(&format!("t{turn}")), TradeSide::Long),
    };
    let mut intent = Intent::new(action, id(&format!("i{turn}")), trade, slot, id("BTCUSDT"), side);
    intent.timestamp_ns = now_ns;
    intent.reference_price = Some(price);
    intent.target_size = enters.then(|| number("0.5"));
    if enters && seed.is_multiple_of(2) {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(number("99")));
    }
    engine.push(Input::Intent(Box::new(intent)), false).expect("room");
    while engine.run() != Progress::Quiet {}
}

/// A life as the target `step` reads it.
fn as_moves(life: &[(i64, Input)]) -> Vec<u8> {
    let mut moves = vec![2];
    let mut now_ns = 1;
    for (at, input) in life {
        if *at > now_ns {
            moves.push(dita_fuzz::step::TIME);
            moves.extend_from_slice(&(at - now_ns).to_le_bytes());
            now_ns = *at;
        }
        moves.push(dita_fuzz::step::RAW);
        let mut bytes = Vec::new();
        codec::encode(input, &mut bytes).expect("an input can be written");
        moves.extend_from_slice(&bytes[1..]);
    }
    moves
}

fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}
