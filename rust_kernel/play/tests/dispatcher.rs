//! The order of callbacks within an event, and which bars a subscriber gets of a market.

use std::sync::Arc;

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;
use dita_play::{Callback, ClosedBar, Dispatch, Dispatcher, Event, EventKind, Listener, Subscription};

const MINUTE_NS: i64 = 60_000_000_000;

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn whole(value: i64) -> Decimal {
    Decimal::new(i128::from(value), 0).expect("a number")
}

fn bar(minute: i64) -> ClosedBar {
    let (open_ns, close_ns) = (minute * MINUTE_NS, (minute + 1) * MINUTE_NS);
    ClosedBar { interval: "1m".into(), open_ns, close_ns, prices: [1, 1, 1, 1, 1].map(whole) }
}

fn trade(time_ns: i64) -> Event {
    let what = EventKind::Trade { price: whole(1), size: whole(1), buyer_is_maker: false };
    Event { time_ns, what }
}

fn listener(intervals: &[&str], warmup: u64) -> Arc<Listener> {
    let listener = Listener::new(Subscription {
        symbols: vec![id("X"), id("Y")],
        trades: true,
        bars: true,
        intervals: intervals.iter().map(|&name| name.to_owned()).collect(),
        warmup,
        ..Subscription::default()
    });
    listener.set_running(true);
    Arc::new(listener)
}

fn dispatcher(listeners: &[&Arc<Listener>]) -> Dispatcher {
    let mut dispatcher = Dispatcher::default();
    for listener in listeners {
        dispatcher.add_listener(Arc::clone(listener));
    }
    // Markets may come after those who receive them.
    assert_eq!([dispatcher.add_market(id("X")), dispatcher.add_market(id("Y"))], [0, 1]);
    dispatcher
}

/// What is dispatched of the event that was begun: the subscriber, and what it gets.
fn steps(dispatcher: &mut Dispatcher, tick: Option<&Event>) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some(step) = dispatcher.next(tick).expect("bars that can be built") {
        steps.push(match (step, dispatcher.callback()) {
            (Dispatch::Warmed(at), _) => format!("{at} warm"),
            (Dispatch::Callback(at), Callback::Bar(market, bar)) => {
                format!("{at} {market} {} {}", bar.interval, bar.open_ns / MINUTE_NS)
            }
            (Dispatch::Callback(at), _) => format!("{at} tick"),
        });
    }
    steps
}

fn of_bar(dispatcher: &mut Dispatcher, market: usize, minute: i64) -> Vec<String> {
    dispatcher.begin_bar(market, bar(minute));
    steps(dispatcher, None)
}

fn of_trade(dispatcher: &mut Dispatcher, market: usize, time_ns: i64) -> Vec<String> {
    let event = trade(time_ns);
    dispatcher.begin_tick(market, &event);
    steps(dispatcher, Some(&event))
}

#[test]
fn a_bar_comes_to_each_subscriber_with_the_longer_ones_and_the_warm_up_ends_behind_them() {
    let (long, short) = (listener(&["2m", "1m"], 1), listener(&[], 0));
    let mut both = dispatcher(&[&long, &short]);
    assert_eq!(of_bar(&mut both, 0, 0), ["0 0 1m 0", "1 0 1m 0"]);
    assert_eq!(of_bar(&mut both, 1, 0), ["0 1 1m 0", "1 1 1m 0"]);
    assert_eq!(of_bar(&mut both, 0, 1), ["0 0 1m 1", "0 0 2m 0", "1 0 1m 1"]);
    assert_eq!(of_bar(&mut both, 1, 1), ["0 1 1m 1", "0 1 2m 0", "0 warm", "1 1 1m 1"]);
}

#[test]
fn bars_that_a_trade_closes_come_to_all_before_the_trade_does() {
    let (first, second) = (listener(&["1m"], 0), listener(&["1m"], 0));
    let mut both = dispatcher(&[&first, &second]);
    assert_eq!(of_trade(&mut both, 0, 0), ["0 tick", "1 tick"]);
    assert_eq!(of_trade(&mut both, 0, MINUTE_NS), ["0 0 1m 0", "1 0 1m 0", "0 tick", "1 tick"]);
    second.set_running(false);
    assert_eq!(of_trade(&mut both, 0, 2 * MINUTE_NS), ["0 0 1m 1", "0 tick"]);
}

#[test]
fn once_a_market_gives_bars_its_trades_make_none() {
    let one = listener(&["1m", "2m"], 0);
    let mut alone = dispatcher(&[&one]);
    let volume = |dispatcher: &Dispatcher| match dispatcher.callback() {
        Callback::Bar(_, bar) => bar.prices[4].to_string(),
        Callback::Nothing | Callback::Tick => String::new(),
    };
    assert_eq!(of_trade(&mut alone, 0, 0), ["0 tick"]);
    assert_eq!(of_bar(&mut alone, 0, 0), ["0 0 1m 0"]);
    assert_eq!(volume(&alone), "1", "the bar's alone");
    assert_eq!(of_trade(&mut alone, 0, MINUTE_NS), ["0 tick"]);
    assert_eq!(of_bar(&mut alone, 0, 1), ["0 0 1m 1", "0 0 2m 0"]);
    assert_eq!(volume(&alone), "2");
    assert_eq!(of_trade(&mut alone, 1, 0), ["0 tick"], "another market's trades do");
    assert_eq!(of_trade(&mut alone, 1, MINUTE_NS), ["0 1 1m 0", "0 tick"]);
}

#[test]
fn a_history_replaces_what_was_built_before() {
    let one = listener(&["1m", "2m"], 0);
    let mut alone = dispatcher(&[&one]);
    of_bar(&mut alone, 0, 2);
    one.forget_bars();
    assert!(one.closes(0, 9, None).is_empty());
    let mut closed = Vec::new();
    for minute in 0..3 {
        one.add_bar(0, &bar(minute), &mut closed).expect("bars that can be built");
    }
    assert_eq!(of_bar(&mut alone, 0, 3), ["0 0 1m 3", "0 0 2m 2"]);
    assert_eq!(one.closes(0, 9, Some("2m")).len(), 2 * 8, "of minutes 0 and 2");
}
