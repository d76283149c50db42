//! What the kernel shows of itself.

use super::{AssetState, Books, Control, Kernel, KernelConfig};
use crate::book::Book;
use crate::exchange::Reported;
use crate::funding::FundingBook;
use crate::id::Id;
use crate::instrument::Instrument;
use crate::ledger::{Account, Ledger};
use crate::num::{Money, Price, Qty};
use crate::order::OrderStore;
use crate::position::Basis;
use crate::risk::Exposure;
use crate::slot::Slot;
use crate::slot::classify::Facts;
use crate::unassigned::UnassignedPosition;

impl Kernel {
    /// True where longs and shorts of an instrument have a book each: on an account in hedge mode, but for spot.
    #[inline]
    pub fn is_hedged(&self, instrument: u32) -> bool {
        let rules = self.instruments.get(instrument as usize);
        self.config.hedge_mode && rules.is_some_and(|rules| rules.base.is_none())
    }

    /// The facts that a slot's stage is a function of, for checks.
    pub fn facts_of(&self, slot: &Slot) -> Facts {
        self.facts(slot)
    }

    /// The settings.
    pub fn config(&self) -> &KernelConfig {
        &self.config
    }

    /// The last input's sequence number.
    #[inline]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Kernel time, ns; the smallest value before the first input.
    #[inline]
    pub fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// What operators have set.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// A slot.
    #[inline]
    pub fn slot(&self, slot_id: u32) -> Option<&Slot> {
        self.slots.get(slot_id as usize)
    }

    /// All slots.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The free slot with the lowest number.
    pub fn free_slot(&self) -> Option<u32> {
        if self.free_slots == 0 {
            return None;
        }
        self.slots.iter().position(|slot| slot.stage.is_free()).map(|place| place as u32)
    }

    /// How many slots carry a trade.
    pub fn busy_slots(&self) -> u32 {
        self.config.max_slots.saturating_sub(self.free_slots)
    }

    /// The slot that carries a trade now.
    pub fn slot_of_trade(&self, trade_id: &Id) -> Option<u32> {
        self.trades.find(trade_id.hash64(), |slot_id| self.slots[slot_id as usize].trade_id == *trade_id)
    }

    /// The orders.
    #[inline]
    pub fn orders(&self) -> &OrderStore {
        &self.orders
    }

    /// An instrument's place.
    #[inline]
    pub fn instrument_of(&self, symbol: &Id) -> Option<u32> {
        self.symbols.find(symbol.hash64(), |place| self.instruments[place as usize].spec.symbol == *symbol)
    }

    /// The instruments by place.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// The venue's positions of an instrument by [`crate::names::PositionSide`].
    pub fn book(&self, instrument: u32) -> [Basis; 3] {
        self.books.get(instrument as usize).map_or([Basis::FLAT; 3], Books::positions)
    }

    /// The connection to the venue.
    pub fn connection(&self) -> super::Connection {
        self.connection
    }

    /// True where slots of both sides share an instrument's book.
    #[inline]
    pub fn nets(&self, instrument: u32) -> bool {
        self.instruments.get(instrument as usize).is_some_and(Instrument::nets)
    }

    /// What of them belongs to no slot.
    pub fn unassigned(&self, instrument: u32) -> [Basis; 3] {
        self.unassigned_parts(instrument).map(|position| position.basis())
    }

    /// The same with how it came to be there.
    pub fn unassigned_parts(&self, instrument: u32) -> [UnassignedPosition; 3] {
        self.books
            .get(instrument as usize)
            .map_or([UnassignedPosition::default(); 3], |books| books.unassigned)
    }

    /// How much the exits of a slot's trade have filled beyond its position: that is nobody's.
    pub fn filled_beyond(&self, slot_id: u32) -> Qty {
        let slot = self.slots.get(slot_id as usize);
        slot.map_or(Qty::ZERO, |slot| self.aside.beyond(slot_id, slot.trade_number))
    }

    pub(crate) fn books_of(&self, instrument: u32) -> &[Book] {
        self.books.get(instrument as usize).map_or(&[], |books| &books.book)
    }

    /// The profits that the venue has reported of an instrument's executions, less those of its books, by
    /// [`crate::names::PositionSide`].
    pub fn reported_beside(&self, instrument: u32) -> [Money; 3] {
        let Some(books) = self.books.get(instrument as usize) else { return [Money::ZERO; 3] };
        [books.book[0].beside, books.book[1].beside, books.book[2].beside]
    }

    /// The positions of an instrument as the venue last reported them, by [`crate::names::PositionSide`].
    pub fn reported(&self, instrument: u32) -> [Option<Reported>; 3] {
        let books = self.books.get(instrument as usize);
        books.and_then(|books| books.reported.as_deref().copied()).unwrap_or_default()
    }

    /// True where the venue has liquidated a position that settles in an asset, or charged for it.
    pub fn was_liquidated(&self, asset: u16) -> bool {
        let of_asset = self.instruments.iter().zip(&self.books).filter(|(rules, _)| rules.settle == asset);
        !self.ledger.balance(asset, Account::LiquidationFees).is_zero()
            || of_asset.into_iter().any(|(_, books)| books.liquidated)
    }

    /// The price that positions are valued at: the mark, or else the last fill's.
    pub fn valuation_price(&self, instrument: u32) -> Option<Price> {
        self.books.get(instrument as usize).and_then(|books| books.last_price)
    }

    /// The assets by place.
    pub fn assets(&self) -> &[AssetState] {
        &self.assets
    }

    /// An asset's place.
    pub fn asset_of(&self, name: &Id) -> Option<u16> {
        self.assets.iter().position(|asset| asset.name == *name).and_then(|place| u16::try_from(place).ok())
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Funding: schedules and predictions.
    pub fn funding(&self) -> &FundingBook {
        &self.funding
    }

    /// The exposure.
    pub fn exposure(&self) -> &Exposure {
        &self.exposure
    }

    /// True once there is an opening state.
    pub fn is_opened(&self) -> bool {
        self.opened
    }

    /// Unrealised PnL of a basis at the instrument's valuation price.
    pub fn unrealized(&self, instrument: u32, basis: &Basis) -> Money {
        let price = self.valuation_price(instrument);
        let rules = self.instruments.get(instrument as usize);
        match (price, rules) {
            (Some(price), Some(rules)) if !basis.qty.is_zero() => {
                rules.basis_value(price, basis.qty).map_or(Money::ZERO, |value| basis.unrealized(value))
            }
            _ => Money::ZERO,
        }
    }
}
