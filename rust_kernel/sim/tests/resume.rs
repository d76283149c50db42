//! A paper venue that comes back: kernel and venue die between any two inputs, the kernel returns from its snapshot, a
//! new venue goes on where the kernel is.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "resume/session.rs"]
mod session;

use dita_kernel::effect::CancelRequest;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, MarginTier};
use dita_kernel::names::{KernelCommandType as Action, OrderType, TimeInForce, TradeSide, VenueOrderStatus};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimError, SimVenue};
use session::{Cut, SECOND, Session, VARIANTS, Variant, dec, id};

/// How many rounds of trading a scripted session has.
const ROUNDS: u64 = 80;

#[test]
fn a_session_cut_after_any_input_ends_with_k_at_e() {
    for variant in VARIANTS {
        let whole = Session::new(*variant, 1).play(ROUNDS);
        let (first, last) = (Session::new(*variant, 1).inputs + 1, whole.inputs);
        assert!(last - first > 400, "{variant:?}: {first} to {last}");
        let whole = whole.close();
        let met = whole.venue.counters();
        assert!(met.fundings > 0 && met.triggered > 0 && met.amends > 0, "{variant:?}: {met:?}");
        assert!(whole.partial_fills > 0 && met.expired > 0, "{variant:?}: {met:?}");
        for at in first..=last {
            let session = Session::new(*variant, 1).cut(Cut::Once(at)).play(ROUNDS).close();
            assert_eq!(session.life, 2, "{variant:?} cut after input {at}");
        }
    }
}

#[test]
fn many_lives_end_with_k_at_e() {
    for variant in VARIANTS {
        for (most, seed) in [(30, 2), (40, 3), (60, 4), (80, 5), (50, 6), (35, 7)] {
            let session = Session::new(*variant, seed).cut(Cut::Often(most)).play(3 * ROUNDS).close();
            assert!(session.life > 10, "{variant:?} seed {seed}: {} lives", session.life);
        }
    }
}

#[test]
fn a_cut_while_nothing_is_under_way_changes_no_money() {
    for variant in VARIANTS {
        for seed in 10..16 {
            let session = || Session::new(*variant, seed).steady();
            let whole = session().play(2 * ROUNDS).close();
            let quiet = session().cut(Cut::BetweenRounds).play(2 * ROUNDS).close();
            assert!(quiet.life > 40, "{} lives", quiet.life);
            assert_eq!(whole.money(), quiet.money(), "{variant:?}, seed {seed}");
            assert_eq!(whole.fills, quiet.fills, "{variant:?}, seed {seed}");
        }
    }
}

// --------------------------------------------------------------------------------------------- one thing each

/// A session with a market at 99.9 to 100.0.
fn calm(variant: Variant) -> Session {
    let mut s = Session::new(variant, 1).steady();
    s.quote_at(1_000, None);
    s
}

#[test]
fn the_first_that_was_sent_is_the_first_in_line() {
    let mut s = calm(Variant::Linear);
    for slot in [2, 0, 1] {
        s.now_ns += SECOND;
        assert!(s.rest(slot, "0.010", "99").accepted);
    }
    s.crash();
    s.print("99", "0.025");
    let held = |slot: u32| s.kernel.slot(slot).unwrap().basis.qty.0;
    let unit = held(2);
    assert!(unit > 0 && held(0) == unit && held(1) * 2 == unit, "{} {} {}", held(2), held(0), held(1));
}

#[test]
fn an_order_whose_end_passed_meanwhile_expires() {
    let mut s = calm(Variant::Linear);
    let end_ns = s.now_ns + 60 * SECOND;
    for (slot, end_ns) in [(0, end_ns), (1, end_ns + 600 * SECOND)] {
        let taken = s.intend(Action::Enter, slot, |intent| {
            intent.target_size = Some(dec("0.010"));
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec("99"));
            intent.time_in_force = TimeInForce::Gtd;
            intent.expire_time_ns = Some(end_ns);
        });
        assert!(taken.accepted);
    }
    s.crash();
    assert_eq!(s.venue.open_orders().len(), 2);
    s.pass(61 * SECOND);
    assert_eq!(s.venue.open_orders().len(), 1);
    assert_eq!(s.statuses(), [VenueOrderStatus::Expired, VenueOrderStatus::Acked]);
    s.quote_at(980, None);
    assert_eq!(s.statuses(), [VenueOrderStatus::Expired, VenueOrderStatus::Filled]);
}

#[test]
fn a_stop_still_waits_for_its_trigger() {
    let mut s = calm(Variant::Linear);
    assert!(s.enter(0, "0.010").accepted);
    let stopped = s.intend(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("95"));
    });
    assert!(stopped.accepted);
    s.crash();
    s.quote_at(990, None);
    assert_eq!(s.venue.position(&s.symbol).unwrap().0, dec("0.010"));
    s.quote_at(940, None);
    assert_eq!(s.venue.position(&s.symbol).unwrap().0, Decimal::ZERO);
    s.settle("stopped out");
}

#[test]
fn the_cost_of_a_position_is_kept_to_the_last_unit() {
    let run = |cut: bool, variant: Variant| {
        let mut s = calm(variant);
        for (slot, tick) in [(0, 1_003), (1, 1_017), (2, 1_071)] {
            s.quote_at(tick, None);
            assert!(s.enter(slot, s.lots(7)).accepted);
            s.pass(4 * SECOND);
        }
        s.quote_at(1_011, None);
        let part = s.lots(3);
        let exit = s.intend(Action::Exit, 0, |intent| intent.target_size = Some(dec(part)));
        assert!(exit.accepted, "{exit:?}");
        s.pass(4 * SECOND);
        if cut {
            s.crash();
        }
        s.quote_at(987, None);
        for slot in 0..3 {
            assert!(s.intend(Action::Exit, slot, |_| ()).accepted);
            s.pass(4 * SECOND);
            s.settle("closing");
        }
        s.money()
    };
    for variant in VARIANTS {
        assert_eq!(run(false, *variant), run(true, *variant), "{variant:?}");
    }
}

#[test]
fn liquidation_comes_at_the_same_price() {
    let run = |cut: bool| {
        let config = SimConfig { liquidation: true, quotes_set_marks: true, ..SimConfig::default() };
        let mut s = Session::with(Variant::Linear, 1, config).steady();
        s.spec.margin_tiers =
            vec![MarginTier { notional_floor: Decimal::ZERO, maint_rate: dec("0.05"), max_leverage: None }];
        s.list();
        s.quote_at(1_000, None);
        assert!(s.enter(0, "5000").accepted);
        s.quote_at(990, None);
        if cut {
            s.crash();
        }
        let mut at = 990;
        while s.venue.position(&s.symbol).unwrap().0 != Decimal::ZERO {
            at -= 1;
            assert!(at > 700, "never liquidated");
            s.quote_at(at, None);
        }
        s.settle("liquidated");
        (at, s.money())
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn funding_that_fell_due_meanwhile_is_paid_at_the_last_price_known() {
    let mut s = calm(Variant::Linear);
    assert!(s.enter(0, "1.000").accepted);
    s.quote_at(1_100, None);
    s.crash();
    let before = s.venue.wallet_balance(&id("USDT")).unwrap();
    // Two boundaries, 100 s apart, before any quote: 1 × 109.95 × 0.0001 each.
    s.pass(201 * SECOND);
    let paid = before - s.venue.wallet_balance(&id("USDT")).unwrap();
    assert_eq!(paid.to_string(), "0.02199");
    assert_eq!(s.venue.counters().fundings, 2);
    s.settle("funded");
}

#[test]
fn no_id_comes_again_and_old_ones_are_known() {
    let mut s = calm(Variant::Linear);
    assert!(s.rest(0, "0.010", "90").accepted);
    s.crash();
    assert!(s.rest(1, "0.010", "90").accepted);
    s.crash();
    assert!(s.rest(2, "0.010", "90").accepted);
    let ids: Vec<Id> = s.venue.open_orders().into_iter().map(|order| order.venue_order_id).collect();
    assert_eq!(ids, [id("ORD000001"), id("ORD2-000002"), id("ORD3-000003")]);
    for venue_order_id in ids {
        let (symbol, now_ns) = (s.symbol.clone(), s.now_ns);
        let request = CancelRequest { venue_client_id: Id::EMPTY, venue_order_id, asset: symbol, slot_id: 0 };
        let mut heard = Vec::new();
        s.venue.cancel(now_ns, &request, &mut heard);
        let [Input::Venue(event)] = heard.as_slice() else { panic!("{heard:?}") };
        assert_eq!(event.status, Some(VenueOrderStatus::Canceled));
    }
}

#[test]
fn an_order_that_was_only_sent_is_unknown_and_one_that_takes_at_once_is_over() {
    // Cut after the intent's own step, and after the acknowledgement that followed it.
    for (answers, status) in [(0, VenueOrderStatus::Rejected), (1, VenueOrderStatus::Expired)] {
        let mut s = calm(Variant::Linear);
        let at = s.inputs + 1 + answers;
        s = s.cut(Cut::Once(at));
        assert!(s.enter(0, "0.010").accepted);
        assert_eq!(s.life, 2);
        for _ in 0..3 {
            s.pass(6 * SECOND);
        }
        assert_eq!(s.statuses(), [status]);
        s.settle("never filled");
    }
}

#[test]
fn a_venue_that_has_lived_or_differs_refuses_and_stays_as_it_is() {
    let mut s = calm(Variant::Linear);
    assert!(s.rest(0, "0.010", "90").accepted);
    let field = |result: Result<(), SimError>| match result {
        Err(SimError::Resume { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let config = SimConfig::default();
    let mut fresh = SimVenue::new(config.clone()).unwrap();
    assert_eq!(field(s.venue.resume(&s.kernel, 2)), "venue");
    assert_eq!(field(fresh.resume(&s.kernel, 1)), "epoch");
    assert_eq!(field(fresh.resume(&s.kernel, 0)), "epoch");
    let mut hedged = SimVenue::new(SimConfig { hedge_mode: true, ..config }).unwrap();
    assert_eq!(field(hedged.resume(&s.kernel, 2)), "hedge_mode");
    assert!(fresh.open_orders().is_empty() && fresh.wallet_balance(&id("USDT")).is_none());
    fresh.resume(&s.kernel, 2).unwrap();
    assert_eq!(fresh.open_orders().len(), 1);
}

#[test]
fn both_sides_of_a_hedged_account_come_back() {
    let mut s = calm(Variant::Hedge);
    assert!(s.enter(0, "0.030").accepted);
    let short = s.intend(Action::Enter, 1, |intent| {
        intent.side = TradeSide::Short;
        intent.target_size = Some(dec("0.020"));
    });
    assert!(short.accepted);
    s.crash();
    let [(long, cost), (short, brought)] = s.venue.hedged_position(&s.symbol).unwrap();
    assert_eq!((long, short), (dec("0.030"), dec("-0.020")));
    assert_eq!((cost.to_string(), brought.to_string()), ("3".to_owned(), "1.998".to_owned()));
}

#[test]
fn spot_goes_on_with_its_balances_and_what_waits() {
    let mut s = calm(Variant::Spot);
    for slot in 0..2 {
        assert!(s.enter(slot, "0.100").accepted);
    }
    assert!(s.rest(2, "0.100", "99").accepted);
    s.crash();
    s.quote_at(980, None);
    assert_eq!(s.statuses()[2], VenueOrderStatus::Filled);
    for slot in 0..3 {
        assert!(s.intend(Action::Exit, slot, |_| ()).accepted);
        s.settle("sold");
    }
    assert_eq!(s.fills, 6);
}

#[test]
fn a_triggered_order_keeps_both_its_ids() {
    let mut s = calm(Variant::Slow);
    let entered = s.intend(Action::Enter, 0, |intent| {
        (intent.order_type, intent.target_size) = (OrderType::StopLimit, Some(dec("0.010")));
        (intent.trigger_price, intent.limit_price) = (Some(dec("101")), Some(dec("90")));
    });
    assert!(entered.accepted);
    s.pass(4 * SECOND);
    s.quote_at(1_020, None);
    s.pass(4 * SECOND);
    s.crash();
    s.pass(4 * SECOND);
    for venue_order_id in ["ORD000001", "ORD000002"] {
        let request = CancelRequest {
            venue_client_id: Id::EMPTY,
            venue_order_id: id(venue_order_id),
            asset: s.symbol.clone(),
            slot_id: 0,
        };
        let mut heard = Vec::new();
        s.venue.query(s.now_ns, &request, &mut heard);
        s.now_ns += 4 * SECOND;
        s.venue.advance(s.now_ns, &mut heard);
        let told = heard.iter().find_map(|input| match input {
            Input::Venue(event) => Some(event.venue_order_id.clone()),
            _ => None,
        });
        assert_eq!(told, Some(id("ORD000002")), "{heard:?}");
    }
}

#[test]
fn an_order_waits_behind_all_that_the_first_book_shows() {
    let config = SimConfig { queue_position: true, ..SimConfig::default() };
    let mut s = Session::with(Variant::Linear, 1, config).steady();
    s.quote_at(1_000, Some("0.050"));
    assert!(s.rest(0, "0.010", "99.9").accepted);
    s.crash();
    s.quote_at(1_000, Some("0.050"));
    s.print("99.9", "0.050");
    assert_eq!(s.statuses(), [VenueOrderStatus::Acked]);
    s.print("99.9", "0.010");
    assert_eq!(s.statuses(), [VenueOrderStatus::Filled]);
}

#[test]
fn the_leverage_is_the_one_that_was_set() {
    let mut s = calm(Variant::Linear);
    let entered = s.intend(Action::Enter, 0, |intent| {
        (intent.target_size, intent.leverage) = (Some(dec("0.010")), Some(dec("7")));
    });
    assert!(entered.accepted);
    s.crash();
    assert_eq!(s.venue.leverage(&s.symbol), Some(dec("7")));
}

#[test]
fn the_kernel_hears_at_once_what_the_wallets_hold() {
    let mut s = calm(Variant::Linear);
    // The intent, the acknowledgement, the fill: its wallet frame is lost.
    let at = s.inputs + 3;
    s = s.cut(Cut::Once(at));
    assert!(s.enter(0, "0.010").accepted);
    let place = usize::from(s.kernel.asset_of(&id("USDT")).unwrap());
    let told = s.kernel.assets()[place].exchange.wallet_balance;
    assert_eq!((s.life, told), (2, s.venue.wallet_balance(&id("USDT"))));
}
