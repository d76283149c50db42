//! What ends an order, and what does not: words that come out of their order, of an order that the venue made smaller.
//! Each left an order at work here that the venue had none of (torture, seeds 1426, 3487 and 4610).

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType,
    TradeStage as Stage, VenueOrderStatus as Status,
};

fn asks(desk: &Desk) -> bool {
    desk.effects.commands.iter().any(|command| matches!(command, Command::Query(_)))
}

fn status(desk: &Desk, client_id: &Id) -> Status {
    let place = desk.kernel.orders().by_client_id(client_id).expect("it is known");
    desk.kernel.orders().at(place).status
}

/// Slot 0 holds 5, and asks to sell them at 110.
fn selling() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.open(0, "5", "100");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("110")));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "V9");
    (desk, exit)
}

#[test]
fn the_real_fill_of_an_inferred_one_ends_what_the_venue_had_made_smaller() {
    for (left, now, what) in
        [("0", Status::Filled, "nothing is left"), ("3", Status::PartiallyFilled, "some is")]
    {
        let (mut desk, exit) = selling();
        desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.limit_price) = (Some(dec("1")), Some(dec("109")));
        });
        // The venue had cut it to 2, and filled those.
        desk.event(Kind::AmendReject, &exit, |event| {
            (event.status, event.filled_size) = (Some(Status::Filled), Some(dec("2")));
        });
        assert_eq!(desk.size(0), "3.000", "{what}");
        desk.event(Kind::FullFill, &exit, |event| {
            event.venue_trade_id = id("T9");
            (event.size, event.price) = (Some(dec("2")), Some(dec("110")));
            (event.filled_size, event.remaining_size) = (Some(dec("2")), Some(dec(left)));
        });
        assert_eq!((desk.size(0).as_str(), status(&desk, &exit)), ("3.000", now), "{what}");
        let stage = if left == "0" { Stage::PositionOpen } else { Stage::ExitWorking };
        assert_eq!(desk.stage(0), stage, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_order_that_is_full_is_not_made_larger_by_an_older_word() {
    for (total, code, now) in
        [("0", Code::StaleEvent, Status::Filled), ("2", Code::Ok, Status::PartiallyFilled)]
    {
        let (mut desk, exit) = selling();
        desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.limit_price) = (Some(dec("2")), Some(dec("109")));
        });
        desk.event(Kind::AmendAck, &exit, |event| event.order_size = Some(dec("2")));
        desk.fill(&exit, "T9", "2", "109");
        assert_eq!(status(&desk, &exit), Status::Filled);
        let outcome = desk.event(Kind::Restated, &exit, |event| {
            (event.order_size, event.filled_size) = (Some(dec("4")), Some(dec(total)));
        });
        assert_eq!(
            (outcome.code, status(&desk, &exit)),
            (code, now),
            "restated to 4, of which {total} filled"
        );
        desk.assert_replays();
    }
}

#[test]
fn an_order_that_is_called_filled_and_works_here_is_asked_about() {
    for (total, ask, what) in [
        ("2", true, "as much as here, and more was ordered"),
        ("1", false, "told before the last fill"),
        ("3", false, "more than here: the difference is inferred"),
    ] {
        let (mut desk, exit) = selling();
        desk.fill(&exit, "T9", "2", "110");
        let told = |desk: &mut Desk| {
            desk.event(Kind::OrderStatus, &exit, |event| {
                (event.status, event.filled_size) = (Some(Status::Filled), Some(dec(total)));
            })
        };
        told(&mut desk);
        assert_eq!((asks(&desk), status(&desk, &exit)), (ask, Status::PartiallyFilled), "{what}");
        if ask {
            told(&mut desk);
            assert_eq!((asks(&desk), status(&desk, &exit)), (false, Status::Filled), "the answer counts");
        }
        desk.assert_replays();
    }
}

#[test]
fn a_bust_that_comes_before_its_fill_ends_no_order_of_which_something_is_open() {
    type Before = fn(&mut Desk, &Id);
    let amended: Before = |desk, _| {
        desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.limit_price) = (Some(dec("4")), Some(dec("109")));
        });
    };
    let inferred: Before = |desk, exit| {
        desk.event(Kind::OrderStatus, exit, |event| {
            (event.status, event.filled_size) = (Some(Status::PartiallyFilled), Some(dec("2")));
        });
    };
    let ended: Before = |desk, exit| {
        desk.event(Kind::CancelAck, exit, |event| event.status = Some(Status::Canceled));
    };
    for (what, before, total, now, ask) in [
        ("a change of it is on its way", amended, "0", Status::Acked, true),
        ("what it has filled is only inferred", inferred, "2", Status::PartiallyFilled, true),
        ("it has ended", ended, "0", Status::Canceled, false),
    ] {
        let (mut desk, exit) = selling();
        before(&mut desk, &exit);
        let size = desk.size(0);
        desk.event(Kind::TradeBust, &exit, |event| {
            (event.status, event.size) = (Some(Status::Rejected), Some(dec("1")));
            (event.filled_size, event.remaining_size) = (Some(dec(total)), Some(dec("0")));
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("T9"), ..RareFields::default() }));
        });
        assert_eq!((status(&desk, &exit), asks(&desk), desk.size(0)), (now, ask, size), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_bust_that_comes_before_its_fill_says_how_the_order_stands() {
    for (told, total, left, now, ask) in [
        (Some(Status::Canceled), "0", "0", Status::Canceled, false),
        // It works on, or there is more that was not heard of: the venue is asked.
        (Some(Status::Acked), "0", "5", Status::Acked, true),
        (Some(Status::Filled), "3", "0", Status::Acked, true),
        (Some(Status::Canceled), "0", "5", Status::Acked, true),
        (None, "0", "0", Status::Acked, true),
    ] {
        let (mut desk, exit) = selling();
        desk.event(Kind::TradeBust, &exit, |event| {
            (event.status, event.size) = (told, Some(dec("5")));
            (event.filled_size, event.remaining_size) = (Some(dec(total)), Some(dec(left)));
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("T9"), ..RareFields::default() }));
        });
        let case = format!("{told:?} with {total} filled and {left} left");
        assert_eq!((status(&desk, &exit), asks(&desk)), (now, ask), "{case}");
        let again = desk.fill(&exit, "T9", "5", "110");
        assert_eq!((again.code, desk.size(0).as_str()), (Code::DuplicateEvent, "5.000"), "{case}");
        desk.assert_replays();
    }
}

#[test]
fn an_order_whose_rest_was_busted_ends_with_what_its_last_word_tells_of() {
    for (total, left, what) in [
        ("4", "1.000", "one was taken back before it came, and four have filled"),
        ("5", "0.000", "all of it"),
    ] {
        let (mut desk, exit) = selling();
        desk.event(Kind::TradeBust, &exit, |event| {
            (event.status, event.size) = (Some(Status::Filled), Some(dec("1")));
            (event.filled_size, event.remaining_size) = (Some(dec("4")), Some(dec("0")));
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("T9"), ..RareFields::default() }));
        });
        assert!(asks(&desk), "{what}");
        desk.event(Kind::OrderStatus, &exit, |event| {
            (event.status, event.filled_size) = (Some(Status::Filled), Some(dec(total)));
        });
        assert_eq!((status(&desk, &exit), asks(&desk)), (Status::Filled, false), "{what}");
        assert_eq!(desk.size(0), left, "{what}");
        desk.assert_replays();
    }
    // Unasked, and with nothing taken back, it may be a word from before a change.
    let (mut desk, exit) = selling();
    desk.event(Kind::OrderStatus, &exit, |event| {
        (event.status, event.filled_size) = (Some(Status::Filled), Some(dec("4")));
    });
    assert_eq!(status(&desk, &exit), Status::PartiallyFilled);
}

#[test]
fn a_busted_fill_that_comes_late_and_was_its_orders_last_asks_what_the_order_ended_with() {
    for (left, live, what) in [
        (Some("0"), true, "it was the last one"),
        (Some("2"), true, "the order went on"),
        (None, true, "who knows"),
        (Some("0"), false, "the order has ended here"),
    ] {
        let (mut desk, exit) = selling();
        desk.event(Kind::TradeBust, &exit, |event| {
            (event.status, event.size) = (Some(Status::Filled), Some(dec("1")));
            (event.filled_size, event.remaining_size) = (Some(dec("4")), Some(dec("0")));
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("T9"), ..RareFields::default() }));
        });
        // The venue knows of no such order, by mistake, and then of its first fill.
        desk.event(Kind::OrderNotFound, &exit, |_| {});
        desk.fill(&exit, "T8", "4", "110");
        assert_eq!(status(&desk, &exit), Status::PartiallyFilled);
        if !live {
            desk.event(Kind::CancelAck, &exit, |event| event.status = Some(Status::Canceled));
        }
        let repeat = |desk: &mut Desk| {
            let again = desk.event(Kind::FullFill, &exit, |event| {
                (event.venue_trade_id, event.status) = (id("T9"), Some(Status::Filled));
                (event.size, event.price) = (Some(dec("1")), Some(dec("110")));
                (event.filled_size, event.remaining_size) = (Some(dec("5")), left.map(dec));
            });
            assert_eq!(again.code, Code::DuplicateEvent, "{what}");
            asks(desk)
        };
        let asked = live && left == Some("0");
        assert_eq!(repeat(&mut desk), asked, "{what}");
        if asked {
            assert!(!repeat(&mut desk), "its answer begins with that fill");
            desk.now += desk.kernel.config().requery_interval_ns;
            desk.put(Input::Time);
            assert!(repeat(&mut desk), "nobody answers");
            desk.event(Kind::OrderStatus, &exit, |event| {
                (event.status, event.filled_size) = (Some(Status::Filled), Some(dec("4")));
            });
            assert_eq!((status(&desk, &exit), desk.size(0).as_str()), (Status::Filled, "1.000"), "{what}");
        }
        desk.assert_replays();
    }
}
