//! A player on an engine of its own: order, windows, longer bars, and that a bar's skipped path changes nothing.

use std::sync::Arc;

use dita_engine::{Engine, EngineConfig, Port, Progress};
use dita_kernel::effect::OrderRequest;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::names::{OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, TriggerBy};
use dita_kernel::num::{Decimal, Money};
use dita_play::{
    Callback, Channel, EquityRow, Event, EventKind, Listener, Market, Player, Settings, Step, Subscription,
    Window,
};
use dita_sim::{SimConfig, SimVenue};

const SYMBOL: &str = "XUSDT";
const MINUTE_NS: i64 = 60_000_000_000;

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn whole(value: i64) -> Decimal {
    Decimal::new(i128::from(value), 0).expect("a number")
}

fn engine() -> Engine {
    let venue = SimVenue::new(SimConfig::default()).expect("a venue");
    let mut engine = Engine::new(EngineConfig::default(), Port::Sim(Box::new(venue))).expect("an engine");
    let spec = InstrumentSpec::linear(id(SYMBOL), id("X"), id("USDT"), whole(1), whole(1));
    engine.with_venue(|venue, _, _| venue.add_instrument(&spec)).expect("an instrument");
    engine.with_venue(|venue, _, _| venue.deposit(&id("USDT"), whole(10_000))).expect("money");
    engine.push(Input::Instrument(Box::new(spec)), false).expect("room");
    engine.push(Input::Seed { asset: id("USDT"), amount: whole(10_000) }, false).expect("room");
    assert!(matches!(engine.run(), Progress::Quiet));
    engine
}

fn bar(minute: i64, [open, high, low, close]: [i64; 4]) -> Event {
    let prices = [open, high, low, close, 1].map(whole);
    Event { time_ns: minute * MINUTE_NS, what: EventKind::Bar(prices) }
}

fn quote(time_ns: i64, bid: i64) -> Event {
    let what = EventKind::Quote { bid: whole(bid), bid_size: None, ask: whole(bid + 1), ask_size: None };
    Event { time_ns, what }
}

fn player(events: Vec<Event>, window: Window) -> Player {
    let capital = Money::from_decimal(whole(10_000)).expect("money");
    let mut player = Player::new(Settings {
        asset: id("USDT"),
        capital,
        window,
        round_prices: false,
        stops_first: false,
        speed: None,
        resume_ns: None,
    });
    let (sender, channel) = Channel::new(1);
    sender.send(events).expect("room");
    let source = Box::new(channel);
    player.add_market(Market { symbol: id(SYMBOL), tick: whole(1), step_ns: MINUTE_NS, source });
    player
}

/// Plays to the end; gives what was told, in its order.
fn play(player: &mut Player, engine: &mut Engine, listener: Option<&Listener>) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        match player.next(engine, u32::MAX).expect("a market that can be played") {
            Step::End => return heard,
            Step::Begin(_) => listener.into_iter().for_each(|one| one.set_running(true)),
            Step::Callback(_) => heard.push(match player.callback() {
                Callback::Bar(_, bar) => {
                    format!("{} {} {:?}", bar.interval, bar.open_ns / MINUTE_NS, bar.prices)
                }
                Callback::Tick => format!("{:?}", player.event().map(|(_, event)| event.time_ns)),
                Callback::Nothing => panic!("a callback without anything to tell"),
            }),
            Step::Look | Step::Far => {}
            other => panic!("{other:?} is not to come here"),
        }
    }
}

fn far_order() -> OrderRequest {
    OrderRequest {
        venue_client_id: id("FAR"),
        trade_id: id("t"),
        slot_id: 0,
        asset: id(SYMBOL),
        side: TradeSide::Long,
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        expire_time_ns: None,
        post_only: false,
        reduce_only: false,
        size: whole(1),
        limit_price: Some(whole(1)),
        trigger_price: None,
        trigger_by: TriggerBy::Last,
        oco_group: None,
    }
}

fn walk(seed: i64) -> Vec<Event> {
    let mut last = 1_000;
    let step = |minute: i64| {
        let open = last;
        last = 1_000 + (minute * 37 + seed) % 41 - (minute * 13) % 29;
        bar(minute, [open, open.max(last) + minute % 5, open.min(last) - minute % 3, last])
    };
    (0..500).map(step).collect()
}

/// Closes as they are handed on: one after the other, as this machine has them in memory.
fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).map(|eight| f64::from_ne_bytes(eight.try_into().expect("eight bytes"))).collect()
}

#[test]
fn a_bar_whose_path_is_skipped_leaves_the_account_and_the_prices_as_the_whole_path_does() {
    let run = |rests: bool| {
        let mut engine = engine();
        let mut player = player(walk(7), Window::default());
        if rests {
            // Far from the market: it never fills, and each bar has to be walked.
            let order = far_order();
            engine
                .with_venue(|venue, now_ns, out| {
                    venue.submit(now_ns, &order, out);
                    out.clear();
                    Ok(())
                })
                .expect("an order");
        }
        play(&mut player, &mut engine, None);
        let prices = player.prices(0).map(|prices| prices.points());
        let mark = engine.kernel().instruments().first().and_then(|rules| rules.mark);
        (player.equity().points(), prices, player.counts(), mark, engine.kernel().seq())
    };
    let ((equity, prices, counts, mark, seq), walked) = (run(false), run(true));
    assert_eq!((&equity, &prices, &counts, &mark), (&walked.0, &walked.1, &walked.2, &walked.3));
    assert!(seq < walked.4, "nothing was skipped: {seq} inputs, and {} with an order at rest", walked.4);
    assert_eq!(counts.1, 500);
    let capital = Money::from_decimal(whole(10_000)).expect("money");
    assert!(equity.iter().all(|row: &EquityRow| row.k == capital && row.equity == capital));
}

#[test]
fn a_listener_hears_its_lengths_the_shortest_first_and_nothing_before_it_runs() {
    let subscription = Subscription {
        bars: true,
        symbols: vec![id(SYMBOL)],
        intervals: vec!["3m".into(), "1m".into()],
        ..Subscription::default()
    };
    let listener = Arc::new(Listener::new(subscription));
    let mut player =
        player((0..4).map(|minute| bar(minute, [10, 12 + minute, 9, 11])).collect(), Window::default());
    player.add_listener(Arc::clone(&listener));
    let heard = play(&mut player, &mut engine(), Some(&listener));
    assert_eq!(
        heard,
        [
            "1m 0 [10, 12, 9, 11, 1]",
            "1m 1 [10, 13, 9, 11, 1]",
            "1m 2 [10, 14, 9, 11, 1]",
            "3m 0 [10, 14, 9, 11, 3]",
            "1m 3 [10, 15, 9, 11, 1]",
        ]
    );
    assert_eq!(floats(&listener.closes(0, 2, None)), [11.0, 11.0]);
    assert_eq!(floats(&listener.closes(0, 9, Some("3m"))), [11.0]);
}

#[test]
fn a_window_leaves_out_what_is_before_it_and_the_tick_at_its_end() {
    let subscription = Subscription { quotes: true, symbols: vec![id(SYMBOL)], ..Subscription::default() };
    let listener = Arc::new(Listener::new(subscription));
    let window = Window { start_ns: Some(2), end_ns: Some(5) };
    let mut player = player((0..9).map(|at| quote(at, 100)).collect(), window);
    player.add_listener(Arc::clone(&listener));
    let heard = play(&mut player, &mut engine(), Some(&listener));
    assert_eq!(heard, ["Some(2)", "Some(3)", "Some(4)"]);
    assert_eq!(player.span_ns(), Some((2, 4)));
}

#[test]
fn what_the_venue_does_not_take_ends_the_run_with_its_place() {
    let events = vec![bar(0, [10, 12, 9, 11]), bar(1, [10, 9, 11, 10])];
    let mut player = player(events, Window::default());
    let mut engine = engine();
    let stopped = loop {
        match player.next(&mut engine, u32::MAX) {
            Ok(Step::End) => panic!("a bar whose high is below its low was played"),
            Ok(_) => {}
            Err(stop) => break format!("{stop:?}"),
        }
    };
    assert!(stopped.contains("Backend"), "{stopped}");
    assert_eq!(player.place().map(|(symbol, at_ns)| (symbol.as_str(), at_ns)), Some((SYMBOL, 2 * MINUTE_NS)));
}
