//! A fill and its settlement in one execution report: the same money and the same state as the two inputs that they were.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, InstrumentSpec, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderSide, PositionSide, Severity, TradeSide,
};
use dita_kernel::num::Decimal;

/// The report as a fill that has no profit, and a FILL_SETTLED of the same frame.
fn split(report: &VenueEvent) -> (Input, Input) {
    let fill = VenueEvent { realized_pnl: None, ..report.clone() };
    let mut settled = AccountEvent::new(AccountEventKind::FillSettled, report.timestamp_ns);
    settled.symbol = id("BTCUSDT");
    settled.venue_trade_id = report.venue_trade_id.clone();
    settled.realized_pnl = report.realized_pnl;
    settled.fee = report.fee;
    settled.fee_asset = report.fee_asset.clone();
    let size = report.size.expect("a size").to_string();
    let sells = report.order_side == Some(OrderSide::Sell);
    settled.size = Some(dec(&if sells { format!("-{size}") } else { size }));
    (Input::Venue(Box::new(fill)), Input::Account(Box::new(settled)))
}

/// Two kernels: one is given reports, the other each report as its two inputs.
struct Pair {
    one: Desk,
    two: Desk,
    reports: u32,
}

impl Pair {
    fn both(&mut self, input: &Input) -> Code {
        self.one.now += 1;
        let (now, code) = (self.one.now, self.one.put_at(self.one.now, input.clone()).code);
        assert_eq!(self.two.put_at(now, input.clone()).code, code, "{input:?}");
        self.two.now = now;
        self.compare(&format!("{input:?}"));
        code
    }

    fn intent(&mut self, action: Action, slot: u32, change: impl FnOnce(&mut dita_kernel::input::Intent)) {
        self.one.intent(action, slot, change);
        let (now, input) = self.one.inputs.last().cloned().expect("an intent");
        self.two.put_at(now, input);
        self.two.now = now;
        self.compare("an intent");
    }

    fn report(&mut self, report: VenueEvent) -> Code {
        self.one.now += 1;
        let now = self.one.now;
        let (fill, settled) = split(&report);
        let code = self.one.put_at(now, Input::Venue(Box::new(report.clone()))).code;
        let fill_code = self.two.put_at(now, fill).code;
        let settled_code = self.two.put_at(now, settled).code;
        self.two.now = now;
        self.reports += 1;
        let want = match (fill_code, settled_code) {
            (Code::DuplicateEvent, Code::Ok) => Code::Enriched,
            (first, Code::Ok | Code::DuplicateEvent) => first,
            (_, second) => second,
        };
        assert_eq!(code, want, "{fill_code} and {settled_code} of {report:?}");
        self.compare(&format!("{report:?}"));
        code
    }

    /// What differs: how many inputs there were, and so every number of an input.
    fn compare(&self, after: &str) {
        let (one, two) = (&self.one.kernel, &self.two.kernel);
        let booked = |kernel: &dita_kernel::kernel::Kernel| -> Vec<String> {
            let transactions = kernel.ledger().recent().map(|it| {
                let what = (it.venue_time_ns, it.asset, it.cause, it.from, it.to, it.amount);
                format!("{what:?} {:?} {} {}", it.slot_id, it.trade_id, it.reference)
            });
            transactions.collect()
        };
        assert_eq!(booked(one), booked(two), "ledger after {after}");
        for asset in 0..one.assets().len() as u16 {
            for account in Account::ALL {
                let sums = [one, two].map(|kernel| kernel.ledger().balance(asset, *account));
                assert_eq!(sums[0], sums[1], "{account:?} after {after}");
            }
        }
        for slot in 0..3 {
            let [a, b] = [one, two].map(|kernel| kernel.slot(slot).expect("a slot"));
            let figures = |slot: &dita_kernel::slot::Slot| {
                (slot.stage, slot.basis, slot.realized, slot.fees, slot.funding, slot.trade_id.clone())
            };
            assert_eq!(figures(a), figures(b), "slot {slot} after {after}");
        }
        assert_eq!(
            format!("{:?} {:?}", one.book(0), one.unassigned(0)),
            format!("{:?} {:?}", two.book(0), two.unassigned(0)),
            "books after {after}"
        );
        let fills = |kernel: &dita_kernel::kernel::Kernel| -> Vec<String> {
            let orders = kernel.orders().iter().flat_map(|order| {
                order.fills.iter().map(move |fill| {
                    let fill = dita_kernel::order::Fill { seq: 0, ..fill.clone() };
                    format!("{} {:?} {fill:?}", order.client_id, order.status)
                })
            });
            orders.collect()
        };
        assert_eq!(fills(one), fills(two), "fills after {after}");
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

fn desk(kind: u64) -> Desk {
    let config = KernelConfig { max_slots: 3, hedge_mode: kind == 2, ..KernelConfig::default() };
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    match kind {
        1 => {
            let mut spec = InstrumentSpec { inverse: true, settle: id("BTC"), ..spec };
            (spec.lot_step, spec.contract_multiplier) = (dec("1"), dec("100"));
            Desk::over_with(config, spec, &[("BTC", "1000")], "100")
        }
        _ => Desk::over_with(config, spec, &[("USDT", "100000")], "100"),
    }
}

/// A report that the venue will send, now or later.
fn execution(number: u64, chance: &mut Chance, hedge: bool, client_id: Id, side: TradeSide) -> VenueEvent {
    let mut report = VenueEvent::new(Kind::PartialFill, 0);
    report.venue_client_id = client_id;
    report.asset = id("BTCUSDT");
    report.order_side = Some(if side == TradeSide::Long { OrderSide::Buy } else { OrderSide::Sell });
    let book = if side == TradeSide::Long { PositionSide::Long } else { PositionSide::Short };
    report.position_side = Some(if hedge { book } else { PositionSide::Both });
    report.venue_trade_id = id(&format!("T{number}"));
    report.size = Some(dec(&(1 + chance.below(2)).to_string()));
    report.price = Some(dec(&(95 + chance.below(10)).to_string()));
    report.venue_sequence = i64::try_from(number).ok();
    report.fee = (chance.below(4) > 0).then(|| dec(&format!("0.0{}", chance.below(9))));
    let profit = chance.below(9).cast_signed() - 4;
    report.realized_pnl = Some(dec(&profit.to_string()));
    report
}

#[test]
fn one_report_is_its_two_inputs() {
    let (mut reports, mut codes) = (0, std::collections::BTreeMap::<String, u32>::new());
    for seed in 1..=240_u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let kind = seed % 3;
        let mut pair = Pair { one: desk(kind), two: desk(kind), reports: 0 };
        let (mut waiting, mut sent): (Vec<VenueEvent>, Vec<VenueEvent>) = (Vec::new(), Vec::new());
        for number in 0..30 {
            let slot = chance.below(3) as u32;
            let side = if chance.below(2) == 0 { TradeSide::Long } else { TradeSide::Short };
            match chance.below(9) {
                0 | 1 => {
                    let before = pair.one.outcomes.len();
                    pair.intent(Action::Enter, slot, |intent| {
                        (intent.side, intent.target_size) = (side, Some(dec("4")));
                    });
                    if pair.one.outcomes[before].accepted {
                        let order = pair.one.submitted();
                        for part in 0..1 + chance.below(3) {
                            let hedge = kind == 2;
                            let report =
                                execution(number * 8 + part, &mut chance, hedge, order.clone(), side);
                            waiting.push(report);
                        }
                    }
                }
                2 => {
                    let carried = pair.one.kernel.slot(slot).expect("a slot").side;
                    let before = pair.one.outcomes.len();
                    pair.intent(Action::Exit, slot, |_| {});
                    let commands = &pair.one.effects.commands;
                    let is_submitted = commands
                        .iter()
                        .any(|command| matches!(command, dita_kernel::effect::Command::Submit(_)));
                    if pair.one.outcomes[before].accepted && is_submitted {
                        let order = pair.one.submitted();
                        for part in 0..1 + chance.below(3) {
                            let hedge = kind == 2;
                            let mut report =
                                execution(number * 8 + part, &mut chance, hedge, order.clone(), carried);
                            let buys = carried == TradeSide::Short;
                            report.order_side = Some(if buys { OrderSide::Buy } else { OrderSide::Sell });
                            waiting.push(report);
                        }
                    }
                }
                // Of an order that is not ours.
                3 => {
                    let order = id(&format!("other-{number}"));
                    waiting.push(execution(number * 8 + 7, &mut chance, kind == 2, order, side));
                }
                // In any order.
                4 | 5 if !waiting.is_empty() => {
                    let at = chance.below(waiting.len() as u64) as usize;
                    let report = waiting.swap_remove(at);
                    match chance.below(6) {
                        // First without its profit, or as a settlement alone.
                        0 => {
                            pair.both(&split(&report).0);
                        }
                        1 => {
                            pair.both(&split(&report).1);
                        }
                        _ => {}
                    }
                    let code = pair.report(report.clone());
                    *codes.entry(code.to_string()).or_default() += 1;
                    sent.push(report);
                }
                // Again, sometimes with another figure.
                6 if !sent.is_empty() => {
                    let at = chance.below(sent.len() as u64) as usize;
                    let mut report = sent[at].clone();
                    match chance.below(4) {
                        0 => report.realized_pnl = Some(dec("7")),
                        1 => report.fee = Some(dec("0.5")),
                        _ => {}
                    }
                    let code = pair.report(report);
                    *codes.entry(format!("again {code}")).or_default() += 1;
                }
                // Canceled, while executions of it are under way.
                7 if !waiting.is_empty() => {
                    let at = chance.below(waiting.len() as u64) as usize;
                    let mut gone = VenueEvent::new(Kind::CancelAck, 0);
                    gone.venue_client_id = waiting[at].venue_client_id.clone();
                    pair.both(&Input::Venue(Box::new(gone)));
                }
                _ => {
                    let price = dec(&(90 + chance.below(20)).to_string());
                    let symbol = id("BTCUSDT");
                    pair.both(&Input::Mark { symbol, price, venue_time_ns: 0, ages: false });
                }
            }
        }
        pair.one.assert_replays();
        reports += pair.reports;
    }
    // Every way is gone.
    let ways = ["OK", "UNKNOWN_ORDER", "LATE_FILL", "OVERFILL", "again DUPLICATE_EVENT", "again ENRICHED"];
    for way in ways {
        assert!(codes.contains_key(way), "no report was answered {way}: {codes:?}");
    }
    assert!(reports > 1_000, "{reports} reports");
}

/// A position of 1 at 100, and an exit that is under way.
fn closing() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    (desk, exit)
}

fn close(desk: &mut Desk, exit: &Id, profit: Option<&str>) -> (Code, Severity) {
    let outcome = desk.event(Kind::FullFill, exit, |event| {
        event.venue_trade_id = id("T9");
        (event.size, event.price) = (Some(dec("1")), Some(dec("110")));
        (event.fee, event.realized_pnl) = (Some(dec("0.05")), profit.map(dec));
    });
    (outcome.code, outcome.severity)
}

#[test]
fn a_report_books_and_settles_in_one_step() {
    let (mut desk, exit) = closing();
    let before = desk.inputs.len();
    assert_eq!(close(&mut desk, &exit, Some("9.5")), (Code::Ok, Severity::Info));
    assert_eq!((desk.inputs.len() - before, desk.gross().as_str()), (1, "1009.5"));
    let state = desk.kernel.state_hash();
    assert_eq!(close(&mut desk, &exit, Some("9.5")).0, Code::DuplicateEvent);
    assert_eq!(desk.gross(), "1009.5");
    let orders = desk.kernel.orders();
    assert!(orders.at(orders.by_client_id(&exit).expect("the exit")).fills[0].settled, "{state:?}");
    desk.assert_replays();
}

#[test]
fn a_repeated_report_brings_the_profit_that_was_missing() {
    let (mut desk, exit) = closing();
    assert_eq!(close(&mut desk, &exit, None).0, Code::Ok);
    assert_eq!(desk.gross(), "1010");
    assert_eq!(close(&mut desk, &exit, Some("9.5")), (Code::Enriched, Severity::Info));
    assert_eq!(desk.gross(), "1009.5");
    assert_eq!(close(&mut desk, &exit, None).0, Code::DuplicateEvent);
    assert_eq!(close(&mut desk, &exit, Some("9.5")).0, Code::DuplicateEvent);
    assert_eq!(desk.gross(), "1009.5");
    // Another profit of a trade that is over.
    assert_eq!(close(&mut desk, &exit, Some("3")), (Code::Enriched, Severity::Warning));
    assert_eq!(desk.gross(), "1003");
    desk.assert_replays();
}

#[test]
fn a_profit_of_no_fill_is_refused_by_name() {
    let (mut desk, exit) = closing();
    for kind in [
        Kind::OrderAck,
        Kind::CancelAck,
        Kind::OrderStatus,
        Kind::TradeBust,
        Kind::TradeCorrect,
        Kind::Resynced,
    ] {
        let outcome = desk.event(kind, &exit, |event| event.realized_pnl = Some(dec("1")));
        assert!(!outcome.accepted, "{kind}");
        assert!(format!("{:?}", outcome.detail).contains("realized_pnl"), "{kind}: {:?}", outcome.detail);
    }
    let outcome = desk.event(Kind::FullFill, &exit, |event| {
        (event.size, event.price, event.realized_pnl) = (Some(dec("1")), Some(dec("110")), Some(dec("10")));
    });
    assert!(!outcome.accepted && format!("{:?}", outcome.detail).contains("venue_trade_id"));
    let too_large: Decimal = dec("9999999999999999999999999999");
    let outcome = desk.event(Kind::FullFill, &exit, |event| {
        event.venue_trade_id = id("T9");
        (event.size, event.price, event.realized_pnl) = (Some(dec("1")), Some(dec("110")), Some(too_large));
    });
    assert!(!outcome.accepted && format!("{:?}", outcome.detail).contains("realized_pnl"));
}

#[test]
fn a_forced_fill_has_its_profit_too() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let outcome = desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        (event.asset, event.venue_trade_id) = (id("BTCUSDT"), id("L1"));
        event.order_side = Some(OrderSide::Sell);
        (event.size, event.price) = (Some(dec("1")), Some(dec("90")));
        event.realized_pnl = Some(dec("-11"));
    });
    assert_eq!((outcome.code, outcome.severity), (Code::Ok, Severity::Critical));
    assert_eq!(desk.gross(), "989");
    desk.assert_replays();
}
