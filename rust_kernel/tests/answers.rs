//! What the kernel answers to recorded histories. A log that was written by one build is replayed by the next: a build
//! that answers otherwise must say so, and does here. What changes on purpose is recorded anew, and the difference is
//! read like any other.
//!
//! The histories are those of the random test, always the same ones. Recorded are digests of all answers, commands,
//! notices and transitions, and of what can be seen of orders, slots, books and money.

use std::fmt::{self, Write};

use crate::common::{Desk, dec, id};
use crate::random::{any_move, play};
use dita_kernel::input::InstrumentSpec;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{AccountEventKind, Product};
use dita_kernel::num::Money;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const BLOCKS: usize = 12;
const HISTORIES: usize = 10;
const MOVES: usize = 70;
/// What is seen of the kernel is taken down after every so many moves; the answers are after each.
const LOOK_EVERY: usize = 10;
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/answers.tsv");

/// FNV-1a over all text that is written to it.
struct Digest(u64);

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Account {
    OneWay,
    Hedged,
    InCoin,
    Spot,
}

fn desk(account: Account) -> Desk {
    let config = KernelConfig {
        max_slots: 3,
        remembered_orders: 8,
        hedge_mode: matches!(account, Account::Hedged),
        ..KernelConfig::default()
    };
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    match account {
        Account::OneWay | Account::Hedged => return Desk::with(config),
        Account::InCoin => {
            (spec.inverse, spec.settle, spec.contract_multiplier) = (true, id("BTC"), dec("7"));
        }
        Account::Spot => (spec.product, spec.taker_rate) = (Product::Spot, dec("0.00123")),
    }
    Desk::over_with(config, spec, &[("BTC", "10"), ("USDT", "1000")], "100")
}

/// What can be seen from outside.
fn look(desk: &Desk, digest: &mut Digest) {
    let kernel = &desk.kernel;
    let (seq, free, busy) = (kernel.seq(), kernel.free_slot(), kernel.busy_slots());
    let (down, opened) = (kernel.disconnected_since_ns(), kernel.is_opened());
    write!(digest, "{seq} {free:?} {busy} {down:?} {opened}").expect("written");
    let guard = kernel.control();
    write!(digest, "{:?} {} {}", guard.gate, guard.frozen, guard.version).expect("written");
    for order in kernel.orders().iter() {
        let (filled, inferred, remaining) = (order.filled.0, order.inferred.0, order.remaining().0);
        let asked = order.amendment().map(|asked| (asked.qty.0, asked.limit_price, asked.trigger_price));
        write!(
            digest,
            "{} {:?} {:?} {} {filled} {inferred} {remaining} {:?} {:?} {} {:?} {}",
            order.client_id,
            order.status,
            order.doubt,
            order.qty.0,
            order.limit_price,
            order.trigger_price(),
            order.reserved,
            asked,
            kernel.is_stale(order),
        )
        .expect("written");
        for fill in &order.fills {
            let (qty, price) = (fill.qty.0, fill.price);
            write!(digest, "{} {qty} {price:?} {} {}", fill.venue_trade_id, fill.fee, fill.fee_asset)
                .expect("written");
        }
    }
    for slot in kernel.slots() {
        write!(
            digest,
            "{} {} {:?} {:?} {} {} {} {} {} {} {} {} {}",
            slot.trade_id,
            slot.trade_number,
            slot.stage,
            slot.side,
            slot.basis.qty.0,
            slot.basis.cost,
            slot.initial.0,
            slot.entry_value,
            slot.realized,
            slot.fees,
            slot.funding,
            slot.close_reason,
            slot.unprotected,
        )
        .expect("written");
    }
    for (book, nobody) in kernel.book(0).iter().zip(kernel.unassigned(0)) {
        let unrealized = kernel.unrealized(0, book);
        write!(digest, "{} {} {unrealized} {} {}", book.qty.0, book.cost, nobody.qty.0, nobody.cost)
            .expect("written");
    }
    let exposure = kernel.exposure();
    write!(digest, "{} {} {}", exposure.position(0), exposure.reserved(0), exposure.at_worst(0))
        .expect("written");
    for asset in 0..kernel.assets().len() as u16 {
        let (balances, total) = (kernel.ledger().balances(asset), exposure.total(asset));
        write!(digest, "{balances:?} {total} {:?}", kernel.reconcile(asset)).expect("written");
    }
}

/// The exchange tells a wallet that differs by what might explain it: the drift's names are answers too.
fn drift(desk: &mut Desk, asset: &str, digest: &mut Digest) {
    let Some(place) = desk.kernel.asset_of(&id(asset)) else { return };
    let recent: Vec<Money> = desk.kernel.ledger().recent().map(|one| one.amount).take(4).collect();
    for amount in recent.into_iter().flat_map(|amount| [amount, -amount, amount + amount]) {
        let k = desk.kernel.ledger().balance(place, dita_kernel::ledger::Account::Wallet);
        let told = k + amount;
        desk.account(AccountEventKind::AccountUpdate, |event| {
            event.asset = id(asset);
            event.wallet_balance = Some(dec(&told.to_string()));
        });
        write!(digest, "{:?}", desk.kernel.reconcile(place)).expect("written");
    }
}

fn block(account: Account, runner: &mut TestRunner) -> u64 {
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    for _ in 0..HISTORIES {
        let moves = prop::collection::vec(any_move(), MOVES).new_tree(runner).expect("moves").current();
        let (mut desk, mut orders) = (desk(account), Vec::new());
        for (number, step) in moves.iter().enumerate() {
            let heard = desk.outcomes.len();
            play(&mut desk, &mut orders, step);
            write!(digest, "{number} {:?} {:?}", &desk.outcomes[heard..], desk.effects).expect("written");
            if number % LOOK_EVERY == 0 {
                look(&desk, &mut digest);
            }
        }
        look(&desk, &mut digest);
        drift(&mut desk, "USDT", &mut digest);
        drift(&mut desk, "BTC", &mut digest);
    }
    digest.0
}

#[test]
fn recorded_histories_are_answered_as_they_were() {
    let renew = std::env::var_os("DITA_RECORD_ANSWERS").is_some();
    let recorded = std::fs::read_to_string(RECORD).unwrap_or_default();
    let mut text = String::from(
        "# Digests of the kernel's answers: account, block, digest. Written by tests/answers.rs.\n",
    );
    for account in [Account::OneWay, Account::Hedged, Account::InCoin, Account::Spot] {
        let mut runner = TestRunner::deterministic();
        for number in 0..BLOCKS {
            let line = format!("{account:?}\t{number}\t{:016x}\n", block(account, &mut runner));
            assert!(
                renew || recorded.contains(&line),
                "the kernel answers {account:?} {number} otherwise than recorded: logs of other builds may replay to \
                 another state. If that is meant, `DITA_RECORD_ANSWERS=1 cargo test -p dita-kernel --test kernel \
                 answers::` records the answers anew"
            );
            text.push_str(&line);
        }
    }
    if renew {
        std::fs::write(RECORD, text).expect("written");
    }
}
