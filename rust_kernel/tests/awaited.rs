//! What the venue has settled, and what cannot be told apart before more is heard: a fill that has not come, a price that is
//! not the venue's.

use crate::common::{Desk, dec, id};
use dita_kernel::codec::CodecError;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, SlotOverride, VenueEvent};
use dita_kernel::kernel::{Kernel, SnapshotError};
use dita_kernel::names::{KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, TradeSide};
use dita_kernel::num::{Money, Qty};
use dita_kernel::outcome::Outcome;

/// Stored and read back it is the same, what only few kernels have too.
fn assert_is_stored(desk: &Desk) {
    let bytes = desk.kernel.to_snapshot().expect("a kernel can be stored");
    let stored = Kernel::from_snapshot(&bytes).expect("and read back");
    assert_eq!(stored.state_hash(), desk.kernel.state_hash());
    assert_eq!(stored.reported_beside(0), desk.kernel.reported_beside(0));
    assert_eq!(stored.filled_beyond(0), desk.kernel.filled_beyond(0));
    // What is behind it is read to the end; and of nothing, nothing is written.
    for more in [&[1_u8, 0, 0, 0, 0][..], &[1, 0], &[0], &[7; 40]] {
        let damaged = Kernel::from_snapshot(&[&bytes, more].concat());
        assert!(matches!(damaged, Err(SnapshotError::Codec(CodecError::TrailingBytes { .. }))), "{more:?}");
    }
}

/// Of an order that the kernel does not know: 1 bought.
fn stranger(
    desk: &mut Desk,
    kind: Kind,
    trade: &str,
    price: &str,
    change: impl FnOnce(&mut VenueEvent),
) -> Outcome {
    desk.event(kind, &id("somebody"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id(trade);
        (event.size, event.price) = (Some(dec("1")), Some(dec(price)));
        change(event);
    })
}

/// About the trade S1, under an id of its own unless that is empty.
fn about_s1(own: &str, fee: Option<&str>) -> impl FnOnce(&mut VenueEvent) + use<> {
    let (own, fee) = (id(own), fee.map(dec));
    move |event| {
        event.event_id = if own.is_empty() { id("E1") } else { Id::EMPTY };
        event.venue_trade_id = own;
        event.fee = fee;
        event.rare = Some(Box::new(RareFields { ref_trade_id: id("S1"), ..RareFields::default() }));
    }
}

#[test]
fn a_correction_before_a_fill_of_nobody_known_is_the_fill_where_that_was_settled() {
    for corrected_first in [false, true] {
        let mut desk = Desk::new();
        desk.settled("S1", "0", "0.05");
        if !corrected_first {
            desk.settled("S2", "0", "0.06");
        }
        let outcome = stranger(&mut desk, Kind::TradeCorrect, "", "101", about_s1("S2", Some("0.06")));
        assert_eq!((outcome.code, outcome.accepted), (Code::UnknownOrder, true));
        if corrected_first {
            desk.settled("S2", "0", "0.06");
        }
        let again = stranger(&mut desk, Kind::TradeCorrect, "", "101", about_s1("S2", Some("0.06")));
        assert_eq!(again.code, Code::DuplicateEvent);
        let fill = stranger(&mut desk, Kind::FullFill, "S1", "100", |_| ());
        assert_eq!(fill.code, Code::DuplicateEvent, "it is another one by now");
        assert_eq!(desk.settled("S1", "0", "0.05").code, Code::DuplicateEvent, "settled by the other id");
        assert_eq!(desk.k(), "999.94", "one fee: {corrected_first}");
        assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "101");
        assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fills, 0);
        desk.assert_replays();
    }
}

#[test]
fn a_correction_that_nothing_will_settle_leaves_what_was_settled() {
    let mut desk = Desk::new();
    desk.settled("S1", "0", "0.05");
    assert!(stranger(&mut desk, Kind::TradeCorrect, "", "101", about_s1("", None)).accepted);
    assert_eq!((desk.k().as_str(), desk.kernel.book(0)[0].cost.to_string().as_str()), ("999.95", "101"));
    assert_eq!(stranger(&mut desk, Kind::FullFill, "S1", "100", |_| ()).code, Code::DuplicateEvent);
    assert_eq!(desk.k(), "999.95");
    desk.assert_replays();
}

#[test]
fn a_bust_before_a_fill_of_nobody_known_leaves_nothing_of_it() {
    let mut desk = Desk::new();
    desk.settled("S1", "3", "0.05");
    assert_eq!(desk.k(), "1002.95");
    let outcome = stranger(&mut desk, Kind::TradeBust, "", "100", about_s1("S2", None));
    assert_eq!((outcome.code, desk.k().as_str()), (Code::UnknownOrder, "1000"));
    for (kind, trade) in [(Kind::TradeBust, ""), (Kind::FullFill, "S1")] {
        let about = about_s1("S2", None);
        let again = stranger(&mut desk, kind, trade, "100", |event| {
            if kind == Kind::TradeBust {
                about(event)
            }
        });
        assert_eq!(again.code, Code::DuplicateEvent, "{kind:?}");
        assert_eq!((desk.k(), desk.book().0), ("1000".into(), "0.000".into()), "{kind:?}");
    }
    desk.assert_replays();
}

#[test]
fn of_a_fill_that_may_be_forgotten_no_correction_is_believed() {
    // Nothing says that it has not come; or it does not say enough; or the fill is another side's.
    for missing in ["settlement", "size", "price", "order_side", "asset"] {
        let mut desk = Desk::new();
        if missing != "settlement" {
            desk.settled("S1", "0", "0.05");
        }
        let before = (desk.k(), desk.kernel.orders().iter().count());
        let about = about_s1("S2", None);
        let outcome = stranger(&mut desk, Kind::TradeCorrect, "", "101", |event| {
            about(event);
            match missing {
                "size" => event.size = None,
                "price" => event.price = None,
                "order_side" => event.order_side = None,
                "asset" => event.asset = Id::EMPTY,
                _ => {}
            }
        });
        assert_eq!((outcome.code, outcome.accepted), (Code::ReconcileRequired, false), "{missing}");
        assert_eq!((desk.k(), desk.kernel.orders().iter().count()), before, "{missing}");
    }
}

/// Slot 0 holds 2 of 4 long, as an operator says, and its two exits are at work.
fn of_less() -> (Desk, Vec<Id>) {
    let (desk, _, exits) = working(TradeSide::Long);
    (desk, exits)
}

/// Slot 0 holds 2 of 4, as an operator says, and two exits have filled 1 and 3: 2 of that is nobody's. The entry, and the
/// exits.
fn beyond(side: TradeSide) -> (Desk, Id, Vec<Id>) {
    let (mut desk, entry, exits) = working(side);
    let price = if side == TradeSide::Long { "110" } else { "90" };
    for (exit, (trade, size)) in exits.iter().zip([("T2", "1"), ("T3", "3")]) {
        desk.ack(exit, &format!("V{trade}"));
        desk.fill(exit, trade, size, price);
    }
    (desk, entry, exits)
}

fn working(side: TradeSide) -> (Desk, Id, Vec<Id>) {
    let mut desk = Desk::new();
    desk.enter_side(0, side, "4");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "4", "100");
    let mut exits = Vec::new();
    for size in ["1", "3"] {
        assert!(desk.exit_size(0, size).accepted);
        exits.push(desk.submitted());
    }
    // From here on the trade's fills do not make what the slot has.
    let change =
        SlotOverride { size: Some(dec("2")), ..SlotOverride::new(0, id("ann"), "two are not ours".into()) };
    assert!(desk.put(Input::Override(Box::new(change))).accepted);
    (desk, entry, exits)
}

/// The slot's size and profit, what its exits filled beyond it, and what is nobody's.
fn shares(desk: &Desk) -> [i128; 4] {
    let slot = desk.kernel.slot(0).expect("a slot");
    let lots = |qty: Qty| qty.0 / desk.kernel.instruments()[0].qty(dec("1")).expect("a lot").0;
    let profit = slot.realized.0 / Money::from_decimal(dec("1")).expect("money").0;
    [lots(slot.basis.qty), profit, lots(desk.kernel.filled_beyond(0)), lots(desk.kernel.unassigned(0)[0].qty)]
}

#[test]
fn what_exits_filled_beyond_a_slot_goes_back_first_whoever_has_had_a_hand_on_it() {
    for (side, sign) in [(TradeSide::Long, 1), (TradeSide::Short, -1)] {
        let (mut desk, _, exits) = beyond(side);
        assert_eq!(shares(&desk), [0, 20, 2, 0], "{side:?}: nobody's two were sold as well");
        assert_is_stored(&desk);
        let bust = |desk: &mut Desk, at: usize, trade: &str| {
            let (exit, trade) = (exits[at].clone(), id(trade));
            desk.event(Kind::TradeBust, &exit, |event| {
                event.rare = Some(Box::new(RareFields { ref_trade_id: trade, ..RareFields::default() }));
            })
        };
        assert!(bust(&mut desk, 0, "T2").accepted);
        assert_eq!(shares(&desk), [0, 20, 1, sign], "{side:?}: one of them is nobody's again");
        assert!(bust(&mut desk, 1, "T3").accepted);
        assert_eq!(shares(&desk), [2 * sign, 0, 0, 2 * sign], "{side:?}: the other one, and the slot's own");
        assert_eq!(desk.gross(), "1000", "{side:?}");
        desk.assert_replays();
    }
}

#[test]
fn only_what_an_exit_takes_back_comes_out_of_what_was_filled_beyond() {
    let (mut desk, entry, exits) = beyond(TradeSide::Long);
    let size = |desk: &mut Desk, order: &Id, trade: &str, size: &str| {
        let (trade, size) = (id(trade), dec(size));
        desk.event(Kind::TradeCorrect, order, |event| {
            (event.event_id, event.size) = (id(&format!("E{size}")), Some(size));
            event.rare = Some(Box::new(RareFields { ref_trade_id: trade, ..RareFields::default() }));
        })
    };
    assert!(size(&mut desk, &exits[1], "T3", "5").accepted);
    assert_eq!(shares(&desk)[..3], [0, 20, 4], "an exit that filled more is further beyond");
    assert!(size(&mut desk, &entry, "T1", "5").accepted);
    assert_eq!(shares(&desk)[..3], [1, 20, 4], "an entry that filled more is the slot's");
    desk.assert_replays();
    // While the slot holds some of it, that closes first.
    let (mut desk, exits) = of_less();
    desk.ack(&exits[0], "V2");
    desk.fill(&exits[0], "T2", "1", "110");
    assert_eq!(shares(&desk), [1, 10, 0, 2]);
    assert!(size(&mut desk, &exits[0], "T2", "2").accepted);
    assert_eq!(shares(&desk), [0, 20, 0, 2], "as much as it holds");
    let (mut desk, exits) = of_less();
    desk.ack(&exits[0], "V2");
    desk.fill(&exits[0], "T2", "1", "110");
    assert!(size(&mut desk, &exits[0], "T2", "4").accepted);
    assert_eq!(shares(&desk), [0, 20, 2, 0], "and two beyond it");
    let (mut desk, exits) = of_less();
    desk.ack(&exits[1], "V3");
    desk.fill(&exits[1], "T3", "0.5", "110");
    assert!(size(&mut desk, &exits[1], "T3", "1").accepted);
    assert_eq!((desk.size(0).as_str(), shares(&desk)), ("1.000", [1, 10, 0, 2]), "less than it holds");
    desk.assert_replays();
    // Another trade of the slot has filled nothing beyond it.
    let (mut desk, ..) = beyond(TradeSide::Long);
    desk.enter(0, "1");
    assert_eq!(desk.kernel.filled_beyond(0), Qty::ZERO);
}
