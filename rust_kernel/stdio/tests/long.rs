//! A long session: memory stays bounded, every line is answered, and the money adds up.
//!
//! `DITA_STDIO_LINES` says how long; `make soak` gives ten million.
#![allow(missing_docs, clippy::unwrap_used)]

mod desk;

use desk::{MILLI, Wanted, kernel, session};
use std::io::Write;

const LINES: u64 = 50_000;
/// What the process may grow by beside the ids: once memories are full, nothing else grows.
const SLACK_BYTES: u64 = 32 << 20;
/// A used id takes 16 bytes and a byte of the table's own; the table doubles, and both are there meanwhile.
const ID_BYTES: u64 = 17 * 3;

/// Questions at the end, a millisecond of kernel time each: fills come after 300.
const SETTLING: u64 = 400;
const OPENING_USDT: i64 = 100_000 * 10_000_000;

/// Bytes that the process has in memory; none where the system does not say.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}

/// What the events told, added up as they come: nothing of them is kept.
#[derive(Default)]
struct Sums {
    orders: u64,
    ended: u64,
    fills: u64,
    errors: u64,
    /// USDT, in units of 0.0000001.
    usdt: i64,
    last_account: String,
    last: String,
}

impl Sums {
    fn take(&mut self, written: &mut Vec<u8>) {
        for line in std::str::from_utf8(written).unwrap().lines() {
            match word(line, "type") {
                "order_received" => self.orders += 1,
                "order_update" if word(line, "status") != "ACCEPTED" => self.ended += 1,
                "fill" => self.fill(line),
                "error" => self.errors += 1,
                "account" => line.clone_into(&mut self.last_account),
                _ => {}
            }
            line.clone_into(&mut self.last);
        }
        written.clear();
    }

    fn fill(&mut self, line: &str) {
        self.fills += 1;
        // By its number an even order buys: see `command`.
        let buys = word(line, "client_order_id")[1..].parse::<u64>().unwrap().is_multiple_of(2);
        let value = units(word(line, "qty"), 5) * units(word(line, "price"), 2);
        self.usdt += if buys { -value } else { value };
    }
}

/// A field of a line of JSON, without its quotes.
fn word<'a>(line: &'a str, name: &str) -> &'a str {
    let from = line.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {line}"));
    let rest = line[from + name.len() + 3..].trim_start_matches('"');
    &rest[..rest.find(['"', ',', '}', ']']).unwrap()]
}

/// A decimal as a whole number of units of so many places.
fn units(text: &str, places: usize) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() <= places, "{text}");
    format!("{whole}{part:0<places$}").parse().unwrap()
}

/// Line `k`: eight orders, a cancel of the first of them, a question.
fn command(k: u64, line: &mut Vec<u8>) {
    line.clear();
    let side = if k.is_multiple_of(2) { "BUY" } else { "SELL" };
    match k % 10 {
        8 => write!(line, "CANCEL o{}", k - 8),
        9 => write!(line, "QUERY ACCOUNT"),
        _ => write!(line, "{side} BTCUSDT 0.01 {} o{k}", 100 + k % 7),
    }
    .unwrap();
}

#[test]
fn a_long_session_stays_in_bounded_memory_and_its_money_adds_up() {
    let lines = std::env::var("DITA_STDIO_LINES").map_or(LINES, |text| text.parse().unwrap());
    let wanted = Wanted { slots: 512, step_ns: MILLI, ..Wanted::default() };
    let drain = kernel(&wanted);
    let mut session = session(&drain, &wanted);
    let (mut sums, mut line) = (Sums::default(), Vec::new());
    // The memories of ended orders and intents are full by then.
    let settled_after = lines.min(400_000).max(lines / 10);
    let (mut settled, mut most) = (None, 0);
    for k in 0..lines {
        command(k, &mut line);
        session.obey(&line).unwrap();
        if session.written().len() > 1 << 16 {
            sums.take(session.written());
        }
        if k == settled_after {
            settled = resident();
        }
        if k.is_multiple_of(100_000) {
            most = most.max(resident().unwrap_or(0));
        }
    }
    // Time goes by until what is under way has filled, and the account is told.
    for _ in 0..SETTLING {
        session.obey(b"QUERY ACCOUNT").unwrap();
    }
    session.finish_now().unwrap();
    sums.take(session.written());
    most = most.max(resident().unwrap_or(0));
    let state = drain.settled().map_err(|error| format!("{error:?}")).unwrap();
    dita_kernel::invariant::check(state.core.kernel()).unwrap();

    assert_eq!(
        sums.last,
        format!("{{\"type\":\"engine_stopped\",\"commands_processed\":{}}}", lines + SETTLING)
    );
    assert_eq!(sums.orders, lines / 10 * 8);
    assert_eq!(sums.errors, 0, "a cancel, an order or a question was refused");
    assert!(sums.fills > lines / 2, "{} fills", sums.fills);
    assert!(sums.ended >= sums.orders, "{} of {} orders ended", sums.ended, sums.orders);
    let from = sums.last_account.find("\"asset\":\"USDT\"").unwrap();
    let told = &sums.last_account[from..];
    let has = units(word(told, "free"), 7) + units(word(told, "locked"), 7);
    assert_eq!(has, OPENING_USDT + sums.usdt, "{}", sums.last_account);
    let most_mb = most >> 20;
    println!("{lines} lines, {} fills, at most {most_mb} MB", sums.fills);
    if let Some(settled) = settled {
        let bound = settled + lines * 8 / 10 * ID_BYTES + SLACK_BYTES;
        assert!(most <= bound, "{most_mb} MB, and {} MB were expected at most", bound >> 20);
    }
}
