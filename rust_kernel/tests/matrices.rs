//! An order's state after each message, by the order state change matrices of FIX 4.4, volume 4, appendix D. The matrices
//! are rows of `matrices.txt`: each is played as it stands, and with each of the ends that the venue may choose on the way.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType,
    TimeInForce, VenueOrderStatus as Status,
};
use dita_kernel::num::{Decimal, Rounding};
use dita_kernel::order::Order;

const TEXT: &str = include_str!("matrices.txt");

/// What happens, and what the order is afterwards.
#[derive(Clone, Copy)]
struct Row {
    words: &'static str,
    state: &'static str,
    /// True where the venue may choose this end here.
    instead: bool,
}

fn matrices() -> Vec<(&'static str, Vec<Row>)> {
    let mut found: Vec<(&str, Vec<Row>)> = Vec::new();
    for line in TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '-'])) {
        if let Some(name) = line.strip_prefix("= ") {
            found.push((name, Vec::new()));
            continue;
        }
        let (words, state) = line.split_once('|').expect("what happens | what the order is");
        let instead = words.strip_prefix("? ");
        let row = Row { words: instead.unwrap_or(words).trim(), state, instead: instead.is_some() };
        found.last_mut().expect("a matrix has a name").1.push(row);
    }
    found
}

/// A matrix as it stands, and once for each end that the venue may choose on the way.
fn variants(rows: &[Row]) -> Vec<Vec<Row>> {
    let main = rows.iter().filter(|row| !row.instead).copied().collect();
    let ends = rows.iter().enumerate().filter(|(_, row)| row.instead).map(|(at, end)| {
        let before = rows[..at].iter().filter(|row| !row.instead);
        before.chain([end]).copied().collect()
    });
    core::iter::once(main).chain(ends).collect()
}

/// A quantity in ten-thousandths of a BTC.
fn size(text: &str) -> Decimal {
    dec(&format!("{text}e-4"))
}

/// One order, its venue, and whether the venue tells all figures with each message or only what it must.
struct Play {
    desk: Desk,
    order: Id,
    request: Id,
    tells_all: bool,
}

impl Play {
    fn new(tells_all: bool) -> Play {
        Play { desk: Desk::new(), order: Id::EMPTY, request: Id::EMPTY, tells_all }
    }

    fn order(&self) -> &Order {
        let orders = self.desk.kernel.orders();
        orders.at(orders.by_client_id(&self.order).expect("a known order"))
    }

    /// Status, total, cumulative, leaves and average price, in the words of the rows.
    fn state(&self) -> Vec<String> {
        let order = self.order();
        let rules = &self.desk.kernel.instruments()[0];
        let lots = |qty| rules.qty_decimal(qty).at_scale(4).expect("lots").to_string();
        let average = rules.average_price(order.filled_value, order.filled).map(|price| {
            let price = rules.price_decimal(price).at_scale_rounded(4, Rounding::HalfEven).expect("a price");
            format!("{price}")
        });
        let average = average.filter(|_| !order.filled.is_zero());
        vec![
            order.reported_status().to_string(),
            lots(order.qty),
            lots(order.filled),
            lots(order.remaining()),
            average.unwrap_or_else(|| "-".into()),
        ]
    }

    /// Plays a row and looks at the order.
    fn play(&mut self, row: Row, what: &str) {
        let words: Vec<&str> = row.words.split_whitespace().collect();
        if let Some(ours) = words[0].strip_prefix('.') {
            self.ask(ours, words.get(1).copied().unwrap_or_default());
        } else {
            self.tell(&words, row.state);
        }
        let mut wanted: Vec<String> = row.state.split_whitespace().map(String::from).collect();
        if wanted[4] != "-" {
            wanted[4] = dec(&wanted[4]).at_scale(4).expect("a price").to_string();
        }
        assert_eq!(self.state(), wanted, "{what}: {}", row.words);
    }

    /// What we ask for.
    fn ask(&mut self, what: &str, figure: &str) {
        let outcome = match what {
            "order" | "order-fok" | "order-ioc" => self.desk.intent(Action::Enter, 0, |intent| {
                intent.target_size = Some(size(figure));
                intent.order_type = OrderType::Limit;
                intent.limit_price = Some(dec("99"));
                intent.time_in_force = match what {
                    "order-fok" => TimeInForce::Fok,
                    "order-ioc" => TimeInForce::Ioc,
                    _ => TimeInForce::Gtc,
                };
            }),
            "cancel" => self.desk.cancel(0),
            "replace" => self.desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(size(figure))),
            "reprice" => self.desk.intent(Action::Amend, 0, |intent| intent.limit_price = Some(dec(figure))),
            "wait" => {
                self.desk.now += 60_000_000_000;
                self.desk.put(Input::Time)
            }
            other => panic!("{other} is nothing that we ask for"),
        };
        assert!(outcome.accepted, "{what}: {outcome:?}");
        for command in &self.desk.effects.commands {
            match command {
                Command::Submit(order) => self.order = order.venue_client_id.clone(),
                Command::Amend(amend) => self.request = amend.request_id.clone(),
                Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => {}
            }
        }
    }

    /// What the venue says, with the figures of the order as the row has it.
    fn tell(&mut self, words: &[&str], state: &str) {
        let state: Vec<&str> = state.split_whitespace().collect();
        let at = |place: usize| words.get(place).copied().unwrap_or_default();
        let (tells_all, request) = (self.tells_all, self.request.clone());
        let kind = kind(words[0]);
        let outcome = self.desk.event(kind, &self.order, |event| {
            event.venue_order_id = id("V1");
            if tells_all && kind != Kind::OrderNotFound && kind != Kind::SendTimeout {
                tell_all(event, &state);
            }
            let mut rare = RareFields { reason: "as in the matrix".into(), ..RareFields::default() };
            match kind {
                Kind::PartialFill => {
                    event.venue_trade_id = id(at(1));
                    (event.size, event.price) = (Some(size(at(2))), Some(dec(at(3))));
                }
                Kind::TradeCorrect => {
                    (event.venue_trade_id, rare.ref_trade_id) = (id(at(1)), id(at(2)));
                    (event.size, event.price) = (Some(size(at(3))), Some(dec(at(4))));
                }
                Kind::TradeBust => {
                    (event.venue_trade_id, rare.ref_trade_id) = (id(at(1)), id(at(2)));
                    event.status = Some(status(state[0]));
                }
                Kind::DoneForDay => event.remaining_size = Some(size(at(1))),
                Kind::AmendAck | Kind::Restated => event.order_size = Some(size(at(1))),
                Kind::OrderStatus => {
                    event.status = Some(status(at(1)));
                    event.filled_size = Some(size(state[2]));
                }
                _ => {}
            }
            if matches!(kind, Kind::AmendAck | Kind::AmendReject | Kind::AmendPending) {
                rare.request_id = request;
            }
            event.rare = Some(Box::new(rare));
        });
        assert!(outcome.accepted, "{words:?}: {outcome:?}");
        assert!(
            outcome.code != Code::Overfill && outcome.code != Code::ReconcileRequired,
            "{words:?}: {outcome:?}"
        );
    }
}

/// What a FIX execution report always has.
fn tell_all(event: &mut VenueEvent, state: &[&str]) {
    event.status = Some(status(state[0]));
    event.order_size = Some(size(state[1]));
    event.filled_size = Some(size(state[2]));
    event.remaining_size = Some(size(state[3]));
    event.average_price = (state[4] != "-").then(|| dec(state[4]));
}

fn status(name: &str) -> Status {
    Status::ALL.iter().copied().find(|status| status.name() == name).expect("a status")
}

fn kind(word: &str) -> Kind {
    match word {
        "ack" => Kind::OrderAck,
        "reject" => Kind::OrderReject,
        "fill" => Kind::PartialFill,
        "done" => Kind::DoneForDay,
        "canceled" => Kind::CancelAck,
        "cancel-pending" => Kind::CancelPending,
        "cancel-reject" => Kind::CancelReject,
        "replaced" => Kind::AmendAck,
        "replace-pending" => Kind::AmendPending,
        "replace-reject" => Kind::AmendReject,
        "restated" => Kind::Restated,
        "expired" => Kind::Expired,
        "stopped" => Kind::Stopped,
        "status" => Kind::OrderStatus,
        "not-found" => Kind::OrderNotFound,
        "timeout" => Kind::SendTimeout,
        "correct" => Kind::TradeCorrect,
        "bust" => Kind::TradeBust,
        other => panic!("{other} is nothing that a venue says"),
    }
}

#[test]
fn every_state_of_the_fix_matrices_is_reported_as_it_is() {
    let mut played = 0;
    for (name, rows) in matrices() {
        for variant in variants(&rows) {
            for tells_all in [false, true] {
                let mut play = Play::new(tells_all);
                let last = variant.last().expect("a row").words;
                let what =
                    format!("{name}, to {last:?}, {}", if tells_all { "all told" } else { "in short" });
                for row in &variant {
                    play.play(*row, &what);
                }
                play.desk.assert_replays();
                played += 1;
            }
        }
    }
    assert!(played >= 170, "{played}: fewer than there are");
}

#[test]
fn a_second_change_waits_for_the_answer_to_the_first() {
    let mut play = Play::new(true);
    play.ask("order", "10000");
    play.tell(&["ack"], "ACKED 10000 0 10000 -");
    play.ask("replace", "8000");
    let second = play.desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(size("7000")));
    assert_eq!((second.accepted, second.code), (false, Code::SlotBusy), "D.2: two are never under way");
}
