//! What is remembered, found again and taken over: booking keys, snapshots of states that cannot be, adopted trades.
//! Each was read in some wrong way that no other test saw (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, AdoptedSlot, AdoptedSlots, ControlChange, Input, InstrumentSpec, RareFields, Recalled,
    RecalledEvent, VenueEvent, Verdict,
};
use dita_kernel::kernel::{BookingKey, BookingKind, Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, KernelMode, OrderSide, Product,
    TradeSide,
};

// ----------------------------------------------------------------------------------------------- booking keys

fn venue(kind: Kind, trade: &str, event_id: &str, client: &str) -> Input {
    let mut event = VenueEvent::new(kind, 1);
    (event.venue_trade_id, event.event_id, event.venue_client_id) = (id(trade), id(event_id), id(client));
    (event.asset, event.order_side) = (id("ETHUSDT"), Some(OrderSide::Buy));
    Input::Venue(Box::new(event))
}

fn account(kind: AccountEventKind, trade: &str, txn: &str) -> Input {
    let mut event = AccountEvent::new(kind, 1);
    (event.venue_trade_id, event.venue_txn_id) = (id(trade), id(txn));
    (event.symbol, event.asset) = (id("BTCUSDT"), id("USDT"));
    Input::Account(Box::new(event))
}

/// A key in one line.
fn said(key: Option<BookingKey<'_>>) -> String {
    let Some(key) = key else { return "none".to_owned() };
    let kind = match key.kind {
        BookingKind::Fill => "fill".to_owned(),
        BookingKind::Settlement => "settlement".to_owned(),
        BookingKind::Entry(kind) => kind.to_string(),
    };
    let side = key.side.map_or("-".to_owned(), |side| side.to_string());
    format!("{kind} {} {side} {}", key.symbol, key.id)
}

#[test]
fn a_booking_is_named_by_the_venues_id_and_what_it_is_of() {
    let mut desk = Desk::new();
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        (intent.side, intent.target_size) = (TradeSide::Short, Some(dec("1")));
    });
    let entry = desk.submitted().to_string();
    for (input, key) in [
        (venue(Kind::PartialFill, "T1", "", ""), "fill ETHUSDT BUY T1"),
        (venue(Kind::FullFill, "T1", "E1", ""), "fill ETHUSDT BUY T1"),
        (venue(Kind::PartialFill, "T1", "", &entry), "fill BTCUSDT SELL T1"),
        (venue(Kind::PartialFill, "", "E1", ""), "none"),
        (venue(Kind::Liquidation, "T1", "E1", ""), "fill ETHUSDT BUY T1"),
        (venue(Kind::Liquidation, "", "E1", ""), "fill ETHUSDT BUY E1"),
        (venue(Kind::Adl, "", "E1", ""), "fill ETHUSDT BUY E1"),
        (venue(Kind::Adl, "", "", ""), "none"),
        (venue(Kind::CancelAck, "T1", "E1", ""), "none"),
        (account(AccountEventKind::FillSettled, "T1", "X1"), "settlement BTCUSDT - T1"),
        (account(AccountEventKind::FillSettled, "", "X1"), "none"),
        (account(AccountEventKind::Transfer, "", "X1"), "TRANSFER USDT - X1"),
        (account(AccountEventKind::Transfer, "", ""), "none"),
        (account(AccountEventKind::AccountUpdate, "T1", "X1"), "none"),
        (Input::Time, "none"),
    ] {
        assert_eq!(said(desk.kernel.booking_key(&input)), key, "{input:?}");
        let event = match input {
            Input::Venue(event) => RecalledEvent::Venue(event),
            Input::Account(event) => RecalledEvent::Account(event),
            _ => continue,
        };
        let recalled = Recalled { verdict: Verdict::NotBooked, event };
        assert_eq!(said(desk.kernel.booking_key(&Input::Recalled(Box::new(recalled)))), key, "recalled");
    }
}

#[test]
fn what_was_booked_is_named_as_it_was_and_a_revision_by_the_fill_that_it_is_about() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted().to_string();
    let about = |kind: Kind, reference: &str| {
        let mut event = VenueEvent::new(kind, 1);
        (event.venue_trade_id, event.venue_client_id) = (id("TC"), id(&entry));
        event.rare = Some(Box::new(RareFields { ref_trade_id: id(reference), ..RareFields::default() }));
        Input::Venue(Box::new(event))
    };
    for (input, key) in [
        (venue(Kind::PartialFill, "T1", "", &entry), "fill BTCUSDT BUY T1"),
        (venue(Kind::Liquidation, "", "E1", ""), "fill ETHUSDT BUY E1"),
        (venue(Kind::CancelAck, "T1", "E1", &entry), "none"),
        (about(Kind::TradeBust, "T1"), "fill BTCUSDT BUY T1"),
        (about(Kind::TradeCorrect, "T1"), "fill BTCUSDT BUY T1"),
        (about(Kind::PartialFill, "T1"), "fill BTCUSDT BUY TC"),
        (about(Kind::TradeBust, ""), "none"),
        (venue(Kind::TradeCorrect, "TC", "", &entry), "none"),
        (account(AccountEventKind::FillSettled, "T1", "X1"), "settlement BTCUSDT - T1"),
        (account(AccountEventKind::Transfer, "", "X1"), "TRANSFER USDT - X1"),
        (Input::Time, "none"),
    ] {
        assert_eq!(said(desk.kernel.booked_key(&input)), key, "{input:?}");
    }
}

#[test]
fn a_strangers_fill_is_one_that_nothing_here_knows() {
    let mut desk = Desk::new();
    let fill = |kind: Kind, order: &str, trade: &str, side: OrderSide| {
        let mut event = VenueEvent::new(kind, 1);
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(side));
        (event.venue_order_id, event.venue_trade_id) = (id(order), id(trade));
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        event
    };
    desk.put(Input::Venue(Box::new(fill(Kind::FullFill, "S1", "T1", OrderSide::Buy))));
    use OrderSide::{Buy, Sell};
    for (event, strange, what) in [
        (fill(Kind::FullFill, "S2", "T2", Buy), true, "another order, another fill"),
        (fill(Kind::PartialFill, "S2", "T2", Buy), true, "a part of one"),
        (fill(Kind::FullFill, "S1", "T2", Buy), false, "its order is known"),
        (fill(Kind::FullFill, "S2", "T1", Buy), false, "the fill is known"),
        (fill(Kind::FullFill, "S2", "T1", Sell), true, "the other half of a trade with oneself"),
        (fill(Kind::CancelAck, "S2", "T2", Buy), false, "no fill"),
    ] {
        assert_eq!(desk.kernel.is_strangers_fill(&event), strange, "{what}");
    }
    // Of an order that was not heard from its beginning some may be booked under the one that was forgotten.
    desk.open(0, "1", "100");
    for _ in 0..8 {
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("X{}", desk.kernel.seq()), "1.000", "100");
        desk.open(0, "1", "100");
    }
    let mut later = fill(Kind::PartialFill, "S3", "T3", Buy);
    (later.filled_size, later.timestamp_ns) = (Some(dec("3")), i64::MAX / 2);
    assert!(desk.put(Input::Venue(Box::new(later))).accepted);
    assert!(desk.kernel.is_strangers_fill(&fill(Kind::PartialFill, "S3", "T4", Buy)));
    assert!(!desk.kernel.is_strangers_fill(&fill(Kind::PartialFill, "S3", "T3", Buy)), "that one is known");
    let mut unknown = fill(Kind::FullFill, "S2", "T1", Buy);
    unknown.asset = Id::EMPTY;
    assert!(desk.kernel.is_strangers_fill(&unknown), "it does not say what it traded");
}

// --------------------------------------------------------------------------------------------------- snapshots

#[test]
fn two_states_that_differ_have_two_hashes() {
    let mut desk = Desk::new();
    let mut seen = vec![desk.kernel.state_hash()];
    desk.enter(0, "1");
    seen.push(desk.kernel.state_hash());
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    seen.push(desk.kernel.state_hash());
    for number in 0..3 {
        // Of wallet entries, too, what is remembered is a part of the state.
        desk.account(AccountEventKind::Transfer, |event| {
            event.amount = Some(dec("0"));
            event.venue_txn_id = id(&format!("X{number}"));
        });
        seen.push(desk.kernel.state_hash());
    }
    for (at, hash) in seen.iter().enumerate() {
        assert!(!seen[..at].contains(hash), "state {at} has the hash of an earlier one");
    }
}

/// A kernel of one slot that remembers little, with a position, an order at work and a wallet entry.
fn small() -> Desk {
    let config = KernelConfig {
        max_slots: 1,
        remembered_orders: 4,
        remembered_wallet_entries: 3,
        ..KernelConfig::default()
    };
    let mut desk = Desk::with(config);
    desk.open(0, "1", "100");
    desk.exit(0);
    desk.account(AccountEventKind::Transfer, |event| {
        (event.amount, event.venue_txn_id) = (Some(dec("1")), id("X1"));
    });
    desk
}

#[test]
fn a_snapshot_with_a_byte_lost_or_changed_is_refused_or_a_state_that_holds_together() {
    let desk = small();
    let bytes = desk.kernel.to_snapshot().expect("a snapshot");
    let read = |bytes: &[u8]| Kernel::from_snapshot(bytes).ok();
    assert_eq!(read(&bytes).map(|kernel| kernel.state_hash()), Some(desk.kernel.state_hash()));
    assert!(read(&bytes[..bytes.len() - 1]).is_none());
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] = other[at].wrapping_add(1);
        let Some(kernel) = read(&other) else {
            refused += 1;
            continue;
        };
        // What points at something points at it.
        assert_eq!(kernel.slots().len(), kernel.config().max_slots as usize, "byte {at}");
        let (assets, instruments) = (kernel.assets().len(), kernel.instruments().len() as u32);
        assert!(kernel.instruments().iter().all(|one| usize::from(one.settle) < assets), "byte {at}");
        assert!(kernel.orders().iter().all(|one| one.instrument < instruments), "byte {at}");
        assert!(
            kernel.slots().iter().all(|one| one.trade_number == 0 || one.instrument < instruments),
            "byte {at}"
        );
    }
    assert!(refused > bytes.len() / 4, "{refused} of {}", bytes.len());
}

// ---------------------------------------------------------------------------------------------- adopted trades

fn told(slot: u32, asset: &str, side: TradeSide) -> AdoptedSlot {
    AdoptedSlot {
        slot_id: slot,
        trade_id: id(&format!("elsewhere-{slot}")),
        owner: id("elsewhere"),
        asset: id(asset),
        side,
        size: dec("1"),
        entry_price: dec("100"),
        initial_size: dec("1"),
        realized_pnl: dec("0"),
        fees_paid: dec("0"),
        funding_net: dec("0"),
        leverage: dec("1"),
        exit_leg_ratios: Vec::new(),
        entry_time_ns: 7,
        metadata: "".into(),
    }
}

fn adopt(desk: &mut Desk, slots: Vec<AdoptedSlot>) -> Code {
    desk.put(Input::Adopt(Box::new(AdoptedSlots { by: id("migration"), slots }))).code
}

/// One BTCUSDT long and one ETHUSDT short are nobody's.
fn unassigned(spot: bool) -> Desk {
    let mut desk = Desk::new();
    let mut eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    if spot {
        eth.product = Product::Spot;
    }
    desk.put(Input::Instrument(Box::new(eth)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    for (symbol, side) in [("BTCUSDT", OrderSide::Buy), ("ETHUSDT", OrderSide::Sell)] {
        desk.event(Kind::FullFill, &id(""), |event| {
            (event.asset, event.order_side) = (id(symbol), Some(side));
            (event.venue_order_id, event.venue_trade_id) = (id(symbol), id(symbol));
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        });
    }
    desk
}

#[test]
fn adopted_trades_of_two_instruments_may_be_of_two_sides_and_of_one_not() {
    use TradeSide::{Long, Short};
    let mut desk = unassigned(false);
    desk.enter_limit(2, "1", "90");
    assert_eq!(adopt(&mut desk, vec![told(0, "BTCUSDT", Long), told(1, "ETHUSDT", Short)]), Code::Ok);
    let slot = desk.kernel.slot(1).expect("a slot");
    assert_eq!(desk.kernel.instruments()[slot.instrument as usize].spec.symbol, id("ETHUSDT"));
    assert_eq!((slot.entry_time_ns, slot.side), (7, Short));
    let mut desk = unassigned(false);
    let both = vec![told(0, "BTCUSDT", Long), told(1, "BTCUSDT", Short)];
    assert_eq!(adopt(&mut desk, both), Code::OppositeSide);
    let mut desk = unassigned(true);
    assert_eq!(
        adopt(&mut desk, vec![told(0, "ETHUSDT", Short)]),
        Code::InvalidIntent,
        "of spot nothing is short"
    );
    assert_eq!(adopt(&mut desk, vec![told(0, "BTCUSDT", Long)]), Code::Ok);
}

#[test]
fn what_is_known_of_an_adopted_trade_may_be_as_long_as_the_most() {
    for (length, code) in [(4_096, Code::Ok), (4_097, Code::InvalidIntent)] {
        let mut desk = unassigned(false);
        let mut trade = told(0, "BTCUSDT", TradeSide::Long);
        trade.metadata = "x".repeat(length).into();
        assert_eq!(adopt(&mut desk, vec![trade]), code, "{length}");
    }
}

#[test]
fn a_slot_that_closed_takes_an_adopted_trade_as_a_closed_one() {
    let mut desk = unassigned(false);
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T9", "1", "100");
    assert_eq!(adopt(&mut desk, vec![told(0, "BTCUSDT", TradeSide::Long)]), Code::Ok);
    let transition = desk.effects.transitions.first().expect("a transition");
    assert_eq!(transition.prev_state, dita_kernel::names::TradeStage::Closed);
}

#[test]
fn the_mode_changes_where_nothing_is_held_and_nothing_works() {
    let mode = |desk: &mut Desk, mode: KernelMode| {
        desk.control(ControlChange { mode: Some(mode), ..ControlChange::default() }).accepted
    };
    let current = Desk::new().kernel.control().mode;
    let other = KernelMode::ALL.iter().copied().find(|one| *one != current).expect("two modes");
    let mut desk = Desk::new();
    assert!(mode(&mut desk, current) && mode(&mut desk, other), "flat, with nothing at work");
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "90");
    assert!(mode(&mut desk, current), "it is that already");
    assert!(!mode(&mut desk, other), "an entry works");
    let mut desk = unassigned(false);
    assert!(!mode(&mut desk, other), "a stranger's position is a position");
    assert!(!desk.kernel.config().hedge_mode && KernelConfig::default().max_slots > 0);
}

#[test]
fn what_is_settled_ahead_is_remembered_until_its_fill_comes_as_far_as_a_quarter_of_the_memory_goes() {
    for (ahead, want, what) in
        [(2, "0.05", "a quarter of eight"), (3, "0.1", "more than that: it is as if never told")]
    {
        let mut desk = Desk::with(KernelConfig { remembered_orders: 8, ..KernelConfig::default() });
        desk.enter(0, "1");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        for nth in 0..ahead {
            desk.settled(&format!("T{nth}"), "0", "0.05");
        }
        // Others come and go.
        let spent = |desk: &Desk| desk.balance(Account::Fees);
        for nth in 0..12 {
            desk.event(Kind::FullFill, &id("somebody"), |event| {
                event.asset = id("BTCUSDT");
                event.order_side = Some(if nth % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell });
                event.venue_trade_id = id(&format!("S{nth}"));
                (event.size, event.price, event.fee) = (Some(dec("1")), Some(dec("100")), Some(dec("0")));
            });
        }
        let before = spent(&desk);
        desk.event(Kind::FullFill, &entry, |event| {
            event.venue_trade_id = id("T0");
            (event.size, event.price, event.fee) = (Some(dec("1")), Some(dec("100")), Some(dec("0.05")));
        });
        let once = if want == "0.05" { before.clone() } else { "0.2".to_owned() };
        assert_eq!(spent(&desk), once, "{what}");
        desk.assert_replays();
    }
}
