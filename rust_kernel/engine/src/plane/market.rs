//! The market as it is shown: the newest quote of each instrument, and trades and closed bars in rings. Quotes, trades and bars
//! are numbered in one order, in which programs hear of them.

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;
use dita_zinc::Section;

use super::Plane;
use super::record::ShownPrices;
use crate::fields;
use crate::form::Form;

/// A quote as it is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownQuote {
    /// Its place in the order of the market.
    pub number: u64,
    /// The last input that the kernel had taken.
    pub seq: u64,
    /// It.
    pub prices: ShownPrices,
}

/// A trade of others as it is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownTrade {
    /// Its place in the order of the market.
    pub number: u64,
    /// The last input that the kernel had taken.
    pub seq: u64,
    /// The venue's time, ns.
    pub time_ns: i64,
    /// Whether the taker sold.
    pub buyer_is_maker: bool,
    /// Quote units.
    pub price: Decimal,
    /// Base units or contracts.
    pub size: Decimal,
    /// The instrument.
    pub symbol: Id,
}

/// A closed bar as it is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownBar {
    /// Its place in the order of the market.
    pub number: u64,
    /// The last input that the kernel had taken.
    pub seq: u64,
    /// When it began, ns.
    pub open_ns: i64,
    /// When it ended, ns.
    pub close_ns: i64,
    /// Open, in quote units.
    pub open: Decimal,
    /// High.
    pub high: Decimal,
    /// Low.
    pub low: Decimal,
    /// Close.
    pub close: Decimal,
    /// Volume, as the source counts it.
    pub volume: Decimal,
    /// The instrument.
    pub symbol: Id,
    /// Its length: `1m`.
    pub interval: Id,
}

fields!(ShownQuote { number seq prices });
fields!(ShownTrade { number seq time_ns buyer_is_maker price size symbol });
fields!(ShownBar { number seq open_ns close_ns open high low close volume symbol interval });

fn whole<T: Form>(mut bytes: &[u8]) -> Option<T> {
    let shown = T::take(&mut bytes)?;
    bytes.is_empty().then_some(shown)
}

/// Reads a quote; `None` where the bytes are none.
pub fn read_quote(bytes: &[u8]) -> Option<ShownQuote> {
    whole(bytes)
}

/// Reads a trade; `None` where the bytes are none.
pub fn read_trade(bytes: &[u8]) -> Option<ShownTrade> {
    whole(bytes)
}

/// Reads a bar; `None` where the bytes are none.
pub fn read_bar(bytes: &[u8]) -> Option<ShownBar> {
    whole(bytes)
}

impl Plane {
    /// Shows an instrument's newest quote; gives its number in the market's order. `place` is the instrument's number.
    pub fn show_quote(&mut self, place: u32, seq: u64, prices: ShownPrices) -> u64 {
        self.show_market(Section::Quotes, place as usize, |number| ShownQuote { number, seq, prices })
    }

    /// Shows a trade of others; gives its number in the market's order, which its own is made.
    pub fn show_trade(&mut self, trade: ShownTrade) -> u64 {
        self.show_market(Section::Trades, 0, |number| ShownTrade { number, ..trade })
    }

    /// Shows a closed bar; gives its number in the market's order, which its own is made.
    pub fn show_bar(&mut self, bar: ShownBar) -> u64 {
        self.show_market(Section::Bars, 0, |number| ShownBar { number, ..bar })
    }

    fn show_market<T: Form>(&mut self, section: Section, place: usize, make: impl FnOnce(u64) -> T) -> u64 {
        self.market += 1;
        self.record.clear();
        make(self.market).put(&mut self.record);
        self.publish(section, place);
        self.market
    }
}
