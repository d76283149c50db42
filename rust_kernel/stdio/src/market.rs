//! The market that paper orders meet.

use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::num::{Decimal, MONEY_SCALE};
use dita_play::{Event, EventKind, FileSource, Next, Source};
use dita_sim::{Bar, SimError, SimVenue};

/// How often a made-up market moves, ns.
const SYNTHETIC_STEP_NS: i64 = 1_000_000_000;
/// After so many steps it is where it was.
const SYNTHETIC_STEPS: i128 = 10;

/// Where prices come from.
pub enum Market {
    /// Nowhere.
    None,
    /// Made up.
    Synthetic(Synthetic),
    /// From a file.
    File(Box<FileMarket>),
}

/// A market has moved.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Move {
    /// Its place among the instruments that were given.
    pub(crate) symbol: Id,
    pub(crate) price: Decimal,
    /// The best bid and ask, where it tells them.
    pub(crate) quote: Option<(Decimal, Decimal)>,
}

/// Why a market cannot be played.
#[derive(Debug)]
pub(crate) enum Unplayable {
    File(String),
    Venue(SimError),
}

impl From<SimError> for Unplayable {
    fn from(error: SimError) -> Unplayable {
        Unplayable::Venue(error)
    }
}

impl Market {
    /// When it next moves.
    pub(crate) fn next_ns(&self) -> Option<i64> {
        match self {
            Market::None => None,
            Market::Synthetic(market) => Some(market.next_ns),
            Market::File(market) => market.next_ns(),
        }
    }

    /// Shows the venue its next move.
    pub(crate) fn play(
        &mut self,
        venue: &mut SimVenue,
        now_ns: i64,
        out: &mut Vec<Input>,
        moves: &mut Vec<Move>,
    ) -> Result<(), Unplayable> {
        match self {
            Market::None => Ok(()),
            Market::Synthetic(market) => Ok(market.play(venue, now_ns, out, moves)?),
            Market::File(market) => market.play(venue, now_ns, out, moves),
        }
    }
}

/// The older systems' made-up quotes: a base price times 1 + 0.001 × (i mod 10), bid and ask 5 basis points off, each second.
pub struct Synthetic {
    markets: Vec<(Id, i128, i128)>,
    step: i128,
    next_ns: i64,
}

impl Synthetic {
    /// Of these instruments and their ticks, from a time on, ns. Their base is 50,000 where the name begins with BTC, else
    /// 3,000.
    pub fn new(instruments: &[(Id, Decimal)], start_ns: i64) -> Synthetic {
        let market = |(symbol, tick): &(Id, Decimal)| {
            let base = if symbol.as_str().starts_with("BTC") { 50_000 } else { 3_000 };
            let tick = tick.at_scale(MONEY_SCALE).ok().filter(|tick| *tick > 0).unwrap_or(1);
            (symbol.clone(), base, tick)
        };
        Synthetic { markets: instruments.iter().map(market).collect(), step: 0, next_ns: start_ns }
    }

    fn play(
        &mut self,
        venue: &mut SimVenue,
        now_ns: i64,
        out: &mut Vec<Input>,
        moves: &mut Vec<Move>,
    ) -> Result<(), SimError> {
        // Thousandths, and then half basis points: both are whole numbers at 18 places.
        const UNIT: i128 = 1_000_000_000_000_000_000 / (1_000 * 10_000);
        for (symbol, base, tick) in &self.markets {
            let mid = base * (1_000 + self.step % SYNTHETIC_STEPS);
            let on_tick = |value: i128, up: i128| (value * UNIT + up * (tick - 1)) / tick * tick;
            let price = |value| Decimal::normalized(value, MONEY_SCALE).unwrap_or(Decimal::ZERO);
            let (bid, ask) = (price(on_tick(mid * 9_995, 0)), price(on_tick(mid * 10_005, 1)));
            venue.quote(now_ns, symbol, bid, None, ask, None, out)?;
            let mid = price(mid * UNIT * 10_000);
            moves.push(Move { symbol: symbol.clone(), price: mid, quote: Some((bid, ask)) });
        }
        self.step += 1;
        self.next_ns = self.next_ns.saturating_add(SYNTHETIC_STEP_NS);
        Ok(())
    }
}

/// A recorded market. Its first event is at the session's start, the others follow at their own distances.
pub struct FileMarket {
    symbol: Id,
    source: FileSource,
    bar_ns: i64,
    shift_ns: i64,
    next: Option<Event>,
    /// The close of the bar that is being walked, and when.
    close: Option<(i64, Decimal)>,
}

impl FileMarket {
    /// Of a file that was opened, for an instrument, from a time on; bars are so long, ns.
    ///
    /// # Errors
    /// It cannot be read, or is empty.
    pub fn new(symbol: Id, source: FileSource, bar_ns: i64, start_ns: i64) -> Result<FileMarket, String> {
        let mut market = FileMarket { symbol, source, bar_ns, shift_ns: 0, next: None, close: None };
        market.read()?;
        let Some(first) = &market.next else { return Err("has no events".into()) };
        market.shift_ns = start_ns.saturating_sub(first.time_ns);
        Ok(market)
    }

    fn read(&mut self) -> Result<(), String> {
        self.next = match self.source.next_event().map_err(|fault| fault.to_string())? {
            Next::Event(event) => Some(event),
            Next::Empty | Next::End => None,
        };
        Ok(())
    }

    fn next_ns(&self) -> Option<i64> {
        let close_ns = self.close.map(|(at_ns, _)| at_ns);
        close_ns.or_else(|| self.next.as_ref().map(|event| event.time_ns.saturating_add(self.shift_ns)))
    }

    fn play(
        &mut self,
        venue: &mut SimVenue,
        now_ns: i64,
        out: &mut Vec<Input>,
        moves: &mut Vec<Move>,
    ) -> Result<(), Unplayable> {
        if let Some((_, price)) = self.close.take() {
            moves.push(Move { symbol: self.symbol.clone(), price, quote: None });
            return Ok(());
        }
        let Some(event) = self.next.take() else { return Ok(()) };
        let symbol = &self.symbol;
        let (price, quote) = match event.what {
            EventKind::Quote { bid, bid_size, ask, ask_size } => {
                venue.quote(now_ns, symbol, bid, bid_size, ask, ask_size, out)?;
                (Some(bid), Some((bid, ask)))
            }
            EventKind::Trade { price, size, .. } => {
                venue.trade(now_ns, symbol, price, size, out)?;
                (Some(price), None)
            }
            EventKind::Depth(depth) => {
                venue.depth(now_ns, symbol, &depth.bids, &depth.asks, depth.snapshot, out)?;
                (None, None)
            }
            EventKind::Bar([open, high, low, close, _]) => {
                let close_ns = now_ns.saturating_add(self.bar_ns);
                let bar = Bar { open, high, low, close, open_ns: now_ns, close_ns, high_first: None };
                venue.begin_bar(now_ns, symbol, &bar, out)?;
                self.close = Some((close_ns, close));
                (Some(open), None)
            }
        };
        if let Some(price) = price {
            moves.push(Move { symbol: symbol.clone(), price, quote });
        }
        self.read().map_err(Unplayable::File)
    }
}

#[cfg(test)]
mod tests {
    use dita_kernel::input::InstrumentSpec;
    use dita_sim::SimConfig;

    use super::*;

    #[test]
    fn the_made_up_market_is_that_of_the_older_systems() {
        let id = |text| Id::new(text).unwrap();
        let decimal = |text| Decimal::parse(text).unwrap();
        let mut venue = SimVenue::new(SimConfig::default()).unwrap();
        for (symbol, base) in [("BTCUSDT", "BTC"), ("ETHUSDT", "ETH")] {
            let spec =
                InstrumentSpec::linear(id(symbol), id(base), id("USDT"), decimal("0.01"), decimal("0.001"));
            venue.add_instrument(&spec).unwrap();
        }
        let given = [(id("BTCUSDT"), decimal("0.01")), (id("ETHUSDT"), decimal("0.01"))];
        let mut market = Market::Synthetic(Synthetic::new(&given, 7));
        let (mut out, mut told) = (Vec::new(), Vec::new());
        for step in 0..11 {
            assert_eq!(market.next_ns(), Some(7 + step * SYNTHETIC_STEP_NS));
            let mut moves = Vec::new();
            market.play(&mut venue, 7 + step * SYNTHETIC_STEP_NS, &mut out, &mut moves).unwrap();
            let [btc, eth] = &moves[..] else { panic!("{moves:?}") };
            let ((bid, ask), (low, high)) = (btc.quote.unwrap(), eth.quote.unwrap());
            told.push(format!("{} {bid} {ask} {} {low} {high}", btc.price, eth.price));
        }
        assert_eq!(told[0], "50000 49975 50025 3000 2998.5 3001.5");
        assert_eq!(told[9], "50450 50424.77 50475.23 3027 3025.48 3028.52");
        assert_eq!(told[10], told[0]);
    }
}
