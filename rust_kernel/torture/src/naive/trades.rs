//! Orders and their trades: told, told again, told by a total, forced.

use dita_kernel::input::VenueEvent;
use dita_kernel::names::{
    KernelEventKind as Kind, Liquidity, OppositeSlots, OrderSide, PairOff, PositionSide, Product,
};

use super::money::{fee, fixed, money, rounded, signed_worth, worth};
use super::{Asset, Carried, Naive, Remembered};

/// A fee, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fee {
    /// The venue's own word: the asset and the amount.
    Told(Asset, i128),
    /// By the configured rate.
    Guess(Asset, i128),
    /// Guessed for another trade than it is now: the kernel keeps its first guess, and only the venue can say.
    Unsure(Asset),
}

/// A trade, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Trade {
    pub(super) instrument: usize,
    /// The venue's id; empty where only a total tells of it.
    pub(super) id: String,
    /// The order, by our id, where it is one of ours.
    pub(super) order: Option<String>,
    pub(super) book: usize,
    pub(super) buys: bool,
    /// None of it is left where it was taken back.
    pub(super) lots: i128,
    /// `None` while nobody has told it.
    pub(super) price: Option<i128>,
    pub(super) makes: bool,
    pub(super) makes_is_told: bool,
    pub(super) fee: Fee,
    /// What it realised by the model's own average cost.
    pub(super) own_profit: i128,
    /// What the venue says that it realised.
    pub(super) told_profit: Option<i128>,
    pub(super) settled: bool,
    pub(super) time_ns: i64,
    /// The slot that it counts for.
    pub(super) slot: Option<u32>,
    /// What its order was sent for: the slot's trade of then.
    pub(super) carrier: String,
    pub(super) busted: bool,
    /// When it was taken back, and what it was until then.
    pub(super) gone: Option<(i64, i128)>,
    /// The ids of its corrections, each with whether the venue settles by it.
    pub(super) corrections: Vec<(String, bool)>,
    /// What it closed of other slots before it opened: the slot, its trade, how much.
    pub(super) pairs: Vec<(u32, String, i128)>,
}

/// An order, ours or a stranger's.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) instrument: usize,
    pub(super) buys: bool,
    pub(super) book: usize,
    /// [`NOBODYS`] for a stranger's.
    pub(super) slot: u32,
    /// The trade that it was sent for.
    pub(super) trade: String,
    pub(super) entry: bool,
    /// True where it can only make liquidity.
    pub(super) makes: bool,
    /// Its trades, by their place in the list of all.
    pub(super) trades: Vec<usize>,
}

/// What has no slot.
const NOBODYS: u32 = u32::MAX;

fn is_fill(kind: Kind) -> bool {
    matches!(kind, Kind::PartialFill | Kind::FullFill)
}

impl Naive {
    pub(super) fn take_event(&mut self, event: &VenueEvent, remembered: Remembered) {
        self.sequence = event.venue_sequence;
        let order = event.venue_client_id.as_str();
        let ours = remembered == Remembered::Ours && self.orders.contains_key(order);
        let strangers = strangers_order(event);
        let known = remembered == Remembered::Strangers && self.orders.contains_key(&strangers);
        match event.kind {
            Kind::TradeBust | Kind::TradeCorrect => self.revise(event, ours),
            Kind::Liquidation | Kind::Adl => self.stranger(event, true, None),
            kind if is_fill(kind) && ours && event.venue_trade_id.is_empty() => {
                self.fill(order, event, event.event_id.as_str());
            }
            kind if is_fill(kind) && ours => self.fill(order, event, event.venue_trade_id.as_str()),
            kind if is_fill(kind) => self.stranger(event, false, known.then_some(strangers.as_str())),
            _ if ours => self.total(order, event),
            _ if known => self.total(&strangers, event),
            _ => {}
        }
    }

    pub(super) fn filled(&self, order: &str) -> i128 {
        self.parts(order, |_| true).map(|at| self.trades[at].lots).sum()
    }

    pub(super) fn inferred(&self, order: &str) -> i128 {
        self.parts(order, |trade| trade.id.is_empty()).map(|at| self.trades[at].lots).sum()
    }

    fn parts<'a>(
        &'a self,
        order: &str,
        wanted: impl Fn(&Trade) -> bool + 'a,
    ) -> impl Iterator<Item = usize> + 'a {
        let places = self.orders.get(order).map_or(&[][..], |order| order.trades.as_slice());
        places.iter().copied().filter(move |at| wanted(&self.trades[*at]))
    }

    pub(super) fn of_id(&self, order: &str, id: &str) -> Vec<usize> {
        let id = id.to_owned();
        let corrects = |trade: &Trade, id: &str| trade.corrections.iter().any(|(own, _)| own == id);
        self.parts(order, move |trade| !id.is_empty() && (trade.id == id || corrects(trade, &id))).collect()
    }

    /// A total that is larger than what is known: the rest was traded as well.
    fn total(&mut self, order: &str, event: &VenueEvent) {
        let Some(total) = event.filled_size.map(fixed) else { return };
        let gap = total - self.filled(order);
        if gap > 0 {
            self.book(order, "", gap, None, event, None);
        }
    }

    /// A trade is told. As far as a total told of it before, it only gets its name.
    pub(super) fn fill(&mut self, order: &str, event: &VenueEvent, id: &str) {
        let known = self.of_id(order, id);
        if !known.is_empty() {
            return self.told_again(&known, event);
        }
        let Some(mut lots) = event.size.map(fixed) else { return };
        let total = event.filled_size.map(fixed);
        if let (true, Some(total)) = (event.venue_trade_id.is_empty(), total) {
            // Without an id the order's total tells a fill from its repetition.
            let more = total - self.filled(order);
            lots = lots.min(if more > 0 { more } else { self.inferred(order) });
        }
        if lots <= 0 {
            return;
        }
        let after = self.filled(order) + lots;
        let inferred = self.inferred(order).min(lots);
        let (named, gap) = match total {
            Some(total) if total >= after => (0, total - after),
            Some(total) => ((after - total).min(inferred), 0),
            None => (inferred, 0),
        };
        let price = event.price.map(fixed).filter(|price| *price > 0);
        let mut told = self.fee_of(event);
        if gap > 0 {
            self.book(order, "", gap, None, event, None);
        }
        self.name(order, id, named, price, event, &mut told);
        if lots > named {
            let told =
                if named > 0 { told.or(self.fee_of(event).map(|(asset, _)| (asset, 0))) } else { told };
            self.book(order, id, lots - named, price, event, told);
        }
        let parts = self.of_id(order, id);
        self.settle_ahead(&parts, id);
    }

    /// What was inferred, the oldest first, is this trade.
    pub(super) fn name(
        &mut self,
        order: &str,
        id: &str,
        lots: i128,
        price: Option<i128>,
        event: &VenueEvent,
        fee: &mut Option<(Asset, i128)>,
    ) {
        let mut left = lots;
        let fee_asset = self.fee_of(event).map_or(0, |(asset, _)| asset);
        while left > 0 {
            let Some(at) = self.parts(order, |trade| trade.id.is_empty() && trade.lots > 0).next() else {
                return;
            };
            self.blur(at);
            let trade = &mut self.trades[at];
            if let (Some(sequence), Some(book)) =
                (self.sequence, self.books.get_mut(&(trade.instrument, trade.book)))
            {
                book.sequence = book.sequence.max(sequence);
            }
            trade.fee = Fee::Unsure(trade.fee.asset());
            let rest = (trade.lots > left).then(|| Trade {
                lots: trade.lots - left,
                pairs: part_pairs(&mut trade.pairs, left),
                ..trade.clone()
            });
            trade.lots = trade.lots.min(left);
            left -= trade.lots;
            (trade.id, trade.price) = (id.to_owned(), price);
            self.name_place(id, at);
            let trade = &mut self.trades[at];
            (trade.makes, trade.makes_is_told) =
                (event.liquidity == Some(Liquidity::Maker), event.liquidity.is_some());
            if event.timestamp_ns != 0 {
                trade.time_ns = trade.time_ns.min(event.timestamp_ns);
            }
            if let Some((asset, amount)) = fee.take() {
                trade.fee = Fee::Told(asset, amount);
            } else if event.fee.is_some() {
                trade.fee = Fee::Told(fee_asset, 0);
            } else {
                self.guess_again(at);
            }
            if let Some(rest) = rest {
                self.trades.push(rest);
                let place = self.trades.len() - 1;
                if let Some(order) = self.orders.get_mut(order) {
                    order.trades.push(place);
                }
            }
        }
    }

    /// A known trade may bring, once, what it lacked.
    fn told_again(&mut self, known: &[usize], event: &VenueEvent) {
        let Some(first) = known.first().map(|at| &self.trades[*at]) else { return };
        if first.busted || first.corrections.iter().any(|(_, settles)| *settles) {
            return;
        }
        let lacks_fee = !matches!(first.fee, Fee::Told(..));
        let lacks_price = first.price.is_none();
        let lacks_side = !first.makes_is_told;
        let price = event.price.map(fixed).filter(|price| *price > 0);
        for (nth, at) in known.iter().enumerate() {
            self.sums = None;
            if let (true, Some(price)) = (lacks_price, price) {
                self.blur(*at);
                self.trades[*at].price = Some(price);
                self.guess_again(*at);
            }
            if let (true, Some(liquidity)) = (lacks_side, event.liquidity) {
                let trade = &mut self.trades[*at];
                (trade.makes, trade.makes_is_told) = (liquidity == Liquidity::Maker, true);
                self.guess_again(*at);
            }
            if let (true, Some((asset, fee))) = (lacks_fee, self.fee_of(event)) {
                self.trades[*at].fee = Fee::Told(asset, if nth == 0 { fee } else { 0 });
            }
        }
    }

    pub(super) fn guess_again(&mut self, at: usize) {
        if matches!(self.trades[at].fee, Fee::Guess(..) | Fee::Unsure(_)) {
            self.trades[at].fee = self.guess(&self.trades[at]);
        }
    }

    /// A trade of no order of ours, or one that the venue forces on the account; of `known`, where its order is a stranger's
    /// that was heard of before.
    pub(super) fn stranger(&mut self, event: &VenueEvent, forced: bool, known: Option<&str>) {
        let Some(instrument) = self.instrument(event.asset.as_str()) else { return };
        let (Some(lots), Some(side)) = (event.size.map(fixed), event.order_side) else { return };
        if self.is_told_again(event) {
            return;
        }
        if let Some(order) = known.filter(|_| !event.venue_trade_id.is_empty()) {
            return self.fill(order, event, event.venue_trade_id.as_str());
        }
        let id = if event.venue_trade_id.is_empty() { &event.event_id } else { &event.venue_trade_id };
        let buys = side == OrderSide::Buy;
        let price = event.price.map(fixed).filter(|price| *price > 0);
        let book = self.book_of(event.position_side);
        let trade = Trade {
            instrument,
            id: id.to_string(),
            order: None,
            book,
            buys,
            lots,
            price,
            makes: event.liquidity == Some(Liquidity::Maker),
            makes_is_told: event.liquidity.is_some(),
            fee: Fee::Unsure(0),
            own_profit: 0,
            told_profit: None,
            settled: false,
            time_ns: event.timestamp_ns,
            slot: None,
            carrier: String::new(),
            busted: false,
            gone: None,
            corrections: Vec::new(),
            pairs: Vec::new(),
        };
        let told = self.fee_of(event);
        let at = self.enter(trade, told);
        if !event.venue_order_id.is_empty() {
            // The first that is heard of it, or that is again.
            let (slot, trade, makes) = (NOBODYS, String::new(), false);
            let order = Order { instrument, buys, book, slot, trade, entry: false, makes, trades: vec![at] };
            self.orders.insert(strangers_order(event), order);
        }
        if forced {
            self.take_from_slots(instrument, book, buys, lots);
        }
        let id = self.trades[at].id.clone();
        self.settle_ahead(&[at], &id);
    }

    /// True for a fill that some order has; a stranger's may bring what it lacked.
    fn is_told_again(&mut self, event: &VenueEvent) -> bool {
        let Some(instrument) = self.instrument(event.asset.as_str()) else { return false };
        let Some(side) = event.order_side else { return false };
        let id = if event.venue_trade_id.is_empty() { &event.event_id } else { &event.venue_trade_id };
        let buys = side == OrderSide::Buy;
        let is_it =
            |trade: &Trade| trade.instrument == instrument && trade.buys == buys && trade.id == id.as_str();
        if !self.trades.iter().any(is_it) {
            return false;
        }
        let strangers = self.trades.iter().enumerate();
        let strangers = strangers.filter(|(_, trade)| is_it(trade) && trade.order.is_none());
        let known: Vec<usize> = strangers.map(|(at, _)| at).collect();
        self.told_again(&known, event);
        true
    }

    fn book_of(&self, told: Option<PositionSide>) -> usize {
        told.unwrap_or(PositionSide::Both) as usize
    }

    /// What is forced takes from the slots that hold the position, in their order. Where an operator has had his hand on
    /// one of them, nobody here can say how it was shared out.
    fn take_from_slots(&mut self, instrument: usize, book: usize, buys: bool, lots: i128) {
        let home = |slot: u32, carried: &Carried| {
            let is_its = |order: &&Order| order.slot == slot && order.trade == carried.trade;
            self.orders.values().find(is_its).map(|order| (order.instrument, order.book))
        };
        let nets = self.instruments[instrument].opposite_slots == OppositeSlots::Net;
        let mut holders: Vec<u32> = self
            .slots
            .iter()
            .filter(|(slot, carried)| home(**slot, carried).is_none_or(|home| home == (instrument, book)))
            .map(|(slot, _)| *slot)
            .collect();
        if nets {
            holders.sort_by_key(|slot| std::cmp::Reverse(self.age(*slot)));
        }
        let unclear = self.slots.values().any(|carried| carried.touched);
        let mut left = lots;
        for slot in holders {
            let Some(carried) = self.slots.get_mut(&slot) else { continue };
            carried.touched |= unclear;
            if carried.lots != 0 && (carried.lots < 0) == buys && left > 0 {
                let part = left.min(carried.lots.abs());
                carried.lots -= part * carried.lots.signum();
                carried.forced = true;
                left -= part;
            }
        }
    }

    fn age(&self, slot: u32) -> (i64, u32) {
        (self.slots.get(&slot).and_then(|carried| carried.since_ns).unwrap_or(0), slot)
    }

    /// What is traded in a slot closes trades of its owner on the other side first, the oldest of them first. Where an
    /// operator has had his hand on one of them, nobody here can say which.
    fn pair_off(&mut self, slot: u32, buys: bool, lots: i128) -> Vec<(u32, String, i128)> {
        let Some(own) = self.slots.get(&slot).cloned() else { return Vec::new() };
        let unclear = self.slots.values().any(|carried| carried.touched);
        if unclear {
            let of_instrument = |carried: &&mut Carried| carried.instrument == own.instrument;
            self.slots.values_mut().filter(of_instrument).for_each(|carried| carried.touched = true);
        }
        let is_paired = |carried: &Carried| {
            let is_other_side = carried.lots != 0 && (carried.lots < 0) == buys;
            carried.instrument == own.instrument && carried.owner == own.owner && is_other_side
        };
        let paired = self.slots.iter().filter(|(_, carried)| is_paired(carried));
        let mut paired: Vec<u32> = paired.map(|(slot, _)| *slot).collect();
        paired.sort_by_key(|slot| self.age(*slot));
        let (mut left, mut pairs) = (lots, Vec::new());
        for other in paired {
            let Some(carried) = self.slots.get_mut(&other).filter(|_| left > 0) else { continue };
            let part = left.min(carried.lots.abs());
            carried.lots -= part * carried.lots.signum();
            carried.forced = true;
            left -= part;
            pairs.push((other, carried.trade.clone(), part));
        }
        pairs
    }

    /// Books a trade of one of our orders.
    pub(super) fn book(
        &mut self,
        order: &str,
        id: &str,
        lots: i128,
        price: Option<i128>,
        event: &VenueEvent,
        told: Option<(Asset, i128)>,
    ) {
        let Some(known) = self.orders.get(order) else { return };
        let is_home = self.slots.get(&known.slot).is_some_and(|carried| carried.trade == known.trade);
        let told_side = event.liquidity.filter(|_| !id.is_empty());
        let trade = Trade {
            instrument: known.instrument,
            id: id.to_owned(),
            order: (known.slot != NOBODYS).then(|| order.to_owned()),
            book: known.book,
            buys: known.buys,
            lots,
            price,
            makes: told_side.map_or(known.makes, |liquidity| liquidity == Liquidity::Maker),
            makes_is_told: told_side.is_some(),
            fee: Fee::Unsure(0),
            own_profit: 0,
            told_profit: None,
            settled: false,
            time_ns: event.timestamp_ns,
            slot: is_home.then_some(known.slot),
            carrier: known.trade.clone(),
            busted: false,
            gone: None,
            corrections: Vec::new(),
            pairs: Vec::new(),
        };
        let (slot, entry, buys, instrument) = (known.slot, known.entry, known.buys, known.instrument);
        let mut trade = trade;
        if is_home && entry && self.instruments[instrument].pair_off == PairOff::SameOwner {
            trade.pairs = self.pair_off(slot, buys, lots);
        }
        let opened = trade.opened();
        let now_ns = self.now_ns;
        if is_home
            && opened > 0
            && let Some(carried) = self.slots.get_mut(&slot)
        {
            carried.take(entry, if buys { opened } else { -opened });
            carried.since_ns.get_or_insert(now_ns);
        }
        let at = self.enter(trade, told);
        if let Some(order) = self.orders.get_mut(order) {
            order.trades.push(at);
        }
    }

    /// Writes a trade down, in the position too.
    fn enter(&mut self, mut trade: Trade, told: Option<(Asset, i128)>) -> usize {
        trade.fee = match told {
            Some((asset, amount)) => Fee::Told(asset, amount),
            None => self.guess(&trade),
        };
        self.sums = None;
        self.name_place(&trade.id.clone(), self.trades.len());
        let spec = &self.instruments[trade.instrument];
        let book = self.books.entry((trade.instrument, trade.book)).or_default();
        if let Some(sequence) = self.sequence {
            book.blurred |= sequence < book.sequence;
            book.sequence = book.sequence.max(sequence);
        }
        match trade.price {
            Some(price) => {
                let value = signed_worth(spec, trade.buys, trade.lots, price);
                let lots = if trade.buys { trade.lots } else { -trade.lots };
                trade.own_profit = rounded(spec, book.position.take(lots, value));
            }
            None => book.blurred = true,
        }
        self.trades.push(trade);
        self.trades.len() - 1
    }

    /// What a trade will cost by the configured rates.
    fn guess(&self, trade: &Trade) -> Fee {
        let spec = &self.instruments[trade.instrument];
        let in_base = spec.product == Product::Spot && {
            let rate = if trade.makes { spec.maker_rate } else { spec.taker_rate };
            trade.buys != rate.is_negative()
        };
        let listed = &self.listed[trade.instrument];
        let asset = if in_base { listed.base } else { listed.settle };
        match trade.price {
            None => Fee::Unsure(asset),
            // A quantity at eighteen places.
            Some(_) if in_base => Fee::Guess(asset, fee(spec, trade.lots * 1_000_000, trade.makes)),
            Some(price) => Fee::Guess(asset, fee(spec, worth(spec, trade.lots, price), trade.makes)),
        }
    }

    pub(super) fn fee_of(&mut self, event: &VenueEvent) -> Option<(Asset, i128)> {
        let fee = event.fee.map(money)?;
        Some((self.asset(event.fee_asset.as_str()), fee))
    }

    pub(super) fn blur(&mut self, at: usize) {
        self.sums = None;
        let trade = &self.trades[at];
        self.books.entry((trade.instrument, trade.book)).or_default().blurred = true;
    }

    /// The trades, and parts of trades, that the venue has ever called so.
    pub(super) fn named(&self, id: &str) -> &[usize] {
        self.names.get(id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn name_place(&mut self, id: &str, at: usize) {
        if !id.is_empty() {
            let places = self.names.entry(id.to_owned()).or_default();
            if !places.contains(&at) {
                places.push(at);
            }
        }
    }

    /// True where a trade is of what its slot carries now.
    pub(super) fn is_carried(&self, trade: &Trade) -> bool {
        let carried = trade.slot.and_then(|slot| self.slots.get(&slot));
        carried.is_some_and(|carried| carried.trade == trade.carrier)
    }
}

/// What a stranger's order is called here: venues number orders by symbol.
fn strangers_order(event: &VenueEvent) -> String {
    format!("{} of {}", event.venue_order_id, event.asset)
}

impl Trade {
    /// What of it opened in its own slot.
    pub(super) fn opened(&self) -> i128 {
        self.lots - self.pairs.iter().map(|(.., lots)| lots).sum::<i128>()
    }
}

/// Leaves the first so many lots' pairs, and returns those of the rest.
fn part_pairs(pairs: &mut Vec<(u32, String, i128)>, first: i128) -> Vec<(u32, String, i128)> {
    let (mut room, mut rest) = (first, Vec::new());
    for (slot, trade, lots) in pairs.iter_mut() {
        let kept = room.min(*lots);
        room -= kept;
        if *lots > kept {
            rest.push((*slot, trade.clone(), *lots - kept));
        }
        *lots = kept;
    }
    pairs.retain(|(.., lots)| *lots > 0);
    rest
}

impl Carried {
    /// A fill of the slot's own. What an exit trades past zero is nobody's.
    pub(super) fn take(&mut self, entry: bool, signed: i128) {
        if entry {
            self.entered += signed.abs();
            self.lots += signed;
        } else if signed.abs() <= self.lots.abs() {
            self.lots += signed;
        } else {
            self.lots = 0;
        }
    }
}

impl Fee {
    pub(super) fn asset(self) -> Asset {
        match self {
            Fee::Told(asset, _) | Fee::Guess(asset, _) | Fee::Unsure(asset) => asset,
        }
    }
}
