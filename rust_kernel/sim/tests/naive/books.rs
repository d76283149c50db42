//! The naive model: orders are lists of fills, and every figure is worked out from all of them again, whenever it is
//! asked for. Exact fractions, no shortcuts. It is a reading of the contract and knows nothing of the kernel's code.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;

/// An exact number.
pub type Exact = BigRational;

/// `mantissa` × 10^-`scale`.
pub fn exact(mantissa: i128, scale: u32) -> Exact {
    Exact::new(BigInt::from(mantissa), BigInt::from(10).pow(scale))
}

/// Zero.
pub fn zero() -> Exact {
    exact(0, 0)
}

/// The size of a number.
pub fn size(value: &Exact) -> Exact {
    if *value < zero() { -value.clone() } else { value.clone() }
}

/// Half-even to eight decimals, as the venue rounds money, and whether it was too close to a half to be sure of.
fn rounded(value: &Exact) -> (Exact, bool) {
    let unit = BigInt::from(100_000_000);
    let scaled = value * Exact::from_integer(unit.clone());
    let floor = scaled.floor();
    let rest = &scaled - &floor;
    let half = exact(5, 1);
    let even = (floor.to_integer() % BigInt::from(2)) == BigInt::from(0);
    let up = rest > half || (rest == half && !even);
    let near = rest != half && size(&(&rest - &half)) < exact(1, 6);
    let whole = if up { floor + exact(1, 0) } else { floor };
    (whole / Exact::from_integer(unit), near)
}

/// What an instrument's contracts are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contract {
    /// A thousandth of a coin for each lot, in the quote.
    Linear,
    /// A tenth of a quote unit for each lot, in coin: the higher the price, the less of it. What is bought is owed in
    /// coin, so its value counts the other way.
    Inverse,
}

impl Contract {
    /// The signed value of so many lots at a price.
    pub fn value(self, lots: i64, price: &Exact) -> Exact {
        match self {
            Contract::Linear => price * exact(i128::from(lots), 3),
            Contract::Inverse => exact(i128::from(-lots), 1) / price,
        }
    }
}

/// Who an order is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Entry,
    Exit,
    Stranger,
}

/// Where an order stands, as far as the venue has told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    Sent,
    Working,
    Over,
}

/// A change that we asked for and the venue has not answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub request: String,
    pub terms: Terms,
}

/// How much of an order at what price at most.
#[derive(Clone, PartialEq, Debug)]
pub struct Terms {
    /// What is filled is part of it.
    pub lots: i64,
    /// None of a market order.
    pub limit: Option<Exact>,
    /// What a lot of it is held back at: the price of a fill at worst.
    pub at_worst: Exact,
}

#[derive(Clone, Debug)]
pub struct Fill {
    /// Empty where only a total tells of it.
    pub id: String,
    pub lots: i64,
    pub price: Exact,
    pub fee: Exact,
    /// True until the venue has told the fee.
    pub fee_guessed: bool,
    pub settled: bool,
    /// Its place among all fills.
    pub number: usize,
    /// True where the slot carried another trade by then.
    pub orphan: bool,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub client_id: String,
    pub slot: usize,
    pub trade: u64,
    pub role: Role,
    /// Which of the venue's books: one-way accounts have one, in hedge mode longs have the first and shorts the second.
    pub book: usize,
    /// + buys, − sells.
    pub sign: i64,
    pub terms: Terms,
    pub asked: Option<Asked>,
    /// True once the venue was asked to cancel it.
    pub canceling: bool,
    pub life: Life,
    /// True where it ended by being filled, or for the day: then a larger total brings it back.
    pub may_return: bool,
    /// True once it came back and its slot carried another trade: it is nobody's, and is being canceled.
    pub given_away: bool,
    pub fills: Vec<Fill>,
}

impl Order {
    pub fn filled(&self) -> i64 {
        self.fills.iter().map(|fill| fill.lots).sum()
    }

    fn left_as_asked(&self) -> i64 {
        let terms = self.asked.as_ref().map_or(&self.terms, |asked| &asked.terms);
        (terms.lots - self.filled()).max(0)
    }

    /// What it may still fill at worst: a change or a cancel counts once it is confirmed.
    pub fn worst(&self) -> i64 {
        if self.life == Life::Over { 0 } else { self.left_as_asked().max(self.terms.lots - self.filled()) }
    }

    /// What it will fill once the venue has done what it was asked for.
    pub fn will_fill(&self) -> i64 {
        if self.life == Life::Over || self.canceling { 0 } else { self.left_as_asked() }
    }

    fn end_if_filled(&mut self) {
        let filled = self.filled();
        if filled >= self.terms.lots {
            if self.life != Life::Over {
                self.asked.take_if(|asked| asked.terms.lots <= filled);
            }
            (self.life, self.may_return) = (Life::Over, true);
        }
    }

    /// The order's terms from now on. What has ended comes back where more of it is to fill, and where that may be.
    fn change(&mut self, terms: Terms, homeless: bool) {
        let filled = self.filled();
        let over = self.life == Life::Over;
        if self.given_away || (over && !self.may_return) {
            return;
        }
        if over && terms.lots <= filled {
            return;
        }
        self.asked = None;
        self.given_away = over && homeless;
        if over {
            self.canceling = homeless; // whoever wanted it over asks again
        }
        self.terms = terms;
        self.terms.lots = self.terms.lots.max(filled);
        self.life = Life::Working;
        self.end_if_filled();
    }

    fn inferred(&self) -> i64 {
        self.fills.iter().filter(|fill| fill.id.is_empty()).map(|fill| fill.lots).sum()
    }
}

/// A quantity in lots and what it cost.
#[derive(Clone, Debug)]
pub struct Position {
    pub lots: i64,
    pub cost: Exact,
}

impl Position {
    fn flat() -> Position {
        Position { lots: 0, cost: zero() }
    }

    /// Average cost: closing releases its share of the cost. Returns the profit.
    fn add(&mut self, contract: Contract, lots: i64, price: &Exact) -> Exact {
        let value = |lots: i64| contract.value(lots, price);
        if self.lots == 0 || (self.lots > 0) == (lots > 0) {
            self.lots += lots;
            self.cost += value(lots);
            return zero();
        }
        let closed = lots.abs().min(self.lots.abs()) * lots.signum();
        let released = &self.cost * exact(i128::from(-closed), 0) / exact(i128::from(self.lots), 0);
        let profit = -(value(closed) + &released);
        self.cost -= released;
        self.lots += closed;
        if lots != closed {
            self.lots = lots - closed;
            self.cost = value(lots - closed);
        }
        profit
    }
}

/// What a slot holds.
#[derive(Clone, Debug)]
pub struct SlotFacts {
    pub position: Position,
    pub realized: Exact,
    pub fees: Exact,
    pub entered: i64,
}

/// Everything, worked out.
#[derive(Clone, Debug)]
pub struct Facts {
    pub books: Vec<Position>,
    pub unassigned: Vec<Position>,
    pub slots: Vec<SlotFacts>,
    pub wallet: Exact,
    pub fees: Exact,
    pub equity: Exact,
    /// How many roundings were too close to call: each may be off by one unit.
    pub doubtful: i128,
    /// How many profits may have been rounded.
    pub rounded: i128,
}

/// The model.
#[derive(Clone, Debug)]
pub struct Naive {
    pub contract: Contract,
    /// How many books the account has.
    pub books: usize,
    pub orders: Vec<Order>,
    /// What came and went beside trading.
    pub entries: Vec<Exact>,
    pub seed: Exact,
    pub mark: Exact,
    /// The trade that each slot carries, counted.
    pub trades: Vec<u64>,
    /// The exit by which each slot's stage goes.
    pub exits: Vec<Option<usize>>,
    pub known_entries: Vec<String>,
    /// True once an inferred fill got another price after something had been closed: until all is flat, what was
    /// realised and what is open share the difference in more than one right way.
    pub blurred: bool,
    /// How often an inferred fill was parted: its profit was rounded once, and each part's own would be again.
    pub parted: i128,
    /// True where the venue has refused a change in this very step.
    pub refused: bool,
    fills: usize,
}

impl Naive {
    pub fn new(contract: Contract, books: usize, slots: usize, seed: i128, mark: i128) -> Naive {
        Naive {
            contract,
            books,
            orders: Vec::new(),
            entries: Vec::new(),
            seed: exact(seed, 0),
            mark: exact(mark, 0),
            trades: vec![0; slots],
            exits: vec![None; slots],
            known_entries: Vec::new(),
            blurred: false,
            parted: 0,
            refused: false,
            fills: 0,
        }
    }

    /// The fee that will be charged: five basis points of the value, taking.
    fn guess(&self, price: &Exact, lots: i64) -> Exact {
        rounded(&(size(&self.contract.value(lots, price)) * exact(5, 4))).0
    }

    fn book(&mut self, order: usize, id: &str, lots: i64, price: &Exact, fee: Option<&Exact>) {
        let orphan = self.orders[order].role != Role::Stranger
            && self.trades[self.orders[order].slot] != self.orders[order].trade;
        let number = self.fills;
        let guess = self.guess(price, lots);
        self.fills += 1;
        self.orders[order].fills.push(Fill {
            id: id.to_owned(),
            lots,
            price: price.clone(),
            fee: fee.cloned().unwrap_or(guess),
            fee_guessed: fee.is_none(),
            settled: false,
            number,
            orphan,
        });
    }

    /// A fill is told, perhaps with the order's total, perhaps with its fee.
    pub fn fill(
        &mut self,
        order: usize,
        id: &str,
        lots: i64,
        price: &Exact,
        total: Option<i64>,
        fee: Option<&Exact>,
    ) {
        if let Some(known) = self.orders[order].fills.iter_mut().find(|fill| fill.id == id) {
            if let (Some(fee), true) = (fee, known.fee_guessed) {
                let mut fee = Some(fee.clone());
                // In however many parts it stands, the first carries the whole.
                for part in self.orders[order].fills.iter_mut().filter(|fill| fill.id == id) {
                    part.fee = fee.take().unwrap_or_else(zero);
                    part.fee_guessed = false;
                }
            }
            return;
        }
        let after = self.orders[order].filled() + lots;
        let inferred = self.orders[order].inferred();
        let known_by_total = match total {
            Some(total) => (after - total).clamp(0, inferred.min(lots)),
            None => inferred.min(lots),
        };
        let mut fee_left = fee.cloned();
        self.name_inferred(order, id, known_by_total, price, &mut fee_left);
        if let Some(gap) = total.map(|total| total - after).filter(|gap| *gap > 0) {
            self.book(order, "", gap, price, None);
        }
        let added = lots - known_by_total;
        if added > 0 {
            // The fee of the whole went with the first part.
            let rest = if known_by_total > 0 { fee.map(|_| zero()) } else { fee.cloned() };
            self.book(order, id, added, price, rest.as_ref());
        }
        self.after_quantity(order);
    }

    /// The real fill takes the place of what was inferred, oldest first.
    fn name_inferred(&mut self, order: usize, id: &str, lots: i64, price: &Exact, fee: &mut Option<Exact>) {
        let mut left = lots;
        let told = fee.is_some();
        while left > 0 {
            let fills = &mut self.orders[order].fills;
            let Some(at) = fills.iter().position(|fill| fill.id.is_empty()) else { return };
            let mut part = fills[at].clone();
            if part.lots > left {
                // The guessed fee is shared by quantity, half-even at the last of eighteen decimals.
                let share = rounded_at(
                    &(&part.fee * exact(i128::from(left), 0) / exact(i128::from(part.lots), 0)),
                    18,
                );
                let mut rest = part.clone();
                rest.lots -= left;
                rest.fee -= &share;
                part.lots = left;
                part.fee = share;
                fills.push(rest);
                self.parted += 1;
            }
            left -= part.lots;
            self.blurred |= part.price != *price;
            part.id = id.to_owned();
            part.price = price.clone();
            if told {
                // The first part bears the whole.
                part.fee = fee.take().unwrap_or_else(zero);
                part.fee_guessed = false;
            } else if part.fee_guessed {
                part.fee = self.guess(price, part.lots);
            }
            self.orders[order].fills[at] = part;
        }
    }

    fn after_quantity(&mut self, order: usize) {
        let order = &mut self.orders[order];
        if order.life == Life::Sent {
            order.life = Life::Working;
        }
        order.end_if_filled();
    }

    /// The venue has ended an order.
    pub fn end(&mut self, order: usize, for_the_day: bool) {
        let order = &mut self.orders[order];
        order.asked = None;
        if order.life != Life::Over {
            (order.life, order.may_return) = (Life::Over, for_the_day);
        }
    }

    /// The day is over: what is left of an order rests until tomorrow, and works on.
    pub fn rest(&mut self, order: usize) {
        let known = &mut self.orders[order];
        if known.life == Life::Over || known.filled() >= known.terms.lots {
            return self.end(order, true);
        }
        known.life = Life::Working;
    }

    /// The venue says what an order's terms are from now on. Without a request it is its own doing.
    pub fn amended(&mut self, order: usize, request: &str, lots: Option<i64>) {
        let now = self.orders[order].asked.as_ref().map(|asked| self.valued(&asked.terms));
        let as_it_is = self.valued(&self.orders[order].terms);
        let homeless = self.is_homeless(order);
        let order = &mut self.orders[order];
        let answered = order.asked.clone().filter(|asked| request.is_empty() || asked.request == request);
        if answered.is_none() && (!request.is_empty() || lots.is_none()) {
            return; // It answers nothing that is open.
        }
        let unasked = answered.is_none();
        let mut terms = answered.and(now).unwrap_or(as_it_is);
        terms.lots = lots.unwrap_or(terms.lots);
        if unasked && terms.lots == order.terms.lots {
            return; // No news.
        }
        order.change(terms, homeless);
        if !unasked {
            order.asked = None;
        }
    }

    /// The venue has changed an order by itself.
    pub fn restated(&mut self, order: usize, lots: i64) {
        let terms = Terms { lots, ..self.valued(&self.orders[order].terms) };
        let homeless = self.is_homeless(order);
        self.orders[order].change(terms, homeless);
    }

    /// True where the slot carries another trade by now.
    fn is_homeless(&self, order: usize) -> bool {
        let order = &self.orders[order];
        self.trades[order.slot] != order.trade
    }

    /// Terms with what a lot of them may be worth at worst by the mark of today.
    fn valued(&self, terms: &Terms) -> Terms {
        let at_worst = match &terms.limit {
            Some(limit) => self.at_worst(Some(limit)),
            None => terms.at_worst.clone(),
        };
        Terms { at_worst, ..terms.clone() }
    }

    /// The venue does not make a change.
    pub fn amend_refused(&mut self, order: usize, request: &str) {
        let refused =
            self.orders[order].asked.take_if(|asked| request.is_empty() || asked.request == request);
        self.refused |= refused.is_some();
    }

    /// What live entries may still come to, each at the worse of what it is and of what was asked for.
    pub fn held_back(&self) -> Exact {
        let of_entry = |order: &Order| {
            let value = |terms: &Terms| {
                let left = (terms.lots - order.filled()).max(0);
                size(&self.contract.value(left, &terms.at_worst))
            };
            let as_it_is = if order.life == Life::Over { zero() } else { value(&order.terms) };
            let as_asked = order.asked.as_ref().map_or_else(zero, |asked| value(&asked.terms));
            as_it_is.max(as_asked)
        };
        self.orders
            .iter()
            .filter(|order| order.role == Role::Entry)
            .fold(zero(), |sum, order| sum + of_entry(order))
    }

    /// The price at which a lot of an entry may be worth most: the limit or the mark, whichever is worse. Coin is worth
    /// more of them the lower the price.
    pub fn at_worst(&self, limit: Option<&Exact>) -> Exact {
        let mark = &self.mark;
        match (self.contract, limit) {
            (_, None) => mark.clone(),
            (Contract::Linear, Some(limit)) => limit.clone().max(mark.clone()),
            (Contract::Inverse, Some(limit)) => limit.clone().min(mark.clone()),
        }
    }

    /// The same of a change that is asked for: one that adds no risk is valued at what the order was, or at less.
    pub fn at_worst_changed(&self, known: &Order, now: &Terms) -> Exact {
        let Some(limit) = &now.limit else { return known.terms.at_worst.clone() };
        let today = self.at_worst(Some(limit));
        let moved = known.terms.limit.as_ref().map_or(Ordering::Equal, |old| limit.cmp(old));
        let before = known.terms.at_worst.clone();
        let bolder = if known.sign > 0 { moved.is_gt() } else { moved.is_lt() };
        let dearer = match self.contract {
            Contract::Linear => *limit > before,
            Contract::Inverse => *limit < before,
        };
        let adds = now.lots > known.terms.lots || bolder || dearer;
        match (adds, self.contract) {
            (true, _) => today,
            (false, Contract::Linear) => today.min(before),
            (false, Contract::Inverse) => today.max(before),
        }
    }

    /// The venue tells an order's total, and nothing of its fills.
    pub fn total(&mut self, order: usize, total: i64, price: &Exact) {
        let gap = total - self.orders[order].filled();
        if gap > 0 {
            self.book(order, "", gap, price, None);
            self.after_quantity(order);
        }
    }

    /// The venue settles a fill: its fee.
    pub fn settle(&mut self, id: &str, fee: &Exact) {
        let holds = |order: &&mut Order| order.fills.iter().any(|fill| fill.id == id && !fill.settled);
        let Some(order) = self.orders.iter_mut().find(holds) else { return };
        let mut fee = Some(fee.clone());
        for part in order.fills.iter_mut().filter(|fill| fill.id == id) {
            part.fee = fee.take().unwrap_or_else(zero);
            part.fee_guessed = false;
            part.settled = true;
        }
    }

    /// Money that came or went beside trading, once under each id.
    pub fn entry(&mut self, id: &str, amount: Exact) {
        if !self.known_entries.iter().any(|known| known == id) {
            self.known_entries.push(id.to_owned());
            self.entries.push(amount);
        }
    }

    /// Works everything out from the start.
    pub fn facts(&self) -> Facts {
        let mut fills: Vec<(&Order, &Fill)> =
            self.orders.iter().flat_map(|order| order.fills.iter().map(move |fill| (order, fill))).collect();
        fills.sort_by_key(|(_, fill)| fill.number);
        let nothing = SlotFacts { position: Position::flat(), realized: zero(), fees: zero(), entered: 0 };
        let mut facts = Facts {
            books: vec![Position::flat(); self.books],
            unassigned: vec![Position::flat(); self.books],
            slots: vec![nothing.clone(); self.trades.len()],
            wallet: self.seed.clone() + self.entries.iter().fold(zero(), |sum, entry| sum + entry),
            fees: zero(),
            equity: zero(),
            doubtful: self.parted,
            rounded: 0,
        };
        facts.equity = facts.wallet.clone();
        // A trade that is over by now shows in no slot, but what it left to nobody stays.
        let mut trades: BTreeMap<(usize, u64), SlotFacts> = BTreeMap::new();
        for (order, fill) in fills {
            let signed = fill.lots * order.sign;
            // Every close was rounded once, even one that comes to nothing by what is known now.
            facts.rounded += i128::from(facts.books[order.book].lots.signum() == -signed.signum());
            let profit = facts.books[order.book].add(self.contract, signed, &fill.price);
            let (booked, near) = rounded(&profit);
            facts.doubtful += i128::from(near);
            facts.wallet += booked;
            facts.equity -= self.contract.value(signed, &fill.price);
            facts.fees += &fill.fee;
            if order.role == Role::Stranger || fill.orphan {
                facts.unassigned[order.book].add(self.contract, signed, &fill.price);
                continue;
            }
            let trade = trades.entry((order.slot, order.trade)).or_insert_with(|| nothing.clone());
            trade.fees += &fill.fee;
            let held = trade.position.lots.abs();
            let share = if order.role == Role::Exit { fill.lots.min(held) } else { fill.lots };
            if order.role == Role::Entry {
                trade.entered += fill.lots;
            }
            if share > 0 {
                let profit = trade.position.add(self.contract, share * order.sign, &fill.price);
                trade.realized += profit;
            }
            if share < fill.lots {
                facts.unassigned[order.book].add(
                    self.contract,
                    (fill.lots - share) * order.sign,
                    &fill.price,
                );
            }
        }
        for (slot, trade) in self.trades.iter().enumerate() {
            if let Some(current) = trades.remove(&(slot, *trade)) {
                facts.slots[slot] = current;
            }
        }
        facts.wallet -= &facts.fees;
        facts.equity -= &facts.fees;
        for book in &facts.books {
            facts.equity += self.contract.value(book.lots, &self.mark);
        }
        facts
    }

    /// True while an order of that role is at work for the slot's trade.
    pub fn at_work(&self, slot: usize, role: Role) -> Option<Life> {
        let at = match role {
            Role::Exit => self.exits[slot].filter(|at| self.works_for(*at, slot, role)),
            Role::Entry | Role::Stranger => self.newest(slot, role),
        };
        at.map(|at| self.orders[at].life)
    }

    /// Of several exits the newest says where the slot stands until it is over; one that comes back stands behind.
    pub fn seat_exits(&mut self) {
        for slot in 0..self.trades.len() {
            let seated = self.exits[slot].filter(|at| self.works_for(*at, slot, Role::Exit));
            self.exits[slot] = seated.or_else(|| self.newest(slot, Role::Exit));
        }
    }

    /// A slot's exits that work, oldest first.
    pub fn exits_at_work(&self, slot: usize) -> Vec<usize> {
        (0..self.orders.len()).filter(|at| self.works_for(*at, slot, Role::Exit)).collect()
    }

    /// Which exits of a slot have to change, and to what total: none means that they are canceled. The oldest keeps what it
    /// is to sell as far as that is held, the next what is left beside it. One that keeps a part is amended, unless the
    /// venue has a change of it to answer, or has just refused one. Where nothing is held, all are canceled.
    pub fn cuts(&self, slot: usize, held: i64) -> Vec<(usize, Option<i64>)> {
        let mut room = held;
        let mut cuts = Vec::new();
        for at in self.exits_at_work(slot) {
            let order = &self.orders[at];
            let kept = order.will_fill().min(room);
            room -= kept;
            if kept < order.will_fill() || (held == 0 && !order.canceling) {
                let amends = kept > 0 && order.asked.is_none() && !self.refused;
                cuts.push((at, amends.then(|| order.filled() + kept)));
            }
        }
        cuts
    }

    fn works_for(&self, at: usize, slot: usize, role: Role) -> bool {
        let order = &self.orders[at];
        let mine = order.role == role && order.slot == slot && order.trade == self.trades[slot];
        mine && order.life != Life::Over
    }

    fn newest(&self, slot: usize, role: Role) -> Option<usize> {
        (0..self.orders.len()).rev().find(|at| self.works_for(*at, slot, role))
    }
}

/// Half-even to so many decimals.
pub fn rounded_at(value: &Exact, decimals: u32) -> Exact {
    let unit = Exact::from_integer(BigInt::from(10).pow(decimals));
    let scaled = value * &unit;
    let floor = scaled.floor();
    let rest = &scaled - &floor;
    let half = exact(5, 1);
    let even = (floor.to_integer() % BigInt::from(2)) == BigInt::from(0);
    let whole = if rest > half || (rest == half && !even) { floor + exact(1, 0) } else { floor };
    whole / unit
}

/// A price as the kernel keeps it: fifteen decimals where lots have three.
pub fn to_price(value: &Exact) -> Exact {
    rounded_at(value, 15)
}
