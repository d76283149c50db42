//! A venue under test, and its answers as lines of text.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // each test file uses its part

use dita_kernel::effect::{AmendRequest, CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, EffectResult, Input, InstrumentSpec, VenueEvent};
use dita_kernel::names::{AccountEventKind, OrderSide, OrderType, PositionSide, TimeInForce, TradeSide};
use dita_kernel::num::{Decimal, Money};
use dita_sim::{SimConfig, SimVenue};

pub const BTC: &str = "BTCUSDT";

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

pub fn money(text: &str) -> Money {
    Money::from_decimal(dec(text)).unwrap()
}

/// Tick 0.1, lot 0.001, maker 0.02 %, taker 0.05 %, fees to 8 decimals half-even.
pub fn bitcoin() -> InstrumentSpec {
    InstrumentSpec::linear(id(BTC), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"))
}

pub fn sent(text: &str) -> OrderRequest {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [client, side, size, terms @ ..] = &words[..] else { panic!("{text}") };
    let order_side = if *side == "buy" { OrderSide::Buy } else { OrderSide::Sell };
    let mut order = OrderRequest {
        venue_client_id: id(client),
        trade_id: id("TRADE-1"),
        slot_id: 3,
        asset: id(BTC),
        side: TradeSide::Long,
        order_side,
        position_side: PositionSide::Both,
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Gtc,
        expire_time_ns: None,
        post_only: false,
        reduce_only: false,
        size: dec(size),
        limit_price: None,
        trigger_price: None,
        trigger_by: dita_kernel::names::TriggerBy::Last,
        oco_group: None,
    };
    for term in terms {
        match *term {
            "ioc" => order.time_in_force = TimeInForce::Ioc,
            "fok" => order.time_in_force = TimeInForce::Fok,
            "gtd" => order.time_in_force = TimeInForce::Gtd,
            "post" => order.post_only = true,
            "reduce" => order.reduce_only = true,
            "stop" => order.order_type = OrderType::StopMarket,
            "stoplimit" => order.order_type = OrderType::StopLimit,
            "take" => order.order_type = OrderType::TakeProfit,
            "long" => order.position_side = PositionSide::Long,
            "short" => order.position_side = PositionSide::Short,
            "priceless" => order.order_type = OrderType::Limit,
            "elsewhere" => order.asset = id("DOGEUSDT"),
            term => set_term(&mut order, term),
        }
    }
    order
}

/// `@trigger`, `until=ns`, `in=symbol`, `group=id`, or a limit price.
fn set_term(order: &mut OrderRequest, term: &str) {
    if let Some(trigger) = term.strip_prefix('@') {
        order.trigger_price = Some(dec(trigger));
    } else if let Some(end) = term.strip_prefix("until=") {
        (order.time_in_force, order.expire_time_ns) = (TimeInForce::Gtd, Some(end.parse().unwrap()));
    } else if let Some(symbol) = term.strip_prefix("in=") {
        order.asset = id(symbol);
    } else if let Some(group) = term.strip_prefix("group=") {
        order.oco_group = Some(Box::new(id(group)));
    } else {
        if order.order_type == OrderType::Market {
            order.order_type = OrderType::Limit;
        }
        order.limit_price = Some(dec(term));
    }
}

pub fn named(client: &str, venue: &str) -> CancelRequest {
    CancelRequest { venue_client_id: id(client), venue_order_id: id(venue), asset: id(BTC), slot_id: 3 }
}

/// A venue, what it has said, and its clock.
pub struct Exchange {
    pub venue: SimVenue,
    pub heard: Vec<Input>,
    pub now_ns: i64,
}

impl Exchange {
    /// 100,000 USDT, one instrument, no market. Marks come by hand alone, so that they do not stand among what is told.
    pub fn with(config: SimConfig, spec: &InstrumentSpec) -> Exchange {
        Exchange::as_configured(SimConfig { quotes_set_marks: false, ..config }, spec)
    }

    /// The same, with every setting as given.
    pub fn as_configured(config: SimConfig, spec: &InstrumentSpec) -> Exchange {
        let mut venue = SimVenue::new(config).unwrap();
        venue.add_instrument(spec).unwrap();
        venue.deposit(&id("USDT"), dec("100000")).unwrap();
        Exchange { venue, heard: Vec::new(), now_ns: 0 }
    }

    pub fn plain() -> Exchange {
        Exchange::with(SimConfig::default(), &bitcoin())
    }

    /// A quote as `bid ask` or `bid bidsize ask asksize`.
    pub fn quote(&mut self, text: &str) -> Vec<String> {
        let words: Vec<Decimal> = text.split_whitespace().map(dec).collect();
        let (bid, bid_size, ask, ask_size) = match words[..] {
            [bid, ask] => (bid, None, ask, None),
            [bid, bid_size, ask, ask_size] => (bid, Some(bid_size), ask, Some(ask_size)),
            _ => panic!("{text}"),
        };
        self.venue.quote(self.now_ns, &id(BTC), bid, bid_size, ask, ask_size, &mut self.heard).unwrap();
        self.tell()
    }

    /// Depth as `price size price size | price size`, bids first.
    pub fn depth(&mut self, text: &str, snapshot: bool) -> Vec<String> {
        let side = |text: &str| -> Vec<(Decimal, Decimal)> {
            let words: Vec<Decimal> = text.split_whitespace().map(dec).collect();
            words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
        };
        let (bids, asks) = text.split_once('|').unwrap();
        let (bids, asks) = (side(bids), side(asks));
        self.venue.depth(self.now_ns, &id(BTC), &bids, &asks, snapshot, &mut self.heard).unwrap();
        self.tell()
    }

    pub fn print(&mut self, price: &str, size: &str) -> Vec<String> {
        self.venue.trade(self.now_ns, &id(BTC), dec(price), dec(size), &mut self.heard).unwrap();
        self.tell()
    }

    pub fn send(&mut self, text: &str) -> Vec<String> {
        self.venue.submit(self.now_ns, &sent(text), &mut self.heard);
        self.tell()
    }

    pub fn cancel(&mut self, client: &str, venue: &str) -> Vec<String> {
        self.venue.cancel(self.now_ns, &named(client, venue), &mut self.heard);
        self.tell()
    }

    /// An amend as `client size [limit] [@trigger]`; its request id is `R` and the client id.
    pub fn amend(&mut self, text: &str) -> Vec<String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [client, size, terms @ ..] = &words[..] else { panic!("{text}") };
        let (mut limit_price, mut trigger_price) = (None, None);
        for term in terms {
            match term.strip_prefix('@') {
                Some(trigger) => trigger_price = Some(dec(trigger)),
                None => limit_price = Some(dec(term)),
            }
        }
        let request = AmendRequest {
            venue_client_id: id(client),
            venue_order_id: id(""),
            request_id: id(&format!("R{client}")),
            asset: id(BTC),
            slot_id: 3,
            order_side: OrderSide::Buy,
            size: dec(size),
            limit_price,
            trigger_price,
        };
        self.venue.amend(self.now_ns, &request, &mut self.heard);
        self.tell()
    }

    pub fn at(&mut self, now_ns: i64) -> Vec<String> {
        self.now_ns = now_ns;
        self.venue.advance(now_ns, &mut self.heard);
        self.tell()
    }

    pub fn mark(&mut self, price: &str) -> Vec<String> {
        self.venue.mark(self.now_ns, &id(BTC), dec(price), &mut self.heard).unwrap();
        self.tell()
    }

    pub fn query(&mut self, client: &str, venue: &str) -> Vec<String> {
        self.venue.query(self.now_ns, &named(client, venue), &mut self.heard);
        self.tell()
    }

    /// What was heard since the last time, without wallet frames.
    pub fn tell(&mut self) -> Vec<String> {
        self.heard
            .drain(..)
            .flat_map(|input| lines(&input))
            .filter(|line| !line.starts_with("ACCOUNT"))
            .collect()
    }

    pub fn balance(&self) -> String {
        self.venue.wallet_balance(&id("USDT")).unwrap().to_string()
    }

    /// `quantity cost`
    pub fn position(&self) -> String {
        let (quantity, cost) = self.venue.position(&id(BTC)).unwrap();
        format!("{} {cost}", trimmed(quantity))
    }
}

pub fn trimmed(value: Decimal) -> Decimal {
    Decimal::normalized(value.mantissa(), value.scale()).unwrap()
}

/// One event in words; what a fill's report settles is a line of its own.
pub fn lines(input: &Input) -> Vec<String> {
    let mut lines = vec![line(input)];
    if let Input::Venue(event) = input
        && let (Some(pnl), Some(fee)) = (event.realized_pnl, event.fee)
    {
        let asset = &event.fee_asset;
        let third = !event.asset.as_str().contains(asset.as_str());
        let asset = if third { format!(" in {asset}") } else { String::new() };
        lines.push(format!("settles{asset} pnl {} fee {}", trimmed(pnl), trimmed(fee)));
    }
    lines
}

/// One event in words, without what it settles.
pub fn line(input: &Input) -> String {
    match input {
        Input::Venue(event) => venue_line(event),
        Input::Account(event) => account_line(event),
        Input::Effect(EffectResult::LeverageSet { symbol, leverage }) => {
            format!("LEVERAGE {symbol} {leverage}")
        }
        Input::Effect(EffectResult::LeverageRefused { symbol, reason }) => {
            format!("LEVERAGE REFUSED {symbol}: {reason}")
        }
        Input::Mark { symbol, price, .. } => format!("MARK {symbol} {}", trimmed(*price)),
        Input::Funding(terms) => {
            let rate = terms.rate.map(trimmed).unwrap_or(Decimal::ZERO);
            format!("TERMS {} rate {rate} next {}", terms.symbol, terms.next_boundary_ns.unwrap_or(0))
        }
        other => panic!("the venue does not say {other:?}"),
    }
}

fn venue_line(event: &VenueEvent) -> String {
    let mut text = format!("{} {}", event.kind, event.venue_client_id);
    if let (Some(size), Some(price)) = (event.size, event.price) {
        text += &format!(" {}@{}", trimmed(size), trimmed(price));
    }
    if let Some(liquidity) = event.liquidity {
        text += &format!(" {liquidity}");
    }
    if let Some(fee) = event.fee {
        text += &format!(" fee {}", trimmed(fee));
    }
    if let (Some(filled), Some(left)) = (event.filled_size, event.remaining_size) {
        text += &format!(" filled {} left {}", trimmed(filled), trimmed(left));
    }
    if let Some(size) = event.order_size {
        text += &format!(" of {}", trimmed(size));
    }
    if let Some(price) = event.average_price {
        text += &format!(" at {}", trimmed(price));
    }
    if let Some(rare) = event.rare.as_ref().filter(|rare| !rare.reason.is_empty()) {
        text += &format!(": {}", rare.reason);
    }
    text
}

fn account_line(event: &AccountEvent) -> String {
    let number = |name: &str, value: Option<Decimal>| match value {
        Some(value) => format!(" {name} {}", trimmed(value)),
        None => String::new(),
    };
    let mut text = event.kind.to_string();
    let moves = event.kind != AccountEventKind::FillSettled && event.kind != AccountEventKind::AccountUpdate;
    for name in [&event.symbol, &event.asset] {
        if moves && !name.is_empty() {
            text += &format!(" {name}");
        }
    }
    if let Some(position_side) = event.position_side {
        text += &format!(" {position_side}");
    }
    if !event.fee_asset.is_empty() && event.fee_asset != event.asset {
        text += &format!(" in {}", event.fee_asset);
    }
    text += &number("pnl", event.realized_pnl);
    text += &number("fee", event.fee);
    text += &number("amount", event.amount);
    text += &number("size", event.size);
    text += &number("entry", event.entry_price);
    text += &number("balance", event.wallet_balance);
    text += &number("available", event.available_margin);
    text += &number("used", event.used_margin);
    text += &number("maintenance", event.maint_margin);
    text
}

/// The lines of orders, without what settles their fills.
pub fn orders_only(lines: Vec<String>) -> Vec<String> {
    lines
        .into_iter()
        .filter(|line| !line.starts_with("settles") && !line.starts_with("FILL_SETTLED"))
        .collect()
}
