//! What the book takes for a round trip: two executions in order, the trade's end, and its orders forgotten.
//!
//! `book TRIPS` prints nanoseconds a trip. Instructions a trip: `perf stat -e instructions:u` with two counts, and the difference.

use std::hint::black_box;
use std::time::Instant;

use dita_kernel::book::{Book, Entry, EntryKind, Fee, Owner, Place};
use dita_kernel::id::Id;
use dita_kernel::input::InstrumentSpec;
use dita_kernel::instrument::Instrument;
use dita_kernel::num::{Decimal, Money, Price, Qty};

const UNIT: i128 = 1_000_000_000_000_000_000;

fn rules() -> Option<Instrument> {
    let (symbol, base, quote) = (Id::new("BTCUSDT").ok()?, Id::new("BTC").ok()?, Id::new("USDT").ok()?);
    let (tick, lot) = (Decimal::new(1, 1).ok()?, Decimal::new(1, 3).ok()?);
    Instrument::load(&InstrumentSpec::linear(symbol, base, quote, tick, lot), 0).ok()
}

fn main() {
    let trips = std::env::args().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(1_000_000);
    let Some(rules) = rules() else { return eprintln!("the instrument is not one") };
    let mut book = Book::new(rules, 256, 256);
    let begun = Instant::now();
    for trip in 1..=trips {
        let owner = Owner { slot_id: (trip % 8) as u32, trade_number: trip, long: true, bot: 0 };
        let price = (60_000 + i128::from(trip % 7)) * UNIT;
        for (at, (kind, qty)) in
            [(EntryKind::Trade, 5), (EntryKind::Trade, -5), (EntryKind::End, 0)].into_iter().enumerate()
        {
            let sequence = trip * 3 + at as u64;
            let entry = Entry {
                key: u128::from(sequence).wrapping_mul(0x9E37_79B9_7F4A_7C15),
                place: Place { time_ns: 0, sequence, revision: 0 },
                kind,
                owner: Some(owner),
                order: if qty == 0 { 0 } else { sequence },
                qty: Qty(qty),
                price: Price(price + qty * UNIT),
                revises: None,
                reported: None,
                fee: Some(Fee { amount: Money(UNIT / 10), asset: 0 }),
            };
            if book.receive(black_box(entry)).is_err() {
                return eprintln!("trip {trip} is late");
            }
        }
        book.forget(trip * 3);
        book.forget(trip * 3 + 1);
    }
    let taken = begun.elapsed().as_nanos() as f64 / trips as f64;
    println!("{taken:.0} ns a trip, {} entries remembered, {:?}", book.remembered(), book.wallet());
}
