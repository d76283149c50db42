//! What an event is called, and what it moves, at the edges: repetitions, totals that differ from sizes, news of what is
//! over. Each edge was moved once without another test noticing (mutation testing).

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, OpeningState, RareFields, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, Liquidity,
    OrderDoubt, OrderSide, PositionSide, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;
use dita_kernel::outcome::Outcome;

fn order<'a>(desk: &'a Desk, client: &Id) -> &'a Order {
    desk.kernel.orders().at(desk.kernel.orders().by_client_id(client).expect("an order"))
}

/// An entry of that size with a limit of 99, which the venue has.
fn working(size: &str) -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter_limit(0, size, "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    (desk, entry)
}

fn fill(desk: &mut Desk, client: &Id, change: impl FnOnce(&mut VenueEvent)) -> Outcome {
    desk.event(Kind::PartialFill, client, |event| {
        event.price = Some(dec("99"));
        change(event);
    })
}

/// Its fills, as quantity at price.
fn fills(desk: &Desk, client: &Id) -> Vec<String> {
    let rules = &desk.kernel.instruments()[0];
    let text = |fill: &dita_kernel::order::Fill| {
        format!("{} at {}", rules.qty_decimal(fill.qty), rules.price_decimal(fill.price))
    };
    order(desk, client).fills.iter().map(text).collect()
}

#[test]
fn no_figure_of_a_fill_is_negative() {
    type Change = fn(&mut VenueEvent);
    let wrong: [Change; 3] = [
        |event| event.filled_size = Some(dec("-1")),
        |event| event.price = Some(dec("-99")),
        |event| event.size = Some(dec("-1")),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let (mut desk, entry) = working("3");
        let outcome = fill(&mut desk, &entry, |event| {
            (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
            change(event);
        });
        assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired), "{number}");
    }
    let (mut desk, entry) = working("3");
    let outcome = desk.event(Kind::CancelAck, &entry, |event| event.filled_size = Some(dec("-1")));
    assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired));
}

#[test]
fn a_full_fill_without_figures_fills_the_order() {
    let (mut desk, entry) = working("3");
    desk.event(Kind::FullFill, &entry, |event| event.price = Some(dec("99")));
    assert_eq!((desk.size(0).as_str(), order(&desk, &entry).status), ("3.000", Status::Filled));
    // One with a name of its own tells of itself alone.
    let (mut desk, entry) = working("3");
    let outcome = desk.event(Kind::FullFill, &entry, |event| {
        (event.event_id, event.price) = (id("E1"), Some(dec("99")));
    });
    assert!(!outcome.accepted, "it does not say how much");
}

#[test]
fn a_position_side_counts_where_the_account_has_two() {
    for (hedge_mode, side, passes) in [
        (false, PositionSide::Both, true),
        (false, PositionSide::Short, true),
        (true, PositionSide::Long, true),
        (true, PositionSide::Short, false),
    ] {
        let config =
            KernelConfig { max_slots: 3, remembered_orders: 8, hedge_mode, ..KernelConfig::default() };
        let mut desk = Desk::with(config);
        desk.enter_limit(0, "1", "99");
        let entry = desk.submitted();
        let outcome = fill(&mut desk, &entry, |event| {
            (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
            event.position_side = Some(side);
        });
        assert_eq!(outcome.accepted, passes, "hedged: {hedge_mode}, {side}");
    }
}

#[test]
fn a_total_says_how_much_of_a_fill_was_known() {
    // Two are known by a status; the fill of two brings the total to three: one of it is new.
    let (mut desk, entry) = working("5");
    desk.event(Kind::OrderStatus, &entry, |event| {
        (event.status, event.filled_size) = (Some(Status::PartiallyFilled), Some(dec("2")));
    });
    fill(&mut desk, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T1"), Some(dec("2")));
        (event.filled_size, event.fee) = (Some(dec("3")), Some(dec("0.1")));
    });
    assert_eq!(desk.size(0), "3.000");
    // Its fee is charged once, however many parts it stands in. The one that is only known costs what is predicted.
    let guess = "0.0495"; // 5 basis points of 99, taking
    let maker = "0.0198"; // 2, making
    let fees = desk.balance(Account::Fees);
    let sums = [guess, maker].map(|guess| {
        let sum = dec("0.1").at_scale(18).expect("fits") + dec(guess).at_scale(18).expect("fits");
        dita_kernel::num::Money(sum).to_string()
    });
    assert!(sums.contains(&fees), "{fees}: 0.1 and one prediction, {sums:?}");
    desk.assert_replays();
}

#[test]
fn a_fill_that_brings_the_total_past_the_order_is_an_overfill() {
    let (mut desk, entry) = working("3");
    let outcome = fill(&mut desk, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
        event.filled_size = Some(dec("4"));
    });
    assert_eq!((outcome.code, desk.size(0).as_str()), (Code::Overfill, "4.000"));
}

#[test]
fn an_order_of_which_nothing_is_left_is_over() {
    for (total, remaining, over) in [
        (Some("1"), Some("0"), true),
        (None, Some("0"), true),
        (Some("1"), Some("2"), false),
        (None, None, false),
    ] {
        let (mut desk, entry) = working("3");
        fill(&mut desk, &entry, |event| {
            (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
            (event.filled_size, event.remaining_size) = (total.map(dec), remaining.map(dec));
        });
        assert_eq!(order(&desk, &entry).status == Status::Filled, over, "{total:?} {remaining:?}");
    }
}

#[test]
fn a_fill_without_a_trade_id_is_told_from_its_repetition() {
    // By its event's id, where there is no total.
    let (mut desk, entry) = working("5");
    for (event_id, code) in [("E1", Code::Ok), ("E1", Code::DuplicateEvent), ("E2", Code::Ok)] {
        let outcome =
            fill(&mut desk, &entry, |event| (event.event_id, event.size) = (id(event_id), Some(dec("1"))));
        assert_eq!(outcome.code, code, "{event_id}");
    }
    assert_eq!(desk.size(0), "2.000");
    // By the total, where there is one: what it does not add is a repetition.
    let (mut desk, entry) = working("5");
    fill(&mut desk, &entry, |event| (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1"))));
    fill(&mut desk, &entry, |event| (event.size, event.filled_size) = (Some(dec("3")), Some(dec("2"))));
    assert_eq!(desk.size(0), "2.000");
    // And what was inferred gets its price from it.
    let (mut desk, entry) = working("5");
    desk.event(Kind::OrderStatus, &entry, |event| {
        (event.status, event.filled_size) = (Some(Status::PartiallyFilled), Some(dec("2")));
    });
    fill(&mut desk, &entry, |event| {
        (event.size, event.filled_size, event.price) = (Some(dec("1")), Some(dec("2")), Some(dec("98")));
    });
    assert_eq!(desk.size(0), "2.000");
    assert!(fills(&desk, &entry).contains(&"1.000 at 98".to_owned()), "{:?}", fills(&desk, &entry));
    // A total that is reached, without a size, is old news.
    let outcome = desk.event(Kind::PartialFill, &entry, |event| {
        (event.venue_trade_id, event.filled_size) = (id("T9"), Some(dec("2")));
    });
    assert_eq!(outcome.code, Code::StaleEvent);
}

#[test]
fn a_busted_fill_that_comes_again_brings_nothing() {
    let (mut desk, entry) = working("3");
    let told = |desk: &mut Desk, fee: Option<&str>| {
        fill(desk, &entry, |event| {
            (event.venue_trade_id, event.size, event.fee) = (id("T1"), Some(dec("1")), fee.map(dec));
        })
    };
    told(&mut desk, None);
    desk.event(Kind::TradeBust, &entry, |event| {
        let rare = RareFields { ref_trade_id: id("T1"), ..RareFields::default() };
        (event.asset, event.rare) = (id("BTCUSDT"), Some(Box::new(rare)));
    });
    let (fees, k) = (desk.balance(Account::Fees), desk.k());
    assert_eq!(told(&mut desk, Some("0.3")).code, Code::DuplicateEvent);
    assert_eq!((desk.balance(Account::Fees), desk.k()), (fees, k));
    let making = fill(&mut desk, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
        event.liquidity = Some(Liquidity::Maker);
    });
    assert_eq!(making.code, Code::DuplicateEvent, "nor whether it made");
}

#[test]
fn a_fill_that_was_corrected_under_another_id_brings_nothing_when_it_comes_again() {
    let (mut desk, entry) = working("3");
    fill(&mut desk, &entry, |event| (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1"))));
    desk.event(Kind::TradeCorrect, &entry, |event| {
        let rare = RareFields { ref_trade_id: id("T1"), ..RareFields::default() };
        (event.venue_trade_id, event.rare) = (id("T1b"), Some(Box::new(rare)));
        event.price = Some(dec("98"));
    });
    let (fees, k) = (desk.balance(Account::Fees), desk.k());
    let again = fill(&mut desk, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
        (event.fee, event.liquidity) = (Some(dec("0.3")), Some(Liquidity::Maker));
    });
    assert_eq!(again.code, Code::DuplicateEvent);
    assert_eq!((desk.balance(Account::Fees), desk.k()), (fees, k), "its fee is the correction's");
    desk.assert_replays();
}

#[test]
fn a_fill_without_a_price_is_taken_at_what_its_order_was_valued_at() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.mark("105");
    desk.event(Kind::PartialFill, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
    });
    assert_eq!(fills(&desk, &entry), ["1.000 at 100"]);
}

// ------------------------------------------------------------------------------------------------------- names

/// What an event is called that comes after others.
fn named(before: &[(Kind, Option<Status>)], last: (Kind, Option<Status>)) -> (Code, Status, OrderDoubt) {
    let (mut desk, entry) = working("3");
    for (kind, status) in before {
        desk.event(*kind, &entry, |event| {
            event.status = *status;
            if *kind == Kind::OrderAck {
                event.venue_order_id = id("V1");
            }
        });
    }
    let outcome = desk.event(last.0, &entry, |event| {
        event.status = last.1;
        if last.0 == Kind::OrderAck {
            event.venue_order_id = id("V1");
        }
    });
    (outcome.code, order(&desk, &entry).status, order(&desk, &entry).doubt)
}

#[test]
#[rustfmt::skip]
fn news_are_called_what_they_are() {
    use Kind::{AmendPending, CancelAck, CancelPending, Expired, OrderAck, OrderReject, OrderStatus, SendTimeout, Stopped, Triggered};
    let rejected = Some(Status::Rejected);
    let said = |kinds: &[Kind]| kinds.iter().map(|kind| (*kind, None)).collect::<Vec<_>>();
    for (before, last, code, status) in [
        (said(&[]),                       (OrderAck, None),     Code::DuplicateEvent, Status::Acked),
        (said(&[CancelPending]),          (OrderAck, None),     Code::StaleEvent,     Status::PendingCancel),
        (said(&[CancelAck]),              (CancelAck, None),    Code::DuplicateEvent, Status::Canceled),
        (said(&[CancelAck]),              (Expired, None),      Code::StaleEvent,     Status::Canceled),
        (said(&[Expired]),                (CancelAck, None),    Code::StaleEvent,     Status::Expired),
        (said(&[Expired]),                (Expired, None),      Code::DuplicateEvent, Status::Expired),
        (said(&[CancelAck]),              (SendTimeout, None),  Code::StaleEvent,     Status::Canceled),
        (said(&[]),                       (SendTimeout, None),  Code::StaleEvent,     Status::Acked),
        (said(&[CancelPending]),          (SendTimeout, None),  Code::InDoubt,        Status::PendingCancel),
        (said(&[]),                       (OrderStatus, None),  Code::Ok,             Status::Acked),
        (said(&[AmendPending]),           (AmendPending, None), Code::DuplicateEvent, Status::PendingReplace),
        (said(&[AmendPending]),           (OrderStatus, Some(Status::Acked)), Code::Ok, Status::Acked),
        (said(&[Stopped]),                (Stopped, None),      Code::DuplicateEvent, Status::Stopped),
        (said(&[Triggered]),              (Triggered, None),    Code::DuplicateEvent, Status::Acked),
        (said(&[]),                       (OrderReject, rejected), Code::VenueRejected, Status::Rejected),
        (vec![(OrderReject, rejected)],   (OrderReject, rejected), Code::DuplicateEvent, Status::Rejected),
        (said(&[CancelAck]),              (OrderReject, rejected), Code::StaleEvent,  Status::Canceled),
    ] {
        let (said, now, _) = named(&before, last);
        assert_eq!((said, now), (code, status), "{last:?} after {before:?}");
    }
    // Under another of the venue's ids an acknowledgement is not a repetition.
    let (mut desk, entry) = working("3");
    assert_eq!(desk.ack(&entry, "V2").code, Code::StaleEvent);
}

#[test]
fn what_a_stranger_is_told_of_his_order_is_not_ours() {
    let mut desk = Desk::unseeded(KernelConfig::default());
    let at_work = opening_order("S1", "stranger");
    let opening = OpeningState {
        timestamp_ns: 0,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: Vec::new(),
        orders: vec![at_work],
        fill_cursor: id(""),
        income_cursor: id(""),
    };
    assert!(desk.put(Input::Opening(Box::new(opening))).accepted);
    for kind in [Kind::Stopped, Kind::Triggered, Kind::AmendPending] {
        let outcome = desk.event(kind, &id("stranger"), |event| event.venue_order_id = id("S1"));
        assert_eq!(outcome.code, Code::UnknownOrder, "{kind}");
    }
    let gone = desk.event(Kind::OrderNotFound, &id("stranger"), |event| event.venue_order_id = id("S1"));
    assert_eq!(gone.code, Code::StaleEvent, "nobody waits for an answer");
}

#[test]
fn an_order_that_the_venue_calls_filled_is_over_by_less_only_where_it_was_asked() {
    for (asked, over) in [(false, false), (true, true)] {
        let (mut desk, entry) = working("3");
        fill(&mut desk, &entry, |event| (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1"))));
        if asked {
            desk.cancel(0);
            desk.event(Kind::SendTimeout, &entry, |_| {});
        }
        desk.event(Kind::OrderStatus, &entry, |event| {
            (event.status, event.filled_size) = (Some(Status::Filled), Some(dec("1")));
        });
        assert_eq!(order(&desk, &entry).status == Status::Filled, over, "asked: {asked}");
    }
}

#[test]
fn too_many_requests_means_the_last_that_is_outstanding() {
    for (amended, canceled, doubted, code, still_asked, what) in [
        (true, false, false, Code::RateLimited, false, "the change"),
        (false, true, false, Code::RateLimited, false, "the cancel"),
        (true, true, false, Code::RateLimited, true, "the cancel, and the change stays asked for"),
        (true, false, true, Code::RateLimited, true, "the question: the change stays in doubt"),
    ] {
        let (mut desk, entry) = working("3");
        if amended {
            desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("4")));
        }
        if canceled {
            desk.cancel(0);
        }
        if doubted {
            desk.event(Kind::SendTimeout, &entry, |_| {});
        }
        let outcome = desk.event(Kind::RateLimited, &entry, |_| {});
        assert_eq!(outcome.code, code, "{what}");
        assert_eq!(order(&desk, &entry).amendment().is_some(), still_asked, "{what}");
        assert!(!order(&desk, &entry).cancel_requested, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn what_the_venue_says_remains_counts_where_it_is_not_old() {
    type Said = (Option<&'static str>, Option<&'static str>);
    let stories: [(&[Said], &str, &str, &str); 8] = [
        (&[(Some("0.5"), None)], "0.5", "200", "less, and what was ordered is held back"),
        (&[(Some("3"), None)], "2", "200", "more can only be old"),
        (&[(Some("2"), None)], "2", "200", "as here"),
        (&[(Some("3"), Some("0"))], "3", "300", "more, with the total as here"),
        (&[(Some("0.5"), Some("0"))], "0.5", "200", "less, with the total as here"),
        (&[(Some("0.5"), None), (Some("2"), None)], "2", "200", "as here after all"),
        (&[(Some("0.5"), None), (Some("2"), Some("0"))], "2", "200", "as here after all, with the total"),
        (&[(Some("0.5"), None), (None, None)], "0.5", "200", "not said again"),
    ];
    for (said, remaining, reserved, what) in stories {
        let (mut desk, entry) = working("2");
        for (remaining, total) in said {
            desk.event(Kind::OrderStatus, &entry, |event| {
                event.status = Some(Status::Acked);
                (event.remaining_size, event.filled_size) = (remaining.map(dec), total.map(dec));
            });
        }
        let left = desk.kernel.instruments()[0].qty_decimal(order(&desk, &entry).remaining());
        assert_eq!(left, dec(remaining), "{what}");
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), reserved, "{what}");
        desk.event(Kind::CancelAck, &entry, |_| {});
        assert!(order(&desk, &entry).remaining().is_zero(), "{what}: it is over");
    }
}

#[test]
fn a_late_fill_that_leaves_nothing_of_a_canceled_order_does_not_fill_it() {
    let (mut desk, entry) = working("2");
    desk.event(Kind::CancelAck, &entry, |_| {});
    let outcome = fill(&mut desk, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1")));
        (event.filled_size, event.remaining_size) = (Some(dec("1")), Some(dec("0")));
    });
    assert_eq!((outcome.code, order(&desk, &entry).status), (Code::LateFill, Status::Canceled));
    fill(&mut desk, &entry, |event| {
        (event.venue_trade_id, event.size) = (id("T2"), Some(dec("1")));
        (event.filled_size, event.remaining_size) = (Some(dec("2")), Some(dec("0")));
    });
    assert_eq!(order(&desk, &entry).status, Status::Filled, "both came");
    desk.assert_replays();
}

#[test]
fn an_order_that_the_venue_calls_filled_is_over_by_less_where_a_fill_was_revised() {
    for (kind, size, total, over, what) in [
        (Kind::TradeBust, None, "1", true, "one of two was taken back"),
        (Kind::TradeCorrect, Some("0.5"), "1.5", true, "one of two was half as large"),
        (Kind::TradeCorrect, Some("0.5"), "1", false, "that is another total"),
    ] {
        for own_id in ["", "C1"] {
            let (mut desk, entry) = working("3");
            for trade in ["T1", "T2"] {
                fill(&mut desk, &entry, |event| {
                    (event.venue_trade_id, event.size) = (id(trade), Some(dec("1")));
                });
            }
            desk.event(kind, &entry, |event| {
                let rare = RareFields { ref_trade_id: id("T2"), ..RareFields::default() };
                (event.size, event.rare) = (size.map(dec), Some(Box::new(rare)));
                event.venue_trade_id = id(own_id);
            });
            desk.event(Kind::OrderStatus, &entry, |event| {
                (event.status, event.filled_size) = (Some(Status::Filled), Some(dec(total)));
            });
            // A correction without a name leaves nothing that the order could be known by as revised.
            let over = over && (kind == Kind::TradeBust || !own_id.is_empty());
            assert_eq!(order(&desk, &entry).status == Status::Filled, over, "{what}, {own_id:?}");
            desk.assert_replays();
        }
    }
}

#[test]
fn too_many_requests_for_a_change_that_is_named_means_that_change() {
    for doubted in [false, true] {
        let (mut desk, entry) = working("3");
        desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("4")));
        let request = order(&desk, &entry).amendment().expect("a change").request_id.clone();
        let named = |event: &mut VenueEvent| {
            event.rare = Some(Box::new(RareFields { request_id: request.clone(), ..RareFields::default() }));
        };
        if doubted {
            desk.event(Kind::SendTimeout, &entry, named);
            assert_eq!(order(&desk, &entry).doubt, OrderDoubt::Amend);
        }
        assert_eq!(desk.event(Kind::RateLimited, &entry, named).code, Code::RateLimited);
        let given_up = order(&desk, &entry).extra.as_ref().is_some_and(|extra| extra.given_up.is_some());
        // In doubt it was the question that was refused: the change may have been made.
        assert_eq!((order(&desk, &entry).amendment().is_some(), given_up), (doubted, false), "{doubted}");
        desk.assert_replays();
    }
}

#[test]
fn a_status_that_says_nothing_of_a_change_is_news_by_itself() {
    let (mut desk, entry) = working("3");
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("4")));
    desk.event(Kind::OrderStatus, &entry, |event| event.status = Some(Status::PendingCancel));
    assert_eq!(order(&desk, &entry).status, Status::PendingCancel);
    assert!(order(&desk, &entry).amendment().is_some(), "it is still asked for");
    desk.assert_replays();
}

#[test]
fn what_remains_as_expected_is_not_remembered_past_the_next_fill() {
    // The fill comes as a stranger's, and is ours by the acknowledgement.
    let mut desk = Desk::new();
    desk.enter_limit(0, "3", "99");
    let entry = desk.submitted();
    desk.event(Kind::OrderStatus, &entry, |event| {
        (event.status, event.remaining_size) = (Some(Status::Acked), Some(dec("3")));
    });
    desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
        (event.venue_order_id, event.venue_trade_id) = (id("V1"), id("T1"));
        (event.size, event.price) = (Some(dec("1")), Some(dec("99")));
    });
    desk.ack(&entry, "V1");
    assert_eq!(desk.size(0), "1.000");
    let left = desk.kernel.instruments()[0].qty_decimal(order(&desk, &entry).remaining());
    assert_eq!(left.to_string(), "2.000");
    desk.assert_replays();
}

#[test]
fn an_order_that_is_over_with_less_than_was_booked_is_for_somebody_to_look_at() {
    for (total, code) in [("0.5", Code::ReconcileRequired), ("1", Code::Ok), ("1.5", Code::InferredFill)] {
        let (mut desk, entry) = working("3");
        fill(&mut desk, &entry, |event| (event.venue_trade_id, event.size) = (id("T1"), Some(dec("1"))));
        let outcome = desk.event(Kind::CancelAck, &entry, |event| event.filled_size = Some(dec(total)));
        assert_eq!((outcome.code, order(&desk, &entry).status), (code, Status::Canceled), "{total}");
        desk.assert_replays();
    }
}
