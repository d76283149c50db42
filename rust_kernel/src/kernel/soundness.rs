//! What the invariants, and every step, take for granted of a state: that what points at something points at it, that
//! counters count what is there, that what follows from something else does follow from it, and that no sum can wrap.

use alloc::format;

use super::account::ENTRY_MARKS_MAX;
use super::aside::Aside;
use super::intent::{check_ratios, exit_side};
use super::{Kernel, KernelConfig, SLOTS_MAX};

use crate::id::Id;
use crate::input::{AUDITED_MAX, METADATA_BYTES_MAX, OWNER_BYTES_MAX};
use crate::instrument::Instrument;
use crate::names::{AccountEventKind, Product, TradeSide};
use crate::num::{MONEY_SCALE, Money};
use crate::order::{Fill, OrderRef, OrderRole};
use crate::position::{Basis, position_side};
use crate::risk::Limits;
use crate::slot::{EXITS_MAX, Slot};
use crate::soundness::{Amounts, Flaw, NEVER_GIVEN, Places, Sound, hold};

/// How far the parts of an inverse contract's fills may be from the whole: each division rounds at 1e-18.
const INVERSE_ROUNDINGS_MAX: Money = Money(1_000_000);

/// Whether a kernel may have these settings.
pub(super) fn check_settings(config: &KernelConfig) -> Result<(), &'static str> {
    if config.max_slots == 0 || config.max_slots > SLOTS_MAX {
        return Err("max_slots must be 1 to 8388608");
    }
    Ok(())
}

impl Kernel {
    /// Whether a stored state is one that this code could have made.
    ///
    /// # Errors
    /// The first field that cannot be, with its value.
    pub(super) fn check_sound(&self) -> Sound {
        let places = Places {
            slots: self.slots.len(),
            instruments: self.instruments.len(),
            assets: self.assets.len(),
        };
        let amounts = &mut Amounts::default();
        let max_slots = self.config.max_slots;
        check_settings(&self.config).map_err(|why| Flaw {
            field: "config.max_slots".into(),
            value: format!("{max_slots}"),
            why,
        })?;
        hold(
            places.slots == max_slots as usize,
            "slots",
            places.slots,
            "there are not as many as the settings say",
        )?;
        self.check_instruments(places)?;
        self.check_assets(amounts)?;
        self.ledger.check_sound(places, self.config.remembered_transactions, amounts)?;
        self.orders.check_sound(&self.config, places, amounts)?;
        self.check_orders()?;
        self.check_slots(places, amounts)?;
        self.check_seats()?;
        self.check_books(amounts)?;
        self.check_entries()?;
        self.exposure.check_sound(&self.instruments, amounts)?;
        self.funding.check_sound(places, amounts)?;
        self.groups.check_sound(&self.orders, amounts)?;
        self.check_guards(places, amounts)?;
        self.check_aside(places, amounts)?;
        self.check_memories(places, amounts)
    }

    /// What follows from an instrument's specification is what it was loaded to.
    fn check_instruments(&self, places: Places) -> Sound {
        for (place, stored) in self.instruments.iter().enumerate() {
            let at = |field: &'static str| format!("instruments[{place}].{field}");
            let spec = &stored.spec;
            places.asset(at("settle"), stored.settle)?;
            let loaded = Instrument::load(spec, stored.settle);
            let loaded = loaded.map_err(|error| Flaw {
                field: at(error.field),
                value: format!("{spec:?}"),
                why: error.why,
            })?;
            let alike = Instrument {
                base: stored.base,
                fee_asset: stored.fee_asset,
                fee_price_from: stored.fee_price_from,
                mark: stored.mark,
                mark_time_ns: stored.mark_time_ns,
                mark_ages: stored.mark_ages,
                leverage: stored.leverage,
                ..loaded
            };
            hold(
                *stored == alike,
                at("spec"),
                spec,
                "the scales, grids and rates beside it do not follow from it",
            )?;
            let asset =
                |name: &Id| Some(name).filter(|name| !name.is_empty()).and_then(|name| self.asset_of(name));
            let base = asset(&spec.base).filter(|_| spec.product == Product::Spot);
            hold(
                Some(stored.settle) == asset(&spec.settle),
                at("settle"),
                stored.settle,
                "the asset there has another name",
            )?;
            hold(
                stored.base == base,
                at("base"),
                stored.base,
                "it is not the asset that the specification names",
            )?;
            hold(
                stored.fee_asset == asset(&spec.fee_asset),
                at("fee_asset"),
                stored.fee_asset,
                "it is not the asset that the specification names",
            )?;
            let source = self.fee_price_source(spec);
            hold(
                stored.fee_price_from == source,
                at("fee_price_from"),
                stored.fee_price_from,
                "it does not price the fee asset",
            )?;
            hold(stored.leverage.is_positive(), at("leverage"), stored.leverage, "it must be above zero")?;
            hold(
                stored.mark.is_none_or(|mark| mark.0 > 0),
                at("mark"),
                stored.mark,
                "it must be above zero",
            )?;
            let twin = self.instruments.iter().position(|other| other.spec.symbol == spec.symbol);
            hold(twin == Some(place), at("symbol"), &spec.symbol, "another instrument has it")?;
        }
        let symbols = self.instruments.iter().map(|rules| rules.spec.symbol.hash64()).zip(0_u32..);
        hold(
            self.symbols.holds_exactly(symbols),
            "symbols",
            self.symbols.len(),
            "its entries are not the instruments",
        )
    }

    fn check_assets(&self, amounts: &mut Amounts) -> Sound {
        for (place, asset) in self.assets.iter().enumerate() {
            let at = |field: &'static str| format!("assets[{place}].{field}");
            let twin = self.assets.iter().position(|other| other.name == asset.name);
            hold(twin == Some(place), at("name"), &asset.name, "another asset has it")?;
            let decimals = asset.unit_decimals;
            hold(decimals <= MONEY_SCALE, at("unit_decimals"), decimals, "money has 18 at most")?;
            let told = &asset.exchange;
            for (field, money) in [
                ("wallet_balance", told.wallet_balance),
                ("available_margin", told.available_margin),
                ("used_margin", told.used_margin),
                ("maint_margin", told.maint_margin),
                ("unsettled_fees", Some(told.unsettled_fees)),
            ] {
                amounts.add(at(field), money.unwrap_or_default().0)?;
            }
        }
        Ok(())
    }

    /// What orders have filled for is what their fills say. Those of ours trade the way and the book that their trades
    /// need.
    fn check_orders(&self) -> Sound {
        for watched in &self.watch.orders {
            hold(self.orders.was_given(*watched), "watch.orders", watched, NEVER_GIVEN)?;
        }
        for (place, order) in self.orders.places().iter().enumerate().filter(|(_, order)| order.number != 0) {
            let rules = &self.instruments[order.instrument as usize];
            let value = order.fills.iter().filter_map(|fill| rules.value(fill.price, fill.qty));
            let value = value.fold(Money::ZERO, |sum, value| sum + value);
            let told = order.filled_value;
            let roundings = if rules.spec.inverse { INVERSE_ROUNDINGS_MAX } else { Money::ZERO };
            hold(
                (told - value).abs() <= roundings,
                format_args!("orders[{place}].filled_value"),
                told,
                "it is not what its fills are worth",
            )?;
            if order.role == OrderRole::External {
                continue;
            }
            let (book, side) = (order.position_side, order.order_side);
            let wanted = position_side(self.is_hedged(order.instrument), order.side);
            hold(
                book == wanted,
                format_args!("orders[{place}].position_side"),
                book,
                "it is not its trade's",
            )?;
            let exit = exit_side(order.side);
            let wanted = if order.role == OrderRole::Exit { exit } else { exit.opposite() };
            hold(side == wanted, format_args!("orders[{place}].order_side"), side, "it is not its trade's")?;
        }
        Ok(())
    }

    /// Each fill's entry is its own in the book of its order.
    fn check_entries(&self) -> Sound {
        for (place, order) in (0_u32..).zip(self.orders.places()).filter(|(_, order)| order.number != 0) {
            let book = &self.books[order.instrument as usize].book[order.position_side as usize];
            let reference = OrderRef { place, number: order.number };
            let shared = |fill: &&Fill| {
                let twins = order.fills.iter().filter(|twin| twin.entry == fill.entry && fill.entry != 0);
                twins.count() > 1 || !book.may_hold(fill.entry, reference)
            };
            let stray = order.fills.iter().find(shared).map(|fill| fill.entry);
            let field = format_args!("orders[{place}].fills.entry");
            hold(stray.is_none(), field, stray, "it is another fill's")?;
        }
        Ok(())
    }

    fn check_slots(&self, places: Places, amounts: &mut Amounts) -> Sound {
        for (slot_id, slot) in (0_u32..).zip(&self.slots) {
            if slot.trade_number == 0 {
                hold(
                    *slot == Slot::idle(),
                    format_args!("slots[{slot_id}]"),
                    slot,
                    "it has never carried a trade",
                )?;
                continue;
            }
            self.check_used_slot(slot_id, slot, places, amounts)?;
        }
        let busy = || (0_u32..).zip(&self.slots).filter(|(_, slot)| !slot.stage.is_free());
        let free = places.slots.saturating_sub(busy().count());
        hold(self.free_slots as usize == free, "free_slots", self.free_slots, "it is not how many are free")?;
        let exact =
            self.trades.holds_exactly(busy().map(|(slot_id, slot)| (slot.trade_id.hash64(), slot_id)));
        hold(exact, "trades", self.trades.len(), "its entries are not the trades in the slots")
    }

    fn check_used_slot(&self, slot_id: u32, slot: &Slot, places: Places, amounts: &mut Amounts) -> Sound {
        let at = |field: &'static str| format!("slots[{slot_id}].{field}");
        places.instrument(at("instrument"), slot.instrument)?;
        hold(slot.side != TradeSide::Flat, at("side"), slot.side, "a trade has a side")?;
        let wrong_side = match slot.side {
            TradeSide::Long => slot.basis.qty.0 < 0,
            TradeSide::Short => slot.basis.qty.0 > 0,
            TradeSide::Flat => true,
        };
        hold(!wrong_side, at("basis.qty"), slot.basis.qty, "it is not the trade's side")?;
        hold(slot.leverage.is_positive(), at("leverage"), slot.leverage, "it must be above zero")?;
        hold(check_ratios(&slot.ratios).is_ok(), at("ratios"), &slot.ratios, "they are no exit ladder")?;
        let (exits, bytes) = (slot.other_exits.len(), slot.metadata.len());
        hold(self.exits_beside(slot) <= EXITS_MAX, at("other_exits"), exits, "there are too many")?;
        hold(bytes <= METADATA_BYTES_MAX, at("metadata"), bytes, "it has too many bytes")?;
        if let Some(attached) = &slot.attached {
            hold(attached.is_sound(slot.side), at("attached"), attached, "they are no exits of this trade")?;
        }
        let owner = slot.owner.as_str().len();
        hold(owner <= OWNER_BYTES_MAX, at("owner"), owner, "it has too many bytes")?;
        for (field, mantissa) in [
            ("initial", slot.initial.0),
            ("entry_value", slot.entry_value.0),
            ("realized", slot.realized.0),
            ("fees", slot.fees.0),
            ("funding", slot.funding.0),
        ] {
            amounts.add(at(field), mantissa)?;
        }
        add_basis(amounts, at("basis"), &slot.basis)?;
        let exits = slot.exit.iter().chain(&slot.other_exits).map(|exit| (*exit, OrderRole::Exit));
        slot.entry
            .map(|entry| (entry, OrderRole::Entry))
            .into_iter()
            .chain(exits)
            .try_for_each(|(reference, role)| self.check_seat_of(slot_id, slot, reference, role))
    }

    /// An order in a slot's seat is the slot's; one that is forgotten by now is nobody's, and is in no other place.
    fn check_seat_of(&self, slot_id: u32, slot: &Slot, reference: OrderRef, role: OrderRole) -> Sound {
        let at = format_args!("slots[{slot_id}].orders");
        hold(self.orders.was_given(reference), at, reference, NEVER_GIVEN)?;
        let Some(order) = self.orders.get(reference) else { return Ok(()) };
        let is_own = order.role == OrderRole::External
            || (order.role == role
                && order.slot_id == slot_id
                && order.trade_number == slot.trade_number
                && order.instrument == slot.instrument
                && order.side == slot.side);
        hold(is_own, at, reference, "it is another trade's order")
    }

    /// A slot's order that is remembered is where the slot says, and what has entered a trade has a seat to work in again.
    fn check_seats(&self) -> Sound {
        for (place, order) in (0_u32..).zip(self.orders.places()) {
            let Some(slot) = self.slots.get(order.slot_id as usize) else { continue };
            let seats = slot.entry.iter().chain(&slot.exit).chain(&slot.other_exits);
            for seat in seats.filter(|seat| seat.number == order.number) {
                let field = format_args!("slots[{}].orders", order.slot_id);
                hold(seat.place == place, field, seat, "the order is in another place")?;
            }
            let enters = order.role == OrderRole::Entry && order.trade_number == slot.trade_number;
            let field = format_args!("slots[{}].entry", order.slot_id);
            hold(!enters || slot.entry.is_some(), field, "None", "its trade has an entry")?;
        }
        Ok(())
    }

    fn check_aside(&self, places: Places, amounts: &mut Amounts) -> Sound {
        // Bounds were held against their instruments where they were loaded.
        let Aside { beyond, terms, bounded: _, bots } = &self.aside;
        for told in terms {
            places.instrument("aside.terms.instrument", told.instrument)?;
        }
        for one in beyond {
            let slot = one.slot_id as usize;
            hold(slot < places.slots, "aside.beyond.slot_id", slot, "there is no such slot")?;
            amounts.add_unsigned("aside.beyond.qty", one.qty.0)?;
        }
        bots.as_ref().map_or(Ok(()), |bots| bots.check_sound(places, amounts))
    }

    fn check_books(&self, amounts: &mut Amounts) -> Sound {
        let count = self.books.len();
        hold(count == self.instruments.len(), "books", count, "each instrument has them")?;
        for (place, books) in (0_u32..).zip(&self.books) {
            let at = |field: &'static str| format!("books[{place}].{field}");
            let unassigned = books.unassigned.iter().map(|unassigned| &unassigned.basis);
            for basis in books.positions().iter().chain(unassigned) {
                add_basis(amounts, at("book"), basis)?;
            }
            for book in &books.book {
                amounts.add(at("book.beside"), book.beside.0)?;
                let cost = book.position.cost.0;
                hold(book.adds_up(), at("book.entries"), cost, "they do not add up to the position")?;
                hold(book.is_numbered(), at("book.entries"), cost, "they are not numbered one by one")?;
            }
            for unassigned in &books.unassigned {
                for part in unassigned.parts {
                    amounts.add(at("unassigned.parts"), part.0)?;
                }
                let whole = unassigned.basis.qty.0;
                hold(unassigned.adds_up(), at("unassigned.parts"), whole, "they do not add up to it")?;
            }
            for reported in books.reported.iter().flat_map(|reported| reported.iter().flatten()) {
                amounts.add(at("reported.qty"), reported.qty.0)?;
                amounts
                    .add_unsigned(at("reported.entry_price"), reported.entry_price.unwrap_or_default().0)?;
            }
            amounts.add_unsigned(at("last_price"), books.last_price.unwrap_or_default().0)?;
            for reference in &books.waiting {
                hold(self.orders.was_given(*reference), at("waiting"), reference, NEVER_GIVEN)?;
                let order = self.orders.get(*reference);
                let waits = order.is_none_or(|o| o.role == OrderRole::Entry && o.instrument == place);
                hold(waits, at("waiting"), reference, "it is no entry of the instrument")?;
            }
            let carries = |slot: &&Slot| slot.instrument == place && !slot.stage.is_free();
            let of_side =
                |side: TradeSide| self.slots.iter().filter(carries).filter(|slot| slot.side == side).count();
            let busy = books.busy.map(|count| count as usize);
            hold(
                busy == [of_side(TradeSide::Long), of_side(TradeSide::Short)],
                at("busy"),
                books.busy,
                "it is not how many slots carry it",
            )?;
        }
        Ok(())
    }

    fn check_guards(&self, places: Places, amounts: &mut Amounts) -> Sound {
        let given = &self.control.limits.given;
        let loaded = Limits::load(given);
        hold(
            loaded.as_ref() == Ok(&self.control.limits),
            "control.limits",
            given,
            "the figures beside it do not follow from it",
        )?;
        let audited = self.control.audited.len();
        hold(audited <= AUDITED_MAX, "control.audited", audited, "there are too many")?;
        self.guard.check_sound(places, &self.control.limits, self.now_ns, amounts)
    }

    fn check_memories(&self, places: Places, amounts: &mut Amounts) -> Sound {
        self.intents.check_sound("intents", self.config.remembered_intents)?;
        let kinds = AccountEventKind::ALL.len();
        let (memories, times) = (self.wallet_entries.len(), self.entries_forgotten_ns.len());
        hold(memories == kinds, "wallet_entries", memories, "each kind of entry has a memory")?;
        hold(times == kinds, "entries_forgotten_ns", times, "each kind of entry has one")?;
        for (kind, memory) in AccountEventKind::ALL.iter().zip(&self.wallet_entries) {
            memory.check_sound(&format!("wallet_entries.{kind}"), self.config.remembered_wallet_entries)?;
        }
        let marks = self.entry_marks.len();
        hold(marks <= ENTRY_MARKS_MAX, "entry_marks", marks, "there are too many")?;
        for (at, mark) in self.entry_marks.iter().enumerate() {
            amounts.add(format_args!("entry_marks[{at}].amount"), mark.amount.0)?;
        }
        let meters = self.meters.len();
        hold(meters <= self.instruments.len(), "meters", meters, "there are more than instruments")?;
        for (place, meters) in self.meters.iter().enumerate() {
            for meter in meters {
                meter.check_sound(&format!("meters[{place}]"), places, amounts)?;
            }
        }
        Ok(())
    }
}

fn add_basis(amounts: &mut Amounts, field: alloc::string::String, basis: &Basis) -> Sound {
    amounts.add(format_args!("{field}.qty"), basis.qty.0)?;
    amounts.add(format_args!("{field}.cost"), basis.cost.0)
}

#[cfg(test)]
mod tests;
